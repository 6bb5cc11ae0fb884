"""The state of one turn: the events in hand, what is to run for each, and what came of it."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from platform_outbox.events import Event
from platform_outbox.models import Status
from platform_outbox.processing import claim
from platform_outbox.processing.claim import Claimed, LowWater, UnknownEvents
from platform_outbox.processing.inflight import InFlight, lives
from platform_outbox.processing.results import Outcome
from platform_outbox.processing.shard_state import StaleBatch
from platform_outbox.registry import Context, Handler

# Half-done events behind a dead letter that halts its key look so often whether it still does. An operator's decision
# wakes them at once.
HALTED_LOOK = datetime.timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Work:
    """A claimed event, what is to run for it, and what came of it."""

    row: Claimed
    event: Event | None = None
    todo: list[Handler] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    touched: bool = False
    foreign: bool = False  # only a newer release can read it
    left: bool = False  # handlers wait for a later turn, because this event runs alone
    state: str = Status.PENDING
    seconds: dict[str, float] = field(default_factory=dict)  # spent in each handler

    def attempts(self, handler: str) -> int:
        return self.outcomes[handler].attempts if handler in self.outcomes else 0

    def context(self, handler: Handler) -> Context:
        return Context(
            *(self.row.id, handler.name, self.attempts(handler.name) + 1, self.row.created_at), trace=self.row.trace
        )


@dataclass(slots=True, kw_only=True)
class Batch:
    """The state of one turn."""

    shard: int
    limit: int
    clock: datetime.datetime | None
    low_water: LowWater | None
    should_stop: Callable[[], bool]
    has_news: Callable[[], bool]
    worker: str
    logbook: InFlight | None
    newer: UnknownEvents | None
    now: datetime.datetime = field(init=False)  # of the turn, by the database's clock
    paused: frozenset[str] = frozenset()  # names of handlers
    exclusive: bool = False  # no other lane of this process is at anything
    alone: bool = False
    stays_alone: bool = False
    shortened: bool = False
    # (ordering key, handler) → (id of the failed event, when it is tried again)
    held: dict[tuple[str, str], tuple[int, datetime.datetime]] = field(default_factory=dict)
    work: list[Work] = field(default_factory=list)
    released: bool = False
    cut: bool = False
    hog: str | None = None  # a key with a long queue
    made_way: bool = False  # cut because others have come
    _asked: int = 0

    def start_over(self) -> None:
        self.work, self.held, self.released, self.cut = [], {}, False, False
        self.alone, self.stays_alone, self.shortened = False, False, False
        self.hog, self.made_way, self._asked = None, False, 0

    def must_end(self) -> bool:
        """Asked before an event if something has run since: whether the turn shall end here. What is done is kept."""
        self.cut = self.cut or self.should_stop() or self._makes_way()
        return self.cut

    def _makes_way(self) -> bool:
        """One key's backlog alone is in hand, and meanwhile another key has got something to do: it comes next."""
        if self.hog is None or self.work[0].row.ordering_key != self.hog:
            return False
        self._asked += 1
        # Not without getting on, and not a statement for each event: a bell that rings for the hog's own rings on.
        if self._asked % (claim.HOG_AT_LEAST + 1) or not self.has_news():
            return False
        above = self.low_water.above(self.shard) if self.low_water else 0
        self.made_way = claim.others_have_come(
            shard=self.shard, hog=self.hog, above=above, since=self.now, now=self.clock
        )
        return self.made_way

    def hold_of(self, key: str, handler: str) -> tuple[int, datetime.datetime] | None:
        """The oldest event of the key for which the handler must wait, and when it is tried again."""
        if not self.held:
            return None
        # A hold of no handler in particular is one of all.
        holds = [hold for name in (handler, "") if (hold := self.held.get((key, name))) is not None]
        return min(holds, default=None)

    def is_held(self, row: Claimed, handler: Handler) -> bool:
        hold = self.hold_of(row.ordering_key, handler.name)
        return hold is not None and hold[0] < row.id

    def halt(self, row: Claimed, handler: str) -> None:
        """Have younger events of the key wait until an operator has dealt with this one."""
        self.held.setdefault((row.ordering_key, handler), (row.id, self.now + HALTED_LOOK))

    def holds_back(self, row: Claimed, handler: Handler) -> bool:
        return handler.name in self.paused or self.is_held(row, handler)

    def waits_until(self, work: Work) -> datetime.datetime | None:
        """When a handler of this event that could not run now may: if an older event holds it, at its next attempt."""
        if not (work.left or self.paused or self.held):
            return None
        if work.left or any(handler.name in self.paused for handler in work.todo):
            # Due at once: a pause has no end that is known, the claim passes such events over.
            at_once = self.now
        else:
            at_once = None
        holds = [
            hold
            for handler in work.todo
            if self.is_held(work.row, handler) and (hold := self.hold_of(work.row.ordering_key, handler.name))
        ]
        return min((until for _, until in holds), default=at_once)

    def must_settle(self, turn: StaleBatch) -> bool:
        """Whether the turn died with its worker, or was ended for what it took: others broke off, and nobody is to blame."""
        return turn.overran or (turn.worker != self.worker and not lives(turn.worker))

    def waits_for(self, turn: StaleBatch) -> bool:
        """Whether to leave the shard to the worker that has broken off there, for a moment."""
        if turn.worker == self.worker or self.logbook is None:
            return False
        return self.logbook.waits_for(shard=self.shard, worker=turn.worker, at=turn.at)
