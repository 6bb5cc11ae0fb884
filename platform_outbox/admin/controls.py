"""What operators stop and resume: handlers and shards, calls to a destination, replays. Each is confirmed and recorded."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from platform_outbox.admin.base import Question, ask, given_in, is_confirmed, note
from platform_outbox.emit import COUNT_CAP
from platform_outbox.models import OPEN, Breaker, Delivery, OutboxMessage, Pause, Replay, Status
from platform_outbox.monitoring import overview
from platform_outbox.operations.operations import resume_replay, stop_replay
from platform_outbox.operations.services import OperationRefused
from platform_outbox.operators import actions
from platform_outbox.operators.editing import masked_text
from platform_outbox.operators.replay import ReplayRefused
from platform_outbox.registry import all_handlers, handler_named
from platform_outbox.templatetags.outbox_figures import capped

_INPUT = {"class": " ".join(INPUT_CLASSES)}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason, shown to other operators"), max_length=300, widget=forms.TextInput(_INPUT)
    )


class BreakForm(ReasonForm):
    handler = forms.ChoiceField(
        label=gettext_lazy("Handler"),
        widget=UnfoldAdminSelectWidget,
        choices=lambda: [(handler.name, handler.name) for handler in all_handlers() if handler.io],
    )
    neighbour = forms.CharField(
        label=gettext_lazy("Destination, as the console names it (a host; empty: the handler's only one)"),
        required=False,
        max_length=200,
        widget=forms.TextInput(_INPUT),
    )
    field_order = ("handler", "neighbour", "reason")


def pause(request: HttpRequest, model_admin: Any) -> HttpResponse:
    kind, target, name = _target(request)
    form = ReasonForm(request.POST if is_confirmed(request) else None)
    try:
        if kind == Pause.Kind.HANDLER and handler_named(target) is None:
            raise actions.NothingToPause(target)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            actions.pause(kind=kind, target=target, by=str(request.user), reason=reason)
            deed = f"paused {kind} {target}: {reason}"
            return _done(request, _("%s is paused.") % name, deed=deed, subject=f"{kind} {target}")
    except actions.NothingToPause:
        messages.error(request, _("There is no such handler or shard."))
        return _console()
    if kind == Pause.Kind.HANDLER:
        consequence = _(
            "Running batches finish. Then its events wait, including new ones, and none of them fails. Other handlers of the same "
            "events continue. Resuming undoes it."
        )
    else:
        consequence = _(
            "The batch under way finishes; then every event of this shard waits, of all its books and for all handlers. "
            "Other shards continue. Resuming undoes it."
        )
    question = Question(
        title=_("Pause %s") % name,
        consequence=consequence,
        button=_("Pause"),
        back=_console().url,
        facts=_waiting(kind, target),
        hidden=[("kind", kind), ("target", target)],
        form=form,
    )
    return ask(request, model_admin, question)


def resume(request: HttpRequest, model_admin: Any) -> HttpResponse:
    kind, target, name = _target(request)
    found = Pause.objects.filter(kind=kind, target=target, resumed_at=None).first()
    if found is None:
        messages.info(request, _("%s is not paused.") % target)
        return _console()
    if is_confirmed(request):
        actions.resume(kind=kind, target=target, by=str(request.user))
        deed, subject = f"resumed {kind} {target}", f"{kind} {target}"
        return _done(request, _("%s was resumed.") % name, deed=deed, subject=subject)
    question = Question(
        title=_("Resume %s") % name,
        consequence=_("What waited for it is handled now, in order, and what is emitted from now on."),
        button=_("Resume"),
        back=_console().url,
        facts={_("Paused by"): found.by, _("Why"): found.reason or "–", **_waiting(kind, target)},
        hidden=[("kind", kind), ("target", target)],
    )
    return ask(request, model_admin, question)


def _target(request: HttpRequest) -> tuple[str, str, str]:
    """Kind, target, and how people call it; a target that cannot be one is empty."""
    kind, target = given_in(request).get("kind", ""), given_in(request).get("target", "")
    if kind == Pause.Kind.SHARD and target.isdecimal():
        return kind, target, _("shard %s") % target
    return Pause.Kind.HANDLER.value, target if kind == Pause.Kind.HANDLER else "", target


def _waiting(kind: str, target: str) -> dict[Any, Any]:
    """What waits there now; nothing is known of a handler that this release has no more."""
    waiting = OutboxMessage.objects.filter(status__in=OPEN)
    if kind == Pause.Kind.SHARD:
        count = waiting.filter(shard=int(target)).order_by()[: COUNT_CAP + 1].count()
        return {_("Events that wait there now"): capped(count)}
    handler = handler_named(target)
    if handler is None:
        return {}
    names = sorted({event.name for event in handler.events})
    sample = waiting.order_by().values("event_type")[: overview.SAMPLE + 1]
    count = sum(1 for each in sample if each["event_type"] in names)
    return {_("Event types"): ", ".join(names), _("Events of these types waiting now"): capped(count)}


def break_open(request: HttpRequest, model_admin: Any) -> HttpResponse:
    form = BreakForm(request.POST if is_confirmed(request) else None, initial={"handler": request.GET.get("handler")})
    if form.is_valid():
        handler = form.cleaned_data["handler"]
        destination = form.cleaned_data["neighbour"] or handler
        actions.break_open(
            handler=handler, neighbour=destination, by=str(request.user), reason=form.cleaned_data["reason"]
        )
        subject = f"{handler} → {destination}"
        said = _("Calls to %s wait now.") % destination
        return _done(request, said, deed=f"opened the breaker {subject}", subject=subject)
    question = Question(
        title=_("Stop calls to a destination"),
        consequence=_(
            "Calls under way finish; all further ones of this handler to this destination wait, and cost no attempt, "
            "until an operator resets the breaker. Other destinations are called as before."
        ),
        button=_("Open the breaker"),
        back=_console().url,
        form=form,
    )
    return ask(request, model_admin, question)


def reset(request: HttpRequest, model_admin: Any) -> HttpResponse:
    handler, destination = given_in(request).get("handler", ""), given_in(request).get("neighbour", "")
    found = Breaker.objects.filter(handler=handler, destination=destination).exclude(state=Breaker.State.CLOSED).first()
    if found is None:
        messages.info(request, _("This breaker is not open."))
        return _console()
    if is_confirmed(request):
        actions.reset_breaker(handler=handler, neighbour=destination, by=str(request.user))
        subject = f"{handler} → {destination}"
        said = _("Calls to %s go out again.") % destination
        return _done(request, said, deed=f"reset the breaker {subject}", subject=subject)
    waiting = Delivery.objects.filter(
        io=True, queued=False, handler=handler, destination=destination, status__in=[Status.PENDING, Status.FAILED]
    )
    question = Question(
        title=_("Reset the breaker of %s") % destination,
        consequence=_(
            "What waits for this destination is sent now. If it is still down, the first failure opens the breaker again."
        ),
        button=_("Reset"),
        back=_console().url,
        facts={
            _("Handler"): handler,
            _("State"): found.get_state_display(),
            _("Last error"): masked_text(found.error) or "–",
            _("Calls that can go out at once"): capped(waiting.order_by()[: COUNT_CAP + 1].count()),
        },
        hidden=[("handler", handler), ("neighbour", destination)],
    )
    return ask(request, model_admin, question)


def change_replay(request: HttpRequest, model_admin: Any, replay_id: int, action: str) -> HttpResponse:
    """Confirm, and stop a replay, or have the workers resume it. Replays are started under Operations, or by the command."""
    found, stops = get_object_or_404(Replay, pk=replay_id), action == "stop"
    names = {"id": found.pk, "handler": found.handler}
    if is_confirmed(request):
        try:
            if not stops:
                resume_replay(replay_id=found.pk, by=str(request.user))
            elif not stop_replay(replay_id=found.pk, by=str(request.user)):
                return _console()
        except (ReplayRefused, OperationRefused) as error:
            messages.error(request, str(error))
            return _console()
        said = (
            _("Replay %(id)d of %(handler)s is stopped.") if stops else _("Replay %(id)d of %(handler)s was resumed.")
        )
        deed = f"replay {found.pk} of {found.handler} {'stopped' if stops else 'resumed'}"
        return _done(request, said % names, deed=deed, subject=str(found))
    if stops:
        title = _("Stop replay %(id)d of %(handler)s")
        consequence = _("It ends after the events in hand. What it did stays done, and it can be resumed later.")
    else:
        title = _("Resume replay %(id)d of %(handler)s")
        consequence = _("The workers continue after the last event that it handled.")
        if found.error:
            consequence += " " + _(
                "It stopped at an event that failed; that one is tried again, noted if it fails, and passed."
            )
    question = Question(
        title=title % names,
        consequence=consequence,
        button=_("Stop") if stops else _("Resume"),
        back=_console().url,
        facts={
            _("Done"): f"{found.percent} %",
            _("Events handled"): found.handled,
            _("Events failed"): found.failed,
            _("Last error"): found.error or "–",
        },
    )
    return ask(request, model_admin, question)


def _done(request: HttpRequest, said: str, *, deed: str, subject: str) -> HttpResponse:
    note(request, OutboxMessage, deed, subject=subject)
    messages.success(request, said)
    return _console()


def _console() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:platform_outbox_console"))
