"""The read-only door for insights: small, typed answers about the books, each by an index and for many keys at once.

Only what stands is told: an entry that was taken back, and the entry that took it back, are left out, except where
entries are asked for by id.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Lower, TruncMonth

from finance.ledger import selectors
from finance.ledger.models import Account, AccountType, Book, JournalEntry, JournalLine, Role
from finance.ledger.movements import OWN_KINDS
from identity.models import User

__all__ = [
    "OWN_KINDS",
    "AccountFact",
    "AccountType",
    "Book",
    "CategoryLine",
    "EntryFact",
    "LineFact",
    "Role",
    "accounts",
    "balances",
    "book_for",
    "books",
    "category_lines",
    "category_months",
    "entries",
    "first_entry_date",
    "latest_entries_of_accounts",
    "newest_entry_date",
    "payee_entries",
    "payees_between",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFact:
    """One line: signed minor units of its account's currency, debit +, credit −."""

    account_id: int
    currency: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFact:
    """An entry with its lines. `payee_key` is the payee as the database compares it; `stands` is false for what was
    taken back and for what took it back."""

    id: int
    uid: uuid.UUID
    date: datetime.date
    payee: str
    payee_key: str
    description: str
    source: str
    stands: bool
    lines: tuple[LineFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFact:
    """An account of the book; `type` and `kind` are the words of AccountType and AccountKind."""

    id: int
    name: str
    type: str
    kind: str
    currency: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLine:
    """What one entry put on an income or expense account: minor units, debit +."""

    account_id: int
    entry_id: int
    date: datetime.date
    amount: int


def book_for(*, user: User, book_id: int, at_least: Role = Role.VIEWER) -> Book:
    """The book, for a member of at least that role. Raises NotFound for strangers and Forbidden for lower roles."""
    return selectors.book_for(user=user, book_id=book_id, at_least=at_least)


def books(*, book_ids: Collection[int]) -> dict[int, Book]:
    """Books by id; those that are gone or deleted are left out."""
    return Book.objects.in_use().in_bulk(list(book_ids))


def accounts(*, book_id: int) -> dict[int, AccountFact]:
    """All accounts of the book by id."""
    return {
        account.pk: AccountFact(
            id=account.pk,
            name=account.name,
            type=account.type,
            kind=account.kind,
            currency=account.currency,
            is_open=account.closed_on is None,
        )
        for account in Account.objects.filter(book_id=book_id)
    }


def entries(*, book_id: int, entry_ids: Collection[int]) -> list[EntryFact]:
    """The entries with these ids, standing or not, by date and id; ids of other books are left out."""
    return _entries("entry.id = ANY(%(ids)s)", {"book": book_id, "ids": list(entry_ids)})


def payee_entries(
    *, book_id: int, payee_keys: Collection[str], since: datetime.date, until: datetime.date
) -> list[EntryFact]:
    """Standing entries of these payees dated `since` to `until`, by date and id."""
    return _entries(
        f"lower(entry.payee) = ANY(%(keys)s) AND entry.date BETWEEN %(since)s AND %(until)s AND {_STANDS}",
        {"book": book_id, "keys": sorted(payee_keys), "since": since, "until": until},
    )


def payees_between(*, book_id: int, since: datetime.date, until: datetime.date) -> list[str]:
    """Keys of all payees with an entry dated `since` to `until`, in their order; entries without a payee are left out."""
    named = JournalEntry.objects.filter(book_id=book_id, date__gte=since, date__lte=until).exclude(payee="")
    keys = named.annotate(key=Lower("payee")).values_list("key", flat=True).order_by().distinct()
    return sorted(keys)


def category_months(
    *, book_id: int, account_ids: Collection[int], first: datetime.date, last: datetime.date
) -> dict[int, dict[datetime.date, int]]:
    """What standing entries put on these accounts per month (its first day), from the month of `first` to that of `last`.

    Not the account's month totals: those hold what was taken back, in one month, and its reversal, maybe in another.
    """
    lines = JournalLine.objects.filter(
        book_id=book_id,
        account_id__in=list(account_ids),
        date__gte=first.replace(day=1),
        date__lt=last.replace(day=1) + relativedelta(months=1),
        entry__reverses=None,
        entry__reversed_by=None,
    )
    sums = lines.annotate(month=TruncMonth("date")).values("account_id", "month").annotate(total=Sum("amount"))
    found: dict[int, dict[datetime.date, int]] = defaultdict(dict)
    for row in sums.order_by("account_id", "month"):
        found[row["account_id"]][row["month"]] = int(row["total"])
    return dict(found)


def category_lines(
    *, book_id: int, account_ids: Collection[int], since: datetime.date, until: datetime.date
) -> list[CategoryLine]:
    """What standing entries put on these accounts, dated `since` to `until`, by date and entry; one row per entry."""
    lines = JournalLine.objects.filter(
        book_id=book_id,
        account_id__in=list(account_ids),
        date__gte=since,
        date__lte=until,
        entry__reverses=None,
        entry__reversed_by=None,
    )
    sums = lines.values("account_id", "entry_id", "date").annotate(total=Sum("amount")).order_by("date", "entry_id")
    return [
        CategoryLine(account_id=row["account_id"], entry_id=row["entry_id"], date=row["date"], amount=int(row["total"]))
        for row in sums
        if row["total"]
    ]


def balances(*, account_ids: Collection[int], as_of: datetime.date) -> dict[int, int]:
    """Signed minor units (debit +) per account at the end of `as_of`; accounts without postings are left out."""
    return selectors.balances_of(account_ids=list(account_ids), as_of=as_of)


# The newest lines of each account by its register index, and their entries.
_LATEST_ENTRIES = """
SELECT DISTINCT line.entry_id
  FROM unnest(%(accounts)s::bigint[]) AS account (id)
 CROSS JOIN LATERAL (SELECT entry_id FROM finance_journalline
                      WHERE account_id = account.id AND date >= %(since)s AND date <= %(until)s
                      ORDER BY date DESC, id DESC LIMIT %(limit)s) AS line
"""


def latest_entries_of_accounts(
    *, book_id: int, account_ids: Collection[int], since: datetime.date, until: datetime.date, limit: int
) -> list[EntryFact]:
    """Standing entries on these accounts dated `since` to `until`, at most the newest `limit` lines of each account."""
    with connection.cursor() as cursor:
        cursor.execute(
            _LATEST_ENTRIES, {"accounts": sorted(account_ids), "since": since, "until": until, "limit": limit}
        )
        entry_ids = [row[0] for row in cursor.fetchall()]
    return _entries(f"entry.id = ANY(%(ids)s) AND {_STANDS}", {"book": book_id, "ids": entry_ids})


def newest_entry_date(*, book_id: int, until: datetime.date) -> datetime.date | None:
    """Date of the book's newest entry not after `until`; None for a book without one."""
    dated = JournalEntry.objects.filter(book_id=book_id, date__lte=until)
    return dated.order_by("-date").values_list("date", flat=True).first()


def first_entry_date(*, book_id: int) -> datetime.date | None:
    """Date of the book's oldest entry; None for a book without one."""
    return JournalEntry.objects.filter(book_id=book_id).order_by("date").values_list("date", flat=True).first()


_STANDS = "entry.reverses_id IS NULL AND reversal.id IS NULL"

# Keys come as one array each: a statement has no room for the ids of a big import as single parameters.
_ENTRIES = """
SELECT entry.id, entry.uid, entry.date, entry.payee, lower(entry.payee), entry.description, entry.source, {stands}
  FROM finance_journalentry AS entry
  LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = entry.id
 WHERE entry.book_id = %(book)s AND {condition}
 ORDER BY entry.date, entry.id
"""
_LINES = """
SELECT entry_id, account_id, currency, amount FROM finance_journalline WHERE entry_id = ANY(%(ids)s)
 ORDER BY entry_id, position
"""


def _entries(condition: str, parameters: Mapping[str, Any]) -> list[EntryFact]:
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES.format(stands=_STANDS, condition=condition), parameters)
        rows = cursor.fetchall()
        cursor.execute(_LINES, {"ids": [row[0] for row in rows]})
        lines: dict[int, list[LineFact]] = defaultdict(list)
        for entry_id, account_id, currency, amount in cursor.fetchall():
            lines[entry_id].append(LineFact(account_id=account_id, currency=currency, amount=amount))
    return [
        EntryFact(
            id=entry_id,
            uid=uid,
            date=date,
            payee=payee,
            payee_key=key,
            description=description,
            source=source,
            stands=stands,
            lines=tuple(lines[entry_id]),
        )
        for entry_id, uid, date, payee, key, description, source, stands in rows
    ]
