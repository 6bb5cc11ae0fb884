"""What day it is: the same instant can be two days in two time zones."""

import datetime
import zoneinfo
from typing import Protocol

from django.utils import timezone


class InTimeZone(Protocol):
    """A book, or anything else with a time zone by name."""

    @property
    def time_zone(self) -> str: ...


def today_in(book: InTimeZone, *, now: datetime.datetime | None = None) -> datetime.date:
    """The day in the book's time zone, at `now` or at present."""
    return day_in(book.time_zone, at=now or timezone.now())


def day_in(time_zone: str, *, at: datetime.datetime) -> datetime.date:
    """The day of that instant in the zone. Raises ZoneInfoNotFoundError or ValueError for a name that is no zone."""
    return at.astimezone(zoneinfo.ZoneInfo(time_zone)).date()
