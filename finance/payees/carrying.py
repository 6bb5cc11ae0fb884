"""Payees in an export of the whole book, and back."""

from typing import Any

from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, Invalid
from finance.events.records import PayeeSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.payees.models import Payee, PayeeAlias
from finance.payees.services import checked_name
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Payees with their aliases and usual categories."""
    aliases: dict[int, list[str]] = {}
    for payee, name in PayeeAlias.objects.filter(book=book).order_by("pk").values_list("payee_id", "name"):
        aliases.setdefault(payee, []).append(name)
    return {
        "version": VERSION,
        "payees": [
            {
                "id": each.pk,
                "name": each.name,
                "default_account": each.default_account_id,
                "aliases": aliases.get(each.pk, []),
            }
            for each in Payee.objects.filter(book=book).order_by("pk")
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            reason = _("Payees of version %(version)s are not known here.") % {"version": str(document["version"])[:20]}
            raise BookUnreadable(reason=reason)
        made: dict[int, tuple[Payee, list[str]]] = {}
        for given in document["payees"]:
            account = arrival.account(given["default_account"]) if given["default_account"] is not None else None
            payee = Payee(book=arrival.book, name=checked_name(given["name"]), default_account=account)
            made[given["id"]] = payee, [checked_name(name) for name in given["aliases"]]
    except (Invalid, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The payees of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    names = [name.casefold() for payee, aliases in made.values() for name in (payee.name, *aliases)]
    if len(set(names)) < len(names):
        raise BookUnreadable(reason=_("The payees of the export are damaged: a name means two of them."))
    Payee.objects.bulk_create([payee for payee, _aliases in made.values()], batch_size=_AT_ONCE)
    PayeeAlias.objects.bulk_create(
        [PayeeAlias(book=arrival.book, payee=payee, name=name) for payee, aliases in made.values() for name in aliases],
        batch_size=_AT_ONCE,
    )
    arrival.numbers["payee"] = {number: payee.pk for number, (payee, _aliases) in made.items()}
    emit_many([PayeeSaved(book_id=arrival.book.pk, payee_id=number) for number in arrival.numbers["payee"].values()])
    return []
