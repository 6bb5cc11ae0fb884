"""Good manners between the lanes of a process: a backlog stands back for what has just happened.

All lanes share one interpreter, so a turn at a backlog slows every other turn down, and with a backlog in each lane a
fresh event would wait for the end of one. Nothing here knows of events: it counts turns.
"""

import threading
import time
from collections.abc import Callable

# So long, altogether, a turn at a backlog stands back for fresh ones: it holds a transaction open. And so long before it.
PATIENCE_SECONDS = 0.02
# So many events it handles before it ends for a fresh one without a lane: turns without progress would help nobody.
LEAST_EVENTS = 10


class Fairness:
    """Which shards have a backlog, and which turns are under way."""

    def __init__(self, *, due: Callable[[], set[int]]) -> None:
        """`due` names all shards that have to be looked at, those that are being looked at among them."""
        self._due = due
        self._backlogs: set[int] = set()
        self._changed = threading.Condition()
        self._under_way: set[int] = set()

    def begin(self, shard: int) -> "Guest":
        """A turn begins; at a backlog not before those at fresh events have ended, unless patience ends first."""
        with self._changed:
            backlog = shard in self._backlogs
            if backlog:
                self._wait_for_fresh(PATIENCE_SECONDS)
            self._under_way.add(shard)
            return Guest(self, backlog=backlog)

    def end(self, shard: int, *, more: bool | None) -> None:
        """It has ended; with `more`, the shard has a backlog. None: another worker had it, and nothing is known anew."""
        with self._changed:
            self._under_way.discard(shard)
            if more is not None:
                (self._backlogs.add if more else self._backlogs.discard)(shard)
            self._changed.notify_all()

    def fresh_waits(self) -> bool:
        """Whether a shard without a backlog is due and has no lane."""
        with self._changed:
            return bool(self._due() - self._under_way - self._backlogs)

    def stand_back(self, seconds: float) -> None:
        """Wait until no fresh turn is under way, or the time is over."""
        with self._changed:
            self._wait_for_fresh(seconds)

    def _wait_for_fresh(self, seconds: float) -> None:
        self._changed.wait_for(lambda: self._under_way <= self._backlogs, timeout=seconds)


class Guest:
    """One turn. Asked between its events, it may wait a little, or say that the turn shall end."""

    def __init__(self, manners: Fairness, *, backlog: bool) -> None:
        self.made_room = False
        self._manners = manners
        self._backlog = backlog
        self._asked = 0
        self._patience = PATIENCE_SECONDS

    def makes_room(self) -> bool:
        """Whether the turn shall end here, because something fresh has no lane."""
        if not self._backlog:
            return False
        self._asked += 1
        if self._patience > 0:
            started = time.monotonic()
            self._manners.stand_back(self._patience)
            self._patience -= time.monotonic() - started
        self.made_room = self._asked > LEAST_EVENTS and self._manners.fresh_waits()
        return self.made_room
