"""Stopping replays, and letting the workers go on with them. They are started under Operations, or by the command."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from platform_outbox.admin.confirmation import Question, ask, insist_on_act, is_confirmed, note
from platform_outbox.models import Replay
from platform_outbox.operators import replay


def stop(request: HttpRequest, model_admin: Any, replay_id: int) -> HttpResponse:
    """Confirm, and stop after the events in hand."""
    insist_on_act(request)
    run = get_object_or_404(Replay, pk=replay_id)
    if is_confirmed(request):
        if replay.stop(replay_id=run.pk):
            note(request, f"replay {run.pk} of {run.handler} stopped", subject=str(run))
            messages.success(request, _("Replay %(id)d of %(handler)s is stopped.") % _figures(run))
        return _back()
    return ask(
        request,
        model_admin,
        _question(
            run,
            title=_("Stop replay %(id)d of %(handler)s"),
            consequence=_("It ends after the events in hand. What it did stays done, and it can go on later."),
            button=_("Stop"),
        ),
    )


def resume(request: HttpRequest, model_admin: Any, replay_id: int) -> HttpResponse:
    """Confirm, and go on in the workers, passing over failures if asked to."""
    insist_on_act(request)
    run = get_object_or_404(Replay, pk=replay_id)
    if is_confirmed(request):
        try:
            replay.resume(replay_id=run.pk, in_worker=True, keep_going=bool(run.error))
        except replay.ReplayRefused as error:
            messages.error(request, str(error))
            return _back()
        note(request, f"replay {run.pk} of {run.handler} resumed", subject=str(run))
        messages.success(request, _("Replay %(id)d of %(handler)s was resumed.") % _figures(run))
        return _back()
    consequence = _("The workers continue after the last event that it handled.")
    if run.error:
        consequence += " " + _(
            "It stopped at an event that failed; that one is tried again, noted if it fails, and passed."
        )
    question = _question(
        run, title=_("Resume replay %(id)d of %(handler)s"), consequence=consequence, button=_("Resume")
    )
    return ask(request, model_admin, question)


def _question(run: Replay, *, title: str, consequence: str, button: str) -> Question:
    return Question(
        title=title % _figures(run),
        consequence=consequence,
        button=button,
        back=reverse("admin:platform_outbox_console"),
        facts={
            _("Done"): f"{run.percent} %",
            _("Events handled"): run.handled,
            _("Events failed"): run.failed,
            _("Last error"): run.error or "–",
        },
    )


def _figures(run: Replay) -> dict[str, Any]:
    return {"id": run.pk, "handler": run.handler}


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:platform_outbox_console"))
