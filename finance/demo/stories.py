"""The stories of the demonstration household: Anna and Ben O'Brien in Dublin with a small child, a car and a friend.

Each story writes into the diary by itself; what depends on balances (cash, card, savings) is in `settling`.
"""

import datetime
from collections.abc import Callable, Sequence
from random import Random

from finance.demo.diary import (
    CARD,
    CHECKING,
    DOLLARS,
    FRIEND,
    LOAN,
    SAVINGS,
    TRAVEL_USD,
    Correction,
    Diary,
    DiaryEntry,
    DiaryExchange,
    banking_day,
    day_of,
    months_back,
)

DAY = datetime.timedelta(days=1)


def _euros(chance: Random, low: float, high: float) -> int:
    """Cents between two whole amounts, clustered at the lower end as prices are."""
    return int(chance.triangular(low * 100, high * 100, (low * 2 + high) / 3 * 100))


def _raised(amount: int, percent: float, years: int) -> int:
    return round(amount * (1 + percent / 100) ** years)


def salaries(diary: Diary) -> None:
    for month in diary.months():
        years = month.year - diary.start.year
        bonus = 90_000 if month.month == 12 else 0
        anna = _raised(298_000, 3.0, years) + bonus
        diary.earn(banking_day(month, 28), "Meridian Software Ltd", "Salary", anna)
        diary.earn(banking_day(month, 15), "St Brigid's School", "Salary", _raised(226_000, 2.5, years))
        if month.month == 12:
            diary.earn(day_of(month, 24), "Grandma Kathleen", "Gifts received", 20_000)
        if month.month == 4:
            diary.earn(banking_day(month, 17), "Revenue Commissioners", "Refunds", 41_260)


