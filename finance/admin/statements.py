"""Statements for operators: what was reconciled, when and by whom. Members change them on the pages of their book."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import AccountStatement
from platform_outbox.admin.base import ReadOnly, State


@admin.register(AccountStatement)
class AccountStatementAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("pk", "book", "account", "start", "end", "shown_closing", "shown_state", "created_at")
    list_select_related = ("book", "account")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "account", "start", "end", "shown_opening", "shown_closing", "shown_state", "version"),
        *("created_by", "created_at", "reconciled_by", "reconciled_at"),
    )

    @display(description=_("opening balance"))
    def shown_opening(self, statement: AccountStatement) -> str:
        return money_text(statement.opening, currency=statement.account.currency)

    @display(description=_("closing balance"))
    def shown_closing(self, statement: AccountStatement) -> str:
        return money_text(statement.closing, currency=statement.account.currency)

    @display(description=_("state"), label={"open": "info", "reconciled": "success"})
    def shown_state(self, statement: AccountStatement) -> State:
        return State(statement.state, statement.get_state_display())
