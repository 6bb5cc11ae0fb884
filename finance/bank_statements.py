"""What bank files say about an account's statements: their balances, their rows, what was pending; undoing a file.

A module above the slices, because it joins imports and reconciliation; pages, API and handlers use it.
"""

import datetime
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, Case, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.batches import in_batches
from core.formatting import date_text
from finance.errors import NotFound, ReconciledRow
from finance.imports import services as imports
from finance.imports.models import ImportBatch, ImportRow, ImportStatement
from finance.ledger.models import Account, Book
from finance.reconciliation import services
from finance.reconciliation.models import AccountStatement
from finance.reconciliation.selectors import MOST_LINES
from identity.models import User

_DAY = datetime.timedelta(days=1)
# How long a pending row is still shown after the bank stopped listing it.
SHOWN_AFTER_FALLING_OFF = datetime.timedelta(days=30)
# A bank books a pending row around its day: a little earlier by the value date, or up to two weeks later.
_BOOKED_FROM, _BOOKED_TO = datetime.timedelta(days=3), datetime.timedelta(days=14)
_MOST_OFFERED = 24
_MOST_PENDING = 200

# The entries of the statement's rows, as they are now. A row that an earlier file brought in has the same identity
# there; an entry that was corrected is followed to what it was corrected to.
_LINES = """
WITH RECURSIVE known (id) AS (
    SELECT active.posted_entry_id
      FROM finance_importrow AS row
      JOIN finance_importrow AS active ON active.account_id = row.account_id AND active.identity = row.identity
           AND active.occurrence = row.occurrence AND active.active
     WHERE row.statement_id = %(statement)s AND row.account_id = %(account)s AND row.identity <> ''
       AND active.posted_entry_id IS NOT NULL
     UNION
    SELECT entry.id FROM known JOIN finance_journalentry AS entry ON entry.corrects_id = known.id
)
SELECT line.id
  FROM known JOIN finance_journalline AS line ON line.entry_id = known.id
  LEFT JOIN finance_linemark AS mark ON mark.line_id = line.id
 WHERE line.account_id = %(account)s AND line.date <= %(end)s AND mark.statement_id IS NULL
   AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal
                    WHERE reversal.reverses_id = known.id AND reversal.date = line.date)
 ORDER BY line.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Period and balances that a bank file states for an account, in minor units with the account's sign."""

    import_statement_id: int
    import_id: int
    file_name: str
    start: datetime.date
    end: datetime.date
    opening: int
    closing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRow:
    """A row that the bank had not booked. It is in no balance. `fell_off`: later files neither list nor book it."""

    date: datetime.date
    text: str
    amount: int
    fell_off: bool


def stated_in_files(*, account: Account) -> list[Stated]:
    """What imported files state for the account and is no statement yet, the latest first."""
    used = AccountStatement.objects.filter(account=account).exclude(imported=None).values("imported_id")
    return _stated(_with_balances(account).exclude(pk__in=used).order_by("-pk")[:_MOST_OFFERED])


def stated_in_file(*, account: Account, import_statement_id: int) -> Stated:
    """One of them. Raises NotFound: none of this account, not imported, or without balances."""
    for stated in _stated(_with_balances(account).filter(pk=import_statement_id)):
        return stated
    raise NotFound(thing="statement")


def _with_balances(account: Account) -> QuerySet[ImportStatement]:
    """Imported statements of the account that state a closing balance and its day, `closing_day`."""
    confirmed = ImportStatement.objects.filter(
        book=account.book_id, account=account, batch__state=ImportBatch.State.CONFIRMED
    )
    dated = confirmed.exclude(stated_closing=None).annotate(closing_day=Coalesce("closing_on", "end"))
    return dated.exclude(closing_day=None)


def _stated(statements: QuerySet[ImportStatement]) -> list[Stated]:
    """In one query. An opening balance that the file does not state is computed from the closing one and the rows."""
    rows = ImportRow.objects.filter(statement=OuterRef("pk"), booked=True, date__lte=OuterRef("closing_day"))
    moved = rows.order_by().values("statement").values_list(Sum("amount"))
    opening = Case(
        When(stated_opening=None, then=F("stated_closing") - Coalesce(Subquery(moved), 0)),
        default="stated_opening",
        output_field=BigIntegerField(),
    )
    columns = ("pk", "batch_id", "batch__file_name", "start", "closing_day", opening, "stated_closing")
    return [
        Stated(
            import_statement_id=pk, import_id=batch_id, file_name=file_name, start=min(start or end, end), end=end,
            opening=int(opening), closing=closing,
        )
        for pk, batch_id, file_name, start, end, opening, closing in statements.values_list(*columns)
    ]  # fmt: skip


