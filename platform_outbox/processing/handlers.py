"""Running the handlers of a batch, together or in parts, and noting what came of each."""

import datetime
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from django.db import connection, transaction

from platform_outbox.events import TRACE, Event
from platform_outbox.models import Status
from platform_outbox.processing import claim
from platform_outbox.processing.claim import Claimed, LowWater, ShardState, Suspicion, UnknownEvents
from platform_outbox.processing.inflight import InFlight
from platform_outbox.processing.results import AT_FIRST, Outcome
from platform_outbox.registry import Context, Handler, handler_named
from platform_outbox.retry import after_failure
from platform_outbox.sql import rows_of
from platform_outbox.timing import HALTED_LOOK


class BrokenTransaction(Exception):
    """A handler swallowed a database error, so that nothing it wrote can be kept. It must let the error through."""


class MissingHandler(Exception):
    """A handler that failed before is no longer registered in this worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    shard: int
    limit: int
    worker: str
    now: datetime.datetime | None  # in place of the database's clock
    should_stop: Callable[[], bool]
    has_news: Callable[[], bool]
    low_water: LowWater | None
    inflight: InFlight | None
    unknown_events: UnknownEvents | None
    exclusive: bool = False  # no other thread of this process is at anything

    @property
    def above(self) -> int:
        """The id under which nothing is open."""
        return self.low_water.above(self.shard) if self.low_water else 0


@dataclass(slots=True, kw_only=True)
class Work:
    """A claimed event, the handlers to run for it, and what came of each."""

    row: Claimed
    event: Event | None = None
    todo: list[Handler] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # have something to do, and are not registered here
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    touched: bool = False  # something came of it in this batch
    unknown: bool = False  # only a newer release can read it
    left: bool = False  # handlers wait for a later batch, because this event runs alone
    state: str = Status.PENDING
    seconds: dict[str, float] = field(default_factory=dict)  # spent in each handler

    def attempts(self, handler: str) -> int:
        return self.outcomes[handler].attempts if handler in self.outcomes else 0


class Holds:
    """Which handlers have to wait: an operator paused them, or an older event of the key is in the way."""

    def __init__(self, state: ShardState) -> None:
        # Calls of a paused io handler wait in the external pools: its events are handed over all the same.
        self.paused = frozenset(
            name for name in state.paused_handlers if (handler := handler_named(name)) is not None and not handler.io
        )
        # (ordering key, handler, or "" for all of them) → (id of the event in the way, when it is tried again)
        self.held = state.holds

    def of(self, key: str, handler: str) -> tuple[int, datetime.datetime] | None:
        """The oldest event of the key for which the handler must wait, and when it is tried again."""
        holds = [hold for name in (handler, "") if (hold := self.held.get((key, name))) is not None]
        return min(holds, default=None)

    def stop(self, row: Claimed, handler: Handler) -> bool:
        """Whether the handler may not run for this event now."""
        if not self.held and not self.paused:
            return False
        hold = self.of(row.ordering_key, handler.name)
        return handler.name in self.paused or (hold is not None and hold[0] < row.id)

    def add(self, row: Claimed, handler: str, until: datetime.datetime) -> None:
        """Have younger events of the key wait for this one."""
        hold = self.held.get((row.ordering_key, handler))
        if hold is None or hold[0] >= row.id:
            self.held[row.ordering_key, handler] = (row.id, until)

    def waits_until(self, work: Work, now: datetime.datetime) -> datetime.datetime | None:
        """When a handler of this event that could not run now may: if an older event holds it, at its next attempt."""
        stopped = [handler for handler in work.todo if self.stop(work.row, handler)]
        holds = [self.of(work.row.ordering_key, handler.name) for handler in stopped]
        times = [hold[1] for hold in holds if hold is not None and hold[0] < work.row.id]
        # A pause has no end that is known: due at once, for the claim passes such events over.
        return min(times, default=now if stopped or work.left else None)


@dataclass(slots=True)
class Batch:
    """The events in hand and how far they are."""

    options: Options
    now: datetime.datetime = field(init=False)  # by the database's clock
    holds: Holds = field(init=False)
    suspicion: Suspicion | None = None  # the only event in hand runs alone because of this
    dominant_key: str | None = None  # the claim shared itself out because of its long queue
    work: list[Work] = field(default_factory=list)
    more: bool = False  # events were left over, or have become due
    stopped: bool = False  # ended before its last event; what is done is kept
    made_way: bool = False  # because another key has got something to do
    asked: int = 0

    def must_end(self) -> bool:
        """Asked before an event if something has run since: whether the batch shall end here."""
        options = self.options
        self.stopped = self.stopped or options.should_stop()
        if self.stopped or self.dominant_key is None or self.work[0].row.ordering_key != self.dominant_key:
            return self.stopped
        # One key's backlog alone is in hand. If another key has got something to do meanwhile, it comes next: not without
        # getting on, and not with a statement for each event, for news of the dominant key's own never end.
        self.asked += 1
        if self.asked % (claim.DOMINANT_AT_LEAST + 1) == 0 and options.has_news():
            self.stopped = self.made_way = claim.others_have_come(
                shard=options.shard,
                dominant_key=self.dominant_key,
                above=options.above,
                since=self.now,
                now=options.now,
            )
        return self.stopped


def is_the_servers(error: Exception) -> bool:
    """Whether the database server is away or in trouble: no event is to blame, and none pays with an attempt."""
    if connection.connection is None or connection.connection.closed:
        return True
    # No room or memory left (53), an operator or a shutdown (57P), its files cannot be read or written (58).
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(("53", "57P", "58"))


def run_together(batch: Batch, works: list[Work] | None = None, *, constraints: bool = False) -> None:
    """All of the batch, or these, at once; any error undoes everything. `constraints`: deferred ones are checked, too."""
    in_batches: dict[str, tuple[Handler, list[Work]]] = {}
    holds = batch.holds
    # What is only put together for a batch handler takes no time in which something could have changed.
    since_asked = True
    for work in batch.work if works is None else works:
        if since_asked and batch.must_end():
            break
        since_asked = False
        if work.missing:
            raise MissingHandler(work.missing)
        for handler in work.todo:
            if (holds.held or holds.paused) and holds.stop(work.row, handler):
                continue
            if handler.io:
                _hand_over(work, handler)
            elif handler.batch:
                in_batches.setdefault(handler.name, (handler, []))[1].append(work)
            else:
                _call(batch, handler, [work])
                since_asked = True
    for handler, together in in_batches.values():
        together.sort(key=lambda work: work.row.id)
        _call(batch, handler, together)
    if constraints or connection.needs_rollback:
        insist_on_sound_transaction(constraints=constraints)


def run_in_halves(batch: Batch) -> None:
    """Look for what fails by halving: one bad event of fifty is found, and the others are done, in a dozen steps.

    Where one in eight fails, halving would take more steps than going one by one, as the rest then does.
    """
    waiting = _halves(batch.work)
    bad = 0
    while waiting and not batch.stopped:
        part = waiting.pop()
        if len(part) == 1 or bad * 8 >= len(batch.work):
            bad += sum(_run_singly(batch, work) for work in part)
        elif not _run_part(batch, part):
            waiting += _halves(part)


def _halves(works: list[Work]) -> list[list[Work]]:
    """The later half first, as a stack has it."""
    middle = (len(works) + 1) // 2
    return [half for half in (works[middle:], works[:middle]) if half]


def _run_part(batch: Batch, works: list[Work]) -> bool:
    """These events together, under a savepoint; False and as before if any of their handlers fails."""
    before = [(dict(work.outcomes), work.touched, dict(work.seconds)) for work in works]
    more = batch.more
    try:
        with transaction.atomic():
            run_together(batch, works, constraints=True)
    except Exception as error:
        if is_the_servers(error):
            raise
        batch.more = more
        for work, (outcomes, touched, seconds) in zip(works, before, strict=True):
            work.outcomes, work.touched, work.seconds = outcomes, touched, seconds
        return False
    return True


def _run_singly(batch: Batch, work: Work) -> bool:
    """Each handler of the event under a savepoint of its own; an error is noted and the others go on. True if any was."""
    if batch.stopped or batch.must_end():
        return False
    failed = bool(work.missing)
    for name in work.missing:
        fail(batch, work, name, MissingHandler(f"No handler is called {name} in this worker any more."))
    for handler in [handler for handler in work.todo if not batch.holds.stop(work.row, handler)]:
        try:
            with transaction.atomic():
                if handler.io:
                    _hand_over(work, handler)
                    continue
                _call(batch, handler, [work], constraints=True)
        except Exception as error:
            if is_the_servers(error):
                raise
            fail(batch, work, handler.name, error)
            failed = True
    return failed


def insist_on_sound_transaction(*, constraints: bool = False) -> None:
    """With `constraints` deferred ones fail here, under the savepoint, not at the commit of the whole batch."""
    # Django would roll back without a word at the end of the block, and the event would count as handled.
    if connection.needs_rollback:
        raise BrokenTransaction("A handler swallowed a database error; it must let the error through.")
    if constraints:
        rows_of("SET CONSTRAINTS ALL IMMEDIATE")
        rows_of("SET CONSTRAINTS ALL DEFERRED")


def _call(batch: Batch, handler: Handler, works: list[Work], *, constraints: bool = False) -> None:
    """Call the handler for one event, or a batch handler for several, and note that it succeeded.

    Its time is shared out evenly. `constraints`: deferred ones are checked before it counts as a success.
    """
    inflight = batch.options.inflight
    traces = {work.row.trace for work in works}
    contexts = [
        Context(
            work.row.id, handler.name, earlier.attempts + 1 if earlier else 1, work.row.created_at, trace=work.row.trace
        )
        for work in works
        for earlier in (work.outcomes.get(handler.name),)
    ]
    started = time.perf_counter()
    if inflight is not None:
        inflight.calling(shard=batch.options.shard, handler=handler.name, ids=[work.row.id for work in works])
    token = TRACE.set(traces.pop() if len(traces) == 1 else "")
    try:
        if handler.batch:
            handler.function([work.event for work in works], contexts)
        else:
            handler.function(works[0].event, contexts[0])
    finally:
        TRACE.reset(token)
        if inflight is not None:
            inflight.returned()
        share = (time.perf_counter() - started) / len(works)
        for work in works:
            work.seconds[handler.name] = share
    if constraints:
        insist_on_sound_transaction(constraints=True)
    for work in works:
        work.touched = True
        earlier = work.outcomes.get(handler.name)
        if earlier is None:
            work.outcomes[handler.name] = AT_FIRST
            continue
        # Younger events of the key may go on.
        batch.more = batch.more or earlier.status == Status.FAILED
        work.outcomes[handler.name] = Outcome(
            status=Status.SENT, attempts=earlier.attempts + 1, fresh=True, recorded=True
        )


def _hand_over(work: Work, handler: Handler) -> None:
    """Leave the event to the external pools: they call outside of any transaction, see external/leases.py."""
    assert work.event is not None
    work.touched = True
    work.outcomes[handler.name] = Outcome(
        status=Status.PENDING,
        attempts=0,
        fresh=True,
        io=True,
        destination=handler.destination_of(work.event),
        ordered=handler.ordered,
    )


def fail(batch: Batch, work: Work, name: str, error: Exception) -> None:
    """Note that this handler failed for the event, and have younger ones of the key wait for it, or go on."""
    work.touched = True
    earlier, handler = work.outcomes.get(name), handler_named(name)
    decision = after_failure(
        error, attempts=work.attempts(name), failing_since=earlier.failing_since if earlier else None, now=batch.now
    )
    halts = decision.retry_at is None and handler is not None and handler.on_death == "halt"
    work.outcomes[name] = Outcome(error=error, fresh=True, halts=halts, **asdict(decision))
    if halts:
        batch.holds.add(work.row, name, batch.now + HALTED_LOOK)
    elif decision.retry_at is not None:
        batch.holds.add(work.row, name, decision.retry_at)
    else:
        batch.more = True
        batch.holds.held.pop((work.row.ordering_key, name), None)
