"""Which shards a worker process has to look at, and when."""

import heapq
import threading
import time


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
