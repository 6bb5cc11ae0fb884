"""Opening and resetting breakers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from platform_outbox.admin.confirmation import Question, ask, insist_on_act, is_confirmed, note, operator_of
from platform_outbox.admin.permissions import capped
from platform_outbox.emit import COUNT_CAP
from platform_outbox.models import Breaker, Delivery, Status
from platform_outbox.operators import actions
from platform_outbox.operators.redaction import masked_text
from platform_outbox.registry import all_handlers

_INPUT = {"class": " ".join(INPUT_CLASSES)}


class BreakForm(forms.Form):
    """Which calls to stop, and why."""

    handler = forms.ChoiceField(label=gettext_lazy("Handler"), widget=UnfoldAdminSelectWidget)
    neighbour = forms.CharField(
        label=gettext_lazy("Destination, as the console names it (a host; empty: the handler's only one)"),
        required=False,
        max_length=200,
        widget=forms.TextInput(_INPUT),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason, shown to other operators"), max_length=200, widget=forms.TextInput(_INPUT)
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [handler.name for handler in all_handlers() if handler.io]
        self.fields["handler"] = forms.ChoiceField(
            label=gettext_lazy("Handler"), choices=[(name, name) for name in names], widget=UnfoldAdminSelectWidget
        )


def break_open(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Ask which neighbour and why, and stop the calls."""
    insist_on_act(request)
    form = BreakForm(request.POST if is_confirmed(request) else None, initial={"handler": request.GET.get("handler")})
    if form.is_valid():
        handler, neighbour = (
            form.cleaned_data["handler"],
            form.cleaned_data["neighbour"] or form.cleaned_data["handler"],
        )
        actions.break_open(
            handler=handler, neighbour=neighbour, by=operator_of(request), reason=form.cleaned_data["reason"]
        )
        note(request, f"opened the breaker {handler} → {neighbour}", subject=f"{handler} → {neighbour}")
        messages.success(request, _("Calls to %s wait now.") % neighbour)
        return _back()
    question = Question(
        title=_("Stop calls to a destination"),
        consequence=_(
            "Calls under way end; all further ones of this handler to this neighbour wait, and cost no attempt, until "
            "somebody resets the breaker. Other neighbours are called as before."
        ),
        button=_("Open the breaker"),
        back=_console(),
        form=form,
    )
    return ask(request, model_admin, question)


def reset(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Confirm, and let the calls go out again."""
    insist_on_act(request)
    given = request.POST if request.method == "POST" else request.GET
    handler, neighbour = given.get("handler", ""), given.get("neighbour", "")
    found = Breaker.objects.filter(handler=handler, destination=neighbour).exclude(state=Breaker.State.CLOSED).first()
    if found is None:
        messages.info(request, _("This breaker is not open."))
        return _back()
    if is_confirmed(request):
        actions.reset_breaker(handler=handler, neighbour=neighbour, by=operator_of(request))
        note(request, f"reset the breaker {handler} → {neighbour}", subject=f"{handler} → {neighbour}")
        messages.success(request, _("Calls to %s go out again.") % neighbour)
        return _back()
    return ask(request, model_admin, _question_of_reset(found))


def _question_of_reset(found: Breaker) -> Question:
    waiting = Delivery.objects.filter(
        io=True, queued=False, handler=found.handler, destination=found.destination,
        status__in=[Status.PENDING, Status.FAILED],
    )  # fmt: skip
    return Question(
        title=_("Reset the breaker of %s") % found.destination,
        consequence=_(
            "What waits for this neighbour is sent now. If it is still down, the first failure opens the breaker again."
        ),
        button=_("Reset"),
        back=_console(),
        facts={
            _("Handler"): found.handler,
            _("State"): found.get_state_display(),
            _("Last error"): masked_text(found.error) or "–",
            _("Calls that can go out at once"): capped(waiting.order_by()[: COUNT_CAP + 1].count()),
        },
        hidden=[("handler", found.handler), ("neighbour", found.destination)],
    )


def _console() -> str:
    return reverse("admin:platform_outbox_console")


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(_console())
