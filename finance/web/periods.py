"""The days that a figure spans, and the address of the rows that make it."""

import datetime
from collections.abc import Iterable

from django.utils.http import urlencode


def rows_query(
    first: datetime.date | None,
    last: datetime.date | None,
    *,
    below: bool = False,
    currency: str | None = None,
    accounts: Iterable[int] = (),
    scope: str | None = None,
    without: Iterable[int] = (),
) -> str:
    """What follows the address of a register so that it shows the rows of these days, "" for all of them.

    `below` asks for the account together with all accounts inside it, `currency` and `accounts` for some of them only;
    `scope` is for the register of the whole book. `without` leaves out accounts as own figures do.
    """
    asked = {
        "scope": scope or "",
        "start": first.isoformat() if first else "",
        "end": last.isoformat() if last else "",
        "below": "1" if below else "",
        "currency": currency or "",
        "accounts": ",".join(map(str, accounts)),
        "without": ",".join(map(str, without)),
    }
    asked = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(asked)}" if asked else ""
