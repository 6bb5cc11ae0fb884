"""Receipts: the bytes once per book, by their SHA-256, and the entries that have them (docs/adr/0012)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book, JournalEntry


class AttachmentContent(models.Model):
    """A file's bytes. Two entries with the same file share them; they go with the last attachment that shows them."""

    pk = models.CompositePrimaryKey("book_id", "sha256")
    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(_("size in bytes"))
    content = models.BinaryField(_("content"))
    # A JPEG; NULL until a worker has made it, and for good where none can be made.
    thumbnail = models.BinaryField(_("thumbnail"), null=True)

    def __str__(self) -> str:
        return f"{self.sha256[:12]} of book #{self.book_id}"


class Attachment(models.Model):
    """A file on an entry, of which the first version is named. A removed one stays as a record, without its bytes."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="attachments", db_index=False, verbose_name=_("book"))
    entry = models.ForeignKey(
        JournalEntry, models.CASCADE, related_name="+", db_index=False, db_constraint=False, verbose_name=_("entry")
    )
    file_name = models.CharField(_("file"), max_length=200)
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64)
    has_thumbnail = models.BooleanField(_("has a thumbnail"), default=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    added_at = models.DateTimeField(_("added"), auto_now_add=True)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        constraints: ClassVar = [
            # An entry shows a file once. Also how an entry's attachments are found.
            models.UniqueConstraint(
                fields=["entry", "sha256", "book"],
                condition=models.Q(removed_at=None),
                name="finance_attachment_once",
            ),
        ]
        indexes: ClassVar = [
            # A book's attachments in their order (API, export), and who still shows some bytes.
            models.Index(fields=["book", "id"], name="finance_attachment_list"),
            models.Index(fields=["book", "sha256"], name="finance_attachment_file"),
        ]

    def __str__(self) -> str:
        return self.file_name
