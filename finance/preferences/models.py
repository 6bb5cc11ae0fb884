"""How the people of a book look at it: its pay period, and views of registers that they saved."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.periods import PayRule, WeekendShift

MAX_QUERY = 2000


class PayPeriod(models.Model):
    """When the book's pay period begins (finance.periods.PayRule): on a day of the month, or every few weeks."""

    class Shift(models.TextChoices):
        NONE = WeekendShift.NONE, _("stays on that day")
        BEFORE = WeekendShift.BEFORE, _("is paid on the Friday before")
        AFTER = WeekendShift.AFTER, _("is paid on the Monday after")
        NEAREST = WeekendShift.NEAREST, _("is paid on the nearest weekday")

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="pay_period")
    day = models.PositiveSmallIntegerField(_("day of the month"), null=True, blank=True)
    shift = models.CharField(_("on a weekend"), max_length=7, choices=Shift.choices, default=Shift.NONE)
    anchor = models.DateField(_("a payday"), null=True, blank=True)
    weeks = models.PositiveSmallIntegerField(_("weeks between paydays"), null=True, blank=True)

    class Meta:
        verbose_name = _("pay period")
        verbose_name_plural = _("pay periods")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(day__isnull=False, anchor=None, weeks=None)
                | models.Q(day=None, anchor__isnull=False, weeks__isnull=False),
                name="finance_payperiod_one_rule",
            ),
        ]

    def __str__(self) -> str:
        return f"pay period of book #{self.book_id}"

    def rule(self) -> PayRule:
        """The rule that the row holds."""
        return PayRule(day=self.day, shift=WeekendShift(self.shift), anchor=self.anchor, weeks=self.weeks)


class SavedView(models.Model):
    """A register with its filters under a name, of one person or shared with the whole book.

    `account` is the account or group; without one it is a register of the whole book, and the query names its scope.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="saved_views", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=80)
    # Gone with its owner, unless it is shared.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("owner")
    )
    shared = models.BooleanField(_("shared"), default=False)
    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    # As in the address of the register: "period=last-month&q=rent".
    query = models.CharField(_("filters"), max_length=MAX_QUERY, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints: ClassVar = [
            # Also how the views of a book are listed.
            models.UniqueConstraint(fields=["book", "owner", "name"], name="finance_savedview_name"),
        ]

    def __str__(self) -> str:
        return self.name
