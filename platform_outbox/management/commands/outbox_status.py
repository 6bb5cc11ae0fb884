import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox import emit
from platform_outbox.models import OutboxMessage, Replay, Status
from platform_outbox.monitoring import overview
from platform_outbox.operators import actions
from platform_outbox.operators.editing import masked_text


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Tell how the outbox is doing: the queue by status, type and handler, dead letters, pauses, workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("Print one JSON object."))

    def handle(self, *args: Any, **options: Any) -> None:
        found = _state()
        for line in [json.dumps(found, default=lambda moment: moment.isoformat())] if options["json"] else _told(found):
            self.stdout.write(line)


def _state() -> dict[str, Any]:
    now = timezone.now()
    queue = overview.backlog(now=now)
    dead = OutboxMessage.objects.filter(status=Status.DEAD, discarded_at=None).order_by("-id")[:10]
    return {
        **dataclasses.asdict(emit.health()),
        "by_status": queue.by_status,
        "counted_from_a_sample": queue.sampled,
        "by_type": [{"event": line.name, **_fields(line, "waiting", "sending", "retrying")} for line in queue.by_type],
        "by_handler": [
            {
                "handler": line.name,
                **_fields(line, "waiting", "retrying"),
                "last_hour": {
                    **_fields(line.hour, "sent", "failed", "dead"),
                    "median_seconds": line.hour.quantile(0.5) if line.hour else None,
                },
                "paused": line.pause is not None,
            }
            for line in queue.by_handler
        ],
        "errors": [
            {
                "group": group.key,
                "count": group.count,
                "error": masked_text(group.error),
                "events": sorted(group.types),
                **_fields(group, "handlers", "last_at"),
            }
            for group in overview.error_groups()
        ],
        "newest_dead": [{"id": row.pk, "event": row.event_type, "error": masked_text(row.error)} for row in dead],
        "pauses": [_fields(pause, "kind", "target", "by", "reason", "at") for pause in actions.pauses()],
        "breakers": [
            {
                "neighbour": breaker.destination,
                **_fields(breaker, "handler", "state", "opened_at", "retry_at"),
                "error": masked_text(breaker.error),
            }
            for breaker in actions.breakers()
        ],
        "replays": [
            _fields(run, "id", "handler", "state", "percent", "error")
            for run in overview.replays()
            if run.state != Replay.State.FINISHED
        ],
        "failing_jobs": [
            {"job": job.name, "failures": job.failures, "error": masked_text(job.error.strip().rpartition("\n")[2])}
            for job in overview.failing_jobs()
        ],
        "workers": [
            {
                **_fields(state.worker, "name", "broker"),
                "alive": state.alive,
                "heartbeat_seconds_ago": round(state.seconds_silent, 1),
                "at": [{"shard": turn.shard, "events": len(turn.ids), "handler": turn.handler} for turn in state.turns],
            }
            for state in overview.workers(now=now)
        ],
    }


def _fields(row: object, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _told(found: dict[str, Any]) -> Iterator[str]:
    yield _("Waiting events: %s") % _capped(found["pending"])
    yield _("Oldest of them: %.1f s") % found["oldest_pending_seconds"]
    yield _("Dead letters: %s") % _capped(found["dead"])
    yield _("Workers alive: %s") % found["workers_alive"]
    for worker in found["workers"]:
        yield f"  {worker['name']} ({worker['broker']}), {worker['heartbeat_seconds_ago']} s"
    if found["by_type"]:
        yield _("By event, of the first %s:") % emit.COUNT_CAP if found["counted_from_a_sample"] else _("By event:")
    for each in found["by_type"]:
        yield _("  %(event)s: %(waiting)s waiting, %(sending)s sending, %(retrying)s to be retried") % each
    yield _("By handler, last hour:")
    for each in found["by_handler"]:
        figures = {**each, **each["last_hour"], "paused": _(", PAUSED") if each["paused"] else ""}
        yield _("  %(handler)s: %(sent)s sent, %(failed)s failed, %(dead)s gave up%(paused)s") % figures
    for words, name in (
        (_("Paused by %(by)s since %(at)s: %(kind)s %(target)s %(reason)s"), "pauses"),
        (_("Breaker %(handler)s → %(neighbour)s: %(state)s since %(opened_at)s %(error)s"), "breakers"),
        (_("Periodic job %(job)s failed %(failures)s times in a row: %(error)s"), "failing_jobs"),
        (_("Replay %(id)s of %(handler)s: %(state)s, %(percent)s %% %(error)s"), "replays"),
    ):
        yield from (words % each for each in found[name])
    for each in found["errors"]:
        yield f"  {each['group'] or '-'}  {_capped(each['count'])} × {each['error']}"
    for row in found["newest_dead"]:
        yield f"  #{row['id']} {row['event']}: {row['error']}"


def _capped(count: int) -> str:
    return str(count) if count <= emit.COUNT_CAP else _("more than %s") % emit.COUNT_CAP
