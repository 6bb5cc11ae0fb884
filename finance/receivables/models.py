"""People that a book has claims on or debts to, what is shared with them, and invoices.

What is owed is in the ledger, on accounts of each person (PersonAccount): positive when the person owes the book. A
person that is null is the household whose book it is. Amounts are minor units of their row's currency.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book, JournalEntry
from finance.planning.recurrence import Recurrence, Unit


class Person(models.Model):
    """Somebody to settle with: a friend, a client, a member of the book. Needs no login."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"), db_index=False)
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail address"), blank=True)
    address = models.TextField(_("address"), blank=True, max_length=500)
    note = models.CharField(_("note"), blank=True, max_length=500)
    # A member of the book who is this person.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints: ClassVar = [
            # Also the list of a book's people.
            models.UniqueConstraint("book", Lower("name"), name="finance_person_name"),
        ]

    def __str__(self) -> str:
        return self.name


class PersonAccount(models.Model):
    """An account on which the book and a person keep what they owe each other."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, models.CASCADE, related_name="accounts", db_constraint=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_constraint=False, db_index=False)

    class Meta:
        verbose_name = _("account of a person")
        verbose_name_plural = _("accounts of people")
        constraints: ClassVar = [
            # Also whose account it is.
            models.UniqueConstraint(fields=["account", "book"], name="finance_personaccount_account"),
        ]

    def __str__(self) -> str:
        return f"account #{self.account_id} of person #{self.person_id}"


class CostGroup(models.Model):
    """People who share costs for a while: a flat, a journey. The household whose book it is always belongs to it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=120)
    # Fewest payments, whoever they are between; otherwise everyone settles with those whose bills they shared.
    simplify = models.BooleanField(_("fewest payments"), default=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("cost group")
        verbose_name_plural = _("cost groups")

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    group = models.ForeignKey(CostGroup, models.CASCADE, related_name="members", db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="groups", db_constraint=False)

    class Meta:
        verbose_name = _("member of a cost group")
        verbose_name_plural = _("members of cost groups")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "person", "book"], name="finance_groupmember_unique"),
        ]

    def __str__(self) -> str:
        return f"person #{self.person_id} in group #{self.group_id}"


class SplitMethod(models.TextChoices):
    EQUAL = "equal", _("equally")
    SHARES = "shares", _("by shares")
    PERCENT = "percent", _("by percentages")
    EXACT = "exact", _("by exact amounts")


class SharedBill(models.Model):
    """A bill that several people share. Posted as one entry where the household paid or has a share."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"), db_index=False)
    group = models.ForeignKey(
        CostGroup, models.PROTECT, null=True, blank=True, related_name="bills", db_constraint=False,
        verbose_name=_("cost group"), db_index=False,
    )  # fmt: skip
    # Of a refund, the bill that it belongs to. Its shares are the other way round: `owed` is what came in and to whom,
    # `paid` what each share falls by. So the person who got the money owes the others their parts.
    refund_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="refunds", db_constraint=False, db_index=False,
        verbose_name=_("refund of"),
    )  # fmt: skip
    # Bills that are kept even with each other: those of a group, or those of the same people outside of groups.
    scope = models.CharField(max_length=400, editable=False)
    date = models.DateField(_("date"))
    description = models.CharField(_("description"), max_length=200)
    currency = models.CharField(_("currency"), max_length=8)
    total = models.BigIntegerField(_("total"))
    method = models.CharField(_("shared"), max_length=8, choices=SplitMethod.choices)
    # What all weights sum to; 0 for exact amounts.
    weight_total = models.BigIntegerField(default=0)
    # What the household paid from, and its own category; null where it has no part.
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    category = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    # The first version of its entry.
    entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("shared bill")
        verbose_name_plural = _("shared bills")
        indexes: ClassVar = [
            # The list of a book, newest first.
            models.Index(fields=["book", "-date", "-id"], name="finance_sharedbill_list"),
            # How far each is behind, and a group's balances.
            models.Index(fields=["book", "scope", "currency"], name="finance_sharedbill_scope"),
            models.Index(
                fields=["refund_of"], condition=models.Q(refund_of__isnull=False), name="finance_sharedbill_refunds"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(total__gt=0), name="finance_sharedbill_positive"),
        ]

    def __str__(self) -> str:
        return self.description

    @property
    def signed_total(self) -> int:
        """The total as people read it: negative for a refund."""
        return self.total if self.refund_of_id is None else -self.total


class BillShare(models.Model):
    """What one party paid of a bill, and what its share is; a bill's shares sum to it, and so does what was paid."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    bill = models.ForeignKey(SharedBill, models.CASCADE, related_name="shares", db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False)
    paid = models.BigIntegerField(_("paid"), default=0)
    owed = models.BigIntegerField(_("share"), default=0)
    # In ten-thousandths; 0 for exact amounts.
    weight = models.BigIntegerField(default=0)
    position = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("share of a bill")
        verbose_name_plural = _("shares of bills")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bill", "position", "book"], name="finance_billshare_position"),
        ]

    def __str__(self) -> str:
        return f"{self.owed} of bill #{self.bill_id}"


