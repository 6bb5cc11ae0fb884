"""Reading moments: most rows have some, and Django's reader takes longer over each than the rest of its row."""

import datetime
from functools import cache

from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Loader

TYPE = "timestamptz"


class _Thorough(BaseTzLoader):  # type: ignore[misc]
    timezone = datetime.UTC


class MomentLoader(Loader):
    """timestamptz as text → datetime in UTC, by the standard library's own parser.

    What that cannot read (infinity, years before Christ or after 9999, another DateStyle) is left to Django's loader,
    which raises the usual DataError.
    """

    timezone = datetime.UTC  # Django compares it with the connection's

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._oid, self._context = oid, context

    def load(self, data: Buffer) -> datetime.datetime:
        try:
            moment = datetime.datetime.fromisoformat(str(data, "ascii"))
            # As long as nobody has set another time zone in the session, it is UTC already.
            return moment if moment.tzinfo is datetime.UTC else moment.astimezone(datetime.UTC)
        except (ValueError, OverflowError):
            thorough: datetime.datetime = _Thorough(self._oid, self._context).load(data)
            return thorough


@cache
def quick_at_moments(adapters: AdaptersMap) -> AdaptersMap:
    """The same adapters with this loader, which is for connections whose time zone is UTC."""
    quick = AdaptersMap(adapters)
    quick.register_loader(TYPE, MomentLoader)
    return quick
