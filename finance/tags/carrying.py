"""Tags in an export of the whole book, and back."""

import uuid
from typing import Any

from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, Invalid
from finance.events.records import TagSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.tags.models import EntryTag, Tag, TagColour
from finance.tags.names import checked_name
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Tags, and the entries that have them as [uid of the entry's first version, number of the tag]."""
    links = EntryTag.objects.filter(book=book).order_by("pk").values_list("entry__uid", "tag_id")
    return {
        "version": VERSION,
        "tags": list(Tag.objects.filter(book=book).order_by("pk").values("id", "name", "colour")),
        "entries": [[str(uid), tag] for uid, tag in links],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(
                reason=_("Tags of version %(version)s are not known here.") % {"version": str(document["version"])[:20]}
            )
        made = {
            given["id"]: Tag(book=arrival.book, name=checked_name(given["name"]), colour=TagColour(given["colour"]))
            for given in document["tags"]
        }
        links = [(uuid.UUID(uid), tag) for uid, tag in document["entries"]]
        if len({tag.name.lower() for tag in made.values()}) < len(made) or len(set(links)) < len(links):
            raise ValueError("a tag is named twice")
        Tag.objects.bulk_create(made.values(), batch_size=_AT_ONCE)
        for start in range(0, len(links), _AT_ONCE):
            some = links[start : start + _AT_ONCE]
            entries = arrival.entries(uid for uid, _tag in some)
            EntryTag.objects.bulk_create(
                [EntryTag(book=arrival.book, entry_id=entries[uid], tag=made[tag]) for uid, tag in some]
            )
    except (Invalid, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BookUnreadable(
            reason=_("The tags of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        ) from error
    arrival.numbers["tag"] = {number: tag.pk for number, tag in made.items()}
    emit_many([TagSaved(book_id=arrival.book.pk, tag_id=tag.pk) for tag in made.values()])
    return []
