"""Loans and terms of cards for operators: read-only. Households change theirs."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import CardTerms, Loan, LoanMovement, LoanPayment, LoanRate
from platform_outbox.admin.base import ReadOnly


@admin.register(Loan)
class LoanAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "account", "method", "percent", "start", "payments", "saved_at")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "method")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = (
        "name", "book", "account", "method", "principal", "percent", "start", "first_payment", "payments", "payment",
        "unit", "every", "day_count", "grace", "fee", "shift", "pays_from", "interest_account", "fee_account", "share",
        "partner_account", "contribution_account", "created_at", "saved_by", "saved_at",
    )  # fmt: skip


@admin.register(LoanRate)
class LoanRateAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "loan", "since", "percent", "saved_by", "saved_at")
    list_select_related = ("book", "loan", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "loan", "since", "percent", "payment", "saved_by", "saved_at")


@admin.register(LoanMovement)
class LoanMovementAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "loan", "date", "effect", "saved_by", "saved_at")
    list_select_related = ("book", "loan", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "loan", "date", "amount", "effect", "entry", "saved_by", "saved_at")


@admin.register(LoanPayment)
class LoanPaymentAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "loan", "due", "saved_by", "saved_at")
    list_select_related = ("book", "loan", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "loan", "due", "entry", "saved_by", "saved_at")


@admin.register(CardTerms)
class CardTermsAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "account", "closing_day", "due_day", "mode", "saved_by", "saved_at")
    list_select_related = ("book", "account", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter), "mode")
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = (
        "book", "account", "closing_day", "due_day", "shift", "pays_from", "mode", "percent", "amount", "saved_by",
        "saved_at",
    )  # fmt: skip
