"""Recurrence: exact dates, whatever window asks for them, and rhythms told from dates."""

import datetime
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from finance.planning.recurrence import (
    CADENCES,
    LAST_DAY,
    LAST_WEEKDAY,
    Recurrence,
    Unit,
    WeekendShift,
    detect,
    shifted,
)

ONE_DAY = datetime.timedelta(days=1)
MONDAY, TUESDAY, FRIDAY = 0, 1, 4


def day(text):
    return datetime.date.fromisoformat(text)


def days(*texts):
    """days("2026-01-31", "02-28") → both in 2026: a date without a year has that of the one before."""
    found = []
    for text in texts:
        found.append(day(text if len(text) == 10 else f"{found[-1].year}-{text}"))
    return found


def rule(anchor, unit=Unit.MONTH, every=1, **how):
    return Recurrence(anchor=day(anchor), unit=unit, every=every, **how)


def first(recurrence, count):
    return [recurrence.at(index) for index in range(count)]


def in_year(recurrence, year):
    return recurrence.occurrences(datetime.date(year, 1, 1), datetime.date(year, 12, 31))


# Dates of a rule


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (rule("2026-01-31"), days("2026-01-31", "02-28", "03-31", "04-30", "05-31", "06-30")),
        (rule("2015-01-31"), days("2015-01-31", "02-28", "03-31", "04-30")),
        (rule("2024-01-31"), days("2024-01-31", "02-29", "03-31", "04-30")),
        (rule("2026-02-28", days=(LAST_DAY,)), days("2026-02-28", "03-31", "04-30", "05-31")),
        (rule("2026-02-28"), days("2026-02-28", "03-28", "04-28")),
        (rule("2026-01-10", days=(5,)), days("2026-02-05", "03-05")),
        (rule("2026-01-16", days=(15, LAST_DAY)), days("2026-01-31", "02-15", "02-28", "03-15", "03-31")),
        (rule("2026-01-01", days=(30, LAST_DAY)), days("2026-01-30", "01-31", "02-28", "02-28", "03-30")),
        (rule("2019-09-09", Unit.DAY, 14), days("2019-09-09", "09-23", "10-07", "10-21")),
        (rule("2021-06-02", Unit.WEEK, 2), days("2021-06-02", "06-16", "06-30")),
        (rule("2019-05-01", every=3), days("2019-05-01", "08-01", "11-01", "2020-02-01")),
        (rule("2024-02-29", Unit.YEAR), days("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")),
        (rule("2026-01-01", Unit.WEEK, weekdays=(0, 3)), days("2026-01-01", "01-05", "01-08", "01-12")),
        (rule("2026-01-02", Unit.WEEK, 2, weekdays=(0, 3)), days("2026-01-12", "01-15", "01-26", "01-29")),
        (rule("2026-01-01", days=(1, 10, 20, LAST_DAY)), days("2026-01-01", "01-10", "01-20", "01-31", "02-01")),
        (rule("2026-01-01", weekday=(2, TUESDAY)), days("2026-01-13", "02-10", "03-10")),
        (rule("2026-01-01", weekday=(LAST_WEEKDAY, FRIDAY)), days("2026-01-30", "02-27", "03-27", "04-24", "05-29")),
    ],
)
def test_the_first_dates_of_a_rule(recurrence, expected):
    assert first(recurrence, len(expected)) == expected
    assert recurrence.occurrences(expected[0], expected[-1]) == expected


def test_the_31st_comes_twelve_times_a_year():
    assert [len(in_year(rule("2026-01-31"), year)) for year in (2026, 2027, 2028)] == [12, 12, 12]


@pytest.mark.parametrize("start", ["2023-03-01", "2023-03-15", "2023-02-01"])
def test_a_window_returns_the_series_cut_to_it(start):
    series = days(
        "2023-01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31"
    )
    asked = rule("2023-01-31").occurrences(day(start), day("2023-12-31"))
    assert asked == [each for each in series if each >= day(start)]


def test_a_yearly_rule_is_asked_for_one_year():
    assert in_year(rule("2019-04-01", every=12), 2020) == days("2020-04-01")
    assert in_year(rule("2019-04-01", Unit.YEAR), 2020) == days("2020-04-01")


