"""Loans: the list with strategies, one loan with its table and chart, paying an instalment, changing the terms."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Forbidden, Invalid, NotFound
from finance.ledger.selectors import accounts_of
from finance.models import Account, AccountKind, AccountType, Book, Loan, Role
from finance.planning.loans import selectors, services
from finance.planning.loans.arithmetic import Effect, Method
from finance.planning.loans.day_counts import DayCount
from finance.planning.loans.linking import link_all
from finance.planning.loans.models import ExtraEffect, LoanDayCount, LoanMethod, LoanUnit, Shift
from finance.planning.loans.selectors import LoanState
from finance.planning.recurrence import Unit
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.plan_strategies import strategies_of
from finance.web.refusals import refuse

PAGE = 36
# The chart's coordinates.
_WIDTH, _HEIGHT = 1000, 240
_MONEY = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _money(label: Any, *, required: bool = False, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, max_length=40, required=required, widget=_MONEY, help_text=help_text)


def _day(label: Any, *, required: bool = True) -> forms.DateField:
    return forms.DateField(label=label, widget=DayInput, required=required)


class LoanForm(forms.Form):
    """What was agreed. Fields after `shift` are folded away."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    principal = _money(gettext_lazy("Amount of the loan"), required=True)
    percent = forms.DecimalField(label=gettext_lazy("Interest a year, in per cent"), max_digits=10, decimal_places=6)
    start = _day(gettext_lazy("Paid out on"))
    first_payment = _day(gettext_lazy("First payment"))
    payments = forms.IntegerField(
        label=gettext_lazy("Number of payments"), required=False, help_text=gettext_lazy("360 for 30 years of months.")
    )
    payment = _money(
        gettext_lazy("Agreed payment"),
        help_text=gettext_lazy("Interest and principal together. Leave it out to have it computed."),
    )
    method = forms.ChoiceField(label=gettext_lazy("How it is paid back"), choices=LoanMethod.choices)
    day_count = forms.ChoiceField(label=gettext_lazy("How days are counted"), choices=LoanDayCount.choices)
    every = forms.IntegerField(label=gettext_lazy("A payment every"), min_value=1)
    unit = forms.ChoiceField(label=gettext_lazy("Weeks or months"), choices=LoanUnit.choices)
    grace = forms.IntegerField(label=gettext_lazy("First payments of interest alone"), min_value=0)
    fee = _money(gettext_lazy("Fee of each payment"))
    shift = forms.ChoiceField(label=gettext_lazy("A due day on a weekend"), choices=Shift.choices)
    share = forms.DecimalField(
        label=gettext_lazy("Our share in per cent"), required=False, max_digits=7, decimal_places=4,
        help_text=gettext_lazy("For a loan that you share and pay alone: the other's part becomes a claim."),
    )  # fmt: skip

    def __init__(self, *args: Any, book: Book, loan: Loan | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tree = accounts_of(book=book)
        for account in tree:
            account.book = book
        self.account = loan.account if loan else None
        if loan is None:
            taken = {each.account_id for each in selectors.loans_of(book=book)}
            free = [each for each in tree if each.kind != AccountKind.CARD and each.pk not in taken]
            # Paths need the groups above, which the field leaves out itself.
            self.fields["account"] = AccountField(tree=free, types=HOLDINGS, label=_("Account of the loan"))
        categories = (AccountType.EXPENSE, AccountType.INCOME)
        for name, types, label in (
            ("pays_from", HOLDINGS, _("Paid from")),
            ("interest_account", categories, _("Category of interest")),
            ("fee_account", categories, _("Category of fees")),
            ("partner_account", HOLDINGS, _("Owed by the other")),
            ("contribution_account", (AccountType.INCOME, AccountType.EQUITY), _("Contributions of the other")),
        ):
            self.fields[name] = AccountField(tree=tree, types=types, label=label, required=False)

    def given(self) -> dict[str, Any]:
        """What was typed, with amounts in minor units. Raises AmountInvalid."""
        data = dict(self.cleaned_data)
        account: Account = self.account or data["account"]
        for name in ("principal", "payment", "fee"):
            if data[name] or name == "fee":
                data[name] = figures.read_amount(data[name] or "0", currency=account.currency, field=name)
            else:
                data[name] = None
        return data


class PayForm(forms.Form):
    date = _day(gettext_lazy("Day"))
    amount = _money(gettext_lazy("Amount"), required=True)


class RateForm(forms.Form):
    since = _day(gettext_lazy("From"))
    percent = forms.DecimalField(label=gettext_lazy("Interest a year, in per cent"), max_digits=10, decimal_places=6)
    payment = _money(gettext_lazy("New payment"))


class MovementForm(forms.Form):
    date = _day(gettext_lazy("Day"))
    kind = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[("extra", gettext_lazy("Extra payment")), ("drawdown", gettext_lazy("More of the loan paid out"))],
    )
    amount = _money(gettext_lazy("Amount"), required=True)
    effect = forms.ChoiceField(label=gettext_lazy("What an extra payment changes"), choices=ExtraEffect.choices)

    def __init__(self, *args: Any, book: Book, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["money_account"] = AccountField(
            tree=accounts_of(book=book), types=HOLDINGS, label=_("Post it from or to"), required=False
        )
        self.fields["money_account"].help_text = _("Leave it out to plan it only.")


@require_safe
@book_page()
def plan_loans(request: HttpRequest, book: Book) -> HttpResponse:
    """All loans with what is owed, and what paying more each month would save."""
    today = today_in(book)
    states = selectors.states_of(book=book, loans=selectors.loans_of(book=book), today=today)
    context = {"book": book, "states": states, "today": today, **strategies_of(request, book, states)}
    return render(request, "finance/plan/loans.html", context)


@require_safe
@book_page()
def plan_loan(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    """One loan: what is owed, the chart, the table from the next payment on, rates and extra payments."""
    return _loan_page(request, book, selectors.loan_for(book=book, loan_id=loan_id))


def _loan_page(request: HttpRequest, book: Book, loan: Loan, *, status: int = 200, **given: Any) -> HttpResponse:
    state = selectors.state_of(loan=loan, today=today_in(book))
    rows = state.table.rows
    following = state.next
    asked = request.GET.get("from", "")
    first = id_in(asked, thing="page") if asked else max(0, rows.index(following) - 2 if following else 0)
    first = min(first, max(0, len(rows) - 1))
    shown = rows[first : first + PAGE]
    entries, unlinked = selectors.entries_of(state=state), selectors.unlinked(state=state, most=None)
    context = {
        "book": book, "loan": loan, "state": state, "currency": loan.currency, "next": following,
        "rows": [(row, entries.get(row.date) if row.kind == "payment" else None) for row in shown],
        "earlier": max(0, first - PAGE) if first else None,
        "later": first + PAGE if first + PAGE < len(rows) else None,
        "points": chart_of(state), "has_points": len(rows) > 1,
        "unlinked": unlinked, "some_whole": any(each.whole for each in unlinked), "rate_form": RateForm(),
        "movement_form": MovementForm(book=book), **given,
    }  # fmt: skip
    return render(request, "finance/plan/loan.html", context, status=status)


def chart_of(state: LoanState) -> str:
    """What is owed after each row of the table, as points of an SVG polygon 1000 wide and 240 high."""
    loan, rows = state.loan, state.table.rows
    days = max(1, (rows[-1].date - loan.start).days)
    most = max(loan.principal, *(row.balance for row in rows)) if rows else loan.principal

    def point(day: datetime.date, owed: int) -> str:
        return f"{_WIDTH * (day - loan.start).days // days},{_HEIGHT - _HEIGHT * owed // most}"

    # No more points than the chart has room for.
    step = max(1, len(rows) // 250)
    picked = [*rows[::step], rows[-1]]
    owed = [point(loan.start, loan.principal), *(point(row.date, row.balance) for row in picked)]
    return " ".join([f"0,{_HEIGHT}", *owed, f"{_WIDTH},{_HEIGHT}"])


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new loan; the address may name its account."""
    today = today_in(book)
    initial = {
        "account": request.GET.get("account", ""), "start": today, "method": Method.ANNUITY.value, "every": 1,
        "day_count": DayCount.THIRTY_360.value, "unit": Unit.MONTH.value, "grace": 0, "shift": "none",
    }  # fmt: skip
    form = LoanForm(request.POST or None, book=book, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            loan = services.add_loan(book=book, actor=user_of(request), **form.given())
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("%(name)s is planned. Nothing was posted.") % {"name": loan.name})
            return redirect("web:plan_loan", book.pk, loan.pk)
    context = {"book": book, "form": form, "loan": None, "folded": _folded(form)}
    return render(request, "finance/plan/loan_form.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_edit(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    loan = selectors.loan_for(book=book, loan_id=loan_id)

    def typed(amount: int | None) -> str:
        return "" if amount is None else figures.typed_text(amount, currency=loan.currency)

    accounts = ("pays_from", "interest_account", "fee_account", "partner_account", "contribution_account")
    initial = {name: getattr(loan, name) for name in LoanForm.base_fields}
    initial |= {name: getattr(loan, f"{name}_id") for name in accounts}
    initial |= {name: typed(getattr(loan, name)) for name in ("principal", "payment", "fee")}
    initial["percent"] = f"{loan.percent.normalize():f}"
    initial["share"] = "" if loan.share is None else f"{loan.share.normalize():f}"
    form = LoanForm(request.POST or None, book=book, loan=loan, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_loan(loan=loan, actor=user_of(request), **form.given())
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved. Payments that were posted stay as they are."))
            return redirect("web:plan_loan", book.pk, loan.pk)
    context = {"book": book, "form": form, "loan": loan, "folded": _folded(form)}
    return render(request, "finance/plan/loan_form.html", context, status=400 if form.errors else 200)


def _folded(form: LoanForm) -> list[forms.BoundField]:
    """The fields that few loans need."""
    names = (
        "every", "unit", "grace", "fee", "fee_account", "shift", "share", "partner_account", "contribution_account"
    )  # fmt: skip
    return [form[name] for name in names]


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_pay(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    """How a payment falls apart, and the button that posts it as one entry."""
    loan = selectors.loan_for(book=book, loan_id=loan_id)
    state = selectors.state_of(loan=loan, today=today_in(book))
    following = state.next
    initial = {
        "date": min(following.date, today_in(book)) if following else today_in(book),
        "amount": figures.typed_text(following.total, currency=loan.currency) if following else "",
    }
    asked = request.POST or (request.GET if "amount" in request.GET else None)
    form = PayForm(asked, initial=initial)
    context: dict[str, Any] = {"book": book, "loan": loan, "currency": loan.currency}
    try:
        if form.is_bound and not form.is_valid():
            raise Invalid(reason=_("Nothing was saved yet. Please look at the marked fields."))
        given: dict[str, Any] = form.cleaned_data if form.is_bound else initial
        amount = figures.read_amount(str(given["amount"]), currency=loan.currency) if given["amount"] else None
        if request.method == "POST" and request.POST.get("do") == "pay":
            services.pay(loan=loan, actor=user_of(request), date=given["date"], amount=amount)
            messages.success(request, _("The payment is posted as one entry."))
            return redirect("web:plan_loan", book.pk, loan.pk)
        context["row"], context["parts"] = services.proposed_split(state=state, date=given["date"], amount=amount)
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        if not form.errors:
            form = form if form.is_bound else PayForm(initial)
            form.is_valid()
            refuse(form, error)
    context["form"] = form
    return render(request, "finance/plan/loan_pay.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_link_all(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    """All payments that look like it, at once: split and linked, or linked as they are."""
    loan = selectors.loan_for(book=book, loan_id=loan_id)
    if request.method == "POST":
        linked = link_all(loan=loan, actor=user_of(request), splitting=request.POST.get("do") == "split")
        said = ngettext("%(count)d payment is linked.", "%(count)d payments are linked.", linked)
        messages.success(request, said % {"count": linked})
    return redirect("web:plan_loan", book.pk, loan.pk)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_link(request: HttpRequest, book: Book, loan_id: int, uid: uuid.UUID) -> HttpResponse:
    """An entry that is in the books paid an instalment; one button each: split it and link it, link it as it is."""
    loan = selectors.loan_for(book=book, loan_id=loan_id)
    if request.method == "POST":
        splitting = request.POST.get("do") == "split"
        try:
            services.link_payment(loan=loan, actor=user_of(request), entry_uid=uid, splitting=splitting)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The entry pays an instalment now."))
    return redirect("web:plan_loan", book.pk, loan.pk)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_rate(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    """Another rate from a day on. A page that showed a refusal can be opened again."""
    loan = selectors.loan_for(book=book, loan_id=loan_id)

    def save(form: forms.Form) -> None:
        given = dict(form.cleaned_data)
        typed = given["payment"]
        given["payment"] = figures.read_amount(typed, currency=loan.currency, field="payment") if typed else None
        services.set_rate(loan=loan, actor=user_of(request), **given)

    return _carried_out(request, book, loan, "rate_form", RateForm(request.POST or None), save)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_loan_movement(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    """An extra payment or a drawdown, posted or planned."""
    loan = selectors.loan_for(book=book, loan_id=loan_id)

    def save(form: forms.Form) -> None:
        given = form.cleaned_data
        amount = figures.read_amount(given["amount"], currency=loan.currency)
        if amount <= 0:
            raise Invalid(field="amount", reason=_("An amount is more than zero here; choose which way it goes."))
        services.add_movement(
            loan=loan, actor=user_of(request), date=given["date"], against=given["money_account"],
            amount=amount if given["kind"] == "extra" else -amount, effect=given["effect"] or Effect.SHORTEN.value,
        )  # fmt: skip

    return _carried_out(request, book, loan, "movement_form", MovementForm(request.POST or None, book=book), save)


def _carried_out(
    request: HttpRequest, book: Book, loan: Loan, name: str, form: forms.Form, save: Callable[[forms.Form], None]
) -> HttpResponse:
    """The loan's page again, with the reason in the form where something is wrong with it."""
    if request.method == "GET":
        return redirect("web:plan_loan", book.pk, loan.pk)
    if form.is_valid():
        try:
            save(form)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved. The table is computed with it."))
            return redirect("web:plan_loan", book.pk, loan.pk)
    return _loan_page(request, book, loan, status=400, **{name: form})


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_loan_rate_remove(request: HttpRequest, book: Book, loan_id: int, loan_rate_id: int) -> HttpResponse:
    loan = selectors.loan_for(book=book, loan_id=loan_id)
    return _removed(
        request, loan, lambda: services.remove_rate(loan=loan, rate_id=loan_rate_id, actor=user_of(request))
    )


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_loan_movement_remove(request: HttpRequest, book: Book, loan_id: int, loan_movement_id: int) -> HttpResponse:
    loan = selectors.loan_for(book=book, loan_id=loan_id)
    return _removed(
        request, loan, lambda: services.remove_movement(loan=loan, movement_id=loan_movement_id, actor=user_of(request))
    )


def _removed(request: HttpRequest, loan: Loan, remove: Callable[[], None]) -> HttpResponse:
    try:
        remove()
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Removed. The table is computed without it."))
    return redirect("web:plan_loan", loan.book_id, loan.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_loan_remove(request: HttpRequest, book: Book, loan_id: int) -> HttpResponse:
    services.remove_loan(loan=selectors.loan_for(book=book, loan_id=loan_id), actor=user_of(request))
    messages.success(request, _("The loan is no longer planned. Its account and entries stay."))
    return redirect("web:plan_loans", book.pk)
