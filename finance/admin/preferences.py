"""Pay periods and saved views for operators. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import PayPeriod, SavedView
from platform_outbox.admin.base import ReadOnly


@admin.register(SavedView)
class SavedViewAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "owner", "shared", "account", "created_at")
    list_select_related = ("book", "owner", "account")
    list_filter = (("book", AutocompleteSelectFilter), "shared")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = ("name", "book", "owner", "shared", "account", "query", "created_at")


@admin.register(PayPeriod)
class PayPeriodAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("book", "day", "shift", "anchor", "weeks")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "day", "shift", "anchor", "weeks")
