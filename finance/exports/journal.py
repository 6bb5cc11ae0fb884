"""The journal of a book as a stream: whatever its length, only some hundred entries are held in memory."""

import datetime
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction

from finance.ledger import plans
from finance.ledger.models import Account, Book
from finance.ledger.selectors import accounts_of
from finance.replica import alias, reading

# A posting: the account's id, signed minor units of the account's currency (debit +), and the memo. No class of its own:
# there are millions of them.
ExportedLine = tuple[int, int, str]


class ExportedEntry(NamedTuple):
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
    lines: list[ExportedLine]


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


# Lines are looked up entry by entry in the order of posting, in which both tables lie on the disk, and only then sorted:
# by date they lie everywhere.
_JOURNAL = """
SELECT uid::text, to_char(date, 'YYYY-MM-DD'), payee, description, source,
       (SELECT uid FROM finance_journalentry WHERE id = posted.reverses_id OFFSET 0)::text,
       (SELECT uid FROM finance_journalentry WHERE id = posted.corrects_id OFFSET 0)::text, accounts, amounts, memos
  FROM (SELECT entry.*, line.* FROM finance_journalentry AS entry CROSS JOIN LATERAL (
               SELECT string_agg(account_id::text, ',') AS accounts, string_agg(amount::text, ',') AS amounts,
                      (json_object_agg(position, memo) FILTER (WHERE memo <> ''))::text AS memos
                 FROM (SELECT account_id, amount, memo, position FROM finance_journalline
                        WHERE entry_id = entry.id ORDER BY position OFFSET 0) AS ordered) AS line
         WHERE entry.book_id = %s OFFSET 0) AS posted
 WHERE accounts IS NOT NULL
 ORDER BY date, id
"""
# Entries that are held at once. Row by row, as COPY sends them, takes twice the time.
_AT_ONCE = 500
_NO_MEMOS = itertools.repeat("")


def journal_of(*, book: Book) -> Iterator[ExportedEntry]:
    """All entries of the book, reversed and corrected ones included, by date and order of posting."""
    with plans.by_index(reading()), reading().chunked_cursor() as cursor:
        cursor.execute(_JOURNAL, [book.pk])
        while rows := cursor.fetchmany(_AT_ONCE):
            for *told, accounts, amounts, memos in rows:
                noted = (
                    _NO_MEMOS if memos is None else map(json.loads(memos).get, map(str, itertools.count(1)), _NO_MEMOS)
                )
                lines = zip(map(int, accounts.split(",")), map(int, amounts.split(",")), noted, strict=False)
                yield ExportedEntry._make((*told, list(lines)))
