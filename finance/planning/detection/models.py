"""What was found to come again in a book's history, and what its people made of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.periods import WeekendShift
from finance.planning.detection.series import Amounts
from finance.planning.recurrence import Recurrence, Unit
from finance.planning.schedules.models import Schedule

LONGEST_GROUP = 260


class RecurringFinding(models.Model):
    """A series of payments in the history. It is offered as a schedule while it goes on, until somebody decided."""

    class State(models.TextChoices):
        OFFERED = "offered", _("offered")
        DISMISSED = "dismissed", _("dismissed")
        SCHEDULED = "scheduled", _("made a schedule")

    class Kind(models.TextChoices):
        FIXED = Amounts.FIXED.value, _("always the same")
        RANGE = Amounts.RANGE.value, _("between two amounts")
        LEARNED = Amounts.LEARNED.value, _("like the latest payments")

    book = models.ForeignKey(Book, models.CASCADE, related_name="recurring", db_index=False, verbose_name=_("book"))
    # What payments are compared by: the payee in lower case, or the words of the description.
    group = models.CharField(_("compared by"), max_length=LONGEST_GROUP)
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    # Category or account on the other side of the latest payment.
    counter = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False,
        verbose_name=_("other side"),
    )  # fmt: skip
    rhythm = models.CharField(_("rhythm"), max_length=16)
    unit = models.CharField(_("unit"), max_length=5, choices=[(each.value, each.value) for each in Unit])
    every = models.PositiveSmallIntegerField(_("every"))
    days = models.JSONField(_("days of the month"), default=list)
    weekday_number = models.PositiveSmallIntegerField(_("which weekday of the month"), null=True, blank=True)
    weekday = models.PositiveSmallIntegerField(_("weekday"), null=True, blank=True)
    weekdays = models.JSONField(_("weekdays"), default=list, db_default=[])
    shift = models.CharField(
        _("on a weekend"), max_length=7, choices=[(each.value, each.value) for each in WeekendShift]
    )
    next_due = models.DateField(_("next"))
    # With no payment by that day it is over, and no longer offered.
    lasts_until = models.DateField(_("lasts until"))
    # Minor units of the account, negative when money leaves it; least <= amount <= most.
    amount_kind = models.CharField(_("kind of amount"), max_length=8, choices=Kind.choices)
    amount = models.BigIntegerField(_("amount"))
    least = models.BigIntegerField(_("lower bound"))
    most = models.BigIntegerField(_("upper bound"))
    per_year = models.BigIntegerField(_("in a year"))
    confidence = models.PositiveSmallIntegerField(_("how sure, in percent"))
    hits = models.PositiveSmallIntegerField(_("payments"))
    misses = models.PositiveSmallIntegerField(_("days without a payment"))
    extras = models.PositiveSmallIntegerField(_("payments between"))
    began = models.DateField(_("first payment"))
    latest = models.DateField(_("latest payment"))
    # Ids of the latest entries of the series.
    evidence = models.JSONField(_("entries"), default=list)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OFFERED)
    schedule = models.ForeignKey(
        Schedule, models.SET_NULL, null=True, blank=True, related_name="found_as", db_constraint=False,
        verbose_name=_("schedule"),
    )  # fmt: skip
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)

    class Meta:
        verbose_name = _("recurring payment found")
        verbose_name_plural = _("recurring payments found")
        indexes: ClassVar = [models.Index(fields=["book", "group"], name="finance_recurring_group")]

    def __str__(self) -> str:
        return self.payee or self.description or self.group

    @property
    def rule(self) -> Recurrence:
        """Its days from the next one on."""
        has_weekday = self.weekday_number is not None and self.weekday is not None
        return Recurrence(
            anchor=self.next_due, unit=Unit(self.unit), every=self.every, days=tuple(self.days),
            weekday=(self.weekday_number or 0, self.weekday or 0) if has_weekday else None, weekdays=tuple(self.weekdays),
        )  # fmt: skip


class RecurringCheck(models.Model):
    """When all of a book was looked at; its row is held while findings of the book are written."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="+")
    complete_at = models.DateTimeField(_("looked at"), null=True)

    def __str__(self) -> str:
        return f"recurring payments of book #{self.book_id}"
