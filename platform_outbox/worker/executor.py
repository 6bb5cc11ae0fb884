"""The threads of a worker process that run batches, and the schedule that they take shards from.

Nothing about correctness lives here. Whatever gets lost between these threads is found again by the poll.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connections

from platform_outbox.monitoring.metrics import WAKEUPS
from platform_outbox.processing.claim import LowWater, UnknownEvents
from platform_outbox.processing.inflight import InFlight
from platform_outbox.processing.process import BatchResult, process_batch
from platform_outbox.processing.results import first_line_of
from platform_outbox.timing import BUSY, RECONNECT, STAND_BACK
from platform_outbox.wakeup.notifier import notifier

# Events of a backlog that run before it ends for a fresh shard without a thread: batches without progress would help
# nobody.
LEAST_EVENTS = 10

logger = logging.getLogger("platform_outbox.worker")


class Schedule:
    """A set of due shards, first come first served, plus timers. Each shard is handed out to one thread at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ready: dict[int, None] = {}
        self._running: set[int] = set()
        self._timers: list[tuple[float, int]] = []
        self._started: dict[int, float] = {}
        self._closed = False

    def add(self, shard: int, *, delay: float = 0.0) -> None:
        """Have the shard looked at, at once or after `delay` seconds."""
        with self._changed:
            if delay > 0:
                heapq.heappush(self._timers, (time.monotonic() + delay, shard))
            else:
                self._ready.setdefault(shard)
            self._changed.notify()

    def take(self) -> int | None:
        """Wait for a due shard and reserve it; None once the schedule is closed. Give it back with `done`."""
        with self._changed:
            while not self._closed:
                while self._timers and self._timers[0][0] <= time.monotonic():
                    self._ready.setdefault(heapq.heappop(self._timers)[1])
                shard = next((shard for shard in self._ready if shard not in self._running), None)
                if shard is not None:
                    self._reserve(shard)
                    return shard
                self._changed.wait(max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None)
            return None

    def begin(self, shard: int) -> bool:
        """Reserve this very shard; False when another thread has it, which will then look once more."""
        with self._changed:
            if self._closed:
                return False
            if shard in self._running:
                self._ready.setdefault(shard)
                return False
            self._reserve(shard)
            return True

    def _reserve(self, shard: int) -> None:
        self._ready.pop(shard, None)
        self._running.add(shard)
        self._started[shard] = time.time()

    def done(self, shard: int) -> None:
        with self._changed:
            self._running.discard(shard)
            self._changed.notify()

    def due(self) -> set[int]:
        """The shards that wait for a thread or have one."""
        with self._changed:
            return self._running.union(self._ready)

    def has_news(self, shard: int) -> bool:
        """Whether the shard is to be looked at once more, although a thread has it."""
        with self._changed:
            return shard in self._ready

    def looked_since(self, shard: int, moment: float) -> bool:
        """True if the last look at the shard began after `moment` (seconds since 1970)."""
        return self._started.get(shard, 0.0) > moment

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Fairness:
    """Which shards have a backlog, and which batches are under way: a backlog yields to new events.

    All threads share one interpreter, so a batch of a backlog slows every other batch down, and with a backlog in each
    thread a fresh event would wait for the end of one.
    """

    def __init__(self, *, due: Callable[[], set[int]]) -> None:
        self._due = due  # all shards that have to be looked at, those that are being looked at among them
        self._changed = threading.Condition()
        self._backlogs: set[int] = set()
        self._under_way: set[int] = set()

    def begin(self, shard: int) -> "Turn":
        """A batch begins; of a backlog not before those of fresh events have ended, unless patience ends first."""
        with self._changed:
            backlog = shard in self._backlogs
            if backlog:
                self.stand_back(STAND_BACK)
            self._under_way.add(shard)
            return Turn(self, backlog=backlog)

    def end(self, shard: int, *, more: bool | None) -> None:
        """It has ended; with `more`, the shard has a backlog. None: another worker had it, so nothing was learned."""
        with self._changed:
            self._under_way.discard(shard)
            if more is not None:
                (self._backlogs.add if more else self._backlogs.discard)(shard)
            self._changed.notify_all()

    def fresh_waits(self) -> bool:
        """Whether a shard without a backlog is due and has no thread."""
        with self._changed:
            return bool(self._due() - self._under_way - self._backlogs)

    def stand_back(self, seconds: float) -> float:
        """Wait until no fresh batch is under way, or the time is over; returns how long."""
        started = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._under_way <= self._backlogs, timeout=seconds)
        return time.monotonic() - started


