"""In which order loans are paid back: the strategies on the page of loans, and making one a scenario."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Invalid, NotFound
from finance.forecasts import compare_strategies
from finance.ledger.models import Book, Role
from finance.planning.loans import selectors
from finance.planning.loans.models import Loan
from finance.planning.loans.payoff import Strategy, pay_off
from finance.planning.loans.selectors import LoanState
from finance.planning.scenarios import repaying
from finance.web.access import book_page, user_of

STRATEGIES = {
    Strategy.SNOWBALL: gettext_lazy("Smallest balance first"),
    Strategy.AVALANCHE: gettext_lazy("Highest rate first"),
    Strategy.CUSTOM: gettext_lazy("Your own order"),
}


def strategies_of(request: HttpRequest, book: Book, states: list[LoanState]) -> dict[str, Any]:
    """The strategies for debts in the book's currency, with `extra` of the address; a reason where none can be compared.

    Once an extra amount is given they are laid over the forecast as well.
    """
    currency, asked = book.base_currency, request.GET.get("extra", "")
    owing = selectors.indebted(states=states, currency=currency)
    if not owing:
        return {"strategies": [], "extra": asked}
    places = [(state.loan, request.GET.get(f"place-{state.loan.pk}", "")) for state in owing]
    shown = {"extra": asked, "places": places}
    try:
        extra = figures.read_amount(asked or "0", currency=currency, field="extra")
        least = pay_off(selectors.debts_of(states=owing, currency=currency))
        found = compare_strategies(
            book=book, today=today_in(book), currency=currency, extra=extra, order=_order(places), plans=bool(extra)
        )  # fmt: skip
    except FinanceError as error:
        return {**shown, "strategies": [], "extra_refused": error.detail}
    agreed = {"title": _("Only what was agreed"), "payoff": least, "order": [], "saved": 0, "sooner": 0}
    rows: list[dict[str, Any]] = [
        {
            "key": each.made.strategy.value, "title": STRATEGIES[each.made.strategy], "payoff": each.made.payoff,
            "order": [state.loan.name for state in each.made.loans], "compared": each.compared,
            "ids": ",".join(str(state.loan.pk) for state in each.made.loans),
            "saved": least.interest - each.made.payoff.interest, "sooner": least.months - each.made.payoff.months,
        }
        for each in found
    ]  # fmt: skip
    beside = next((row["compared"] for row in rows if row["compared"]), None)
    return {**shown, "strategies": [agreed, *rows], "beside": beside}


def _order(places: list[tuple[Loan, str]]) -> list[int]:
    """Ids of the loans by the places that were typed, those without one last; empty where none was. Raises Invalid."""
    if not any(typed.strip() for _loan, typed in places):
        return []
    if not all(typed.strip().isascii() and (typed.strip() or "0").isdigit() for _loan, typed in places):
        raise Invalid(field="order", reason=_("A place in the order is a whole number."))
    ranked = sorted(places, key=lambda each: int(each[1].strip()[:9]) if each[1].strip() else 10**9)
    return [loan.pk for loan, _typed in ranked]


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_loan_strategy(request: HttpRequest, book: Book) -> HttpResponse:
    """Make one of the strategies a scenario."""
    currency, today = book.base_currency, today_in(book)
    try:
        strategy = Strategy(request.POST.get("strategy", ""))
        order = [int(each) for each in request.POST.get("order", "").split(",") if each.isascii() and each.isdigit()]
    except ValueError as error:
        raise NotFound(thing="strategy") from error
    try:
        made = repaying.repayment(
            book=book, states=selectors.states_of(book=book, loans=selectors.loans_of(book=book), today=today),
            currency=currency, strategy=strategy, order=order, today=today,
            extra=figures.read_amount(request.POST.get("extra") or "0", currency=currency, field="extra"),
        )  # fmt: skip
        scenario = repaying.make_scenario(
            book=book, actor=user_of(request), made=made, name=str(STRATEGIES[strategy]),
            note=" › ".join(state.loan.name for state in made.loans)[:500],
        )  # fmt: skip
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("web:plan_loans", book.pk)
    return redirect("web:plan_scenario", book.pk, scenario.pk)