def housing(diary: Diary) -> None:
    chance = diary.chance("housing")
    for index, month in enumerate(diary.months()):
        rent = _raised(165_000, 2.0, index // 12)
        diary.spend(banking_day(month, 1), "Liffey Lettings", "Housing:Rent", rent, by=CHECKING)
        if month.month % 3 == 1:
            winter = 1.5 if month.month in (1, 4) else 1.0
            bill = int(_euros(chance, 190, 250) * winter)
            diary.spend(banking_day(month, 11), "Energia", "Housing:Electricity and heating", bill, by=CHECKING)
        if month.month == 5:
            diary.spend(banking_day(month, 9), "Uisce Water", "Housing:Water", 18_400, by=CHECKING)
        if chance.random() < 0.2:
            shop = chance.choice(["Woodie's", "Corrib Hardware"])
            diary.spend(day_of(month, chance.randint(4, 27)), shop, "Housing:Repairs", _euros(chance, 12, 90))


# Payee, category, day of the month, cents, paid from.
STANDING: Sequence[tuple[str, str, int, int, str]] = (
    ("Little Acorns Crèche", "Family:Children", 2, 68_000, CHECKING),
    ("FlexFit Gym", "Health:Sports", 3, 3_900, CHECKING),
    ("Eir Broadband", "Communication:Phone and internet", 5, 5_499, CHECKING),
    ("Spotify", "Communication:Subscriptions", 14, 1_799, CARD),
    ("48 Mobile", "Communication:Phone and internet", 12, 2_598, CHECKING),
    ("The Irish Times", "Communication:Subscriptions", 18, 1_200, CARD),
    ("iCloud", "Communication:Subscriptions", 21, 299, CARD),
)
# Payee, category, month, day, cents: once a year.
YEARLY: Sequence[tuple[str, str, int, int, int]] = (
    ("Aviva Home Insurance", "Insurance", 3, 6, 31_200),
    ("Zurich Motor Insurance", "Insurance", 6, 12, 64_800),
    ("Motor Tax Online", "Taxes", 9, 4, 28_000),
    ("TV Licence", "Taxes", 11, 7, 16_000),
    ("Kavanagh Motors", "Transport:Car", 5, 20, 24_500),
    ("Bank of Dublin", "Bank fees", 1, 3, 2_400),
)


def standing_orders(diary: Diary) -> None:
    for month in diary.months():
        for payee, category, day, amount, account in STANDING:
            diary.spend(banking_day(month, day), payee, category, amount, by=account)
        for payee, category, in_month, day, amount in YEARLY:
            if month.month == in_month:
                price = _raised(amount, 4, month.year - diary.start.year)
                diary.spend(banking_day(month, day), payee, category, price, by=CHECKING)


def rising_subscription(diary: Diary) -> None:
    """A film service whose latest charge is the first at a higher price."""
    charges = [day_of(month, 8) for month in diary.months() if diary.holds(day_of(month, 8))]
    for date in charges:
        price = 1_999 if date == charges[-1] and len(charges) > 1 else 1_599
        diary.spend(date, "Netflix", "Communication:Subscriptions", price)


BIG_SHOPS = ("Tesco", "SuperValu", "Lidl", "Aldi")
SMALL_SHOPS = ("Spar", "Centra", "Fresh", "Daybreak")


def groceries(diary: Diary) -> None:
    chance = diary.chance("groceries")
    for monday in diary.weeks():
        saturday = monday + 5 * DAY
        shop = chance.choices(BIG_SHOPS, weights=[4, 3, 3, 2])[0]
        account = chance.choices([CARD, CHECKING], weights=[3, 1])[0]
        diary.spend(saturday, shop, "Food:Groceries", _euros(chance, 58, 118), by=account)
        for weekday in sorted(chance.sample(range(5), k=chance.randint(1, 2))):
            shop = chance.choice(SMALL_SHOPS)
            diary.spend(monday + weekday * DAY, shop, "Food:Groceries", _euros(chance, 7, 34))
        if chance.random() < 0.7:
            diary.spend(monday + 6 * DAY, "Bretzel Bakery", "Food:Groceries", _euros(chance, 5, 13), by="Assets:Cash")


def eating_out(diary: Diary) -> None:
    chance = diary.chance("eating out")
    for monday in diary.weeks():
        for weekday in sorted(chance.sample(range(5), k=chance.randint(0, 2))):
            place = chance.choice(["Chopped", "Brother Hubbard", "Sprout"])
            diary.spend(monday + weekday * DAY, place, "Food:Restaurants", _euros(chance, 8, 15))
        if chance.random() < 0.45:
            place = chance.choice(["Trattoria Lucia", "The Green Hen", "Saba"])
            diary.spend(monday + 4 * DAY, place, "Food:Restaurants", _euros(chance, 36, 68))
        if chance.random() < 0.5:
            diary.spend(
                monday + 5 * DAY, "The Gravediggers", "Leisure:Going out", _euros(chance, 9, 32), by="Assets:Cash"
            )
        if chance.random() < 0.2:
            diary.spend(monday + 5 * DAY, "Light House Cinema", "Leisure:Going out", 2_600)


def transport(diary: Diary) -> None:
    chance = diary.chance("transport")
    for month in diary.months():
        for day in (chance.randint(2, 9), chance.randint(16, 24)):
            diary.spend(day_of(month, day), "Leap Card", "Transport:Public transport", 4_000)
        for day in (chance.randint(5, 13), chance.randint(19, 28)):
            station = chance.choice(["Circle K", "Applegreen"])
            diary.spend(day_of(month, day), station, "Transport:Fuel", _euros(chance, 47, 74))


# Payee, category, chance in a month, from, to (euros).
NOW_AND_THEN: Sequence[tuple[str, str, float, float, float]] = (
    ("Boots", "Health:Pharmacy", 0.8, 6, 29),
    ("Dr Niamh Byrne", "Health:Doctors", 0.2, 60, 61),
    ("Penneys", "Shopping:Clothing", 0.6, 18, 64),
    ("Zara", "Shopping:Clothing", 0.3, 35, 110),
    ("Currys", "Shopping:Electronics", 0.12, 40, 260),
    ("IKEA", "Shopping:Furniture", 0.15, 45, 290),
    ("Smyths Toys", "Family:Children", 0.35, 12, 48),
    ("Hodges Figgis", "Leisure:Gifts", 0.4, 14, 42),
    ("Dublin Zoo", "Leisure:Going out", 0.2, 44, 62),
)


def now_and_then(diary: Diary) -> None:
    chance = diary.chance("now and then")
    for month in diary.months():
        for payee, category, likelihood, low, high in NOW_AND_THEN:
            if chance.random() < likelihood:
                date = day_of(month, chance.randint(2, 27))
                diary.spend(date, payee, category, _euros(chance, low, high))
        if month.month == 12:
            for day in sorted(chance.sample(range(1, 23), k=5)):
                shop = chance.choice(["Arnotts", "Smyths Toys", "Hodges Figgis"])
                diary.spend(day_of(month, day), shop, "Leisure:Gifts", _euros(chance, 24, 95))


def returned_coat(diary: Diary) -> None:
    """Bought in October, brought back a fortnight later."""
    for month in diary.months():
        if month.month == 10:
            diary.spend(day_of(month, 11), "Zara", "Shopping:Clothing", 8_995, memo="winter coat")
            diary.spend(day_of(month, 25), "Zara", "Shopping:Clothing", -8_995, memo="coat returned")


def car_loan(diary: Diary) -> None:
    """Interest of the month on what is still owed at 4.9 % a year; the rest of the payment is principal."""
    owed = OPENING[LOAN] * -1
    for month in diary.months():
        date = banking_day(month, 10)
        if owed == 0 or not diary.holds(date):
            continue
        interest = round(owed * 49 / 12_000)
        principal = min(31_240 - interest, owed)
        owed -= principal
        diary.write(
            date,
            "Credit Union Motor Loans",
            (LOAN, principal, "principal"),
            ("Expenses:Interest paid", interest, "interest"),
            (CHECKING, -principal - interest, ""),
        )


def summer_holiday(diary: Diary) -> None:
    chance = diary.chance("summer")
    for month in diary.months():
        if month.month != 7:
            continue
        diary.spend(months_back(month, 3).replace(day=14), "Aer Lingus", "Leisure:Travel", 43_816)
        diary.write(day_of(month, 1), "", (CHECKING, 120_000, ""), (SAVINGS, -120_000, ""), description="Holiday money")
        diary.spend(day_of(month, 3), "Casa Marina Valencia", "Leisure:Travel", 78_000)
        for day in range(4, 14):
            place = chance.choice(["Bar La Paz", "Mercado Central", "Heladería Sol", "Metrovalencia"])
            diary.spend(day_of(month, day), place, "Leisure:Travel", _euros(chance, 9, 58))


def dollars(diary: Diary) -> None:
    """Ben translates for a client in Boston, keeps the dollars, and spends them there."""
    chance = diary.chance("dollars")
    for month in diary.months():
        rate = chance.uniform(1.06, 1.16)
        if month.month % 3 == 2:
            fee = chance.choice([38_000, 42_500, 51_000])
            diary.earn(banking_day(month, 19), "Harbor Press Boston", "Translations", fee, on=DOLLARS)
        if month.month == 10:
            _exchange(diary, day_of(month, 2), CHECKING, 60_000, DOLLARS, int(60_000 * rate))
            trip = [(9, "Copley Square Inn", 61_240)]
            for day in range(9, 14):
                place = chance.choice(["Legal Sea Foods", "Tatte Bakery", "MBTA", "Trident Booksellers"])
                trip.append((day, place, _euros(chance, 8, 64)))
            for day, payee, amount in trip:
                diary.write(day_of(month, day), payee, (TRAVEL_USD, amount, ""), (DOLLARS, -amount, ""))
        if month.month == 1:
            _exchange(diary, day_of(month, 22), DOLLARS, 50_000, CHECKING, int(50_000 / rate))


def _exchange(diary: Diary, date: datetime.date, source: str, given: int, target: str, received: int) -> None:
    if diary.holds(date):
        diary.exchanges.append(
            DiaryExchange(
                date=date, source=source, given=given, target=target, received=received, payee="Bank of Dublin"
            )
        )


def friend_who_owes(diary: Diary) -> None:
    """Tom borrowed, pays back in parts, and owes his half of a dinner."""
    this_month = diary.today.replace(day=1)
    lent = day_of(months_back(this_month, 5), 16)
    diary.write(lent, "Tom Keane", (FRIEND, 60_000, "for his deposit"), (CHECKING, -60_000, ""))
    if not diary.holds(lent):
        return
    for months in (4, 3, 1):
        repaid = day_of(months_back(this_month, months), 24)
        diary.write(repaid, "Tom Keane", (CHECKING, 10_000, ""), (FRIEND, -10_000, ""), description="Instalment")
    diary.write(
        day_of(months_back(this_month, 2), 13),
        "Trattoria Lucia",
        ("Expenses:Food:Restaurants", 3_620, "our half"),
        (FRIEND, 3_620, "Tom's half"),
        (CARD, -7_240, ""),
    )


def worth_a_look(diary: Diary) -> None:
    """A duplicate charge, and a dinner that was far more expensive than ever."""
    first = diary.today - 6 * DAY
    for date in (first, first + DAY):
        diary.spend(date, "Corrib Hardware", "Housing:Repairs", 6_490)
    # In the running month, so that it stands out there.
    dinner = max(diary.today - 9 * DAY, diary.today.replace(day=1))
    diary.spend(dinner, "Trattoria Lucia", "Food:Restaurants", 38_750)


def mistyped_fuel(diary: Diary) -> None:
    """Typed as 6.48, corrected to 64.80, then found to be a tyre and not fuel."""
    date = day_of(months_back(diary.today.replace(day=1), 1), 17)
    if not diary.holds(date):
        return

    def paid(category: str, amount: int) -> DiaryEntry:
        lines = ((f"Expenses:Transport:{category}", amount, ""), (CHECKING, -amount, ""))
        return DiaryEntry(date=date, payee="Kavanagh Motors", lines=lines)

    diary.corrections.append(
        Correction(wrong=paid("Fuel", 648), replacements=(paid("Fuel", 6_480), paid("Car", 6_480)))
    )


# What is there on the day before the diary starts.
OPENING: dict[str, int] = {
    CHECKING: 530_000,
    SAVINGS: 840_000,
    "Assets:Cash": 12_000,
    DOLLARS: 64_000,
    "Assets:Car": 1_750_000,
    CARD: -41_235,
    LOAN: -1_450_000,
}

STORIES: Sequence[Callable[[Diary], None]] = (
    salaries,
    housing,
    standing_orders,
    rising_subscription,
    groceries,
    eating_out,
    transport,
    now_and_then,
    returned_coat,
    car_loan,
    summer_holiday,
    dollars,
    friend_who_owes,
    worth_a_look,
    mistyped_fuel,
)
