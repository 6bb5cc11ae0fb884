"""The overview: net worth, spending, what deserves a look."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core.clock import today_in
from core.formatting import date_text
from finance import figures, money
from finance.forecasts import Outlook
from finance.imports.models import ImportBatch
from finance.ledger import chain
from finance.ledger.selectors import accounts_of, balances_of, trial_balance
from finance.ledger.visibility import visible_accounts
from finance.models import AccountKind, AccountMonth, AccountType, Book
from finance.periods import month_end
from finance.planning.cards.selectors import states_of as card_states
from finance.replica import from_replica
from finance.valuation.net_worth import Wealth, wealth
from finance.web.access import book_page, user_of
from finance.web.dashboard import cards_for
from finance.web.own_figures import own_figures
from finance.web.periods import rows_query
from finance.web.plan_forecast import AHEAD_DAYS, ahead_of
from finance.web.rate_words import shown
from finance.web.spending import CategoryFlow, Flow, category_months, flow, valued_months
from finance.web.wealth import everyday_accounts

BARS = 8
# Waiting bank files that are named; the others are counted.
IMPORTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A category as a bar; `length` and `tick` are percentages of the chart's width for SVG.

    `query` makes the category's page show what adds up to its amount, `averaged_query` to the averaged months.
    """

    row: CategoryFlow
    query: str
    averaged_query: str
    length: str
    tick: str | None


@book_page(partly=True)
@from_replica
def overview(request: HttpRequest, book: Book) -> HttpResponse:
    """Everything at a glance; reads monthly totals, whatever the book's size.

    A member who left accounts out, or who sees some only, gets figures of the others, which are read entry by entry.
    """
    today = today_in(book)
    month = today.replace(day=1)
    tree = accounts_of(book=book)
    figures_of = own_figures(request, book, tree)
    own, left_out = figures_of.book, [account.pk for account in figures_of.left_out if not figures_of.of_household]
    accounts = visible_accounts(book=own, tree=tree)
    held = wealth(book=own, accounts=accounts, today=today)
    balances = held.balances | (balances_of(account_ids=left_out, as_of=today) if left_out else {})
    nets = category_months(book=own, month=month)
    valued = valued_months(book=own, accounts=accounts, month=month, nets=nets)
    spending = flow(book=own, accounts=accounts, type=AccountType.EXPENSE, month=month, nets=nets, valued=valued)
    income = flow(book=own, accounts=accounts, type=AccountType.INCOME, month=month, nets=nets, valued=valued)
    # The proof and the bank files are of the whole book.
    differences = differences_of(book) if book.visible_ids is None else {}
    outlook = Outlook(book=book, today=today, days=AHEAD_DAYS)
    wide, beside = cards_for(book=book, user=user_of(request), today=today)
    context = {
        "wide": wide,
        "beside": beside,
        "shows_worth": any(card.name == "worth" for card in wide),
        "today": today,
        "month": month,
        "month_last": month_end(month),
        "ahead": ahead_of(outlook) if any(card.name == "ahead" for card in beside) else None,
        "wealth": held,
        "converted": shown(book, held.converted),
        "converted_sum": sum(part.value or 0 for part in held.converted),
        "chart": chart_of(held, currency=book.base_currency),
        "card_states": card_states(cards=outlook.cards, today=today) if book.visible_ids is None else [],
        "holdings": [(account, balances.get(account.pk, 0)) for account in everyday_accounts(tree)],
        "own_figures": figures_of,
        "left_out": left_out,
        "rows_left_out": ",".join(map(str, left_out)),
        "spending": spending,
        "spending_bars": bars_of(spending, month=month, without=left_out),
        "spending_rest": rest_of(spending, scope="spending", month=month, without=left_out),
        "income": income,
        "income_rest": rest_of(income, scope="income", month=month, without=left_out),
        "income_bars": bars_of(income, month=month, without=left_out),
        "in_order": not differences,
        **(imports_of(book) if book.visible_ids is None else {}),
        "is_empty": not balances and not nets,
    }
    return render(request, "web/overview.html", {"book": book, **context})


