"""Dates and amounts of schedules, without a database."""

import datetime
import zoneinfo

import pytest

from core.clock import day_in
from finance.errors import Invalid
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition, check_definition, middle
from finance.web.books import time_zone_choices

D = datetime.date.fromisoformat


def definition(amount=-100_00, first="2026-01-31", unit=Unit.MONTH, lines=None, **more):
    lines = (CounterLine(account_id=2),) if lines is None else lines
    given = {"name": "Rent", "account_id": 1, "amount": amount, "first": D(first), "unit": unit, "lines": lines}
    return Definition(**given, **more)


def dates(given, first, last):
    return [date.isoformat() for date in given.occurrences(D(first), D(last))]


def test_sch_01_the_31st_is_the_last_day_of_shorter_months_and_comes_back():
    found = dates(definition(), "2026-01-01", "2026-12-31")
    assert found[:6] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]
    assert len(found) == 12


def test_sch_02_dates_are_counted_from_the_anchor():
    assert dates(definition(first="2015-01-31"), "2015-02-01", "2015-04-30") == [
        "2015-02-28",
        "2015-03-31",
        "2015-04-30",
    ]
    assert dates(definition(first="2024-01-31"), "2024-02-01", "2024-04-30") == [
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
    ]


@pytest.mark.parametrize("first", ["2023-02-01", "2023-03-01", "2023-03-15"])
def test_sch_04_a_window_is_the_whole_series_cut_to_it(first):
    given = definition(first="2023-01-31", count=6)
    whole = dates(given, "2023-01-01", "2024-12-31")
    assert whole[2:] == ["2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30"]
    assert dates(given, first, "2023-06-30") == [each for each in whole if each >= first]
    for cut in ("2023-03-30", "2023-03-31", "2023-04-01"):
        after = (D(cut) + datetime.timedelta(days=1)).isoformat()
        assert dates(given, "2023-01-01", cut) + dates(given, after, "2024-12-31") == whole


def test_sch_08_bounds_are_of_nominal_dates():
    given = definition(first="2022-03-20", shift=WeekendShift.BEFORE, until=D("2022-03-20"))
    (nominal,) = given.occurrences(D("2022-01-01"), D("2022-12-31"))
    assert (nominal, given.shown(nominal)) == (D("2022-03-20"), D("2022-03-18"))


def test_sch_09_sch_10_weeks_are_counted_from_the_first_day():
    assert dates(definition(first="2021-06-02", unit=Unit.WEEK, every=2), "2021-06-01", "2021-06-30") == [
        "2021-06-02", "2021-06-16", "2021-06-30",
    ]  # fmt: skip
    assert dates(definition(first="2019-09-09", unit=Unit.DAY, every=14), "2019-09-01", "2019-10-21") == [
        "2019-09-09", "2019-09-23", "2019-10-07", "2019-10-21",
    ]  # fmt: skip


def test_sch_16_a_year_and_a_quarter():
    assert dates(definition(first="2019-04-01", unit=Unit.YEAR), "2019-09-09", "2020-12-31") == ["2020-04-01"]
    quarterly = definition(first="2019-05-01", every=3)
    assert dates(quarterly, "2019-05-01", "2020-02-29") == ["2019-05-01", "2019-08-01", "2019-11-01", "2020-02-01"]
    assert dates(quarterly, "2019-09-01", "2019-09-30") == []


@pytest.mark.parametrize(
    ("first", "pays", "last", "of_three"),
    [("2026-01-01", 27, "2026-12-31", [1, 7, 12]), ("2026-01-02", 26, "2026-12-18", [1, 7])],
)
def test_sch_19_fortnights_of_a_year(first, pays, last, of_three):
    found = definition(first=first, unit=Unit.WEEK, every=2).occurrences(D("2026-01-01"), D("2026-12-31"))
    months = [date.month for date in found]
    assert (len(found), found[-1]) == (pays, D(last))
    assert [month for month in range(1, 13) if months.count(month) == 3] == of_three


def test_the_last_payment_of_a_total_is_what_is_left():
    given = definition(amount=-250_00, first="2026-01-31", total=600_00)
    found = given.occurrences(D("2026-01-01"), D("2030-01-01"))
    assert [given.amount_at(each) for each in found] == [-250_00, -250_00, -100_00]
    assert given.next_after(found[-1]) is None


