"""The journal of a book as a stream: whatever its length, only one entry is held in memory."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.db import transaction
from psycopg import sql

from finance.ledger.models import Account, Book
from finance.ledger.selectors import accounts_of
from finance.replica import alias, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedLine:
    """One posting: signed minor units of the account's currency, debit +."""

    account_id: int
    currency: str
    amount: int
    memo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedEntry:
    """An entry with its lines; `reverses` and `corrects` are uids of other entries.

    Uids and the date stay the text that the database sends (ISO 8601): a million objects would only be printed again.
    """

    uid: str
    date: str
    payee: str
    description: str
    source: str
    reverses: str | None
    corrects: str | None
    lines: tuple[ExportedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedAccount:
    """An account with the days of its first and last posting (None without postings)."""

    account: Account
    first_posting: datetime.date | None
    last_posting: datetime.date | None


@contextmanager
def snapshot() -> Iterator[None]:
    """One state of the database for all that is read inside, whatever is posted meanwhile."""
    outermost = not reading().in_atomic_block
    with transaction.atomic(using=alias()):
        if outermost:
            with reading().cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


_SPANS = """
SELECT account.id,
       (SELECT min(date) FROM finance_journalline WHERE account_id = account.id),
       (SELECT max(date) FROM finance_journalline WHERE account_id = account.id)
  FROM finance_account AS account WHERE account.book_id = %s
"""


def accounts_with_spans(*, book: Book) -> list[ExportedAccount]:
    """All accounts of the book in tree order."""
    with reading().cursor() as cursor:
        cursor.execute(_SPANS, [book.pk])
        spans = {account_id: (first, last) for account_id, first, last in cursor.fetchall()}
    return [
        ExportedAccount(account=account, first_posting=spans[account.pk][0], last_posting=spans[account.pk][1])
        for account in accounts_of(book=book)
    ]


# COPY sends rows as they are found; a fetched result would be held here as a whole.
_JOURNAL = sql.SQL("""
COPY (SELECT entry.id, entry.uid, to_char(entry.date, 'YYYY-MM-DD'), entry.payee, entry.description, entry.source,
             reversed.uid, corrected.uid, line.account_id, line.currency, line.amount, line.memo
        FROM finance_journalentry AS entry
        JOIN finance_journalline AS line ON line.entry_id = entry.id
        LEFT JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
        LEFT JOIN finance_journalentry AS corrected ON corrected.id = entry.corrects_id
       WHERE entry.book_id = {book}
       ORDER BY entry.date, entry.id, line.position) TO STDOUT
""")
_TYPES = ["int8", *["text"] * 7, "int8", "text", "int8", "text"]


def journal_of(*, book: Book) -> Iterator[ExportedEntry]:
    """All entries of the book, reversed and corrected ones included, by date and order of posting."""
    with transaction.atomic(using=alias()), reading().cursor() as cursor:
        # The whole book is read. Right after a large import the planner believes the tables to be tiny and would
        # look up each line by itself, which takes minutes where a join of both tables takes a second.
        cursor.execute("SET LOCAL enable_nestloop = off")
        with cursor.copy(_JOURNAL.format(book=sql.Literal(book.pk))) as copy:
            copy.set_types(_TYPES)
            for _, group in groupby(copy.rows(), key=itemgetter(0)):
                rows = list(group)
                _, uid, date, payee, description, source, reverses, corrects = rows[0][:8]
                yield ExportedEntry(
                    uid=uid,
                    date=date,
                    payee=payee,
                    description=description,
                    source=source,
                    reverses=reverses,
                    corrects=corrects,
                    lines=tuple(
                        ExportedLine(account_id=account_id, currency=currency, amount=amount, memo=memo)
                        for account_id, currency, amount, memo in (row[8:] for row in rows)
                    ),
                )
