"""The feed, one insight with its proof, and the buttons below it."""

import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from finance import facts as books
from finance.errors import FinanceError, Forbidden
from finance.facts import Role
from insights import selectors, services
from insights.models import Insight, Kind
from insights.web.access import insights_page, user_of

# What "not now" means, in days.
SNOOZE_DAYS = (7, 30)


@require_safe
@insights_page()
def feed(request: HttpRequest, book: Any) -> HttpResponse:
    """Current insights, or those of one state or kind; newest subject first."""
    found = selectors.insights_of(book_id=book.pk)
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    if state in Insight.State.values:
        found = found.filter(state=state)
    elif state != "all":
        state, found = "", found & Insight.objects.current(on=books.today_in(book=book))
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
            "states": [(Insight.State.DISMISSED, _("Dismissed")), (Insight.State.RESOLVED, _("Resolved"))],
            "muted": selectors.muted_payees(book_id=book.pk),
        },
    )


@require_safe
@insights_page()
def detail(request: HttpRequest, book: Any, insight_id: int) -> HttpResponse:
    """One insight. For those who may act, opening it is seeing it."""
    insight = selectors.insight_for(book_id=book.pk, insight_id=insight_id)
    can_act = _may_act(request, book)
    if can_act:
        insight = services.mark_seen(insight=insight, actor=user_of(request), now=timezone.now())
    context = {
        "book": book,
        "insight": insight,
        "evidence": selectors.evidence_of(insight=insight),
        "can_act": can_act,
        "snooze_days": SNOOZE_DAYS,
    }
    return render(request, "insights/detail.html", context)


@require_POST
@insights_page(Role.EDITOR)
def act(request: HttpRequest, book: Any, insight_id: int, action: str) -> HttpResponse:
    """Dismiss, reopen, snooze or mute; back to the feed, or to the insight where that failed."""
    insight = selectors.insight_for(book_id=book.pk, insight_id=insight_id)
    try:
        said = _act(request, book, insight, action)
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("insights:detail", book_id=book.pk, insight_id=insight.pk)
    messages.success(request, said)
    if action == "reopen":
        return redirect("insights:detail", book_id=book.pk, insight_id=insight.pk)
    return redirect("insights:feed", book_id=book.pk)


@require_POST
@insights_page(Role.EDITOR)
def unmute(request: HttpRequest, book: Any, muted_id: int) -> HttpResponse:
    """Hear of a payee again."""
    services.unmute_payee(muted=selectors.muted_payee_for(book_id=book.pk, muted_id=muted_id))
    messages.success(request, _("You will hear of this payee again."))
    return redirect("insights:feed", book_id=book.pk)


def _act(request: HttpRequest, book: Any, insight: Insight, action: str) -> str:
    actor, now = user_of(request), timezone.now()
    match action:
        case "dismiss":
            services.dismiss(insight=insight, actor=actor, now=now)
            return _("Dismissed. It does not come back.")
        case "reopen":
            services.reopen(insight=insight, actor=actor, now=now)
            return _("It is open again.")
        case "mute":
            services.mute_payee(insight=insight, actor=actor, now=now)
            return _("Fine for {payee}: you will not hear of this again.").format(payee=insight.payee)
        case _:
            on = books.today_in(book=book, now=now)
            until = on + datetime.timedelta(days=_days(request))
            services.snooze(insight=insight, actor=actor, until=until, on=on, now=now)
            return _("Put off. It comes back on {day}.").format(day=until)


def _days(request: HttpRequest) -> int:
    text = request.POST.get("days", "")
    return int(text) if text in map(str, SNOOZE_DAYS) else SNOOZE_DAYS[0]


def _may_act(request: HttpRequest, book: Any) -> bool:
    try:
        books.book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
    except Forbidden:
        return False
    return True
