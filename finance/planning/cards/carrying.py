"""Terms of cards in the export and import of a whole book."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.planning.cards.models import CardTerms
from finance.planning.cards.selectors import cycle_of
from identity.models import User

VERSION = 1


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """How each card is paid; amounts in minor units of the card's currency."""
    return {
        "version": VERSION,
        "cards": [
            {
                "account": each.account_id, "closing_day": each.closing_day, "due_day": each.due_day,
                "shift": each.shift, "pays_from": each.pays_from_id, "mode": each.mode,
                "percent": None if each.percent is None else str(each.percent), "amount": each.amount,
            }
            for each in CardTerms.objects.filter(book=book).order_by("pk")
        ],
    }  # fmt: skip


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; nothing is left out. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            raise ValueError("its version is not known here")
        rows = [_terms(arrival, given) for given in document["cards"]]
        CardTerms.objects.bulk_create(rows)
    except FinanceError as error:
        reason = _("The cards of the export are damaged: %(detail)s") % {"detail": error.detail}
        raise BookUnreadable(reason=reason) from error
    except (LookupError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        reason = _("The cards of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    return []


def _terms(arrival: Arrival, given: Any) -> CardTerms:
    terms = CardTerms(
        book=arrival.book, account=arrival.account(given["account"]), saved_by=arrival.owner,
        closing_day=int(given["closing_day"]), due_day=int(given["due_day"]), shift=str(given["shift"]),
        mode=str(given["mode"]), percent=None if given["percent"] is None else Decimal(given["percent"]),
        amount=None if given["amount"] is None else int(given["amount"]),
        pays_from=None if given["pays_from"] is None else arrival.account(given["pays_from"]),
    )  # fmt: skip
    cycle_of(terms)
    return terms
