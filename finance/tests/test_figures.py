import datetime

import pytest
from django.utils import translation

from core.formatting import date_text
from finance.errors import AmountInvalid
from finance.figures import amount_text, amount_writer, money_text, read_amount, read_sum, typed_text


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("12,34", 1234),
        ("12.34", 1234),
        ("12", 1200),
        ("12.5", 1250),
        ("0,5", 50),
        ("1 234.50", 123450),
        ("1\u202f234,50", 123450),
        ("1,234.50", 123450),
        ("1.234,50", 123450),
        ("1'234.50", 123450),
        ("1.234.567", 123456700),
        ("12 345", 1234500),
        ("−5", -500),
        ("-5,00", -500),
        ("+7.10", 710),
        ("1234.50", 123450),
    ],
)
def test_an_amount_is_read_in_the_ways_people_write_it(typed, cents):
    assert read_amount(typed, currency="EUR") == cents


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abc",
        "12.34.56",
        "1,23,456.00",
        "12.345",
        "1,234",
        "1e5",
        "--5",
        "12 34",
        "NaN",
        "1,234,56",
        "٣",
        "1.2345",
        ".5,",
    ],
)
def test_an_amount_that_is_no_number_or_could_be_two_is_refused(typed):
    with pytest.raises(AmountInvalid) as refused:
        read_amount(typed, currency="EUR", field="amount")
    assert "amount" in refused.value.fields


def test_an_ambiguous_amount_is_answered_with_both_readings():
    with translation.override("en"), pytest.raises(AmountInvalid, match=r"write 1234\.00 or 1\.23"):
        read_amount("1.234", currency="EUR")


def test_the_currency_settles_what_three_digits_mean():
    assert read_amount("1,234", currency="JPY") == 1234
    with translation.override("en"):
        assert read_amount("1.234", currency="KWD") == 1234
        with pytest.raises(AmountInvalid):
            read_amount("1,234", currency="KWD")


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "−€1,234.50"), ("de", "−1.234,50\xa0€"), ("fr", "−1\u202f234,50\xa0€"), ("xx", "−€1,234.50")],
)
def test_figures_follow_the_language_and_have_a_real_minus(language, shown):
    with translation.override(language):
        assert money_text(-123450, currency="EUR") == shown


def test_figures_keep_all_places_of_their_currency():
    with translation.override("en"):
        assert amount_text(1, currency="BTC") == "0.00000001"
        assert amount_text(1500, currency="JPY") == "1,500"
        assert money_text(500, currency="EUR", plus=True) == "+€5.00"
        assert money_text(0, currency="EUR", plus=True) == "€0.00"


@pytest.mark.parametrize("language", ["en", "de", "fr", "de-ch"])
@pytest.mark.parametrize("cents", [0, 1, 1234, -1234, 123456789])
def test_what_a_field_shows_is_read_back_as_the_same_amount(language, cents):
    with translation.override(language):
        assert read_amount(typed_text(cents, currency="EUR"), currency="EUR") == cents


def test_days_follow_the_language():
    with translation.override("de"):
        assert date_text(datetime.date(2026, 11, 23)) == "23.11.2026"


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("12.50+3", 15_50), ("=10*3/2", 15_00), ("= 7", 7_00), ("12,50 + 3,5", 16_00), ("(4+5)*2", 18_00),
        ("-5", -5_00), ("-5+2", -3_00), ("2*-3", -6_00), ("10−4", 6_00), ("3×1.50", 4_50), ("1 234.50+0.50", 1_235_00),
        ("1.234,50*2", 2_469_00), ("10:4", 2_50), ("2-3-4", -5_00), ("12/4/3", 1_00), ("-(2+3)*2", -10_00),
        ("((1))", 1_00), ("10/3*3", 10_00), ("~10/3", 3_33), ("~1/200", 1), ("~-1/200", -1), ("~5", 5_00), ("1000*2", 2_000_00),
    ],
)  # fmt: skip
def test_sums_are_done_exactly(typed, minor):
    assert read_sum(typed, currency="EUR") == minor


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("10/3", "write 3.33, or ~10/3"), ("1/0", "divides by zero"), ("1+", "is not a sum"), ("1+*2", "is not a sum"),
        ("(1", "is not a sum"), ("1)", "is not a"), ("2(3)", "is not a sum"), ("1++2.x", "is not a sum"), ("", "is not a number"),
        ("a+1", "is not a"), ("1.234+1", "can be read in two ways"), ("1e5+1", "is not a sum"), ("9" * 30 + "*9", "too large"),
        ("1+" * 40 + "1", "more than 60"), ("=", "is not a number"), ("1**2", "is not a sum"), ("~", "is not a"),
        ("__import__('os')", "is not a"), ("1\x002", "is not a"),
    ],
)  # fmt: skip
def test_sums_that_cannot_be_done_are_refused_with_the_reason(typed, reason):
    with pytest.raises(AmountInvalid) as refused:
        read_sum(typed, currency="EUR")
    assert reason in refused.value.detail


def test_sums_keep_to_the_units_of_the_currency():
    assert read_sum("100/4", currency="JPY") == 25
    with pytest.raises(AmountInvalid, match="write 33"):
        read_sum("100/3", currency="JPY")
    assert read_sum("0.5+0.00000001", currency="BTC") == 50_000_001


@pytest.mark.parametrize("language", ["en", "de", "es", "pl", "fr", "hi", "de-ch", "pt"])
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_many_amounts_are_written_as_one_is(language, currency):
    with translation.override(language):
        write = amount_writer(currency)
        for amount in (0, 1, -1, 99, -100, 1_234, 999_999, -1_000_000, 123_456_789, -98_765_432_123):
            assert write(amount) == amount_text(amount, currency=currency)
