"""One turn at one shard: claim due events, run their handlers and mark them, all in one transaction.

Nothing here knows who calls: a worker's thread, a Dramatiq actor or a test. A batch first runs without savepoints,
because good batches are the rule and savepoints are dear. If anything in it fails, all of it is rolled back and the
same events run one by one, each handler under a savepoint, so that a bad event hurts only itself.
"""

import datetime
import logging
import os
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection, transaction

from platform_outbox import claims
from platform_outbox.backoff import PATIENCE, delay_before, delay_in_outage
from platform_outbox.claims import Claimed, LowWater
from platform_outbox.envelope import EnvelopeError, Event, event_from
from platform_outbox.marks import Book, Outcome
from platform_outbox.metrics import (
    BATCH_SIZE,
    CLAIM_SECONDS,
    DUPLICATES_SUPPRESSED,
    END_TO_END,
    FAILURES,
    HANDLER_SECONDS,
    PROCESSED,
    RETRIES,
)
from platform_outbox.models import Status
from platform_outbox.registry import Context, Handler, Permanent, all_handlers, handlers_of, is_outage
from platform_outbox.statistics import minutes

logger = logging.getLogger("platform_outbox.dispatch")


class BrokenTransaction(Exception):
    """A handler swallowed a database error, so that nothing it wrote can be kept. It must let the error through."""


class MissingHandler(Exception):
    """A handler that failed before is no longer registered in this worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn did. `busy`: another worker has the shard. `more`: come back at once."""

    busy: bool = False
    more: bool = False
    handled: int = 0  # events whose state was written
    errors: tuple[Exception, ...] = ()
    retry_in: float | None = None  # seconds until the first of the failed ones is due
    handed_over: int = 0  # deliveries for the couriers


@dataclass(slots=True, kw_only=True)
class _Work:
    """A claimed event, what is to run for it, and what came of it."""

    row: Claimed
    event: Event | None = None
    todo: list[Handler] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    touched: bool = False
    state: str = Status.PENDING
    seconds: dict[str, float] = field(default_factory=dict)  # spent in each handler

    def attempts(self, handler: str) -> int:
        return self.outcomes[handler].attempts if handler in self.outcomes else 0

    def context(self, handler: Handler) -> Context:
        return Context(self.row.id, handler.name, self.attempts(handler.name) + 1, self.row.created_at)


@dataclass(slots=True, kw_only=True)
class _Batch:
    """The state of one turn."""

    shard: int
    limit: int
    clock: datetime.datetime | None
    low_water: LowWater | None
    should_stop: Callable[[], bool]
    worker: str
    # (ordering key, handler) → (id of the failed event, when it is tried again)
    held: dict[tuple[str, str], tuple[int, datetime.datetime]] = field(default_factory=dict)
    work: list[_Work] = field(default_factory=list)
    released: bool = False
    cut: bool = False

    @property
    def now(self) -> datetime.datetime:
        return self.clock or self.work[0].row.now

    def holds_back(self, row: Claimed, handler: Handler) -> bool:
        hold = self.held.get((row.ordering_key, handler.name))
        return hold is not None and hold[0] < row.id

    def waits_until(self, work: _Work) -> datetime.datetime | None:
        """When the first of the older events for which a handler of this one waits is tried again."""
        return min(
            (
                self.held[work.row.ordering_key, handler.name][1]
                for handler in work.todo
                if self.holds_back(work.row, handler)
            ),
            default=None,
        )


