"""One batch of one shard: claim due events, run their handlers and mark them, all in one transaction.

Nothing here knows who calls: a worker's thread, a Dramatiq actor or a test. A batch first runs without savepoints,
because good batches are the rule and savepoints are dear. If anything in it fails, all of it is rolled back and the
same events run again in halves, quarters and so on, each under a savepoint, down to the handlers of a single event: so
that a bad one hurts only itself.
"""

import datetime
import itertools
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction

from platform_outbox.discovery import discover
from platform_outbox.events import UPGRADE_PATIENCE, EnvelopeError, NotYetKnown, event_from
from platform_outbox.models import Status
from platform_outbox.monitoring.history import count
from platform_outbox.monitoring.metrics import CLAIM_SECONDS
from platform_outbox.processing import claim, handlers, quarantine
from platform_outbox.processing.claim import Claimed, LowWater, ShardState, Suspicion, UnknownEvents
from platform_outbox.processing.handlers import Batch, Holds, Options, Work, fail, is_the_servers
from platform_outbox.processing.inflight import InFlight, lives
from platform_outbox.processing.results import Outcome, ResultWriter
from platform_outbox.registry import LISTENING, all_handlers, handlers_of
from platform_outbox.sql import QUERIES, rows_of
from platform_outbox.timing import HALTED_LOOK

