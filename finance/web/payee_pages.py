"""Payees with their history; renamed and merged, with or without the past."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from django_htmx.http import reselect, reswap, retarget

from core.clock import today_in
from core.keyset import keyset_page
from core.redirects import safe_next
from finance.errors import FinanceError, Invalid, NotFound
from finance.ledger.selectors import accounts_of, book_for
from finance.ledger.services.changes import Changed
from finance.models import AccountType, Book, JournalEntry, Payee, Role
from finance.payees import selectors, services
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.changes import answer_change, say_changed, selection_of
from finance.web.refusals import refuse
from finance.web.selections import Selection

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
    """A payee year by year with its latest entries; editors change, rename or remove it."""
    shown = selectors.payee_for(book=book, payee_id=payee_id)
    do = request.POST.get("do")
    known = {
        "name": shown.name,
        "default_account": shown.default_account_id,
        "aliases": "\n".join(alias.name for alias in shown.aliases.all()),
    }
    form = PayeeForm(request.POST if do == "save" else None, book=book, initial=known)
    past = PastForm(request.POST if do == "rename" else None)
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
                if change is None:
                    messages.success(request, _("Saved. Past entries stay as they are."))
                else:
                    say_changed(request, book, Changed(change=change))
                return redirect("web:payee", book.pk, payee.pk)
            case "remove":
                services.remove_payee(payee=payee)
                return redirect("web:payee_list", book.pk)
    except NotFound:
        raise
    except FinanceError as error:
        refuse(form if request.POST.get("do") == "save" else past, error)
    return None


class MergeForm(PastForm):
    into = forms.CharField(label=gettext_lazy("They become"), max_length=services.LONGEST_NAME)
    field_order = ("into", "past")


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def payee_merge(request: HttpRequest, book: Book) -> HttpResponse:
    """Says what merging the payees named in the address, or those of selected entries, would do; does it once confirmed."""
    asked = request.POST if request.method == "POST" else request.GET
    names = [text for text in asked.getlist("name") if text.strip() and "\x00" not in text]
    form = MergeForm(initial={"into": asked.get("into", ""), "past": "correct"})
    if request.POST.get("action") == "merge":  # the bar of a list
        try:
            names = _payees_of(selection_of(book, request.POST))
        except Invalid as error:
            messages.error(request, error.detail)
            return answer_change(request, book)
        form = MergeForm(initial={"into": request.POST.get("merge_value", ""), "past": "correct"})
    elif request.method == "POST":
        form = MergeForm(request.POST)
        if form.is_valid():
            try:
                done = services.merge_payees(
                    book=book, actor=user_of(request), names=names, into=form.cleaned_data["into"],
                    correct_past=form.cleaned_data["past"] == "correct", today=today_in(book),
                )  # fmt: skip
            except FinanceError as error:
                refuse(form, error)
            else:
                say_changed(request, book, done)
                return redirect(safe_next(request) or reverse("web:payee_list", args=[book.pk]))
    if not names and not form.is_bound:
        return redirect("web:payee_list", book.pk)
    return _merge_page(request, book, names, form)


def _payees_of(selection: Selection) -> list[str]:
    """The payees of the selected entries. Raises Invalid for none or too many."""
    payees = JournalEntry.objects.filter(pk__in=selection.targets).exclude(payee="").order_by("payee")
    names = list(payees.values_list("payee", flat=True).distinct()[: services.MOST_MERGED + 1])
    if not names or len(names) > services.MOST_MERGED:
        raise Invalid(reason=_("Choose entries of at most %(most)d payees.") % {"most": services.MOST_MERGED})
    return names


def _merge_page(request: HttpRequest, book: Book, names: list[str], form: MergeForm) -> HttpResponse:
    """The question before payees are merged; to htmx, whose form was a bar, in the place of the page."""
    into = str(form["into"].value() or "").replace("\x00", "").strip()
    plan = selectors.merge_plan(book=book, names=names[: services.MOST_MERGED], into=into)
    texts = [*names[: services.MOST_MERGED], *plan.texts]
    context = {
        "book": book,
        "form": form,
        "names": names,
        "plan": plan,
        "entries": selectors.entries_named(book=book, names=texts).exclude(payee=plan.name).count(),
        "others": Payee.objects.filter(book=book).order_by(Lower("name")),
        "back": safe_next(request),
    }
    if request.htmx:  # type: ignore[attr-defined]
        answer = render(request, "web/payee_merge.html", context)
        return reswap(reselect(retarget(answer, "#main"), "#main"), "outerHTML")
    return render(request, "web/payee_merge.html", context, status=400 if form.errors else 200)
