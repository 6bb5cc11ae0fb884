"""Budgets: the grid of a period with amounts to type, and many periods side by side."""

import datetime
from dataclasses import dataclass
from html import escape
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Invalid
from finance.ledger.selectors import accounts_of
from finance.ledger.turnovers import ONE_DAY
from finance.models import Assignment, Book, Budget, Role
from finance.planning.budgets import selectors, services
from finance.planning.budgets.arithmetic import Carry, Cell
from finance.planning.budgets.services import Given, Proposal
from finance.planning.budgets.views import BudgetView, LineView, Plan, view_of
from finance.replica import from_replica
from finance.tags.selectors import tags_of
from finance.web.access import book_page, user_of
from finance.web.periods import rows_query
from finance.web.plan_budget_forms import TARGET_FIELDS, BudgetForm, LineForm, shown_budget
from finance.web.plan_budget_rows import day_asked, rows_of
from finance.web.refusals import refuse

COUNTS = (1, 3, 6, 12, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line in one period, with the address of the rows that its figure is made of."""

    view: LineView
    cell: Cell
    proposed: int
    rows: str
    typed: str = ""
    problem: str = ""

    @property
    def share(self) -> int:
        """Percent of what it has that is spent, for the bar; 100 where it is more."""
        had = self.cell.carried + self.cell.assigned
        return 0 if self.cell.spent <= 0 else min(100, self.cell.spent * 100 // had) if had > 0 else 100


@require_safe
@book_page()
def plan_budget(request: HttpRequest, book: Book) -> HttpResponse:
    """The first budget, or how to make one."""
    budget = selectors.budgets_of(book=book).order_by("pk").first()
    if budget is not None:
        return redirect("web:plan_budget_show", book.pk, budget.pk)
    return render(request, "finance/plan/budget.html", {"book": book, "tab": "budget"})


@require_safe
@book_page()
@from_replica
def plan_budget_show(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """One period with amounts to type, or up to 24 of them to read."""
    return _grid(request, book, selectors.budget_for(book=book, budget_id=budget_id))


def _grid(
    request: HttpRequest,
    book: Book,
    budget: Budget,
    *,
    typed: dict[str, str] | None = None,
    wrong: FinanceError | None = None,
) -> HttpResponse:
    """The page, with what was typed and why it was refused."""
    count = _count(request)
    plan, on, problem = None, day_asked(request, book), None
    try:
        plan = Plan(budget)
        view = view_of(plan, on=on, count=count)
    except Invalid as error:
        problem = error.detail
        view = None
    context: dict[str, Any] = {
        "book": book,
        "tab": "budget",
        "budget": budget,
        "budgets": list(selectors.budgets_of(book=book).order_by("pk")),
        "count": count,
        "counts": COUNTS,
        "problem": problem or (wrong.detail if wrong else None),
    }
    if plan is not None and view is not None:
        first, last = view.periods[0].period.first, view.periods[-1].period.last
        context |= {
            "view": view,
            "shown": view.periods[0],
            "rows": _rows(plan, view, typed or {}, wrong) if count == 1 else [],
            "table": _cells(plan, view) if count > 1 else [],
            "on": first,
            "before": _neighbour(plan, first, -ONE_DAY),
            "after": _neighbour(plan, last, ONE_DAY),
            "is_current": bool(first and last and first <= today_in(book) <= last),
            "asked": sum(line.proposed(0) for line in view.lines if not line.is_income),
        }
    return render(request, "finance/plan/budget.html", context, status=400 if wrong else 200)


def _cells(plan: Plan, view: BudgetView) -> list[tuple[LineView, SafeString]]:
    """Lines with a cell for each period: spent, of what was assigned, and what was left. They may be thousands."""
    write = figures.amount_writer(plan.budget.currency)
    # Escaped once: what differs from cell to cell is dates and written amounts, of which the marks are the language's.
    of, left = (escape(text).replace("%(amount)s", "{}").format for text in (_("of %(amount)s"), _("%(amount)s left")))
    spans = [escape(rows_query(shown.period.first, shown.period.last)) for shown in view.periods]
    table = []
    for line in view.lines:
        register, also = (escape(part) for part in rows_of(plan, line))
        cells = [
            f'<td class="num"><a class="figure-link" href="{register}{days}{also}">{escape(write(cell.spent))}</a>'
            f'<span class="meta"> {of(escape(write(cell.assigned)))}</span><br>'
            f'<span class="{"budget-over" if cell.available < 0 else "meta"}">{left(escape(write(cell.available)))}</span></td>'
            for cell, days in zip(line.cells, spans, strict=True)
        ]
        table.append((line, SafeString("".join(cells))))
    return table


def _rows(plan: Plan, view: BudgetView, typed: dict[str, str], wrong: FinanceError | None) -> list[Row]:
    currency = plan.budget.currency
    days = rows_query(view.periods[0].period.first, view.periods[0].period.last)
    return [
        Row(
            view=line,
            cell=line.cells[0],
            proposed=line.proposed(0),
            rows=days.join(rows_of(plan, line)),
            typed=typed.get(
                f"line-{line.line.pk}", figures.typed_text(line.cells[0].assigned, currency=currency)
            ),
            problem=(wrong.fields.get(f"line-{line.line.pk}", "") if wrong else ""),
        )
        for line in view.lines
        if not (line.line.closed and line.cells[0] == Cell(carried=0, assigned=0, spent=0, carry=line.cells[0].carry))
    ]  # fmt: skip


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_budget_assign(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """Record the amounts that were typed differently from what the page showed."""
    budget = selectors.budget_for(book=book, budget_id=budget_id)
    on, given = day_asked(request, book), []
    names = {f"line-{line.pk}": line for line in budget.lines.all()}
    try:
        for name, line in names.items():
            line.budget = budget
            typed, was = request.POST.get(name), request.POST.get(f"was-{line.pk}")
            if typed is not None and typed != was:
                amount = figures.read_sum(typed.strip() or "0", currency=budget.currency, field=name)
                given.append(Given(line=line, amount=amount, total=True, field=name))
        records = services.assign(
            budget=budget, actor=user_of(request), day=on, given=given, note=request.POST.get("note", "")
        )
    except FinanceError as error:
        typed_in = {name: request.POST[name] for name in names if name in request.POST}
        return _grid(request, book, budget, typed=typed_in, wrong=error)
    if records:
        messages.success(request, _("The budget was changed."))
    return redirect(f"{reverse('web:plan_budget_show', args=[book.pk, budget.pk])}?on={on}")


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_budget_fill(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """What funding targets or copying would change, and doing so."""
    budget = selectors.budget_for(book=book, budget_id=budget_id)
    given = request.POST if request.method == "POST" else request.GET
    on, source, overwrite = day_asked(request, book), given.get("source", "targets"), given.get("overwrite") == "on"
    back = f"{reverse('web:plan_budget_show', args=[book.pk, budget.pk])}?on={on}"
    proposals: list[Proposal] = []
    problem = None
    try:
        if source == "targets":
            proposals, why = services.funded(budget=budget, day=on), Assignment.Why.FUND
        else:
            proposals = services.copied(budget=budget, day=on, source=source, overwrite=overwrite)
            why = Assignment.Why.COPY
        if request.method == "POST":
            services.carry_out(budget=budget, actor=user_of(request), day=on, proposals=proposals, why=why)
            messages.success(request, _("The budget was filled."))
            return redirect(back)
    except FinanceError as error:
        problem = error.detail
    context = {
        "book": book, "budget": budget, "proposals": proposals, "source": source, "overwrite": overwrite, "on": on,
        "back": back, "problem": problem, "changes": any(not each.keeps for each in proposals),
    }  # fmt: skip
    return render(request, "finance/plan/budget_fill.html", context, status=400 if problem else 200)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_budget_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new budget."""
    return _budget_form(request, book, None)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_budget_edit(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """Change or remove a budget."""
    budget = selectors.budget_for(book=book, budget_id=budget_id)
    if request.POST.get("do") == "remove":
        services.remove_budget(budget=budget)
        messages.success(request, _("“%(budget)s” was removed.") % {"budget": budget.name})
        return redirect("web:plan_budget", book.pk)
    return _budget_form(request, book, budget)


def _budget_form(request: HttpRequest, book: Book, budget: Budget | None) -> HttpResponse:
    usual = {
        "kind": "envelope",
        "unit": "month",
        "every": 1,
        "shift": "none",
        "label_by": "start",
        "currency": book.base_currency,
    }
    form = BudgetForm(
        request.POST or None,
        initial=shown_budget(budget) if budget else usual,
        tree=accounts_of(book=book),
        base=book.base_currency,
        budget=budget,
    )
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.save_budget(book=book, actor=user_of(request), budget=budget, **form.given())
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:plan_budget_show", book.pk, saved.pk)
    context = {"book": book, "budget": budget, "form": form}
    return render(request, "finance/plan/budget_form.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_budget_line_new(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """Add a category or a tag to a budget."""
    budget = selectors.budget_for(book=book, budget_id=budget_id)
    taken = {f"a{a}" if a else f"t{t}" for a, t in budget.lines.values_list("account_id", "tag_id")}
    usual = {"carry": Carry.BOTH if budget.is_envelope else Carry.NONE, "in_forecast": True}
    form = LineForm(
        request.POST or None,
        initial=usual,
        currency=budget.currency,
        tree=accounts_of(book=book),
        tags=list(tags_of(book=book)),
        taken=taken,
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.add_line(budget=budget, actor=user_of(request), **form.given())
        except FinanceError as error:
            refuse(form, error, fields=TARGET_FIELDS)
        else:
            if "more" in request.POST:
                return redirect("web:plan_budget_line_new", book.pk, budget.pk)
            return redirect("web:plan_budget_show", book.pk, budget.pk)
    context = {"book": book, "budget": budget, "form": form}
    return render(request, "finance/plan/budget_line_form.html", context, status=400 if form.errors else 200)


def _count(request: HttpRequest) -> int:
    return next((count for count in COUNTS if str(count) == request.GET.get("count")), 1)


def _neighbour(plan: Plan, day: datetime.date | None, step: datetime.timedelta) -> datetime.date | None:
    """The first day of the period beside that day; None where there is none."""
    if day is None or not 1900 <= day.year < 9000 or plan.budget.unit == Budget.CalendarUnits.ONCE:
        return None
    return plan.calendar.period_at(day + step).first
