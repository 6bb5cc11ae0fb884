"""Gains from exchange rates, without a database."""

import datetime
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from finance.valuation.gains import Flow, Position, gains_of
from finance.valuation.rates import half_away

FIRST = datetime.date(2020, 1, 1)


def flow(amount, value, *, on=FIRST):
    return Flow(date=on, amount=amount, value=None if value is None else Fraction(value))


def test_a_year_of_two_purchases():
    """REP-07: 200 units of 2019 and 103 of 2020, priced 4.957 and 4.938: −13.59; the new lot alone −9.79."""
    old = flow(200, "99570", on=datetime.date(2019, 12, 1))
    new = flow(103, "51839.9", on=datetime.date(2020, 1, 22))
    year = gains_of([old, new], first=FIRST, opening_rate=Fraction("495.7"), closing_rate=Fraction("493.8"))
    assert (year.opening, year.closing, half_away(year.gain)) == (200, 303, -13_59)
    lot = gains_of([new], first=FIRST, opening_rate=None, closing_rate=Fraction("493.8"))
    assert half_away(lot.gain) == -9_79


def test_sold_units_leave_at_average_cost():
    position = Position()
    assert [position.take(flow(10, 1_000)), position.take(flow(10, 1_500))] == [0, 0]
    assert position.take(flow(-5, -1_000)) == 375
    assert (position.amount, position.cost) == (15, Fraction(1_875))


def test_a_debt_gains_when_its_currency_falls():
    result = gains_of([flow(-100_00, -92_00)], first=FIRST, opening_rate=None, closing_rate=Fraction(1, 2))
    assert (result.unrealised, result.gain) == (42_00, 42_00)


def test_selling_more_than_there_is_begins_a_debt():
    position = Position()
    position.take(flow(10, 100))
    assert position.take(flow(-15, -300)) == 100
    assert (position.amount, position.cost) == (-5, -100)


def test_what_has_no_rate_leaves_the_gain_open_and_is_counted():
    result = gains_of([flow(10, None), flow(5, 50)], first=FIRST, opening_rate=None, closing_rate=Fraction(12))
    assert (result.gain, result.unrealised, result.unvalued) == (None, None, 1)
    assert (result.closing_value, result.came_in_value) == (180, None)


def test_a_holding_that_is_gone_needs_no_rate():
    flows = [flow(10, None, on=datetime.date(2019, 1, 1)), flow(-10, None, on=datetime.date(2019, 2, 1)), flow(5, 50)]
    result = gains_of(flows, first=FIRST, opening_rate=None, closing_rate=Fraction(12))
    assert (result.opening, result.gain, result.unrealised) == (0, 10, 10)


@given(
    st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 40)), max_size=12),
    st.integers(0, 12),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_the_gain_is_what_was_realised_and_the_change_of_what_was_not(moves, cut, opening_rate, closing_rate):
    flows = [
        flow(amount, amount * rate, on=FIRST + datetime.timedelta(days=index - cut))
        for index, (amount, rate) in enumerate(moves)
    ]
    before, result = (
        gains_of(some, first=FIRST, opening_rate=Fraction(opening_rate), closing_rate=Fraction(rate))
        for some, rate in ((flows[:cut], opening_rate), (flows, closing_rate))
    )
    assert result.gain == result.realised + result.unrealised - before.unrealised
