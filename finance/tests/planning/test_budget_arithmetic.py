"""Budgets without a database: calendars, what is carried, targets and pace; the figures are those of the field cases."""

import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.periods import PayRule, WeekendShift
from finance.planning.budgets.arithmetic import Carry, cells, in_days, pace, spread
from finance.planning.budgets.periods import BudgetCalendar, CalendarUnit, LabelBy
from finance.planning.budgets.targets import Target, TargetKind
from finance.planning.recurrence import Unit

D = datetime.date
MONTH = BudgetCalendar(unit=CalendarUnit.MONTH)


def days(period):
    return period.first, period.last


def test_bud_26_a_month_from_the_24th_has_every_day_once():
    calendar = BudgetCalendar(unit=CalendarUnit.MONTH, day=24)
    first = calendar.period_at(D(2016, 12, 24))
    assert days(first) == (D(2016, 12, 24), D(2017, 1, 23))
    assert first.days() == 31
    assert calendar.period_at(D(2017, 1, 23)) == first
    assert calendar.period_at(D(2017, 1, 24)).first == D(2017, 1, 24)
    assert calendar.label_day(first, LabelBy.START) == D(2016, 12, 24)
    assert calendar.label_day(first, LabelBy.END) == D(2017, 1, 23)


def test_bud_27_starts_move_off_weekends_without_gap_or_overlap():
    calendar = BudgetCalendar(unit=CalendarUnit.MONTH, day=15, shift=WeekendShift.BEFORE)
    periods = calendar.periods(D(2026, 7, 15), D(2026, 12, 31))
    assert [period.first for period in periods] == [
        D(2026, 7, 15), D(2026, 8, 14), D(2026, 9, 15), D(2026, 10, 15), D(2026, 11, 13), D(2026, 12, 15),
    ]  # fmt: skip
    assert [period.last for period in periods][:2] == [D(2026, 8, 13), D(2026, 9, 14)]


CALENDARS = [
    MONTH,
    *(BudgetCalendar(unit=CalendarUnit.MONTH, day=day, shift=shift) for day in (15, 29, 31) for shift in WeekendShift),
    BudgetCalendar(unit=CalendarUnit.MONTH, every=3, anchor=D(2026, 2, 28)),
    BudgetCalendar(unit=CalendarUnit.YEAR, anchor=D(2024, 2, 29)),
    BudgetCalendar(unit=CalendarUnit.WEEK, every=2, anchor=D(2026, 1, 2)),
    BudgetCalendar(unit=CalendarUnit.DAY, every=10, anchor=D(2026, 1, 2)),
    BudgetCalendar(unit=CalendarUnit.PAY, pay=PayRule(day=25, shift=WeekendShift.BEFORE)),
]


@given(st.sampled_from(CALENDARS), st.dates(D(1990, 1, 1), D(2060, 1, 1)))
def test_every_day_belongs_to_exactly_one_period(calendar, day):
    period = calendar.period_at(day)
    assert period.first <= day <= period.last
    around = calendar.periods(day - datetime.timedelta(days=90), day + datetime.timedelta(days=90))
    assert all(one.last + datetime.timedelta(days=1) == two.first for one, two in pairwise(around))
    assert period in around


@pytest.mark.parametrize(
    ("calendar", "field"),
    [
        ({"unit": CalendarUnit.WEEK}, "anchor"),
        ({"unit": CalendarUnit.MONTH, "day": 32}, "day"),
        ({"unit": CalendarUnit.MONTH, "every": 0}, "every"),
        ({"unit": CalendarUnit.WEEK, "anchor": D(2026, 1, 1), "day": 3}, "day"),
        ({"unit": CalendarUnit.ONCE, "anchor": D(2026, 1, 1)}, "last"),
        ({"unit": CalendarUnit.ONCE, "anchor": D(2026, 1, 2), "last": D(2026, 1, 1)}, "last"),
        ({"unit": CalendarUnit.PAY}, "unit"),
    ],
)
def test_a_calendar_without_a_meaning_names_its_field(calendar, field):
    with pytest.raises(Invalid) as refused:
        BudgetCalendar(**calendar)
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize("day", [D.min, D.max])
def test_the_ends_of_the_calendar_are_refused_in_words(day):
    with pytest.raises(Invalid):
        BudgetCalendar(unit=CalendarUnit.MONTH, day=15, shift=WeekendShift.AFTER).period_at(day)


def test_bud_01_overspending_is_carried_and_spending_is_not_touched():
    for carry in Carry:
        assert [cell.spent for cell in cells(assigned=[115_00, 0], spent=[490_00, 0], carries=[carry] * 2)] == [
            490_00,
            0,
        ]
    first, second = cells(assigned=[115_00, 0], spent=[490_00, 0], carries=[Carry.DEFICIT] * 2)
    assert (first.available, second.carried) == (-375_00, -375_00)


def test_bud_03_a_deficit_is_taken_once():
    cell = cells(assigned=[50_57, 200_00, 50_00], spent=[0, 286_42, 0], carries=[Carry.BOTH] * 3)
    assert [each.available for each in cell] == [50_57, -35_85, 14_15]
    assert [each.dropped for each in cell] == [0, 0, 0]


def test_bud_06_only_a_late_expense_changes_what_was_carried():
    def left(late):
        return cells(assigned=[1_029_63, 500_00], spent=[324_49 + late, 0], carries=[Carry.SURPLUS] * 2)[1].available

    assert (left(0), left(119_00)) == (1_205_14, 1_086_14)


