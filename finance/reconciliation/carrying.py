"""Statements and marks in an export of the whole book, and back."""

import datetime
import uuid
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import AmountInvalid, BookUnreadable
from finance.events.records import StatementAdded
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Account, Book
from finance.reconciliation.arithmetic import difference
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reconciliation.selectors import sums_of
from finance.replica import reading
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000
_MARKS = """
SELECT entry.uid::text, line.position, mark.statement_id
  FROM finance_linemark AS mark
  JOIN finance_journalline AS line ON line.id = mark.line_id
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
 WHERE mark.book_id = %s ORDER BY mark.line_id
"""


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Statements, and marks as [uid of the entry, position of the line, number of the statement or null]."""
    statements = AccountStatement.objects.filter(book=book).select_related("account").order_by("pk")
    with reading().cursor() as cursor:
        cursor.execute(_MARKS, [book.pk])
        marks = [list(row) for row in cursor.fetchall()]
    return {
        "version": VERSION,
        "statements": [
            {
                "id": each.pk,
                "account": each.account_id,
                "start": each.start.isoformat(),
                "end": each.end.isoformat(),
                "opening": money.format_amount(each.opening, currency=each.account.currency),
                "closing": money.format_amount(each.closing, currency=each.account.currency),
                "state": each.state,
            }
            for each in statements
        ],
        "marks": marks,
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns sentences about what could not be kept as it was.

    A reconciled statement whose rows do not explain it there is left open. Raises BookUnreadable.
    """
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(
                reason=_("Statements of version %(version)s are not known here.")
                % {"version": str(document["version"])[:20]}
            )
        made = {given["id"]: _statement(arrival, given) for given in document["statements"]}
        marks = [(uuid.UUID(uid), int(position), statement) for uid, position, statement in document["marks"]]
    except (KeyError, TypeError, ValueError, AttributeError, AmountInvalid) as error:
        raise BookUnreadable(
            reason=_("The statements of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        ) from error
    AccountStatement.objects.bulk_create(made.values(), batch_size=_AT_ONCE)
    for start in range(0, len(marks), _AT_ONCE):
        some = marks[start : start + _AT_ONCE]
        lines = arrival.lines(uid for uid, _position, _statement in some)
        LineMark.objects.bulk_create(
            [_mark(arrival.book, lines, made, uid, position, number) for uid, position, number in some]
        )
    left = []
    sums = sums_of(made.values())
    for statement in made.values():
        linked = sums[statement.pk].linked
        if not statement.is_open and difference(opening=statement.opening, closing=statement.closing, linked=linked):
            statement.state = AccountStatement.State.OPEN
            statement.save(update_fields=["state"])
            left.append(
                _("The statement of %(name)s, %(statement)s, is not explained by its rows: it is open.")
                % {"name": statement.account.name, "statement": statement}
            )
    emit_many([StatementAdded(book_id=arrival.book.pk, statement_id=each.pk) for each in made.values()])
    return left


def _statement(arrival: Arrival, given: Any) -> AccountStatement:
    account: Account = arrival.accounts[str(given["account"])]
    start, end = (datetime.date.fromisoformat(given[name]) for name in ("start", "end"))
    if start > end or given["state"] not in AccountStatement.State.values:
        raise ValueError("a statement ends before it starts, or is neither open nor reconciled")
    opening, closing = (
        money.parse_amount(given[name], currency=account.currency, field=name) for name in ("opening", "closing")
    )
    return AccountStatement(
        book=arrival.book, account=account, start=start, end=end, opening=opening, closing=closing, state=given["state"]
    )


def _mark(
    book: Book,
    lines: dict[tuple[uuid.UUID, int], tuple[int, int]],
    made: dict[Any, AccountStatement],
    uid: uuid.UUID,
    position: int,
    number: Any,
) -> LineMark:
    """Raises BookUnreadable for a line or a statement that is not in the export, or not of the same account."""
    found = lines.get((uid, position))
    statement = made.get(number)
    if found is None or (number is not None and (statement is None or statement.account_id != found[1])):
        raise BookUnreadable(
            reason=_("The statements of the export name line %(position)s of %(uid)s, which they cannot list.")
            % {"position": position, "uid": uid}
        )
    return LineMark(book=book, line_id=found[0], statement=statement)
