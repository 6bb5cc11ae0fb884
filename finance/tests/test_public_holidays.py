"""Days off by countries and regions, and dates that keep off them. The days are those of the calendars of Bavaria and others."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.periods import MOST_MOVED, WeekendShift, shifted
from finance.public_holidays import checked_region, holiday_names, is_free


def day(text):
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("date", "region", "before", "after", "nearest"),
    [
        # Christmas 2026 is a Friday, and Saturday is a holiday as well.
        ("2026-12-25", "DE-BY", "2026-12-24", "2026-12-28", "2026-12-24"),
        # Epiphany is a holiday in Bavaria and none in Hesse; of two that are as near the earlier.
        ("2027-01-06", "DE-BY", "2027-01-05", "2027-01-07", "2027-01-05"),
        ("2027-01-06", "DE-HE", "2027-01-06", "2027-01-06", "2027-01-06"),
        # Easter in England, from Good Friday through Monday.
        ("2026-04-05", "GB-ENG", "2026-04-02", "2026-04-07", "2026-04-07"),
        # Friday and Saturday are the weekend.
        ("2026-03-13", "IL", "2026-03-12", "2026-03-15", "2026-03-12"),
        ("2026-03-15", "IL", "2026-03-15", "2026-03-15", "2026-03-15"),
        # A Sunday that is worked for the days of the Spring Festival.
        ("2024-02-04", "CN", "2024-02-04", "2024-02-04", "2024-02-04"),
        ("2026-03-14", "", "2026-03-13", "2026-03-16", "2026-03-13"),
    ],
)
def test_the_working_day_before_after_and_nearest(date, region, before, after, nearest):
    shifts = (WeekendShift.BEFORE, WeekendShift.AFTER, WeekendShift.NEAREST, WeekendShift.NONE)
    assert [shifted(day(date), shift, region).isoformat() for shift in shifts] == [before, after, nearest, date]


@given(
    date=st.dates(min_value=datetime.date(1, 2, 1), max_value=datetime.date(9999, 12, 1)),
    shift=st.sampled_from(WeekendShift),
    region=st.sampled_from(["", "DE-BY", "JP", "IL", "XX-gone", "DE-gone"]),
)
def test_a_day_moves_a_few_days_at_most_and_never_twice(date, shift, region):
    there = shifted(date, shift, region)
    assert abs((there - date).days) <= MOST_MOVED
    assert shifted(there, shift, region) == there


def test_holidays_have_names_in_the_readers_language():
    week = {"region": "DE-BY", "first": day("2026-12-24"), "last": day("2027-01-06")}
    german = dict(holiday_names(**week, language="de"))
    assert german[day("2026-12-25")] == "Erster Weihnachtstag"
    assert list(german) == [day("2026-12-25"), day("2026-12-26"), day("2027-01-01"), day("2027-01-06")]
    assert holiday_names(**week, language="es")[day("2026-12-25")] == "Christmas Day"
    assert holiday_names(region="", first=week["first"], last=week["last"]) == {}


def test_a_region_is_known_or_refused_with_what_is_known():
    assert [checked_region(each, field="x") for each in ("", " de ", "de-by", "US-CA")] == ["", "DE", "DE-BY", "US-CA"]
    with pytest.raises(Invalid, match="BB, BE, BW, BY") as refused:
        checked_region("DE-XX", field="holidays")
    assert "holidays" in refused.value.fields
    for wrong in ("Germany", "EU", "-", "IE-D", "DE-" + "x" * 400):
        with pytest.raises(Invalid):
            checked_region(wrong, field="holidays")


def test_of_what_is_no_longer_known_only_weekends_are_free():
    assert is_free(day("2026-12-26"), region="XX")
    assert not is_free(day("2026-12-25"), region="XX")
