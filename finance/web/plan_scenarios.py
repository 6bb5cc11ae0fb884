"""Scenarios: what if, beside the forecast."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from core.clock import today_in
from core.keyset import keyset_page
from finance.errors import FinanceError, NotFound
from finance.figures import read_sum
from finance.forecasts import compare_scenario
from finance.ledger.models import Account, Book, Role
from finance.ledger.selectors import accounts_of, book_for
from finance.planning.forecast.projection import DAYS
from finance.planning.loans.models import Loan
from finance.planning.loans.selectors import loans_of
from finance.planning.scenarios import selectors, services
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import MAX_DELAY, MAX_PERCENT, Step
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import schedules_of
from finance.planning.upcoming import Layer
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.entry_forms import CATEGORY_TYPES, HOLDING_TYPES, amount_field
from finance.web.forecast_chart import beside
from finance.web.plan_forms import DATE
from finance.web.refusals import refuse

PAGE = 100
WINDOWS = (90, 180, DAYS)
# The service's fields → the form's.
PLACES = {"last": "through", "first": "start", "label": "label", "loan": "loan"}


class ScenarioForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("What if"), max_length=services.LONGEST_NAME)
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=500)


class StepForm(forms.Form):
    """A step; which fields count depends on its kind, and the service says what is missing."""

    kind = forms.ChoiceField(label=gettext_lazy("What happens"), choices=ScenarioStep.Steps.choices)
    start = forms.DateField(label=gettext_lazy("From"), widget=DATE)
    through = forms.DateField(label=gettext_lazy("Through"), required=False, widget=DATE)
    schedule = forms.ChoiceField(label=gettext_lazy("Which schedule"), required=False)
    loan = forms.ChoiceField(label=gettext_lazy("Which loan"), required=False)
    amount = amount_field(gettext_lazy("Amount"), required=False)
    percent = forms.IntegerField(
        label=gettext_lazy("Percentage left"), required=False, min_value=0, max_value=MAX_PERCENT,
        help_text=gettext_lazy("70 for 30 % less."),
    )  # fmt: skip
    days = forms.IntegerField(label=gettext_lazy("Days later"), required=False, min_value=1, max_value=MAX_DELAY)
    flow = forms.ChoiceField(
        label=gettext_lazy("All of"), required=False, choices=[("", "…"), *ScenarioStep.Flows.choices]
    )
    every = forms.IntegerField(label=gettext_lazy("Every"), required=False, min_value=1, max_value=1000, initial=1)
    unit = forms.ChoiceField(
        label=gettext_lazy("Weeks or months"), required=False, choices=[("", "…"), *ScenarioStep.Units.choices]
    )
    label = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=services.LONGEST_NAME)

    def __init__(
        self,
        data: Any = None,
        *,
        tree: list[Account],
        schedules: list[Schedule],
        loans: list[Loan],
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.schedules = {str(each.pk): each for each in schedules}
        names = [(number, each.name) for number, each in self.schedules.items()]
        self.fields["schedule"].choices = [("", "…"), *names]  # type: ignore[attr-defined]
        self.loans = {str(each.pk): each for each in loans if not each.is_lent}
        lent = [(number, each.name) for number, each in self.loans.items()]
        self.fields["loan"].choices = [("", "…"), *lent]  # type: ignore[attr-defined]
        own = AccountField(tree=tree, types=HOLDING_TYPES, label=_("Account"), required=False)
        category = AccountField(tree=tree, types=CATEGORY_TYPES, label=_("Category"), required=False)
        self.fields |= {"account": own, "category": category}
        self.fields["amount"].help_text = _("With − when money leaves the account.")
        self.order_fields(["kind", "start", "through", "schedule", "loan", "account", "category", "amount"])

    def values(self) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid."""
        given = dict(self.cleaned_data)
        schedule, account = self.schedules.get(given.pop("schedule")), given["account"]
        loan = self.loans.get(given.pop("loan"))
        typed, currency = given["amount"], ""
        if given["kind"] == Step.EXTRA:
            currency, schedule, given["account"] = loan.currency if loan else "", None, None
        elif account is not None:
            currency = account.currency
        elif schedule is not None:
            currency = schedule.account.currency
        given["amount"] = read_sum(typed, currency=currency) if typed and currency else None
        given["source_id"] = schedule.pk if schedule else None
        if given["kind"] == Step.EXTRA:
            given["source_id"] = loan.pk if loan else None
        given["first"], given["last"] = given.pop("start"), given.pop("through")
        given["every"] = given["every"] or 1
        if given["kind"] not in (Step.ADD, Step.EXTRA):
            given["unit"] = ""
        return given


