"""Periods: presets, the pay period, the period before, and their texts."""

import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.period_texts import PRESET_TEXTS, period_text
from finance.periods import (
    PayRule,
    Period,
    Preset,
    WeekendShift,
    days_between,
    months_in,
    period_token,
    read_period,
)

ONE_DAY = datetime.timedelta(days=1)
TODAY = datetime.date(2025, 1, 20)
PAY = PayRule(day=24)


def day(text):
    return datetime.date.fromisoformat(text)


def span(period):
    return tuple(each and each.isoformat() for each in (period.first, period.last))


def read(text, *, today=TODAY, pay=PAY):
    return read_period(text, today=today, pay=pay)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("this-month", "2025-01-01", "2025-01-31"),
        ("last-month", "2024-12-01", "2024-12-31"),
        ("this-quarter", "2025-01-01", "2025-03-31"),  # REP-19
        ("last-quarter", "2024-10-01", "2024-12-31"),  # REP-19
        ("this-year", "2025-01-01", "2025-12-31"),
        ("last-year", "2024-01-01", "2024-12-31"),
        ("2017", "2017-01-01", "2017-12-31"),  # REP-19
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024-Q3", "2024-07-01", "2024-09-30"),
        ("last-30-days", "2024-12-22", "2025-01-20"),
        ("last-90-days", "2024-10-23", "2025-01-20"),
        ("this-pay-period", "2024-12-24", "2025-01-23"),
        ("last-pay-period", "2024-11-24", "2024-12-23"),
        ("all", None, None),
        ("2025-03-05..2025-04-04", "2025-03-05", "2025-04-04"),
        ("2025-03-05..", "2025-03-05", None),
        ("..2025-03-05", None, "2025-03-05"),
    ],
)
def test_a_period_is_read_from_an_address(text, first, last):
    assert span(read(text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-13", "2025-00", "0000", "2025-Q5", "2025-02-30..", "٢٠٢٥", "x" * 9_999]
)
def test_what_is_no_period_is_refused_at_its_field(text):
    with pytest.raises(Invalid) as caught:
        read(text)
    assert "period" in caught.value.fields


def test_days_in_the_wrong_order_are_refused_with_both():
    with pytest.raises(Invalid, match="2025-03-01, is before the first, 2025-03-02"):
        days_between(day("2025-03-02"), day("2025-03-01"))


def test_a_pay_period_of_a_book_without_one_says_where_to_set_it():
    with pytest.raises(Invalid, match="no pay period yet"):
        read("this-pay-period", pay=None)


@pytest.mark.parametrize(
    ("date", "first", "last"),
    [
        ("2016-12-24", "2016-12-24", "2017-01-23"),
        ("2017-01-23", "2016-12-24", "2017-01-23"),
        ("2017-01-24", "2017-01-24", "2017-02-23"),
    ],
)
def test_a_pay_month_from_the_24th_to_the_23rd(date, first, last):  # BUD-26
    assert span(PAY.period_at(day(date))) == (first, last)


def test_a_payday_on_a_weekend_moves_and_leaves_neither_gap_nor_overlap():  # BUD-27
    rule = PayRule(day=15, shift=WeekendShift.BEFORE)
    period = rule.period_at(day("2026-07-20"))
    starts = []
    for _month in range(6):
        starts.append(period.first.isoformat())
        period = rule.period_at(period.last + ONE_DAY)
    assert starts == ["2026-07-15", "2026-08-14", "2026-09-15", "2026-10-15", "2026-11-13", "2026-12-15"]
    assert span(rule.period_at(day("2026-08-13"))) == ("2026-07-15", "2026-08-13")


def test_a_payday_every_other_week_counts_before_its_anchor_too():
    rule = PayRule(anchor=day("2026-01-02"), weeks=2)
    assert span(rule.period_at(day("2026-01-15"))) == ("2026-01-02", "2026-01-15")
    assert span(rule.period_at(day("2026-01-01"))) == ("2025-12-19", "2026-01-01")


rules = st.one_of(
    st.builds(PayRule, day=st.integers(1, 31), shift=st.sampled_from(WeekendShift)),
    st.builds(PayRule, anchor=st.dates(day("1990-01-01"), day("2040-01-01")), weeks=st.integers(1, 8)),
)


@given(rule=rules, date=st.dates(day("1990-01-01"), day("2040-01-01")))
def test_every_day_is_in_exactly_one_pay_period(rule, date):
    period = rule.period_at(date)
    assert period.first <= date <= period.last
    assert rule.period_at(period.first) == rule.period_at(period.last) == period
    assert rule.period_at(period.last + ONE_DAY).first == period.last + ONE_DAY
    assert period.before().last == period.first - ONE_DAY
    assert period.before().after() == period


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"day": 0},
        {"day": 32},
        {"weeks": 2},
        {"anchor": TODAY},
        {"anchor": TODAY, "weeks": 9},
        {"day": 1, "weeks": 2},
    ],
)
def test_a_pay_rule_without_meaning_is_refused(how):
    with pytest.raises(Invalid):
        PayRule(**how)


