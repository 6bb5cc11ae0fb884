"""Budgets: their lines, what was assigned to them by whom, and what each line carries into its next period.

What was spent is never stored here; it comes from the ledger each time. Amounts are minor units of the budget's currency.
"""

import datetime
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.periods import PayRule, WeekendShift
from finance.planning.budgets.arithmetic import WEIGHT_SCALE, Carry
from finance.planning.budgets.periods import BudgetCalendar, CalendarUnit, LabelBy
from finance.planning.budgets.targets import Target, TargetKind
from finance.planning.recurrence import Unit
from finance.tags.models import Tag


class Budget(models.Model):
    """Periods of a calendar, and lines that get amounts in them.

    Envelopes share out money that is there; a tracking budget sets limits. Its currency never changes.
    """

    class Kind(models.TextChoices):
        ENVELOPE = "envelope", _("envelopes: share out the money that is there")
        TRACKING = "tracking", _("limits: compare spending with a plan")

    class CalendarUnits(models.TextChoices):
        DAY = CalendarUnit.DAY, _("days")
        WEEK = CalendarUnit.WEEK, _("weeks")
        MONTH = CalendarUnit.MONTH, _("months")
        YEAR = CalendarUnit.YEAR, _("years")
        PAY = CalendarUnit.PAY, _("the pay period of the book")
        ONCE = CalendarUnit.ONCE, _("one stretch of days")

    class Shift(models.TextChoices):
        NONE = WeekendShift.NONE, _("stays on that day")
        BEFORE = WeekendShift.BEFORE, _("moves to the Friday before")
        AFTER = WeekendShift.AFTER, _("moves to the Monday after")
        NEAREST = WeekendShift.NEAREST, _("moves to the nearest weekday")

    class SharedBy(models.TextChoices):
        NOBODY = "", _("not shared")
        SHARES = "shares", _("shares")
        PERCENT = "percent", _("percentages")

    class LabelDay(models.TextChoices):
        START = LabelBy.START, _("the month that it begins in")
        END = LabelBy.END, _("the month that it ends in")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    currency = models.CharField(_("currency"), max_length=8)
    unit = models.CharField(_("periods are"), max_length=5, choices=CalendarUnits.choices, default=CalendarUnits.MONTH)
    every = models.PositiveSmallIntegerField(_("how many"), default=1)
    anchor = models.DateField(_("first day of a period"), null=True, blank=True)
    day = models.PositiveSmallIntegerField(_("day of the month"), null=True, blank=True)
    shift = models.CharField(_("on a weekend"), max_length=7, choices=Shift.choices, default=Shift.NONE)
    last = models.DateField(_("last day"), null=True, blank=True)
    label_by = models.CharField(_("named by"), max_length=5, choices=LabelDay.choices, default=LabelDay.START)
    # Nothing is carried from before; without it the first assignment is the beginning.
    starts_on = models.DateField(_("begins"), null=True, blank=True)
    # What the forecast takes the rest from; without it nothing of this budget is in the forecast.
    pays_from = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False, db_constraint=False,
        verbose_name=_("paid from"),
    )  # fmt: skip
    # How members share it, if they do: who bears what is in BudgetShare.
    shared_by = models.CharField(_("shared by"), max_length=7, choices=SharedBy.choices, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "name"], name="finance_budget_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_envelope(self) -> bool:
        """Whether it shares out money that is there."""
        return self.kind == self.Kind.ENVELOPE

    def calendar(self, pay: PayRule | None) -> BudgetCalendar:
        """Its calendar; `pay` is the pay period of the book. Raises Invalid (unit) where that is missing."""
        return BudgetCalendar(
            unit=CalendarUnit(self.unit),
            every=self.every,
            anchor=self.anchor,
            day=self.day,
            shift=WeekendShift(self.shift),
            last=self.last,
            pay=pay,
        )


class BudgetAccount(models.Model):
    """An own account whose money a budget shares out. A budget without any shares out all own money in its currency."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="accounts", db_index=False, db_constraint=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        verbose_name = _("account of a budget")
        verbose_name_plural = _("accounts of budgets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "account", "book"], name="finance_budgetaccount_once")
        ]

    def __str__(self) -> str:
        return f"account #{self.account_id} of budget #{self.budget_id}"


class BudgetShare(models.Model):
    """What a member bears of a budget: shares or per cent, in ten-thousandths of one."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="shares", db_index=False, db_constraint=False, verbose_name=_("budget")
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("member"))
    weight = models.BigIntegerField(_("share"))
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    set_at = models.DateTimeField(_("set"), auto_now_add=True)

    class Meta:
        verbose_name = _("member's share of a budget")
        verbose_name_plural = _("members' shares of budgets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "user", "book"], name="finance_budgetshare_member"),
            models.CheckConstraint(condition=models.Q(weight__gte=0), name="finance_budgetshare_weight"),
        ]

    def __str__(self) -> str:
        return f"share of user #{self.user_id} in budget #{self.budget_id}"

    @property
    def share(self) -> str:
        """The share or percentage as it was given: "55", "33.3333"."""
        return f"{(Decimal(self.weight) / WEIGHT_SCALE).normalize():f}"


