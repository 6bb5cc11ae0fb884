"""What day it is: one instant is two days in two time zones."""

import datetime
import zoneinfo
from typing import Protocol

from django.utils import timezone


class InTimeZone(Protocol):
    """A book, or whatever else keeps its days by the name of a time zone."""

    @property
    def time_zone(self) -> str: ...


def today_in(book: InTimeZone, *, now: datetime.datetime | None = None) -> datetime.date:
    """The day as the people of the book see it, at `now` or at present."""
    return day_in(book.time_zone, at=now or timezone.now())


def day_in(time_zone: str, *, at: datetime.datetime) -> datetime.date:
    """The day of that instant in the zone. Raises ZoneInfoNotFoundError or ValueError for a name that is no zone."""
    return at.astimezone(zoneinfo.ZoneInfo(time_zone)).date()