@transaction.atomic
def add_from_file(*, account: Account, actor: User | None, import_statement_id: int) -> AccountStatement:
    """The statement that a bank file states, with the rows of that file ticked. Raises NotFound, and as add_statement."""
    stated = stated_in_file(account=account, import_statement_id=import_statement_id)
    statement = services.add_statement(
        book=account.book, account=account, actor=actor, start=stated.start, end=stated.end, opening=stated.opening,
        closing=stated.closing, imported_id=stated.import_statement_id,
    )  # fmt: skip
    tick_file(statement=statement, actor=actor)
    return statement


def tick_file(*, statement: AccountStatement, actor: User | None) -> int:
    """Tick every row of the file that the statement is from; returns how many were not ticked before. Raises as tick does."""
    if statement.imported_id is None:
        raise NotFound(thing="bank file")
    parameters: dict[str, Any] = {
        "statement": statement.imported_id, "account": statement.account_id, "end": statement.end
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LINES, parameters)
        lines = [line_id for (line_id,) in cursor.fetchall()]
    with transaction.atomic():
        return sum(
            services.tick(statement=statement, actor=actor, line_ids=some)
            for some in in_batches(lines, size=MOST_LINES)
        )


# A row that the bank has booked is known to the bank: its line is cleared automatically.
_CLEAR = """
INSERT INTO finance_linemark (book_id, line_id, marked_by_id, marked_at)
SELECT line.book_id, line.id, batch.confirmed_by_id, transaction_timestamp()
  FROM finance_importbatch AS batch
  JOIN finance_importrow AS row ON row.batch_id = batch.id AND row.active AND row.posted_entry_id IS NOT NULL
 CROSS JOIN LATERAL (SELECT line.book_id, line.id FROM finance_journalline AS line
                      WHERE line.entry_id = row.posted_entry_id AND line.account_id = row.account_id OFFSET 0) AS line
 WHERE batch.id = %(batch)s AND batch.state = 'confirmed'
   AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = row.posted_entry_id)
    ON CONFLICT (line_id, book_id) DO NOTHING
"""


