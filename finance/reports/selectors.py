"""What accounts moved between days, from the month totals; lines are read only of the months that a day cuts.

What was known at an earlier moment is what is known now, less what was recorded since.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.models import Min, Sum
from django.utils.translation import gettext as _

from finance.errors import ReportTooLong
from finance.ledger.models import Account, AccountMonth, Book, JournalEntry
from finance.ledger.movements import OWN_KINDS
from finance.ledger.plans import by_index
from finance.ledger.turnovers import Movements, Span, bounds_of, movements_between
from finance.replica import reading

# What groups by payee or member, values by day or looks for own money reads line by line; more are for a worker.
MAX_LINES = 3_000_000
FEW_LINES = 50_000
# What was recorded since a moment is subtracted; more entries than these are for a worker, too.
MAX_RECORDED = 1_000_000
_without_bound: ContextVar[bool] = ContextVar("report_without_bound", default=False)


@contextmanager
def without_bound() -> Iterator[None]:
    """Reports made in here read as much as they have to: nobody waits for a page."""
    token = _without_bound.set(True)
    try:
        yield
    finally:
        _without_bound.reset(token)


_RECORDED_SINCE = """
SELECT line.account_id, width_bucket(line.date, %(bounds)s::date[]),
       -coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0)::bigint,
       coalesce(sum(line.amount) FILTER (WHERE line.amount < 0), 0)::bigint
  FROM finance_journalentry AS entry JOIN finance_journalline AS line ON line.entry_id = entry.id
 WHERE entry.book_id = %(book)s AND entry.created_at > %(known_at)s
   AND entry.date >= %(first)s AND entry.date < %(end)s AND line.account_id = ANY(%(accounts)s::bigint[])
 GROUP BY 1, 2
