"""The operators' console: the state of the outbox on one page, refreshed in place, and its dead letters by error."""

import datetime
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox import emit
from platform_outbox.admin import controls, dead_letters
from platform_outbox.admin.base import may_act, may_look
from platform_outbox.models import Attempt
from platform_outbox.monitoring import history, overview
from platform_outbox.monitoring.history import Stretch
from platform_outbox.operators import actions
from platform_outbox.operators.selection import Selection
from platform_outbox.registry import all_handlers
from platform_outbox.templatetags.outbox_figures import capped, span

REFRESH_SECONDS = 5
ERRORS_SHOWN = 5
EVENTS_SHOWN = 50
# Hours shown → seconds of a step.
RANGES = {1: 60, 6: 300, 24: 900}
RATE_MINUTES = 5
LATE_SECONDS = 300  # what is due and older has waited for too long


def console(request: HttpRequest, model_admin: Any) -> HttpResponse:
    context = {
        **_frame(request, model_admin, _("Outbox")),
        **_state(request),
        "refresh_seconds": REFRESH_SECONDS,
        "ranges": list(RANGES),
        "shards": range(emit.SHARDS),
        "calls_outside": any(handler.io for handler in all_handlers()),
    }
    return TemplateResponse(request, "platform_outbox/admin/console.html", context)


