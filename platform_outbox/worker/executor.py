"""The threads of a worker process that process shards, and the schedule that they take them from.

Nothing about correctness lives here. Whatever gets lost between these threads is found again by the poll.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connections

from platform_outbox.monitoring.metrics import WAKEUPS
from platform_outbox.processing import process
from platform_outbox.processing.claim import LowWater, UnknownEvents
from platform_outbox.processing.fairness import Fairness
from platform_outbox.processing.fingerprint import first_line_of
from platform_outbox.processing.inflight import InFlight
from platform_outbox.wakeup.notifier import bell

RECONNECT_SECONDS = (0.2, 5.0)
BUSY_SECONDS = (0.01, 0.5)
# A handler that sits on an open transaction keeps its shard and the vacuum waiting; the server ends it. Mostly the
# watch is quicker, but it dies with its process or its machine.
IDLE_IN_TRANSACTION_SECONDS = 300.0

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
                self._ring_timers()
                shard = next((shard for shard in self._ready if shard not in self._running), None)
                if shard is not None:
                    self._reserve(shard)
                    return shard
                self._changed.wait(self._until_next_timer())
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

    def due(self) -> set[int]:
        """The shards that wait for a thread or have one."""
        with self._changed:
            return self._running.union(self._ready)

    def has_news(self, shard: int) -> bool:
        """Whether the shard is to be looked at once more, although a thread has it."""
        with self._changed:
            return shard in self._ready

    def done(self, shard: int) -> None:
        """Give a reserved shard back."""
        with self._changed:
            self._running.discard(shard)
            self._changed.notify()

    def looked_since(self, shard: int, moment: float) -> bool:
        """True if the last look at the shard began after `moment` (seconds since 1970)."""
        return self._started.get(shard, 0.0) > moment

    def close(self) -> None:
        """Hand out nothing more and wake all who wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _reserve(self, shard: int) -> None:
        self._ready.pop(shard, None)
        self._running.add(shard)
        self._started[shard] = time.time()

    def _ring_timers(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            self._ready.setdefault(heapq.heappop(self._timers)[1])

    def _until_next_timer(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None


class WorkerThreads:
    """Carries out turns at shards and puts the shard back into the schedule when there is more to do."""

    def __init__(self, *, schedule: Schedule, worker: str, wake_couriers: Callable[[], None]) -> None:
        self.schedule = schedule
        self.worker = worker
        self.wake_couriers = wake_couriers
        self.logbook = InFlight(worker=worker)
        self.newer = UnknownEvents()
        self.low_water = LowWater()
        self._manners = Fairness(due=schedule.due)
        self._stopping = threading.Event()
        self._busy: dict[int, float] = {}
        self._failing: dict[int, float] = {}

    def stop(self) -> None:
        """Let running turns end after the event they are at."""
        self._stopping.set()

    def run(self) -> None:
        """Take shards from the schedule until it is closed. The body of a lane's thread."""
        while (shard := self.schedule.take()) is not None:
            self.turn(shard)
        connections.close_all()

    def on_message(self, shard: int, sent_at: float) -> None:
        """A drain request of the broker. Skipped if the shard was looked at after it was sent."""
        if not self.schedule.looked_since(shard, sent_at) and self.schedule.begin(shard):
            WAKEUPS.labels("broker").inc()
            self.turn(shard)

    def turn(self, shard: int) -> None:
        """One turn at a shard reserved before; never raises."""
        guest = self._manners.begin(shard)
        more: bool | None = False
        try:
            result = process.process_batch(
                shard=shard,
                low_water=self.low_water,
                should_stop=lambda: self._stopping.is_set() or guest.makes_room(),
                has_news=lambda: self.schedule.has_news(shard),
                worker=self.worker,
                logbook=self.logbook,
                newer=self.newer,
            )
        except Exception as error:
            self._failed(shard, error)
        else:
            more = None if result.busy else result.more or guest.made_room
            self._went(shard, result, more=bool(more))
        finally:
            self._manners.end(shard, more=more)
            self.schedule.done(shard)

    def _went(self, shard: int, result: process.BatchResult, *, more: bool) -> None:
        if self._failing.pop(shard, None):
            logger.info("Shard %s is being handled again.", shard)
        for error in result.errors:
            logger.warning("Shard %s: an event failed: %s: %s", shard, type(error).__name__, error)
        if result.busy:
            # Its holder may die; then this worker takes over within half a second.
            self.schedule.add(shard, delay=self._longer(self._busy, shard, BUSY_SECONDS))
            return
        self._busy.pop(shard, None)
        if result.handed_over:
            # One's own couriers at once, those of other workers by the bell: here all may be busy.
            self.wake_couriers()
            bell.ring_couriers()
        if more:
            self.schedule.add(shard)
        if result.retry_in is not None:
            self.schedule.add(shard, delay=result.retry_in)

    def _failed(self, shard: int, error: Exception) -> None:
        if isinstance(error, DatabaseError | InterfaceError):
            connections.close_all()
        delay = self._longer(self._failing, shard, RECONNECT_SECONDS)
        if isinstance(error, DatabaseError | InterfaceError):
            logger.warning(
                "Shard %s: the database failed, trying again in %.1f s: %s", shard, delay, first_line_of(error)
            )
        else:
            logger.error("Shard %s: trying again in %.1f s", shard, delay, exc_info=error)
        self.schedule.add(shard, delay=delay)

    @staticmethod
    def _longer(delays: dict[int, float], shard: int, limits: tuple[float, float]) -> float:
        delays[shard] = min(limits[1], delays.get(shard, limits[0] / 2) * 2)
        return delays[shard]


def start_thread(name: str, body: Callable[[], None]) -> threading.Thread:
    """A thread that cannot keep the process from ending: at the deadline the server rolls back what it was at."""
    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    return thread
