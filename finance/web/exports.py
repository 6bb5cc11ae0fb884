"""Leaving with a book: choose what, a worker writes the file, fetch it while it is kept."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST, require_safe

from finance.exports.formats import ARCHIVE
from finance.exports.runs import FETCHED_WITHIN, exported_file, runs_of, start_export
from finance.models import Book
from finance.web.access import book_page, user_of
from platform_outbox.emit import health
from platform_outbox.operations import services
from platform_outbox.operations.models import OperationRun

RUNS_SHOWN = 10
CHOICES = {
    ARCHIVE: (
        gettext_lazy("Everything"),
        gettext_lazy(
            "A zip file with all of the book: entries, receipts, rules, statements, reports and more. LifeOS can read it back."
        ),
    ),
    "csv": (gettext_lazy("Entries as CSV"), gettext_lazy("For spreadsheets: one row for each line of an entry.")),
    "hledger": (gettext_lazy("hledger journal"), gettext_lazy("Plain text that hledger reads.")),
    "beancount": (gettext_lazy("Beancount file"), gettext_lazy("Plain text that Beancount reads.")),
    "json": (gettext_lazy("JSON"), gettext_lazy("Accounts and entries alone, for programs.")),
}


class ExportForm(forms.Form):
    format = forms.ChoiceField(
        label=gettext_lazy("What"), choices=[(key, label) for key, (label, _help) in CHOICES.items()]
    )


@require_safe
@book_page()
def exports(request: HttpRequest, book: Book) -> HttpResponse:
    """What can be exported, and what was."""
    runs = [_shown(run) for run in runs_of(book=book)[:RUNS_SHOWN]]
    context = {
        "book": book,
        "choices": [(key, label, text) for key, (label, text) in CHOICES.items()],
        "runs": runs,
        "is_working": any(told["run"].is_open for told in runs),
        "days": FETCHED_WITHIN.days,
        "no_worker": any(told["run"].state == OperationRun.State.REQUESTED for told in runs)
        and not health().workers_alive,
    }
    return render(request, "finance/exports/list.html", context)


@require_POST
@book_page()
def export_start(request: HttpRequest, book: Book) -> HttpResponse:
    form = ExportForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to export."))
    else:
        try:
            start_export(book=book, actor=user_of(request), format=form.cleaned_data["format"])
        except services.OperationBusy:
            messages.warning(request, _("Another export of this book is under way. Start this one when it is done."))
    return redirect("web:exports", book.pk)


@require_POST
@book_page()
def export_cancel(request: HttpRequest, book: Book, run_id: int) -> HttpResponse:
    run = _run(book, run_id)
    if run.is_open:
        services.cancel(run_id=run.pk, by=user_of(request).get_username())
    return redirect("web:exports", book.pk)


@require_GET
@book_page()
def export_file(request: HttpRequest, book: Book, run_id: int) -> HttpResponseBase:
    """The file, while it is kept."""
    path = exported_file(_run(book, run_id), now=timezone.now())
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def _run(book: Book, run_id: int) -> OperationRun:
    run: OperationRun | None = runs_of(book=book).filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _shown(run: OperationRun) -> dict[str, Any]:
    label, _text = CHOICES.get(str(run.parameters.get("format")), (run.parameters.get("format"), ""))
    path = exported_file(run, now=timezone.now())
    finished: datetime.datetime | None = run.finished_at
    return {
        "run": run,
        "label": label,
        "size": path.stat().st_size if path else None,
        "until": finished + FETCHED_WITHIN if path and finished else None,
    }
