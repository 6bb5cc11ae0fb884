from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from finance.admin.reading import Uncounted
from finance.figures import money_text
from finance.models import Account, AccountMonth
from platform_outbox.admin.base import ReadOnly


@admin.register(Account)
class AccountAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "parent", "book", "type", "kind", "currency", "shown_balance", "closed_on")
    list_select_related = ("book", "parent")
    list_filter = (("book", AutocompleteSelectFilter), "type", "kind")
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-book", "pk")
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = (
        *("name", "book", "parent", "type", "kind", "currency", "shown_balance", "closed_on", "created_at", "entries"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        months = AccountMonth.objects.filter(account=OuterRef("pk")).order_by().values("account")
        return Account.objects.annotate(held=Subquery(months.annotate(net=Sum(F("debit") - F("credit"))).values("net")))

    @display(description=_("balance"))
    def shown_balance(self, account: Any) -> str:
        """Debit positive, as in the ledger."""
        held = int(account.held or 0)
        return money_text(held, currency=account.currency) if held else "–"

    @display(description=_("show"))
    def entries(self, account: Account) -> str:
        url = f"{reverse('admin:finance_journalentry_changelist')}?account={account.pk}"
        link = '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>'
        return format_html(link, url, _("entries on this account"))
