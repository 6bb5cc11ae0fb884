"""The first minutes with a book: what its accounts hold, then where its history comes from and who else is in it."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.clock import today_in
from finance import figures
from finance.errors import AmountInvalid, FinanceError
from finance.ledger import services
from finance.ledger.selectors import accounts_of
from finance.models import Account, AccountType, Book, Role
from finance.web.access import book_page, user_of
from finance.web.accounts import holds_money
from finance.web.refusals import refuse
from finance.web.wealth import everyday_accounts

# A template has a handful; a book that was moved in may have hundreds, which nobody wants to fill in here.
MAX_ACCOUNTS = 20


class HeldForm(forms.Form):
    """One account of a new book: its name, what it holds, and on which day."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    amount = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    opened_on = forms.DateField(
        label=gettext_lazy("At the end of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: QueryDict | None, *, account: Account, initial: dict[str, Any]) -> None:
        super().__init__(data, prefix=f"account-{account.pk}", initial=initial)
        self.account = account
        self.fields["amount"].label = _("You owe") if self.is_owed else _("It holds")

    @property
    def is_owed(self) -> bool:
        return self.account.type == AccountType.LIABILITY

    def clean_amount(self) -> int | None:
        typed = self.cleaned_data["amount"].strip()
        if not typed:
            return None
        try:
            amount = figures.read_amount(typed, currency=self.account.currency)
        except AmountInvalid as error:
            raise forms.ValidationError(list(error.fields.values())) from error
        # People say what they owe as a plain number.
        return -amount if self.is_owed else amount


@book_page(at_least=Role.EDITOR)
def start(request: HttpRequest, book: Book) -> HttpResponse:
    """What each account is called and holds. Left empty, an account begins with nothing."""
    accounts = [one for one in everyday_accounts(accounts_of(book=book)) if holds_money(one)][:MAX_ACCOUNTS]
    data = request.POST if request.method == "POST" else None
    openings = services.openings_of(book_id=book.pk, account_ids=[one.pk for one in accounts])
    today = today_in(book)
    found = [HeldForm(data, account=one, initial=_initial(openings.get(one.pk), one, today)) for one in accounts]
    # Each is asked, so that all that is wrong is shown at once.
    is_valid = not any([form.errors for form in found])  # noqa: C419
    if request.method == "POST" and is_valid and _saved(request, book, found):
        return redirect("web:start_next", book.pk)
    return render(request, "web/start.html", {"book": book, "forms": found, "step": 2})


def _initial(opening: services.Opening | None, account: Account, today: datetime.date) -> dict[str, Any]:
    if opening is None:
        return {"name": account.name, "opened_on": today}
    held = -opening.amount if account.type == AccountType.LIABILITY else opening.amount
    amount = figures.typed_text(held, currency=account.currency)
    return {"name": account.name, "opened_on": opening.on, "amount": amount}


def _saved(request: HttpRequest, book: Book, found: list[HeldForm]) -> bool:
    """Whether all of it was stored; otherwise nothing was, and the refused form says why."""
    count = 0
    form = None
    try:
        with transaction.atomic():
            for form in found:
                account, data = form.account, form.cleaned_data
                if data["name"].strip() != account.name:
                    services.rename_account(account=account, actor=user_of(request), name=data["name"])
                if data["amount"] is not None:
                    services.set_opening_balance(
                        account=account,
                        actor=user_of(request),
                        amount=data["amount"],
                        on=data["opened_on"],
                        today=today_in(book),
                    )
                    count += 1
    except FinanceError as error:
        if form is not None:
            refuse(form, error, fields={"on": "opened_on", "date": "opened_on"})
        return False
    if count:
        text = ngettext("%(n)s opening balance was stored.", "%(n)s opening balances were stored.", count)
        messages.success(request, text % {"n": count})
    return True


@book_page(at_least=Role.EDITOR)
def start_next(request: HttpRequest, book: Book) -> HttpResponse:
    """Where the history comes from, and who else is in the book. Each of it can be left for later."""
    return render(request, "web/start_next.html", {"book": book, "step": 3})
