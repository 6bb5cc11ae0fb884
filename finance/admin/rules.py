"""Rules for operators: what a book has, what it says, and what was applied to the past. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.models import Rule, RuleApplication, RuleVersion
from platform_outbox.admin.base import ReadOnly, State

_COLOURS = {"waiting": "info", "running": "info", "done": "success", "cancelled": "warning"}


class VersionInline(ReadOnly, TabularInline):
    model = RuleVersion
    fields = readonly_fields = ("number", "name", "stop", "override", "definition", "saved_by", "saved_at")
    ordering = ("-number",)
    extra = 0


@admin.register(Rule)
class RuleAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "group", "active", "version", "created_at", "removed_at")
    list_select_related = ("book", "group")
    list_filter = (("book", AutocompleteSelectFilter), "active")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    inlines = (VersionInline,)
    fields = readonly_fields = (
        *("name", "book", "group", "position", "active", "stop", "override", "version", "definition"),
        *("created_at", "removed_at"),
    )


@admin.register(RuleApplication)
class RuleApplicationAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "rule", "shown_state", "looked", "changed", "left_count", "created_by", "created_at")
    list_select_related = ("book", "rule", "created_by")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "rule", "since", "until", "closed_too", "shown_state", "run_id", "looked", "changed", "left_count"),
        *("left", "created_by", "created_at", "finished_at"),
    )

    @display(description=_("state"), label=_COLOURS)
    def shown_state(self, application: RuleApplication) -> State:
        return State(application.state, application.get_state_display())