def clear_imported(*, import_id: int) -> int:
    """Mark the lines of an import's rows as cleared; returns how many are new. Run again, it changes nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLEAR, {"batch": import_id})
        return int(cursor.rowcount)


def pending_rows(*, book: Book, account: Account, today: datetime.date) -> list[PendingRow]:
    """Rows that the bank listed as pending, the latest first: still pending, or fallen off in the last 30 days."""
    confirmed = {"account": account, "batch__state": ImportBatch.State.CONFIRMED}
    since = today - 2 * SHOWN_AFTER_FALLING_OFF
    listed = ImportRow.objects.filter(
        **confirmed, book=book, fate=ImportRow.Status.PENDING, date__gte=since, amount__isnull=False
    )
    # A row of several files is that of the latest.
    rows: dict[tuple[Any, ...], ImportRow] = {}
    for row in listed.order_by("-batch_id", "pk")[:_MOST_PENDING]:
        rows.setdefault((row.date, row.amount, row.text), row)
    if not rows:
        return []
    files = list(
        ImportStatement.objects.filter(**confirmed)
        .filter(Q(end__gte=since) | Q(closing_on__gte=since))
        .order_by("batch_id")
        .values_list("batch_id", "end", "closing_on", "batch__confirmed_at")
    )
    booked = Counter(
        ImportRow.objects.filter(account=account, active=True, date__gte=since - _BOOKED_FROM).values_list(
            "amount", "date"
        )
    )
    found = []
    for row in sorted(rows.values(), key=lambda each: (each.date, each.pk), reverse=True):
        if row.date is None or row.amount is None:
            continue
        if _take_booked(booked, row.amount, row.date):
            continue
        later = [
            at for batch_id, end, closing_on, at in files
            if at and batch_id > row.batch_id and max(filter(None, (end, closing_on))) >= row.date
        ]  # fmt: skip
        if later and later[0].date() + SHOWN_AFTER_FALLING_OFF < today:
            continue
        text = row.payee or row.description or row.text
        found.append(PendingRow(date=row.date, text=text, amount=row.amount, fell_off=bool(later)))
    return found


def _take_booked(booked: Counter[tuple[int | None, datetime.date | None]], amount: int, date: datetime.date) -> bool:
    """Whether the bank has booked such a row since; each booked row is used for one pending row."""
    for days in range((_BOOKED_TO + _BOOKED_FROM).days + 1):
        key = (amount, date - _BOOKED_FROM + days * _DAY)
        if booked[key]:
            booked[key] -= 1
            return True
    return False


class ReconciledRows(StrEnum):
    """What undoing an import does with rows that are on reconciled statements."""

    REFUSE = "refuse"
    UNDO = "undo"
    KEEP = "keep"


# Lines of entries that are taken back and do not become the same line again, by the finished statement that they are
# on. Those of closed periods are reversed on a later day, and stay where the bank has them (reconciliation.following).
_LOST = """
SELECT gone.entry_id, mark.statement_id
  FROM unnest(%(entries)s::bigint[], %(becomes)s::bigint[]) AS gone (entry_id, becomes_id)
  JOIN finance_journalline AS line ON line.entry_id = gone.entry_id
  JOIN finance_linemark AS mark ON mark.line_id = line.id
  JOIN finance_accountstatement AS statement ON statement.id = mark.statement_id AND statement.state = 'reconciled'
 WHERE line.date > coalesce((SELECT closed_through FROM finance_book WHERE id = %(book)s), '-infinity')
   AND NOT EXISTS (SELECT FROM finance_journalline AS back
                    WHERE back.entry_id = gone.becomes_id AND back.account_id = line.account_id
                      AND back.date = line.date AND back.amount = line.amount)
 ORDER BY gone.entry_id, mark.statement_id
"""


@transaction.atomic
def undo_import(
    *,
    batch: ImportBatch,
    actor: User | None,
    on: datetime.date,
    reconciled: ReconciledRows = ReconciledRows.REFUSE,
) -> ImportBatch:
    """Undo an import (imports.services.undo_import), with or without its rows that are on reconciled statements.

    Undoing them reopens exactly these statements; kept ones are listed in `batch.kept`. Raises ReconciledRow, which names
    the statements (also as `facts["statements"]`, with the number of rows of each), where neither was chosen.
    """
    held = ImportBatch.objects.locked().select_related("book").get(pk=batch.pk)
    lost: dict[int, list[int]] = {}
    if held.state == ImportBatch.State.CONFIRMED and reconciled != ReconciledRows.UNDO:
        reach = imports.reach_of(batch=held)
        with connection.cursor() as cursor:
            cursor.execute(
                _LOST, {"entries": list(reach), "becomes": list(reach.values()), "book": held.book_id}
            )  # fmt: skip
            for entry_id, statement_id in cursor.fetchall():
                lost.setdefault(entry_id, []).append(statement_id)
    places = Counter(pk for statements in lost.values() for pk in set(statements))
    found = AccountStatement.objects.filter(pk__in=places).select_related("account").order_by("start", "pk")
    named = {
        each.pk: _("%(account)s, %(start)s to %(end)s")
        % {"account": each.account.name, "start": date_text(each.start), "end": date_text(each.end)}
        for each in found
    }
    if lost and reconciled == ReconciledRows.REFUSE:
        told = [(name, places[pk]) for pk, name in named.items()]
        text = ngettext(
            "%(count)d entry of this import is on a reconciled statement: %(statements)s. Undo it too, which reopens the "
            "statement, or keep it.",
            "%(count)d entries of this import are on reconciled statements: %(statements)s. Undo them too, which reopens "
            "the statements, or keep them.",
            len(lost),
        )
        listed = "; ".join(f"{name} ({count})" for name, count in told)
        raise ReconciledRow(reason=text % {"count": len(lost), "statements": listed}, statements=told)
    keep = {pk: _("It is on a reconciled statement: %(name)s.") % {"name": named[at[0]]} for pk, at in lost.items()}
    with services.reopening(agreed=reconciled == ReconciledRows.UNDO):
        return imports.undo_import(batch=held, actor=actor, on=on, keep=keep)
