"""The tree of accounts: show, add, rename, move, close."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dateutil.relativedelta import relativedelta
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.clock import today_in
from core.formatting import date_text
from finance import figures
from finance.errors import FinanceError, Invalid
from finance.ledger import services
from finance.ledger.movements import natural
from finance.ledger.selectors import (
    account_for,
    accounts_of,
    balances_of,
    months_of,
    paths_of,
    rolled_up,
    transfer_fee_of,
)
from finance.ledger.visibility import visible_accounts
from finance.models import Account, AccountKind, AccountType, Book, Role
from finance.periods import month_end
from finance.valuation.net_worth import HOLDINGS, worth_on
from finance.valuation.services import is_valuable
from finance.valuation.valuer import Total, Valuer
from finance.web.access import book_page, user_of
from finance.web.books import currency_choices
from finance.web.own_figures import own_figures
from finance.web.periods import rows_query
from finance.web.rate_words import shown
from finance.web.refusals import refuse
from finance.web.transfer_fees import FeeForm

# What a household calls an account, and where that is in the tree.
PURPOSES = {
    "checking": (gettext_lazy("Bank account"), AccountType.ASSET, AccountKind.CHECKING),
    "savings": (gettext_lazy("Savings account"), AccountType.ASSET, AccountKind.SAVINGS),
    "cash": (gettext_lazy("Cash"), AccountType.ASSET, AccountKind.CASH),
    "investment": (gettext_lazy("Investment"), AccountType.ASSET, AccountKind.INVESTMENT),
    "property": (gettext_lazy("Property or other valuables"), AccountType.ASSET, AccountKind.PROPERTY),
    "receivable": (gettext_lazy("Money that others owe us"), AccountType.ASSET, AccountKind.RECEIVABLE),
    "card": (gettext_lazy("Credit card"), AccountType.LIABILITY, AccountKind.CARD),
    "loan": (gettext_lazy("Loan"), AccountType.LIABILITY, AccountKind.LOAN),
    "payable": (gettext_lazy("Money that we owe"), AccountType.LIABILITY, AccountKind.PAYABLE),
    "expense": (gettext_lazy("Category of spending"), AccountType.EXPENSE, AccountKind.CATEGORY),
    "income": (gettext_lazy("Category of income"), AccountType.INCOME, AccountKind.CATEGORY),
}
PURPOSE_GROUPS = (
    (gettext_lazy("We own"), ("checking", "savings", "cash", "investment", "property", "receivable")),
    (gettext_lazy("We owe"), ("card", "loan", "payable")),
    (gettext_lazy("Categories"), ("expense", "income")),
)


TYPE_GROUPS = (
    (gettext_lazy("We own"), AccountType.ASSET),
    (gettext_lazy("We owe"), AccountType.LIABILITY),
    (gettext_lazy("Spending"), AccountType.EXPENSE),
    (gettext_lazy("Income"), AccountType.INCOME),
    (gettext_lazy("Equity"), AccountType.EQUITY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """An account with what it and all below it hold, as people of its type count it: (currency, minor units, query).

    A query makes the account's page show what adds up to the amount; `query` is that of all its currencies. `total` is
    all of it in the base currency, where some of it is in another one.
    """

    account: Account
    depth: int
    is_group: bool
    sums: list[tuple[str, int, str]]
    query: str
    total: Total | None = None


@book_page(partly=True)
def accounts(request: HttpRequest, book: Book) -> HttpResponse:
    """What we own and owe today, and what moved through the categories in the last twelve months."""
    today = today_in(book)
    tree = accounts_of(book=book)
    with_closed = request.GET.get("closed") == "1"
    held = balances_of(account_ids=[account.pk for account in tree], as_of=today)
    figures_of = own_figures(request, book, tree)
    worth, valuer = worth_on(today, book=book, accounts=visible_accounts(book=figures_of.book, tree=tree), held=held)
    year = today.replace(day=1) - relativedelta(months=11), month_end(today)
    moved = changes_of_categories(book, *year)
    context = {
        "today": today,
        "holdings": [
            in_base(row, valuer=valuer, on=today)
            for row in rows_of(tree, HOLDINGS, held, as_of=today, with_closed=with_closed)
        ],
        "worth": worth,
        "own_figures": figures_of,
        "own_choices": figures_of.choices(tree),
        "converted": shown(book, worth.converted),
        "spending": rows_of(tree, (AccountType.EXPENSE,), moved, period=year, with_closed=with_closed),
        "income": rows_of(tree, (AccountType.INCOME,), moved, period=year, with_closed=with_closed),
        "equity": rows_of(tree, (AccountType.EQUITY,), held, as_of=today, with_closed=with_closed),
        "with_closed": with_closed,
        "closed_count": sum(account.closed_on is not None for account in tree),
    }
    return render(request, "web/accounts.html", {"book": book, **context})


def changes_of_categories(book: Book, first: datetime.date, last: datetime.date) -> dict[int, int]:
    """Net change of income and expense accounts over whole months."""
    moved = months_of(book=book, first=first, last=last, types=[AccountType.INCOME, AccountType.EXPENSE])
    return {account_id: sum(by_month.values()) for account_id, by_month in moved.items()}


def rows_of(
    tree: list[Account],
    types: tuple[AccountType, ...],
    held: Mapping[int, int],
    *,
    period: tuple[datetime.date, datetime.date] | None = None,
    as_of: datetime.date | None = None,
    with_closed: bool = False,
) -> list[TreeRow]:
    """The accounts of some types in tree order with rolled-up sums; closed ones only on request.

    `held` are the sums of `period`, or of all time up to `as_of`.
    """
    mine = [account for account in tree if account.type in types]
    parents = {account.parent_id for account in mine}
    sums = rolled_up(accounts=mine, held=held)
    depths: dict[int, int] = {}
    rows = []
    for account in mine:
        depths[account.pk] = depths.get(account.parent_id or 0, -1) + 1
        if account.closed_on and not with_closed:
            continue
        own = sorted(sums[account.pk].items()) or [(account.currency, 0)]
        together = account.pk in parents
        first, last = period or (None, as_of)
        rows.append(
            TreeRow(
                account=account,
                depth=min(depths[account.pk], 4),
                is_group=account.kind == AccountKind.GROUP,
                sums=[
                    (
                        currency,
                        natural(amount, account.type),
                        rows_query(first, last, below=together, currency=currency if len(own) > 1 else None),
                    )
                    for currency, amount in own
                ],
                query=rows_query(*(period or (None, None)), below=together),
            )
        )
    return rows


def in_base(row: TreeRow, *, valuer: Valuer, on: datetime.date) -> TreeRow:
    """The row with its total in the base currency, if it holds another one."""
    sums = {currency: amount for currency, amount, _query in row.sums}
    others = any(amount and currency != valuer.target for currency, amount in sums.items())
    return replace(row, total=valuer.total(sums, on=on)) if others else row


class PlaceSelect(forms.Select):
    """A select whose options have the type of their account, for the page's script."""

    types: ClassVar[Mapping[str, str]] = {}

    def create_option(self, name: str, value: object, *args: object, **kwargs: object) -> dict[str, object]:
        option: dict[str, object] = super().create_option(name, value, *args, **kwargs)  # type: ignore[arg-type]
        if str(value) in self.types:
            option["attrs"]["data-type"] = self.types[str(value)]  # type: ignore[index]
        return option


