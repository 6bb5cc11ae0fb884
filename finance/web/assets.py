"""What a valuable is worth: appraisals by day, and how it loses value."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Forbidden, NotFound
from finance.ledger.selectors import account_for, balance_of
from finance.models import Account, Book, Role
from finance.valuation import selectors, services
from finance.web.access import book_page, user_of
from finance.web.refusals import refuse

_MONEY = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})


class AppraisalForm(forms.Form):
    date = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    value = forms.CharField(label=gettext_lazy("Value"), max_length=40, widget=_MONEY)
    note = forms.CharField(label=gettext_lazy("How you know"), max_length=200, required=False)


class DepreciationForm(forms.Form):
    """Either a percentage or a number of months."""

    percent = forms.DecimalField(
        label=gettext_lazy("Percent of the rest each month"), required=False, max_digits=7, decimal_places=4
    )
    months = forms.IntegerField(
        label=gettext_lazy("Or the same amount each month, for this number of months"), required=False
    )
    residual = forms.CharField(label=gettext_lazy("Value at the end"), required=False, max_length=40, widget=_MONEY)


@require_safe
@book_page()
def asset_values(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """The values of a valuable, newest first."""
    return _page(request, book, _valuable(book, account_id))


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def asset_appraise(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """What it was worth on a day. A page that showed a refusal can be opened again."""
    account = _valuable(book, account_id)
    if request.method == "GET":
        return redirect("web:asset_values", book.pk, account.pk)

    def save(form: forms.Form) -> str:
        value = figures.read_amount(form.cleaned_data["value"], currency=account.currency, field="value")
        services.appraise(
            account=account, actor=user_of(request), date=form.cleaned_data["date"], value=value,
            note=form.cleaned_data["note"],
        )  # fmt: skip
        worth = figures.money_text(value, currency=account.currency)
        return _("%(name)s is worth %(worth)s. The difference is posted.") % {"name": account.name, "worth": worth}

    return _carried_out(request, book, account, AppraisalForm(request.POST), "appraisal", save)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def asset_plan(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """One button each: save the depreciation, stop it."""
    account = _valuable(book, account_id)
    if request.method == "GET":
        return redirect("web:asset_values", book.pk, account.pk)
    if request.POST.get("do") == "stop":
        services.stop_depreciation(account=account, actor=user_of(request))
        messages.success(request, _("No further month is posted. Those that were posted stay."))
        return redirect("web:asset_values", book.pk, account.pk)

    def save(form: forms.Form) -> str:
        given = form.cleaned_data
        residual = figures.read_amount(given["residual"] or "0", currency=account.currency, field="residual")
        percent: Decimal | None = given["percent"]
        services.plan_depreciation(
            account=account, actor=user_of(request), percent=percent, months=given["months"], residual=residual
        )
        return _("Saved. The months that are over were posted.")

    return _carried_out(request, book, account, DepreciationForm(request.POST), "depreciation", save)


@require_POST
@book_page(at_least=Role.EDITOR)
def asset_bring_up(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    account = _valuable(book, account_id)
    services.bring_up_to_date(account=account, actor=user_of(request))
    messages.success(request, _("The difference is posted. The books hold the values again."))
    return redirect("web:asset_values", book.pk, account.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def asset_value_remove(request: HttpRequest, book: Book, account_id: int, value_id: int) -> HttpResponse:
    account = _valuable(book, account_id)
    try:
        services.remove_appraisal(value=selectors.value_for(account=account, value_id=value_id), actor=user_of(request))
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("The appraisal was removed; its entry is reversed."))
    return redirect("web:asset_values", book.pk, account.pk)


def _valuable(book: Book, account_id: int) -> Account:
    account = account_for(book=book, account_id=account_id)
    if not services.is_valuable(account):
        raise NotFound(thing="valuable")
    return account


def _carried_out(
    request: HttpRequest, book: Book, account: Account, form: forms.Form, name: str, save: Callable[[forms.Form], str]
) -> HttpResponse:
    """The page again, with the reason in the form where something is wrong with it."""
    if form.is_valid():
        try:
            messages.success(request, save(form))
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:asset_values", book.pk, account.pk)
    return _page(request, book, account, status=400, **{name: form})


def _page(request: HttpRequest, book: Book, account: Account, *, status: int = 200, **forms_given: Any) -> HttpResponse:
    try:
        before = selectors.read_day(request.GET.get("before"))
    except ValueError as error:
        raise NotFound(thing="page") from error
    rows, following = selectors.values_page(account=account, before=before)
    plan = selectors.plan_of(account=account)
    initial: dict[str, object] = {}
    if plan is not None:
        initial = {"percent": plan.percent, "months": plan.months}
        if plan.months:
            initial["residual"] = figures.typed_text(plan.residual, currency=account.currency)
    context = {
        "book": book, "account": account, "rows": rows, "next": following, "plan": plan, "today": today_in(book),
        "balance": balance_of(account=account, as_of=today_in(book)), "differs": any(row.differs for row in rows),
        "appraisal": AppraisalForm(initial={"date": today_in(book)}), "depreciation": DepreciationForm(initial=initial),
        **forms_given,
    }  # fmt: skip
    return render(request, "finance/assets/values.html", context, status=status)
