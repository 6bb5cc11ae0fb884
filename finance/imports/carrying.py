"""How bank files are read, and links of refunds, in an export of the whole book, and back.

The files themselves and their rows stay behind: the entries that were posted from them are in the export.
"""

import uuid
from typing import Any

from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, Invalid
from finance.events.records import RefundLinked
from finance.imports.models import ImportProfile, Refund
from finance.imports.parsers.profile import CsvProfile
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Column settings by account, the one used longest ago first, and refunds as [uid of refund, uid of purchase]."""
    profiles = ImportProfile.objects.filter(book=book).order_by("updated_at", "pk")
    refunds = Refund.objects.filter(book=book).order_by("pk").values_list("refund__uid", "purchase__uid")
    return {
        "version": VERSION,
        "profiles": [
            {"account": each.account_id, "signature": each.signature, "reading": each.reading} for each in profiles
        ],
        "refunds": [[str(refund), str(purchase)] for refund, purchase in refunds],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each setting that is not understood here.

    Raises BookUnreadable.
    """
    left, profiles = [], []
    try:
        if document["version"] != VERSION:
            reason = _("Settings of bank files of version %(version)s are not known here.")
            raise BookUnreadable(reason=reason % {"version": str(document["version"])[:20]})
        for given in document["profiles"]:
            account = arrival.account(given["account"])
            try:
                profile = CsvProfile.from_dict(given["reading"])
            except Invalid as error:
                text = _("How bank files of %(account)s are read was not imported: %(why)s")
                left.append(text % {"account": account.name, "why": error.detail})
                continue
            profiles.append(
                ImportProfile(
                    book=arrival.book, account=account, signature=profile.signature, reading=profile.to_dict()
                )
            )
        pairs = [(uuid.UUID(refund), uuid.UUID(purchase)) for refund, purchase in document["refunds"]]
        entries = arrival.entries(uid for pair in pairs for uid in pair)
        refunds = [
            Refund(book=arrival.book, refund_id=entries[refund], purchase_id=entries[purchase])
            for refund, purchase in pairs
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The settings of bank files in the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    for each in profiles:
        # One by one: the latest is tried first, by its time.
        each.save()
    Refund.objects.bulk_create(refunds, batch_size=_AT_ONCE)
    emit_many(
        [
            RefundLinked(book_id=arrival.book.pk, refund_id=each.refund_id, purchase_id=each.purchase_id)
            for each in refunds
        ]
    )
    return left
