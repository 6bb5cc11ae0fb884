"""Schedules: what comes again, and what became of single occurrences.

An occurrence has a row only where it differs from the rule: skipped, moved, paid or partly paid, or asked about.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, JournalEntry
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.public_holidays import LONGEST_REGION

_KINDS = (
    (AmountKind.FIXED.value, _("always the same")),
    (AmountKind.RANGE.value, _("between two amounts")),
    (AmountKind.LEARNED.value, _("like the latest payments")),
    (AmountKind.VARIABLE.value, _("different each time")),
)
_UNITS = (
    (Unit.DAY.value, _("days")),
    (Unit.WEEK.value, _("weeks")),
    (Unit.MONTH.value, _("months")),
    (Unit.YEAR.value, _("years")),
)
_SHIFTS = (
    (WeekendShift.NONE.value, _("stays")),
    (WeekendShift.BEFORE.value, _("weekday before")),
    (WeekendShift.AFTER.value, _("weekday after")),
    (WeekendShift.NEAREST.value, _("nearest weekday")),
)


class Schedule(models.Model):
    """Money that is expected again and again, or once. Nothing of it is posted before somebody pays or a payment matches."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="schedules", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=120)
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    # Minor units of the account, negative when money leaves it; a guess unless fixed.
    amount_kind = models.CharField(_("kind of amount"), max_length=8, choices=_KINDS, default=AmountKind.FIXED.value)
    amount = models.BigIntegerField(_("amount"))
    least = models.BigIntegerField(_("lower bound"), null=True, blank=True)
    most = models.BigIntegerField(_("upper bound"), null=True, blank=True)
    # [{"account": 52, "amount": 1250 or null, "memo": ""}], minor units, debit +; null takes what the others leave
    lines = models.JSONField(_("lines"))
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    tag_ids = models.JSONField(_("tags"), default=list)

    first = models.DateField(_("first day"))
    unit = models.CharField(_("unit"), max_length=5, choices=_UNITS)
    every = models.PositiveSmallIntegerField(_("every"), default=1)
    days = models.JSONField(_("days of the month"), default=list)
    weekday_number = models.PositiveSmallIntegerField(_("which weekday of the month"), null=True, blank=True)
    weekday = models.PositiveSmallIntegerField(_("weekday"), null=True, blank=True)  # 0 is Monday
    weekdays = models.JSONField(_("weekdays"), default=list, db_default=[])  # of a rule of weeks
    shift = models.CharField(_("on a weekend"), max_length=7, choices=_SHIFTS, default=WeekendShift.NONE.value)
    # Whose public holidays the shift keeps off as well, such as "DE-BY"; at first those of the book.
    holidays = models.CharField(_("public holidays"), max_length=LONGEST_REGION, blank=True, default="", db_default="")
    until = models.DateField(_("last day"), null=True, blank=True)
    count = models.PositiveSmallIntegerField(_("number of occurrences"), null=True, blank=True)
    total = models.BigIntegerField(_("total"), null=True, blank=True)

    # Occurrences before this day are not missed by anybody: the schedule was not yet there.
    asked_from = models.DateField(_("asked from"))
    # The schedule that this one goes on with since it was changed from a day on.
    continues = models.OneToOneField(
        "self", models.SET_NULL, null=True, blank=True, related_name="continued_by", db_constraint=False,
        verbose_name=_("continues"),
    )  # fmt: skip
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="finance_schedule_amount_not_zero"),
            models.CheckConstraint(condition=models.Q(every__gte=1), name="finance_schedule_every"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def definition(self) -> Definition:
        """The schedule as the pure modules know it."""
        has_weekday = self.weekday_number is not None and self.weekday is not None
        return Definition(
            name=self.name,
            account_id=self.account_id,
            amount=self.amount,
            first=self.first,
            unit=Unit(self.unit),
            lines=tuple(
                CounterLine(account_id=line["account"], amount=line["amount"], memo=line.get("memo", ""))
                for line in self.lines
            ),
            every=self.every,
            days=tuple(self.days),
            weekday=(self.weekday_number or 0, self.weekday or 0) if has_weekday else None,
            weekdays=tuple(self.weekdays),
            shift=WeekendShift(self.shift),
            holidays=self.holidays,
            until=self.until,
            count=self.count,
            total=self.total,
            amount_kind=AmountKind(self.amount_kind),
            least=self.least,
            most=self.most,
            payee=self.payee,
            description=self.description,
            tag_ids=tuple(self.tag_ids),
        )


class ScheduleOccurrence(models.Model):
    """What became of the occurrence of one nominal date."""

    class State(models.TextChoices):
        DUE = "due", _("due")
        SKIPPED = "skipped", _("skipped")
        PARTLY_PAID = "partly_paid", _("partly paid")
        PAID = "paid", _("paid")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    schedule = models.ForeignKey(
        Schedule, models.CASCADE, related_name="recorded", db_index=False, db_constraint=False,
        verbose_name=_("schedule"),
    )  # fmt: skip
    nominal = models.DateField(_("nominal date"))
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.DUE)
    moved_to = models.DateField(_("moved to"), null=True, blank=True)
    # Entries (their first versions) that somebody said are not it.
    refused = models.JSONField(default=list)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("occurrence of a schedule")
        verbose_name_plural = _("occurrences of schedules")
        constraints: ClassVar = [
            # Also how the occurrences of a schedule are found.
            models.UniqueConstraint(fields=["schedule", "nominal", "book"], name="finance_scheduleoccurrence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.nominal} of schedule #{self.schedule_id}"


class SchedulePayment(models.Model):
    """An entry that pays an occurrence, all of it or a part. The entry is named by its first version."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    occurrence = models.ForeignKey(
        ScheduleOccurrence, models.CASCADE, related_name="payments", db_index=False, db_constraint=False,
        verbose_name=_("occurrence"),
    )  # fmt: skip
    entry = models.ForeignKey(
        JournalEntry, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("entry")
    )
    # What the entry moved on the schedule's account; minor units.
    amount = models.BigIntegerField(_("amount"))
    date = models.DateField(_("date"))
    # Nobody: it was matched.
    linked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    linked_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("payment of a schedule")
        verbose_name_plural = _("payments of schedules")
        constraints: ClassVar = [
            # Also how an occurrence's payments are found.
            models.UniqueConstraint(fields=["occurrence", "entry", "book"], name="finance_schedulepayment_once"),
        ]

    def __str__(self) -> str:
        return f"entry #{self.entry_id} for occurrence #{self.occurrence_id}"
