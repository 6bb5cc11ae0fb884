"""The clock of the books: each begins its day when it is midnight in its own time zone."""

import datetime
import logging
import zoneinfo

from django.db import connection, transaction

from core.clock import day_in
from finance.events.plans import DayBegan
from finance.ledger.models import Book
from platform_outbox.emit import emit_many

logger = logging.getLogger("finance.days")

# One statement for all books. A second call, even at the same moment, returns nothing.
_BEGIN = """
    INSERT INTO finance_bookday (book_id, date)
    SELECT book.id, zone.date
    FROM finance_book AS book
    JOIN unnest(%s::text[], %s::date[]) AS zone (name, date) ON zone.name = book.time_zone
    LEFT JOIN finance_bookday AS day ON day.book_id = book.id
    WHERE (day.date IS NULL OR day.date < zone.date) AND book.deleted_at IS NULL
    ORDER BY book.id
    ON CONFLICT (book_id) DO UPDATE SET date = EXCLUDED.date WHERE finance_bookday.date < EXCLUDED.date
    RETURNING book_id, date
"""


@transaction.atomic
def begin_days(*, now: datetime.datetime) -> int:
    """Announce for every book in use the day that it has at `now`, if that has not been done; returns for how many.

    Days on which nobody asked are left out: only the present one is news. A book that moves to a zone where it is
    still yesterday does not begin a day twice.
    """
    zones = Book.objects.order_by("time_zone").values_list("time_zone", flat=True).distinct()
    dates = {}
    for zone in zones:
        try:
            dates[zone] = day_in(zone, at=now)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            # A zone that this machine no longer knows must not stop the clock of all the others.
            logger.warning("The time zone %s is unknown here; books in it begin their day with UTC.", zone)
            dates[zone] = now.astimezone(datetime.UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, (list(dates), list(dates.values())))
        begun = cursor.fetchall()
    emit_many([DayBegan(book_id=book_id, date=date) for book_id, date in begun])
    return len(begun)