@pytest.mark.parametrize(
    ("anchor", "count", "last", "months_with_three"),
    [("2026-01-01", 27, "2026-12-31", [1, 7, 12]), ("2026-01-02", 26, "2026-12-18", [1, 7])],
)
def test_fortnightly_pay_comes_26_or_27_times_a_year(anchor, count, last, months_with_three):
    pays = in_year(rule(anchor, Unit.WEEK, 2), 2026)
    assert (len(pays), pays[-1]) == (count, day(last))
    months = [pay.month for pay in pays]
    assert [month for month in range(1, 13) if months.count(month) == 3] == months_with_three


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"every": -1},
        {"days": (0,)},
        {"days": (32,)},
        {"days": (15, 1)},
        {"days": (15, 15)},
        {"unit": Unit.WEEK, "days": (1,)},
        {"unit": Unit.DAY, "weekday": (1, 1)},
        {"days": (1,), "weekday": (1, 1)},
        {"weekday": (6, 1)},
        {"weekday": (1, 7)},
        {"weekdays": (1,)},
        {"unit": Unit.WEEK, "weekdays": (7,)},
        {"unit": Unit.WEEK, "weekdays": (3, 0)},
    ],
)
def test_a_rule_without_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match=r"rule|month|Days|[wW]eek"):
        rule("2026-01-01", **wrong)
    with pytest.raises(ValueError, match="counted from 0"):
        rule("2026-01-01").at(-1)


