"""Loans: what was agreed, what changed since, and which entries paid which instalment."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, AccountType, Book, JournalEntry
from finance.periods import WeekendShift
from finance.planning.loans.arithmetic import Effect, Method
from finance.planning.loans.day_counts import DayCount
from finance.planning.recurrence import Unit


class LoanMethod(models.TextChoices):
    """The values are those of finance.planning.loans.arithmetic.Method."""

    ANNUITY = Method.ANNUITY.value, _("equal payments")
    FIXED_PRINCIPAL = Method.FIXED_PRINCIPAL.value, _("equal parts of the principal")
    INTEREST_ONLY = Method.INTEREST_ONLY.value, _("interest alone, the principal at the end")


class LoanDayCount(models.TextChoices):
    """The values are those of finance.planning.loans.day_counts.DayCount."""

    THIRTY_360 = DayCount.THIRTY_360.value, _("30/360: every month a twelfth of a year")
    THIRTY_E_360 = DayCount.THIRTY_E_360.value, _("30E/360: the same, European rule for the 31st")
    ACT_365 = DayCount.ACT_365.value, _("actual days / 365")
    ACT_360 = DayCount.ACT_360.value, _("actual days / 360")
    ACT_ACT = DayCount.ACT_ACT.value, _("actual days / actual days of the year (ISDA)")


class LoanUnit(models.TextChoices):
    """What payments are counted in."""

    WEEK = Unit.WEEK.value, _("weeks")
    MONTH = Unit.MONTH.value, _("months")


class Shift(models.TextChoices):
    """The values are those of finance.periods.WeekendShift."""

    NONE = WeekendShift.NONE.value, _("stays on the weekend")
    BEFORE = WeekendShift.BEFORE.value, _("the weekday before")
    AFTER = WeekendShift.AFTER.value, _("the weekday after")
    NEAREST = WeekendShift.NEAREST.value, _("the nearest weekday")


class ExtraEffect(models.TextChoices):
    """The values are those of finance.planning.loans.arithmetic.Effect."""

    SHORTEN = Effect.SHORTEN.value, _("the loan ends earlier")
    LOWER = Effect.LOWER.value, _("later payments are lower")


def _account(**more: object) -> "models.ForeignKey[Account, Account]":
    return models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_index=False, db_constraint=False,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


class Loan(models.Model):
    """What was agreed about an account: borrowed where it is a liability, lent where it is an asset. Amounts in minor units.

    The table is computed, never stored. `percent` is the rate at the beginning; LoanRate has the later ones.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="loans", verbose_name=_("book"))
    account = _account(verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=120)
    method = models.CharField(_("method"), max_length=16, choices=LoanMethod.choices)
    principal = models.BigIntegerField(_("amount"))
    percent = models.DecimalField(_("per cent a year"), max_digits=10, decimal_places=6)
    start = models.DateField(_("paid out on"))
    first_payment = models.DateField(_("first payment"))
    payments = models.PositiveSmallIntegerField(_("number of payments"), null=True, blank=True)
    payment = models.BigIntegerField(_("agreed payment"), null=True, blank=True)
    unit = models.CharField(_("counted in"), max_length=5, choices=LoanUnit.choices)
    every = models.PositiveSmallIntegerField(_("every"))
    day_count = models.CharField(_("day count"), max_length=8, choices=LoanDayCount.choices)
    grace = models.PositiveSmallIntegerField(_("first payments of interest alone"))
    fee = models.BigIntegerField(_("fee of each payment"))
    shift = models.CharField(_("on a weekend"), max_length=7, choices=Shift.choices)
    pays_from = _account(null=True, blank=True, verbose_name=_("paid from"))
    interest_account = _account(null=True, blank=True, verbose_name=_("category of interest"))
    fee_account = _account(null=True, blank=True, verbose_name=_("category of fees"))
    # Of a loan that is shared: our part, what the other owes us, and what the other contributes to the principal.
    share = models.DecimalField(_("our share in per cent"), max_digits=7, decimal_places=4, null=True, blank=True)
    partner_account = _account(null=True, blank=True, verbose_name=_("owed by the other"))
    contribution_account = _account(null=True, blank=True, verbose_name=_("contributions of the other"))
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("loan")
        verbose_name_plural = _("loans")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "book"], name="finance_loan_account"),
            models.CheckConstraint(condition=models.Q(principal__gt=0), name="finance_loan_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_lent(self) -> bool:
        """Whether the household is the lender."""
        return self.account.type == AccountType.ASSET

    @property
    def currency(self) -> str:
        return self.account.currency


class LoanRate(models.Model):
    """From that day on the loan bears another rate; `payment`, where given, is agreed from then on."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    loan = models.ForeignKey(Loan, models.CASCADE, related_name="rates", db_index=False, db_constraint=False)
    since = models.DateField(_("from"))
    percent = models.DecimalField(_("per cent a year"), max_digits=10, decimal_places=6)
    payment = models.BigIntegerField(_("agreed payment"), null=True, blank=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("rate of a loan")
        verbose_name_plural = _("rates of loans")
        constraints: ClassVar = [models.UniqueConstraint(fields=["loan", "since", "book"], name="finance_loanrate_day")]

    def __str__(self) -> str:
        return f"{self.percent.normalize():f} % from {self.since}"


class LoanMovement(models.Model):
    """An extra payment (amount above zero) or a drawdown (below zero), planned or made; `entry` is what posted it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    loan = models.ForeignKey(Loan, models.CASCADE, related_name="movements", db_constraint=False)
    date = models.DateField(_("date"))
    amount = models.BigIntegerField(_("amount"))
    effect = models.CharField(_("effect"), max_length=7, choices=ExtraEffect.choices)
    entry = models.ForeignKey(
        JournalEntry, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("extra payment or drawdown")
        verbose_name_plural = _("extra payments and drawdowns")

    def __str__(self) -> str:
        return f"{self.amount} on {self.date}"


class LoanPayment(models.Model):
    """The entry that paid the instalment of a nominal day. Of a corrected entry it names the first version."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    loan = models.ForeignKey(Loan, models.CASCADE, related_name="paid", db_index=False, db_constraint=False)
    due = models.DateField(_("due"))
    entry = models.ForeignKey(JournalEntry, models.CASCADE, related_name="+", db_constraint=False)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("payment of a loan")
        verbose_name_plural = _("payments of loans")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["loan", "due", "book"], name="finance_loanpayment_due")
        ]

    def __str__(self) -> str:
        return f"loan #{self.loan_id}, {self.due}"
