"""Goals, and the records of money that was set aside for them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, JournalEntry
from finance.planning.goals.arithmetic import Kind
from finance.planning.schedules.models import Schedule


class Goal(models.Model):
    """Something that money is set aside for, inside accounts of one currency. Nothing of it is posted.

    `target` is in minor units; without one the goal just grows. `account` is where money goes unless another account is
    named. `started_on` is the day on which its plan was made, `opening` what was set aside by then.
    """

    class Kinds(models.TextChoices):
        SAVE = Kind.SAVE, _("save for something")
        KEEP = Kind.KEEP, _("keep an amount ready")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=4, choices=Kinds.choices, default=Kinds.SAVE)
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    currency = models.CharField(_("currency"), max_length=8)
    target = models.BigIntegerField(_("target"), null=True, blank=True)
    by = models.DateField(_("by"), null=True, blank=True)
    started_on = models.DateField(_("planned from"))
    opening = models.BigIntegerField(_("set aside at the start"), default=0)
    note = models.CharField(_("note"), max_length=500, blank=True)
    # What its payments bring into the account is set aside, or `fed_amount` of each; those linked since `fed_since`.
    schedule = models.ForeignKey(
        Schedule, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False,
        verbose_name=_("fed by"),
    )  # fmt: skip
    fed_amount = models.BigIntegerField(_("of each payment"), null=True, blank=True)
    fed_since = models.DateTimeField(_("fed since"), null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Given up or spent: what it held is free again, its records stay.
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("goal")
        verbose_name_plural = _("goals")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(target=None) | models.Q(target__gt=0), name="finance_goal_target"
            ),
            models.CheckConstraint(
                condition=models.Q(fed_amount=None) | models.Q(fed_amount__gt=0), name="finance_goal_fed_amount"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GoalMove(models.Model):
    """A record of money set aside (above zero) or released (below zero) in one account. Never changed.

    A move that belongs to an entry has its sign from the account that holds the goal: what comes into it is set aside.
    """

    class Kinds(models.TextChoices):
        OPENING = "opening", _("there at the start")
        CONTRIBUTION = "in", _("set aside")
        RELEASE = "out", _("released")
        # An entry that was counted, then deleted or corrected, or pays the schedule no more.
        CORRECTION = "fix", _("correction")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    goal = models.ForeignKey(
        Goal, models.CASCADE, related_name="moves", db_index=False, db_constraint=False, verbose_name=_("goal")
    )
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kinds.choices)
    date = models.DateField(_("date"))
    amount = models.BigIntegerField(_("amount"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    entry = models.ForeignKey(
        JournalEntry,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("entry"),
    )
    # The entry was counted because it pays an occurrence of the schedule that feeds the goal.
    is_fed = models.BooleanField(_("by the schedule"), default=False, db_default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        verbose_name = _("money set aside")
        verbose_name_plural = _("money set aside")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="finance_goalmove_amount"),
        ]
        indexes: ClassVar = [
            # The records of a goal, newest first.
            models.Index(fields=["goal", "date", "id"], name="finance_goalmove_records"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for goal #{self.goal_id}"
