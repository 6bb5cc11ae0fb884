"""Statements of accounts, and the marks of lines that the bank knows."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, JournalLine

if TYPE_CHECKING:
    from identity.models import User


class StatementQuerySet(models.QuerySet["AccountStatement"]):
    def visible_to(self, user: "User") -> Self:
        return self.filter(book__in=Book.objects.visible_to(user))


class AccountStatement(models.Model):
    """What the bank states for an account and a period; both days are in it, and the closing is that of the last day's end.

    Amounts are minor units of the account, with the account's sign: what is owed on a card is negative.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RECONCILED = "reconciled", _("reconciled")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="statements", verbose_name=_("account"), db_index=False,
        db_constraint=False,
    )  # fmt: skip
    start = models.DateField(_("from"))
    end = models.DateField(_("to"))
    opening = models.BigIntegerField(_("opening balance"))
    closing = models.BigIntegerField(_("closing balance"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    # Counts changes of the figures and of the state, so that nobody finishes a statement that someone else has just changed.
    version = models.PositiveIntegerField(_("version"), default=1)
    # The statement of a bank file that the figures are from; empty if they were typed in.
    imported = models.ForeignKey(
        "finance.ImportStatement", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("bank file"), db_constraint=False,
    )  # fmt: skip
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    reconciled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reconciled_at = models.DateTimeField(_("reconciled"), null=True, blank=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints: ClassVar = [
            # Also the list of an account's statements, by keyset on (start, end).
            models.UniqueConstraint(fields=["account", "start", "end", "book"], name="finance_accountstatement_period"),
            models.CheckConstraint(
                condition=models.Q(start__lte=models.F("end")), name="finance_accountstatement_forwards"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"

    @property
    def is_open(self) -> bool:
        """Whether rows can be ticked and figures changed."""
        return self.state == self.State.OPEN


class LineMark(models.Model):
    """A line of an account that the bank knows: cleared by hand or on an open statement, reconciled on a finished one.

    One line is one row of the bank, however many categories it is split into, and has one mark at most.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    line = models.ForeignKey(
        JournalLine, models.CASCADE, related_name="marks", db_index=False, db_constraint=False, verbose_name=_("line")
    )
    statement = models.ForeignKey(
        AccountStatement, models.CASCADE, null=True, blank=True, related_name="marks", db_constraint=False,
        verbose_name=_("statement"),
    )  # fmt: skip
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    marked_at = models.DateTimeField(_("marked"), auto_now_add=True)

    class Meta:
        verbose_name = _("cleared row")
        verbose_name_plural = _("cleared rows")
        constraints: ClassVar = [
            # Also how the mark of a line is found.
            models.UniqueConstraint(fields=["line", "book"], name="finance_linemark_line"),
        ]

    def __str__(self) -> str:
        return f"mark of line #{self.line_id}"