def drain_once(
    *,
    shard: int,
    batch_size: int | None = None,
    now: datetime.datetime | None = None,
    low_water: LowWater | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    worker: str = "",
) -> Turn:
    """Take one batch of due events of a shard and run their handlers.

    `now` replaces the database's clock (tests). `should_stop` is asked between events: what is finished is kept,
    the rest stays in the queue. Raises OperationalError or InterfaceError when the database has gone away.
    """
    batch = _Batch(
        shard=shard,
        limit=batch_size or settings.WORKER_BATCH_SIZE,
        clock=now,
        low_water=low_water,
        should_stop=should_stop,
        worker=worker or f"{socket.gethostname()}:{os.getpid()}",
    )
    started = time.monotonic()
    try:
        with transaction.atomic():
            turn = _turn(batch, run=_run_together)
    except Exception as error:
        if is_the_servers(error):
            raise
        logger.debug("Shard %s: a batch failed and is run one by one: %r", shard, error)
        batch.work, batch.held, batch.released, batch.cut = [], {}, False, False
        with transaction.atomic():
            turn = _turn(batch, run=_run_one_by_one)
    _count(batch, seconds=time.monotonic() - started)
    return turn


def is_the_servers(error: Exception) -> bool:
    """Whether the database server is away or in trouble: no event is to blame, and none pays with an attempt."""
    if connection.connection is None or connection.connection.closed:
        return True
    # No room or memory left (53), an operator or a shutdown (57P), its files cannot be read or written (58).
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(("53", "57P", "58"))


def _turn(batch: _Batch, *, run: Callable[[_Batch], None]) -> Turn:
    if not claims.lock_shard(batch.shard):
        return Turn(busy=True)
    for hold in claims.holds_in(batch.shard):
        batch.held.setdefault((hold.ordering_key, hold.handler), (hold.message_id, hold.available_at))
    with CLAIM_SECONDS.time():
        rows = claims.claim(
            shard=batch.shard,
            limit=batch.limit,
            above=batch.low_water.above(batch.shard) if batch.low_water else 0,
            now=batch.clock,
            held=_held_back_completely(batch),
        )
    if not rows:
        return Turn()
    batch.work = _prepare(rows, now=batch.clock or rows[0].now)
    run(batch)
    _write(batch)
    if batch.low_water:
        batch.low_water.advance(batch.shard)
    return _summary(batch)


def _summary(batch: _Batch) -> Turn:
    fresh = [outcome for work in batch.work for outcome in work.outcomes.values() if outcome.fresh]
    waits = [(outcome.retry_at - batch.now).total_seconds() for outcome in fresh if outcome.retry_at is not None]
    return Turn(
        more=(len(batch.work) == batch.limit or batch.released) and not batch.cut,
        handled=sum(1 for work in batch.work if work.touched),
        errors=tuple(outcome.error for outcome in fresh if outcome.error is not None),
        retry_in=min(waits, default=None),
        handed_over=sum(1 for outcome in fresh if outcome.io),
    )


def _held_back_completely(batch: _Batch) -> list[tuple[str, str, int]]:
    """(key, event type, id) of the holds under which no handler of that event type may run."""
    found = []
    for key in {key for key, _ in batch.held}:
        for event_type in {event.name for handler in all_handlers() for event in handler.events}:
            holds = [batch.held.get((key, handler.name)) for handler in handlers_of(event_type)]
            ids = [hold[0] for hold in holds if hold is not None]
            if ids and len(ids) == len(holds):
                found.append((key, event_type, max(ids)))
    return found


def _prepare(rows: list[Claimed], *, now: datetime.datetime) -> list[_Work]:
    deliveries = claims.deliveries_of([row.id for row in rows if row.seen_before])
    prepared = []
    for row in rows:
        work = _Work(row=row)
        for there in deliveries.get(row.id, []):
            work.outcomes[there.handler] = Outcome(
                status=there.status,
                attempts=there.attempts,
                retry_at=there.available_at if there.status == Status.FAILED else None,
                recorded=True,
                failing_since=there.failing_since,
                io=there.io,
            )
        _open(work, now=now)
        prepared.append(work)
    return prepared


