"""Credit cards: what their statements owe, and what leaves the bank when."""

import datetime
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
from finance.ledger.selectors import accounts_of
from finance.models import AccountKind, AccountType, Book, CardTerms, Role
from finance.planning.cards import selectors, services
from finance.planning.cards.models import CardMode, CardShift
from finance.web.access import book_page, user_of
from finance.web.account_choices import AccountField
from finance.web.refusals import refuse

PAGE = 24


class CardForm(forms.Form):
    """When a statement closes and is due, and what is paid of it."""

    closing_day = forms.IntegerField(
        label=gettext_lazy("Statement closes on day"), help_text=gettext_lazy("31 is the last day of every month.")
    )
    due_day = forms.IntegerField(
        label=gettext_lazy("Due on day"), help_text=gettext_lazy("The first such day after the statement closed.")
    )
    shift = forms.ChoiceField(label=gettext_lazy("A due day on a weekend"), choices=CardShift.choices)
    mode = forms.ChoiceField(label=gettext_lazy("What is paid"), choices=CardMode.choices)
    percent = forms.DecimalField(
        label=gettext_lazy("Minimum in per cent of the statement"), required=False, max_digits=7, decimal_places=4
    )
    amount = forms.CharField(
        label=gettext_lazy("Fixed amount, or the least of a minimum"), required=False, max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, book: Book, terms: CardTerms | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tree = accounts_of(book=book)
        self.card = terms.account if terms else None
        if terms is None:
            taken = {each.account_id for each in selectors.cards_of(book=book)}
            free = [
                each for each in tree if each.kind in (AccountKind.CARD, AccountKind.GROUP) and each.pk not in taken
            ]
            self.fields["account"] = AccountField(tree=free, types=(AccountType.LIABILITY,), label=_("Card"))
        self.fields["pays_from"] = AccountField(
            tree=tree, types=(AccountType.ASSET,), label=_("Paid from"), required=False
        )

    def given(self) -> dict[str, Any]:
        """What was typed, with the amount in minor units. Raises AmountInvalid."""
        data = dict(self.cleaned_data)
        currency = (self.card or data["account"]).currency
        data["amount"] = figures.read_amount(data["amount"], currency=currency) if data["amount"] else None
        return data


@require_safe
@book_page()
def plan_cards(request: HttpRequest, book: Book) -> HttpResponse:
    """All cards that have terms, each with what it owes and its latest statement."""
    today = today_in(book)
    states = selectors.states_of(cards=selectors.cards_of(book=book), today=today)
    return render(request, "finance/plan/cards.html", {"book": book, "states": states, "today": today})


@require_safe
@book_page()
def plan_card(request: HttpRequest, book: Book, card_id: int) -> HttpResponse:
    """One card with its statements, newest first."""
    terms, today = selectors.card_for(book=book, card_id=card_id), today_in(book)
    before = request.GET.get("before")
    try:
        until = datetime.date.fromisoformat(before) - datetime.timedelta(days=1) if before else today
    except (ValueError, OverflowError) as error:
        raise NotFound(thing="page") from error
    rows, following = selectors.statements_of(terms=terms, until=min(until, today), limit=PAGE)
    context = {
        "book": book, "terms": terms, "state": selectors.state_of(terms=terms, today=today), "rows": rows,
        "next": following, "currency": terms.account.currency,
    }  # fmt: skip
    return render(request, "finance/plan/card.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_card_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Terms of a card; the address may name it."""
    return _form_page(request, book, None, {"account": request.GET.get("account", ""), "mode": "full", "shift": "none"})


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_card_edit(request: HttpRequest, book: Book, card_id: int) -> HttpResponse:
    terms = selectors.card_for(book=book, card_id=card_id)
    initial = {name: getattr(terms, name) for name in ("closing_day", "due_day", "shift", "mode")}
    initial["pays_from"] = terms.pays_from_id
    initial["percent"] = "" if terms.percent is None else f"{terms.percent.normalize():f}"
    amount = terms.amount
    initial["amount"] = "" if amount is None else figures.typed_text(amount, currency=terms.account.currency)
    return _form_page(request, book, terms, initial)


def _form_page(request: HttpRequest, book: Book, terms: CardTerms | None, initial: dict[str, Any]) -> HttpResponse:
    form = CardForm(request.POST or None, book=book, terms=terms, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            if terms is None:
                saved = services.add_card(book=book, actor=user_of(request), **form.given())
            else:
                saved = services.change_card(terms=terms, actor=user_of(request), **form.given())
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:plan_card", book.pk, saved.pk)
    context = {"book": book, "form": form, "terms": terms}
    return render(request, "finance/plan/card_form.html", context, status=400 if form.errors else 200)


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_card_remove(request: HttpRequest, book: Book, card_id: int) -> HttpResponse:
    services.remove_card(terms=selectors.card_for(book=book, card_id=card_id), actor=user_of(request))
    messages.success(request, _("How the card is paid is forgotten. Its account and entries stay."))
    return redirect("web:plan_cards", book.pk)
