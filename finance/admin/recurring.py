"""What was found to come again, and addresses of calendars, for operators. Members decide on the pages of their book."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import CalendarFeed, RecurringFinding
from platform_outbox.admin.base import ReadOnly, State


@admin.register(RecurringFinding)
class RecurringFindingAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("__str__", "book", "rhythm", "shown_amount", "confidence", "hits", "latest", "shown_state")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "payee", "description", "group", "account", "counter", "rhythm", "every", "unit", "days"),
        *("weekday_number", "weekday", "weekdays", "shift"),
        *("shown_amount", "amount_kind", "confidence", "hits", "misses", "extras", "began", "latest", "next_due"),
        *("lasts_until", "evidence", "shown_state", "schedule", "decided_by", "decided_at", "found_at"),
    )

    @display(description=_("amount"))
    def shown_amount(self, finding: RecurringFinding) -> str:
        return money_text(finding.amount, currency=finding.account.currency)

    @display(description=_("state"), label={"offered": "info", "scheduled": "success", "dismissed": "warning"})
    def shown_state(self, finding: RecurringFinding) -> State:
        return State(finding.state, finding.get_state_display())


@admin.register(CalendarFeed)
class CalendarFeedAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "user", "with_amounts", "created_at", "used_at")
    list_select_related = ("book", "user")
    list_filter = (("book", AutocompleteSelectFilter), "with_amounts")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = ("book", "user", "with_amounts", "created_at", "used_at")