class Turn:
    """One batch. Asked between its events, it may wait a little, or say that the batch shall end."""

    def __init__(self, fairness: Fairness, *, backlog: bool) -> None:
        self.made_room = False
        self._fairness, self._backlog = fairness, backlog
        self._asked, self._patience = 0, STAND_BACK

    def makes_room(self) -> bool:
        """Whether the batch shall end here, because something fresh has no thread."""
        if not self._backlog:
            return False
        self._asked += 1
        if self._patience > 0:
            self._patience -= self._fairness.stand_back(self._patience)
        self.made_room = self._asked > LEAST_EVENTS and self._fairness.fresh_waits()
        return self.made_room


class WorkerThreads:
    """Runs batches of shards, and puts a shard back into the schedule when there is more to do."""

    def __init__(self, *, schedule: Schedule, worker: str, wake_external: Callable[[], None]) -> None:
        self.schedule = schedule
        self.worker = worker
        self.wake_external = wake_external
        self.inflight = InFlight(worker=worker)
        self.unknown_events = UnknownEvents()
        self.low_water = LowWater()
        self.fairness = Fairness(due=schedule.due)
        self._stopping = threading.Event()
        # Shard → how long to wait before the next look.
        self._busy: dict[int, float] = {}
        self._failing: dict[int, float] = {}

    def stop(self) -> None:
        """Let running batches end after the event they are at."""
        self._stopping.set()

    def run(self, handle: Callable[[int], None]) -> None:
        """Take shards from the schedule until it is closed. The body of a thread."""
        while (shard := self.schedule.take()) is not None:
            handle(shard)
        connections.close_all()

    def on_message(self, shard: int, sent_at: float) -> None:
        """A request of the broker. Skipped if the shard was looked at after it was sent."""
        if not self.schedule.looked_since(shard, sent_at) and self.schedule.begin(shard):
            WAKEUPS.labels("broker").inc()
            self.run_batch(shard)

    def run_batch(self, shard: int) -> None:
        """One batch of a shard reserved before; never raises."""
        turn = self.fairness.begin(shard)
        more: bool | None = False
        try:
            result = process_batch(
                shard=shard,
                low_water=self.low_water,
                should_stop=lambda: self._stopping.is_set() or turn.makes_room(),
                has_news=lambda: self.schedule.has_news(shard),
                worker=self.worker,
                inflight=self.inflight,
                unknown_events=self.unknown_events,
            )
        except Exception as error:
            delay = self._failing[shard] = min(RECONNECT[1], self._failing.get(shard, RECONNECT[0] / 2) * 2)
            if isinstance(error, DatabaseError | InterfaceError):
                connections.close_all()
                told = first_line_of(error)
                logger.warning("Shard %s: the database failed, trying again in %.1f s: %s", shard, delay, told)
            else:
                logger.error("Shard %s: trying again in %.1f s", shard, delay, exc_info=error)
            self.schedule.add(shard, delay=delay)
        else:
            more = None if result.busy else result.more or turn.made_room
            self._went(shard, result, more=bool(more))
        finally:
            self.fairness.end(shard, more=more)
            self.schedule.done(shard)

    def _went(self, shard: int, result: BatchResult, *, more: bool) -> None:
        if self._failing.pop(shard, None):
            logger.info("Shard %s is being handled again.", shard)
        for error in result.errors:
            logger.warning("Shard %s: an event failed: %s: %s", shard, type(error).__name__, error)
        if result.busy:
            # Its holder may die; then this worker takes over within half a second.
            self._busy[shard] = min(BUSY[1], self._busy.get(shard, BUSY[0] / 2) * 2)
            self.schedule.add(shard, delay=self._busy[shard])
            return
        self._busy.pop(shard, None)
        if result.handed_over:
            # One's own callers at once, those of other workers by a notification: here all may be busy.
            self.wake_external()
            notifier.notify_external()
        if more:
            self.schedule.add(shard)
        if result.retry_in is not None:
            self.schedule.add(shard, delay=result.retry_in)
