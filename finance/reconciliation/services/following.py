"""Marks follow their row when its entry is corrected; a reconciled row that would change asks first (docs/adr/0014)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from core.formatting import date_text
from finance.errors import ReconciledRow
from finance.events.records import StatementRowsChanged
from finance.ledger.models import Book
from finance.ledger.replacements import Replaced
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reconciliation.services.agreement import is_agreed
from finance.reconciliation.services.statements import open_again
from platform_outbox.emit import emit

# Statements of the accounts concerned are locked before their marks are read. Ticking locks the statement too, so no row
# is ticked while it is being taken back. Those that end before the first of the rows cannot list any of them.
_HOLD = """
SELECT statement.id FROM finance_accountstatement AS statement
 WHERE EXISTS (SELECT FROM finance_journalline AS line
                WHERE line.entry_id = ANY(%(entries)s::bigint[]) AND line.account_id = statement.account_id
                  AND line.date <= statement."end")
 ORDER BY statement.id FOR NO KEY UPDATE
"""
# Lines that are gone, because their reversal has their own date. One that was reversed on a later day, its own being
# closed, is still where the bank has it; its mark stays.
_GONE = """
SELECT mark.id, mark.statement_id, line.entry_id, line.account_id, line.date, line.amount
  FROM finance_linemark AS mark
  JOIN finance_journalline AS line ON line.id = mark.line_id
  JOIN finance_journalentry AS reversal ON reversal.reverses_id = line.entry_id AND reversal.date = line.date
 WHERE line.entry_id = ANY(%(entries)s::bigint[])
 ORDER BY line.entry_id, line.position
"""
# Entries with a mark, and those that a statement may be ticking (ledger.replacements). OFFSET 0: looked up (ledger.plans).
CONCERNS = """
EXISTS (SELECT FROM finance_journalline AS line
         WHERE line.entry_id = entry.id
           AND (EXISTS (SELECT FROM finance_linemark AS mark WHERE mark.line_id = line.id OFFSET 0)
                OR EXISTS (SELECT FROM finance_accountstatement AS statement
                            WHERE statement.account_id = line.account_id AND statement."end" >= line.date OFFSET 0))
        OFFSET 0)"""
_NEW = """
SELECT id, entry_id, account_id, date, amount FROM finance_journalline
 WHERE entry_id = ANY(%(replacements)s::bigint[]) ORDER BY entry_id, position
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the bank knows of a row; a mark moves to the line of the replacement that has the same."""

    replacement_id: int | None
    account_id: int
    date: object
    amount: int


def follow(book: Book, replaced: Sequence[Replaced]) -> None:
    """Move marks to the lines that take the place of theirs; take away those whose row is gone or changed.

    Raises ReconciledRow for rows of reconciled statements unless that is agreed; then exactly these are opened again.
    """
    replacements = {each.entry_id: each.replacement_id for each in replaced}
    parameters = {"entries": list(replacements), "replacements": [pk for pk in replacements.values() if pk]}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, parameters)
        cursor.execute(_GONE, parameters)
        gone = cursor.fetchall()
        if not gone:
            return
        cursor.execute(_NEW, parameters)
        free: dict[_Place, list[int]] = defaultdict(list)
        for line_id, entry_id, account_id, date, amount in cursor.fetchall():
            free[_Place(entry_id, account_id, date, amount)].append(line_id)
    moved: dict[int, int] = {}
    lost: dict[int, int | None] = {}
    for mark_id, statement_id, entry_id, account_id, date, amount in gone:
        same = free.get(_Place(replacements[entry_id], account_id, date, amount))
        if same:
            moved[mark_id] = same.pop(0)
        else:
            lost[mark_id] = statement_id
    touched = AccountStatement.objects.filter(pk__in={pk for pk in lost.values() if pk}).select_related("account")
    statements = list(touched.order_by("pk"))
    closed = [statement for statement in statements if not statement.is_open]
    if closed and not is_agreed():
        raise ReconciledRow(reason=_refusal(closed))
    LineMark.objects.filter(pk__in=lost).delete()
    for mark in (marks := list(LineMark.objects.filter(pk__in=moved))):
        mark.line_id = moved[mark.pk]
    LineMark.objects.bulk_update(marks, ["line"], batch_size=1000)
    for statement in statements:
        if statement.is_open:
            emit(StatementRowsChanged(book_id=book.pk, statement_id=statement.pk))
        else:
            open_again(statement)


def _refusal(closed: Sequence[AccountStatement]) -> str:
    first = closed[0]
    days = {"account": first.account.name, "start": date_text(first.start), "end": date_text(first.end)}
    if len(closed) == 1:
        text = _(
            "This changes a row of the reconciled statement of %(account)s, %(start)s to %(end)s. "
            "Agree to reopen that statement, and it has to be reconciled again."
        )
    else:
        text = _(
            "This changes rows of %(count)d reconciled statements, the first that of %(account)s, %(start)s to %(end)s. "
            "Agree to reopen those statements, and they have to be reconciled again."
        )
    return text % {**days, "count": len(closed)}
