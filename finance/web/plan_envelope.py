"""One line of a budget: its periods so far, who gave it what, moving an amount, its settings."""

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.keyset import keyset_page
from finance import figures
from finance.errors import FinanceError, Forbidden, NotFound
from finance.ledger.selectors import book_for
from finance.models import Book, Role
from finance.planning.budgets import selectors, services
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.views import BudgetView, Plan, view_of
from finance.web.access import book_page, id_in, user_of
from finance.web.periods import rows_query
from finance.web.plan_budget_forms import TARGET_FIELDS, LineForm, shown_line
from finance.web.plan_budget_rows import day_asked, rows_of
from finance.web.refusals import refuse

RECORDS = 50
EARLIER = 12


@require_http_methods(["GET", "POST"])
@book_page()
def plan_envelope(request: HttpRequest, book: Book, budget_id: int, line_id: int) -> HttpResponse:
    """One line: its periods so far, who gave it what, moving an amount, its settings."""
    budget = selectors.budget_for(book=book, budget_id=budget_id)
    line = selectors.line_for(budget=budget, line_id=line_id)
    form, problem = None, None
    on = day_asked(request, book)
    try:
        plan = Plan(budget)
        now = plan.calendar.period_at(on).first or on
        carry = plan.carry(line, now)
        form = LineForm(
            request.POST if request.POST.get("do") == "save" else None,
            initial={**shown_line(line, carry), "carry_from": "this"},
            currency=budget.currency,
            tree=plan.tree,
            tags=[],
            line=line,
        )
        if request.method == "POST":
            done = _change_envelope(request, book, plan, line_id, form, on)
            if done is not None:
                return done
        shown = _history(plan, on)
    except (NotFound, Forbidden):
        raise
    except FinanceError as error:
        if form is None:
            raise NotFound(thing="period") from error
        if request.POST.get("do") == "save":
            refuse(form, error, fields=TARGET_FIELDS)
        problem = error.detail
        shown = _history(plan, on)
    after = request.GET.get("after")
    page = keyset_page(
        selectors.assignments_of(budget=budget, line=line).select_related("made_by"),
        ordering=("-id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=RECORDS,
    )
    mine = next(each for each in shown.lines if each.line.pk == line.pk)
    register, also = rows_of(plan, mine)
    periods = [
        (period, cell, f"{register}{rows_query(period.period.first, period.period.last)}{also}")
        for period, cell in zip(shown.periods, mine.cells, strict=True)
    ]
    context = {
        "book": book, "budget": budget, "line": mine, "form": form, "problem": problem, "on": on,
        "periods": periods[::-1], "records": page.rows, "next": page.edge.pk if page.edge else None,
        "others": [each for each in shown.lines if each.line.pk != line.pk and not each.line.closed],
    }  # fmt: skip
    return render(request, "finance/plan/envelope.html", context, status=400 if problem or form.errors else 200)


def _change_envelope(
    request: HttpRequest, book: Book, plan: Plan, line_id: int, form: LineForm, on: datetime.date
) -> HttpResponse | None:
    """Carry out what was sent; None where the form has to be shown again. Raises FinanceError."""
    budget, actor = plan.budget, user_of(request)
    book_for(user=actor, book_id=book.pk, at_least=Role.EDITOR)
    line = selectors.line_for(budget=budget, line_id=line_id)
    match request.POST.get("do"):
        case "save" if form.is_valid():
            carry = Carry(form.cleaned_data["carry"])
            since = None if form.cleaned_data["carry_from"] == "all" else on
            if carry is not plan.carry(line, plan.calendar.period_at(on).first or on):
                services.change_line(line=line, actor=actor, carry=carry, carry_from=since, **form.given())
            else:
                services.change_line(line=line, actor=actor, **form.given())
        case "move":
            other = selectors.line_for(budget=budget, line_id=id_in(request.POST.get("target", ""), thing="line"))
            amount = figures.read_sum(request.POST.get("amount", ""), currency=budget.currency)
            services.move(
                budget=budget, actor=actor, day=on, source=line, target=other, amount=amount,
                note=request.POST.get("note", ""),
            )  # fmt: skip
            messages.success(request, _("The amount was moved."))
        case "remove":
            services.remove_line(line=line)
            return redirect("web:plan_budget_show", book.pk, budget.pk)
        case _:
            return None
    return redirect(f"{reverse('web:plan_envelope', args=[book.pk, budget.pk, line.pk])}?on={on}")


def _history(plan: Plan, on: datetime.date) -> BudgetView:
    """The period of `on` and those before it, as far as the budget goes back."""
    first = plan.calendar.period_at(on).first or on
    begin = plan.calendar.period_at(plan.begin(first)).first or first
    periods = plan.calendar.periods(min(begin, first), first)[-EARLIER:]
    return view_of(plan, on=periods[0].first or first, count=len(periods))