def _open(work: _Work, *, now: datetime.datetime) -> None:
    """Read the event and decide which handlers are to run."""
    row = work.row
    try:
        work.event = event_from(name=row.event_type, version=row.event_version, payload=row.payload)
    except EnvelopeError as error:
        work.outcomes[""] = Outcome(status=Status.DEAD, attempts=row.attempts + 1, error=error, fresh=True)
        work.touched = True
        return
    due = {
        name
        for name, outcome in work.outcomes.items()
        if outcome.is_open and (outcome.retry_at is None or outcome.retry_at <= now)
    }
    handlers = handlers_of(row.event_type)
    work.todo = [handler for handler in handlers if handler.name in due or handler.name not in work.outcomes]
    work.missing = sorted(due - {handler.name for handler in handlers})
    # An event that nobody listens to, or that an operator requeued although nothing is left to do, is through.
    work.touched = not work.todo and not work.missing


def _run_together(batch: _Batch) -> None:
    """Everything at once; any error undoes everything."""
    in_batches: dict[str, list[tuple[_Work, Handler]]] = {}
    for work in batch.work:
        if batch.should_stop():
            batch.cut = True
            break
        if work.missing:
            raise MissingHandler(work.missing)
        for handler in work.todo:
            if batch.holds_back(work.row, handler):
                continue
            if handler.io:
                _hand_over(work, handler)
            elif handler.batch:
                in_batches.setdefault(handler.name, []).append((work, handler))
            else:
                _call(handler, [work])
                _succeed(batch, work, handler)
    for pairs in in_batches.values():
        _call(pairs[0][1], [work for work, _ in pairs])
        for work, handler in pairs:
            _succeed(batch, work, handler)
    _insist_on_sound_transaction()


def _run_one_by_one(batch: _Batch) -> None:
    """Each handler of each event under a savepoint of its own; an error is noted and the others go on."""
    for work in batch.work:
        if batch.should_stop():
            batch.cut = True
            break
        for name in work.missing:
            _fail(batch, work, name, MissingHandler(f"No handler is called {name} in this worker any more."))
        for handler in work.todo:
            if not batch.holds_back(work.row, handler):
                _try(batch, work, handler)


def _try(batch: _Batch, work: _Work, handler: Handler) -> None:
    try:
        with transaction.atomic():
            if handler.io:
                _hand_over(work, handler)
                return
            _call(handler, [work])
            _insist_on_sound_transaction()
            with connection.cursor() as cursor:
                # Deferred constraints must fail here, under the savepoint, not at the commit of the whole batch.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except Exception as error:
        if is_the_servers(error):
            raise
        _fail(batch, work, handler.name, error)
    else:
        _succeed(batch, work, handler)


def _call(handler: Handler, works: list[_Work]) -> None:
    """Run the handler; a batch handler's time is shared out evenly."""
    started = time.perf_counter()
    try:
        if handler.batch:
            handler.function([work.event for work in works], [work.context(handler) for work in works])
        else:
            handler.function(works[0].event, works[0].context(handler))
    finally:
        share = (time.perf_counter() - started) / len(works)
        for work in works:
            work.seconds[handler.name] = share


def _insist_on_sound_transaction() -> None:
    # Django would roll back without a word at the end of the block, and the event would count as handled.
    if connection.needs_rollback:
        raise BrokenTransaction("A handler swallowed a database error; it must let the error through.")


def _hand_over(work: _Work, handler: Handler) -> None:
    """Leave the event to the couriers: they call outside of any transaction, see leases.py."""
    assert work.event is not None
    neighbour = handler.neighbour_of(work.event)
    work.outcomes[handler.name] = Outcome(
        status=Status.PENDING, attempts=0, fresh=True, io=True, neighbour=neighbour, ordered=handler.ordered
    )
    work.touched = True


def _succeed(batch: _Batch, work: _Work, handler: Handler) -> None:
    earlier = work.outcomes.get(handler.name)
    if earlier is not None and earlier.status == Status.FAILED:
        batch.released = True
    work.outcomes[handler.name] = Outcome(
        status=Status.SENT,
        attempts=work.attempts(handler.name) + 1,
        fresh=True,
        recorded=earlier is not None,
    )
    work.touched = True


