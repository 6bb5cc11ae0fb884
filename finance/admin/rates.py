"""Rates and values for operators: read-only. Households enter theirs; published rates come by ECB_RATES."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.models import AssetPlan, AssetValue, ExchangeRate, ReferenceFetch, ReferenceRate
from platform_outbox.admin.base import ReadOnly, State


@admin.register(ExchangeRate)
class ExchangeRateAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "base", "quote", "date", "rate", "source", "saved_by", "saved_at")
    list_select_related = ("book", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter), "source")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=base", "=quote")
    search_help_text = _("Currency")
    fields = readonly_fields = ("book", "base", "quote", "date", "rate", "source", "saved_by", "saved_at")


@admin.register(ReferenceRate)
class ReferenceRateAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "source", "base", "quote", "date", "rate")
    ordering = ("-pk",)
    search_fields = ("=quote",)
    search_help_text = _("Currency")
    fields = readonly_fields = ("source", "base", "quote", "date", "rate")


@admin.register(ReferenceFetch)
class ReferenceFetchAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("at", "source", "shown_state", "said", "through", "added")
    ordering = ("-pk",)
    fields = readonly_fields = ("at", "source", "shown_state", "said", "through", "added")

    @display(description=_("state"), label={"done": "success", "failed": "danger"})
    def shown_state(self, fetch: ReferenceFetch) -> State:
        return State("done", _("done")) if fetch.succeeded else State("failed", _("failed"))


@admin.register(AssetValue)
class AssetValueAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "account", "date", "kind", "saved_by", "saved_at")
    list_select_related = ("book", "account", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter), "kind")
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "account", "date", "kind", "value", "note", "entry", "saved_by", "saved_at")


@admin.register(AssetPlan)
class AssetPlanAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "account", "method", "percent", "months")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "method")
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("book", "account", "method", "percent", "months", "residual")
