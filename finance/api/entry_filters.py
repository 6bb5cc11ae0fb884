from decimal import Decimal
from typing import Any

import django_filters
from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from finance import money
from finance.api.fields import BIGGEST_ID
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.plans import LookedUp
from finance.ledger.visibility import visible_entries, visible_line
from finance.tags.selectors import TAGGED_ENTRIES

LINE_FILTERS = ("account", "min_amount", "max_amount")
# What an index finds, and what has to be looked for entry by entry.
FOUND = frozenset({"account", "payee", "tag"})
WALKED = frozenset({"text", "source", "current", "min_amount", "max_amount"})


class IdFilter(django_filters.Filter):  # type: ignore[misc]
    field_class = forms.IntegerField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=BIGGEST_ID, **kwargs)


class BoundFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """A bound on amounts, without sign."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_digits=30, decimal_places=10, **kwargs)


class EntryFilters(django_filters.FilterSet):  # type: ignore[misc]
    start = django_filters.DateFilter(field_name="date", lookup_expr="gte", label=_("First day."))
    end = django_filters.DateFilter(field_name="date", lookup_expr="lte", label=_("Last day."))
    payee = django_filters.CharFilter(method="with_payee", label=_("This payee, ignoring case."))
    text = django_filters.CharFilter(method="with_text", label=_("Found in payee, description or a line's memo."))
    source = django_filters.ChoiceFilter(choices=JournalEntry.Source.choices, label=_("How it came into the book."))
    current = django_filters.BooleanFilter(
        method="with_current", label=_("Only entries in effect (true), or only reversed ones and reversals (false).")
    )
    tag = IdFilter(method="with_tag", label=_("The tag with this id, on the entry or on a version before it."))
    account = IdFilter(method="with_lines", label=_("A line on the account with this id."))
    min_amount = BoundFilter(method="with_lines", label=_("A line of at least this amount, ignoring the sign."))
    max_amount = BoundFilter(method="with_lines", label=_("A line of at most this amount, ignoring the sign."))

    class Meta:
        model = JournalEntry
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: QuerySet[JournalEntry]) -> QuerySet[JournalEntry]:
        asked = self.form.cleaned_data
        given = {name for name, value in asked.items() if value not in EMPTY_VALUES}
        if given & WALKED and not given & FOUND:
            view = self.request.parser_context["view"]
            days = {f"date__{sign}": asked[name] for name, sign in (("start", "gte"), ("end", "lte")) if asked[name]}
            view.within = JournalEntry.objects.filter(visible_entries(book=view.book), book=view.book, **days)
        filtered: QuerySet[JournalEntry] = super().filter_queryset(queryset)
        return filtered

    def with_payee(self, entries: QuerySet[JournalEntry], name: str, value: str) -> QuerySet[JournalEntry]:
        # The index is on lower(payee).
        return entries.alias(payee_lower=Lower("payee")).filter(payee_lower=value.lower())

    def with_text(self, entries: QuerySet[JournalEntry], name: str, value: str) -> QuerySet[JournalEntry]:
        seen = visible_line(book=self.request.parser_context["view"].book)
        memo = JournalLine.objects.filter(seen, entry=OuterRef("pk"), memo__icontains=value)
        return entries.filter(Q(payee__icontains=value) | Q(description__icontains=value) | LookedUp(memo))

    def with_tag(self, entries: QuerySet[JournalEntry], name: str, value: int) -> QuerySet[JournalEntry]:
        book = self.request.parser_context["view"].book
        statement = TAGGED_ENTRIES.replace("%(book)s", "%s").replace("%(tags)s", "%s")
        return entries.filter(pk__in=RawSQL(statement, [book.pk, [value]]))  # noqa: S611  # a constant; what is given are parameters

    def with_current(self, entries: QuerySet[JournalEntry], name: str, value: bool) -> QuerySet[JournalEntry]:
        stands = Q(reverses=None) & ~LookedUp(JournalEntry.objects.filter(reverses=OuterRef("pk")))
        return entries.filter(stands if value else ~stands)

    def with_lines(self, entries: QuerySet[JournalEntry], name: str, value: Any) -> QuerySet[JournalEntry]:
        """Account and bounds must hold for one and the same line, so the first of them given asks for all."""
        asked = {each: self.form.cleaned_data.get(each) for each in LINE_FILTERS}
        if name != next(each for each in LINE_FILTERS if asked[each] is not None):
            return entries
        view = self.request.parser_context["view"]
        lines = JournalLine.objects.filter(visible_line(book=view.book), entry=OuterRef("pk"))
        if asked["account"] is not None:
            lines = lines.filter(account_id=asked["account"])
        if asked["min_amount"] is not None or asked["max_amount"] is not None:
            # The bounds in minor units of each currency that the book uses.
            least = asked["min_amount"]
            most = asked["max_amount"]
            condition = Q(pk__in=())
            for currency in sorted({account.currency for account in view.tree.accounts}):
                places = money.exponent(currency)
                low = 0 if least is None else _minor(least.scaleb(places), up=True)
                high = money.MAX_MINOR_UNITS if most is None else _minor(most.scaleb(places), up=False)
                condition |= Q(currency=currency) & (
                    Q(amount__gte=low, amount__lte=high) | Q(amount__lte=-low, amount__gte=-high)
                )
            lines = lines.filter(condition)
        # An account leads to its lines by index; without one, lines are looked up from the entries.
        return entries.filter(Exists(lines) if asked["account"] is not None else LookedUp(lines))


def _minor(scaled: Decimal, *, up: bool) -> int:
    whole = scaled.to_integral_value(rounding="ROUND_CEILING" if up else "ROUND_FLOOR")
    return min(int(whole), money.MAX_MINOR_UNITS + 1)
