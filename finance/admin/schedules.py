"""Schedules for operators: what a book expects, and what became of it. Members change them on the pages of their book."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import Schedule, ScheduleOccurrence, SchedulePayment
from platform_outbox.admin.base import ReadOnly, State


class PaymentInline(ReadOnly, TabularInline):
    model = SchedulePayment
    fields = readonly_fields = ("entry", "date", "linked_by", "linked_at")
    extra = 0


@admin.register(Schedule)
class ScheduleAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "account", "shown_amount", "unit", "every", "first", "until", "created_at")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "unit", "amount_kind")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = (
        *("name", "book", "account", "shown_amount", "amount_kind", "payee", "description"),
        *("first", "unit", "every", "days", "weekday_number", "weekday", "weekdays", "shift", "holidays"),
        *("until", "count"),
        *("asked_from", "continues", "created_by", "created_at", "changed_at"),
    )

    @display(description=_("amount"))
    def shown_amount(self, schedule: Schedule) -> str:
        return money_text(schedule.amount, currency=schedule.account.currency)


@admin.register(ScheduleOccurrence)
class ScheduleOccurrenceAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("nominal", "schedule", "book", "shown_state", "moved_to", "changed_by", "changed_at")
    list_select_related = ("book", "schedule", "changed_by")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk", "=schedule__pk")
    search_help_text = _("Number, or number of the schedule")
    inlines = (PaymentInline,)
    fields = readonly_fields = ("schedule", "book", "nominal", "shown_state", "moved_to", "changed_by", "changed_at")

    @display(
        description=_("state"),
        label={"due": "info", "skipped": "warning", "partly_paid": "warning", "paid": "success"},
    )
    def shown_state(self, row: ScheduleOccurrence) -> State:
        return State(row.state, row.get_state_display())
