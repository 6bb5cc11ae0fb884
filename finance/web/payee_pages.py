"""Payees with their history; renamed and merged, with or without the past."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from core.clock import today_in
from core.keyset import keyset_page
from finance.errors import FinanceError, NotFound
from finance.ledger.change_models import Change
from finance.ledger.selectors import accounts_of, book_for
from finance.ledger.services.changes import Changed
from finance.models import AccountType, Book, Payee, Role
from finance.payees import selectors, services
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.changes import say_changed
from finance.web.refusals import refuse

PAGE = 100
LATEST = 12
PAST = [
    ("alias", gettext_lazy("Leave them as they are. The old name is an alias, and they are found by both.")),
    ("correct", gettext_lazy("Correct them: each is reversed and replaced, and keeps its history.")),
]


class PayeeForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=services.LONGEST_NAME)

    def __init__(self, *args: Any, book: Book, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = (AccountType.EXPENSE, AccountType.INCOME)
        self.fields["default_account"] = AccountField(
            tree=accounts_of(book=book), types=types, label=_("Usual category"), required=False
        )
        self.fields["aliases"] = forms.CharField(
            label=_("Aliases"),
            required=False,
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text=_("One on each line: how the bank writes this payee, or how you used to."),
        )

    def said(self) -> dict[str, Any]:
        data = self.cleaned_data
        aliases = [line for line in data["aliases"].splitlines() if line.strip()]
        return {"default_account": data["default_account"] or None, "aliases": aliases}


class PastForm(forms.Form):
    past = forms.ChoiceField(label=gettext_lazy("Past entries"), choices=PAST, widget=forms.RadioSelect)


@require_http_methods(["GET", "POST"])
@book_page()
def payee_list(request: HttpRequest, book: Book) -> HttpResponse:
    """The named payees, and a form to add one."""
    form = PayeeForm(request.POST or None, book=book, initial={"name": request.GET.get("name", "")})
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if form.is_valid():
            try:
                payee = services.save_payee(book=book, name=form.cleaned_data["name"], **form.said())
            except FinanceError as error:
                refuse(form, error)
            else:
                return redirect("web:payee", book.pk, payee.pk)
    after = request.GET.get("after")
    page = keyset_page(
        selectors.payees_of(book=book),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    context = {"book": book, "form": form, "rows": page.rows, "next": page.edge.pk if page.edge else None}
    return render(request, "web/payees.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def payee(request: HttpRequest, book: Book, payee_id: int) -> HttpResponse:
    """A payee year by year with its latest entries; editors change, rename, merge or remove it."""
    shown = selectors.payee_for(book=book, payee_id=payee_id)
    do = request.POST.get("do")
    known = {
        "name": shown.name,
        "default_account": shown.default_account_id,
        "aliases": "\n".join(alias.name for alias in shown.aliases.all()),
    }
    form = PayeeForm(request.POST if do == "save" else None, book=book, initial=known)
    past = PastForm(request.POST if do in ("rename", "merge") else None)
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        form.fields["name"].required = False
        if (done := _change(request, shown, form, past)) is not None:
            return done
    texts = selectors.texts_of(payee=shown)
    context = {
        "book": book,
        "payee": shown,
        "form": form,
        "past": past,
        "years": selectors.years_of(payee=shown),
        "entries": selectors.entries_named(book=book, names=texts)[:LATEST],
        "others": Payee.objects.filter(book=book).exclude(pk=shown.pk).order_by(Lower("name")),
    }
    return render(request, "web/payee.html", context, status=400 if form.errors or past.errors else 200)


def _change(request: HttpRequest, payee: Payee, form: PayeeForm, past: PastForm) -> HttpResponse | None:
    """Carry out the form's action; None where the page has to say why not."""
    book, actor = payee.book, user_of(request)
    try:
        match request.POST.get("do"):
            case "save" if form.is_valid():
                services.save_payee(book=book, payee=payee, **form.said())
                return redirect("web:payee", book.pk, payee.pk)
            case "rename" if past.is_valid():
                change = services.rename_payee(
                    payee=payee, actor=actor, name=request.POST.get("name", ""), today=today_in(book),
                    correct_past=past.cleaned_data["past"] == "correct",
                )  # fmt: skip
                _say_saved(request, book, change)
                return redirect("web:payee", book.pk, payee.pk)
            case "merge" if past.is_valid():
                chosen = id_in(request.POST.get("into", ""), thing="payee")
                into = selectors.payee_for(book=book, payee_id=chosen)
                change = services.merge_payee(
                    payee=payee, into=into, actor=actor, today=today_in(book),
                    correct_past=past.cleaned_data["past"] == "correct",
                )  # fmt: skip
                _say_saved(request, book, change)
                return redirect("web:payee", book.pk, into.pk)
            case "remove":
                services.remove_payee(payee=payee)
                return redirect("web:payee_list", book.pk)
    except NotFound:
        raise
    except FinanceError as error:
        refuse(form if request.POST.get("do") == "save" else past, error)
    return None


def _say_saved(request: HttpRequest, book: Book, change: Change | None) -> None:
    if change is None:
        messages.success(request, _("Saved. Past entries stay as they are."))
    else:
        say_changed(request, book, Changed(change=change))
