"""Rates of a book, reference rates of the installation, and what a book's valuables are worth."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, JournalEntry
from finance.valuation.depreciation import PercentPlan, Plan, StraightPlan


class RateSource(models.TextChoices):
    """Where a stored rate comes from; the values are those of finance.valuation.rates.Source."""

    HAND = "hand", _("entered by hand")
    FILE = "file", _("from a file")


class ExchangeRate(models.Model):
    """On that day one unit of `base` was worth `rate` units of `quote`, as the household entered it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="rates", db_index=False, verbose_name=_("book"))
    base = models.CharField(_("from"), max_length=8)
    quote = models.CharField(_("to"), max_length=8)
    date = models.DateField(_("date"))
    rate = models.DecimalField(_("rate"), max_digits=38, decimal_places=18)
    source = models.CharField(_("source"), max_length=4, choices=RateSource.choices)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints: ClassVar = [
            # Also how the latest rate of a pair on or before a day is found.
            models.UniqueConstraint(fields=["book", "base", "quote", "date"], name="finance_rate_day"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="finance_rate_positive"),
        ]
        indexes: ClassVar = [
            # The list of rates, newest first.
            models.Index(fields=["book", "-date", "-id"], name="finance_rate_list"),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate.normalize():f} {self.quote} on {self.date}"


class ReferenceRate(models.Model):
    """A published rate, the same for all books of the installation, and not a book's data (docs/adr/0013)."""

    source = models.CharField(_("source"), max_length=8)
    base = models.CharField(_("from"), max_length=8)
    quote = models.CharField(_("to"), max_length=8)
    date = models.DateField(_("date"))
    rate = models.DecimalField(_("rate"), max_digits=38, decimal_places=18)

    class Meta:
        verbose_name = _("reference rate")
        verbose_name_plural = _("reference rates")
        constraints: ClassVar = [
            # Also how the latest rate of a pair on or before a day is found.
            models.UniqueConstraint(fields=["base", "quote", "date", "source"], name="finance_referencerate_day"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="finance_referencerate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate.normalize():f} {self.quote} on {self.date}"


class ReferenceFetch(models.Model):
    """An attempt to read a published file of rates; the latest ones are kept."""

    source = models.CharField(_("source"), max_length=8)
    at = models.DateTimeField(_("at"), auto_now_add=True)
    succeeded = models.BooleanField(_("succeeded"))
    said = models.CharField(_("what came of it"), max_length=300)
    through = models.DateField(_("latest day in the file"), null=True, blank=True)
    added = models.PositiveIntegerField(_("rates added or changed"), default=0)

    class Meta:
        verbose_name = _("fetch of reference rates")
        verbose_name_plural = _("fetches of reference rates")

    def __str__(self) -> str:
        return f"{self.source} {self.at:%Y-%m-%d %H:%M}"


class ValuationChoice(models.Model):
    """Which rates a book uses; a book without a row uses all."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="valuation_choice")
    own_exchanges = models.BooleanField(_("rates of our own exchanges"), default=True)
    reference = models.BooleanField(_("published reference rates"), default=True)
    crossing = models.BooleanField(_("through a third currency"), default=True)

    def __str__(self) -> str:
        return f"choices of book #{self.book_id}"


class AssetPlan(models.Model):
    """How an account of a valuable loses value from its latest appraisal on; at most one plan per account."""

    class Method(models.TextChoices):
        PERCENT = "percent", _("a percentage of what is left, each month")
        STRAIGHT = "straight", _("the same amount each month")

    book = models.ForeignKey(Book, models.CASCADE, related_name="asset_plans")
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False, db_constraint=False, verbose_name=_("account")
    )
    method = models.CharField(_("method"), max_length=8, choices=Method.choices)
    percent = models.DecimalField(_("percent a month"), max_digits=7, decimal_places=4, null=True, blank=True)
    months = models.PositiveSmallIntegerField(_("months"), null=True, blank=True)
    residual = models.BigIntegerField(_("worth in the end"), default=0)  # minor units

    @property
    def plan(self) -> Plan:
        """The arithmetic of it."""
        if self.percent is not None:
            return PercentPlan(percent=self.percent)
        return StraightPlan(months=self.months or 1, residual=self.residual)

    class Meta:
        verbose_name = _("depreciation")
        verbose_name_plural = _("depreciations")
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "book"], name="finance_assetplan_account")]

    def __str__(self) -> str:
        return f"{self.method} of account #{self.account_id}"


class AssetValue(models.Model):
    """A change of what a valuable is worth: an appraisal, or a month's depreciation. Its entry is in the journal."""

    class Kind(models.TextChoices):
        APPRAISAL = "appraisal", _("appraisal")
        DEPRECIATION = "depreciation", _("depreciation")

    book = models.ForeignKey(Book, models.CASCADE, related_name="asset_values")
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False, db_constraint=False, verbose_name=_("account")
    )
    date = models.DateField(_("date"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    value = models.BigIntegerField(_("worth"))  # at the end of the day, minor units of the account's currency, ≥ 0
    note = models.CharField(_("note"), max_length=200, blank=True)
    # None where the books had that value already.
    entry = models.ForeignKey(
        JournalEntry, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("value of an asset")
        verbose_name_plural = _("values of assets")
        constraints: ClassVar = [
            # One value per day; also how an account's values are listed.
            models.UniqueConstraint(fields=["account", "date", "book"], name="finance_assetvalue_day"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="finance_assetvalue_not_negative"),
        ]
        # Of entries that are erased the database asks whether a value still names them.
        indexes: ClassVar = [models.Index(fields=["entry"], name="finance_assetvalue_entry")]

    def __str__(self) -> str:
        return f"{self.kind} of account #{self.account_id} on {self.date}"
