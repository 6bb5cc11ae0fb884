"""What a member sees of a book, and what they count as their own; keyed with the book as everything of one is."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, Membership


class MemberAccount(models.Model):
    """An account that a member sees who does not see all (Membership.sees_all)."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    membership = models.ForeignKey(
        Membership, models.CASCADE, related_name="seen", db_index=False, db_constraint=False, verbose_name=_("member")
    )
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False, db_constraint=False, verbose_name=_("account")
    )

    class Meta:
        verbose_name = _("account that a member sees")
        verbose_name_plural = _("accounts that members see")
        constraints: ClassVar = [
            # Also how the accounts of a member are found.
            models.UniqueConstraint(fields=["book", "membership", "account"], name="finance_memberaccount_once"),
        ]

    def __str__(self) -> str:
        return f"account #{self.account_id} for member #{self.membership_id}"


class LeftOutAccount(models.Model):
    """An account that a member leaves out of their own figures. They still see it, and the household still counts it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    membership = models.ForeignKey(
        Membership,
        models.CASCADE,
        related_name="left_out",
        db_index=False,
        db_constraint=False,
        verbose_name=_("member"),
    )
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False, db_constraint=False, verbose_name=_("account")
    )

    class Meta:
        verbose_name = _("account left out of own figures")
        verbose_name_plural = _("accounts left out of own figures")
        constraints: ClassVar = [
            # Also how the accounts of a member are found.
            models.UniqueConstraint(fields=["book", "membership", "account"], name="finance_leftoutaccount_once"),
        ]

    def __str__(self) -> str:
        return f"account #{self.account_id} not counted by member #{self.membership_id}"
