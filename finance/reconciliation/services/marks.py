"""Ticking rows: marks of lines, on a statement or by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.formatting import date_text
from finance.errors import Conflict, Invalid, NotFound
from finance.events.records import LinesMarked, StatementRowsChanged
from finance.ledger.models import Account, JournalLine
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reconciliation.selectors import MOST_LINES
from finance.reconciliation.services.statements import locked, refuse_reconciled
from identity.models import User
from platform_outbox.emit import emit

# A mark made by hand becomes the statement's; one of another statement stays.
_TICK = """
INSERT INTO finance_linemark (book_id, line_id, statement_id, marked_by_id, marked_at)
SELECT %(book)s, line, %(statement)s::bigint, %(actor)s::bigint, transaction_timestamp() FROM unnest(%(lines)s::bigint[]) AS line
    ON CONFLICT (line_id, book_id) DO UPDATE SET statement_id = excluded.statement_id
 WHERE finance_linemark.statement_id IS NULL AND excluded.statement_id IS NOT NULL
"""
# Why a line cannot be ticked: of another account, after the last day, taken back, on another statement.
_TICKABLE = """
SELECT line.id, line.date, coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false),
       other.start, other."end"
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = entry.id
  LEFT JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
  LEFT JOIN finance_linemark AS mark ON mark.line_id = line.id AND mark.statement_id <> %(statement)s
  LEFT JOIN finance_accountstatement AS other ON other.id = mark.statement_id
 WHERE line.id = ANY(%(lines)s::bigint[]) AND line.account_id = %(account)s
"""


@transaction.atomic
def tick(*, statement: AccountStatement, actor: User | None, line_ids: Iterable[int]) -> int:
    """Tick these rows on the statement, all or none; returns how many were not ticked before.

    Raises Conflict where the statement is reconciled, or a row is after its last day, taken back, or on another
    statement; NotFound for a line that is not the account's.
    """
    wanted = _numbers(line_ids)
    held = locked(statement, version=None)
    refuse_reconciled(held)
    parameters: dict[str, Any] = {
        "book": held.book_id, "account": held.account_id, "statement": held.pk, "lines": wanted,
        "actor": actor.pk if actor else None,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_TICKABLE, parameters)
        found = cursor.fetchall()
        if len(found) < len(wanted):
            raise NotFound(thing="row")
        for _line_id, date, superseded, other_start, other_end in found:
            if date > held.end:
                text = _("The row of %(day)s is after the statement's last day, %(last)s.")
                raise Conflict(reason=text % {"day": date_text(date), "last": date_text(held.end)})
            if superseded:
                raise Conflict(reason=_("The row of %(day)s was corrected or deleted.") % {"day": date_text(date)})
            if other_start is not None:
                text = _("The row of %(day)s is already on the statement of %(start)s to %(end)s.")
                days = {"day": date_text(date), "start": date_text(other_start), "end": date_text(other_end)}
                raise Conflict(reason=text % days)
        cursor.execute(_TICK, parameters)
        changed = cursor.rowcount
    if changed:
        emit(StatementRowsChanged(book_id=held.book_id, statement_id=held.pk))
    return int(changed)


@transaction.atomic
def untick(*, statement: AccountStatement, actor: User | None, line_ids: Iterable[int]) -> int:
    """Take rows off the statement, and their marks with it; returns how many were on it. Raises Conflict as tick does."""
    wanted = _numbers(line_ids)
    held = locked(statement, version=None)
    refuse_reconciled(held)
    removed, _by_model = LineMark.objects.filter(statement=held, line_id__in=wanted).delete()
    if removed:
        emit(StatementRowsChanged(book_id=held.book_id, statement_id=held.pk))
    return removed


@transaction.atomic
def mark_cleared(*, account: Account, actor: User | None, line_ids: Iterable[int], cleared: bool) -> int:
    """Mark these rows by hand as known to the bank, or unmark them; returns how many changed.

    Rows on a statement are cleared, and cannot be unmarked here: Conflict. NotFound for a line that is not the account's.
    """
    wanted = _numbers(line_ids)
    if JournalLine.objects.filter(account=account, pk__in=wanted).count() < len(wanted):
        raise NotFound(thing="row")
    if cleared:
        parameters: dict[str, Any] = {
            "book": account.book_id, "statement": None, "lines": wanted, "actor": actor.pk if actor else None,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_TICK, parameters)
            changed = cursor.rowcount
    else:
        marks = LineMark.objects.select_for_update(of=("self",)).filter(line_id__in=wanted)
        if any(mark.statement_id is not None for mark in marks):
            raise Conflict(reason=_("One of these rows is on a statement. Take it off there."))
        changed, _by_model = LineMark.objects.filter(line_id__in=wanted, statement=None).delete()
    if changed:
        emit(LinesMarked(book_id=account.book_id, account_id=account.pk))
    return int(changed)


def _numbers(line_ids: Iterable[int]) -> Sequence[int]:
    wanted = sorted(set(line_ids))
    if len(wanted) > MOST_LINES:
        raise Invalid(field="lines", reason=_("At most %(most)d rows at once.") % {"most": MOST_LINES})
    return wanted
