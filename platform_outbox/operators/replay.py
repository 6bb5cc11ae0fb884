"""Running one handler again over events of the past: in id order, resumable, at a limited rate.

The effects of an event and the cursor that stands behind it are one transaction, so an event is handled exactly once
per replay however often the process dies. Handlers with effects outside the database are called before the cursor
moves, so a crash may call them twice for one event.

A step holds the shards of its events as a worker's batch does: no event of their keys is handled at the same time.
"""

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox.events import event_from, kept_key
from platform_outbox.models import Attempt, Pause, Replay
from platform_outbox.operators.selection import first_id_since
from platform_outbox.processing import claim
from platform_outbox.processing.handlers import insist_on_sound_transaction
from platform_outbox.processing.results import clean, failure
from platform_outbox.registry import Context, Handler, handler_named
from platform_outbox.sql import fetch, rows_of

BATCH = 50
# Ids that one look for the next events passes over at most; a rare type must not make it a scan of the table.
WINDOW = 5_000
WINDOWS_PER_STEP = 20
BUSY_SECONDS = 0.05  # while a worker has the shard of the next event


class ReplayRefused(Exception):
    """The replay cannot be started or resumed; the message says why."""


class Past(NamedTuple):
    id: int
    event_type: str
    event_version: int
    ordering_key: str
    shard: int
    payload: dict[str, Any]
    created_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one transaction did. `busy`: a worker has the shard of the next event."""

    handled: int = 0
    failed: int = 0
    busy: bool = False
    over: bool = False  # finished, stopped, or failed for good


def plan(
    *,
    handler: str,
    by: str,
    event_types: Sequence[str] = (),
    ordering_key: str = "",
    emitted_from: datetime.datetime | None = None,
    emitted_to: datetime.datetime | None = None,
    rate: int | None = None,
    keep_going: bool = False,
    including_io: bool = False,
) -> Replay:
    """A replay that is not begun yet (unsaved); raises ReplayRefused.

    Without `event_types` all that the handler listens to. `rate` limits the events a second. `keep_going` notes an
    event that fails and continues; otherwise the replay stops there and can be resumed.
    """
    found = _handler(handler)
    if found.io and not including_io:
        raise ReplayRefused(
            _("%s has effects outside the database, which a replay repeats. Say that you want that.") % handler
        )
    known = {event.name for event in found.events}
    if unknown := set(event_types) - known:
        told = {"handler": handler, "events": ", ".join(sorted(unknown))}
        raise ReplayRefused(_("%(handler)s does not listen to %(events)s.") % told)
    if emitted_from is not None and emitted_to is not None and emitted_from >= emitted_to:
        raise ReplayRefused(_("The time range ends before it begins."))
    now = timezone.now()
    ((first, last),) = rows_of("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM platform_outbox")
    if emitted_from is not None:
        first = max(first, first_id_since(emitted_from))
    if emitted_to is not None:
        # Behind the last id that may be that old; the time itself is compared row by row.
        last = min(last, first_id_since(emitted_to + datetime.timedelta(minutes=20)))
    return Replay(
        handler=handler, event_types=sorted(set(event_types) or known), ordering_key=kept_key(ordering_key),
        emitted_from=emitted_from, emitted_to=emitted_to,
        first=first, last=last, cursor=first - 1, rate=rate, keep_going=keep_going, by=by[:120],
        created_at=now, moved_at=now,
    )  # fmt: skip


def count(replay: Replay) -> Iterator[tuple[int, int]]:
    """Go through what the replay would handle without handling it: pairs of (id reached, events so far)."""
    found, above = 0, replay.cursor
    while above < replay.last:
        through = min(above + WINDOW, replay.last)
        found += len(_past(replay, above=above, through=through, limit=WINDOW))
        above = through
        yield above, found


def resume(*, replay_id: int, in_worker: bool = False, keep_going: bool = False) -> Replay:
    """Mark a stopped or crashed replay as under way, so that `run` continues where it was; raises ReplayRefused.

    With `keep_going` it passes the events that fail from now on, also the one at which it stopped.
    """
    with transaction.atomic():
        replay = Replay.objects.select_for_update().filter(pk=replay_id).first()
        if replay is None:
            raise ReplayRefused(_("There is no replay %s.") % replay_id)
        if replay.state == Replay.State.FINISHED:
            raise ReplayRefused(_("Replay %s is finished.") % replay_id)
        _handler(replay.handler)
        if in_worker or not replay.is_under_way:
            replay.state = Replay.State.BY_WORKERS if in_worker else Replay.State.RUNNING
        replay.keep_going = replay.keep_going or keep_going
        replay.error, replay.moved_at = "", timezone.now()
        replay.save(update_fields=["state", "keep_going", "error", "moved_at"])
    return replay


def stop(*, replay_id: int) -> bool:
    """End a replay after the events in hand; it can be resumed. False if it is not under way."""
    under_way = Replay.objects.filter(pk=replay_id, state__in=[Replay.State.RUNNING, Replay.State.BY_WORKERS])
    return bool(under_way.update(state=Replay.State.STOPPED))


def run(replay: Replay) -> Iterator[Step]:
    """Carry on until the end, at the replay's rate; yields after every transaction."""
    begun, handled = time.monotonic(), 0
    while True:
        done = step(replay_id=replay.pk, limit=min(BATCH, replay.rate or BATCH))
        handled += done.handled + done.failed
        yield done
        if done.over:
            return
        ahead = handled / replay.rate - (time.monotonic() - begun) if replay.rate else 0.0
        time.sleep(max(ahead, BUSY_SECONDS if done.busy else 0.0))