class PlaceField(forms.ChoiceField):
    """Inside which account: none, or one of the book's, shown with its path and in groups where types differ."""

    widget = PlaceSelect

    def __init__(self, *, tree: list[Account], without: frozenset[int] = frozenset(), none: str | None = None) -> None:
        self.tree = {account.pk: account for account in tree}
        paths = paths_of(tree)
        usable = [account for account in tree if account.closed_on is None and account.pk not in without]
        choices: list[tuple[Any, Any]] = [("", none or _("Top level"))]
        groups = [
            (title, [(str(a.pk), paths[a.pk].replace(":", " › ")) for a in usable if a.type == account_type])
            for title, account_type in TYPE_GROUPS
        ]
        groups = [(title, options) for title, options in groups if options]
        choices += groups if len(groups) > 1 else [option for _title, options in groups for option in options]
        super().__init__(label=_("Inside"), required=False, choices=choices)
        self.widget.types = {str(account.pk): account.type for account in usable}

    def clean(self, value: object) -> Account | None:
        chosen = super().clean(value)
        return self.tree[int(chosen)] if chosen else None


class AccountForm(forms.Form):
    """A new account, in a household's words."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    purpose = forms.ChoiceField(
        label=gettext_lazy("Kind of account"),
        choices=[(title, [(key, PURPOSES[key][0]) for key in keys]) for title, keys in PURPOSE_GROUPS],
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency"))
    opening_balance = forms.CharField(
        label=gettext_lazy("Opening balance"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("What the account held; put a minus before what you owed."),
    )
    opened_on = forms.DateField(
        label=gettext_lazy("At the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: object, tree: list[Account], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        used = {account.currency for account in tree}
        self.fields["currency"].choices = currency_choices(also=used)  # type: ignore[attr-defined]
        self.fields["parent"] = PlaceField(tree=tree, none=_("The usual place"))
        self.fields["purpose"].widget.attrs["data-types"] = json.dumps({key: own[1] for key, own in PURPOSES.items()})
        self.tree = tree

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        parent, purpose = data.get("parent"), data.get("purpose")
        if parent and purpose and parent.type != PURPOSES[purpose][1]:
            titles = {account_type: title for title, account_type in TYPE_GROUPS}
            self.add_error(
                "parent",
                _("%(parent)s is listed under “%(there)s”; choose a place under “%(here)s”.")
                % {"parent": parent.name, "there": titles[parent.type], "here": titles[PURPOSES[purpose][1]]},
            )
        return data

    def opened(self, *, book: Book, actor: object) -> dict[str, object]:
        """Arguments of open_account. Raises AmountInvalid."""
        data = self.cleaned_data
        _label, account_type, kind = PURPOSES[data["purpose"]]
        typed = data["opening_balance"].strip()
        amount = figures.read_amount(typed, currency=data["currency"], field="opening_balance") if typed else 0
        roots = (a for a in self.tree if a.parent_id is None and a.type == account_type and not a.closed_on)
        usual_place = next((root for root in roots if root.kind == AccountKind.GROUP), None)
        return {
            "book": book,
            "actor": actor,
            "name": data["name"],
            "type": account_type,
            "kind": kind,
            "currency": data["currency"],
            "parent": data["parent"] or usual_place,
            "opening_balance": amount,
            "opened_on": data["opened_on"],
        }


@book_page(at_least=Role.EDITOR)
def account_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Add an account, with its opening balance."""
    tree = accounts_of(book=book)
    start = {
        "currency": book.base_currency,
        "opened_on": today_in(book),
        "purpose": request.GET.get("purpose", "checking"),
    }
    form = AccountForm(request.POST or None, initial=start, tree=tree)
    if request.method == "POST" and form.is_valid():
        try:
            account = services.open_account(**form.opened(book=book, actor=user_of(request)))  # type: ignore[arg-type]
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("%(name)s was added.") % {"name": account.name})
            return redirect("web:accounts", book.pk)
    return render(request, "web/account_new.html", {"book": book, "form": form})


class NameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)


class PlaceForm(forms.Form):
    def __init__(self, *args: object, account: Account, tree: list[Account], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        mine = [other for other in tree if other.type == account.type]
        self.fields["parent"] = PlaceField(tree=mine, without=frozenset({account.pk}))


class CloseForm(forms.Form):
    on = forms.DateField(
        label=gettext_lazy("Closed on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


def holds_money(account: Account) -> bool:
    """Whether something can be in the account, or owed on it."""
    return account.type in HOLDINGS and account.kind != AccountKind.GROUP


class OpeningForm(forms.Form):
    """What an account held before its first entry."""

    amount = forms.CharField(
        label=gettext_lazy("It held"),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("Put a minus before what you owed. 0 removes the opening balance."),
    )
    opened_on = forms.DateField(
        label=gettext_lazy("At the end of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


@book_page(at_least=Role.EDITOR)
def account_edit(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """Rename, move or close an account: three forms, one page."""
    return _edit_page(request, book, account_for(book=book, account_id=account_id))


@require_POST
@book_page(at_least=Role.EDITOR)
def account_rename(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    account = account_for(book=book, account_id=account_id)
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            services.rename_account(account=account, actor=user_of(request), name=form.cleaned_data["name"])
        except FinanceError as error:
            account.refresh_from_db(fields=["name"])
            refuse(form, error)
        else:
            messages.success(request, _("The account is now called %(name)s.") % {"name": account.name})
            return redirect("web:accounts", book.pk)
    return _edit_page(request, book, account, name_form=form)


@require_POST
@book_page(at_least=Role.EDITOR)
def account_move(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    account = account_for(book=book, account_id=account_id)
    form = PlaceForm(request.POST, account=account, tree=accounts_of(book=book))
    if form.is_valid():
        try:
            services.move_account(account=account, actor=user_of(request), parent=form.cleaned_data["parent"])
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("%(name)s was moved; its entries stay as they are.") % {"name": account.name})
            return redirect("web:accounts", book.pk)
    return _edit_page(request, book, account, place_form=form)


@require_POST
@book_page(at_least=Role.EDITOR)
def account_opening(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """Change what the account held, and when."""
    account = account_for(book=book, account_id=account_id)
    form = OpeningForm(request.POST)
    if form.is_valid():
        try:
            opening = services.set_opening_balance(
                account=account,
                actor=user_of(request),
                amount=figures.read_amount(form.cleaned_data["amount"], currency=account.currency),
                on=form.cleaned_data["opened_on"],
                today=today_in(book),
            )
        except FinanceError as error:
            refuse(form, error, fields={"on": "opened_on", "date": "opened_on"})
        else:
            messages.success(request, opening_text(account, opening))
            return redirect("web:register", book.pk, account.pk)
    return _edit_page(request, book, account, opening_form=form)


def opening_text(account: Account, opening: services.Opening | None) -> str:
    """The account's opening balance, in a sentence."""
    if opening is None:
        return _("%(name)s begins with nothing.") % {"name": account.name}
    return _("%(name)s begins with %(amount)s at the end of %(day)s.") % {
        "name": account.name,
        "amount": figures.money_text(opening.amount, currency=account.currency),
        "day": date_text(opening.on),
    }


@require_POST
@book_page(at_least=Role.EDITOR)
def account_transfer_fee(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """Change what the bank takes for a transfer out of the account."""
    account = account_for(book=book, account_id=account_id)
    fee = transfer_fee_of(account=account)
    form = FeeForm(request.POST, account=account, tree=accounts_of(book=book), fee=fee)
    if form.is_valid():
        try:
            rule, category = form.rule(), form.cleaned_data["category"]
            if rule is not None and category is None:
                raise Invalid(field="category", reason=_("What is the fee booked as?"))
            if rule is not None:
                services.save_transfer_fee(
                    account=account, actor=user_of(request), category=category, rule=rule, fee=fee
                )
            elif fee is not None:
                services.remove_transfer_fee(fee=fee)
        except FinanceError as error:
            refuse(form, error)
        else:
            told = _("The transfer fee of %(name)s was saved.") if rule else _("%(name)s has no transfer fee.")
            messages.success(request, told % {"name": account.name})
            return redirect("web:account_edit", book.pk, account.pk)
    return _edit_page(request, book, account, fee_form=form)


@require_POST
@book_page(at_least=Role.EDITOR)
def account_close(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    account = account_for(book=book, account_id=account_id)
    form = CloseForm(request.POST)
    if form.is_valid():
        try:
            services.close_account(account=account, actor=user_of(request), on=form.cleaned_data["on"])
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("%(name)s is closed. Its entries stay.") % {"name": account.name})
            return redirect("web:accounts", book.pk)
    return _edit_page(request, book, account, close_form=form)


def _edit_page(
    request: HttpRequest,
    book: Book,
    account: Account,
    *,
    name_form: forms.Form | None = None,
    place_form: forms.Form | None = None,
    close_form: forms.Form | None = None,
    opening_form: forms.Form | None = None,
    fee_form: forms.Form | None = None,
) -> HttpResponse:
    tree = accounts_of(book=book)
    if holds_money(account) and fee_form is None:
        fee_form = FeeForm(account=account, tree=tree, fee=transfer_fee_of(account=account))
    opening = None
    if holds_money(account) and opening_form is None:
        opening = services.opening_of(account=account)
        opening_form = OpeningForm(
            initial={
                "amount": figures.typed_text(opening.amount, currency=account.currency) if opening else "",
                "opened_on": opening.on if opening else today_in(book),
            }
        )
    context = {
        "account": account,
        "is_valuable": is_valuable(account),
        "name_form": name_form or NameForm(initial={"name": account.name}),
        "place_form": place_form or PlaceForm(initial={"parent": account.parent_id or ""}, account=account, tree=tree),
        "close_form": close_form or CloseForm(initial={"on": today_in(book)}),
        "opening": opening,
        "fee_form": fee_form,
        "opening_form": opening_form if holds_money(account) else None,
    }
    return render(request, "web/account_edit.html", {"book": book, **context})
