"""The register of an account: page by keyset, filters in the address, rows that unfold in place."""

import datetime
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.clock import today_in
from core.formatting import date_text
from finance import figures
from finance.errors import FinanceError, Invalid, NotFound
from finance.ledger.movements import natural
from finance.ledger.registers import Filters, RegisterPage, RegisterRow, parse_cursor, register_page
from finance.ledger.selectors import account_for, accounts_of, changes_of, paths_of
from finance.models import Account, AccountKind, AccountType, Book
from finance.replica import from_replica
from finance.web.access import book_page
from finance.web.periods import rows_query
from finance.web.refusals import refuse

PAGE = 50


class FilterForm(forms.Form):
    """What the register is asked for; all of it stands in the address."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=100)
    start = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    end = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    min = forms.CharField(
        label=gettext_lazy("Amount at least"), required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    max = forms.CharField(
        label=gettext_lazy("Amount at most"), required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    category = forms.ChoiceField(label=gettext_lazy("Category or other account"), required=False)
    all = forms.BooleanField(label=gettext_lazy("Show corrected and deleted entries too"), required=False)

    def __init__(self, data: QueryDict, *, account: Account, tree: list[Account]) -> None:
        super().__init__(data)
        self.account = account
        self.paths = paths_of(tree)
        choices = [(str(a.pk), self.paths[a.pk].replace(":", " › ")) for a in tree if a.kind != AccountKind.GROUP]
        self.fields["category"].choices = [("", _("Any")), *choices]  # type: ignore[attr-defined]

    def clean_min(self) -> int | None:
        return self._size("min")

    def clean_max(self) -> int | None:
        return self._size("max")

    def _size(self, name: str) -> int | None:
        typed = self.cleaned_data[name].strip()
        if not typed:
            return None
        try:
            return abs(figures.read_amount(typed, currency=self.account.currency, field=name))
        except FinanceError as error:
            raise forms.ValidationError(error.detail) from error

    def filters(self) -> Filters:
        """What was understood; refused fields filter nothing and say so at the field."""
        data = self.cleaned_data
        return Filters(
            search=data.get("q", ""),
            start=data.get("start"),
            end=data.get("end"),
            min_size=data.get("min"),
            max_size=data.get("max"),
            counter_account_id=int(data["category"]) if data.get("category") else None,
            with_superseded=bool(data.get("all")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pill:
    """A filter in force, with the address that removes it."""

    text: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The rows of a day; `continued` where the page before already showed its date."""

    date: datetime.date
    rows: list[RegisterRow]
    continued: bool


