"""Habitual spending, and bands from past errors."""

import datetime
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.planning.forecast.bands import HORIZONS, Basis, Score, Spread, backtest, band, score, spread_of, spreads
from finance.planning.forecast.habits import Habit, learn, median
from finance.planning.forecast.projection import Holding, project
from finance.planning.upcoming import Layer, Upcoming

TODAY = datetime.date(2026, 6, 1)
FIRST = datetime.date(2025, 1, 1)
LAST = datetime.date(2025, 12, 31)


def dates(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    return [first + datetime.timedelta(days=n) for n in range((last - first).days + 1)]


def test_a_habit_is_the_median_month_on_the_weekdays_of_the_past():
    # 10.00 each Saturday: four or five a month, and one holiday that would spoil a mean.
    changes = {date: -10_00 for date in dates(FIRST, LAST) if date.weekday() == 5}
    changes[datetime.date(2025, 7, 16)] = -900_00
    habit = learn(changes, first=FIRST, last=LAST)
    assert (habit.monthly, habit.months) == (-40_00, 12)
    march = dict(habit.days(datetime.date(2026, 3, 1), datetime.date(2026, 3, 31)))
    assert sum(march.values()) == -40_00
    assert min(march, key=march.get).weekday() == 2  # the holiday's Wednesday has most weight
    assert march[datetime.date(2026, 3, 2)] == 0


def test_no_habit_is_guessed_from_less_than_three_whole_months():
    assert learn({}, first=datetime.date(2025, 1, 2), last=datetime.date(2025, 4, 29)) is None
    assert learn({}, first=datetime.date(2025, 1, 2), last=datetime.date(2025, 4, 30)).months == 3
    assert learn({}, first=datetime.date(2020, 1, 1), last=LAST).months == 12


@given(
    monthly=st.integers(-(10**12), 10**12),
    weekdays=st.lists(st.integers(0, 10**9), min_size=7, max_size=7),
    month=st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 12, 1)),
    cut=st.integers(0, 27),
)
def test_the_days_of_any_month_sum_to_the_habit(monthly, weekdays, month, cut):
    first = month.replace(day=1)
    last = (first + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1)
    habit = Habit(monthly=monthly, weekdays=tuple(weekdays), months=3)
    middle = first + datetime.timedelta(days=cut)
    assert habit.total(first, last) == monthly
    assert habit.total(first, middle) + habit.total(middle + datetime.timedelta(days=1), last) == monthly


def test_medians():
    assert [median([3, 1, 2]), median([1, 4]), median([-1, -4]), median([5])] == [2, 2, -2, 5]
    with pytest.raises(ValueError, match="nothing"):
        median([])


def test_ten_and_ninety_percent_of_errors():
    assert spread_of(list(range(8)), basis=Basis.HISTORY) is None
    errors = [-90, 80, -70, 60, -50, 40, -30, 20, -10]
    assert spread_of(errors, basis=Basis.FORECASTS) == Spread(low=-90, high=80, errors=9, basis=Basis.FORECASTS)
    assert spread_of(list(range(1, 20)), basis=Basis.HISTORY) == Spread(low=0, high=18, errors=19, basis=Basis.HISTORY)


def test_bands_cover_four_of_five_households_that_they_were_not_made_for():
    """Errors that are alike before and after: coverage within the sampling error of 400 households."""
    inside = 0
    for seed in range(400):
        chance = random.Random(seed)
        spread = spread_of([chance.gauss(0, 100_00).__round__() for _ in range(60)], basis=Basis.FORECASTS)
        inside += spread.low <= chance.gauss(0, 100_00) <= spread.high
    assert 0.74 <= inside / 400 <= 0.87


def test_a_backtest_sees_only_what_was_before():
    # Spending doubles in July: forecasts of May expect the old habit, and are off by what came on top.
    changes = {date: -10_00 if date.month < 7 else -20_00 for date in dates(FIRST, LAST)}
    errors = backtest(changes, first=FIRST, last=LAST)
    assert len(errors[7]) == 39  # weekly from 31 December back to the first day with three whole months behind it
    assert min(errors[7]) <= -65_00
    assert errors[365] == []
    steady = backtest(dict.fromkeys(dates(FIRST, LAST), -10_00), first=FIRST, last=LAST)
    assert max(abs(error) for error in steady[30]) <= 30_00


def test_scored_forecasts_come_before_the_past_and_longer_times_are_stretched():
    daily = [-10, 10] * 15
    found = spreads(scored={7: daily}, backtested={7: [99] * 60, 30: [-60, 90] * 60})
    assert (found[7].basis, found[7].errors) == (Basis.FORECASTS, 30)
    assert (found[30].low, found[30].high, found[30].basis) == (-62, 91, Basis.HISTORY)
    assert found[90] == Spread(low=-141, high=207, errors=120, basis=Basis.STRETCHED)  # 3 to the power of 3/4: 2.279
    assert spreads(scored={}, backtested={}) == {}


def test_own_forecasts_have_to_cover_the_time_ahead_four_times():
    daily = [-10, 10] * 11
    assert spreads(scored={7: daily[:21]}, backtested={}) == {}
    assert 7 in spreads(scored={7: daily}, backtested={})


def test_forecasts_that_share_their_days_count_less():
    errors = [-100, 100] * 25
    apart = spread_of(errors, basis=Basis.HISTORY)
    shared = spread_of(errors, basis=Basis.HISTORY, horizon=90, step=7)
    assert (apart.high, shared.high) == (100, 173)  # 433 days hold 90 days 4.8 times


def test_a_band_grows_between_horizons_and_independent_parts_add_up_as_squares():
    [flat] = project(holdings=[Holding(account_id=1, currency="EUR", balance=1000)], upcoming=[], today=TODAY, days=60)
    planned = {7: Spread(low=-30, high=30, errors=9, basis=Basis.FORECASTS)}
    habit = {7: Spread(low=-40, high=0, errors=9, basis=Basis.HISTORY)}
    found = band(flat, spreads=[planned, habit])
    assert (found.low[0], found.high[0]) == (1000, 1000)
    assert (found.low[7], found.high[7], found.low[60]) == (950, 1030, 950)
    assert found.low[3] == 1000 - 20  # 12 and 17, as squares
    assert found.basis is Basis.HISTORY


def test_cold_start_has_no_band_but_for_amounts_that_say_how_far_they_reach():
    bill = Upcoming(
        date=TODAY + datetime.timedelta(days=2), nominal=TODAY, account_id=1, amount=-100, currency="EUR",
        layer=Layer.SCHEDULE, label="Power", least=-150, most=-90,
    )  # fmt: skip
    holding = Holding(account_id=1, currency="EUR", balance=1000)
    [alone] = project(holdings=[holding], upcoming=[], today=TODAY, days=5)
    assert band(alone, spreads=[{}, {}]) is None
    [with_bill] = project(holdings=[holding], upcoming=[bill], today=TODAY, days=5)
    found = band(with_bill, spreads=[], upcoming=[bill])
    assert (found.low[1], found.low[2], found.high[5], found.basis) == (1000, 850, 910, Basis.NONE)


def test_scores():
    outcomes = [(100, 90, 80, 110), (50, 90, 80, 110), (70, 71, None, None)]
    assert score(30, outcomes) == Score(horizon=30, forecasts=3, mean_error=17, coverage=500)
    assert score(7, [(1, 2, None, None)]).coverage is None
    with pytest.raises(ValueError, match="nothing to score"):
        score(7, [])
    assert HORIZONS[0] == 7
