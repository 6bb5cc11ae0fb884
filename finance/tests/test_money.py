from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance import money
from finance.errors import AmountInvalid, CurrencyUnknown


@pytest.mark.parametrize(
    ("text", "currency", "minor_units"),
    [
        ("12.34", "EUR", 1234),
        ("-12.3", "EUR", -1230),
        ("\N{MINUS SIGN}5", "EUR", -500),
        ("+.5", "EUR", 50),
        ("7.", "EUR", 700),
        ("5", "JPY", 5),
        ("1.234", "KWD", 1234),
        ("0.00000001", "BTC", 1),
        (" 1.00 ", "USD", 100),
    ],
)
def test_decimal_text_becomes_minor_units(text, currency, minor_units):
    assert money.parse_amount(text, currency=currency) == minor_units


@pytest.mark.parametrize(
    "text",
    ["", " ", "1,000.00", "1e3", "NaN", "inf", "-Infinity", "0x10", "1.2.3", "--1", "1_000", "\u0661\u0662", "12.345"],
)
def test_what_is_no_plain_amount_is_refused_by_field(text):
    with pytest.raises(AmountInvalid) as caught:
        money.parse_amount(text, currency="EUR", field="lines.0.amount")

    assert list(caught.value.fields) == ["lines.0.amount"]


@pytest.mark.parametrize("number", [12.34, 12, True, None, Decimal("1.00")])
def test_numbers_that_are_no_text_are_refused(number):
    with pytest.raises(AmountInvalid, match="decimal string"):
        money.parse_amount(number, currency="EUR")


def test_amounts_beyond_what_sums_can_hold_are_refused():
    assert money.parse_amount("100000000000000.00", currency="EUR") == money.MAX_MINOR_UNITS
    with pytest.raises(AmountInvalid, match="too large"):
        money.parse_amount("100000000000000.01", currency="EUR")


def test_an_unknown_currency_is_named():
    with pytest.raises(CurrencyUnknown) as caught:
        money.exponent("EURO", field="currency")

    assert caught.value.fields == {"currency": "EURO is not a known currency code."}


@given(
    minor_units=st.integers(-money.MAX_MINOR_UNITS, money.MAX_MINOR_UNITS),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "BTC"]),
)
def test_formatting_and_parsing_are_inverse(minor_units, currency):
    text = money.format_amount(minor_units, currency=currency)

    assert money.parse_amount(text, currency=currency) == minor_units
    assert money.to_minor_units(money.to_decimal(minor_units, currency=currency), currency=currency) == minor_units


def test_a_decimal_that_is_not_finite_is_refused():
    with pytest.raises(AmountInvalid, match="finite"):
        money.to_minor_units(Decimal("NaN"), currency="EUR")
