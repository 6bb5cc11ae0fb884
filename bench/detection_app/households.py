"""Households whose recurring payments are known, because they were planted: for bench/planning_detection.py and a test.

Each household has three years of payments up to TODAY: eight to sixteen series of every rhythm, with weekends, days and
amounts that vary, payments that failed to come or came twice, prices that rose, series that ended; and a dozen payees
who are paid whenever it happens (groceries, fuel, cash, tickets of one price), some of them with a subscription among
their purchases.
"""

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass

from finance.periods import WeekendShift, shifted
from finance.planning.detection.series import Movement
from finance.planning.recurrence import Recurrence, Unit

TODAY = datetime.date(2026, 6, 18)
_BEGIN = datetime.date(2023, 6, 1)


@dataclass(frozen=True, slots=True)
class Planted:
    """A series that was planted: whether it ended months before TODAY, and whether it must be found."""

    number: int
    rhythm: str
    ended: bool
    expected: bool


@dataclass(frozen=True, slots=True)
class Household:
    """Movements, the planted series, and which series an entry belongs to."""

    movements: list[Movement]
    planted: list[Planted]
    of_entry: dict[int, int]


# name, unit, every, twice, how many payments are needed to be asked for
_RHYTHMS: dict[str, tuple[Unit, int, bool, int]] = {
    "day": (Unit.DAY, 1, False, 14),
    "week": (Unit.WEEK, 1, False, 6),
    "fortnight": (Unit.WEEK, 2, False, 5),
    "four_weeks": (Unit.WEEK, 4, False, 5),
    "twice_a_month": (Unit.MONTH, 1, True, 6),
    "month": (Unit.MONTH, 1, False, 4),
    "two_months": (Unit.MONTH, 2, False, 4),
    "quarter": (Unit.MONTH, 3, False, 4),
    "four_months": (Unit.MONTH, 4, False, 4),
    "half_year": (Unit.MONTH, 6, False, 3),
    "year": (Unit.MONTH, 12, False, 2),
    "weekday_of_month": (Unit.MONTH, 1, False, 6),
    "twice_a_week": (Unit.WEEK, 1, False, 14),
    "three_a_week": (Unit.WEEK, 1, False, 18),
    "five_a_week": (Unit.WEEK, 1, False, 30),
}
_A_WEEK = {"twice_a_week": 2, "three_a_week": 3, "five_a_week": 5}
# How often each rhythm is drawn; a household has mostly months.
_DRAWN = ("month",) * 12 + ("year",) * 3 + ("quarter", "half_year", "two_months", "four_months") * 2 + (
    "week", "fortnight", "four_weeks", "twice_a_month", "fortnight", "four_weeks", "twice_a_month", "week", "day",
)  # fmt: skip


