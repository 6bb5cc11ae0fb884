"""One answer to "what day is it there?"."""

import datetime
import zoneinfo
from types import SimpleNamespace

import pytest

from core.clock import day_in, today_in

NEAR_MIDNIGHT = datetime.datetime(2026, 12, 31, 23, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Dublin", datetime.date(2026, 12, 31)),
        ("Europe/Berlin", datetime.date(2027, 1, 1)),
        ("Pacific/Kiritimati", datetime.date(2027, 1, 1)),
        ("America/Los_Angeles", datetime.date(2026, 12, 31)),
    ],
)
def test_the_day_is_that_of_the_zone(zone, day):
    assert day_in(zone, at=NEAR_MIDNIGHT) == day
    assert today_in(SimpleNamespace(time_zone=zone), now=NEAR_MIDNIGHT) == day


def test_today_is_asked_of_the_clock_where_no_moment_is_given(monkeypatch):
    monkeypatch.setattr("core.clock.timezone.now", lambda: NEAR_MIDNIGHT)
    assert today_in(SimpleNamespace(time_zone="Europe/Berlin")) == datetime.date(2027, 1, 1)


def test_a_name_that_is_no_zone_is_refused():
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        day_in("Europe/Atlantis", at=NEAR_MIDNIGHT)
