"""Goals and scenarios for operators. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import Goal, GoalMove, Scenario, ScenarioStep
from platform_outbox.admin.base import ReadOnly


@admin.register(Goal)
class GoalAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "kind", "account", "shown_target", "by", "closed_at")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "kind")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = (
        *("name", "book", "kind", "account", "shown_target", "by", "started_on", "note"),
        *("schedule", "shown_fed_amount", "fed_since"),
        *("created_by", "created_at", "closed_at"),
    )

    @display(description=_("target"))
    def shown_target(self, goal: Goal) -> str:
        return "–" if goal.target is None else money_text(goal.target, currency=goal.currency)

    @display(description=_("of each payment"))
    def shown_fed_amount(self, goal: Goal) -> str:
        return "–" if goal.fed_amount is None else money_text(goal.fed_amount, currency=goal.currency)


@admin.register(GoalMove)
class GoalMoveAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "goal", "account", "date", "kind", "shown_amount", "created_by")
    list_select_related = ("book", "goal", "account", "created_by")
    list_filter = (("book", AutocompleteSelectFilter), "kind")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "goal", "account", "date", "kind", "shown_amount", "note", "entry", "created_by", "created_at"),
    )

    @display(description=_("amount"))
    def shown_amount(self, move: GoalMove) -> str:
        return money_text(move.amount, currency=move.goal.currency, plus=True)


@admin.register(Scenario)
class ScenarioAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "created_by", "created_at", "promoted_at")
    list_select_related = ("book", "created_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = ("name", "book", "note", "created_by", "created_at", "promoted_by", "promoted_at")


@admin.register(ScenarioStep)
class ScenarioStepAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "scenario", "kind", "first", "last", "label")
    list_select_related = ("book", "scenario")
    list_filter = (("book", AutocompleteSelectFilter), "kind")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "scenario", "kind", "first", "last", "layer", "source_id", "account", "category", "percent", "days"),
        *("flow", "unit", "every", "label"),
    )
