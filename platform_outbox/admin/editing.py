"""Emitting a corrected event in the place of a dead letter: a form, a page that shows what changes, and the deed."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from platform_outbox.admin.confirmation import is_confirmed, note, operator_of
from platform_outbox.events import payload_of, type_names
from platform_outbox.models import Delivery, OutboxMessage, Status
from platform_outbox.operators.editing import EditRefused, edit_as_new, replacement_for
from platform_outbox.operators.redaction import MASK, masked, unmasked
from platform_outbox.registry import handlers_of

LONGEST = 100_000


class PayloadForm(forms.Form):
    """The payload as JSON. Strict: no doubled keys, no NaN, an object."""

    payload = forms.CharField(
        label=gettext_lazy("Payload"),
        max_length=LONGEST,
        widget=UnfoldAdminTextareaWidget({"rows": 14, "spellcheck": "false", "class": "font-mono"}),
    )

    def clean_payload(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cleaned_data["payload"], object_pairs_hook=_object, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is not JSON: %s") % error) from None
        if not isinstance(found, dict):
            raise forms.ValidationError(_("A payload is a JSON object: {…}."))
        return found


def edit(request: HttpRequest, model_admin: Any, event_id: int) -> HttpResponse:
    """For superusers: an edited payload can say anything its type allows."""
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied
    message = get_object_or_404(OutboxMessage, pk=event_id)
    form = PayloadForm(request.POST or None, initial={"payload": _pretty(masked(message.payload))})
    changed: dict[str, Any] | None = None
    if form.is_valid():
        payload = unmasked(form.cleaned_data["payload"], original=message.payload)
        try:
            if is_confirmed(request):
                return _emit(request, message, payload)
            changed = payload_of(replacement_for(message, payload))
        except EditRefused as error:
            form.add_error("payload", str(error))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Outbox"),
        "page_title": _("Edit #%d as a new event") % message.pk,
        "message": message,
        "form": form,
        "is_dead": message.status == Status.DEAD and message.discarded_at is None,
        "mask": MASK,
        "fields": _fields(message),
        "changes": _changes(message, changed) if changed is not None else None,
        "runs": [handler.name for handler in handlers_of(message.event_type)],
        "runs_again": _through(message),
    }
    return TemplateResponse(request, "platform_outbox/admin/edit.html", context)


def _emit(request: HttpRequest, message: OutboxMessage, payload: dict[str, Any]) -> HttpResponse:
    new_id = edit_as_new(event_id=message.pk, payload=payload, by=operator_of(request))
    note(request, f"edited as #{new_id}", subject=str(message), object_id=message.pk)
    note(request, f"emitted in the place of #{message.pk}", subject=f"{message.event_type} #{new_id}", object_id=new_id)
    said = _("#%(new)d was emitted in the place of #%(old)d.") % {"new": new_id, "old": message.pk}
    messages.success(request, said)
    return HttpResponseRedirect(reverse("admin:platform_outbox_outboxmessage_change", args=[new_id]))


def _changes(message: OutboxMessage, changed: dict[str, Any]) -> list[tuple[str, str, str]]:
    before, after = masked(message.payload), masked(changed)
    names = [name for name in {**message.payload, **changed} if message.payload.get(name) != changed.get(name)]
    return [(name, _value(before, name), _value(after, name)) for name in names]


def _value(payload: dict[str, Any], name: str) -> str:
    return json.dumps(payload[name], ensure_ascii=False) if name in payload else "–"


def _fields(message: OutboxMessage) -> dict[str, str]:
    """Field → type of the newest class that is known under this name."""
    for handler in handlers_of(message.event_type):
        for cls in handler.events:
            if cls.name == message.event_type:
                return type_names(cls)
    return {}


def _through(message: OutboxMessage) -> list[str]:
    done = Delivery.objects.filter(message=message.pk, status=Status.SENT)
    return sorted(done.values_list("handler", flat=True))


def _pretty(payload: Any) -> str:
    return json.dumps(payload, indent=2, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(_("a key stands there twice"))
    return found


def _refuse(text: str) -> Any:
    raise ValueError(_("%s is no number") % text)
