"""The outbox's statements by name, and the quick way to run one.

The `.sql` files beside this module hold every statement that claims, leases, marks or moves:

    -- name: lock_shard
    -- What it is for, in a line.
    SELECT ...

`QUERIES["lock_shard"]` is its text. Words in braces are filled in by the code that uses it.

The hottest statements run on Django's connection, but past the layers that Django puts around a cursor (wrappers,
metrics, a new cursor each time): those take longer than psycopg and the server do. Query logs and `execute_wrapper`
still see them, because with either of these the ordinary cursor is used.
"""

import contextlib
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def load(directory: Path) -> dict[str, str]:
    """The statements of all files in the directory, without their comments."""
    found: dict[str, str] = {}
    for path in sorted(directory.glob("*.sql")):
        for named in path.read_text().split("-- name: ")[1:]:
            name, _, text = named.partition("\n")
            if name in found:
                raise ValueError(f"Two statements are called {name}.")
            found[name] = re.sub(r"^ *--.*\n", "", text, flags=re.MULTILINE).strip()
    return found


QUERIES = load(Path(__file__).parent)

_local = threading.local()


def fetch(name: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run the statement of that name and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[name], values)
        return list(cursor.fetchall())


def change(name: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """Run the statement of that name and return how many rows it has changed."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[name], values)
        return int(cursor.rowcount)


def database() -> BaseDatabaseWrapper:
    """This thread's connection itself: `django.db.connection` looks it up for each attribute."""
    return connections[DEFAULT_DB_ALIAS]


def rows_of(statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run the statement, inside the open transaction if there is one, and return its rows, if it gives any.

    jsonb comes as text, as from Django's cursor; moments come in the time zone of the connection, which is UTC.
    """
    db = connections[DEFAULT_DB_ALIAS]
    if db.queries_logged or db.execute_wrappers:
        with db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    if not db.in_atomic_block:
        db.close_if_health_check_failed()
    db.ensure_connection()
    db.validate_no_broken_transaction()
    with db.wrap_database_errors:
        kept: psycopg.Cursor[Any] | None = getattr(_local, "cursor", None)
        if kept is None or kept.connection is not db.connection:
            kept = _local.cursor = psycopg.Cursor(db.connection)
        kept.execute(statement, values)
        # None: no rows were asked for. `description` tells too, and describes each column first.
        return kept.fetchall() if kept.rownumber is not None else []


# A query for the oldest of many along an index must not sort them all. The server would: where its
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
    rows_of(f"SELECT {DO_NOT_SORT}")
    yield
    rows_of(f"SELECT {MAY_SORT}")


def array_of(ids: Iterable[int]) -> str:
    """The ids as PostgreSQL writes an array; psycopg would convert them one by one."""
    return f"{{{','.join(map(str, ids))}}}"
