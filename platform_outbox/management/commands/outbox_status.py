import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox import emit
from platform_outbox.models import Breaker, OutboxMessage, Pause, Replay, Status
from platform_outbox.monitoring import overview
from platform_outbox.monitoring.overview import ErrorGroup, Line, WorkerState
from platform_outbox.operators import actions
from platform_outbox.operators.redaction import masked_text


class Command(BaseCommand):
    help = "Tell how the outbox is doing: the queue by status, type and handler, dead letters, pauses, workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("Print one JSON object."))

    def handle(self, *args: Any, **options: Any) -> None:
        found = _state()
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for line in _told(found):
                self.stdout.write(line)


def _state() -> dict[str, Any]:
    now = timezone.now()
    queue = overview.backlog(now=now)
    dead = OutboxMessage.objects.filter(status=Status.DEAD, discarded_at=None).order_by("-id")[:10]
    return {
        **dataclasses.asdict(emit.health()),
        "by_status": queue.by_status,
        "counted_from_a_sample": queue.sampled,
        "by_type": [_type(line) for line in queue.by_type],
        "by_handler": [_handler(line) for line in queue.by_handler],
        "errors": [_error(group) for group in overview.error_groups()],
        "newest_dead": [{"id": row.pk, "event": row.event_type, "error": masked_text(row.error)} for row in dead],
        "pauses": [_pause(pause) for pause in actions.pauses()],
        "breakers": [_breaker(breaker) for breaker in actions.breakers()],
        "replays": [_replay(run) for run in overview.replays() if run.state != Replay.State.FINISHED],
        "failing_jobs": [
            {"job": job.name, "failures": job.failures, "error": masked_text(job.error.strip().rpartition("\n")[2])}
            for job in overview.failing_jobs()
        ],
        "workers": [_worker(state) for state in overview.workers(now=now)],
    }


def _type(line: Line) -> dict[str, Any]:
    return {"event": line.name, "waiting": line.waiting, "sending": line.sending, "retrying": line.retrying}


def _handler(line: Line) -> dict[str, Any]:
    return {
        "handler": line.name,
        "waiting": line.waiting,
        "retrying": line.retrying,
        "last_hour": {"sent": line.sent, "failed": line.failed, "dead": line.dead, "median_seconds": line.median},
        "paused": line.pause is not None,
    }


def _error(group: ErrorGroup) -> dict[str, Any]:
    return {
        "group": group.key,
        "count": group.count,
        "error": masked_text(group.error),
        "events": sorted(group.types),
        "handlers": sorted(group.handlers),
        "last_at": group.last_at.isoformat() if group.last_at else None,
    }


def _pause(pause: Pause) -> dict[str, Any]:
    return {
        "kind": pause.kind,
        "target": pause.target,
        "by": pause.by,
        "reason": pause.reason,
        "at": pause.at.isoformat(),
    }


def _breaker(breaker: Breaker) -> dict[str, Any]:
    return {
        "handler": breaker.handler,
        "neighbour": breaker.destination,
        "state": breaker.state,
        "opened_at": breaker.opened_at.isoformat() if breaker.opened_at else None,
        "retry_at": breaker.retry_at.isoformat() if breaker.retry_at else None,
        "error": masked_text(breaker.error),
    }


def _replay(run: Replay) -> dict[str, Any]:
    return {"id": run.pk, "handler": run.handler, "state": run.state, "percent": run.percent, "error": run.error}


def _worker(state: WorkerState) -> dict[str, Any]:
    return {
        "name": state.worker.name,
        "broker": state.worker.broker,
        "alive": state.alive,
        "heartbeat_seconds_ago": round(state.seconds_silent, 1),
        "at": [{"shard": turn.shard, "events": len(turn.ids), "handler": turn.handler} for turn in state.turns],
    }


def _told(found: dict[str, Any]) -> Iterator[str]:
    yield _("Waiting events: %s") % _capped(found["pending"])
    yield _("Oldest of them: %.1f s") % found["oldest_pending_seconds"]
    yield _("Dead letters: %s") % _capped(found["dead"])
    yield _("Workers alive: %s") % found["workers_alive"]
    for worker in found["workers"]:
        yield f"  {worker['name']} ({worker['broker']}), {worker['heartbeat_seconds_ago']} s"
    yield from _queue_told(found)
    for each in found["pauses"]:
        yield _("Paused by %(by)s since %(at)s: %(kind)s %(target)s %(reason)s") % each
    for each in found["breakers"]:
        yield _("Breaker %(handler)s → %(neighbour)s: %(state)s since %(opened_at)s %(error)s") % each
    for each in found["failing_jobs"]:
        yield _("Periodic job %(job)s failed %(failures)s times in a row: %(error)s") % each
    for each in found["replays"]:
        yield _("Replay %(id)s of %(handler)s: %(state)s, %(percent)s %% %(error)s") % each
    for each in found["errors"]:
        yield f"  {each['group'] or '-'}  {_capped(each['count'])} × {each['error']}"
    for row in found["newest_dead"]:
        yield f"  #{row['id']} {row['event']}: {row['error']}"


def _queue_told(found: dict[str, Any]) -> Iterator[str]:
    if found["by_type"]:
        yield _("By event, of the first %s:") % emit.COUNT_CAP if found["counted_from_a_sample"] else _("By event:")
    for each in found["by_type"]:
        yield _("  %(event)s: %(waiting)s waiting, %(sending)s sending, %(retrying)s to be retried") % each
    yield _("By handler, last hour:")
    for each in found["by_handler"]:
        figures = {**each, **each["last_hour"], "paused": _(", PAUSED") if each["paused"] else ""}
        yield _("  %(handler)s: %(sent)s sent, %(failed)s failed, %(dead)s gave up%(paused)s") % figures


def _capped(count: int) -> str:
    return str(count) if count <= emit.COUNT_CAP else _("more than %s") % emit.COUNT_CAP
