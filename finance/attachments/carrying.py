"""Receipts in an export of the whole book, and back. Their bytes are files of the archive, by SHA-256."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from finance.attachments.selectors import attachments_in, files_of
from finance.attachments.services import attach
from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book, JournalEntry
from identity.models import User

VERSION = 1


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Each attachment with the uid of its entry's first version, its name, and the SHA-256 of its file."""
    listed = attachments_in(book=book).order_by("pk").values_list("entry__uid", "file_name", "sha256")
    return {
        "version": VERSION,
        "attachments": [{"entry": str(uid), "file_name": name, "sha256": sha256} for uid, name, sha256 in listed],
    }


def files(book: Book) -> Iterator[tuple[str, bytes]]:
    """SHA-256 and bytes of each, one at a time."""
    return files_of(book=book)


def take(arrival: Arrival, document: Any) -> list[str]:
    """Attach them to the entries of the new book; returns a sentence for each that may not be attached here."""
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(
                reason=_("Receipts of version %(version)s are not known here.")
                % {"version": str(document["version"])[:20]}
            )
        given = [
            (uuid.UUID(one["entry"]), str(one["file_name"]), str(one["sha256"])) for one in document["attachments"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BookUnreadable(
            reason=_("The receipts of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        ) from error
    ids = arrival.entries(uid for uid, _name, _sha256 in given)
    left = []
    for uid, name, sha256 in given:
        content = arrival.files.get(sha256)
        if uid not in ids or content is None:
            raise BookUnreadable(
                reason=_("The receipt “%(name)s” has no file in the archive, or no entry.") % {"name": name[:80]}
            )
        entry = JournalEntry(pk=ids[uid], book=arrival.book)
        try:
            attach(entry=entry, actor=None, data=content, file_name=name)
        except FinanceError as error:
            left.append(
                _("The receipt “%(name)s” was not imported: %(detail)s") % {"name": name[:80], "detail": error.detail}
            )
    return left