def step(*, replay_id: int, limit: int = BATCH) -> Step:
    """Handle the next events in one transaction, up to the first that fails."""
    handler = _handler(Replay.objects.values_list("handler", flat=True).get(pk=replay_id))
    if handler.io:
        return _step_outside(replay_id, handler)
    with transaction.atomic():
        replay = Replay.objects.select_for_update().get(pk=replay_id)
        if not replay.is_under_way or _ends_for_pause(replay):
            return Step(over=True)
        rows, through = _next(replay, limit=limit)
        locked: set[int] = set()
        for place, row in enumerate(rows):
            if row.shard not in locked and not claim.lock_shard(row.shard):
                # A worker has it: up to here.
                if place == 0:
                    return Step(busy=True)
                rows, through = rows[:place], rows[place - 1].id
                break
            locked.add(row.shard)
        if _error_of(handler, rows) is None:
            return _close(replay, rows, through)
        # One of several, or the only one: one by one, to find it.
        for place, row in enumerate(rows):
            error = _error_of(handler, [row])
            if error is not None:
                return _close(replay, rows[: place + 1], row.id, error)
        return _close(replay, rows, through)


def _error_of(handler: Handler, rows: list[Past]) -> Exception | None:
    """Call the handler; what it did is rolled back if it fails."""
    try:
        with transaction.atomic():
            for portion in [rows] if handler.batch and rows else [[row] for row in rows]:
                handler.function(*_events_and_contexts(handler, portion))
            insist_on_sound_transaction(constraints=True)
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        return error
    return None


def _step_outside(replay_id: int, handler: Handler) -> Step:
    """One event of a handler with effects outside the database, which is called without a transaction."""
    before = Replay.objects.get(pk=replay_id)
    if not before.is_under_way or _ends_for_pause(before):
        return Step(over=True)
    rows, through = _next(before, limit=1)
    error = None
    for row in rows:
        try:
            handler.function(*_events_and_contexts(handler, [row]))
        except Exception as raised:
            error = raised
    with transaction.atomic():
        replay = Replay.objects.select_for_update().get(pk=replay_id)
        if replay.cursor != before.cursor or not replay.is_under_way:
            return Step(over=not replay.is_under_way)  # another process did it, or it was stopped meanwhile
        return _close(replay, rows, through, error)


def _ends_for_pause(replay: Replay) -> bool:
    """Stop the replay if an operator has paused its handler."""
    if not Pause.objects.filter(kind=Pause.Kind.HANDLER, target=replay.handler, resumed_at=None).exists():
        return False
    replay.state, replay.error, replay.moved_at = Replay.State.STOPPED, _("The handler is paused."), timezone.now()
    replay.save(update_fields=["state", "error", "moved_at"])
    return True


def _close(replay: Replay, rows: list[Past], through: int, error: Exception | None = None) -> Step:
    """Write down that the rows are handled, but for the last one if there is an error, and all through that id done."""
    replay.moved_at = timezone.now()
    handled, failed = (len(rows), 0) if error is None else (len(rows) - 1, 1)
    replay.handled += handled
    replay.failed += failed
    if error is not None:
        replay.error = clean(f"#{rows[-1].id}: {type(error).__name__}: {error}", 300)
        Attempt.objects.create(
            message_id=rows[-1].id, handler=replay.handler, number=1, outcome=Attempt.Outcome.REPLAY_FAILED,
            worker=replay.by, at=replay.moved_at, **failure(error),
        )  # fmt: skip
    if error is not None and not replay.keep_going:
        replay.state = Replay.State.STOPPED
        replay.cursor = rows[-2].id if handled else replay.cursor
    else:
        replay.cursor = through
        if replay.cursor >= replay.last:
            replay.state, replay.finished_at = Replay.State.FINISHED, replay.moved_at
    replay.save(update_fields=["cursor", "handled", "failed", "error", "state", "moved_at", "finished_at"])
    return Step(handled=handled, failed=failed, over=not replay.is_under_way)


def _next(replay: Replay, *, limit: int) -> tuple[list[Past], int]:
    """The next events, and the id through which everything is done once they are."""
    above = through = replay.cursor
    for _window in range(WINDOWS_PER_STEP):
        through = min(above + WINDOW, replay.last)
        rows = _past(replay, above=above, through=through, limit=limit)
        if rows:
            return rows, rows[-1].id if len(rows) == limit else through
        if through >= replay.last:
            break
        above = through
    return [], through


def _past(replay: Replay, *, above: int, through: int, limit: int) -> list[Past]:
    values = {
        "above": above, "through": through, "types": list(replay.event_types), "key": replay.ordering_key,
        "since": replay.emitted_from, "until": replay.emitted_to, "handler": replay.handler, "limit": limit,
    }  # fmt: skip
    # Django hands jsonb over as text.
    return [Past._make((*row[:5], json.loads(row[5]), row[6])) for row in fetch("past_events", values)]


def _events_and_contexts(handler: Handler, rows: list[Past]) -> tuple[Any, Any]:
    events = [event_from(name=row.event_type, version=row.event_version, payload=row.payload) for row in rows]
    contexts = [Context(row.id, handler.name, 1, row.created_at, replay=True) for row in rows]
    return (events, contexts) if handler.batch else (events[0], contexts[0])


def _handler(name: str) -> Handler:
    handler = handler_named(name)
    if handler is None:
        raise ReplayRefused(_("No handler is called %s here.") % name)
    return handler