ALL_DATES = st.dates()
RULES = st.one_of(
    st.builds(
        Recurrence,
        anchor=ALL_DATES,
        unit=st.just(Unit.WEEK),
        every=st.integers(1, 60),
        weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(Recurrence, anchor=ALL_DATES, unit=st.sampled_from([Unit.DAY, Unit.WEEK]), every=st.integers(1, 400)),
    st.builds(
        Recurrence,
        anchor=ALL_DATES,
        unit=st.sampled_from([Unit.MONTH, Unit.YEAR]),
        every=st.integers(1, 40),
        days=st.lists(st.integers(1, 31), max_size=4, unique=True).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(
        Recurrence,
        anchor=ALL_DATES,
        unit=st.just(Unit.MONTH),
        every=st.integers(1, 40),
        weekday=st.tuples(st.integers(1, 5), st.integers(0, 6)),
    ),
)


@given(recurrence=RULES, start=ALL_DATES, lengths=st.tuples(st.integers(0, 900), st.integers(1, 900)))
@example(recurrence=rule("9999-11-30", days=(LAST_DAY,)), start=day("9999-12-01"), lengths=(10, 20))
def test_two_windows_beside_each_other_hold_what_the_whole_holds(recurrence, start, lengths):
    middle = min(start.toordinal() + lengths[0], datetime.date.max.toordinal() - 1)
    end = min(middle + lengths[1], datetime.date.max.toordinal())
    a, b, c = start, datetime.date.fromordinal(middle), datetime.date.fromordinal(end)
    assume(a <= b < c)
    assert recurrence.occurrences(a, b) + recurrence.occurrences(b + ONE_DAY, c) == recurrence.occurrences(a, c)


@given(recurrence=RULES, date=ALL_DATES)
def test_windows_next_dates_and_nearest_dates_agree_with_counting_from_the_anchor(recurrence, date):
    counted = []
    for index in range(60):
        if (found := recurrence.at(index)) is None:
            break
        counted.append(found)
    assert counted == sorted(counted)
    assert all(each >= recurrence.anchor for each in counted)
    if not counted:
        assert recurrence.next_after(date) is None
        assert recurrence.nearest(date) is None
        return
    assert recurrence.occurrences(datetime.date.min, counted[-1])[: len(counted)] == counted
    for earlier, later in pairwise(sorted(set(counted))):
        assert recurrence.next_after(earlier) == later
        assert recurrence.next_after(later - ONE_DAY) == later
        between = earlier + (later - earlier) // 2
        assert recurrence.nearest(between) == earlier
    following = recurrence.next_after(date)
    assert following is None or following > date


@given(recurrence=RULES, index=st.integers(0, 10**12))
def test_nothing_overflows_from_the_year_1_to_9999(recurrence, index):
    found = recurrence.at(index)
    assert found is None or recurrence.anchor <= found <= datetime.date.max
    recurrence.next_after(datetime.date.max)
    recurrence.next_after(datetime.date.min)
    assert recurrence.next_after(datetime.date.max) is None
    assert recurrence.occurrences(datetime.date.max, datetime.date.max) in ([], [datetime.date.max])


def test_a_rule_ends_with_the_calendar():
    assert rule("9999-10-31").occurrences(datetime.date.min, datetime.date.max) == days("9999-10-31", "11-30", "12-31")
    assert rule("9999-12-31").next_after(day("9999-12-31")) is None
    assert rule("2026-01-31", every=10**9).at(1) is None
    assert rule("2026-01-31", Unit.DAY, 10**12).at(1) is None
    assert rule("0001-01-01").nearest(datetime.date.min) == datetime.date.min


def test_a_payment_belongs_to_the_nearest_date_also_in_another_month():
    last = rule("2026-01-31")
    assert last.nearest(day("2026-02-27")) == day("2026-02-28")
    assert last.nearest(day("2026-03-01")) == day("2026-02-28")
    assert rule("2025-11-01").nearest(day("2026-01-31")) == day("2026-02-01")
    assert rule("2026-01-01", Unit.DAY, 2).nearest(day("2026-01-02")) == day("2026-01-01")
    assert rule("2026-01-01").nearest(day("2025-06-01")) == day("2026-01-01")


# Weekends


@pytest.mark.parametrize(
    ("shift", "saturday", "sunday"),
    [
        (WeekendShift.NONE, "2026-02-28", "2026-03-01"),
        (WeekendShift.BEFORE, "2026-02-27", "2026-02-27"),
        (WeekendShift.AFTER, "2026-03-02", "2026-03-02"),
        (WeekendShift.NEAREST, "2026-02-27", "2026-03-02"),
    ],
)
def test_a_weekend_date_is_shown_on_a_weekday(shift, saturday, sunday):
    assert shifted(day("2026-02-28"), shift) == day(saturday)
    assert shifted(day("2026-03-01"), shift) == day(sunday)
    assert shifted(day("2026-02-27"), shift) == day("2026-02-27")


def test_bounds_test_the_nominal_date():
    """Saturday 28 February is shown on Friday 27; it still belongs to the window that begins on the 28th."""
    recurrence = rule("2026-01-28")
    window = recurrence.occurrences(day("2026-02-28"), day("2026-03-27"))
    assert [shifted(each, WeekendShift.BEFORE) for each in window] == days("2026-02-27")
    assert recurrence.occurrences(day("2026-02-01"), day("2026-02-27")) == []


@given(date=ALL_DATES, shift=st.sampled_from(WeekendShift))
def test_a_shift_ends_on_a_weekday_at_most_two_days_away(date, shift):
    moved = shifted(date, shift)
    assert abs((moved - date).days) <= 2
    assert shift is WeekendShift.NONE or moved.weekday() < 5


# Detection


def _detected(*texts):
    found = detect(days(*texts))
    return (found.cadence.name, found.rule.days, found.due()) if found else None


def test_the_15th_and_the_last_day_are_twice_a_month_not_fortnightly():
    found = detect(days("2026-01-15", "01-31", "02-15", "02-28", "03-15", "03-31"))
    assert (found.cadence.name, found.rule.days) == ("twice_a_month", (15, LAST_DAY))
    assert [found.due(), found.due(2)] == days("2026-04-15", "04-30")
    assert len(in_year(found.rule, 2027)) == found.cadence.per_year == 24
    assert (found.confidence, len(found.dates)) == (100, 6)


@pytest.mark.parametrize(
    ("dates", "name", "day_of_month", "following"),
    [
        (["2025-07-10", "09-10", "11-10", "2026-01-10", "03-10"], "two_months", (10,), "2026-05-10"),
        (["2024-07-01", "2025-01-01", "07-01", "2026-01-01"], "half_year", (1,), "2026-07-01"),
        (["2026-01-31", "02-28", "03-31"], "month", (31,), "2026-04-30"),
        (["2026-02-28", "03-28", "04-28"], "month", (28,), "2026-05-28"),
        (["2025-12-31", "2026-01-31", "02-28"], "month", (31,), "2026-03-31"),
        (["2026-01-30", "02-28", "03-30"], "month", (30,), "2026-04-30"),
        (["2025-11-28", "12-26", "2026-01-28", "02-27", "03-27"], "month", (28,), "2026-04-28"),
        (["2025-11-01", "12-01", "2025-12-31", "2026-01-30", "02-27", "04-01"], "month", (1,), "2026-05-01"),
        (["2025-11-15", "2026-02-16", "05-15"], "quarter", (15,), "2026-08-15"),
        (["2025-03-03", "07-03", "11-03"], "four_months", (3,), "2026-03-03"),
        (["2025-05-30", "2026-06-02"], "year", (30,), "2027-05-30"),
        (["2022-05-02", "2024-05-02", "2026-05-04"], "two_years", (2,), "2028-05-02"),
        (["2026-05-01", "05-08", "05-15", "05-22"], "week", (), "2026-05-29"),
        (["2026-05-01", "05-15", "05-29", "06-12"], "fortnight", (), "2026-06-26"),
        (["2026-05-01", "05-02", "05-03", "05-04", "05-05", "05-06", "05-07"], "day", (), "2026-05-08"),
    ],
)
def test_a_rhythm_is_told_from_dates(dates, name, day_of_month, following):
    assert _detected(*dates) == (name, day_of_month, day(following))


def test_pay_every_28_days_over_a_year_is_not_monthly():
    pays = [day("2025-06-06") + datetime.timedelta(days=28 * number) for number in range(14)]
    found = detect(pays)
    assert (found.cadence.name, found.due(), len(in_year(found.rule, 2026))) == ("four_weeks", day("2026-07-03"), 13)
    assert detect(pays[:3]) is None, "three of them may still be monthly"


def test_a_salary_before_weekends_is_monthly_on_its_day():
    nominal = rule("2025-06-28").occurrences(day("2025-06-28"), day("2026-06-28"))
    found = detect([shifted(each, WeekendShift.BEFORE) for each in nominal])
    assert (found.cadence.name, found.rule.days, found.shift, found.confidence) == (
        "month",
        (28,),
        WeekendShift.BEFORE,
        100,
    )
    assert found.due() == day("2026-07-28")


@pytest.mark.parametrize(
    "dates",
    [
        [],
        ["2026-05-01"],
        ["2026-05-01", "05-20", "06-01"],
        ["2026-01-05", "02-05"],
        ["2026-01-05", "02-05", "02-27"],
        ["2026-01-02", "01-30", "02-27"],
        ["2026-05-01", "05-08", "05-15"],
        ["2024-05-01", "2026-05-01"],
    ],
)
def test_what_is_undecided_is_no_rhythm(dates):
    assert _detected(*dates) is None


def test_a_rhythm_that_changed_is_told_by_its_latest_dates():
    weekly = [day("2026-01-02") + datetime.timedelta(days=7 * number) for number in range(8)]
    found = detect([*days("2025-09-20", "10-20", "11-20", "12-20"), *weekly])
    assert (found.cadence.name, found.dates) == ("week", tuple(weekly))


def test_more_dates_can_be_asked_for_except_of_yearly_ones():
    monthly = days("2026-01-05", "02-05", "03-05")
    assert detect(monthly, minimum=3)
    assert detect(monthly, minimum=4) is None
    assert detect(days("2025-05-05", "2026-05-05"), minimum=4)


@given(
    cadence=st.sampled_from(CADENCES),
    anchor=st.dates(datetime.date(2000, 1, 1), datetime.date(2030, 12, 31)),
    shift=st.sampled_from(WeekendShift),
    count=st.integers(6, 13),
)
def test_every_rhythm_is_found_in_its_own_dates(cadence, anchor, shift, count):
    """And predicts the next one to the day, weekends included."""
    assume(cadence.name != "day" or (shift is WeekendShift.NONE and count >= 7))
    on = (anchor.day, (anchor.day + 15) % 31 or 31) if cadence.twice else ()
    made = Recurrence(anchor=anchor, unit=cadence.unit, every=cadence.every, days=tuple(sorted(on)))
    dates = [shifted(made.at(index), shift) for index in range(count)]
    found = detect(dates)
    assert found is not None
    assert found.cadence == cadence
    assert found.dates == tuple(dates)
    predicted = shifted(found.due(), found.shift)
    assert abs((predicted - shifted(made.at(count), shift)).days) <= 3
    if shift is WeekendShift.NONE and not cadence.twice:
        assert found.confidence == 100


@pytest.mark.parametrize(
    "rule",
    [
        Recurrence(anchor=datetime.date(2026, 1, 31), unit=Unit.MONTH),
        Recurrence(anchor=datetime.date(2026, 1, 20), unit=Unit.MONTH, every=2, days=(15, 31)),
        Recurrence(anchor=datetime.date(2026, 1, 20), unit=Unit.YEAR, weekday=(2, 1)),
        Recurrence(anchor=datetime.date(2026, 1, 20), unit=Unit.WEEK, every=3),
    ],
)
def test_a_rule_that_reaches_back_has_the_same_dates_and_earlier_ones(rule: Recurrence) -> None:
    back = rule.reaching_back(datetime.date(2023, 5, 5))
    last = datetime.date(2028, 12, 31)
    assert rule.occurrences(rule.at(0), last) == back.occurrences(rule.at(0), last)
    assert back.at(0) <= datetime.date(2025, 1, 31) - datetime.timedelta(days=600)
    assert back.reaching_back(datetime.date(2026, 1, 1)) is back


def test_a_rule_does_not_reach_back_before_the_calendar() -> None:
    for unit in (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR):
        rule = Recurrence(anchor=datetime.date(1, 2, 3), unit=unit, every=7)
        assert rule.reaching_back(datetime.date.min).at(0) <= rule.at(0)
