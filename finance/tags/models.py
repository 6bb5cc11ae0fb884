"""Tags, and the entries that have them: each by its first version, so that a correction keeps them (ledger.revisions)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book, JournalEntry


class TagColour(models.TextChoices):
    """A few colours that can be read in the light and in the dark theme; pages know them as classes."""

    GREY = "grey", _("grey")
    RED = "red", _("red")
    ORANGE = "orange", _("orange")
    YELLOW = "yellow", _("yellow")
    GREEN = "green", _("green")
    TEAL = "teal", _("teal")
    BLUE = "blue", _("blue")
    PURPLE = "purple", _("purple")
    PINK = "pink", _("pink")


class Tag(models.Model):
    """A label for entries of any category: "holiday", "to be paid back"."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="tags", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=60)
    colour = models.CharField(_("colour"), max_length=8, choices=TagColour.choices, default=TagColour.GREY)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints: ClassVar = [models.UniqueConstraint("book", Lower("name"), name="finance_tag_name")]

    def __str__(self) -> str:
        return self.name


class EntryTag(models.Model):
    """One tag on one entry, of which only the root is named."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    entry = models.ForeignKey(JournalEntry, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    tagged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    tagged_at = models.DateTimeField(_("tagged"), auto_now_add=True)

    class Meta:
        verbose_name = _("tag of an entry")
        verbose_name_plural = _("tags of entries")
        constraints: ClassVar = [
            # Also how an entry's tags are found.
            models.UniqueConstraint(fields=["entry", "tag", "book"], name="finance_entrytag_once"),
        ]
        indexes: ClassVar = [
            # The entries of a tag (filters, sums, search).
            models.Index(fields=["tag", "entry"], name="finance_entrytag_tag"),
        ]

    def __str__(self) -> str:
        return f"tag #{self.tag_id} on entry #{self.entry_id}"
