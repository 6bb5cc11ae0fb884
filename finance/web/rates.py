"""The book's exchange rates: which are in use, those entered, more of them by hand or from a file."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import today_in
from core.keyset import dated_place, read_dated_place
from finance.errors import FinanceError, Forbidden, NotFound
from finance.ledger.selectors import accounts_of, balances_of
from finance.models import Account, Book, ExchangeRate, ReferenceFetch, Role
from finance.valuation import selectors, services
from finance.valuation.net_worth import HOLDINGS, worth_on
from finance.valuation.rates import DEFINED_UNITS
from finance.web.access import book_page, user_of
from finance.web.books import currency_choices
from finance.web.rate_words import shown
from finance.web.refusals import refuse

PAGE = 50
_DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class RateForm(forms.Form):
    """One rate: what one unit was worth on a day."""

    base = forms.ChoiceField(label=gettext_lazy("One unit of"))
    rate = forms.CharField(
        label=gettext_lazy("Is worth"), max_length=45,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("A number such as 1.0812."),
    )  # fmt: skip
    quote = forms.ChoiceField(label=gettext_lazy("Units of"))
    date = forms.DateField(
        label=gettext_lazy("From this day on"), widget=_DATE,
        help_text=gettext_lazy("It holds until the next rate of the pair, never for earlier days."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("base", "quote"):
            self.fields[name].choices = [*currency_choices(), *((unit, unit) for unit in sorted(DEFINED_UNITS))]  # type: ignore[attr-defined]

    def clean_rate(self) -> str:
        """A comma that can only be a decimal mark is taken as one."""
        text = "".join(str(self.cleaned_data["rate"]).split())
        return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


class RateFileForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV file"))


@require_safe
@book_page()
def rates(request: HttpRequest, book: Book) -> HttpResponse:
    """What the book's other currencies are worth today and by which rates; and the rates entered, newest first."""
    pairs = selectors.pairs_of(book=book)
    asked = request.GET.get("pair", "")
    pair = next((each for each in pairs if f"{each.base}-{each.quote}" == asked), None)
    if asked and pair is None:
        raise NotFound(thing="pair")
    try:
        after = read_dated_place(request.GET["after"]) if request.GET.get("after") else None
    except ValueError as error:
        raise NotFound(thing="page") from error
    page = selectors.rates_page(
        book=book, base=pair.base if pair else "", quote=pair.quote if pair else "", after=after, limit=PAGE
    )
    today = today_in(book)
    tree = [account for account in accounts_of(book=book) if account.type in HOLDINGS]
    balances = balances_of(account_ids=[account.pk for account in tree], as_of=today)
    total, _valuer = worth_on(today, book=book, accounts=tree, held=balances)
    holding: dict[str, list[Account]] = {}
    for account in tree:
        if balances.get(account.pk):
            holding.setdefault(account.currency, []).append(account)
    held_rows = [(each, holding[each.valuation.currency]) for each in shown(book, total.parts)]
    context = {
        "book": book, "today": today, "held": held_rows, "pairs": pairs, "pair": pair, "asked": asked,
        "rows": page.rows, "next": dated_place(page.edge.date, page.edge.pk) if page.edge else "",
        "choice": selectors.choice_of(book=book), "fetch": ReferenceFetch.objects.order_by("-pk").first(),
    }  # fmt: skip
    return render(request, "finance/rates/list.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rate_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new rate; the address may name its currencies and day."""
    given = request.GET
    initial: dict[str, object] = {
        "base": given.get("from", ""), "quote": given.get("to") or book.base_currency,
        "date": given.get("date") or today_in(book),
    }  # fmt: skip
    return _form_page(request, book, None, initial)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rate_edit(request: HttpRequest, book: Book, rate_id: int) -> HttpResponse:
    changed = selectors.rate_for(book=book, rate_id=rate_id)
    initial = {name: getattr(changed, name) for name in ("base", "quote", "date")}
    return _form_page(request, book, changed, {**initial, "rate": f"{changed.rate.normalize():f}"})


@require_POST
@book_page(at_least=Role.EDITOR)
def rate_remove(request: HttpRequest, book: Book, rate_id: int) -> HttpResponse:
    removed = selectors.rate_for(book=book, rate_id=rate_id)
    services.remove_rate(rate=removed)
    messages.success(request, _("%(rate)s was removed.") % {"rate": removed})
    return redirect("web:rates", book.pk)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rates_import(request: HttpRequest, book: Book) -> HttpResponse:
    form = RateFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = services.import_rates(
                book=book, actor=user_of(request), data=form.cleaned_data["file"].read(services.LARGEST_FILE + 1)
            )
        except FinanceError as error:
            refuse(form, error)
        else:
            said = _("%(added)d rates added, %(changed)d changed, %(same)d were there already.")
            counts = {"added": found.added, "changed": found.changed, "same": found.same}
            messages.success(request, said % counts)
            return redirect("web:rates", book.pk)
    context = {"book": book, "form": form}
    return render(request, "finance/rates/import.html", context, status=400 if form.errors else 200)


@require_POST
@book_page(at_least=Role.EDITOR)
def rates_choose(request: HttpRequest, book: Book) -> HttpResponse:
    """Three checkboxes."""
    chosen = {name: request.POST.get(name) == "on" for name in ("own_exchanges", "reference", "crossing")}
    services.choose_rates(book=book, **chosen)
    messages.success(request, _("Saved. All figures follow at once."))
    return redirect("web:rates", book.pk)


def _form_page(
    request: HttpRequest, book: Book, changed: ExchangeRate | None, initial: dict[str, object]
) -> HttpResponse:
    form = RateForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.save_rate(book=book, actor=user_of(request), replaces=changed, **form.cleaned_data)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("%(rate)s is saved.") % {"rate": saved})
            return redirect("web:rates", book.pk)
    context = {"book": book, "form": form, "rate": changed}
    return render(request, "finance/rates/form.html", context, status=400 if form.errors else 200)
