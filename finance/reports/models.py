"""Saved reports of a book, and what each of its people sees on the overview."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book


class SavedReport(models.Model):
    """A report under a name, for everybody who reads the book. A period such as last-month moves with the calendar."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="saved_reports", db_index=False, verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=20)  # finance.reports.definition.Kind
    parameters = models.JSONField(_("parameters"), default=dict)  # texts, as Definition.parameters gives them
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("saved by")
    )
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("saved report")
        verbose_name_plural = _("saved reports")
        # Also how a book's reports are listed.
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "name"], name="finance_savedreport_name")]

    def __str__(self) -> str:
        return self.name


class Dashboard(models.Model):
    """The cards of one person's overview of a book, in order; a person without one sees the usual ones."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False, verbose_name=_("book"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    cards = models.JSONField(_("cards"), default=list)  # names of finance.reports.dashboard
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboards")
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "user"], name="finance_dashboard_person")]

    def __str__(self) -> str:
        return f"dashboard of user #{self.user_id} in book #{self.book_id}"
