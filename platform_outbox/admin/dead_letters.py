"""What operators do to events: to selected ones, to all dead letters that have something in common, to one by editing it."""

import dataclasses
import datetime
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextareaWidget

from platform_outbox.admin.base import Question, ask, given_in, is_confirmed, note
from platform_outbox.events import known_events, payload_of, type_names
from platform_outbox.models import Delivery, OutboxMessage, Status
from platform_outbox.monitoring.overview import NO_GROUP
from platform_outbox.operators import actions, editing
from platform_outbox.operators.editing import masked, masked_text
from platform_outbox.operators.selection import Discarded, Events, Selected, Selection, carry_out
from platform_outbox.registry import handlers_of

BUDGET_SECONDS = 20.0  # a page must answer; what is left then is asked about again
MOST_SELECTED = 10_000  # more are chosen by what they have in common, on the page of dead letters
MOST_LINES = 20  # events with a line each in the admin's log; a larger selection gets one line
LONGEST_PAYLOAD = 100_000

_WHEN = {"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}
_MOMENT = "%Y-%m-%d %H:%M:%S"
_EDIT = gettext_lazy("Edit #%d as a new event")


class BulkAction(NamedTuple):
    """Something an operator can do to events, as the confirmation page words it."""

    name: str
    title: Any
    consequence: Any
    unchanged: Any
    done: Callable[[int], str]
    service: Callable[..., int]


_UNCHANGED = gettext_lazy(
    "Everything else stays as it is: what is neither dead nor waiting for a retry, and what was dealt with or replaced by "
    "an edited event."
)
REQUEUE = BulkAction(
    "requeue",
    gettext_lazy("Try again"),
    gettext_lazy(
        "Each becomes due at once, with all its attempts before it. Handlers that have handled it are not run again. "
        "What its handlers then do cannot be undone from here."
    ),
    _UNCHANGED,
    lambda n: ngettext("%d event is due again.", "%d events are due again.", n) % n,
    actions.requeue,
)
DISCARD = BulkAction(
    "discard",
    gettext_lazy("Discard"),
    gettext_lazy(
        "What its handlers have not done will not happen. Later events behind it continue. It stays readable, and the "
        "discard can be undone."
    ),
    _UNCHANGED,
    lambda n: ngettext("%d event was discarded.", "%d events were discarded.", n) % n,
    actions.discard,
)
RESTORE = BulkAction(
    "restore",
    gettext_lazy("Undo the discard"),
    gettext_lazy("Each is a dead letter again, as before. Nothing is run until an operator tries it again."),
    gettext_lazy("Everything else stays as it is: what is not discarded, and what was replaced by an edited event."),
    lambda n: ngettext("%d event is a dead letter again.", "%d events are dead letters again.", n) % n,
    actions.restore,
)
ACTIONS = {action.name: action for action in (REQUEUE, DISCARD, RESTORE)}


class SelectionForm(forms.Form):
    """Which dead letters. Everything is optional: nothing given means all of them."""

    error = forms.RegexField(rf"^([0-9a-f]{{16}}|{NO_GROUP})$", required=False, widget=forms.HiddenInput)
    event_type = forms.CharField(
        label=gettext_lazy("Event type"),
        required=False,
        max_length=120,
        widget=forms.TextInput({"class": _WHEN["class"]}),
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Emitted since"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Emitted before"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )

    def selection(self) -> Selection:
        error = self.cleaned_data["error"]
        return Selection(
            event_type=self.cleaned_data["event_type"],
            error_group={"": None, NO_GROUP: ""}.get(error, error),
            emitted_from=self.cleaned_data["since"],
            emitted_to=self.cleaned_data["until"],
        )


def act_on_selection(request: HttpRequest, model_admin: Any, action: str) -> HttpResponse:
    """Confirm and do something to all dead letters of an error, a type, a time range."""
    if action not in (REQUEUE.name, DISCARD.name):
        raise Http404
    given, back = given_in(request), reverse("admin:platform_outbox_errors")
    form = SelectionForm(given)
    if not form.is_valid():
        problems = "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())
        messages.error(request, _("That choice cannot be read: %s") % problems)
        return HttpResponseRedirect(back)
    selection = form.selection()
    if is_confirmed(request) and given.get("through", "").isdecimal():
        chosen = {
            "%s": selection.event_type,
            "error %s": selection.error_group,
            "since %s": selection.emitted_from and f"{selection.emitted_from:%Y-%m-%d %H:%M}",
            "before %s": selection.emitted_to and f"{selection.emitted_to:%Y-%m-%d %H:%M}",
        }
        subject = ", ".join(words % value for words, value in chosen.items() if value not in (None, "")) or "all"
        seen = dataclasses.replace(selection, through=int(given["through"]))
        return _carry_out(request, ACTIONS[action], seen, subject=f"dead letters: {subject}", back=back)
    selection = selection.until_now()
    facts = {}
    if selection.error_group is not None:
        newest = selection.events().order_by("-id").values_list("error", flat=True).first()
        facts[_("Error")] = masked_text(newest or selection.error_group)
    if selection.emitted_from:
        facts[_("Emitted since")] = timezone.localtime(selection.emitted_from).strftime(_MOMENT)
    if selection.emitted_to:
        facts[_("Emitted before")] = timezone.localtime(selection.emitted_to).strftime(_MOMENT)
    hidden = [(name, given[name]) for name in ("error", "event_type", "since", "until") if given.get(name)]
    hidden.append(("through", selection.through))
    question = _question(ACTIONS[action], selection, facts=facts, hidden=hidden, back=back)
    return ask(request, model_admin, question)


def take_back(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Confirm and undo the discard of what was discarded between two moments."""
    given, back = given_in(request), reverse("admin:platform_outbox_errors")
    try:
        since, until = (datetime.datetime.fromisoformat(given.get(name, "")) for name in ("since", "until"))
    except ValueError:
        raise Http404 from None
    if timezone.is_naive(since) or timezone.is_naive(until):
        raise Http404
    discarded = Discarded(since=since, until=until)
    if is_confirmed(request):
        return _carry_out(request, RESTORE, discarded, subject=f"{since} – {until}", back=back)
    period = " – ".join(timezone.localtime(moment).strftime(_MOMENT) for moment in (since, until))
    hidden = [("since", given["since"]), ("until", given["until"])]
    question = _question(RESTORE, discarded, facts={_("Discarded"): period}, hidden=hidden, back=back)
    return ask(request, model_admin, question)


def act_on_selected(request: HttpRequest, model_admin: Any, action: str) -> HttpResponse:
    """Confirm and do something to the events whose numbers stand in `ids`, separated by commas."""
    if action not in ACTIONS:
        raise Http404
    try:
        asked = {int(each) for each in given_in(request).get("ids", "").split(",") if each}
    except ValueError:
        raise Http404 from None
    ids = sorted(each for each in asked if 0 < each <= BigIntegerField.MAX_BIGINT)[:MOST_SELECTED]
    if is_confirmed(request):
        return _carry_out(request, ACTIONS[action], Selected(ids=ids), subject="", back=_page_of(ids))
    return confirm_selected(request, model_admin, ACTIONS[action], ids)


def confirm_selected(request: HttpRequest, model_admin: Any, action: BulkAction, ids: list[int]) -> HttpResponse:
    """The page that says what happens to these events, and which of them stay as they are."""
    possible = Selected(ids=ids, condition=actions.condition_of(action.service))
    hidden = [("ids", ",".join(map(str, ids)))]
    question = _question(action, possible, facts={}, hidden=hidden, back=_page_of(ids))
    changed = sum(number for *_kind, number in question.rows)
    question = dataclasses.replace(
        question,
        facts={_("Chosen"): len(ids), _("Not changed"): len(ids) - changed},
        action=reverse("admin:platform_outbox_act_on_chosen", args=[action.name]),
        warning="" if changed == len(ids) else action.unchanged,
    )
    return ask(request, model_admin, question)


def _question(
    action: BulkAction, chosen: Events, *, facts: dict[Any, Any], hidden: list[tuple[str, Any]], back: str
) -> Question:
    kinds = chosen.events().order_by("event_type", "status").values_list("event_type", "status")
    groups = list(kinds.annotate(count=Count("id")))
    count = sum(number for *_kind, number in groups)
    words = {"action": action.title, "count": count}
    statuses = dict(Status.choices)
    return Question(
        title=action.title,
        consequence=action.consequence,
        button=ngettext("%(action)s: %(count)d event", "%(action)s: %(count)d events", count) % words,
        back=back,
        facts={_("Events"): count, **facts},
        columns=[_("Event"), _("Status"), _("Handlers"), _("Count")],
        rows=[
            (name, statuses[status], ", ".join(each.name for each in handlers_of(name)) or "–", number)
            for name, status, number in groups
        ],
        hidden=hidden,
        possible=count > 0,
    )


def _carry_out(request: HttpRequest, action: BulkAction, chosen: Events, *, subject: str, back: str) -> HttpResponse:
    begun, started, count, left = timezone.now(), time.monotonic(), 0, False
    for done in carry_out(chosen, service=action.service, by=str(request.user)):
        count += done
        left = not isinstance(chosen, Selected) and time.monotonic() - started > BUDGET_SECONDS
        if left:
            break
    deed = f"{action.name} ({count} events)"
    if isinstance(chosen, Selected) and len(chosen.ids) <= MOST_LINES:
        for row in chosen.events():
            note(request, row, deed)
    else:
        note(request, OutboxMessage, deed, subject=subject or str(chosen))
    said = action.done(count)
    if action is DISCARD and count:
        query = urlencode({"since": begun.isoformat(), "until": timezone.now().isoformat()})
        url = f"{reverse('admin:platform_outbox_take_back')}?{query}"
        said = format_html('{} <a class="underline" href="{}">{}</a>', said, url, RESTORE.title)
    messages.success(request, said)
    if left:
        messages.warning(request, _("There are more: they take longer than one page may. Confirm again to continue."))
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(back)


def _page_of(ids: list[int]) -> str:
    if len(ids) == 1:
        return reverse("admin:platform_outbox_outboxmessage_change", args=ids)
    return reverse("admin:platform_outbox_outboxmessage_changelist")


class PayloadForm(forms.Form):
    """The payload as JSON. Strict: no doubled keys, no NaN, an object."""

    payload = forms.CharField(
        label=gettext_lazy("Payload"),
        max_length=LONGEST_PAYLOAD,
        widget=UnfoldAdminTextareaWidget({"rows": 14, "spellcheck": "false", "class": "font-mono"}),
    )

    def clean_payload(self) -> dict[str, Any]:
        def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
            if len(dict(found)) != len(found):
                raise ValueError(_("a key stands there twice"))
            return dict(found)

        def constant(text: str) -> None:
            raise ValueError(_("%s is no number") % text)

        try:
            found = json.loads(self.cleaned_data["payload"], object_pairs_hook=pairs, parse_constant=constant)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is not JSON: %s") % error) from None
        if not isinstance(found, dict):
            raise forms.ValidationError(_("A payload is a JSON object: {…}."))
        return found


def edit(request: HttpRequest, model_admin: Any, event_id: int) -> HttpResponse:
    """Emit a corrected event in place of a dead letter. For superusers: it can say anything its type allows."""
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied
    message = get_object_or_404(OutboxMessage, pk=event_id)
    shown = json.dumps(masked(message.payload), indent=2, ensure_ascii=False)
    form = PayloadForm(request.POST or None, initial={"payload": shown})
    if form.is_valid():
        payload = editing.unmasked(form.cleaned_data["payload"], original=message.payload)
        try:
            if is_confirmed(request):
                new_id = editing.edit_as_new(event_id=message.pk, payload=payload, by=str(request.user))
                note(request, message, f"edited as #{new_id}")
                note(request, OutboxMessage.objects.get(pk=new_id), f"emitted in the place of #{message.pk}")
                said = _("#%(new)d was emitted in the place of #%(old)d.") % {"new": new_id, "old": message.pk}
                messages.success(request, said)
                return HttpResponseRedirect(_page_of([new_id]))
            changed = payload_of(editing.replacement_for(message, payload))
            return ask(request, model_admin, _question_of_edit(message, changed, edited=form["payload"].value()))
        except editing.EditRefused as error:
            form.add_error("payload", str(error))
    classes = [cls for cls in known_events() if cls.name == message.event_type]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _EDIT % message.pk,
        "message": message,
        "form": form,
        "is_dead": message.status == Status.DEAD and message.discarded_at is None,
        "mask": editing.MASK,
        "fields": type_names(classes[0]) if classes else {},
    }
    return TemplateResponse(request, "platform_outbox/admin/edit.html", context)


def _question_of_edit(message: OutboxMessage, changed: dict[str, Any], *, edited: str) -> Question:
    def shown(payload: dict[str, Any], name: str) -> str:
        return json.dumps(masked(payload)[name], ensure_ascii=False) if name in payload else "–"

    before = message.payload
    names = [name for name in {**before, **changed} if before.get(name) != changed.get(name)]
    done = Delivery.objects.filter(message=message.pk, status=Status.SENT).order_by("handler")
    again = ", ".join(done.values_list("handler", flat=True))
    return Question(
        title=_EDIT % message.pk,
        consequence=_(
            "A new %s with this payload is emitted, and the dead letter is discarded for good: it can be read, but neither "
            "tried again nor restored."
        )
        % message.event_type,
        button=_("Emit the new event, discard the old"),
        back=reverse("admin:platform_outbox_edit", args=[message.pk]),
        facts={_("Handlers that run"): ", ".join(each.name for each in handlers_of(message.event_type)) or "–"},
        columns=[_("Field"), _("Before"), _("After")],
        rows=[(name, shown(before, name), shown(changed, name)) for name in names],
        counted=False,
        hidden=[("payload", edited)],
        warning=_("These have handled the dead letter, and run again for the new event: %s.") % again if again else "",
    )
