"""Forecasts as they were made, so that they can be compared with what came; and the least that each account should keep."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.planning.forecast.bands import Basis


class ForecastAccount(models.Model):
    """Settings of one account in the forecast; accounts without such a row have floor 0 (cards: none).

    `floor` is in minor units: an overdraft that may be used is below zero, money that should stay above. Null for none.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    account = models.OneToOneField(
        Account, models.CASCADE, related_name="forecast", db_constraint=False, verbose_name=_("account")
    )
    floor = models.BigIntegerField(_("lowest balance wanted"), null=True, blank=True)
    included = models.BooleanField(_("in the forecast"), default=True)

    class Meta:
        verbose_name = _("account in the forecast")
        verbose_name_plural = _("accounts in the forecast")

    def __str__(self) -> str:
        return f"account #{self.account_id} in the forecast"


class Forecast(models.Model):
    """The forecast of a book that was made on one day; its figures are points, and it is never changed but by scores.

    `basis` is what was learned that day, so that pages need not learn it again: per account (by id) its habit and
    the spreads of its bands.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    made_on = models.DateField(_("made on"))
    made_at = models.DateTimeField(_("made at"), db_default=Now(), editable=False)
    basis = models.JSONField(_("what was learned"), default=dict)

    class Meta:
        verbose_name = _("forecast")
        verbose_name_plural = _("forecasts")
        constraints: ClassVar = [
            # Also how the newest of a book is found.
            models.UniqueConstraint(fields=["book", "made_on"], name="finance_forecast_day"),
        ]

    def __str__(self) -> str:
        return f"forecast of {self.made_on} for book #{self.book_id}"


class ForecastPoint(models.Model):
    """What was expected of one account a number of days ahead, and what came. Amounts are minor units of the account.

    `start` is the balance when the forecast was made; `planned` and `habitual` are the changes that were expected of
    what is planned and of what is usual, so `expected = start + planned + habitual`. `low` and `high` are null without a
    band. `actual` and `actual_planned` (the part of the change that plans explain) are null until the day is over.
    """

    class Rests(models.TextChoices):
        FORECASTS = Basis.FORECASTS, _("earlier forecasts")
        HISTORY = Basis.HISTORY, _("the past year")
        STRETCHED = Basis.STRETCHED, _("a shorter time, stretched")
        NONE = Basis.NONE, _("too little is known")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    forecast = models.ForeignKey(
        Forecast, models.CASCADE, related_name="points", db_index=False, db_constraint=False, verbose_name=_("forecast")
    )
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    horizon = models.PositiveSmallIntegerField(_("days ahead"))
    date = models.DateField(_("day"))
    start = models.BigIntegerField()
    planned = models.BigIntegerField()
    habitual = models.BigIntegerField()
    expected = models.BigIntegerField(_("expected"))
    low = models.BigIntegerField(_("low"), null=True, blank=True)
    high = models.BigIntegerField(_("high"), null=True, blank=True)
    rests_on = models.CharField(_("band rests on"), max_length=10, choices=Rests.choices, default=Rests.NONE)
    actual = models.BigIntegerField(_("actual"), null=True, blank=True)
    actual_planned = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("forecast figure")
        verbose_name_plural = _("forecast figures")
        constraints: ClassVar = [
            # Also how the points of a forecast are listed.
            models.UniqueConstraint(
                fields=["forecast", "account", "horizon", "book"], name="finance_forecastpoint_one"
            ),
        ]
        indexes: ClassVar = [
            # Those that wait for their day, and scores of a book by day.
            models.Index(fields=["book", "date"], name="finance_forecastpoint_date"),
        ]

    def __str__(self) -> str:
        return f"{self.expected} on account #{self.account_id} on {self.date}"