def _fail(batch: _Batch, work: _Work, handler: str, error: Exception) -> None:
    work.touched = True
    outcome = _of_outage(batch, work, handler, error) or _of_failure(batch, work, handler, error)
    work.outcomes[handler] = outcome
    hold = batch.held.get((work.row.ordering_key, handler))
    if outcome.retry_at is None:
        batch.released = True
        batch.held.pop((work.row.ordering_key, handler), None)
    elif hold is None or hold[0] >= work.row.id:
        batch.held[work.row.ordering_key, handler] = (work.row.id, outcome.retry_at)


def _of_failure(batch: _Batch, work: _Work, handler: str, error: Exception) -> Outcome:
    attempts = work.attempts(handler) + 1
    if isinstance(error, Permanent) or attempts >= settings.WORKER_MAX_ATTEMPTS:
        return Outcome(status=Status.DEAD, attempts=attempts, error=error, fresh=True)
    delay = delay_before(
        attempt=attempts + 1,
        base=settings.WORKER_BACKOFF_SECONDS,
        multiplier=settings.OUTBOX_BACKOFF_MULTIPLIER,
        luck=random.random(),  # noqa: S311
    )
    earlier = work.outcomes.get(handler)
    return Outcome(
        status=Status.FAILED,
        attempts=attempts,
        error=error,
        retry_at=batch.now + datetime.timedelta(seconds=delay),
        fresh=True,
        failing_since=earlier.failing_since if earlier and is_outage(error) else None,
    )


def _of_outage(batch: _Batch, work: _Work, handler: str, error: Exception) -> Outcome | None:
    """A deadlock, or a neighbour that is down, costs no attempt; None if it is neither, or has lasted for too long."""
    if not is_outage(error):
        return None
    earlier = work.outcomes.get(handler)
    since = (earlier.failing_since if earlier else None) or batch.now
    if batch.now - since >= PATIENCE:
        return None
    delay = delay_in_outage(
        lasting=batch.now - since,
        base=settings.WORKER_BACKOFF_SECONDS,
        luck=random.random(),  # noqa: S311
    )
    return Outcome(
        status=Status.FAILED,
        attempts=work.attempts(handler),
        error=error,
        retry_at=batch.now + datetime.timedelta(seconds=delay),
        fresh=True,
        failing_since=since,
        counted=False,
    )


def _write(batch: _Batch) -> None:
    book = Book(now=batch.now, shard=batch.shard, worker=batch.worker)
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
    book.write()


def _count(batch: _Batch, *, seconds: float) -> None:
    """After the commit, so that nothing is counted that was rolled back."""
    if not batch.work:
        return
    BATCH_SIZE.observe(len(batch.work))
    for work in batch.work:
        latency = (work.row.now - work.row.created_at).total_seconds() + seconds
        for name, outcome in work.outcomes.items():
            if outcome.fresh and outcome.io:
                continue
            if outcome.fresh:
                _count_run(work, name or "none", outcome, latency=latency, at=batch.now)
            elif outcome.status == Status.SENT:
                DUPLICATES_SUPPRESSED.labels(name).inc()
        if work.state == Status.SENT:
            END_TO_END.observe(latency)


def _count_run(work: _Work, name: str, outcome: Outcome, *, latency: float, at: datetime.datetime) -> None:
    spent = work.seconds.get(name, 0.0)
    PROCESSED.labels(name, str(outcome.status)).inc()
    HANDLER_SECONDS.labels(name).observe(spent)
    if outcome.attempts > 1:
        RETRIES.labels(name).inc()
    if outcome.error is not None:
        FAILURES.labels(name, type(outcome.error).__name__).inc()
    minutes.note(
        handler=name,
        event_type=work.row.event_type,
        outcome=str(outcome.status),
        at=at,
        latency=latency,
        seconds=spent,
    )