@book_page()
@from_replica
def register(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """One page of an account's entries, newest first; a group shows the accounts inside it."""
    account = account_for(book=book, account_id=account_id)
    tree = accounts_of(book=book)
    form = FilterForm(request.GET, account=account, tree=tree)
    form.is_valid()
    if account.kind == AccountKind.GROUP or "below" in request.GET:
        return _group_page(request, book, account, tree, form)
    after = request.GET.get("after") or None
    try:
        page = register_page(account=account, after=after, limit=PAGE, filters=form.filters())
    except Invalid as error:
        if "after" in error.fields:
            raise NotFound(thing="page") from error
        refuse(form, error)
        page = RegisterPage(rows=[], next_cursor=None, searched_to=None)
    context: dict[str, Any] = {
        "account": account,
        "path": form.paths[account.pk].split(":")[:-1],
        **_head(form, today=today_in(book)),
        "form": form,
        "pills": pills_of(request.GET, form),
        "days": days_of(page, after=after),
        "next": _with(request.GET, after=page.next_cursor) if page.next_cursor else None,
        "searched_to": page.searched_to,
        "is_later_page": after is not None,
        "today": today_in(book),
    }
    return render(request, "web/register.html", {"book": book, **context})


def _head(form: FilterForm, *, today: datetime.date) -> dict[str, Any]:
    """The figure above the rows: what they add up to where only days are asked for, else what the account holds."""
    account, filters = form.account, form.filters()
    in_category = account.type in (AccountType.INCOME, AccountType.EXPENSE)
    only_days = filters == Filters(start=filters.start, end=filters.end, with_superseded=filters.with_superseded)
    first = filters.start if only_days and in_category else None
    last = filters.end if only_days else None
    if first:
        label = _("In this period")
    elif last:
        day = date_text(last)
        label = (_("In total, to %(day)s") if in_category else _("Balance on %(day)s")) % {"day": day}
    else:
        label = _("In total, to today") if in_category else _("Balance today")
    held = changes_of(account_ids=[account.pk], first=first, last=last or today)
    return {"balance": held.get(account.pk, 0), "balance_label": label}


def _group_page(
    request: HttpRequest, book: Book, group: Account, tree: list[Account], form: FilterForm
) -> HttpResponse:
    """The accounts inside with what each adds to the sum, in the days that are asked for."""
    first, last = form.cleaned_data.get("start"), form.cleaned_data.get("end")
    inside = {group.pk}
    for account in tree:  # parents before children
        if account.parent_id in inside:
            inside.add(account.pk)
    held = changes_of(account_ids=list(inside), first=first, last=last or today_in(book))
    postable = [account for account in tree if account.pk in inside and account.kind != AccountKind.GROUP]
    rows = [
        (account, form.paths[account.pk].removeprefix(f"{form.paths[group.pk]}:").replace(":", " › "), amount)
        for account in postable
        for amount in [natural(held.get(account.pk, 0), account.type)]
        if amount or account.closed_on is None
    ]
    totals: dict[str, int] = {}
    for account, _path, amount in rows:
        totals[account.currency] = totals.get(account.currency, 0) + amount
    context = {
        "account": group,
        "path": form.paths[group.pk].split(":")[:-1],
        "rows": rows,
        "totals": sorted(totals.items()),
        "query": rows_query(first, last),
        "first": first,
        "last": last,
    }
    return render(request, "web/group.html", {"book": book, **context})


def days_of(page: RegisterPage, *, after: str | None) -> list[Day]:
    """Rows grouped by date, in their order."""
    shown_before = parse_cursor(after)[0] if after else None
    return [
        Day(date=date, rows=list(rows), continued=date == shown_before)
        for date, rows in groupby(page.rows, key=lambda row: row.date)
    ]


def pills_of(query: QueryDict, form: FilterForm) -> list[Pill]:
    """The filters in force, in words."""
    data = form.cleaned_data
    currency = form.account.currency
    texts: dict[str, str] = {}
    if data.get("q"):
        texts["q"] = _("“%(words)s”") % {"words": data["q"]}
    if data.get("start"):
        texts["start"] = _("from %(day)s") % {"day": date_text(data["start"])}
    if data.get("end"):
        texts["end"] = _("to %(day)s") % {"day": date_text(data["end"])}
    if data.get("min") is not None:
        texts["min"] = _("at least %(amount)s") % {"amount": figures.money_text(data["min"], currency=currency)}
    if data.get("max") is not None:
        texts["max"] = _("at most %(amount)s") % {"amount": figures.money_text(data["max"], currency=currency)}
    if data.get("category"):
        texts["category"] = form.paths[int(data["category"])].rpartition(":")[2]
    if data.get("all"):
        texts["all"] = _("with history")
    return [Pill(text=text, without=_with(query, **{name: None})) for name, text in texts.items()]


def _with(query: QueryDict, **changes: str | None) -> str:
    """The address's query with some values set, or taken away; a change of filter starts at the first page."""
    changed = query.copy()
    changed.pop("after", None)
    for name, value in changes.items():
        changed.pop(name, None)
        if value:
            changed[name] = value
    for name in [name for name, value in changed.items() if value == ""]:
        del changed[name]
    return f"?{changed.urlencode()}"
