"""The registers of an account, a group, or the whole book: a summary, and pages of rows by keyset that unfold in place."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from core.formatting import date_text
from finance.errors import Invalid, NotFound
from finance.ledger.movements import natural
from finance.ledger.registers import RegisterPage, RegisterRow, parse_cursor, register_page
from finance.ledger.selectors import balances_of
from finance.models import Book
from finance.preferences.selectors import views_of
from finance.reconciliation.selectors import Mark, marks_of
from finance.replica import from_replica
from finance.sheets import CONTENT_TYPES
from finance.web.access import book_page, user_of
from finance.web.register_filters import (
    FilterForm,
    kept,
    period_menu,
    pills_of,
    read_register,
    with_query,
)
from finance.web.register_summary import inside_of, summary_of

PAGE = 50
# Fields of the two forms in the bar; each carries the other's values along.
_DAYS = {"period", "start", "end"}
_ROWS = {"q", "payee", "amount", "min", "max", "category", "account", "kind", "tag", "mark", "who", "source", "all"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The rows of a day; `continued` where the page before already showed its date."""

    date: datetime.date
    rows: list[RegisterRow]
    continued: bool


@book_page(partly=True)
@from_replica
def register(request: HttpRequest, book: Book, account_id: int | None = None) -> HttpResponse:
    """One page of rows, newest first: of an account, of a group with all inside it, or of all accounts of a scope."""
    scope, form = read_register(book=book, query=request.GET, account_id=account_id)
    after = request.GET.get("after") or None
    try:
        page = register_page(accounts=form.chosen_accounts(), after=after, limit=PAGE, filters=form.filters())
    except Invalid as error:
        raise NotFound(thing="page") from error
    show_marks(page.rows)
    context: dict[str, Any] = {
        "account": scope.account,
        "scope": scope,
        "form": form,
        "pills": pills_of(form),
        "days": days_of(page, after=after),
        "next": with_query(request.GET, after=page.next_cursor) if page.next_cursor else None,
        "searched_to": page.searched_to,
        "is_later_page": after is not None,
        "today": form.today,
    }
    if after is None:
        context |= _above(request, book, form)
    return render(request, "web/register.html", {"book": book, **context})


def _above(request: HttpRequest, book: Book, form: FilterForm) -> dict[str, Any]:
    """The part above the rows of the first page."""
    summary = summary_of(form)
    scope, accounts, day = form.scope, form.chosen_accounts(), form.days.last
    held: dict[int, int] | None = None
    balances: dict[str, int] = {}
    if not scope.is_category:
        held = balances_of(account_ids=[account.pk for account in accounts], as_of=day or form.today)
        for account in accounts:
            amount = natural(held.get(account.pk, 0), account.type)
            balances[account.currency] = balances.get(account.currency, 0) + amount
    views = views_of(book=book, user=user_of(request)).select_related("account").order_by("name", "pk")
    route, place = "web:book_register_file", [book.pk]
    if scope.account is not None:
        route, place = "web:register_file", [book.pk, scope.account.pk]
    if book.visible_ids is not None:  # they name accounts and payees
        views = views.none()
    return {
        "summary": summary,
        "inside": [] if scope.is_single else inside_of(form, summary, held=held),
        "balances": sorted(balances.items()),
        "balance_label": _("Balance on %(day)s") % {"day": date_text(day)} if day else _("Balance today"),
        "kept_for_days": kept(request.GET, without=_DAYS),
        "kept_for_rows": kept(request.GET, without=_ROWS),
        "here": with_query(request.GET),
        "files": [(name, f"{reverse(route, args=[*place, name])}{with_query(request.GET)}") for name in CONTENT_TYPES],
        "inside_query": with_query(request.GET, scope=None, below=None, account=None, currency=None),
        "views": list(views),
        **period_menu(form),
    }


def show_marks(rows: Sequence[RegisterRow]) -> None:
    """Note on each row whether it is cleared or reconciled; one query."""
    marks = marks_of(line_ids=[row.line_id for row in rows])
    for row in rows:
        row.mark = marks.get(row.line_id, Mark.NONE)


def days_of(page: RegisterPage, *, after: str | None) -> list[Day]:
    """Rows grouped by date, in their order."""
    shown_before = parse_cursor(after)[0] if after else None
    return [
        Day(date=date, rows=list(rows), continued=date == shown_before)
        for date, rows in groupby(page.rows, key=lambda row: row.date)
    ]
