"""Rules in an export of the whole book, and back."""

import copy
import re
from typing import Any

from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.rules.services import export_rules, import_rules
from identity.models import User

VERSION = 1
# Where `import_rules` finds a problem: "groups.0.rules.3.definition…".
_RULE = re.compile(r"groups\.(\d+)\.rules\.(\d+)(?:\.|$)")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """The rules as one document, with accounts named by their paths."""
    return {"version": VERSION, **export_rules(book=book)}


def take(arrival: Arrival, document: Any) -> list[str]:
    """Add the rules; returns a sentence for each that cannot be imported. Raises BookUnreadable."""
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise BookUnreadable(reason=_("The rules of the export are not of a version that is known here."))
    wanted = copy.deepcopy(document)
    left: list[str] = []
    while True:
        try:
            import_rules(book=arrival.book, actor=None, document=wanted)
        except FinanceError as error:
            # Without these rules, such as those of accounts that are gone, the others can be imported.
            places: dict[tuple[int, int], str] = {}
            for path, why in error.fields.items():
                if (match := _RULE.match(path)) is None:
                    raise BookUnreadable(
                        reason=_("The rules of the export are damaged: %(detail)s") % {"detail": error.detail}
                    ) from error
                places.setdefault((int(match[1]), int(match[2])), why)
            if not places:
                raise BookUnreadable(
                    reason=_("The rules of the export are damaged: %(detail)s") % {"detail": error.detail}
                ) from error
            for (group, number), why in places.items():
                rule = wanted["groups"][group]["rules"][number]
                name = str(rule.get("name", ""))[:80] if isinstance(rule, dict) else ""
                left.append(_("The rule “%(name)s” was not imported: %(why)s") % {"name": name, "why": why})
            for group, number in sorted(places, reverse=True):
                del wanted["groups"][group]["rules"][number]
        else:
            return left