class BudgetLine(models.Model):
    """A category with all that is inside it, or a tag. Of categories inside each other the nearest line counts."""

    class Targets(models.TextChoices):
        NONE = TargetKind.NONE, _("none")
        EVERY_PERIOD = TargetKind.EVERY_PERIOD, _("an amount every period")
        REFILL = TargetKind.REFILL, _("refill up to an amount")
        BY_DATE = TargetKind.BY_DATE, _("an amount by a day")
        SINKING = TargetKind.SINKING, _("an amount by a day, again and again")
        RECURRING = TargetKind.RECURRING, _("an amount each time that it comes")

    class Units(models.TextChoices):
        DAY = Unit.DAY, _("days")
        WEEK = Unit.WEEK, _("weeks")
        MONTH = Unit.MONTH, _("months")
        YEAR = Unit.YEAR, _("years")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    budget = models.ForeignKey(
        Budget, models.CASCADE, related_name="lines", db_index=False, db_constraint=False, verbose_name=_("budget")
    )
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, db_constraint=False,
        verbose_name=_("category"),
    )  # fmt: skip
    tag = models.ForeignKey(
        Tag, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("tag")
    )
    target_kind = models.CharField(_("target"), max_length=12, choices=Targets.choices, blank=True, default="")
    target_amount = models.BigIntegerField(_("target amount"), default=0)
    target_due = models.DateField(_("needed by"), null=True, blank=True)
    target_every = models.PositiveSmallIntegerField(_("again every"), null=True, blank=True)
    target_unit = models.CharField(_("unit"), max_length=5, choices=Units.choices, blank=True, default="")
    note = models.CharField(_("note"), max_length=500, blank=True)
    # Whether the forecast expects its rest to be spent.
    in_forecast = models.BooleanField(_("in the forecast"), default=True)
    # Takes no more assignments; its past stays.
    closed = models.BooleanField(_("closed"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("line of a budget")
        verbose_name_plural = _("lines of budgets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "account", "book"], name="finance_budgetline_account"),
            models.UniqueConstraint(fields=["budget", "tag", "book"], name="finance_budgetline_tag"),
            models.CheckConstraint(
                condition=models.Q(account=None, tag__isnull=False) | models.Q(account__isnull=False, tag=None),
                name="finance_budgetline_one_thing",
            ),
        ]
        # Whether an account may go.
        indexes: ClassVar = [models.Index(fields=["account"], name="finance_budgetline_of_account")]

    def __str__(self) -> str:
        return f"line #{self.pk} of budget #{self.budget_id}"

    def target(self) -> Target:
        """Its target."""
        return Target(
            kind=TargetKind(self.target_kind),
            amount=self.target_amount,
            due=self.target_due,
            every=self.target_every,
            unit=Unit(self.target_unit) if self.target_unit else None,
        )


class LineCarry(models.Model):
    """What a line carries into its next period, for periods that begin on `since` or later; the latest such row counts."""

    class Choice(models.TextChoices):
        NONE = Carry.NONE, _("nothing")
        SURPLUS = Carry.SURPLUS, _("what is left")
        DEFICIT = Carry.DEFICIT, _("what was overspent")
        BOTH = Carry.BOTH, _("what is left and what was overspent")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    line = models.ForeignKey(BudgetLine, models.CASCADE, related_name="carries", db_index=False, db_constraint=False)
    since = models.DateField(_("from"), default=datetime.date.min)
    carry = models.CharField(_("carries over"), max_length=7, choices=Choice.choices)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    set_at = models.DateTimeField(_("set"), auto_now_add=True)

    class Meta:
        verbose_name = _("carrying over")
        verbose_name_plural = _("carrying over")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["line", "since", "book"], name="finance_linecarry_since")
        ]

    def __str__(self) -> str:
        return f"{self.carry} from {self.since} of line #{self.line_id}"


class Assignment(models.Model):
    """An amount that somebody gave to a line in a period, or took from it. Never changed: what a line has is their sum.

    Those that were made together, such as the two of a move, have the same `change`.
    """

    class Why(models.TextChoices):
        ASSIGN = "assign", _("assigned")
        MOVE = "move", _("moved")
        FUND = "fund", _("by its target")
        COPY = "copy", _("copied")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    line = models.ForeignKey(
        BudgetLine, models.CASCADE, related_name="assignments", db_index=False, db_constraint=False,
        verbose_name=_("line"),
    )  # fmt: skip
    period = models.DateField(_("period"))  # its first day
    amount = models.BigIntegerField(_("amount"))
    why = models.CharField(_("why"), max_length=6, choices=Why.choices, default=Why.ASSIGN)
    note = models.CharField(_("note"), max_length=200, blank=True)
    change = models.UUIDField(_("change"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    made_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="finance_assignment_not_zero")
        ]
        indexes: ClassVar = [
            # The history of a budget, by keyset.
            models.Index(fields=["budget", "id"], name="finance_assignment_history"),
            # What a line has in each period, and its own history.
            models.Index(fields=["line", "period"], include=["amount"], name="finance_assignment_line"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} to line #{self.line_id} for {self.period}"
