"""Pausing and resuming a handler or a shard."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES

from platform_outbox.admin.confirmation import Question, ask, insist_on_act, is_confirmed, note, operator_of
from platform_outbox.admin.permissions import capped
from platform_outbox.emit import COUNT_CAP
from platform_outbox.models import OPEN, OutboxMessage, Pause
from platform_outbox.monitoring import overview
from platform_outbox.operators import actions
from platform_outbox.registry import Handler, all_handlers

_INPUT = {"class": " ".join(INPUT_CLASSES)}


class ReasonForm(forms.Form):
    """Why; the next operator will ask."""

    reason = forms.CharField(
        label=gettext_lazy("Reason, shown to other operators"), max_length=300, widget=forms.TextInput(_INPUT)
    )


def pause(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Ask for the reason, and pause."""
    insist_on_act(request)
    kind, target = _target(request)
    form = ReasonForm(request.POST if is_confirmed(request) else None)
    if form.is_valid():
        return _pause(request, kind, target, reason=form.cleaned_data["reason"])
    try:
        question = _question_of_pause(kind, target, form)
    except actions.NothingToPause:
        return _unknown(request)
    return ask(request, model_admin, question)


def resume(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Confirm, and let it go on."""
    insist_on_act(request)
    kind, target = _target(request)
    found = Pause.objects.filter(kind=kind, target=target, resumed_at=None).first()
    if found is None:
        messages.info(request, _("%s is not paused.") % target)
        return _back()
    if is_confirmed(request):
        actions.resume(kind=kind, target=target, by=operator_of(request))
        note(request, f"resumed {kind} {target}", subject=f"{kind} {target}")
        messages.success(request, _("%s was resumed.") % _name(kind, target))
        return _back()
    question = Question(
        title=_("Resume %s") % _name(kind, target),
        consequence=_("What waited for it is handled now, in order, and what is emitted from now on."),
        button=_("Resume"),
        back=_console(),
        facts={_("Paused by"): found.by, _("Why"): found.reason or "–", **_waiting(kind, target)},
        hidden=[("kind", kind), ("target", target)],
    )
    return ask(request, model_admin, question)


def _pause(request: HttpRequest, kind: str, target: str, *, reason: str) -> HttpResponse:
    try:
        actions.pause(kind=kind, target=target, by=operator_of(request), reason=reason)
    except (actions.NothingToPause, ValueError):
        return _unknown(request)
    note(request, f"paused {kind} {target}: {reason}", subject=f"{kind} {target}")
    messages.success(request, _("%s is paused.") % _name(kind, target))
    return _back()


def _question_of_pause(kind: str, target: str, form: forms.Form) -> Question:
    if kind == Pause.Kind.HANDLER:
        _handler(target)
        consequence = _(
            "Turns under way end; then its events wait, also new ones, and fail or die of nothing. Other handlers of the "
            "same events go on. Resuming takes it back."
        )
    else:
        consequence = _(
            "The turn under way ends; then every event of this shard waits, of all its books and for all handlers. Other "
            "shards go on. Resuming takes it back."
        )
    return Question(
        title=_("Pause %s") % _name(kind, target),
        consequence=consequence,
        button=_("Pause"),
        back=_console(),
        facts=_waiting(kind, target),
        hidden=[("kind", kind), ("target", target)],
        form=form,
    )


def _waiting(kind: str, target: str) -> dict[Any, Any]:
    waiting = OutboxMessage.objects.filter(status__in=OPEN)
    if kind == Pause.Kind.SHARD:
        count = waiting.filter(shard=int(target)).order_by()[: COUNT_CAP + 1].count()
        return {_("Events that wait there now"): capped(count)}
    names = sorted({event.name for event in _handler(target).events})
    sample = waiting.order_by().values("event_type")[: overview.SAMPLE + 1]
    count = sum(1 for each in sample if each["event_type"] in names)
    return {_("Event types"): ", ".join(names), _("Events of these types that wait now"): capped(count)}


def _handler(name: str) -> Handler:
    for handler in all_handlers():
        if handler.name == name:
            return handler
    raise actions.NothingToPause(name)


def _target(request: HttpRequest) -> tuple[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    kind, target = given.get("kind", ""), given.get("target", "")
    is_shard = kind == Pause.Kind.SHARD and target.isdecimal()
    return (kind, target) if is_shard or kind == Pause.Kind.HANDLER else (Pause.Kind.HANDLER.value, "")


def _name(kind: str, target: str) -> str:
    return _("shard %s") % target if kind == Pause.Kind.SHARD else target


def _unknown(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("There is no such handler or shard."))
    return _back()


def _console() -> str:
    return reverse("admin:platform_outbox_console")


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(_console())
