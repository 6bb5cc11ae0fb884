"""One turn at one shard: claim due events, run their handlers and mark them, all in one transaction.

Nothing here knows who calls: a worker's thread, a Dramatiq actor or a test. A batch first runs without savepoints,
because good batches are the rule and savepoints are dear. If anything in it fails, all of it is rolled back and the
same events run again in halves, quarters and so on, each under a savepoint, down to the handlers of a single event: so
that a bad one hurts only itself.
"""

import datetime
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from platform_outbox.events import UPGRADE_PATIENCE, EnvelopeError, NotYetKnown, event_from
from platform_outbox.models import Status
from platform_outbox.monitoring.history import count, counters
from platform_outbox.monitoring.metrics import CLAIM_SECONDS
from platform_outbox.processing import claim, quarantine
from platform_outbox.processing.batch import Batch, Work
from platform_outbox.processing.claim import Claimed, LowWater, UnknownEvents
from platform_outbox.processing.handlers import fail, is_the_servers, run_in_halves, run_together
from platform_outbox.processing.inflight import InFlight
from platform_outbox.processing.results import Outcome, ResultWriter
from platform_outbox.processing.shard_state import StaleBatch, Suspicion, shard_state_of
from platform_outbox.registry import all_handlers, handlers_of

logger = logging.getLogger("platform_outbox.processing.process")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What one turn did. `busy`: another worker has the shard. `more`: come back at once."""

    busy: bool = False
    more: bool = False
    handled: int = 0  # events whose state was written
    errors: tuple[Exception, ...] = ()
    retry_in: float | None = None  # seconds until the first of the failed ones is due
    handed_over: int = 0  # deliveries for the couriers
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
    logbook: InFlight | None = None,
    newer: UnknownEvents | None = None,
) -> BatchResult:
    """Take one batch of due events of a shard and run their handlers.

    `now` replaces the database's clock (tests). `should_stop` is asked between events: what is finished is kept,
    the rest stays in the queue. `has_news` tells whether the bell has rung for the shard since the turn began.
    `logbook` is told what is in hand, in case the process dies. `newer` remembers events of a newer release between
    turns. Raises OperationalError or InterfaceError when the database has gone away.
    """
    batch = Batch(
        shard=shard,
        limit=batch_size or settings.WORKER_BATCH_SIZE,
        clock=now,
        low_water=low_water,
        should_stop=should_stop,
        has_news=has_news,
        worker=worker or f"{socket.gethostname()}:{os.getpid()}",
        logbook=logbook,
        newer=newer,
    )
    if logbook is None:
        return _drain(batch)
    with logbook.gate.shared():
        turn = _drain(batch)
    if turn.alone:
        with logbook.gate.exclusive():
            batch.exclusive = True
            turn = _drain(batch)
    return turn


def _drain(batch: Batch) -> BatchResult:
    started = time.monotonic()
    batch.start_over()
    try:
        with transaction.atomic():
            turn = _turn(batch, run=run_together)
    except Exception as error:
        if is_the_servers(error):
            raise
        logger.debug("Shard %s: a batch failed and is run in halves: %r", batch.shard, error)
        batch.start_over()
        with transaction.atomic():
            turn = _turn(batch, run=run_in_halves)
    count(batch, seconds=time.monotonic() - started)
    return turn


def _turn(batch: Batch, *, run: Callable[[Batch], None]) -> BatchResult:
    if not claim.lock_shard_for_claim(batch.shard):
        return BatchResult(busy=True)
    standing = shard_state_of(batch.shard)
    batch.now = batch.clock or standing.now
    if standing.paused:
        return BatchResult()
    if standing.unfinished is not None and (instead := _after(batch, standing.unfinished)):
        return instead
    # What io handlers do is up to the couriers, who ask for themselves.
    batch.paused = frozenset(
        handler.name for handler in all_handlers() if handler.name in standing.paused_handlers and not handler.io
    )
    for hold in standing.holds:
        batch.held.setdefault((hold.ordering_key, hold.handler), (hold.message_id, hold.available_at))
    with CLAIM_SECONDS.time():
        claimed = claim.claim(
            shard=batch.shard,
            limit=batch.limit,
            above=batch.low_water.above(batch.shard) if batch.low_water else 0,
            now=batch.now,
            held=[*_held_back_completely(batch), *_of_newer_release(batch)],
            going=_going(batch),
        )
    if not claimed.rows:
        return BatchResult()
    batch.hog = claimed.hog
    some = quarantine.alone_or_before(claimed.rows, standing.suspects)
    batch.shortened = len(some) < len(claimed.rows)
    open_all(batch, some)
    suspicion = standing.suspects.get(some[0].id)
    if suspicion is not None and batch.logbook is not None and not batch.exclusive:
        batch.work = []
        return BatchResult(alone=True)
    if suspicion is not None:
        _isolate(batch, suspicion)
    _run_and_write(batch, run=run)
    if batch.low_water:
        batch.low_water.advance(batch.shard)
    return _summary(batch)


def _after(batch: Batch, turn: StaleBatch) -> BatchResult | None:
    """What to do instead, where an earlier turn did not end. None: nothing, this one takes its place."""
    if batch.must_settle(turn):
        quarantine.settle(shard=batch.shard, turn=turn)
        return BatchResult(more=True)
    return BatchResult(busy=True) if batch.waits_for(turn) else None


def _run_and_write(batch: Batch, *, run: Callable[[Batch], None]) -> None:
    if batch.logbook is not None:
        _enter_in_logbook(batch, batch.logbook)
    run(batch)
    _write(batch)


def _summary(batch: Batch) -> BatchResult:
    fresh = [outcome for work in batch.work for outcome in work.outcomes.values() if outcome.fresh]
    waits = [(outcome.retry_at - batch.now).total_seconds() for outcome in fresh if outcome.retry_at is not None]
    handled = sum(1 for work in batch.work if work.touched)
    full = batch.hog is not None or len(batch.work) == batch.limit
    full = full and not all(work.foreign for work in batch.work)
    more = full or batch.released or batch.shortened or (batch.alone and handled > 0)
    return BatchResult(
        more=(more and not batch.cut) or batch.made_way,
        handled=handled,
        errors=tuple(outcome.error for outcome in fresh if outcome.error is not None),
        retry_in=min(waits, default=None),
        handed_over=sum(1 for outcome in fresh if outcome.io),
    )


def _held_back_completely(batch: Batch) -> list[tuple[str, str, int]]:
    """(key, event type, id) of the holds under which no handler of that event type may run."""
    found = []
    for key in {key for key, _ in batch.held}:
        for event_type in {event.name for handler in all_handlers() for event in handler.events}:
            going = [handler for handler in handlers_of(event_type) if handler.name not in batch.paused]
            holds = [batch.hold_of(key, handler.name) for handler in going]
            ids = [hold[0] for hold in holds if hold is not None]
            if ids and len(ids) == len(holds):
                found.append((key, event_type, max(ids)))
    return found


def _of_newer_release(batch: Batch) -> list[tuple[str, str, int]]:
    """The same for what was met in an earlier turn and cannot be read here, and for everything behind it."""
    if batch.newer is None:
        return []
    known = {event.name for handler in all_handlers() for event in handler.events}
    return [
        (key, event_type, first - 1)
        for key, (first, unknown) in batch.newer.left(batch.shard).items()
        for event_type in known | unknown
    ]


def _going(batch: Batch) -> dict[str, list[str]]:
    """For each event type with a paused handler: the names of the others."""
    paused = [handler for handler in all_handlers() if handler.name in batch.paused]
    names = {event.name for handler in paused for event in handler.events}
    return {name: [handler.name for handler in handlers_of(name) if handler.name not in batch.paused] for name in names}


def _isolate(batch: Batch, suspicion: Suspicion) -> None:
    """Let a suspect run one handler only, so that it is known which one kills; or none, if it has been convicted."""
    batch.alone = True
    (work,) = batch.work
    able = [handler for handler in work.todo if not batch.holds_back(work.row, handler)]
    accused = [handler for handler in able if handler.name == suspicion.handler] or able
    verdict = quarantine.verdict(suspicion)
    if verdict is None:
        work.left = len(able) > 1
        work.todo = [handler for handler in work.todo if handler not in able[1:]]
        return
    batch.stays_alone = isinstance(verdict, quarantine.TookTooLong)
    for handler in accused:
        fail(batch, work, handler.name, verdict)
    work.left = len(able) > len(accused)
    work.todo = [handler for handler in work.todo if handler not in able]


def _enter_in_logbook(batch: Batch, logbook: InFlight) -> None:
    able = [handler for work in batch.work for handler in work.todo if not batch.holds_back(work.row, handler)]
    if able:
        alone = able[0].name if batch.alone else ""
        logbook.begin(shard=batch.shard, ids=[work.row.id for work in batch.work], handler=alone)


def _write(batch: Batch) -> None:
    book = ResultWriter(now=batch.now, shard=batch.shard, worker=batch.worker)
    for work in batch.work:
        waits_until = batch.waits_until(work)
        # Partly done and waiting for its key with the rest: come back when the key does, not at every turn.
        if work.touched or (waits_until is not None and work.outcomes):
            work.state = book.enter(
                row=work.row,
                outcomes=work.outcomes,
                several=len(handlers_of(work.row.event_type)) > 1,
                waits_until=waits_until,
            )
            if batch.alone:
                # What took too long will do so again: it is tried alone until it is through or given up.
                again = work.left or (batch.stays_alone and work.state == Status.FAILED)
                quarantine.clear(work.row.id, handlers_left=again)
    book.write(ends_turn=batch.logbook is not None, counts=counters(batch))


def open_all(batch: Batch, rows: list[Claimed]) -> None:
    """Put the rows into the batch, with what is known of their deliveries."""
    deliveries = claim.deliveries_of([row.id for row in rows if row.seen_before])
    for row in rows:
        work = Work(row=row)
        batch.work.append(work)
        for there in deliveries.get(row.id, []):
            work.outcomes[there.handler] = Outcome(
                status=there.status,
                attempts=there.attempts,
                retry_at=there.available_at if there.status == Status.FAILED else None,
                recorded=True,
                failing_since=there.failing_since,
                io=there.io,
            )
        _open(batch, work)


def _open(batch: Batch, work: Work) -> None:
    row = work.row
    try:
        work.event = event_from(name=row.event_type, version=row.event_version, payload=row.payload)
    except EnvelopeError as error:
        if isinstance(error, NotYetKnown) and batch.now < row.created_at + UPGRADE_PATIENCE:
            _leave_to_newer_release(batch, work)
        else:
            _give_up(batch, work, error)
        return
    handlers = handlers_of(row.event_type)
    if not work.outcomes:
        # The first time, which is the rule. An event that nobody listens to is through.
        work.todo, work.touched = list(handlers), not handlers
        return
    due = {
        name
        for name, outcome in work.outcomes.items()
        if outcome.is_open and (outcome.retry_at is None or outcome.retry_at <= batch.now)
    }
    work.todo = [handler for handler in handlers if handler.name in due or handler.name not in work.outcomes]
    work.missing = sorted(due - {handler.name for handler in handlers})
    # One that an operator requeued although nothing is left to do is through as well.
    work.touched = not work.todo and not work.missing


def _leave_to_newer_release(batch: Batch, work: Work) -> None:
    """Leave the event as it is, and have everything younger of its key wait behind it."""
    work.foreign = True
    batch.held.setdefault((work.row.ordering_key, ""), (work.row.id, batch.now))
    if batch.newer is not None:
        batch.newer.note(shard=batch.shard, key=work.row.ordering_key, event_type=work.row.event_type, id=work.row.id)
        batch.released = True


def _give_up(batch: Batch, work: Work, error: EnvelopeError) -> None:
    attempts = work.row.attempts + 1
    work.outcomes[""] = Outcome(status=Status.DEAD, attempts=attempts, error=error, fresh=True)
    work.touched = True
    for handler in handlers_of(work.row.event_type):
        if handler.on_death == "halt" and not handler.io:
            work.outcomes[handler.name] = Outcome(status=Status.DEAD, attempts=attempts, fresh=True, halts=True)
            batch.halt(work.row, handler.name)
