"""The journal: read only, walked without counting, and one safe action, the reversal."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.decorators import action, display

from core.clock import today_in
from finance.admin.reading import DEEPEST_ROW, Uncounted, operator_of
from finance.errors import FinanceError
from finance.figures import amount_text, money_text
from finance.ledger import services
from finance.models import JournalEntry, JournalLine
from platform_outbox.admin.base import Question, ReadOnly, State, ask, note, row_or_404

_BOOK = "book__id__exact"
_STATES = {"reversed": "warning", "reversal": "info"}


class OfBook:
    """A filter that has an index only inside one book, and so appears when a book is chosen."""

    def has_output(self) -> bool:
        return bool(self._book_chosen) and bool(super().has_output())  # type: ignore[misc]  # a mixin of filters

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        found: QuerySet[Any] | None = super().queryset(request, queryset) if self._book_chosen else queryset  # type: ignore[misc]
        return found

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        request = next(argument for argument in args if isinstance(argument, HttpRequest))
        self._book_chosen = request.GET.get(_BOOK, "").isdecimal()
        super().__init__(*args, **kwargs)


class DateFilter(OfBook, RangeDateFilter):
    pass


class SourceFilter(OfBook, admin.ChoicesFieldListFilter):
    pass


class AccountFilter(admin.SimpleListFilter):
    """Entries on one account; reached from the account's page, so it offers no list of its own."""

    title = gettext_lazy("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, f"#{chosen}")] if chosen.isdecimal() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if not value.isdecimal():
            return queryset
        # By the register's index, and no deeper than the list can be paged.
        latest = JournalLine.objects.filter(account_id=int(value)).order_by("-date", "-pk").values("entry_id")
        return queryset.filter(pk__in=latest[:DEEPEST_ROW])


class LineInline(ReadOnly, TabularInline):
    model = JournalLine
    hide_title = True
    fields = readonly_fields = ("position", "account", "shown_debit", "shown_credit", "currency", "memo")
    ordering = ("position",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalLine]:
        lines: QuerySet[JournalLine] = super().get_queryset(request).select_related("account")
        return lines

    @display(description=gettext_lazy("debit"))
    def shown_debit(self, line: JournalLine) -> str:
        return amount_text(line.amount, currency=line.currency) if line.amount > 0 else ""

    @display(description=gettext_lazy("credit"))
    def shown_credit(self, line: JournalLine) -> str:
        return amount_text(-line.amount, currency=line.currency) if line.amount < 0 else ""


@admin.register(JournalEntry)
class JournalEntryAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("date", "what", "shown_amount", "book", "source", "shown_state", "created_at")
    list_display_links = ("date", "what")
    list_select_related = ("book", "reversed_by")
    list_filter = (("book", AutocompleteSelectFilter), ("date", DateFilter), ("source", SourceFilter), AccountFilter)
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("uid",)
    search_help_text = gettext_lazy("Number or uid of an entry; with a book selected, also the exact payee")
    actions = None
    actions_detail = ("reverse",)
    inlines = (LineInline,)
    fields = readonly_fields = (
        *("uid", "book", "date", "payee", "description", "source", "shown_state"),
        *("shown_reverses", "shown_reversed_by", "shown_corrects", "shown_corrected_by", "created_by", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        lines = Prefetch("lines", queryset=JournalLine.objects.order_by("position"))
        entries: QuerySet[JournalEntry] = super().get_queryset(request)
        return entries.select_related("book", "reversed_by", "corrected_by", "created_by").prefetch_related(lines)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Each by its index: the journal of a book by date, all books by order of recording.
        return ("-date", "-pk") if request.GET.get(_BOOK, "").isdecimal() else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isdecimal() and len(term) < 19:
            return queryset.filter(pk=int(term)), False
        try:
            return queryset.filter(uid=uuid.UUID(term)), False
        except ValueError:
            pass
        if request.GET.get(_BOOK, "").isdecimal():
            return queryset.alias(payee_key=Lower("payee")).filter(payee_key=term.lower()), False
        self.message_user(request, _("Choose a book to search by payee."), messages.WARNING)
        return queryset.none(), False

    def has_reverse_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("finance.add_journalentry")

    @display(description=gettext_lazy("amount"))
    def shown_amount(self, entry: JournalEntry) -> str:
        """What the debits sum to, per currency."""
        sums: dict[str, int] = {}
        for line in entry.lines.all():
            if line.amount > 0:
                sums[line.currency] = sums.get(line.currency, 0) + line.amount
        return ", ".join(money_text(total, currency=code) for code, total in sorted(sums.items()))

    @display(description=gettext_lazy("payee"))
    def what(self, entry: JournalEntry) -> str:
        return entry.payee or entry.description or "–"

    @display(description=gettext_lazy("state"), label=_STATES)
    def shown_state(self, entry: JournalEntry) -> State | None:
        """Empty for the many entries that are in effect."""
        if entry.reverses_id is not None:
            return State("reversal", _("a reversal"))
        return State("reversed", _("reversed")) if hasattr(entry, "reversed_by") else None

    @display(description=gettext_lazy("reverses"))
    def shown_reverses(self, entry: JournalEntry) -> str:
        return _link(entry.reverses)

    @display(description=gettext_lazy("reversed by"))
    def shown_reversed_by(self, entry: JournalEntry) -> str:
        return _link(getattr(entry, "reversed_by", None))

    @display(description=gettext_lazy("corrects"))
    def shown_corrects(self, entry: JournalEntry) -> str:
        return _link(entry.corrects)

    @display(description=gettext_lazy("corrected by"))
    def shown_corrected_by(self, entry: JournalEntry) -> str:
        return _link(getattr(entry, "corrected_by", None))

    @action(description=gettext_lazy("Reverse"), url_path="reverse", permissions=["reverse"])
    def reverse(self, request: HttpRequest, object_id: int) -> HttpResponse:
        entry = row_or_404(self.get_queryset(request), object_id=object_id)
        page = reverse("admin:finance_journalentry_change", args=[entry.pk])
        if request.method == "POST":
            try:
                reversal = services.reverse_entry(entry=entry, actor=operator_of(request), on=today_in(entry.book))
            except FinanceError as error:
                self.message_user(request, error.detail, messages.ERROR)
                return HttpResponseRedirect(page)
            note(request, entry, f"reversed by entry {reversal.uid}")
            self.message_user(request, _("The entry is reversed. This is its reversal."), messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:finance_journalentry_change", args=[reversal.pk]))
        return ask(
            request,
            self,
            Question(
                title=_("Reverse an entry"),
                button=_("Reverse"),
                consequence=_(
                    "A second entry with the opposite amounts is posted; the entry itself stays. If its day is closed, "
                    "the reversal gets today's date. The household sees both in the history. A reversal cannot be undone."
                ),
                facts={
                    _("Book"): entry.book.name,
                    _("Date"): entry.date,
                    _("Payee"): entry.payee or "–",
                    _("Amount"): self.shown_amount(entry),
                    _("State"): self.shown_state(entry) or _("stands"),
                },
                back=page,
            ),
        )


def _link(entry: JournalEntry | None) -> str:
    if entry is None:
        return "–"
    url = reverse("admin:finance_journalentry_change", args=[entry.pk])
    link = '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>'
    return format_html(link, url, f"{entry} ({entry.uid})")
