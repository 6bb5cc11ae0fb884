"""Attachments of entries and of a whole book."""

from collections import defaultdict
from collections.abc import Collection, Iterator

from django.db.models import QuerySet, Sum

from finance.attachments.models import Attachment, AttachmentContent
from finance.errors import NotFound
from finance.ledger.models import Book
from finance.ledger.revisions import roots_of


def attachments_in(*, book: Book) -> QuerySet[Attachment]:
    """All attachments of the book that were not removed."""
    return Attachment.objects.filter(book=book, removed_at=None)


def attachment_for(*, book: Book, attachment_id: int) -> Attachment:
    """The book's attachment. Raises NotFound, also for a removed one."""
    found = attachments_in(book=book).filter(pk=attachment_id).first()
    if found is None:
        raise NotFound(thing="attachment")
    found.book = book
    return found


def attachments_of_entries(*, book: Book, entry_ids: Collection[int]) -> dict[int, list[Attachment]]:
    """Attachments, oldest first, of each of these entries that has any, in two queries."""
    roots = roots_of(book=book, entry_ids=entry_ids)
    by_root: dict[int, list[Attachment]] = defaultdict(list)
    for attachment in attachments_in(book=book).filter(entry__in=set(roots.values())).order_by("pk"):
        by_root[attachment.entry_id].append(attachment)
    return {entry_id: by_root[root] for entry_id, root in roots.items() if root in by_root}


def content_of(*, attachment: Attachment) -> bytes:
    """The file's bytes."""
    stored = AttachmentContent.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256)
    return bytes(stored.values_list("content", flat=True).get())


def thumbnail_of(*, attachment: Attachment) -> bytes:
    """A JPEG of at most 480 × 480 pixels. Raises NotFound where there is none (yet)."""
    stored = AttachmentContent.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256)
    picture = stored.values_list("thumbnail", flat=True).first()
    if picture is None:
        raise NotFound(thing="thumbnail")
    return bytes(picture)


def bytes_in(*, book: Book) -> int:
    """Bytes of all files of the book, each counted once."""
    return AttachmentContent.objects.filter(book=book).aggregate(total=Sum("size"))["total"] or 0


def files_of(*, book: Book) -> Iterator[tuple[str, bytes]]:
    """SHA-256 and bytes of every file of the book, each once, one file in memory at a time."""
    stored = AttachmentContent.objects.filter(book=book)
    for sha256 in stored.order_by("sha256").values_list("sha256", flat=True):
        yield sha256, bytes(stored.values_list("content", flat=True).get(sha256=sha256))
