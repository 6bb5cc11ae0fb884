"""Payees that a household named, and what else they are called in entries and bank files."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book


class Payee(models.Model):
    """A payee. Entries have its name or one of its aliases as text, not a reference to it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="payees", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=200)
    default_account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False, db_index=False,
        verbose_name=_("usual category"),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("payee")
        verbose_name_plural = _("payees")
        constraints: ClassVar = [models.UniqueConstraint("book", Lower("name"), name="finance_payee_name")]

    def __str__(self) -> str:
        return self.name


class PayeeAlias(models.Model):
    """Another text that means the payee."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    payee = models.ForeignKey(Payee, models.CASCADE, related_name="aliases", db_constraint=False)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name = _("alias of a payee")
        verbose_name_plural = _("aliases of payees")
        constraints: ClassVar = [models.UniqueConstraint("book", Lower("name"), name="finance_payeealias_name")]

    def __str__(self) -> str:
        return self.name
