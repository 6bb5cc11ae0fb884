"""The days that a figure spans, and the address of the rows that make it."""

import datetime

from dateutil.relativedelta import relativedelta
from django.utils.http import urlencode


def month_end(day: datetime.date) -> datetime.date:
    """The last day of the month that `day` is in."""
    return day + relativedelta(day=31)


def rows_query(first: datetime.date | None, last: datetime.date | None, *, below: bool = False) -> str:
    """What follows the address of an account so that its page shows the rows of these days, "" for all of them.

    `below` asks for the account together with all accounts inside it.
    """
    asked: dict[str, str] = {}
    if first is not None:
        asked["start"] = first.isoformat()
    if last is not None:
        asked["end"] = last.isoformat()
    if below:
        asked["below"] = "1"
    return f"?{urlencode(asked)}" if asked else ""
