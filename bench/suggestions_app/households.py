"""Two households' bank rows with the category that each belongs to, month by month. Everything is drawn from a seed.

What makes it hard is as in real files: branch and card numbers, cities, payment services in front of the shop, shops that are never
seen again, one payee for several things that only amount or text tell apart, and a few rows that people filed wrongly.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    month: int
    day: int
    payee: str
    description: str
    amount: int  # minor units, money out negative
    category: str  # its name in the household template, or "Savings account"
    filed: str  # what people chose: nearly always the same


@dataclass(frozen=True, slots=True)
class Language:
    cities: tuple[str, ...]
    card: str
    regular: tuple[tuple[str, str, int, int], ...]  # payee, category, from, to
    monthly: tuple[tuple[str, str, str, int], ...]  # payee, description, category, amount
    tail: tuple[tuple[str, str], ...]  # word of a shop's kind, category
    names: tuple[str, ...]
    market: str


GERMAN = Language(
    cities=("Köln", "Berlin", "Bonn", "Hamburg", "München", "Leipzig", "Kassel"),
    card="Kartenzahlung {date} Folgenr. {n} Verfalld. 12{n}",
    regular=(
        ("REWE Markt GmbH", "Groceries", 5_00, 90_00), ("EDEKA Schmitz", "Groceries", 4_00, 70_00),
        ("ALDI SUED", "Groceries", 8_00, 60_00), ("dm-drogerie markt", "Groceries", 3_00, 40_00),
        ("Backstube am Eck", "Groceries", 2_00, 12_00), ("Pizzeria Roma", "Restaurants", 12_00, 60_00),
        ("Kantine Nord", "Restaurants", 5_00, 11_00), ("ARAL Station", "Fuel", 30_00, 90_00),
        ("DB Vertrieb GmbH", "Public transport", 8_00, 80_00),
        ("Kölner Verkehrs-Betriebe", "Public transport", 2_00, 12_00), ("Apotheke am Dom", "Pharmacy", 4_00, 50_00),
        ("IKEA Deutschland", "Furniture", 10_00, 300_00), ("H+M", "Clothing", 10_00, 90_00), ("Media Markt", "Electronics", 15_00, 500_00),
    ),
    monthly=(
        ("Hausverwaltung Meyer", "Miete Wohnung 12", "Rent", -890_00), ("Stadtwerke", "Abschlag Strom", "Electricity and heating", -78_00),
        ("Telekom Deutschland", "Rechnung", "Phone and internet", -39_95), ("HUK-COBURG", "Beitrag Haftpflicht", "Insurance", -12_40),
        ("PayPal Europe", "Ihr Einkauf", "Subscriptions", -12_99), ("PayPal Europe", "Ihr Einkauf", "Sports", -24_90),
        ("Muster AG", "Gehalt", "Salary", 2870_00), ("Olga Muster", "Dauerauftrag Ruecklage", "Savings account", -250_00),
    ),
    tail=(
        ("Restaurant", "Restaurants"), ("Apotheke", "Pharmacy"), ("Tankstelle", "Fuel"), ("Baeckerei", "Groceries"), ("Hotel", "Travel"),
        ("Buchhandlung", "Gifts"), ("Tierarzt", "Pets"), ("Imbiss", "Restaurants"), ("Zahnarzt", "Doctors"), ("Moebel", "Furniture"),
    ),
    names=("Adler", "Lind", "Brandt", "Sommer", "Krone", "Stern", "Falk", "Rosen", "Berger", "Horn", "Weiss", "Moll"),
    market="AMZN Mktp DE",
)  # fmt: skip
ENGLISH = Language(
    cities=("Leeds", "London", "York", "Bath", "Hull", "Derby"),
    card="CARD PAYMENT TO {n} ON {date}",
    regular=(
        ("TESCO STORES", "Groceries", 4_00, 95_00), ("SAINSBURYS S/MKTS", "Groceries", 4_00, 80_00), ("LIDL GB", "Groceries", 5_00, 60_00),
        ("CO-OP GROUP FOOD", "Groceries", 2_00, 20_00), ("GREGGS PLC", "Restaurants", 2_00, 9_00), ("NANDOS", "Restaurants", 11_00, 50_00),
        ("THE KINGS ARMS", "Going out", 6_00, 45_00), ("SHELL", "Fuel", 25_00, 90_00), ("TFL TRAVEL CH", "Public transport", 2_00, 15_00),
        ("TRAINLINE", "Public transport", 8_00, 90_00), ("BOOTS", "Pharmacy", 3_00, 40_00), ("ARGOS LTD", "Electronics", 10_00, 250_00),
        ("PRIMARK", "Clothing", 8_00, 70_00), ("PETS AT HOME", "Pets", 10_00, 60_00),
    ),
    monthly=(
        ("J SMITH LETTINGS", "STANDING ORDER", "Rent", -950_00), ("BRITISH GAS", "DIRECT DEBIT", "Electricity and heating", -96_00),
        ("VODAFONE LTD", "DIRECT DEBIT", "Phone and internet", -21_00), ("AVIVA", "DIRECT DEBIT", "Insurance", -18_30),
        ("PAYPAL PAYMENT", "DIRECT DEBIT", "Subscriptions", -9_99), ("PAYPAL PAYMENT", "DIRECT DEBIT", "Sports", -29_99),
        ("ACME WIDGETS LTD", "SALARY", "Salary", 2410_00), ("TO A/C 4471", "TRANSFER SAVER", "Savings account", -200_00),
    ),
    tail=(
        ("CAFE", "Restaurants"), ("PHARMACY", "Pharmacy"), ("BAKERY", "Groceries"), ("HOTEL", "Travel"), ("DENTAL", "Doctors"),
        ("BOOKS", "Gifts"),
        ("VETS", "Pets"), ("FURNITURE", "Furniture"), ("TAXI", "Public transport"), ("BISTRO", "Restaurants"),
    ),
    names=("ROWAN", "ELM", "HARRIS", "WELLS", "PARK", "BRIDGE", "OAK", "FOX", "STONE", "MILL", "ABBEY", "GROVE"),
    market="AMZNMktplace",
)  # fmt: skip
# What one market place sells: text of the order, category, from, to.
_ORDERS = (
    ("Order book", "Gifts", 8_00, 30_00),
    ("Order cable", "Electronics", 6_00, 60_00),
    ("Order shoes", "Clothing", 25_00, 110_00),
    ("Order", "Electronics", 5_00, 200_00),
)


def rows_of(language: Language, *, months: int, seed: int) -> list[Row]:
    """All rows of the household, about ninety a month."""
    draw = random.Random(seed)
    shops = list(language.regular)
    habits = [1 / (place + 1) for place in range(len(shops))]
    categories = sorted({category for _payee, category, _from, _to in shops})
    rows: list[Row] = []

    def add(month: int, payee: str, description: str, amount: int, category: str) -> None:
        # People file a row wrongly now and then.
        filed = draw.choice(categories) if amount < 0 and draw.random() < 0.03 else category
        rows.append(Row(month, draw.randint(1, 28), payee, description, amount, category, filed))

    for month in range(months):
        for payee, description, category, amount in language.monthly:
            add(month, payee, description, amount, category)
        for _ in range(52):
            payee, category, low, high = draw.choices(shops, weights=habits)[0]
            number, city = draw.randint(10, 9999), draw.choice(language.cities)
            spelt = draw.choice((f"{payee} {number}", f"{payee} {city}", f"{payee} {number} {city}", payee.upper()))
            before = draw.choice(("", "", "", "SUMUP *", "PAYPAL *"))
            said = language.card.format(date=f"{month % 12 + 1:02}-{draw.randint(1, 28):02}", n=draw.randint(1, 9))
            add(month, before + spelt, said, -draw.randint(low, high), category)
        for _ in range(8):
            text, category, low, high = draw.choice(_ORDERS)
            code = "".join(draw.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=9))
            add(month, f"{language.market}*{code}", text, -draw.randint(low, high), category)
        for _ in range(14):
            kind, category = draw.choice(language.tail)
            name = f"{draw.choice(language.names)}{draw.choice(('', 'hof', 'feld', 'er'))}"
            add(month, f"{kind} {name}", draw.choice(language.cities), -draw.randint(4_00, 120_00), category)
    return rows