class _Maker:
    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.movements: list[Movement] = []
        self.planted: list[Planted] = []
        self.of_entry: dict[int, int] = {}

    def pay(self, date: datetime.date, amount: int, payee: str, *, series: int | None = None) -> None:
        if not _BEGIN <= date <= TODAY or not amount:
            return
        entry_id = len(self.movements) + 1
        self.movements.append(
            Movement(
                entry_id=entry_id, date=date, account_id=1, amount=amount, currency="EUR", key=payee.casefold(),
                payee=payee, counter_id=10 + len(payee) % 7,
            )
        )  # fmt: skip
        if series is not None:
            self.of_entry[entry_id] = series

    def plant(self, payee: str, *, rhythm: str, size: int | None = None, day: int | None = None) -> None:
        """Payments of one series: its days and its amounts vary as its kind does."""
        draw = self.draw
        unit, every, twice, needed = _RHYTHMS[rhythm]
        long = rhythm in ("year", "half_year", "four_months")
        start = _BEGIN + datetime.timedelta(days=draw.randint(0, 200 if long else 700))
        months = unit is Unit.MONTH
        days = (
            (draw.choice([(1, 15), (15, 31), (10, 25), (5, 20)]) if twice else (day or draw.randint(1, 31),))
            if months
            else ()
        )
        rule = Recurrence(anchor=start, unit=unit, every=every, days=days)
        if rhythm == "weekday_of_month":
            rule = Recurrence(anchor=start, unit=unit, weekday=(draw.randint(1, 5), draw.randint(0, 4)))
        if rhythm in _A_WEEK:
            weekdays = sorted(draw.sample(range(5 if rhythm == "five_a_week" else 7), _A_WEEK[rhythm]))
            rule = Recurrence(anchor=start, unit=unit, weekdays=tuple(weekdays))
        shift = draw.choice([WeekendShift.NONE, WeekendShift.NONE, WeekendShift.AFTER, WeekendShift.BEFORE])
        if rhythm == "day" or rhythm in _A_WEEK:
            shift = WeekendShift.NONE
        jitter = (
            0
            if rhythm == "day" or rhythm in _A_WEEK
            else draw.choice([0, 0, 0, 0, 1, 1, 2, 3 if months and not twice else 1])
        )
        if rhythm in ("week", "weekday_of_month"):
            jitter = min(jitter, 1)
        end = TODAY if draw.random() > 0.12 else TODAY - datetime.timedelta(days=draw.randint(120, 400))
        amount = -(size or draw.choice([499, 999, 1299, 1999, 2500, 4990, 7500, 12000, 45000, 89000]))
        if draw.random() < 0.15:
            amount = abs(amount) * 3
        kind = draw.choice(["fixed", "fixed", "fixed", "steps", "steps", "range", "range", "learned"])
        number = len(self.planted)
        dates = [each for each in rule.occurrences(start, TODAY) if each <= end]
        paid = 0
        for index, nominal in enumerate(dates):
            if kind == "steps" and index and draw.random() < (0.5 / max(1, 365 // _gap(rhythm))):
                amount = amount * draw.choice([105, 110, 120, 133]) // 100
            spread = {"range": 0.10, "learned": 0.28}.get(kind, 0)
            value = round(amount * (1 + draw.uniform(-spread, spread)))
            late = draw.choice([-1, 1]) * draw.randint(0, jitter) if draw.random() < 0.5 else 0
            date = shifted(nominal + datetime.timedelta(days=late), shift)
            if draw.random() < 0.02:
                continue
            self.pay(date, value, payee, series=number)
            paid += _BEGIN <= date <= TODAY
            if draw.random() < 0.012 and rhythm != "day":
                self.pay(date + datetime.timedelta(days=draw.randint(0, 3)), value, payee)
        ended = end < TODAY - datetime.timedelta(days=2 * _gap(rhythm) + 60)
        self.planted.append(
            Planted(number=number, rhythm=rhythm, ended=ended, expected=end == TODAY and paid >= needed)
        )

    def irregular(
        self, payee: str, *, every: float, amounts: tuple[int, int], price: bool = False, weekend: float = 0.0
    ) -> None:
        """Payments whenever it happens: gaps of an exponential law, some of them drawn to the weekend."""
        draw = self.draw
        date = _BEGIN + datetime.timedelta(days=draw.randint(0, int(2 * every)))
        while date <= TODAY:
            on = date
            if draw.random() < weekend:
                on += datetime.timedelta(days=(draw.choice([4, 5]) - on.weekday()) % 7)
            value = draw.choice([amounts[0], amounts[0], amounts[1]]) if price else draw.randint(*amounts)
            self.pay(on, -value, payee)
            date += datetime.timedelta(days=max(1, round(draw.expovariate(1 / every))))


def _gap(rhythm: str) -> int:
    unit, every, twice, _needed = _RHYTHMS[rhythm]
    return {Unit.DAY: 1, Unit.WEEK: 7 * every, Unit.MONTH: 30 * every}[unit] // (2 if twice else 1)


def household(seed: int) -> Household:
    """The household of that number; the same every time."""
    maker = _Maker(seed)
    draw = maker.draw
    for index in range(draw.randint(7, 13)):
        maker.plant(f"Series {index}", rhythm=draw.choice(_DRAWN))
    # Two contracts of one payee on one day, and a subscription among purchases.
    day = draw.randint(1, 28)
    maker.plant("Twin", rhythm="month", size=999, day=day)
    maker.plant("Twin", rhythm="month", size=draw.choice([1499, 1999, 3490]), day=day)
    maker.plant("Shop", rhythm="month", size=899)
    for name, arguments in _irregular(draw):
        maker.irregular(name, **arguments)  # type: ignore[arg-type]
    for index in range(60):
        maker.pay(_BEGIN + datetime.timedelta(days=draw.randint(0, 1100)), -draw.randint(300, 30000), f"Once {index}")
    for index in range(10):
        for _again in range(draw.randint(2, 4)):
            maker.pay(_BEGIN + datetime.timedelta(days=draw.randint(0, 1100)), -draw.randint(300, 9000), f"Few {index}")
    # Drawn on their own, so that the rest of a household is what it was before these were known.
    maker.draw = random.Random(1_000_000 + seed)
    maker.plant("Weekday", rhythm="weekday_of_month")
    if maker.draw.random() < 0.5:
        maker.plant("Lessons", rhythm=maker.draw.choice(list(_A_WEEK)))
    return Household(movements=maker.movements, planted=maker.planted, of_entry=maker.of_entry)


def _irregular(draw: random.Random) -> Iterator[tuple[str, dict[str, object]]]:
    yield "Grocer", {"every": draw.uniform(2, 4), "amounts": (800, 9000), "weekend": 0.4}
    yield "Discounter", {"every": draw.uniform(4, 9), "amounts": (500, 6000), "weekend": 0.3}
    yield "Market", {"every": draw.uniform(6, 12), "amounts": (500, 3000), "weekend": 0.8}
    yield "Fuel", {"every": draw.uniform(9, 20), "amounts": (4000, 8000)}
    yield "Cash", {"every": draw.uniform(8, 25), "amounts": (5000, 10000), "price": True}
    yield "Coffee", {"every": draw.uniform(2, 8), "amounts": (350, 420), "price": True}
    yield "Tickets", {"every": draw.uniform(3, 15), "amounts": (320, 640), "price": True}
    yield "Restaurant", {"every": draw.uniform(10, 40), "amounts": (2000, 9000), "weekend": 0.6}
    yield "Shop", {"every": draw.uniform(10, 30), "amounts": (900, 15000)}
    yield "Pharmacy", {"every": draw.uniform(20, 60), "amounts": (400, 4000)}
    yield "Hairdresser", {"every": draw.uniform(30, 60), "amounts": (2800, 3200), "price": True}
    yield "Clothes", {"every": draw.uniform(30, 90), "amounts": (2000, 15000)}
