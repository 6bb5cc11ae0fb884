"""Payees for operators: what a book has. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Payee, PayeeAlias
from platform_outbox.admin.base import ReadOnly


class AliasInline(ReadOnly, TabularInline):
    model = PayeeAlias
    fields = readonly_fields = ("name",)
    extra = 0


@admin.register(Payee)
class PayeeAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "default_account", "created_at")
    list_select_related = ("book", "default_account")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    inlines = (AliasInline,)
    fields = readonly_fields = ("name", "book", "default_account", "created_at")