"""


def movements(
    *,
    book: Book,
    accounts: Sequence[Account],
    spans: Iterable[Span],
    known_at: datetime.datetime | None = None,
    from_beginning: bool = False,
) -> Movements:
    """What the accounts moved between the days of the spans; two statements, four with `known_at`.

    Raises ReportTooLong (known_at) where more than MAX_RECORDED entries were recorded since.
    """
    if known_at is None:
        return movements_between(accounts=accounts, spans=spans, from_beginning=from_beginning)
    _refuse_too_much_since(book=book, known_at=known_at)
    return movements_between(
        accounts=accounts,
        spans=spans,
        from_beginning=from_beginning,
        also=[_RECORDED_SINCE],
        asked={"book": book.pk, "known_at": known_at},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which lines count: of these accounts, in these days, as far as they were known, and of one payee, member or tag.

    `own_only` keeps those of entries that moved the household's own money. `payee`, `member` and `tag` are keys of
    groups: the payee's name, and the number of the user or tag as text ("" for none).
    """

    accounts: Sequence[Account]
    known_at: datetime.datetime | None = None
    own_only: bool = False
    payee: str | None = None
    member: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sum of lines (minor units, debit +): within `span`, of one group, in one currency.

    `date` is set where the currency is not the book's: such a sum is of one day. `rate` is what its entry itself
    exchanged, as (minor units of the book's currency, minor units of this one).
    """

    key: Any
    bucket: int
    currency: str
    date: datetime.date | None
    rate: tuple[int, int] | None
    amount: int


# The entry that this one began as: a reversal and a correction belong with it (finance.ledger.revisions), and most are
# neither.
_ROOT = """
CASE WHEN entry.reverses_id IS NULL AND entry.corrects_id IS NULL THEN entry.id ELSE (
    WITH RECURSIVE older AS (
        SELECT coalesce(entry.reverses_id, entry.id) AS id
        UNION ALL
        SELECT replaced.corrects_id FROM older JOIN finance_journalentry AS replaced ON replaced.id = older.id
         WHERE replaced.corrects_id IS NOT NULL)
    SELECT root.id FROM older JOIN finance_journalentry AS root ON root.id = older.id
     WHERE root.corrects_id IS NULL) END
"""
# The person who recorded that entry.
_MEMBER = f"""
CASE WHEN entry.reverses_id IS NULL AND entry.corrects_id IS NULL THEN entry.created_by_id ELSE (
    SELECT first.created_by_id FROM finance_journalentry AS first WHERE first.id = {_ROOT}) END
"""
_KEYS = {"account": "line.account_id", "payee": "entry.payee", "member": _MEMBER, "tag": "link.tag_id"}
_TAGGED = f"LEFT JOIN finance_entrytag AS link ON link.entry_id = {_ROOT} AND link.book_id = %(book)s"

_FLOWS = """
SELECT {key} AS key, width_bucket(line.date, %(bounds)s::date[]) AS bucket, line.currency,
       CASE WHEN line.currency = %(base)s THEN NULL ELSE line.date END AS date,
       {rate}, sum(line.amount)::bigint
  FROM finance_journalline AS line
  {joins}
 WHERE {where}
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_ENTRY = "JOIN finance_journalentry AS entry ON entry.id = line.entry_id"
# The same, looked up line by line: of a month the planner would read the whole journal for it.
ENTRY_BY_LINE = """
  CROSS JOIN LATERAL (
       SELECT id, uid, payee, description, created_at, created_by_id, reverses_id, corrects_id
         FROM finance_journalentry WHERE id = line.entry_id OFFSET 0) AS entry
"""
# Of a foreign line what its entry gave or got for it in the book's currency, where its trading lines show that.
# The first condition is of the line alone and is looked at first, so that other lines cost nothing.
_TRADED = """
  LEFT JOIN LATERAL (
       SELECT sum(other.amount) FILTER (WHERE other.currency = %(base)s)::bigint AS base,
              (-sum(other.amount) FILTER (WHERE other.currency = line.currency))::bigint AS foreign
         FROM finance_journalline AS other
        WHERE line.currency <> %(base)s AND other.entry_id = line.entry_id
          AND other.account_id = ANY(%(trading)s::bigint[])
       HAVING count(*) = 2) AS traded ON true
"""


def flows(
    *, book: Book, tree: Sequence[Account], cut: Cut, spans: Iterable[Span], by: str
) -> tuple[list[datetime.date], list[Flow]]:
    """Sums of lines by account, payee or member; their days as bounds, in which a flow's bucket is a place.

    Reads every line of the accounts in these days. Raises Invalid (period) where they are more than MAX_LINES.
    """
    bounds = bounds_of(spans)
    lines = refuse_too_many(cut=cut, first=bounds[0], end=bounds[-1])
    where, asked = conditions(book=book, tree=tree, cut=cut, first=bounds[0], end=bounds[-1])
    is_plain = by == "account" and not cut.known_at and cut.payee is None and cut.member is None and cut.tag is None
    entry = entry_join(lines)
    joins = "" if is_plain else f"{entry} {_TAGGED}" if by == "tag" else entry
    rate = "NULL::bigint, NULL::bigint"
    if any(account.currency != book.base_currency for account in cut.accounts):
        joins, rate = joins + _TRADED, "traded.base, traded.foreign"
    statement = _FLOWS.format(key=_KEYS[by], joins=joins, where=where, rate=rate)
    asked |= {
        "bounds": bounds,
        "base": book.base_currency,
        "trading": [account.pk for account in tree if account.kind == "trading"],
    }
    with few(lines), reading().cursor() as cursor:
        cursor.execute(statement, asked)
        return bounds, [
            Flow(
                key=key,
                bucket=bucket - 1,
                currency=currency,
                date=date,
                rate=(base, foreign) if base and foreign else None,
                amount=amount,
            )
            for key, bucket, currency, date, base, foreign, amount in cursor.fetchall()
        ]


def refuse_too_many(*, cut: Cut, first: datetime.date, end: datetime.date) -> int:
    """How many lines will be read, at most. Raises ReportTooLong where they are too many for one answer."""
    months = AccountMonth.objects.filter(
        account_id__in=[account.pk for account in cut.accounts], month__gte=first.replace(day=1), month__lt=end
    )
    lines = int(months.aggregate(lines=Sum("lines"))["lines"] or 0)
    if lines > MAX_LINES and not _without_bound.get():
        raise ReportTooLong(
            field="period",
            reason=_("This report would read %(lines)s lines, more than %(most)s. Choose a shorter period.")
            % {"lines": f"{lines:,}", "most": f"{MAX_LINES:,}"},
        )
    return lines


def entry_join(lines: int) -> str:
    """The join that gives this many lines their entries."""
    return ENTRY_BY_LINE if lines <= FEW_LINES else _ENTRY


def few(lines: int) -> AbstractContextManager[None]:
    """Looks the entries of a few lines up one by one, however small the planner takes the tables to be."""
    return by_index(reading()) if lines <= FEW_LINES else nullcontext()


def conditions(
    *, book: Book, tree: Sequence[Account], cut: Cut, first: datetime.date, end: datetime.date, by_line: bool = False
) -> tuple[str, dict[str, Any]]:
    """The WHERE of the lines that count, and its parameters. `by_line`: for a few lines of very many."""
    where = ["line.account_id = ANY(%(accounts)s::bigint[])", "line.date >= %(first)s", "line.date < %(end)s"]
    asked: dict[str, Any] = {
        "accounts": [account.pk for account in cut.accounts],
        "book": book.pk,
        "first": first,
        "end": end,
    }
    if cut.known_at is not None:
        where.append("entry.created_at <= %(known_at)s")
        asked["known_at"] = cut.known_at
    if cut.own_only and by_line:
        where.append(
            "EXISTS (SELECT FROM finance_journalline AS own WHERE own.entry_id = line.entry_id"
            " AND own.account_id = ANY(%(own)s::bigint[]) OFFSET 0)"
        )
    elif cut.own_only:
        where.append(
            "line.entry_id IN (SELECT own.entry_id FROM finance_journalline AS own"
            " WHERE own.account_id = ANY(%(own)s::bigint[]) AND own.date >= %(first)s AND own.date < %(end)s)"
        )
    if cut.own_only:
        asked["own"] = [account.pk for account in tree if account.kind in OWN_KINDS]
    if cut.payee is not None:
        where.append("entry.payee = %(payee)s")
        asked["payee"] = cut.payee
    if cut.member is not None:
        where.append(f"{_MEMBER} IS NOT DISTINCT FROM %(member)s::bigint")
        asked["member"] = int(cut.member) if cut.member else None
    if cut.tag is not None:
        links = f"SELECT FROM finance_entrytag AS link WHERE link.entry_id = {_ROOT} AND link.book_id = %(book)s"
        where.append(f"EXISTS ({links} AND link.tag_id = %(tag)s)" if cut.tag else f"NOT EXISTS ({links})")
        asked["tag"] = int(cut.tag) if cut.tag else None
    return " AND ".join(where), asked


def _refuse_too_much_since(*, book: Book, known_at: datetime.datetime) -> None:
    if _without_bound.get():
        return
    since = JournalEntry.objects.filter(book=book, created_at__gt=known_at)
    if since.values("pk")[: MAX_RECORDED + 1].count() > MAX_RECORDED:
        reason = _("More than %(most)s entries were recorded since that moment. Choose a later one.")
        raise ReportTooLong(field="known_at", reason=reason % {"most": f"{MAX_RECORDED:,}"})


def first_day_of(*, book: Book) -> datetime.date | None:
    """The first day of the month of the book's first posting; None where nothing was posted."""
    found: datetime.date | None = AccountMonth.objects.filter(book=book).aggregate(first=Min("month"))["first"]
    return found
