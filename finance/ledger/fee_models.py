"""What banks take for transfers, by account."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.ledger.transfer_fees import FeeRule


class TransferFee(models.Model):
    """The fee for a transfer out of an account (finance.ledger.transfer_fees.FeeRule), and what it is booked as.

    Amounts are minor units of the account's currency.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="transfer_fees", verbose_name=_("book"))
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_constraint=False, db_index=False, verbose_name=_("account")
    )
    category = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_constraint=False, db_index=False, verbose_name=_("booked as")
    )
    fixed = models.BigIntegerField(_("fixed fee"), null=True, blank=True)
    fixed_up_to = models.BigIntegerField(_("fixed up to"), null=True, blank=True)
    share = models.IntegerField(_("parts per million"), null=True, blank=True)
    minimum = models.BigIntegerField(_("at least"), null=True, blank=True)
    maximum = models.BigIntegerField(_("at most"), null=True, blank=True)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("saved by")
    )
    saved_at = models.DateTimeField(_("saved"), auto_now=True)

    class Meta:
        verbose_name = _("transfer fee")
        verbose_name_plural = _("transfer fees")
        constraints: ClassVar = [
            # Also how the fee of an account is found.
            models.UniqueConstraint(fields=["account", "book"], name="finance_transferfee_account"),
            models.CheckConstraint(
                condition=models.Q(fixed__isnull=False) | models.Q(share__isnull=False),
                name="finance_transferfee_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"transfer fee of account #{self.account_id}"

    def rule(self) -> FeeRule:
        """The rule that the row holds."""
        return FeeRule(
            fixed=self.fixed, fixed_up_to=self.fixed_up_to, share=self.share, minimum=self.minimum, maximum=self.maximum
        )
