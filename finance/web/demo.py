"""A book of an invented household, to look around in. A worker fills it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from finance.demo.runs import demo_runs_of, start_demo
from finance.models import Book
from finance.web.access import user_of
from platform_outbox.emit import health
from platform_outbox.operations import services
from platform_outbox.operations.models import OperationRun

_REFUSAL = "OperationFailed: "


@require_POST
@login_required
def demo_load(request: HttpRequest) -> HttpResponse:
    return redirect("web:demo", start_demo(owner=user_of(request)).pk)


@require_safe
@login_required
def demo(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far it is; once the book is there, the book."""
    run = _run_of(request, run_id)
    made = (run.result or {}).get("book")
    if made is not None and Book.objects.visible_to(user_of(request)).filter(pk=made).exists():
        return redirect("web:overview", made)
    return render(request, "web/demo.html", _told(run))


@require_GET
@login_required
def demo_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The progress, for the page that asks every second."""
    run = _run_of(request, run_id)
    if run.is_open:
        return render(request, "web/_demo_progress.html", _told(run))
    target = redirect("web:demo", run.pk)
    # htmx would put a redirect's page into the page.
    return HttpResponseClientRedirect(target.url) if request.htmx else target  # type: ignore[attr-defined]


@require_POST
@login_required
def demo_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop it; the book is not created."""
    run = _run_of(request, run_id)
    if run.is_open:
        services.cancel(run_id=run.pk, by=user_of(request).get_username())
    return redirect("web:books")


def _run_of(request: HttpRequest, run_id: int) -> OperationRun:
    run: OperationRun | None = demo_runs_of(owner=user_of(request)).filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _told(run: OperationRun) -> dict[str, Any]:
    problem = ""
    if run.state == OperationRun.State.FAILED:
        # Anything else is an error of ours, which the operator's page shows.
        own = run.error.startswith(_REFUSAL)
        unknown = _(
            "The demo book could not be made because of an error on this server. The operator can find the cause."
        )
        problem = run.error.removeprefix(_REFUSAL) if own else unknown
    waits = run.state == OperationRun.State.REQUESTED
    return {"run": run, "problem": problem, "no_worker": waits and not health().workers_alive}
