"""Receipts are attached to entries and taken off again; a worker makes their small pictures."""

import hashlib

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.attachments import selectors
from finance.attachments.kinds import WITH_THUMBNAIL, kind_of
from finance.attachments.models import Attachment, AttachmentContent
from finance.attachments.thumbnails import thumbnail_of
from finance.errors import Conflict, Invalid
from finance.events.records import AttachmentAdded, AttachmentRemoved
from finance.ledger.models import Book, JournalEntry
from finance.ledger.revisions import root_of
from identity.models import User
from platform_outbox.emit import emit

LONGEST_NAME = 200


@transaction.atomic
def attach(*, entry: JournalEntry, actor: User | None, data: bytes, file_name: str) -> Attachment:
    """Attach a file to the entry and to all its versions. The same file again is the attachment that is there already.

    Raises Invalid (file) for an empty or too large file and for any other than a JPEG, PNG, WebP, HEIC or PDF, and
    Conflict where the entry or the book may have no more.
    """
    book = entry.book
    if not data:
        raise Invalid(field="file", reason=_("The file is empty."))
    most = settings.ATTACHMENT_MAX_MB
    if len(data) > most * 1024 * 1024:
        raise Invalid(field="file", reason=_("The file is larger than %(most)d MB.") % {"most": most})
    kind = kind_of(data)
    if kind is None:
        reason = _("This is not a JPEG, PNG, WebP or HEIC picture or a PDF file. Other files cannot be attached.")
        raise Invalid(field="file", reason=reason)
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)  # quotas are counted by one upload at a time
    sha256 = hashlib.sha256(data).hexdigest()
    shown = selectors.attachments_in(book=book).filter(entry=root_of(entry=entry))
    if there := shown.filter(sha256=sha256).first():
        return there
    if shown.count() >= settings.ATTACHMENT_MAX_PER_ENTRY:
        reason = _("An entry has at most %(most)d attachments.") % {"most": settings.ATTACHMENT_MAX_PER_ENTRY}
        raise Conflict(field="file", reason=reason)
    stored = AttachmentContent.objects.filter(book=book, sha256=sha256)
    if not stored.exists():
        room = settings.ATTACHMENT_BOOK_MAX_MB
        if selectors.bytes_in(book=book) + len(data) > room * 1024 * 1024:
            reason = _("The attachments of this book may take %(most)d MB, and this file no longer fits.")
            raise Conflict(field="file", reason=reason % {"most": room})
        AttachmentContent.objects.create(book=book, sha256=sha256, size=len(data), content=data)
    attachment = Attachment.objects.create(
        book=book, entry_id=root_of(entry=entry), file_name=_plain_name(file_name), content_type=kind,
        size=len(data), sha256=sha256, added_by=actor, has_thumbnail=stored.exclude(thumbnail=None).exists(),
    )  # fmt: skip
    emit(AttachmentAdded(book_id=book.pk, attachment_id=attachment.pk))
    return attachment


def _plain_name(name: str) -> str:
    """The last part of a path, without control characters; never empty, and its ending is kept when it is cut."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = " ".join("".join(sign for sign in name if sign.isprintable()).split()) or "receipt"
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[: LONGEST_NAME - 11]}.{ending}" if dot and len(ending) <= 10 else name[:LONGEST_NAME]


@transaction.atomic
def remove(*, attachment: Attachment, actor: User | None) -> None:
    """Take the file off its entry. Who added and removed it stays on record; its bytes go with the last that shows them."""
    Book.objects.select_for_update(no_key=True).get(pk=attachment.book_id)
    gone = Attachment.objects.filter(pk=attachment.pk, removed_at=None)
    if not gone.update(removed_at=timezone.now(), removed_by=actor):
        return
    others = Attachment.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256, removed_at=None)
    if not others.exists():
        AttachmentContent.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256).delete()
    emit(AttachmentRemoved(book_id=attachment.book_id, attachment_id=attachment.pk))


def make_thumbnail(*, attachment_id: int) -> bool:
    """Draw the small picture if one can be made and none is there; returns whether there is one now."""
    attachment = Attachment.objects.filter(pk=attachment_id, removed_at=None).first()
    if attachment is None or attachment.content_type not in WITH_THUMBNAIL:
        return False
    if not attachment.has_thumbnail:
        try:
            picture = thumbnail_of(selectors.content_of(attachment=attachment))
        except (Invalid, AttachmentContent.DoesNotExist):
            return False  # a picture that no decoder reads, or one that has been removed; the file stays as it is
        with transaction.atomic():
            stored = AttachmentContent.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256)
            if stored.update(thumbnail=picture):
                Attachment.objects.filter(book_id=attachment.book_id, sha256=attachment.sha256).update(
                    has_thumbnail=True
                )
    return True
