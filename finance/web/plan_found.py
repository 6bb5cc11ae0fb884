"""Payments that come again, found in the history: made schedules, or dismissed."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.keyset import keyset_page
from finance.errors import FinanceError, NotFound
from finance.models import Book, JournalEntry, RecurringFinding, Role
from finance.planning.detection import selectors, services
from finance.web.access import book_page, id_in, user_of
from finance.web.plan_words import rule_text

PAGE = 50
EVIDENCE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A finding of the list with its rule in words and its latest entries."""

    finding: RecurringFinding
    rule: str
    entries: list[JournalEntry]


@require_safe
@book_page()
def plan_found(request: HttpRequest, book: Book) -> HttpResponse:
    """What is offered; `?state=dismissed` shows what was dismissed."""
    state = RecurringFinding.State.OFFERED
    if request.GET.get("state") == RecurringFinding.State.DISMISSED:
        state = RecurringFinding.State.DISMISSED
    after = request.GET.get("after")
    page = keyset_page(
        selectors.findings_of(book=book, state=state),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    entries = selectors.evidence_of(book=book, findings=page.rows, latest=EVIDENCE)
    rows = [
        Row(finding=each, rule=rule_text(services.terms_of(finding=each)), entries=entries[each.pk])
        for each in page.rows
    ]
    context = {"book": book, "rows": rows, "more": page.edge.pk if page.edge else None, "state": state.value}
    return render(request, "finance/plan/found.html", context)


@require_POST
@book_page(at_least=Role.EDITOR)
def plan_finding(request: HttpRequest, book: Book, finding_id: int) -> HttpResponse:
    """Make it a schedule as it was found, dismiss it, or offer it again."""
    finding, actor = selectors.finding_for(book=book, finding_id=finding_id), user_of(request)
    try:
        match request.POST.get("do"):
            case "dismiss":
                services.dismiss(finding=finding, actor=actor)
                messages.success(request, _("“%(name)s” will not be offered again.") % {"name": finding})
            case "offer":
                services.offer_again(finding=finding, actor=actor)
                messages.success(request, _("“%(name)s” is offered again.") % {"name": finding})
            case _other:  # a form that names nothing: the page says what there is to do
                pass
    except NotFound:
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:plan_found", book.pk)
