"""Goals and their records in an export of the whole book, and back."""

import datetime
import uuid
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import AmountInvalid, BookUnreadable, Invalid
from finance.events.plans import GoalSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.planning.goals.arithmetic import Kind
from finance.planning.goals.models import Goal, GoalMove
from finance.planning.upcoming import Layer
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Goals with their records, oldest first; who recorded them stays behind."""
    moves: dict[int, list[dict[str, Any]]] = {}
    for move in GoalMove.objects.filter(book=book).select_related("goal", "entry").order_by("pk"):
        moves.setdefault(move.goal_id, []).append(
            {
                "account": move.account_id,
                "kind": move.kind,
                "date": move.date.isoformat(),
                "amount": money.format_amount(move.amount, currency=move.goal.currency),
                "note": move.note,
                "entry": str(move.entry.uid) if move.entry else None,
                "fed": move.is_fed,
            }
        )
    return {
        "version": VERSION,
        "goals": [
            {
                "name": goal.name,
                "kind": goal.kind,
                "account": goal.account_id,
                "target": None if goal.target is None else money.format_amount(goal.target, currency=goal.currency),
                "by": goal.by and goal.by.isoformat(),
                "started_on": goal.started_on.isoformat(),
                "opening": money.format_amount(goal.opening, currency=goal.currency),
                "note": goal.note,
                "schedule": goal.schedule_id,
                "fed_amount": None
                if goal.fed_amount is None
                else money.format_amount(goal.fed_amount, currency=goal.currency),
                "fed_since": goal.fed_since and goal.fed_since.isoformat(),
                "closed_at": goal.closed_at and goal.closed_at.isoformat(),
                "moves": moves.get(goal.pk, []),
            }
            for goal in Goal.objects.filter(book=book).order_by("pk")
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each whose schedule did not come along. Raises BookUnreadable."""
    made, moves = [], []
    left: list[str] = []
    try:
        if document["version"] != VERSION:
            reason = _("Goals of version %(version)s are not known here.") % {"version": str(document["version"])[:20]}
            raise BookUnreadable(reason=reason)
        uids = [move["entry"] for given in document["goals"] for move in given["moves"] if move["entry"] is not None]
        entries = arrival.entries(uuid.UUID(uid) for uid in uids)
        for given in document["goals"]:
            account = arrival.account(given["account"])
            currency = account.currency
            goal = Goal(
                book=arrival.book,
                name=_text(given["name"]),
                kind=Kind(given["kind"]),
                account=account,
                currency=currency,
                target=None if given["target"] is None else money.parse_amount(given["target"], currency=currency),
                by=given["by"] and datetime.date.fromisoformat(given["by"]),
                started_on=datetime.date.fromisoformat(given["started_on"]),
                opening=money.parse_amount(given["opening"], currency=currency),
                note=_text(given["note"]),
                closed_at=given["closed_at"] and datetime.datetime.fromisoformat(given["closed_at"]),
            )
            if given.get("schedule") is not None:
                schedule_id = arrival.numbers.get(str(Layer.SCHEDULE), {}).get(int(given["schedule"]))
                if schedule_id is None:
                    text = _("The goal “%(name)s” is not fed by its schedule any more: that did not come along.")
                    left.append(text % {"name": goal.name[:80]})
                else:
                    fed_amount = given["fed_amount"]
                    goal.schedule_id = schedule_id
                    goal.fed_amount = fed_amount and money.parse_amount(fed_amount, currency=currency)
                    goal.fed_since = datetime.datetime.fromisoformat(given["fed_since"])
            made.append(goal)
            moves += [
                GoalMove(
                    book=arrival.book,
                    goal=goal,
                    account=arrival.account(move["account"]),
                    kind=GoalMove.Kinds(move["kind"]),
                    date=datetime.date.fromisoformat(move["date"]),
                    amount=money.parse_amount(move["amount"], currency=currency),
                    note=_text(move["note"]),
                    entry_id=None if move["entry"] is None else entries[uuid.UUID(move["entry"])],
                    is_fed={False: False, True: True}[move.get("fed", False)],
                )
                for move in given["moves"]
            ]
        if any(move.account.currency != move.goal.currency for move in moves):
            raise ValueError("a record is in another currency than its goal")
    except (Invalid, AmountInvalid, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The goals of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    Goal.objects.bulk_create(made)
    GoalMove.objects.bulk_create(moves, batch_size=5000)
    emit_many([GoalSaved(book_id=arrival.book.pk, goal_id=goal.pk) for goal in made])
    return left


def _text(given: str) -> str:
    if not isinstance(given, str) or "\x00" in given:
        raise ValueError("a text is none")
    return given
