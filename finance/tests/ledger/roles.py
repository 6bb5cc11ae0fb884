"""Database roles that attack the ledger with raw SQL, past every service."""

import datetime
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from django.db import connection

DAY = datetime.date(2026, 3, 10)
REFUSALS = (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)


@contextmanager
def made_role(give_rights: Callable[[str], Any]) -> Iterator[Callable[[], Any]]:
    """A way to connect as a new role that `give_rights` has had a hand in; the role is gone when the block ends."""
    name, password = f"app_{secrets.token_hex(4)}", secrets.token_hex(16)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    give_rights(name)
    try:
        yield lambda: connect(user=name, password=password)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {name}")
            cursor.execute(f"DROP ROLE {name}")


@contextmanager
def connect(*, user: str, password: str) -> "Iterator[psycopg.Connection[Any]]":
    settings = connection.settings_dict
    parameters = {"host": settings["HOST"], "port": settings["PORT"] or None, "password": password or None}
    # closing() as well: psycopg leaves the connection open where the commit at the block's end is refused.
    raw = psycopg.connect(dbname=settings["NAME"], user=user, **parameters)
    with closing(raw), raw:
        yield raw


def insert_entry(raw, book, *, lines, date=DAY, created_at=None, reverses=None, corrects=None) -> int:
    return raw.execute(
        "INSERT INTO finance_journalentry (book_id, uid, date, payee, description, source, line_count, created_at,"
        " reverses_id, corrects_id) VALUES (%s, %s, %s, '', '', 'manual', %s, coalesce(%s, now()), %s, %s) RETURNING id",
        [book.pk, uuid.uuid4(), date, lines, created_at, reverses, corrects],
    ).fetchone()[0]


def insert_line(raw, book, entry_id, account, amount, *, date=DAY, currency=None, position=1) -> None:
    raw.execute(
        "INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, '')",
        [book.pk, entry_id, account.pk, date, currency or account.currency, amount, position],
    )