def imports_of(book: Book) -> dict[str, Any]:
    """Bank files that wait for a decision: the newest, and how many there are; and the last import."""
    waiting = (ImportBatch.State.RECEIVED, ImportBatch.State.STAGED, ImportBatch.State.REFUSED)
    found = ImportBatch.objects.without_content().filter(book=book).select_related("account")
    newest = list(found.filter(state__in=waiting).order_by("-pk")[: IMPORTS + 1])
    return {
        "open_imports": newest[:IMPORTS],
        "open_import_count": len(newest) if len(newest) <= IMPORTS else found.filter(state__in=waiting).count(),
        "last_import": found.filter(state=ImportBatch.State.CONFIRMED).order_by("-pk").first(),
    }


def differences_of(book: Book) -> dict[str, int]:
    """Debits less credits per currency where they differ: always empty, and looked at all the same."""
    sums = AccountMonth.objects.filter(book=book).values_list("account__currency")
    return {currency: int(net) for currency, net in sums.annotate(net=Sum(F("debit") - F("credit"))) if net}


def bars_of(shown: Flow, *, month: datetime.date, without: Collection[int] = ()) -> list[Bar]:
    """The largest categories as bars on one scale, each with a tick at its average; `without` some accounts."""
    rows = shown.rows[:BARS]
    longest = max((max(row.amount, row.average) for row in rows), default=0)
    return [
        Bar(
            row=row,
            query=rows_query(month, month_end(month), below=bool(row.parts), without=without),
            averaged_query=rows_query(
                month - relativedelta(months=shown.averaged),
                month - relativedelta(days=1),
                below=bool(row.parts),
                without=without,
            ),
            length=_percent(row.amount, longest),
            tick=_percent(row.average, longest) if shown.averaged and row.average > 0 else None,
        )
        for row in rows
    ]


def rest_of(shown: Flow, *, scope: str, month: datetime.date, without: Collection[int] = ()) -> dict[str, Any] | None:
    """What the categories without a bar come to, so that the rows add up to the total; None where all have one."""
    rest = shown.rows[BARS:]
    if not rest:
        return None
    accounts = sorted(account.pk for row in rest for account in row.all_accounts() if account.kind != AccountKind.GROUP)
    return {
        "amount": sum(row.amount for row in rest),
        "average": sum(row.average for row in rest),
        "converted": sum(row.converted for row in rest),
        "query": rows_query(month, month_end(month), accounts=accounts, scope=scope, without=without),
    }


def _percent(part: int, whole: int) -> str:
    mille = max(part, 0) * 1000 // whole if whole else 0
    return f"{mille // 10}.{mille % 10}%"


def chart_of(held: Wealth, *, currency: str) -> dict[str, Any]:
    """What the line chart draws: plain decimals for positions, finished texts for people."""
    return {
        "labels": [date_text(point.day, form="MMM yyyy") for point in held.points],
        "values": [money.format_amount(point.amount, currency=currency) for point in held.points],
        "texts": [figures.money_text(point.amount, currency=currency) for point in held.points],
        "currency": currency,
    }


@book_page()
@from_replica
def proof(request: HttpRequest, book: Book) -> HttpResponse:
    """The trial balance of a day: the proof that the books are in order."""
    try:
        as_of = datetime.date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        as_of = today_in(book)
    balance = trial_balance(book=book, as_of=as_of)
    totals = [(currency, debit, credit) for currency, (debit, credit) in balance.totals.items()]
    in_order = all(debit == credit for _currency, debit, credit in totals)
    context = {
        "as_of": as_of,
        "query": rows_query(None, as_of),
        "rows": balance.rows,
        "totals": totals,
        "in_order": in_order,
        "chain": chain.state_of(book=book, now=timezone.now()),
    }
    return render(request, "web/proof.html", {"book": book, **context})