@require_http_methods(["GET", "POST"])
@book_page()
def plan_scenarios(request: HttpRequest, book: Book) -> HttpResponse:
    """All scenarios; editors add one."""
    form = ScenarioForm(request.POST or None)
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if form.is_valid():
            try:
                made = services.save_scenario(book=book, actor=user_of(request), **form.cleaned_data)
            except FinanceError as error:
                refuse(form, error)
            else:
                return redirect("web:plan_scenario", book.pk, made.pk)
    after = request.GET.get("after")
    page = keyset_page(
        selectors.scenarios_of(book=book),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    context = {"book": book, "form": form, "rows": page.rows, "next": page.edge.pk if page.edge else None}
    return render(request, "finance/plan/scenarios.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def plan_scenario(request: HttpRequest, book: Book, scenario_id: int) -> HttpResponse:
    """One scenario beside the forecast; editors change its steps, copy it, put it into the plan, remove it."""
    scenario, today = selectors.scenario_for(book=book, scenario_id=scenario_id), today_in(book)
    do = request.POST.get("do", "")
    form = StepForm(
        request.POST if do == "add" else None,
        tree=accounts_of(book=book),
        schedules=list(schedules_of(book=book).order_by("name", "pk")),
        loans=loans_of(book=book),
        initial={"start": today, "every": 1},
    )
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        try:
            answer = _carry_out(request, scenario, do, form, today=today)
            if answer is not None:
                return answer
        except NotFound:
            raise
        except FinanceError as error:
            if form.is_bound:
                refuse(form, error, fields=PLACES)
            else:
                messages.error(request, error.detail)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, WINDOWS) else WINDOWS[1]
    compared = compare_scenario(scenario=scenario, today=today, days=days)
    names = {(Layer.SCHEDULE, each.pk): each.name for each in form.schedules.values()}
    names |= {(Layer.LOAN, each.pk): each.name for each in form.loans.values()}
    context = {
        "book": book,
        "scenario": scenario,
        "steps": [
            (
                step,
                names.get((Layer(step.layer), step.source_id or 0), ""),
                _currency_of(step, form),
                step in compared.without_effect,
            )
            for step in scenario.steps.all()
        ],
        "compared": [(each, beside(each.base.expected, each.changed.expected)) for each in compared.currencies],
        "days": days,
        "windows": WINDOWS,
        "last": today + datetime.timedelta(days=days),
        "form": form,
    }
    return render(request, "finance/plan/scenario.html", context, status=400 if form.errors else 200)


def _currency_of(step: ScenarioStep, form: StepForm) -> str:
    if step.account is not None:
        return step.account.currency
    if step.layer == Layer.LOAN:
        loan = form.loans.get(str(step.source_id))
        return loan.currency if loan else step.scenario.book.base_currency
    schedule = form.schedules.get(str(step.source_id))
    return schedule.account.currency if schedule else step.scenario.book.base_currency


def _carry_out(
    request: HttpRequest, scenario: Scenario, do: str, form: StepForm, *, today: datetime.date
) -> HttpResponse | None:
    """Do what a button asks for; None where the form has to be shown again. Raises FinanceError."""
    actor, book_id = user_of(request), scenario.book_id
    if do == "remove":
        services.remove_scenario(scenario=scenario, actor=actor)
        return redirect("web:plan_scenarios", book_id)
    if do == "copy":
        name = _("%(name)s (copy)") % {"name": scenario.name[:100]}
        copied = services.copy_scenario(scenario=scenario, actor=actor, name=name)
        return redirect("web:plan_scenario", book_id, copied.pk)
    if do == "promote":
        done = services.promote(scenario=scenario, actor=actor, today=today)
        count, loans = len(done.schedules), len(done.loans)
        if count:
            told = ngettext("%(n)d schedule made or changed.", "%(n)d schedules made or changed.", count)
            messages.success(request, told % {"n": count})
        if loans:
            told = ngettext("Extra payments planned on %(n)d loan.", "Extra payments planned on %(n)d loans.", loans)
            messages.success(request, told % {"n": loans})
    elif do == "drop":
        step_id = id_in(request.POST.get("step", ""), thing="step")
        services.remove_step(step=selectors.step_for(scenario=scenario, step_id=step_id), actor=actor)
    elif not form.is_valid():
        return None
    else:
        services.save_step(scenario=scenario, actor=actor, **form.values())
    return redirect(request.path)