class Settlement(models.Model):
    """Money paid to settle, a debt passed on, or one currency settled with another."""

    class Kind(models.TextChoices):
        PAID = "paid", _("paid")
        ASSIGNED = "assigned", _("passed on")
        EXCHANGED = "exchanged", _("settled in another currency")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"), db_index=False)
    group = models.ForeignKey(
        CostGroup, models.PROTECT, null=True, blank=True, related_name="settlements", db_constraint=False,
        verbose_name=_("cost group"),
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=9, choices=Kind.choices, default=Kind.PAID)
    date = models.DateField(_("date"))
    payer = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("from")
    )
    payee = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("to")
    )
    currency = models.CharField(_("currency"), max_length=8)
    amount = models.BigIntegerField(_("amount"))
    # Of an exchange: what it came to in the other currency, by which rate (units of `currency` for one of the other).
    against_currency = models.CharField(max_length=8, blank=True)
    against_amount = models.BigIntegerField(null=True, blank=True)
    rate = models.DecimalField(_("rate"), max_digits=24, decimal_places=10, null=True, blank=True)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        indexes: ClassVar = [models.Index(fields=["book", "-date", "-id"], name="finance_settlement_list")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="finance_settlement_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} on {self.date}"


class Claim(models.Model):
    """A part of what is owed that should be paid by a day; what is still open of it follows from the account's balance."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="claims", db_constraint=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    due_on = models.DateField(_("due"))
    # Positive: the person owes it. Negative: the household does.
    amount = models.BigIntegerField(_("amount"))
    # Where the money is expected to come in or go out; without it the forecast cannot show it.
    money_account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("dated claim")
        verbose_name_plural = _("dated claims")
        indexes: ClassVar = [models.Index(fields=["book", "due_on", "id"], name="finance_claim_due")]

    def __str__(self) -> str:
        return f"{self.amount} due {self.due_on}"


class RecurringUnit(models.TextChoices):
    """The values are those of finance.planning.recurrence.Unit."""

    WEEK = Unit.WEEK.value, _("weeks")
    MONTH = Unit.MONTH.value, _("months")
    YEAR = Unit.YEAR.value, _("years")


class InvoiceContents(models.Model):
    """What invoices and recurring invoices have in common, beside book and client."""

    currency = models.CharField(_("currency"), max_length=8)
    # [{"text", "quantity": "1.5", "price": minor units, "rate": "19"}]
    lines = models.JSONField(_("lines"), default=list)
    income = models.ForeignKey(
        Account,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("income category"),
    )
    tax_account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    # Where the money is expected.
    money_account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    sender = models.TextField(_("from"), blank=True, max_length=500)
    note = models.TextField(_("note"), blank=True, max_length=1000)

    class Meta:
        abstract = True


class RecurringInvoice(InvoiceContents):
    """An invoice that is written again and again: a draft on each of its days, which somebody looks at and sends."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"), db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("client"))
    first = models.DateField(_("first day"))
    unit = models.CharField(_("unit"), max_length=5, choices=RecurringUnit.choices)
    every = models.PositiveSmallIntegerField(_("every"), default=1)
    until = models.DateField(_("last day"), null=True, blank=True)
    # Days from an invoice's date to its due date.
    term = models.PositiveSmallIntegerField(_("days to pay"), default=14)
    # The day of the next draft; null: it has ended.
    next_on = models.DateField(_("next"), null=True, blank=True)
    # The latest day for which a draft was made: none of it or before it is made again.
    made_on = models.DateField(_("latest draft"), null=True, blank=True)
    # Why the draft that is due could not be made; tried again every day.
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("recurring invoice")
        verbose_name_plural = _("recurring invoices")
        indexes: ClassVar = [
            models.Index(fields=["book", "-id"], name="finance_recurringinvoice_list"),
            # What the day's event looks for.
            models.Index(fields=["book", "next_on"], name="finance_recurringinvoice_due"),
        ]

    def __str__(self) -> str:
        return f"recurring invoice #{self.pk}"

    @property
    def rule(self) -> Recurrence:
        """Its days, without an end."""
        return Recurrence(anchor=self.first, unit=Unit(self.unit), every=self.every)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def open(self) -> "InvoiceQuerySet":
        """Those that money is still expected for."""
        return self.filter(state=Invoice.State.SENT, paid__lt=models.F("gross"))


