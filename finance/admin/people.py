"""People, shared bills and invoices for operators: what a book has. Members change them on the pages of their book."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import (
    BillShare,
    Claim,
    CostGroup,
    Invoice,
    InvoicePayment,
    Person,
    PersonAccount,
    RecurringInvoice,
    Settlement,
    SharedBill,
)
from platform_outbox.admin.base import ReadOnly, State


class OfBook(Uncounted, ReadOnly, ModelAdmin):
    """A read-only list, the latest first, filtered by book."""

    list_filter: Sequence[Any] = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields: Sequence[str] = ("=pk",)
    search_help_text = _("Number")


class AccountInline(ReadOnly, TabularInline):
    model = PersonAccount
    fields = readonly_fields = ("account",)
    extra = 0


@admin.register(Person)
class PersonAdmin(OfBook):
    list_display = ("name", "book", "user", "archived_at", "created_at")
    list_select_related = ("book", "user")
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    inlines = (AccountInline,)
    fields = readonly_fields = ("name", "book", "email", "user", "archived_at", "created_at")


@admin.register(CostGroup)
class CostGroupAdmin(OfBook):
    list_display = ("name", "book", "simplify", "archived_at", "created_at")
    list_select_related = ("book",)
    fields = readonly_fields = ("name", "book", "simplify", "archived_at", "created_at")


class ShareInline(ReadOnly, TabularInline):
    model = BillShare
    fields = readonly_fields = ("person", "paid", "owed")
    extra = 0


@admin.register(SharedBill)
class SharedBillAdmin(OfBook):
    list_display = ("description", "book", "date", "shown_total", "method", "group", "created_at")
    list_select_related = ("book", "group")
    inlines = (ShareInline,)
    fields = readonly_fields = (
        *("description", "book", "refund_of", "group", "date", "shown_total", "method", "account", "category", "entry"),
        *("created_by", "created_at"),
    )

    @display(description=_("total"))
    def shown_total(self, bill: SharedBill) -> str:
        return money_text(bill.signed_total, currency=bill.currency)


@admin.register(Settlement)
class SettlementAdmin(OfBook):
    list_display = ("pk", "book", "date", "kind", "payer", "payee", "shown_amount", "created_at")
    list_select_related = ("book", "payer", "payee")
    fields = readonly_fields = (
        *("book", "group", "date", "kind", "payer", "payee", "shown_amount", "rate", "account", "entry", "note"),
        *("created_by", "created_at"),
    )

    @display(description=_("amount"))
    def shown_amount(self, settlement: Settlement) -> str:
        return money_text(settlement.amount, currency=settlement.currency)


@admin.register(Claim)
class ClaimAdmin(OfBook):
    list_display = ("pk", "book", "person", "due_on", "shown_amount", "created_at")
    list_select_related = ("book", "person", "account")
    fields = readonly_fields = (
        *("book", "person", "account", "due_on", "shown_amount", "money_account", "note", "created_by", "created_at"),
    )

    @display(description=_("amount"))
    def shown_amount(self, claim: Claim) -> str:
        return money_text(claim.amount, currency=claim.account.currency)


class PaymentInline(ReadOnly, TabularInline):
    model = InvoicePayment
    fields = readonly_fields = ("entry", "amount", "matched", "created_by", "created_at")
    extra = 0


@admin.register(Invoice)
class InvoiceAdmin(OfBook):
    list_display = ("__str__", "book", "person", "issued_on", "due_on", "shown_gross", "shown_paid", "shown_state")
    list_select_related = ("book", "person")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    search_fields = ("number", "=pk")
    search_help_text = _("Number of the invoice or of the row")
    inlines = (PaymentInline,)
    fields = readonly_fields = (
        *("number", "book", "person", "shown_state", "issued_on", "due_on", "shown_gross", "shown_paid", "entry"),
        *("closing_entry", "recurring", "reminders", "reminded_at", "created_by", "created_at"),
    )

    @display(description=_("total"))
    def shown_gross(self, invoice: Invoice) -> str:
        return money_text(invoice.gross, currency=invoice.currency)

    @display(description=_("paid"))
    def shown_paid(self, invoice: Invoice) -> str:
        return money_text(invoice.paid, currency=invoice.currency)

    @display(
        description=_("state"), label={"draft": "info", "sent": "warning", "partly_paid": "warning", "paid": "success"}
    )
    def shown_state(self, invoice: Invoice) -> State:
        return State(invoice.status, invoice.status_text)


@admin.register(RecurringInvoice)
class RecurringInvoiceAdmin(OfBook):
    list_display = ("pk", "book", "person", "first", "every", "unit", "next_on", "problem")
    list_select_related = ("book", "person")
    fields = readonly_fields = (
        *("book", "person", "first", "every", "unit", "until", "term", "next_on", "made_on", "problem"),
        *("saved_by", "created_at", "changed_at"),
    )
