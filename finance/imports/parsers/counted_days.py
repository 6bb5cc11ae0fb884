"""Days written as a count: Excel's serial numbers, and seconds or milliseconds since 1970.

Such numbers look like amounts, so they are believed only in a column that is known to hold dates.
"""

import datetime
import re
from collections.abc import Sequence

from core.texts import gettext_noop

_EXCEL_DAY_0 = datetime.date(1899, 12, 30)
_EPOCH = datetime.date(1970, 1, 1)
_SECONDS_PER_DAY = 86_400
_EXCEL = re.compile(r"(\d{5})(?:[.,]\d{1,12})?")
_SECONDS = re.compile(r"(\d{9,10})(?:[.,]\d{1,9})?")
_MILLISECONDS = re.compile(r"(\d{12,13})")
# The days that are believed without a word of the bank: a number of something else seldom falls between them.
_FROM, _UNTIL = datetime.date(1990, 1, 1), datetime.date(2079, 12, 31)
COUNTS = {
    "excel": gettext_noop("Excel's count of days"),
    "epoch": gettext_noop("seconds since 1970, in UTC"),
    "epoch_ms": gettext_noop("milliseconds since 1970, in UTC"),
}


def counted_day(text: str, count: str) -> datetime.date | None:
    """The day of a number under one of COUNTS; None for what is no such number, or far from our time."""
    if count not in COUNTS:
        return None
    try:
        if count == "excel":
            days = int(match[1]) if (match := _EXCEL.fullmatch(text)) else None
            found = None if days is None else _EXCEL_DAY_0 + datetime.timedelta(days=days)
        else:
            match = (_SECONDS if count == "epoch" else _MILLISECONDS).fullmatch(text)
            number = None if match is None else int(match[1]) // (1 if count == "epoch" else 1000)
            found = None if number is None else _EPOCH + datetime.timedelta(days=number // _SECONDS_PER_DAY)
    except OverflowError:
        return None
    return found if found is not None and _FROM <= found <= _UNTIL else None


def count_of(cells: Sequence[str]) -> str:
    """Under which of COUNTS nearly all cells are days; "" for none."""
    for count in COUNTS:
        if cells and sum(counted_day(cell, count) is not None for cell in cells) >= 0.9 * len(cells):
            return count
    return ""
