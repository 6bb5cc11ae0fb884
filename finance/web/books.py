"""The start page (/), the list of books, opening one, and the colours."""

from collections.abc import Iterable

from babel.core import get_global
from babel.numbers import get_territory_currencies
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_POST, require_safe

from core.formatting import currency_name
from core.keyset import keyset_page
from core.redirects import safe_next
from finance import money
from finance.demo.services import has_demo_book
from finance.errors import FinanceError
from finance.ledger.services import create_book, day_of_erasure
from finance.models import Book, Role
from finance.web.access import user_of
from finance.web.refusals import refuse
from identity.time_zones import all_time_zones

A_YEAR = 365 * 24 * 60 * 60
BOOKS_PER_PAGE = 50


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the book that the user joined last; without one to what can be restored, operators to the admin, others to opening the first."""
    user = user_of(request)
    book = Book.objects.visible_to(user).order_by("-memberships__created_at", "-pk").first()
    if book is not None:
        return redirect("web:overview", book.pk)
    if Book.objects.restorable_by(user).exists():
        return redirect("web:books")
    return redirect("admin:index" if user.is_staff else "web:book_new")


@require_safe
@login_required
def books(request: HttpRequest) -> HttpResponse:
    """The user's books, in the order in which they were opened; below them those that can be restored."""
    user = user_of(request)
    after = request.GET.get("after", "")
    place = (int(after),) if after.isascii() and after.isdigit() and len(after) < 19 else None
    mine = Book.objects.visible_to(user).annotate(role=F("memberships__role"))
    page = keyset_page(mine, ordering=("id",), after=place, limit=BOOKS_PER_PAGE)
    deleted = Book.objects.restorable_by(user).order_by("erase_at", "pk")[:BOOKS_PER_PAGE]
    context = {
        "rows": [(book, Role(book.role).label, book.role == Role.OWNER) for book in page.rows],  # type: ignore[attr-defined]
        "next": page.edge.pk if page.edge else None,
        "deleted": [(book, day_of_erasure(book)) for book in deleted],
        "has_demo": has_demo_book(owner=user),
    }
    return render(request, "web/books.html", context)


class BookForm(forms.Form):
    """What a new book needs to know."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("For example “Home” or your family's name.")
    )
    base_currency = forms.ChoiceField(
        label=gettext_lazy("Main currency"),
        help_text=gettext_lazy("Individual accounts may use other currencies."),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), help_text=gettext_lazy("Decides on which day something happened.")
    )
    template = forms.ChoiceField(
        label=gettext_lazy("Start with"),
        widget=forms.RadioSelect,
        choices=[
            ("household", gettext_lazy("Household: everyday accounts and categories")),
            ("freelancer", gettext_lazy("Freelancer: also sales, tax and receivables")),
            ("", gettext_lazy("Empty: no accounts yet")),
        ],
        required=False,
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["base_currency"].choices = currency_choices()  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = time_zone_choices()  # type: ignore[attr-defined]


def time_zone_choices() -> list[tuple[str, str]]:
    """IANA names of time zones, as people read them."""
    names = sorted(all_time_zones())
    return [(name, name.replace("_", " ")) for name in names if "/" in name or name == "UTC"]


def currency_choices(*, also: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Currencies in use today and those of `also`, by code, with their names in the reader's language."""
    codes = sorted(money.circulating_currencies().union(also))
    return [(code, f"{code} · {currency_name(code)}") for code in codes]


def likely_currency(*, accepted_languages: str) -> str:
    """The currency of the country of the first language with one that the browser accepts (its Accept-Language)."""
    for tag, _quality in parse_accept_lang_header(accepted_languages):
        language, *rest = tag.split("-")
        territory = next((part.upper() for part in rest if len(part) == 2), None)
        # CLDR's likely subtags: "de" → "de_Latn_DE".
        territory = territory or str(get_global("likely_subtags").get(language, "")).rpartition("_")[2]
        for code in get_territory_currencies(territory) if territory else ():
            if code in money.known_currencies():
                return str(code)
    return "EUR"


@login_required
def book_new(request: HttpRequest) -> HttpResponse:
    """Open a book: template, currency, time zone."""
    zone = user_of(request).time_zone
    start = {
        "template": "household",
        "base_currency": likely_currency(accepted_languages=request.headers.get("Accept-Language", "")),
        "time_zone": zone or "UTC",
    }
    form = BookForm(request.POST or None, initial=start)
    if not zone and request.method != "POST":
        # The page's script puts the browser's zone there.
        form.fields["time_zone"].widget.attrs["data-time-zone"] = ""
    if request.method == "POST" and form.is_valid():
        try:
            book = create_book(
                owner=user_of(request), **{**form.cleaned_data, "template": form.cleaned_data["template"] or None}
            )
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Your book is ready."))
            return redirect("web:start" if form.cleaned_data["template"] else "web:overview", book.pk)
    is_first = not Book.objects.visible_to(user_of(request)).exists()
    has_demo = has_demo_book(owner=user_of(request))
    return render(request, "web/book_new.html", {"form": form, "is_first": is_first, "has_demo": has_demo})


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in a cookie; "auto" follows the system again. The switch without scripts."""
    response = redirect(safe_next(request) or "/")
    chosen = request.POST.get("theme")
    if chosen in ("light", "dark"):
        response.set_cookie("theme", chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response
