"""What the console and outbox_status show. Every figure is bounded: however long the queue, ten thousand rows at most."""

import datetime
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import transaction

from platform_outbox import emit
from platform_outbox.models import CurrentTurn, Pause, Periodic, Replay, Status, Worker
from platform_outbox.monitoring import history
from platform_outbox.monitoring.history import Stretch
from platform_outbox.operators import actions
from platform_outbox.registry import all_handlers
from platform_outbox.sql import QUERIES, rows_of, without_sorting
from platform_outbox.timing import ALIVE_SECONDS

# Open events sampled, spread over the shards; the shares of a longer queue are estimated from them.
SAMPLE = emit.COUNT_CAP
REPLAYS_SHOWN = 8
LOOKED_AT = 20  # events whose deliveries name the handlers of an error
GROUPS_SHOWN = 100
NO_GROUP = "none"

_MOST = str(SAMPLE + 1)
_OPEN = (
    QUERIES["open_by_type"]
    .replace("{open}", emit.open_events("event_type, status, created_at"))
    .replace("{most}", _MOST)
)
_DELIVERIES = QUERIES["open_by_handler"].replace("{most}", _MOST)
_ERROR_GROUPS = (
    QUERIES["error_groups"]
    .replace("{of_pair}", QUERIES["of_pair"])
    .replace("{most}", _MOST)
    .replace("{looked_at}", str(LOOKED_AT))
)


@dataclass(slots=True, kw_only=True)
class Line:
    """Open events of one type, or before one handler."""

    name: str
    waiting: int = 0
    sending: int = 0
    retrying: int = 0
    oldest: datetime.datetime | None = None
    # Of a handler: the last hour.
    hour: Stretch | None = None
    pause: Pause | None = None
    io: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is open, by status, type and handler. `sampled`: there is more than was looked at."""

    by_status: dict[str, int]
    by_type: list[Line]
    by_handler: list[Line]
    sampled: bool


@dataclass(slots=True, kw_only=True)
class ErrorGroup:
    """Dead letters of one error that nobody has dealt with. Counts stop at 10,001 for each event type."""

    key: str  # empty: they died under a version that kept no group
    error: str = ""
    count: int = 0
    first_at: datetime.datetime | None = None
    last_at: datetime.datetime | None = None
    newest: int = 0
    types: dict[str, int] = field(default_factory=dict)
    handlers: list[str] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """The key in addresses, where nothing cannot stand."""
        return self.key or NO_GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    worker: Worker
    alive: bool
    seconds_silent: float
    turns: list[CurrentTurn]


def backlog(*, now: datetime.datetime) -> Backlog:
    with transaction.atomic(), without_sorting():
        rows = rows_of(_OPEN)
    deliveries = {(handler, status): count for handler, status, count in rows_of(_DELIVERIES)}
    by_status = dict.fromkeys((Status.PENDING.value, Status.FAILED.value, Status.SENDING.value), 0)
    types: dict[str, Line] = {}
    for event_type, status, count, oldest in rows:
        by_status[status] += count
        line = types.setdefault(event_type, Line(name=event_type))
        column = {Status.PENDING: "waiting", Status.FAILED: "retrying", Status.SENDING: "sending"}[Status(status)]
        setattr(line, column, count)
        line.oldest = min(filter(None, [line.oldest, oldest]))
    lines = sorted(types.values(), key=lambda line: (-line.waiting - line.retrying - line.sending, line.name))
    paused = {pause.target: pause for pause in actions.pauses() if pause.kind == Pause.Kind.HANDLER}
    lately = history.by_handler(since=now - datetime.timedelta(hours=1), until=now)
    handlers = []
    for handler in all_handlers():
        mine = [types[event.name] for event in set(handler.events) if event.name in types]
        handlers.append(
            Line(
                name=handler.name,
                waiting=sum(line.waiting for line in mine) + deliveries.get((handler.name, Status.PENDING), 0),
                sending=deliveries.get((handler.name, Status.SENDING), 0),
                retrying=deliveries.get((handler.name, Status.FAILED), 0),
                io=handler.io,
                oldest=min((line.oldest for line in mine if line.oldest), default=None),
                pause=paused.get(handler.name),
                hour=lately.get(handler.name, Stretch(now)),
            )
        )
    return Backlog(
        by_status=by_status,
        by_type=lines,
        by_handler=handlers,
        sampled=sum(by_status.values()) > SAMPLE,
    )


def error_groups(*, group: str | None = None) -> list[ErrorGroup]:
    """The errors of which events died, the latest first; only one group when it is given."""
    groups: dict[str, ErrorGroup] = {}
    rows = rows_of(_ERROR_GROUPS, {"group": group, "most": 2 * GROUPS_SHOWN})
    for key, event_type, count, last, first_at, last_at, error, handlers in rows:
        found = groups.setdefault(key, ErrorGroup(key=key))
        found.types[event_type] = count
        found.count += count
        found.first_at = min(filter(None, [found.first_at, first_at, last_at]), default=None)
        found.last_at = max(filter(None, [found.last_at, first_at, last_at]), default=None)
        found.handlers = sorted({*found.handlers, *(handlers or [])})
        if last > found.newest:
            found.newest, found.error = last, error
    return sorted(groups.values(), key=lambda each: each.newest, reverse=True)[:GROUPS_SHOWN]


def workers(*, now: datetime.datetime) -> list[WorkerState]:
    """The workers heard of lately, with the batches in their hands, the living first."""
    turns = defaultdict(list)
    for turn in CurrentTurn.objects.exclude(ids=[]).order_by("shard"):
        turns[turn.worker].append(turn)
    found = []
    for worker in Worker.objects.order_by("-heartbeat_at", "name")[:100]:
        silent = max(0.0, (now - worker.heartbeat_at).total_seconds())
        alive = silent < ALIVE_SECONDS
        found.append(WorkerState(worker=worker, alive=alive, seconds_silent=silent, turns=turns[worker.name]))
    return found


def failing_jobs() -> list[Periodic]:
    return list(Periodic.objects.filter(failures__gt=0).order_by("-failures", "name"))


def replays() -> list[Replay]:
    return list(Replay.objects.order_by("-id")[:REPLAYS_SHOWN])
