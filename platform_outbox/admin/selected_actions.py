"""Deeds at events that were ticked in the list, or at the one whose page is open."""

from typing import Any

from django.contrib import messages
from django.db.models import BigIntegerField, Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from platform_outbox.admin.bulk_actions import DEEDS, Deed
from platform_outbox.admin.confirmation import Question, ask, insist_on_act, is_confirmed, note, operator_of
from platform_outbox.models import OutboxMessage, Status
from platform_outbox.operators import actions
from platform_outbox.operators.selection import BATCH
from platform_outbox.registry import handlers_of

# More are chosen by what they have in common, on the page of dead letters.
MOST_CHOSEN = 10_000
# So many get a line each in the admin's log; of more, one line tells.
MOST_LINES = 20


def act_on_chosen(request: HttpRequest, model_admin: Any, deed: str) -> HttpResponse:
    """Confirm and do something to the events whose numbers stand in `ids`, separated by commas."""
    insist_on_act(request)
    if deed not in DEEDS:
        raise Http404
    given = request.POST if request.method == "POST" else request.GET
    try:
        asked = {int(each) for each in given.get("ids", "").split(",") if each}
        ids = sorted(each for each in asked if 0 < each <= BigIntegerField.MAX_BIGINT)[:MOST_CHOSEN]
    except ValueError:
        raise Http404 from None
    if is_confirmed(request):
        return _carry_out(request, DEEDS[deed], ids)
    return confirmation(request, model_admin, DEEDS[deed], ids)


def confirmation(request: HttpRequest, model_admin: Any, deed: Deed, ids: list[int]) -> HttpResponse:
    """The page that says what the deed does to these events, and to which of them it does nothing."""
    possible = OutboxMessage.objects.filter(actions.condition_of(deed.service), pk__in=ids)
    groups = list(
        possible.order_by("event_type")
        .values("event_type", "status")
        .annotate(count=Count("pk"))
        .order_by("event_type")
    )
    count = sum(group["count"] for group in groups)
    words = dict(Status.choices)
    question = Question(
        title=deed.title,
        consequence=deed.consequence,
        button=ngettext("%(deed)s: %(count)d event", "%(deed)s: %(count)d events", count)
        % {"deed": deed.title, "count": count},
        back=_page_of(ids),
        facts={_("Chosen"): len(ids), _("Not changed"): len(ids) - count},
        columns=[_("Event"), _("Status"), _("Handlers"), _("Count")],
        rows=[
            (
                group["event_type"],
                words[group["status"]],
                ", ".join(handler.name for handler in handlers_of(group["event_type"])) or "–",
                group["count"],
            )
            for group in groups
        ],
        hidden=[("ids", ",".join(map(str, ids)))],
        action=reverse("admin:platform_outbox_act_on_chosen", args=[deed.name]),
        warning="" if count == len(ids) else _left_alone(deed),
        possible=count > 0,
    )
    return ask(request, model_admin, question)


def _left_alone(deed: Deed) -> str:
    if deed.service is actions.restore:
        return _("Everything else stays as it is: what is not discarded, and what was replaced by an edited event.")
    return _(
        "Left alone is what is neither dead nor waiting for a retry, what was dealt with before, and what was replaced "
        "by an edited event."
    )


def _carry_out(request: HttpRequest, deed: Deed, ids: list[int]) -> HttpResponse:
    count = 0
    for start in range(0, len(ids), BATCH):
        count += deed.service(ids=ids[start : start + BATCH], by=operator_of(request))
    if len(ids) <= MOST_LINES:
        for row in OutboxMessage.objects.filter(Q(pk__in=ids)):
            note(request, f"{deed.name} ({count} events)", subject=str(row), object_id=row.pk)
    else:
        note(request, f"{deed.name} ({count} events)", subject=f"{len(ids)} events, #{ids[0]} to #{ids[-1]}")
    messages.success(request, deed.done(count))
    return HttpResponseRedirect(_page_of(ids))


def _page_of(ids: list[int]) -> str:
    if len(ids) == 1:
        return reverse("admin:platform_outbox_outboxmessage_change", args=ids)
    return reverse("admin:platform_outbox_outboxmessage_changelist")
