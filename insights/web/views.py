"""The feed, one insight with its evidence, and the buttons below it."""

import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.clock import today_in
from finance import facts as books
from finance.errors import FinanceError, Forbidden
from finance.facts import Role
from insights import selectors, services
from insights.models import Insight, Kind
from insights.rules.findings import day
from insights.sentences import told_figure
from insights.web.access import insights_page, user_of

SNOOZE_DAYS = (7, 30)
# Rows of evidence that are in sight at once; the others are folded.
SHOWN_ROWS = 15


@require_safe
@insights_page()
def feed(request: HttpRequest, book: Any) -> HttpResponse:
    """Current insights, or those of one state or kind; newest subject first."""
    found = selectors.insights_of(book_id=book.pk)
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    if state in Insight.State.values:
        found = found.filter(state=state)
    elif state == "snoozed":
        found = found & Insight.objects.snoozed(on=today_in(book))
    elif state != "all":
        state, found = "", found & Insight.objects.current(on=today_in(book))
    if kind in Kind.values:
        found = found.filter(kind=kind)
    page = selectors.feed_page(found, after=request.GET.get("after", ""))
    return render(
        request,
        "insights/feed.html",
        {
            "book": book,
            "page": page,
            "state": state,
            "kind": kind if kind in Kind.values else "",
            "kinds": Kind.choices,
            "states": [
                ("snoozed", _("Snoozed")),
                (Insight.State.DISMISSED, _("Dismissed")),
                (Insight.State.RESOLVED, _("Resolved")),
            ],
            "muted": selectors.muted_payees(book_id=book.pk),
        },
    )


@require_safe
@insights_page()
def detail(request: HttpRequest, book: Any, insight_id: int) -> HttpResponse:
    """One insight, with a page of its evidence. For those who may act, opening it is seeing it."""
    insight = selectors.insight_for(book_id=book.pk, insight_id=insight_id)
    try:
        books.book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
    except Forbidden:
        can_act = False
    else:
        can_act = True
        insight = services.mark_seen(insight=insight, actor=user_of(request), now=timezone.now())
    # Where a page of evidence begins; what cannot be read begins at the top.
    text = request.GET.get("after", "")
    page = selectors.evidence_page(
        insight=insight, after=int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    )
    context = {
        "book": book,
        "insight": insight,
        "shown": page.rows[:SHOWN_ROWS],
        "folded": page.rows[SHOWN_ROWS:],
        "more": page.after,
        "can_act": can_act,
        "snooze_days": SNOOZE_DAYS,
        "is_snoozed": insight.snoozed_until is not None and insight.snoozed_until > today_in(book),
    }
    return render(request, "insights/detail.html", context)


@require_POST
@insights_page(Role.EDITOR)
def act(request: HttpRequest, book: Any, insight_id: int, action: str) -> HttpResponse:
    """Dismiss, reopen, snooze, wake or mute; back to the feed, or to the insight where that failed."""
    insight = selectors.insight_for(book_id=book.pk, insight_id=insight_id)
    actor, now = user_of(request), timezone.now()
    try:
        match action:
            case "dismiss":
                services.dismiss(insight=insight, actor=actor, now=now)
                said = _("Dismissed. It will not come back.")
            case "reopen":
                services.reopen(insight=insight, actor=actor, now=now)
                said = _("Reopened.")
            case "wake":
                services.wake(insight=insight, actor=actor, now=now)
                said = _("It is shown again.")
            case "mute":
                services.mute_payee(insight=insight, actor=actor, now=now)
                said = _("{payee} is muted for this kind of insight.").format(payee=insight.payee)
            case _:
                on = today_in(book, now=now)
                text = request.POST.get("days", "")
                until = on + datetime.timedelta(days=int(text) if text in map(str, SNOOZE_DAYS) else SNOOZE_DAYS[0])
                services.snooze(insight=insight, actor=actor, until=until, on=on, now=now)
                said = _("Snoozed until {day}.").format(day=told_figure(day(until)))
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("insights:detail", book_id=book.pk, insight_id=insight.pk)
    messages.success(request, said)
    if action in ("reopen", "wake"):
        return redirect("insights:detail", book_id=book.pk, insight_id=insight.pk)
    return redirect("insights:feed", book_id=book.pk)


@require_POST
@insights_page(Role.EDITOR)
def unmute(request: HttpRequest, book: Any, muted_id: int) -> HttpResponse:
    """Let insights about a payee come up again."""
    services.unmute_payee(muted=selectors.muted_payee_for(book_id=book.pk, muted_id=muted_id))
    messages.success(request, _("Unmuted."))
    return redirect("insights:feed", book_id=book.pk)