logger = logging.getLogger("platform_outbox.processing.process")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What one batch did. `busy`: another worker has the shard. `more`: come back at once."""

    busy: bool = False
    more: bool = False
    handled: int = 0  # events whose state was written
    errors: tuple[Exception, ...] = ()
    retry_in: float | None = None  # seconds until the first of the failed ones is due
    handed_over: int = 0  # deliveries for the external pools
    alone: bool = False  # nothing was done, because it has to be done while nothing else is


def process_batch(
    *,
    shard: int,
    batch_size: int | None = None,
    now: datetime.datetime | None = None,
    low_water: LowWater | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    has_news: Callable[[], bool] = lambda: False,
    worker: str = "",
    inflight: InFlight | None = None,
    unknown_events: UnknownEvents | None = None,
) -> BatchResult:
    """Take one batch of due events of a shard and run their handlers.

    `now` replaces the database's clock (tests). `should_stop` is asked between events: what is finished is kept,
    the rest stays in the queue. `has_news` tells whether the shard was notified of since the batch began.
    `inflight` is told what is in hand, in case the process dies. `unknown_events` remembers events of a newer release
    between batches. Raises OperationalError or InterfaceError when the database has gone away.
    """
    discover("handlers")
    limit, worker = batch_size or settings.WORKER_BATCH_SIZE, worker or f"{socket.gethostname()}:{os.getpid()}"
    options = Options(
        shard=shard, limit=limit, worker=worker, now=now, should_stop=should_stop, has_news=has_news,
        low_water=low_water, inflight=inflight, unknown_events=unknown_events,
    )  # fmt: skip
    if inflight is None:
        return _together_or_in_halves(options)
    with inflight.gate.shared():
        result = _together_or_in_halves(options)
    if result.alone:
        with inflight.gate.exclusive():
            result = _together_or_in_halves(replace(options, exclusive=True))
    return result


def _together_or_in_halves(options: Options) -> BatchResult:
    """One transaction where all goes well, or another one after that failed."""
    started, batch = time.monotonic(), Batch(options)
    try:
        with transaction.atomic():
            result = _claim_run_mark(batch, handlers.run_together)
    except Exception as error:
        if is_the_servers(error):
            raise
        logger.debug("Shard %s: a batch failed and is run in halves: %r", options.shard, error)
        batch = Batch(options)
        with transaction.atomic():
            result = _claim_run_mark(batch, handlers.run_in_halves)
    count(batch, seconds=time.monotonic() - started)
    return result


def _claim_run_mark(batch: Batch, run: Callable[[Batch], None]) -> BatchResult:
    """The whole road of a batch, inside its transaction."""
    options, shard = batch.options, batch.options.shard
    if (state := claim.take_shard(shard)) is None:
        return BatchResult(busy=True)
    if (instead := _instead_of_claiming(options, state)) is not None:
        return instead
    batch.now = options.now or state.now
    batch.holds = Holds(state)
    held, going = _left_out(options, batch.holds)
    with CLAIM_SECONDS.time():
        claimed = claim.claim(
            shard=shard, limit=options.limit, above=options.above, now=batch.now, held=held, going=going
        )
    if not claimed.rows:
        return BatchResult()
    batch.dominant_key = claimed.dominant_key
    rows = claimed.rows
    if state.quarantined:
        rows = quarantine.alone_or_before(rows, state.quarantined)
    batch.suspicion = state.quarantined.get(rows[0].id)
    if batch.suspicion is not None and options.inflight is not None and not options.exclusive:
        return BatchResult(alone=True)
    batch.more = len(rows) < len(claimed.rows)
    _read(batch, rows)
    if batch.suspicion is not None:
        _isolate(batch, batch.suspicion)
    if options.inflight is not None:
        # In case the process dies in a handler: what is in hand is written down before the first one is called.
        able = [handler for work in batch.work for handler in work.todo if not batch.holds.stop(work.row, handler)]
        if able:
            alone = able[0].name if batch.suspicion is not None else ""
            options.inflight.begin(shard=shard, ids=[work.row.id for work in batch.work], handler=alone)
    run(batch)
    _mark(batch)
    if options.low_water:
        options.low_water.advance(shard)
    return _result(batch)


def _instead_of_claiming(options: Options, state: ShardState) -> BatchResult | None:
    if state.paused:
        return BatchResult()
    stale = state.stale
    # Its worker is gone, or was cut off because a handler took too long. Others broke off, and nobody is to blame.
    if stale is not None and (stale.overran or (stale.worker != options.worker and not lives(stale.worker))):
        quarantine.settle(stale, shard=options.shard)
        return BatchResult(more=True)
    if stale is not None and options.inflight is not None and options.inflight.waits_for(stale, shard=options.shard):
        return BatchResult(busy=True)
    return None


def _left_out(options: Options, holds: Holds) -> tuple[list[tuple[str, str, int]], dict[str, list[str]]]:
    """What the claim is to pass over, as `claim` takes it.

    (key, event type, id) of the holds under which no handler of that event type may run, and of what an earlier batch
    could not read; and for each event type with a paused handler the names of the others.
    """
    unknown = options.unknown_events.left(options.shard) if options.unknown_events else {}
    if not (holds.held or holds.paused or unknown):
        return [], {}
    listened = {event.name: handlers_of(event.name) for handler in all_handlers() for event in handler.events}
    going = {name: [each.name for each in found if each.name not in holds.paused] for name, found in listened.items()}
    held = []
    for key, name in itertools.product({key for key, _ in holds.held}, going):
        ids = [hold[0] for handler in going[name] if (hold := holds.of(key, handler)) is not None]
        if ids and len(ids) == len(going[name]):
            held.append((key, name, max(ids)))
    for key, (first, names) in unknown.items():
        held += [(key, name, first - 1) for name in names | going.keys()]
    return held, {name: names for name, names in going.items() if len(names) < len(listened[name])}


def _read(batch: Batch, rows: list[Claimed]) -> None:
    """Put the rows into the batch: the event, what is known of its deliveries, and which handlers are to run."""
    batch.work = [Work(row=row) for row in rows]
    seen = {work.row.id: work for work in batch.work if work.row.seen_before}
    found = rows_of(QUERIES["deliveries_of"], (list(seen),)) if seen else []
    for event_id, handler, status, attempts, due, since, io in found:
        retry_at = due if status == Status.FAILED else None
        seen[event_id].outcomes[handler] = Outcome(
            status=status, attempts=attempts, retry_at=retry_at, recorded=True, failing_since=since, io=io
        )
    for work in batch.work:
        row = work.row
        try:
            work.event = event_from(name=row.event_type, version=row.event_version, payload=row.payload)
        except EnvelopeError as error:
            _put_aside(batch, work, error)
            continue
        listening = LISTENING.get(row.event_type, ())
        if not work.outcomes:
            # The first time, which is the rule. An event that nobody listens to is through.
            work.todo, work.touched = list(listening), not listening
            continue
        due = {name for name, outcome in work.outcomes.items() if outcome.is_due(batch.now)}
        work.todo = [handler for handler in listening if handler.name in due or handler.name not in work.outcomes]
        work.missing = sorted(due - {handler.name for handler in listening})
        # One that an operator requeued although nothing is left to do is through as well.
        work.touched = not work.todo and not work.missing


def _put_aside(batch: Batch, work: Work, error: EnvelopeError) -> None:
    """Give up an event that cannot be read here, or leave it to a newer release, and everything of its key behind it."""
    row, options = work.row, batch.options
    if isinstance(error, NotYetKnown) and batch.now < row.created_at + UPGRADE_PATIENCE:
        work.unknown = True
        batch.holds.add(row, "", batch.now)
        if options.unknown_events is not None:
            options.unknown_events.note(shard=options.shard, key=row.ordering_key, event_type=row.event_type, id=row.id)
            batch.more = True
        return
    attempts = row.attempts + 1
    work.outcomes[""] = Outcome(status=Status.DEAD, attempts=attempts, error=error, fresh=True)
    work.touched = True
    for handler in handlers_of(row.event_type):
        if handler.on_death == "halt" and not handler.io:
            work.outcomes[handler.name] = Outcome(status=Status.DEAD, attempts=attempts, fresh=True, halts=True)
            batch.holds.add(row, handler.name, batch.now + HALTED_LOOK)


def _isolate(batch: Batch, suspicion: Suspicion) -> None:
    """Let a quarantined event run one handler only, so that it is known which one kills; or none, if that is known."""
    (work,) = batch.work
    able = [handler for handler in work.todo if not batch.holds.stop(work.row, handler)]
    verdict = quarantine.verdict(suspicion)
    if verdict is None:
        done, waiting = [], able[1:]
        work.todo = [handler for handler in work.todo if handler not in waiting]
    else:
        done = [handler for handler in able if handler.name == suspicion.handler] or able
        waiting = [handler for handler in able if handler not in done]
        for handler in done:
            fail(batch, work, handler.name, verdict)
        work.todo = [handler for handler in work.todo if handler not in able]
    work.left = bool(waiting)


def _mark(batch: Batch) -> None:
    options = batch.options
    results = ResultWriter(now=batch.now, shard=options.shard, worker=options.worker)
    for work in batch.work:
        waits_until = None
        if work.left or batch.holds.held or batch.holds.paused:
            waits_until = batch.holds.waits_until(work, batch.now)
        # Partly done and waiting for its key with the rest: come back when the key does, not at every batch.
        if work.touched or (waits_until is not None and work.outcomes):
            several = len(LISTENING.get(work.row.event_type, ())) > 1
            work.state = results.enter(work.row, work.outcomes, several=several, waits_until=waits_until)
            if batch.suspicion is not None:
                # What took too long will do so again: it is tried alone until it is through or given up.
                slow = batch.suspicion.overran and work.state == Status.FAILED
                quarantine.clear(work.row.id, handlers_left=work.left or slow)
    results.write(ends_batch=options.inflight is not None)


def _result(batch: Batch) -> BatchResult:
    fresh = [outcome for work in batch.work for outcome in work.outcomes.values() if outcome.fresh]
    waits = [(outcome.retry_at - batch.now).total_seconds() for outcome in fresh if outcome.retry_at is not None]
    handled = sum(1 for work in batch.work if work.touched)
    full = batch.dominant_key is not None or len(batch.work) == batch.options.limit
    full = full and not all(work.unknown for work in batch.work)
    more = full or batch.more or (batch.suspicion is not None and handled > 0)
    return BatchResult(
        more=(more and not batch.stopped) or batch.made_way,
        handled=handled,
        errors=tuple(outcome.error for outcome in fresh if outcome.error is not None),
        retry_in=min(waits, default=None),
        handed_over=sum(1 for outcome in fresh if outcome.io),
    )
