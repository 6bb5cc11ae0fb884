"""Budgets in an export of the whole book, and back."""

import datetime
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from finance import money
from finance.errors import BookUnreadable, Invalid
from finance.events.plans import BudgetSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.models import Assignment, Budget, BudgetAccount, BudgetLine, LineCarry
from finance.planning.budgets.services import CALENDAR, LONGEST_NAME, LONGEST_NOTE
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_BUDGET = ("name", "kind", "currency", *CALENDAR)
_LINE = (
    *("target_kind", "target_amount", "target_due", "target_every", "target_unit", "note", "in_forecast", "closed"),
)
_AT_ONCE = 5000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Budgets with their lines, and all that was assigned to them, in its order."""
    return {
        "version": VERSION,
        "budgets": [
            {name: _told(getattr(budget, name)) for name in _BUDGET}
            | {
                "pays_from": budget.pays_from_id,
                "is_shared": bool(budget.shared_by),
                "accounts": [each.account_id for each in budget.accounts.order_by("pk")],
                "lines": [_line(line, reader) for line in budget.lines.order_by("pk")],
            }
            for budget in Budget.objects.filter(book=book).order_by("pk")
        ],
        "assignments": [
            {
                "line": row.line_id,
                "period": row.period.isoformat(),
                "amount": row.amount,
                "why": row.why,
                "note": row.note,
                "change": str(row.change),
                "mine": reader is not None and row.made_by_id == reader.pk,
            }
            for row in Assignment.objects.filter(book=book).order_by("pk").iterator(_AT_ONCE)
        ],
    }


def _line(line: BudgetLine, reader: User | None) -> dict[str, Any]:
    carries = [
        [each.since.isoformat(), each.carry, reader is not None and each.set_by_id == reader.pk]
        for each in line.carries.order_by("pk")
    ]
    told = {name: _told(getattr(line, name)) for name in _LINE}
    return told | {"id": line.pk, "account": line.account_id, "tag": line.tag_id, "carries": carries}


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each that members shared. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            reason = _("Budgets of version %(version)s are not known here.")
            raise BookUnreadable(reason=reason % {"version": str(document["version"])[:20]})
        made: list[Budget] = []
        lines: dict[int, BudgetLine] = {}
        for given in document["budgets"]:
            budget = _budget(arrival, given)
            made.append(budget)
            for told in given["lines"]:
                lines[told["id"]] = _arrived(arrival, budget, told)
        rows = [_assignment(arrival, lines[each["line"]], each) for each in document["assignments"]]
        Assignment.objects.bulk_create(rows, batch_size=_AT_ONCE)
    except (Invalid, ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The budgets of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    emit_many([BudgetSaved(book_id=arrival.book.pk, budget_id=budget.pk) for budget in made])
    # Members do not come along.
    text = _("Who bears what of the budget “%(name)s” was not imported: its members are not in this book.")
    return [text % {"name": each["name"][:80]} for each in document["budgets"] if each.get("is_shared")]


def _budget(arrival: Arrival, given: dict[str, Any]) -> Budget:
    fields = {name: given[name] for name in _BUDGET}
    for name in ("anchor", "last", "starts_on"):
        fields[name] = _date(fields[name])
    budget = Budget(book=arrival.book, created_by=arrival.owner, **fields)
    if len(_plain(budget.name)) > LONGEST_NAME or budget.kind not in Budget.Kind.values:
        raise ValueError("a budget has no name or no kind")
    money.exponent(budget.currency)
    if budget.unit != Budget.CalendarUnits.PAY:
        budget.calendar(None)
    if given["pays_from"] is not None:
        budget.pays_from = arrival.account(given["pays_from"])
    budget.save()
    BudgetAccount.objects.bulk_create(
        [
            BudgetAccount(book=arrival.book, budget=budget, account=arrival.account(number))
            for number in given["accounts"]
        ]
    )
    return budget


def _arrived(arrival: Arrival, budget: Budget, told: dict[str, Any]) -> BudgetLine:
    fields = {name: told[name] for name in _LINE} | {"target_due": _date(told["target_due"])}
    line = BudgetLine(book=arrival.book, budget=budget, **fields)
    line.account = arrival.account(told["account"]) if told["account"] is not None else None
    line.tag_id = arrival.numbers["tag"][told["tag"]] if told["tag"] is not None else None
    _plain(line.note)
    line.target()
    line.save()
    LineCarry.objects.bulk_create(
        [
            LineCarry(
                book=arrival.book, line=line, since=datetime.date.fromisoformat(since), carry=Carry(carry),
                set_by=arrival.owner if mine is True else None,
            )
            for since, carry, mine in told["carries"]
        ]
    )  # fmt: skip
    return line


def _assignment(arrival: Arrival, line: BudgetLine, given: dict[str, Any]) -> Assignment:
    amount = given["amount"]
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < abs(amount) <= money.MAX_MINOR_UNITS:
        raise ValueError("an assignment has no amount")
    if len(_plain(given["note"])) > LONGEST_NOTE:
        raise ValueError("a note is too long")
    return Assignment(
        book=arrival.book, budget=line.budget, line=line, period=datetime.date.fromisoformat(given["period"]),
        amount=amount, why=Assignment.Why(given["why"]), note=given["note"], change=uuid.UUID(given["change"]),
        made_by=arrival.owner if given["mine"] is True else None,
    )  # fmt: skip


def _date(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text is not None else None


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text has a character that no text has")
    return text
