"""Shows an error of the books at a form's fields, or asks for the agreement that is missing."""

from collections.abc import Mapping

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import reselect, reswap, retarget

from core.redirects import safe_next
from finance.errors import FinanceError, ReconciledRow
from finance.models import Book


def refuse(form: forms.Form, error: FinanceError, *, fields: Mapping[str, str] | None = None) -> None:
    """Show the error at the fields that it names; `fields` translates the service's names into the form's.

    What names no field of the form is said above it. Where a reconciled row would change, the form then also asks
    whether its statement may be reopened (forms/problems.html).
    """
    if isinstance(error, ReconciledRow):
        form.asks_reopen = True  # type: ignore[attr-defined]
    names = fields or {}
    placed = False
    for path, sentence in error.fields.items():
        name = names.get(path, path)
        if name in form.fields:
            form.add_error(name, sentence)
            placed = True
    if not placed:
        form.add_error(None, error.detail)


def ask_reopen(request: HttpRequest, book: Book, error: ReconciledRow) -> HttpResponse:
    """A page that says which statement a change would reopen, and sends the same form again with the agreement to it."""
    given = [(name, value) for name, values in request.POST.lists() for value in values]
    fields = [(name, value) for name, value in given if name not in ("csrfmiddlewaretoken", "reopen")]
    context = {"book": book, "reason": error.detail, "fields": fields, "back": safe_next(request)}
    if request.htmx:  # type: ignore[attr-defined]
        # The form may have been a cell or a bar: the question takes the place of the page.
        answer = render(request, "web/reopen.html", context)
        return reswap(reselect(retarget(answer, "#main"), "#main"), "outerHTML")
    return render(request, "web/reopen.html", context, status=409)
