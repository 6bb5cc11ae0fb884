"""How much of a bank file is read, and which days and amounts are believed. Beyond that a file is refused in words."""

import datetime
import re
from decimal import Decimal

from core.texts import gettext as _
from core.texts import number as number_of
from finance.errors import StatementUnreadable

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 200_000
# Of a file's beginning, which the page of columns shows.
PREVIEW_BYTES = 256 * 1024
MAX_COLUMNS = 200
MAX_CELL = 10_000  # characters
# Files hold one to three; each is walked through by itself.
MAX_STATEMENTS = 100
LONGEST_NUMBER = 40
# Days that a bank can mean; outside of them the arithmetic of calendars ends (9999-12-31 has no next day).
FIRST_YEAR, LAST_YEAR = 1900, 2199
_YEAR = re.compile(r"(?<!\d)\d{4}(?=$|\D|\d{4}(?!\d))")
_ISO_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
# Far beyond what the ledger holds; sums of a whole file stay exact within the 28 digits of a Decimal.
_BIGGEST = Decimal(10) ** 18
_SMALLEST_PLACE = -18


def believable_day(year: int, month: int, day: int) -> datetime.date:
    """The day. Raises ValueError when the calendar does not have it, or when no statement can be of that year."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"The year {year} is not between {FIRST_YEAR} and {LAST_YEAR}.")
    return datetime.date(year, month, day)


def iso_day(text: str) -> datetime.date | None:
    """The day that the text begins with, as 2026-03-01 or 20260301: the bank's own, never moved by time zones."""
    match = _ISO_DAY.match(text)
    try:
        return believable_day(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def no_such_day(text: str, *, order: str = "") -> str:
    """Why the text is no day of a statement, as a sentence; `order` is how it was read, such as "day, month, year"."""
    if any(not FIRST_YEAR <= int(year) <= LAST_YEAR for year in _YEAR.findall(text)):
        return _("“%(text)s” is not a day from %(first_year)s to %(last_year)s.") % {
            "text": text,
            "first_year": FIRST_YEAR,
            "last_year": LAST_YEAR,
        }
    if order:
        return _("“%(text)s” is not a day of the calendar when read as %(order)s.") % {"text": text, "order": order}
    return _("“%(text)s” is not a day of the calendar.") % {"text": text}


def is_believable(number: Decimal) -> bool:
    """Whether the number can be an amount of money: finite, of a size and with places that arithmetic keeps exact."""
    if not number.is_finite():
        return False
    places = number.as_tuple().exponent
    return isinstance(places, int) and places >= _SMALLEST_PLACE and abs(number) < _BIGGEST


def check_statements(number: int) -> None:
    """Raise StatementUnreadable for a file of more accounts than are read at once."""
    if number > MAX_STATEMENTS:
        raise StatementUnreadable(
            reason=_(
                "The file holds more than %(max_statements)s statements; %(max_statements)s can be "
                "imported at once. Please export fewer accounts."
            )
            % {"max_statements": MAX_STATEMENTS}
        )


def check_rows(number: int) -> None:
    """Raise StatementUnreadable for a file of more rows than are read at once."""
    if number > MAX_ROWS:
        raise StatementUnreadable(
            reason=_("The file holds more than %(max_rows)s rows. Please export a shorter period.")
            % {"max_rows": number_of(MAX_ROWS)}
        )
