"""What can be done to dead letters: to chosen ones, to one, or to all that have something in common."""

import datetime
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import INPUT_CLASSES

from platform_outbox.admin.confirmation import Question, ask, insist_on_act, is_confirmed, note, operator_of
from platform_outbox.admin.permissions import capped
from platform_outbox.operators import actions
from platform_outbox.operators.redaction import masked_text
from platform_outbox.operators.selection import MOST_COUNTED, Discarded, Selection, carry_out
from platform_outbox.registry import handlers_of

# A page must answer; what is left after this time is asked about again.
BUDGET_SECONDS = 20.0


class Deed(NamedTuple):
    """Something an operator can do to events, as the confirmation page words it."""

    name: str
    title: Any
    consequence: Any
    done: Callable[[int], str]
    service: Callable[..., int]


REQUEUE = Deed(
    "requeue",
    gettext_lazy("Try again"),
    gettext_lazy(
        "Each becomes due at once, with all its attempts before it. Handlers that are through with it are not run again. "
        "What its handlers then do cannot be taken back from here."
    ),
    lambda n: ngettext("%d event is due again.", "%d events are due again.", n) % n,
    actions.requeue,
)
DISCARD = Deed(
    "discard",
    gettext_lazy("Discard"),
    gettext_lazy(
        "What its handlers have not done will not happen. Younger events behind it go on. It stays readable, and the "
        "discard can be taken back."
    ),
    lambda n: ngettext("%d event was discarded.", "%d events were discarded.", n) % n,
    actions.discard,
)
RESTORE = Deed(
    "restore",
    gettext_lazy("Take the discard back"),
    gettext_lazy("Each is a dead letter again, as before. Nothing is run until somebody tries it again."),
    lambda n: ngettext("%d event is a dead letter again.", "%d events are dead letters again.", n) % n,
    actions.restore,
)
DEEDS = {deed.name: deed for deed in (REQUEUE, DISCARD, RESTORE)}

