"""Budgets for operators: their calendars, lines and records. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.models import Assignment, Budget, BudgetLine, BudgetShare
from platform_outbox.admin.base import ReadOnly


@admin.register(Budget)
class BudgetAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "kind", "currency", "unit", "created_at")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter), "kind")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = (
        *("name", "book", "kind", "currency", "unit", "every", "anchor", "day", "shift", "last", "label_by"),
        *("starts_on", "pays_from", "shared_by", "created_at"),
    )


@admin.register(BudgetShare)
class BudgetShareAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("id", "budget", "user", "shown_share", "set_by", "set_at")
    list_select_related = ("budget", "user", "set_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=budget__pk",)
    search_help_text = _("Number of the budget")
    fields = readonly_fields = ("book", "budget", "user", "shown_share", "set_by", "set_at")

    @display(description=_("share"))
    def shown_share(self, share: BudgetShare) -> str:
        return share.share


@admin.register(BudgetLine)
class BudgetLineAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("id", "budget", "account", "tag", "target_kind", "closed")
    list_select_related = ("budget", "account", "tag")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "budget", "account", "tag", "target_kind", "target_amount", "target_due", "target_every"),
        *("target_unit", "note", "in_forecast", "closed", "created_at"),
    )


@admin.register(Assignment)
class AssignmentAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("id", "budget", "line", "period", "amount", "why", "made_by", "made_at")
    list_select_related = ("budget", "line", "made_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "budget", "line", "period", "amount", "why", "note", "change", "made_by", "made_at"),
    )
