"""A stranger's SQLite database: held in memory, read only, and asked nothing but plain SELECTs of plain tables."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.texts import gettext as _
from finance.errors import BookUnreadable

MAGIC = b"SQLite format 3\x00"
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_FUNCTIONS = {"sum", "count", "coalesce"}
_LONGEST_TEXT = 1_000_000


class Tables:
    """The tables of a database; views and virtual tables, which could compute anything, are not there."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        found = database.execute("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE type = 'table'").fetchall()
        self._names = {name for name, made in found if not made.upper().lstrip().startswith("CREATE VIRTUAL")}
        self._columns: dict[str, set[str]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def columns(self, name: str) -> set[str]:
        """Columns of a table; none where there is no such table."""
        if name not in self._names:
            return set()
        if name not in self._columns:
            # The name is one of ours that was found, never the stranger's text.
            cursor = self._database.execute(f'SELECT * FROM "{name}" LIMIT 0')
            self._columns[name] = {column[0] for column in cursor.description}
        return self._columns[name]

    def rows(self, name: str, wanted: str, *, order: str = "rowid") -> Iterator[dict[str, Any]]:
        """Rows with the wanted columns ("id name amount"); a column that an older version lacks is None."""
        names = wanted.split()
        there = self.columns(name)
        asked = [f'"{each}"' if each in there else "NULL" for each in names]
        for row in self._database.execute(f'SELECT {", ".join(asked)} FROM "{name}" ORDER BY {order}'):
            yield dict(zip(names, map(_plain, row), strict=True))

    def count(self, name: str) -> int:
        """Number of rows; 0 where there is no such table."""
        return int(self.asked(f'SELECT count(*) FROM "{name}"')[0][0]) if name in self._names else 0

    def asked(self, statement: str) -> list[tuple[Any, ...]]:
        """The result of a statement of ours."""
        return self._database.execute(statement).fetchall()


def _plain(value: Any) -> Any:
    """A value as readers know it: SQLite puts bytes and infinite numbers into any column, which become text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def opened(data: bytes) -> Iterator[Tables]:
    """The database in memory. Raises BookUnreadable for one that is damaged, or that does anything while it is read."""
    if not data.startswith(MAGIC):
        raise BookUnreadable(reason=_("The file is not an SQLite database."))
    # A database with a write-ahead log cannot be opened in memory; the log itself is not in the file anyway (SQLite's
    # documentation of sqlite3_deserialize).
    image = data[:18] + b"\x01\x01" + data[20:] if data[18:20] == b"\x02\x02" else data
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        database.deserialize(image)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA query_only = ON")
        database.execute("PRAGMA cell_size_check = ON")
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_TEXT)
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        database.text_factory = lambda raw: raw.decode(errors="replace")
        database.set_authorizer(_authorised)
        yield Tables(database)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # UnicodeDecodeError: names of tables that are no text
        raise BookUnreadable(
            reason=_("The database in the file cannot be read: %(error)s.") % {"error": error}
        ) from error
    finally:
        database.close()


def _authorised(action: int, first: str | None, second: str | None, base: str | None, inside: str | None) -> int:
    """Allow what reading takes; a view or trigger that acts in a statement names itself as `inside`."""
    if inside is None and (action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS)):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
