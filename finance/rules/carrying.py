"""Rules in an export of the whole book, and back."""

import copy
from typing import Any

from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.rules.services import export_rules, import_rules

VERSION = 1


def give(book: Book) -> dict[str, Any]:
    """The rules as one document, with accounts named by their paths."""
    return {"version": VERSION, **export_rules(book=book)}


def take(arrival: Arrival, document: Any) -> list[str]:
    """Add the rules; returns a sentence for each that cannot come. Raises BookUnreadable."""
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise BookUnreadable(reason="The rules of the export are not of a version that is known here.")
    wanted = copy.deepcopy(document)
    left: list[str] = []
    while True:
        try:
            import_rules(book=arrival.book, actor=None, document=wanted)
        except FinanceError as error:
            # "groups.0.rules.3…": without that rule the others come, as one whose account is gone.
            step = next(iter(error.fields), "").split(".")
            try:
                removed = wanted["groups"][int(step[1])]["rules"].pop(int(step[3]))
            except (IndexError, ValueError, KeyError, TypeError, AttributeError):
                raise BookUnreadable(reason=f"The rules of the export are damaged: {error.detail}") from error
            left.append(f"The rule “{str(removed.get('name', ''))[:80]}” did not come: {error.detail}")
        else:
            return left