class Invoice(InvoiceContents):
    """An invoice of the book to a person. Once it is sent, it has a number and an entry, and its figures stay."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SENT = "sent", _("sent")
        WRITTEN_OFF = "written_off", _("written off")
        CANCELLED = "cancelled", _("cancelled")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"), db_index=False)
    person = models.ForeignKey(
        Person, models.PROTECT, related_name="invoices", db_constraint=False, verbose_name=_("client")
    )
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.DRAFT)
    # The sequence of a year has no gaps: given when the invoice is sent, and never taken back.
    year = models.PositiveSmallIntegerField(_("year"), null=True, blank=True)
    sequence = models.PositiveIntegerField(null=True, blank=True)
    number = models.CharField(_("number"), max_length=40, blank=True)
    issued_on = models.DateField(_("date"), null=True, blank=True)
    due_on = models.DateField(_("due"), null=True, blank=True)
    net = models.BigIntegerField(_("net"), default=0)
    tax = models.BigIntegerField(_("tax"), default=0)
    gross = models.BigIntegerField(_("total"), default=0)
    paid = models.BigIntegerField(_("paid"), default=0)
    # The client's account that it was posted to.
    claim_account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )
    closing_entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    # What wrote the draft, and for which of its days.
    recurring = models.ForeignKey(
        RecurringInvoice, models.SET_NULL, null=True, blank=True, related_name="invoices", db_constraint=False,
        db_index=False, verbose_name=_("recurring invoice"),
    )  # fmt: skip
    recurring_on = models.DateField(null=True, blank=True)
    reminders = models.PositiveSmallIntegerField(_("reminders"), default=0)
    reminded_at = models.DateTimeField(_("last reminder"), null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["book", "year", "sequence"], name="finance_invoice_sequence"),
            # One draft for each day of a recurring invoice.
            models.UniqueConstraint(fields=["recurring", "recurring_on", "book"], name="finance_invoice_recurring"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["book", "-id"], name="finance_invoice_list"),
            # What is open: ageing, matching, the forecast.
            models.Index(
                fields=["book", "due_on"],
                condition=models.Q(state="sent", paid__lt=models.F("gross")),
                name="finance_invoice_open",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"draft #{self.pk}"

    @property
    def open(self) -> int:
        """What is still to be paid, in minor units; 0 unless it was sent."""
        return max(self.gross - self.paid, 0) if self.state == self.State.SENT else 0

    @property
    def status(self) -> str:
        """Its state as people say it: draft, sent, partly_paid, paid, written_off, cancelled."""
        if self.state != self.State.SENT or not self.paid:
            return str(self.state)
        return "partly_paid" if self.paid < self.gross else "paid"

    @property
    def status_text(self) -> str:
        """The status in words."""
        words = {"partly_paid": _("partly paid"), "paid": _("paid")}
        return str(words.get(self.status) or self.get_state_display())


class InvoicePayment(models.Model):
    """A part of an entry that pays an invoice."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="payments", db_constraint=False, db_index=False)
    # The first version of the entry.
    entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="+", db_constraint=False)
    amount = models.BigIntegerField(_("amount"))
    # Linked because number or amount said so, not by a person.
    matched = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("linked"), auto_now_add=True)

    class Meta:
        verbose_name = _("payment of an invoice")
        verbose_name_plural = _("payments of invoices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "entry", "book"], name="finance_invoicepayment_entry"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="finance_invoicepayment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of invoice #{self.invoice_id}"