def live(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """What changes, for htmx."""
    return TemplateResponse(request, "platform_outbox/admin/_live.html", {**_state(request), "out_of_band": True})


def _state(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    asked = request.GET.get("hours", "")
    hours = int(asked) if asked.isdecimal() and int(asked) in RANGES else min(RANGES)
    health = emit.health()
    # The chart's steps without gaps, oldest first.
    seconds = RANGES[hours]
    until = datetime.datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, tz=datetime.UTC)
    since = until - datetime.timedelta(hours=hours)
    found = {step.at: step for step in history.history(since=since, until=until, step_seconds=seconds)}
    times = (since + datetime.timedelta(seconds=seconds * place) for place in range(hours * 3600 // seconds))
    steps = [found.get(at, Stretch(at)) for at in times]
    groups = overview.error_groups()
    return {
        "now": now,
        "hours": hours,
        "may_act": may_act(request),
        "health": health,
        "figures": _figures(health, now=now),
        "backlog": overview.backlog(now=now),
        "sample": overview.SAMPLE,
        "groups": groups[:ERRORS_SHOWN],
        "more_groups": len(groups) - ERRORS_SHOWN,
        "workers": overview.workers(now=now),
        "pauses": actions.pauses(),
        "breakers": actions.breakers(),
        "replays": overview.replays(),
        "chart": {
            "labels": [timezone.localtime(step.at).strftime("%H:%M") for step in steps],
            **{name: [getattr(step, name) for step in steps] for name in history.OUTCOMES},
            "median": [_milliseconds(step.quantile(0.5)) for step in steps],
            "p99": [_milliseconds(step.quantile(0.99)) for step in steps],
            "words": {
                "sent": _("handled"),
                "failed": _("failed"),
                "dead": _("gave up"),
                "median": _("median"),
                "p99": _("99th percentile"),
            },
        },
        "steps": [step for step in reversed(steps) if step.sent or step.failed or step.dead],
    }


def _figures(health: emit.Health, *, now: datetime.datetime) -> list[dict[str, Any]]:
    """The line at the top: name, value, whether it is trouble, and where more is told."""
    events, errors = reverse("admin:platform_outbox_outboxmessage_changelist"), reverse("admin:platform_outbox_errors")
    minutes = datetime.timedelta(minutes=RATE_MINUTES)
    recent = history.history(since=now - minutes, until=now, step_seconds=RATE_MINUTES * 60)
    rate = sum(step.sent for step in recent) / RATE_MINUTES
    oldest, late = health.oldest_pending_seconds, health.oldest_pending_seconds > LATE_SECONDS
    return [
        {"name": _("Waiting"), "value": capped(health.pending), "url": events},
        {"name": _("Oldest due"), "value": span(oldest) if health.pending else "–", "trouble": late},
        {"name": _("Dead letters"), "value": capped(health.dead), "trouble": health.dead > 0, "url": errors},
        {"name": _("Handled a minute"), "value": f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"},
        {"name": _("Workers alive"), "value": f"{health.workers_alive}", "trouble": not health.workers_alive},
    ]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def errors(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Dead letters by error, the latest first: what went wrong, how often, since when."""
    context = {
        **_frame(request, model_admin, _("Dead letters")),
        "groups": overview.error_groups(),
        "form": dead_letters.SelectionForm(),
        "most": overview.GROUPS_SHOWN,
    }
    return TemplateResponse(request, "platform_outbox/admin/errors.html", context)


def error(request: HttpRequest, model_admin: Any, key: str) -> HttpResponse:
    """One error: the newest traceback, and its events, newest first."""
    found = overview.error_groups(group="" if key == overview.NO_GROUP else key)
    if not found:
        raise Http404
    dead = Selection(error_group=found[0].key).events().order_by("-id")
    before = request.GET.get("before", "")
    if before.isdecimal():
        dead = dead.filter(id__lt=int(before))
    events = list(dead[: EVENTS_SHOWN + 1])
    failures = Attempt.objects.filter(
        message=found[0].newest, outcome__in=[Attempt.Outcome.DEAD, Attempt.Outcome.FAILED]
    )
    context = {
        **_frame(request, model_admin, _("Dead letters")),
        "group": found[0],
        "form": dead_letters.SelectionForm(initial={"error": key}),
        "events": events[:EVENTS_SHOWN],
        "next_before": events[EVENTS_SHOWN - 1].pk if len(events) > EVENTS_SHOWN else None,
        "attempt": failures.order_by("-id").first(),
    }
    return TemplateResponse(request, "platform_outbox/admin/error.html", context)


def _frame(request: HttpRequest, model_admin: Any, title: str) -> dict[str, Any]:
    frame = {"title": title, "may_act": may_act(request), "is_fullwidth": "1"}
    return {**model_admin.admin_site.each_context(request), **frame}


# Address below that of the events, view, name behind "admin:platform_outbox_", who may open it.
PAGES: tuple[tuple[str, Callable[..., HttpResponse], str, Callable[[HttpRequest], bool]], ...] = (
    ("console/", console, "console", may_look),
    ("console/live/", live, "live", may_look),
    ("errors/", errors, "errors", may_look),
    ("errors/<slug:key>/", error, "error", may_look),
    ("act/<slug:action>/", dead_letters.act_on_selection, "act", may_act),
    ("act/<slug:action>/chosen/", dead_letters.act_on_selected, "act_on_chosen", may_act),
    ("take-back/", dead_letters.take_back, "take_back", may_act),
    ("pause/", controls.pause, "pause", may_act),
    ("resume/", controls.resume, "resume", may_act),
    ("breakers/open/", controls.break_open, "break_open", may_act),
    ("breakers/reset/", controls.reset, "reset_breaker", may_act),
    ("replays/<int:replay_id>/stop/", partial(controls.change_replay, action="stop"), "stop_replay", may_act),
    ("replays/<int:replay_id>/resume/", partial(controls.change_replay, action="resume"), "resume_replay", may_act),
    ("<int:event_id>/edit-as-new/", dead_letters.edit, "edit", may_look),
)


def urls(model_admin: Any) -> list[URLPattern]:
    def page(view: Callable[..., HttpResponse], may_open: Callable[[HttpRequest], bool]) -> Any:
        @wraps(view)
        def open_page(request: HttpRequest, **parts: Any) -> HttpResponse:
            if not may_open(request):
                raise PermissionDenied
            return view(request, model_admin, **parts)

        return model_admin.admin_site.admin_view(open_page)

    return [path(address, page(view, may), name=f"platform_outbox_{name}") for address, view, name, may in PAGES]
