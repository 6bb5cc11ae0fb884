"""Crossing, direction, age and rounding of rates, without a database."""

import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.valuation.rates import Rate, RateTable, Source, convert, half_away, rate_digits, rate_of_amounts

DAY = datetime.date(2026, 3, 15)


def rate(base, quote, value, *, on=DAY, source=Source.HAND):
    return Rate(base=base, quote=quote, date=on, rate=Fraction(value), source=source)


def worth(table, amount, base, quote, *, on=DAY, places=2, target_places=2, **options):
    found = table.quote(base, quote, on=on, **options)
    return found and convert(amount, rate=found.rate, places=places, target_places=target_places)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("2.5", 3), ("-2.5", -3), ("2.4999999999", 2), ("-0.5", -1), ("0.4", 0), ("-0.4", 0), ("-1358.5", -1359)],
)
def test_halves_go_away_from_zero(value, rounded):
    assert half_away(Fraction(value)) == rounded


@given(st.integers(-(10**15), 10**15), st.fractions(min_value=Fraction(1, 10**9), max_value=10**9))
def test_rounding_is_never_more_than_half_a_unit_off_and_odd(amount, factor):
    exact = amount * factor
    assert abs(half_away(exact) - exact) <= Fraction(1, 2)
    assert half_away(-exact) == -half_away(exact)


def test_no_rate_of_a_later_day_is_used():
    """REP-06: 4 units; 250 on 2016-01-01, 500 on 2017-01-01."""
    table = RateTable(
        [rate("ETH", "EUR", 250, on=datetime.date(2016, 1, 1)), rate("ETH", "EUR", 500, on=datetime.date(2017, 1, 1))]
    )
    at = {
        day: worth(table, 4_0000_0000, "ETH", "EUR", on=datetime.date.fromisoformat(day), places=8)
        for day in ("2015-12-31", "2016-12-31", "2017-01-01", "2017-12-31")
    }
    assert at == {"2015-12-31": None, "2016-12-31": 1_000_00, "2017-01-01": 2_000_00, "2017-12-31": 2_000_00}


def test_a_rate_serves_both_directions():
    """REP-04: 100.00 EUR and 110.00 USD at 1.10 are 200.00 EUR or 220.00 USD."""
    table = RateTable([rate("EUR", "USD", "1.10")])
    assert 100_00 + worth(table, 110_00, "USD", "EUR") == 200_00
    assert worth(table, 100_00, "EUR", "USD") + 110_00 == 220_00


def test_crossing_shows_its_path_and_can_be_forbidden():
    """REP-10: 117.00 NZD in CNY by way of the dollar."""
    older = DAY - datetime.timedelta(days=3)
    table = RateTable([rate("NZD", "USD", "0.5900", on=older), rate("USD", "CNY", "7.2000")])
    assert table.quote("NZD", "CNY", on=DAY, crossing=False) is None
    found = table.quote("NZD", "CNY", on=DAY)
    assert (found.via, found.date, found.age_days) == ("USD", older, 3)
    assert worth(table, 117_00, "NZD", "CNY") == 497_02
    assert table.quote("NZD", "CNY", on=older) is None


def test_the_freshest_way_wins_and_on_one_day_the_shortest():
    yesterday = DAY - datetime.timedelta(days=1)
    legs = [rate("EUR", "USD", 2, source=Source.ECB), rate("EUR", "GBP", 4, source=Source.ECB)]
    stale = RateTable([rate("GBP", "USD", 3, on=yesterday), *legs])
    assert (stale.quote("GBP", "USD", on=DAY).rate, stale.quote("GBP", "USD", on=DAY).via) == (Fraction(1, 2), "EUR")
    fresh = RateTable([rate("GBP", "USD", 3), *legs])
    assert (fresh.quote("GBP", "USD", on=DAY).rate, fresh.quote("GBP", "USD", on=DAY).via) == (3, "")


def test_of_the_rates_of_one_day_the_households_own_word_comes_first():
    sources = [Source.EXCHANGE, Source.ECB, Source.HAND, Source.FILE]
    table = RateTable([rate("EUR", "USD", place + 1, source=source) for place, source in enumerate(sources)])
    assert table.quote("EUR", "USD", on=DAY).sources == (Source.HAND,)


def test_a_pence_is_a_definition_and_no_rate():
    """REP-23: 1,000 units priced 243.08 pence are 2,430.80 GBP."""
    table = RateTable([rate("BTC", "GBX", "243.08"), rate("GBX", "EUR", "0.0117")])
    assert worth(table, 1000, "BTC", "GBP", places=0) == 2_430_80
    assert worth(table, 100_00, "GBP", "EUR") == 117_00
    defined = RateTable([]).quote("GBX", "GBP", on=DAY)
    assert (defined.rate, defined.date, defined.steps) == (Fraction(1, 100), None, ())
    assert RateTable([]).quote("GBP", "GBX", on=DAY).rate == 100


def test_cost_is_the_cash_and_the_unit_price_information():
    """REP-21: 22.056 units for 500.00 are 22.6696 each, whatever the bank printed."""
    found = rate_of_amounts(22_056, 500_00, places=3, taken_places=2)
    assert round(found, 4) == Fraction("22.6696")
    assert convert(22_056, rate=found, places=3, target_places=2) == 500_00


@given(
    st.lists(st.tuples(st.sampled_from(["EUR", "USD", "GBP", "JPY"]), st.sampled_from(["EUR", "USD", "GBP", "JPY"]),
                       st.integers(0, 30), st.integers(1, 10**6)), max_size=12),
    st.integers(0, 30),
)  # fmt: skip
def test_no_way_is_younger_than_the_day_and_there_is_always_the_way_back(rows, asked):
    table = RateTable(
        [
            rate(base, quote, Fraction(value, 1000), on=DAY + datetime.timedelta(days=day))
            for base, quote, day, value in rows
        ]
    )
    on = DAY + datetime.timedelta(days=asked)
    for base in ("EUR", "USD"):
        for quote in ("GBP", "JPY"):
            there, back = table.quote(base, quote, on=on), table.quote(quote, base, on=on)
            assert (there is None) == (back is None)
            if there is not None:
                assert there.rate * back.rate == 1
                assert all(step.date <= on for step in there.steps)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1.08120", "1.0812"),
        ("0.00011937800013", "0.000119378"),
        ("123456.789", "123456.79"),
        ("100", "100"),
        ("1/3", "0.333333"),
    ],
)
def test_rates_are_shown_with_six_digits(value, shown):
    assert f"{rate_digits(Fraction(value)):f}" == shown
