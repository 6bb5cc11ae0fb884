"""Terms of credit cards: when a statement closes, when it is due, and what is paid from where."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.periods import WeekendShift
from finance.planning.cards.cycles import Mode


class CardMode(models.TextChoices):
    """The values are those of finance.planning.cards.cycles.Mode."""

    FULL = Mode.FULL.value, _("the whole statement")
    MINIMUM = Mode.MINIMUM.value, _("the minimum")
    FIXED = Mode.FIXED.value, _("a fixed amount")


class CardShift(models.TextChoices):
    """The values are those of finance.periods.WeekendShift."""

    NONE = WeekendShift.NONE.value, _("stays on the weekend")
    BEFORE = WeekendShift.BEFORE.value, _("the weekday before")
    AFTER = WeekendShift.AFTER.value, _("the weekday after")
    NEAREST = WeekendShift.NEAREST.value, _("the nearest weekday")


class CardTerms(models.Model):
    """How a card is paid; at most one row per account. `amount` is the fixed amount or the least of a minimum (minor units)."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_index=False, db_constraint=False, verbose_name=_("card")
    )
    closing_day = models.PositiveSmallIntegerField(_("statement closes on day"))
    due_day = models.PositiveSmallIntegerField(_("due on day"))
    shift = models.CharField(_("on a weekend"), max_length=7, choices=CardShift.choices)
    pays_from = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, db_constraint=False,
        verbose_name=_("paid from"),
    )  # fmt: skip
    mode = models.CharField(_("what is paid"), max_length=7, choices=CardMode.choices)
    percent = models.DecimalField(_("minimum in per cent"), max_digits=7, decimal_places=4, null=True, blank=True)
    amount = models.BigIntegerField(_("amount"), null=True, blank=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("terms of a card")
        verbose_name_plural = _("terms of cards")
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "book"], name="finance_cardterms_account")]

    def __str__(self) -> str:
        return f"card #{self.account_id}"
