"""The operators' console: the state of the outbox on one page, refreshed in place."""

import datetime
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox import emit
from platform_outbox.admin.errors import shown
from platform_outbox.admin.permissions import capped, may_act
from platform_outbox.monitoring import history, overview
from platform_outbox.monitoring.history import Stretch
from platform_outbox.operators import actions
from platform_outbox.registry import all_handlers
from platform_outbox.templatetags.outbox_figures import span

REFRESH_SECONDS = 5
ERRORS_SHOWN = 5
# Hours shown → seconds of a step.
RANGES = {1: 60, 6: 300, 24: 900}
RATE_MINUTES = 5
# Older than this, what is due has waited for too long.
LATE_SECONDS = 300


def console(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The whole page."""
    context = {
        **model_admin.admin_site.each_context(request),
        **_state(request),
        "title": _("Outbox"),
        "is_fullwidth": "1",
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
    hours = _hours(request)
    health = emit.health()
    steps = _steps(hours, now=now)
    groups = overview.error_groups()
    return {
        "now": now,
        "hours": hours,
        "may_act": may_act(request),
        "health": health,
        "figures": _figures(health, now=now),
        "backlog": overview.backlog(now=now),
        "sample": overview.SAMPLE,
        "groups": [shown(group) for group in groups[:ERRORS_SHOWN]],
        "more_groups": len(groups) - ERRORS_SHOWN,
        "workers": overview.workers(now=now),
        "pauses": actions.pauses(),
        "breakers": actions.breakers(),
        "replays": overview.replays(),
        "chart": _chart(steps),
        "steps": [step for step in reversed(steps) if step.sent or step.failed or step.dead],
    }


def _hours(request: HttpRequest) -> int:
    given = request.GET.get("hours", "")
    return int(given) if given.isdecimal() and int(given) in RANGES else min(RANGES)


def _figures(health: emit.Health, *, now: datetime.datetime) -> list[dict[str, Any]]:
    """The line at the top: name, value, whether it is trouble, and where more is told."""
    events, errors = reverse("admin:platform_outbox_outboxmessage_changelist"), reverse("admin:platform_outbox_errors")
    late = health.oldest_pending_seconds > LATE_SECONDS
    recent = history.history(
        since=now - datetime.timedelta(minutes=RATE_MINUTES), until=now, step_seconds=RATE_MINUTES * 60
    )
    rate = sum(step.sent for step in recent) / RATE_MINUTES
    oldest = span(health.oldest_pending_seconds) if health.pending else "–"
    return [
        {"name": _("Waiting"), "value": capped(health.pending), "url": events},
        {"name": _("Oldest due"), "value": oldest, "trouble": late},
        {"name": _("Dead letters"), "value": capped(health.dead), "trouble": health.dead > 0, "url": errors},
        {"name": _("Handled a minute"), "value": f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"},
        {"name": _("Workers alive"), "value": f"{health.workers_alive}", "trouble": not health.workers_alive},
    ]


def _steps(hours: int, *, now: datetime.datetime) -> list[Stretch]:
    """The chart's steps without gaps, oldest first."""
    seconds = RANGES[hours]
    until = datetime.datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, tz=datetime.UTC)
    since = until - datetime.timedelta(hours=hours)
    found = {step.at: step for step in history.history(since=since, until=until, step_seconds=seconds)}
    times = [since + datetime.timedelta(seconds=seconds * place) for place in range(hours * 3600 // seconds)]
    empty = (0,) * (len(history.BOUNDS) + 1)
    return [
        found.get(at, Stretch(at=at, sent=0, failed=0, dead=0, seconds=0.0, latencies=empty)) for at in times
    ]  # fmt: skip


def _chart(steps: Sequence[Stretch]) -> dict[str, Any]:
    return {
        "labels": [timezone.localtime(step.at).strftime("%H:%M") for step in steps],
        "sent": [step.sent for step in steps],
        "failed": [step.failed for step in steps],
        "dead": [step.dead for step in steps],
        "median": [_milliseconds(step.quantile(0.5)) for step in steps],
        "p99": [_milliseconds(step.quantile(0.99)) for step in steps],
        "words": {
            "sent": _("handled"),
            "failed": _("failed"),
            "dead": _("gave up"),
            "median": _("half are done within"),
            "p99": _("99 % are done within"),
        },
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
