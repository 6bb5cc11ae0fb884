"""Changes as people make them, each with the entries before and after it; and entries kept as templates.

A change is what Undo takes back. It is written once; whether it was undone is known from the change that undid it.
"""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book, JournalEntry


class Change(models.Model):
    """One correction of one entry or many, made in one transaction."""

    class Action(models.TextChoices):
        EDIT = "edit", _("edited")
        DELETE = "delete", _("deleted")
        MERGE_PAYEES = "merge_payees", _("payees merged")
        RENAME_PAYEE = "rename_payee", _("payee renamed")
        TAG = "tag", _("tagged")
        UNDO = "undo", _("undone")

    book = models.ForeignKey(Book, models.CASCADE, related_name="changes", verbose_name=_("book"), db_index=False)
    action = models.CharField(_("action"), max_length=12, choices=Action.choices)
    # The new values, by field: {"account": 52, "payee": "Aldi", "shift_days": 2, "add_tags": ["Holiday"]}.
    asked = models.JSONField(_("asked for"), default=dict)
    # What it did besides the journal, by slice, as that slice takes it back (ledger.undoing).
    beside = models.JSONField(null=True, blank=True)
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by", verbose_name=_("undoes"),
        db_constraint=False,
    )  # fmt: skip
    entry_count = models.PositiveIntegerField(_("entries"))
    # Entries of closed periods: their corrections have this date instead of their own.
    redated_to = models.DateField(_("date given to entries of closed periods"), null=True, blank=True)
    redated_count = models.PositiveIntegerField(_("entries of closed periods"), default=0)
    left = models.JSONField(
        _("left as they are"), default=list
    )  # [{"entry", "date", "payee", "why"}], the first of them
    left_count = models.PositiveIntegerField(default=0)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    made_at = models.DateTimeField(_("at"), db_default=TransactionNow(), editable=False)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes: ClassVar = [
            # The history of a book, newest first.
            models.Index(fields=["book", "-id"], name="finance_change_history"),
        ]

    def __str__(self) -> str:
        return f"change #{self.pk} in book #{self.book_id}"


class ChangedEntry(models.Model):
    """What a change did to one entry. Without `after` it was deleted, without `before` it was brought back.

    Both are the same entry where only its tags changed.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    change = models.ForeignKey(Change, models.CASCADE, related_name="changed", db_constraint=False)
    before = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    after = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(before__isnull=False) | models.Q(after__isnull=False),
                name="finance_changedentry_not_empty",
            )
        ]
        # Of entries that are erased the database asks whether a change still names them.
        indexes: ClassVar = [
            models.Index(fields=["before"], name="finance_changedentry_before"),
            models.Index(fields=["after"], name="finance_changedentry_after"),
        ]

    def __str__(self) -> str:
        return f"entry #{self.before_id} to #{self.after_id}"

    @property
    def both(self) -> tuple[JournalEntry | None, JournalEntry | None]:
        """Before and after, for templates."""
        return self.before, self.after


class EntryTemplate(models.Model):
    """An entry to be written again, under a name; it holds no date."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="entry_templates", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=80)
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    # [{"account": 52, "amount": 1250, "memo": ""}], minor units, debit +
    lines = models.JSONField(_("lines"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("entry template")
        verbose_name_plural = _("entry templates")
        constraints: ClassVar = [models.UniqueConstraint("book", Lower("name"), name="finance_entrytemplate_name")]

    def __str__(self) -> str:
        return self.name
