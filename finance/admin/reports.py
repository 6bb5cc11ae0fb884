"""Saved reports and dashboards for operators. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Dashboard, SavedReport
from platform_outbox.admin.base import ReadOnly


@admin.register(SavedReport)
class SavedReportAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "kind", "saved_by", "saved_at")
    list_select_related = ("book", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = ("name", "book", "kind", "parameters", "saved_by", "saved_at")


@admin.register(Dashboard)
class DashboardAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "user", "changed_at")
    list_select_related = ("book", "user")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = ("book", "user", "cards", "changed_at")
