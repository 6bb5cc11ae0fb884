"""The forecast page: what accounts are likely to hold, what that rests on, and how good earlier forecasts were."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from core.clock import today_in
from finance.errors import FinanceError
from finance.figures import read_amount, typed_text
from finance.forecasts import Outlook, book_forecast
from finance.ledger.models import Account, Book, Role
from finance.periods import month_end
from finance.planning.forecast import selectors, services
from finance.planning.forecast.bands import Basis
from finance.planning.forecast.projection import DAYS, Point, Projection
from finance.planning.forecast.selectors import AccountForecast
from finance.planning.upcoming import Layer
from finance.replica import from_replica
from finance.web.access import book_page, id_in, user_of
from finance.web.forecast_chart import chart_of

WINDOWS = (30, 90, DAYS)
LAYERS = {
    Layer.ENTERED: gettext_lazy("Entered ahead"),
    Layer.SCHEDULE: gettext_lazy("Schedules"),
    Layer.CARD: gettext_lazy("Card payments"),
    Layer.LOAN: gettext_lazy("Loans"),
    Layer.RECEIVABLE: gettext_lazy("Invoices and debts"),
    Layer.BUDGET: gettext_lazy("Budgets"),
    Layer.HABIT: gettext_lazy("Usual spending"),
}
BASES = {
    Basis.FORECASTS: gettext_lazy(
        "The band is how far our earlier forecasts were off: it held four times out of five."
    ),
    Basis.HISTORY: gettext_lazy(
        "The band is how far forecasts would have been off over the past year; our own are too few yet."
    ),
    Basis.STRETCHED: gettext_lazy(
        "The band is how far forecasts would have been off over the past year, stretched to the months that it does not cover."
    ),
    Basis.NONE: gettext_lazy("There is no band of usual spending yet: that takes three whole months of entries."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A month's end: the expected balance, its band, and what changed it since the row before, by layer."""

    date: datetime.date
    expected: int
    low: int | None
    high: int | None
    changes: list[int]


@require_safe
@book_page()
@from_replica
def plan_forecast(request: HttpRequest, book: Book) -> HttpResponse:
    """One account, or all of a currency together, over the days that are asked for."""
    today = today_in(book)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, WINDOWS) else WINDOWS[1]
    found = book_forecast(book=book, today=today, days=days)
    totals = found.totals()
    shown: AccountForecast | None = None
    if request.GET.get("account"):
        shown = found.of(id_in(request.GET["account"], thing="account"))
    currency = request.GET.get("currency", "")
    if currency not in totals:
        currency = book.base_currency if book.base_currency in totals else next(iter(totals), "")
    projection = shown.projection if shown else totals.get(currency)
    context: dict[str, Any] = {
        "book": book,
        "today": today,
        "days": days,
        "windows": WINDOWS,
        "accounts": found.accounts,
        "totals": totals,
        "shown": shown,
        "currency": shown.account.currency if shown else currency,
        "projection": projection,
        "learned_on": found.learned_on,
    }
    if projection is not None:
        band = shown.band if shown else None
        layers = [layer for layer in Layer if projection.steps.get(layer)]
        context |= {
            "chart": chart_of(projection, band),
            "layers": [(layer.value, LAYERS[layer]) for layer in layers],
            "rows": _rows(projection, shown, layers),
            "lowest": projection.lowest(),
            "below": projection.below_floor(),
            "safe": projection.safe_to_spend(),
            "basis": BASES[shown.band.basis if shown.band else Basis.NONE] if shown else "",
            "with_entered": shown.with_entered
            if shown
            else sum(
                each.with_entered
                for each in found.accounts
                if each.account.currency == currency and each.projection.holding.floor is not None
            ),
        }
    if shown is not None:
        floor = shown.projection.holding.floor
        context["floor"] = "" if floor is None else typed_text(floor, currency=shown.account.currency)
        scores = selectors.scores_of(book=book, account_ids=[shown.account.pk], today=today)
        context["scores"] = [
            (score, None if score.coverage is None else (score.coverage + 5) // 10)
            for score in scores.get(shown.account.pk, [])
        ]
    else:
        context["accounts_left_out"] = [
            account for account, told in selectors.accounts_in_forecast(book=book) if told and not told.included
        ]
    return render(request, "finance/plan/forecast.html", context)


def _rows(projection: Projection, shown: AccountForecast | None, layers: list[Layer]) -> list[Row]:
    """Today, each month's end, and the last day."""
    last = len(projection.expected) - 1
    days = [0]
    while days[-1] < last:
        following = month_end(projection.date(days[-1] + 1))
        days.append(min(last, (following - projection.today).days))
    band = shown.band if shown else None
    rows, before = [], -1
    for day in days:
        changes = [
            sum(amount for step, amount in projection.steps[layer].items() if before < step <= day) for layer in layers
        ]
        rows.append(
            Row(
                date=projection.date(day),
                expected=projection.expected[day],
                low=band.low[day] if band else None,
                high=band.high[day] if band else None,
                changes=changes,
            )
        )
        before = day
    return rows


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_forecast_account(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """Set the floor of an account, leave it out, or take it in again."""
    account, _told = selectors.account_in_forecast(book=book, account_id=account_id)
    account.book = book
    try:
        changes = _changes(request, account)
        services.change_account(account=account, actor=user_of(request), **changes)
    except FinanceError as error:
        messages.error(request, error.detail)
        changes = {}
    address = reverse("web:plan_forecast", args=[book.pk])
    return redirect(address if "included" in changes else f"{address}?account={account.pk}")


def _changes(request: HttpRequest, account: Account) -> dict[str, Any]:
    if "included" in request.POST:
        return {"included": request.POST["included"] == "yes"}
    typed = request.POST.get("floor", "").strip()
    return {"floor": read_amount(typed, currency=account.currency, field="floor") if typed else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The overview's card: own money of the main currency in the next days, and accounts that fall below their floor."""

    days: int
    currency: str
    lowest: Point
    now: int
    below: list[tuple[Account, Point]]


AHEAD_DAYS = 30


def ahead_of(outlook: Outlook) -> Ahead | None:
    """What the card says; None for a book without money accounts. Nothing is learned for it: that may take long."""
    book, days = outlook.book, (outlook.last - outlook.today).days
    found = book_forecast(book=book, today=outlook.today, days=days, learn=False, outlook=outlook)
    total = found.totals().get(book.base_currency)
    if total is None:
        return None
    below = [(each.account, point) for each in found.accounts if (point := each.projection.below_floor())]
    return Ahead(days=days, currency=book.base_currency, lowest=total.lowest(), now=total.holding.balance, below=below)