_WHEN = {"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}


class SelectionForm(forms.Form):
    """Which dead letters. Everything is optional: nothing given means all of them."""

    error = forms.RegexField(r"^([0-9a-f]{16}|none)$", required=False, widget=forms.HiddenInput)
    event_type = forms.CharField(label=gettext_lazy("Event type"), required=False, max_length=120)
    since = forms.DateTimeField(
        label=gettext_lazy("Emitted since"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Emitted before"), required=False, widget=forms.DateTimeInput(_WHEN, "%Y-%m-%dT%H:%M")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["event_type"].widget.attrs["class"] = " ".join(INPUT_CLASSES)

    def selection(self) -> Selection:
        """What was chosen, if the form is valid."""
        error = self.cleaned_data["error"]
        return Selection(
            event_type=self.cleaned_data["event_type"],
            error_group={"": None, "none": ""}.get(error, error),
            emitted_from=self.cleaned_data["since"],
            emitted_to=self.cleaned_data["until"],
        )


def act_on_selection(request: HttpRequest, model_admin: Any, deed: str) -> HttpResponse:
    """Confirm and do something to all dead letters of an error, a type, a time range."""
    insist_on_act(request)
    if deed not in (REQUEUE.name, DISCARD.name):
        raise Http404
    given = request.POST if request.method == "POST" else request.GET
    form = SelectionForm(given)
    if not form.is_valid():
        messages.error(request, _("That choice cannot be read: %s") % _problems(form))
        return HttpResponseRedirect(reverse("admin:platform_outbox_errors"))
    selection = form.selection()
    if is_confirmed(request) and given.get("through", "").isdecimal():
        seen = Selection(**{**_fields(selection), "through": int(given["through"])})
        return _carry_out(request, DEEDS[deed], seen, told=_told(seen), again=request.get_full_path())
    return ask(request, model_admin, _question(DEEDS[deed], selection.until_now(), given))


def take_back(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Confirm and take back what was discarded between two moments: the undo of one discard of many."""
    insist_on_act(request)
    given = request.POST if request.method == "POST" else request.GET
    try:
        since, until = (datetime.datetime.fromisoformat(given.get(name, "")) for name in ("since", "until"))
        if timezone.is_naive(since) or timezone.is_naive(until):
            raise Http404
        discarded = Discarded(since=since, until=until)
        count = discarded.count()
    except (TypeError, ValueError):
        raise Http404 from None
    if is_confirmed(request):
        return _carry_out(request, RESTORE, discarded, told=f"{since} – {until}", again=request.get_full_path())
    question = Question(
        title=RESTORE.title,
        consequence=RESTORE.consequence,
        button=RESTORE.title,
        back=reverse("admin:platform_outbox_errors"),
        facts={_("Events"): capped(count), _("Discarded"): f"{_moment(since)} – {_moment(until)}"},
        hidden=[("since", given["since"]), ("until", given["until"])],
        possible=count > 0,
    )
    return ask(request, model_admin, question)


def _question(deed: Deed, selection: Selection, given: Any) -> Question:
    by_type = list(
        selection.dead().order_by("event_type").values("event_type").annotate(count=Count("id")).values_list(
            "event_type", "count"
        )
    )  # fmt: skip
    count = sum(each for _name, each in by_type)
    return Question(
        title=deed.title,
        consequence=deed.consequence,
        button=ngettext("%(deed)s: %(count)d event", "%(deed)s: %(count)d events", count)
        % {"deed": deed.title, "count": count},
        back=reverse("admin:platform_outbox_errors"),
        facts=_facts(selection, count),
        columns=[_("Event"), _("Handlers"), _("Count")],
        rows=[(name, ", ".join(each.name for each in handlers_of(name)) or "–", n) for name, n in by_type],
        hidden=[
            *((name, given.get(name, "")) for name in ("error", "event_type", "since", "until") if given.get(name)),
            ("through", selection.through),
        ],
        possible=count > 0,
    )


def _facts(selection: Selection, count: int) -> dict[Any, Any]:
    facts = {_("Dead letters"): f"{count}" if count <= MOST_COUNTED else f"> {MOST_COUNTED}"}
    if selection.error_group is not None:
        newest = selection.dead().order_by("-id").values_list("error", flat=True).first()
        facts[_("Error")] = masked_text(newest or selection.error_group)
    if selection.emitted_from:
        facts[_("Emitted since")] = _moment(selection.emitted_from)
    if selection.emitted_to:
        facts[_("Emitted before")] = _moment(selection.emitted_to)
    return facts


def _carry_out(
    request: HttpRequest, deed: Deed, selection: Selection | Discarded, *, told: str, again: str
) -> HttpResponse:
    begun, started, count, left = timezone.now(), time.monotonic(), 0, False
    for done in carry_out(selection, service=deed.service, by=operator_of(request)):
        count += done
        left = time.monotonic() - started > BUDGET_SECONDS
        if left:
            break
    note(request, f"{deed.name} ({count} events)", subject=told)
    said = deed.done(count)
    if deed is DISCARD and count:
        query = urlencode({"since": begun.isoformat(), "until": timezone.now().isoformat()})
        url = f"{reverse('admin:platform_outbox_take_back')}?{query}"
        said = format_html('{} <a class="underline" href="{}">{}</a>', said, url, RESTORE.title)
    messages.success(request, said)
    if left:
        messages.warning(request, _("There are more: they take longer than one page may. Confirm once more to go on."))
        return HttpResponseRedirect(again)
    return HttpResponseRedirect(reverse("admin:platform_outbox_errors"))


def _fields(selection: Selection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in ("event_type", "error_group", "emitted_from", "emitted_to")}


def _told(selection: Selection) -> str:
    """The selection in one line of the log."""
    parts = [
        selection.event_type,
        f"error {selection.error_group}" if selection.error_group is not None else "",
        f"since {selection.emitted_from:%Y-%m-%d %H:%M}" if selection.emitted_from else "",
        f"before {selection.emitted_to:%Y-%m-%d %H:%M}" if selection.emitted_to else "",
    ]
    return f"dead letters: {', '.join(part for part in parts if part) or 'all'}"


def _problems(form: forms.Form) -> str:
    return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())


def _moment(moment: datetime.datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")
