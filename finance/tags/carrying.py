"""Tags in an export of the whole book, and back."""

import uuid
from typing import Any

from finance.errors import BookUnreadable
from finance.events import TagSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.tags.models import EntryTag, Tag, TagColour
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000


def give(book: Book) -> dict[str, Any]:
    """Tags, and what bears them as [uid of the entry's first version, number of the tag]."""
    borne = EntryTag.objects.filter(book=book).order_by("pk").values_list("entry__uid", "tag_id")
    return {
        "version": VERSION,
        "tags": list(Tag.objects.filter(book=book).order_by("pk").values("id", "name", "colour")),
        "entries": [[str(uid), tag] for uid, tag in borne],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(reason=f"Tags of version {str(document['version'])[:20]} are not known here.")
        made = {
            given["id"]: Tag(book=arrival.book, name=_name(given["name"]), colour=TagColour(given["colour"]))
            for given in document["tags"]
        }
        borne = [(uuid.UUID(uid), tag) for uid, tag in document["entries"]]
        if len({tag.name.lower() for tag in made.values()}) < len(made) or len(set(borne)) < len(borne):
            raise ValueError("a tag is named twice")
        Tag.objects.bulk_create(made.values(), batch_size=_AT_ONCE)
        for start in range(0, len(borne), _AT_ONCE):
            some = borne[start : start + _AT_ONCE]
            entries = arrival.entries(uid for uid, _tag in some)
            EntryTag.objects.bulk_create(
                [EntryTag(book=arrival.book, entry_id=entries[uid], tag=made[tag]) for uid, tag in some]
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BookUnreadable(reason=f"The tags of the export are damaged: {str(error)[:100]}.") from error
    emit_many([TagSaved(book_id=arrival.book.pk, tag_id=tag.pk) for tag in made.values()])
    return []


def _name(given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given.strip()) <= 60 or "\0" in given:
        raise ValueError("a tag has no name that can be kept")
    return given
