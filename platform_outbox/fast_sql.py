"""Statements of the hottest paths, on Django's connection but past the layers that it puts around a cursor.

Those layers (wrappers, metrics, a new cursor each time) take longer than psycopg and the server do for the statement.
Whoever watches queries still sees these: with a query log or an `execute_wrapper` the ordinary cursor is used.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_mine = threading.local()


def database() -> BaseDatabaseWrapper:
    """This thread's connection itself: `django.db.connection` looks it up anew for each of its attributes."""
    return connections[DEFAULT_DB_ALIAS]


def rows_of(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run the statement inside the open transaction and return its rows, if it gives any.

    jsonb comes as text, as from Django's cursor; moments come in the time zone of the connection, which is UTC.
    """
    db = database()
    if db.queries_logged or db.execute_wrappers:
        with db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    db.ensure_connection()
    db.validate_no_broken_transaction()
    with db.wrap_database_errors:
        mine = _cursor_on(db.connection)
        mine.execute(statement, values)
        return mine.fetchall() if mine.description else []


# Whoever asks for the oldest of many along an index must not have them all sorted. The server would: where its
# statistics are of a time without open events it expects a handful, and a sort of a handful is the cheapest of all.
# Until PostgreSQL 18 a sort that cannot be avoided then counts as so dear that the statement would be compiled (jit).
_SETTINGS = ("enable_sort", "jit")
_KEEP = [f"set_config('outbox.{name}', current_setting('{name}'), true)" for name in _SETTINGS]
DO_NOT_SORT = " || ".join([*_KEEP, *(f"set_config('{name}', 'off', true)" for name in _SETTINGS)])
MAY_SORT = " || ".join(
    f"set_config('{name}', nullif(current_setting('outbox.{name}', true), ''), true)" for name in _SETTINGS
)


@contextlib.contextmanager
def without_sorting() -> Iterator[None]:
    """Inside a transaction: what is asked meanwhile takes its order from an index, if there is one that has it."""
    rows_of(f"SELECT {DO_NOT_SORT}", ())
    yield
    rows_of(f"SELECT {MAY_SORT}", ())


def array_of(ids: Iterable[int]) -> str:
    """The ids as PostgreSQL writes an array; psycopg would convert them one by one."""
    return f"{{{','.join(map(str, ids))}}}"


def _cursor_on(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """A cursor that this thread uses again and again."""
    kept: psycopg.Cursor[Any] | None = getattr(_mine, "cursor", None)
    if kept is None or kept.connection is not connection:
        kept = _mine.cursor = psycopg.Cursor(connection)
    return kept