def test_bud_07_the_policy_decides_what_is_carried():
    def second(carry):
        return cells(assigned=[100_00, 167_50], spent=[120_00, 0], carries=[carry] * 2)[1].available

    assert {carry: second(carry) for carry in Carry} == {
        Carry.NONE: 167_50, Carry.SURPLUS: 167_50, Carry.DEFICIT: 147_50, Carry.BOTH: 147_50,
    }  # fmt: skip
    nothing_added = cells(assigned=[37_25, 0], spent=[0, 0], carries=[Carry.SURPLUS] * 2)
    assert nothing_added[1].available == 37_25


def test_bud_09_a_weeks_rest_is_divided_by_the_weeks_days():
    week = pace(planned=28_00, spent=0, left=28_00, first=D(2026, 3, 2), last=D(2026, 3, 8), on=D(2026, 3, 1))
    assert (week.left, week.left_per_day) == (7, 4_00)
    monday = pace(planned=28_00, spent=0, left=28_00, first=D(2026, 3, 2), last=D(2026, 3, 8), on=D(2026, 3, 2))
    assert monday.left_per_day_with_today == 4_00


def test_bud_10_spent_by_the_days_that_passed_and_left_by_the_days_to_come():
    found = pace(planned=310_00, spent=70_00, left=240_00, first=D(2026, 3, 1), last=D(2026, 3, 31), on=D(2026, 3, 7))
    assert (found.passed, found.spent_per_day) == (7, 10_00)
    assert (found.left, found.left_per_day) == (24, 10_00)


def test_bud_29_a_year_accrues_from_its_first_day():
    def year(on, spent):
        return pace(planned=750_00, spent=spent, left=750_00 - spent, first=D(2017, 1, 1), last=D(2017, 12, 31), on=on)

    assert year(D(2017, 1, 2), 0).expected == 4_11
    first_expense = year(D(2017, 2, 21), 94_99)
    assert (first_expense.passed, first_expense.expected, -first_expense.ahead) == (52, 106_85, 11_86)


def test_bud_30_pace_and_rest_are_two_figures():
    found = pace(planned=100_00, spent=70_00, left=30_00, first=D(2026, 1, 1), last=D(2026, 1, 31), on=D(2026, 1, 15))
    assert (found.expected, found.ahead) == (48_39, 21_61)


def test_bud_31_a_weekly_budget_seen_for_the_days_of_a_month():
    def seen(calendar, planned, first, last):
        periods = calendar.periods(first, last)
        inside = [(min(each.last, last) - max(each.first, first)).days + 1 for each in periods]
        return in_days((planned, some, each.days()) for each, some in zip(periods, inside, strict=True))

    weeks = BudgetCalendar(unit=CalendarUnit.WEEK, anchor=D(2024, 1, 1))
    assert seen(weeks, 70_00, D(2024, 2, 1), D(2024, 2, 29)) == 290_00
    assert seen(weeks, 70_00, D(2025, 2, 1), D(2025, 2, 28)) == 280_00
    assert seen(MONTH, 400_00, D(2024, 2, 1), D(2024, 2, 29)) == 400_00


def run(target, calendar, months, by_hand=None):
    """What the target asks for in each month, where it is given unless `by_hand` (month → amount) says otherwise."""
    held, asked = 0, []
    for first in months:
        period = calendar.period_at(first)

        def until(due, first=first):
            return len(calendar.periods(first, due - datetime.timedelta(days=1)))

        needed = target.needed(period=period, carried=held, periods_until=until)
        asked.append(needed)
        held += (by_hand or {}).get(first, needed)
    return asked, held


def month_starts(year, month, count):
    return [D(year + (month - 1 + n) // 12, (month - 1 + n) % 12 + 1, 1) for n in range(count)]


def test_bud_20_what_is_there_already_is_not_added_again():
    target = Target(kind=TargetKind.SINKING, amount=1_400_00, due=D(2026, 6, 30), every=12)
    assert target.needed(period=MONTH.period_at(D(2026, 3, 1)), carried=1_500_00, periods_until=lambda _due: 4) == 0


def test_bud_21_the_rest_is_divided_by_the_periods_that_are_left():
    target = Target(kind=TargetKind.BY_DATE, amount=50_00, due=D(2026, 1, 31))
    months = month_starts(2025, 10, 4)
    assert run(target, MONTH, months, {months[1]: 60_00}) == ([12_50, 12_50, 0, 0], 72_50)
    assert run(target, MONTH, months, {months[1]: 0}) == ([12_50, 12_50, 18_75, 18_75], 50_00)


def test_bud_23_a_sinking_fund_makes_up_for_periods_that_were_left_out():
    target = Target(kind=TargetKind.SINKING, amount=60_00, due=D(2026, 4, 1), every=12)
    months = month_starts(2025, 10, 6)
    asked, held = run(target, MONTH, months, {months[0]: 0, months[1]: 0})
    assert asked[2:] == [15_00] * 4
    assert held == 60_00
    # Paid in April: it begins again, for April 2027.
    assert target.due_from(D(2026, 4, 1)) == D(2027, 4, 1)


def test_bud_25_fortnightly_pay_counts_its_dates():
    pay = Target(kind=TargetKind.RECURRING, amount=500_00, due=D(2025, 1, 3), every=14, unit=Unit.DAY)

    def planned(month):
        period = MONTH.period_at(D(2025, month, 1))
        return pay.needed(period=period, carried=0, periods_until=lambda _due: 1)

    assert {month: planned(month) for month in (1, 3, 5, 8)} == {1: 1_500_00, 3: 1_000_00, 5: 1_000_00, 8: 1_500_00}


@given(st.integers(-10_000, 10_000), st.integers(1, 400))
def test_parts_sum_to_the_whole(amount, parts):
    found = spread(amount, parts)
    assert (len(found), sum(found)) == (parts, amount)
    assert max(found) - min(found) <= 1
