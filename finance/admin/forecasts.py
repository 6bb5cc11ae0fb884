"""Forecasts for operators: what was forecast, and what came. Nothing of it can be changed."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import Forecast, ForecastAccount, ForecastPoint
from platform_outbox.admin.base import ReadOnly


@admin.register(Forecast)
class ForecastAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "made_on", "made_at")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = ("book", "made_on", "made_at", "basis")


@admin.register(ForecastPoint)
class ForecastPointAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "account", "date", "horizon", "shown_expected", "shown_actual", "rests_on")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "horizon", "rests_on")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "forecast", "account", "date", "horizon", "shown_expected", "shown_band", "rests_on", "shown_actual"),
    )

    @display(description=_("expected"))
    def shown_expected(self, point: ForecastPoint) -> str:
        return money_text(point.expected, currency=point.account.currency)

    @display(description=_("band"))
    def shown_band(self, point: ForecastPoint) -> str:
        if point.low is None or point.high is None:
            return "–"
        bounds = (money_text(amount, currency=point.account.currency) for amount in (point.low, point.high))
        return " – ".join(bounds)

    @display(description=_("actual"))
    def shown_actual(self, point: ForecastPoint) -> str:
        return "–" if point.actual is None else money_text(point.actual, currency=point.account.currency)


@admin.register(ForecastAccount)
class ForecastAccountAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("account", "book", "shown_floor", "included")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "included")
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("account", "book", "shown_floor", "included")

    @display(description=_("lowest balance wanted"))
    def shown_floor(self, told: ForecastAccount) -> str:
        return "–" if told.floor is None else money_text(told.floor, currency=told.account.currency)
