"""Views of registers that were saved: their list, saving what is shown, changing and removing."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from finance.errors import Conflict, FinanceError, Forbidden, Invalid, NotFound
from finance.models import Book, SavedView
from finance.preferences import services
from finance.preferences.selectors import view_for, views_of
from finance.web.access import book_page, user_of
from finance.web.refusals import refuse
from finance.web.register_filters import read_register


class ViewForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    shared = forms.BooleanField(label=gettext_lazy("For everybody with access to this book"), required=False)


@book_page()
def views(request: HttpRequest, book: Book) -> HttpResponse:
    """The person's views of the book and those that others share."""
    return _page(request, book)


def address_of(view: SavedView) -> str:
    """The register that the view shows."""
    if view.account_id is None:
        path = reverse("web:book_register", args=[view.book_id])
    else:
        path = reverse("web:register", args=[view.book_id, view.account_id])
    return f"{path}?{view.query}" if view.query else path


@require_POST
@book_page()
def view_save(request: HttpRequest, book: Book) -> HttpResponse:
    """Save the register that the form was sent from, with its filters."""
    form = ViewForm(request.POST)
    query = QueryDict(request.POST.get("query", "").removeprefix("?"))
    account = request.POST.get("account", "")
    if account and not (account.isascii() and account.isdecimal() and len(account) < 19):
        raise NotFound(thing="account")
    scope, filters = read_register(book=book, query=query, account_id=int(account) if account else None)
    if form.is_valid():
        try:
            if filters.errors:
                raise Invalid(field="query", reason=_("Some of the filters cannot be read; correct them first."))
            view = services.save_view(
                book=book,
                actor=user_of(request),
                name=form.cleaned_data["name"],
                query=query.urlencode(),
                account=scope.account,
                shared=form.cleaned_data["shared"],
            )
        except (Invalid, Conflict) as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Saved as “%(name)s”.") % {"name": view.name})
            return redirect(address_of(view))
    else:
        messages.error(request, _("A view needs a name of at most 80 characters."))
    path = reverse("web:register", args=[book.pk, account]) if account else reverse("web:book_register", args=[book.pk])
    return redirect(f"{path}?{query.urlencode()}" if query else path)


@require_POST
@book_page()
def view_change(request: HttpRequest, book: Book, view_id: int) -> HttpResponse:
    """Rename a view, share it or make it private."""
    view = view_for(book=book, user=user_of(request), view_id=view_id, to_change=True)
    form = ViewForm(request.POST)
    if form.is_valid():
        try:
            services.change_view(view=view, actor=user_of(request), **form.cleaned_data)
        except Forbidden:
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The view “%(name)s” was changed.") % {"name": view.name})
            return redirect("web:views", book.pk)
    return _page(request, book, refused={view_id: form})


@require_POST
@book_page()
def view_remove(request: HttpRequest, book: Book, view_id: int) -> HttpResponse:
    """Remove a view."""
    view = view_for(book=book, user=user_of(request), view_id=view_id, to_change=True)
    services.remove_view(view=view, actor=user_of(request))
    messages.success(request, _("The view “%(name)s” was removed.") % {"name": view.name})
    return redirect("web:views", book.pk)


def _page(request: HttpRequest, book: Book, *, refused: dict[int, forms.Form] | None = None) -> HttpResponse:
    user = user_of(request)
    rows = [
        (
            view,
            address_of(view),
            (refused or {}).get(view.pk)
            or ViewForm(initial={"name": view.name, "shared": view.shared}, auto_id=f"id_{view.pk}_%s"),
        )
        for view in views_of(book=book, user=user).select_related("account", "owner").order_by("name", "pk")
    ]
    return render(request, "web/views.html", {"book": book, "rows": rows, "person": user})