@pytest.mark.parametrize(
    ("text", "before", "a_year_before"),
    [
        ("2024-03", ("2024-02-01", "2024-02-29"), ("2023-03-01", "2023-03-31")),
        ("2024-02", ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
        ("2025-Q1", ("2024-10-01", "2024-12-31"), ("2024-01-01", "2024-03-31")),
        ("2024", ("2023-01-01", "2023-12-31"), ("2023-01-01", "2023-12-31")),
        ("2025-01-11..2025-01-20", ("2025-01-01", "2025-01-10"), ("2024-01-11", "2024-01-20")),
        ("2024-02-29..2024-02-29", ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
        ("this-pay-period", ("2024-11-24", "2024-12-23"), ("2023-12-24", "2024-01-23")),
    ],
)
def test_the_period_before_and_that_of_last_year_are_of_the_same_kind(text, before, a_year_before):
    period = read(text)
    assert span(period.before()) == before
    assert period.before().after() == period
    assert span(period.a_year_before()) == a_year_before


@pytest.mark.parametrize("text", ["all", "2025-01-01..", "0001-01", "0001-01-01..0001-01-09"])
def test_there_is_nothing_before_an_open_period_or_the_calendar(text):
    assert read(text).before() is None
    assert read(text).a_year_before() is None


@pytest.mark.parametrize(
    ("today", "text", "until"),
    [
        ("2026-03-09", "2026-03", "2026-02-09"),
        ("2026-03-30", "2026-03", "2026-02-28"),
        ("2026-03-31", "2026-03", "2026-02-28"),
        ("2026-04-02", "2026-03", "2026-02-28"),
        ("2026-02-27", "2026-02", "2026-01-27"),
        ("2026-02-28", "2026-02", "2026-01-31"),
        ("2026-05-10", "2026-Q2", "2026-02-10"),
        ("2025-01-02", "this-pay-period", "2024-12-03"),
    ],
)
def test_a_period_under_way_is_compared_with_the_same_stretch(today, text, until):
    period = read(text, today=day(today))
    assert span(period.same_stretch(period.before(), today=day(today)))[1] == until


@pytest.mark.parametrize(
    "text", ["2024", "2024-Q2", "2024-02", "2024-01-01..2024-02-03", "2024-01-01..", "..2024-01-31", "all"]
)
def test_a_period_is_written_as_it_is_read(text):
    assert period_token(read(text)) == text


def test_days_that_are_a_month_are_that_month():
    assert days_between(day("2024-02-01"), day("2024-02-29")).months == 1
    assert days_between(day("2024-02-01"), day("2024-02-28")).months == 0
    assert period_token(read("2024-02-01..2024-02-29")) == "2024-02"


def test_days_that_are_a_pay_period_go_on_as_one():
    assert read("2024-12-24..2025-01-23") == read("this-pay-period")
    assert read("2024-12-24..2025-01-23", pay=None).pay is None


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2026-01-01", "2026-03-31", 3),
        ("2026-01-01", "2026-03-15", 2 + Fraction(15, 31)),
        ("2026-01-31", "2026-02-01", Fraction(1, 31) + Fraction(1, 28)),
        ("9999-12-01", "9999-12-31", 1),
        ("2026-02-02", "2026-02-01", 0),
    ],
)
def test_months_are_counted_and_a_cut_one_by_its_days(first, last, months):
    assert months_in(day(first), day(last)) == months


def test_periods_in_words():
    texts = ["2026-03", "2026-Q1", "2026", "2026-03-05..2026-04-04", "2026-03-05..2026-03-05", "2026-03-05..", "all"]
    assert [period_text(read(text)) for text in texts] == [
        "March 2026",
        "Q1 2026",
        "2026",
        "Mar 5, 2026 – Apr 4, 2026",
        "Mar 5, 2026",
        "from Mar 5, 2026",
        "All time",
    ]
    assert period_text(Period(last=TODAY)) == "to Jan 20, 2025"
    assert set(Preset) == set(PRESET_TEXTS)