def test_lines_take_the_rest_or_their_share():
    fee = definition(-101_50, lines=(CounterLine(account_id=2), CounterLine(account_id=3, amount=1_50)))
    assert fee.counter_amounts(-101_50) == [100_00, 1_50]
    assert fee.counter_amounts(-51_50) == [50_00, 1_50]
    split = definition(
        -10_00, lines=tuple(CounterLine(account_id=n, amount=a) for n, a in ((2, 333), (3, 333), (4, 334)))
    )
    assert split.counter_amounts(-10_00) == [333, 333, 334]
    assert sum(split.counter_amounts(-9_99)) == 9_99
    with pytest.raises(Invalid) as refused:
        fee.counter_amounts(-1_00)
    assert "amount" in refused.value.fields


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("every", {"every": 0}),
        ("days", {"days": (30, 31)}),
        ("days", {"unit": Unit.WEEK, "days": (3,)}),
        ("weekday", {"weekday": (6, 1)}),
        ("until", {"until": D("2026-01-30")}),
        ("until", {"days": (5,), "until": D("2026-02-04")}),
        ("count", {"count": 0}),
        ("total", {"total": 100_00, "amount_kind": AmountKind.VARIABLE}),
        ("amount", {"amount": 0}),
        ("least", {"amount_kind": AmountKind.RANGE}),
        ("least", {"amount_kind": AmountKind.RANGE, "least": -90_00, "most": -80_00}),
        ("lines", {"lines": ()}),
        ("lines", {"lines": (CounterLine(account_id=2, amount=99_00),)}),
        ("lines", {"lines": (CounterLine(account_id=2), CounterLine(account_id=3, amount=100_00))}),
        ("lines", {"lines": (CounterLine(account_id=2), CounterLine(account_id=3))}),
    ],
)
def test_what_has_no_meaning_is_refused_by_field(field, given):
    with pytest.raises(Invalid) as refused:
        check_definition(definition(**given))
    assert list(refused.value.fields) == [field]


def test_the_middle_of_payments():
    assert (middle([3, 1, 2]), middle([1, 2]), middle([-1, -2])) == (2, 2, -2)


def test_sch_14_the_offset_of_a_zone_is_that_of_the_day():
    """The picker names zones without an offset; a day is told by the offset that holds on it, +08:00 and not that of 1970."""
    before, after = (datetime.datetime(2026, 2, 15, 15 + hour, 59, tzinfo=datetime.UTC) for hour in (0, 1))
    assert [day_in("Asia/Kuala_Lumpur", at=moment) for moment in (before, after)] == [D("2026-02-15"), D("2026-02-16")]
    assert not [label for _name, label in time_zone_choices() if "+" in label.partition("GMT")[0] or "UTC+" in label]


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Pacific/Auckland", "2014-09-26", 23),
        ("Australia/Sydney", "2014-10-04", 23),
        ("Europe/Berlin", "2026-10-24", 25),
    ],
)
def test_sch_15_a_day_of_23_or_25_hours_comes_once(zone, first, hours):
    days = definition(first=first, unit=Unit.DAY).occurrences(D(first), D(first) + datetime.timedelta(days=3))
    assert days == [D(first) + datetime.timedelta(days=index) for index in range(4)]
    # The book's own days: each hour belongs to one of them, and the changing one has fewer or more.
    start = datetime.datetime.combine(D(first), datetime.time(), zoneinfo.ZoneInfo(zone)).astimezone(datetime.UTC)
    told = [day_in(zone, at=start + datetime.timedelta(hours=hour)) for hour in range(96)]
    assert set(days) <= set(told)
    assert hours in [told.count(day) for day in days]


def test_sch_17_the_last_day_of_a_window_is_in_it():
    daily = definition(first="2021-09-01", unit=Unit.DAY)
    assert dates(daily, "2021-09-23", "2021-09-24") == ["2021-09-23", "2021-09-24"]
    fridays = definition(first="2021-04-02", unit=Unit.WEEK)
    assert dates(fridays, "2021-04-20", "2021-04-30") == ["2021-04-23", "2021-04-30"]
