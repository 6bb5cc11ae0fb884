"""Today, as the book's people see it."""

import datetime
import zoneinfo

from django.utils import timezone

from finance.models import Book


def today_in(book: Book) -> datetime.date:
    """The current day in the book's time zone."""
    return timezone.now().astimezone(zoneinfo.ZoneInfo(book.time_zone)).date()
