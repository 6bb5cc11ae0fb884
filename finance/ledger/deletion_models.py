"""What stays of a deleted book."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BookDeletion(models.Model):
    """Who deleted which book, and what became of it. Outlives the book, which it names by number and name only.

    An operator's record, not a book's data: it stays on the server that erased (docs/adr/0017).
    """

    # Not a reference: numbers are never given twice.
    book_number = models.BigIntegerField(_("number of the book"))
    name = models.CharField(_("name"), max_length=120)
    is_demo = models.BooleanField(_("demo"))
    deleted_at = models.DateTimeField(_("deleted"))
    deleted_by = models.CharField(_("deleted by"), max_length=254)
    erase_at = models.DateTimeField(_("erased from"))
    restored_at = models.DateTimeField(_("restored"), null=True, blank=True)
    restored_by = models.CharField(_("restored by"), max_length=254, blank=True)
    started_at = models.DateTimeField(_("erasing began"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    # Rows by table, counted in the transaction that deletes them.
    counts = models.JSONField(_("rows"), default=dict)
    # Where the chain of the book's entries ended.
    seals = models.BigIntegerField(_("sealed entries"), default=0)
    head = models.CharField(_("head of the chain"), max_length=64, blank=True)
    # Ordering keys of events about parts of the book, which can no longer be asked for once those parts are gone.
    event_keys = models.JSONField(default=list)

    class Meta:
        verbose_name = _("deletion of a book")
        verbose_name_plural = _("deletions of books")
        constraints = [
            # A book is deleted once at a time; also how the deletion of a book is found.
            models.UniqueConstraint(
                fields=["book_number"], condition=models.Q(restored_at=None), name="finance_bookdeletion_standing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (#{self.book_number})"
