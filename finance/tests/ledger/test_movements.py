"""What an entry moved, for each shape of entry."""

import pytest

from finance.ledger.movements import Movement, Side, movement_of

EXCHANGE = [
    ("Checking", "checking", "EUR", -10_000),
    ("Trading EUR", "trading", "EUR", 10_000),
    ("Trading USD", "trading", "USD", -11_500),
    ("Dollars", "savings", "USD", 11_500),
]


@pytest.mark.parametrize(
    ("lines", "amounts", "signed", "accounts"),
    [
        pytest.param(
            [("Restaurants", "category", "EUR", 3_620), ("Lent to Tom", "receivable", "EUR", 3_620), ("Card", "card", "EUR", -7_240)],
            [("EUR", -7_240)], True, "Card", id="a shared bill is all that was paid",
        ),
        pytest.param(
            [("Checking", "checking", "EUR", 3_620), ("Lent to Tom", "receivable", "EUR", -3_620)],
            [("EUR", 3_620)], True, "Checking", id="what a friend pays back came in",
        ),
        pytest.param(
            [("Food", "category", "EUR", 500), ("Cash", "cash", "EUR", -200), ("Card", "card", "EUR", -300)],
            [("EUR", -500)], True, "Cash, Card", id="paid from two accounts",
        ),
        pytest.param(
            [("Savings", "savings", "EUR", 5_000), ("Checking", "checking", "EUR", -5_000)],
            [("EUR", 5_000)], False, "Checking → Savings", id="a transfer is what was moved",
        ),
        pytest.param(
            [("Savings", "savings", "EUR", 4_900), ("Fees", "category", "EUR", 100), ("Checking", "checking", "EUR", -5_000)],
            [("EUR", -100)], True, "Checking → Savings", id="of a transfer with a fee the fee has left",
        ),
        pytest.param(
            EXCHANGE, [("EUR", -10_000), ("USD", 11_500)], True, "Checking → Dollars", id="an exchange is both",
        ),
        pytest.param(
            [(name, "investment" if kind != "trading" else kind, *rest) for name, kind, *rest in EXCHANGE],
            [("USD", 11_500)], False, "Checking → Dollars", id="an exchange that touches no own money",
        ),
        pytest.param(
            [("Checking", "checking", "EUR", 100_000), ("Opening balances", "opening", "EUR", -100_000)],
            [("EUR", 100_000)], True, "Checking", id="an opening balance of own money",
        ),
        pytest.param(
            [("Car", "property", "EUR", 900_000), ("Opening balances", "opening", "EUR", -900_000)],
            [("EUR", 900_000)], False, "Opening balances → Car", id="an opening balance of a thing",
        ),
        pytest.param(
            [("Gifts", "category", "EUR", 700), ("Groceries", "category", "EUR", -700)],
            [("EUR", 700)], False, "Groceries → Gifts", id="from category to category",
        ),
        pytest.param(
            [("Interest", "category", "JPY", 50), ("Trading", "trading", "JPY", -50)],
            [("JPY", 50)], False, "Interest", id="against a trading account",
        ),
        pytest.param(
            [("Trading A", "trading", "EUR", 50), ("Trading B", "trading", "EUR", -50)],
            [("EUR", 50)], False, "", id="between trading accounts only",
        ),
    ],
)  # fmt: skip
def test_what_an_entry_moved(lines, amounts, signed, accounts):
    sides = [Side(account=name, kind=kind, currency=currency, amount=amount) for name, kind, currency, amount in lines]
    assert movement_of(sides) == Movement(amounts=amounts, signed=signed, accounts=accounts)
