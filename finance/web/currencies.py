"""Holdings in other currencies over a period: cost, worth, and what the change of rates brought."""

import datetime

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.clock import today_in
from finance.ledger.selectors import accounts_of, balances_of
from finance.models import Book
from finance.replica import from_replica
from finance.valuation.net_worth import HOLDINGS
from finance.valuation.positions import holdings_report
from finance.web.access import book_page
from finance.web.periods import rows_query
from finance.web.rate_words import add_rate_url, age_words, origin_words, rate_words


class PeriodForm(forms.Form):
    start = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    end = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def clean(self) -> dict[str, object]:
        given = super().clean() or {}
        if given.get("start") and given.get("end") and given["start"] > given["end"]:
            self.add_error("end", gettext_lazy("The period ends before it begins."))
        return given


@require_safe
@book_page()
@from_replica
def currencies(request: HttpRequest, book: Book) -> HttpResponse:
    """The report of one period; this year, unless the address says otherwise."""
    today = today_in(book)
    usual = {"start": today.replace(month=1, day=1), "end": today}
    form = PeriodForm({**usual, **request.GET.dict()})
    first: datetime.date = form.cleaned_data["start"] if form.is_valid() else usual["start"]
    last: datetime.date = form.cleaned_data["end"] if form.is_valid() else usual["end"]
    tree = accounts_of(book=book)
    base = [a.pk for a in tree if a.type in HOLDINGS and a.currency == book.base_currency]
    report = holdings_report(
        book=book, accounts=tree, first=first, last=last,
        base_amount=sum(balances_of(account_ids=base, as_of=last).values()),
    )  # fmt: skip
    by_id = {account.pk: account for account in tree}
    rows = [
        {
            "row": row,
            "accounts": [by_id[pk] for pk in row.account_ids],
            "rate": rate_words(row.quote) if row.quote else "",
            "origin": f"{origin_words(row.quote)} · {age_words(row.quote)}".rstrip(" ·") if row.quote else "",
            "add_url": add_rate_url(book, currency=row.currency, day=last),
        }
        for row in report.rows
    ]
    context = {"book": book, "report": report, "rows": rows, "form": form, "rows_query": rows_query(first, last)}
    return render(request, "finance/rates/currencies.html", context, status=400 if form.errors else 200)
