"""Starting, stopping and resuming replays that the workers carry out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from platform_outbox import replay
from platform_outbox.admin.asking import Question, ask, insist_on_act, is_confirmed, note, operator_of
from platform_outbox.models import Replay
from platform_outbox.registry import all_handlers

_INPUT = {"class": " ".join(INPUT_CLASSES)}
_WHEN = {**_INPUT, "type": "datetime-local"}


class ReplayForm(forms.Form):
    """Which handler over which events, and how fast."""

    handler = forms.ChoiceField(label=gettext_lazy("Handler"), widget=UnfoldAdminSelectWidget)
    event_type = forms.CharField(
        label=gettext_lazy("Event type (empty: all that it listens to)"),
        required=False,
        max_length=120,
        widget=forms.TextInput(_INPUT),
    )
    ordering_key = forms.CharField(
        label=gettext_lazy("Ordering key, such as book:7 (empty: all)"),
        required=False,
        max_length=120,
        widget=forms.TextInput(_INPUT),
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Emitted since"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Emitted before"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )
    rate = forms.IntegerField(
        label=gettext_lazy("Events a second, at most (empty: as fast as it goes)"),
        required=False,
        min_value=1,
        max_value=100_000,
        widget=forms.NumberInput(_INPUT),
    )
    keep_going = forms.BooleanField(label=gettext_lazy("Note events that fail, and go on"), required=False)
    including_io = forms.BooleanField(
        label=gettext_lazy("Also for a handler with effects outside the database: send again"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [handler.name for handler in all_handlers()]
        self.fields["handler"] = forms.ChoiceField(
            label=gettext_lazy("Handler"), choices=[(name, name) for name in names], widget=UnfoldAdminSelectWidget
        )

    def plan(self, *, by: str) -> Replay:
        """Raises ReplayRefused."""
        given = self.cleaned_data
        return replay.plan(
            handler=given["handler"],
            by=by,
            event_types=[given["event_type"]] if given["event_type"] else [],
            ordering_key=given["ordering_key"],
            emitted_from=given["since"],
            emitted_to=given["until"],
            rate=given["rate"],
            keep_going=given["keep_going"],
            including_io=given["including_io"],
        )


def new(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Ask which, and leave the work to the workers."""
    insist_on_act(request)
    form = ReplayForm(request.POST if is_confirmed(request) else None, initial={"handler": request.GET.get("handler")})
    if form.is_valid():
        try:
            run = replay.start(form.plan(by=operator_of(request)), in_worker=True)
        except replay.ReplayRefused as error:
            form.add_error(None, str(error))
        else:
            note(request, f"replay {run.pk} of {run.handler} started", subject=str(run))
            messages.success(request, _("Replay %(id)d of %(handler)s is started.") % _figures(run))
            return _back()
    question = Question(
        title=_("Replay events"),
        consequence=_(
            "The handler runs again for each event that it is through with, in their order, once each. It sees that it is "
            "a replay. New events of a book wait while one of its old ones is handled. It can be stopped and go on later."
        ),
        button=_("Start the replay"),
        back=reverse("admin:platform_outbox_console"),
        form=form,
    )
    return ask(request, model_admin, question)


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
        messages.success(request, _("Replay %(id)d of %(handler)s goes on.") % _figures(run))
        return _back()
    consequence = _("It goes on behind the last event that it handled, in the workers.")
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
