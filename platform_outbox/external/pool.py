"""The threads that call the `io` handlers: outside of any transaction, and beside the lanes.

A foreman claims as much as there are free couriers; each courier calls and marks; one more thread renews the leases
while the calls last. However slow a neighbour is, events of `db` handlers do not wait for it, and no more than half
of the couriers wait for the same one.
"""

import logging
import queue
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from platform_outbox.events import UPGRADE_PATIENCE, EnvelopeError, NotYetKnown, event_from
from platform_outbox.external import leases
from platform_outbox.external.leases import Lease, Queue
from platform_outbox.monitoring.metrics import CALL_SECONDS
from platform_outbox.processing.handlers import is_the_servers
from platform_outbox.registry import Context, Deferred, Handler, Interrupted, PermanentError, handler_named
from platform_outbox.tracing import traced

# A call whose handler does not come back is given up after so many lease times, unless it said how long it may take:
# its lease is renewed no more.
LONGEST_LEASES = 10
RECONNECT_SECONDS = 1.0
FORGOTTEN_SECONDS = 3600.0
# What is running at SIGTERM may end within this time; then its lease goes back.
FAREWELL_SECONDS = 10.0

logger = logging.getLogger("platform_outbox.external.pool")


class UnknownHandler(Exception):
    """The handler of a delivery is not registered in this worker."""


def call(
    lease: Lease, *, still_mine: Callable[[], bool], stopping: Callable[[], bool] = lambda: False
) -> Exception | None:
    """Call the handler; returns what went wrong, or Interrupted."""
    handler = handler_named(lease.handler)
    started = time.monotonic()
    try:
        if handler is None:
            raise UnknownHandler(f"No handler is called {lease.handler} in any worker.")
        try:
            event = event_from(name=lease.event_type, version=lease.event_version, payload=lease.payload)
        except EnvelopeError as error:
            if isinstance(error, NotYetKnown) and timezone.now() < lease.created_at + UPGRADE_PATIENCE:
                raise Deferred(str(error)) from error  # the next to try may be of a newer release
            raise PermanentError(str(error)) from error
        context = Context(
            *(lease.message_id, handler.name, lease.attempts + 1, lease.created_at),
            trace=lease.trace,
            mine=still_mine,
            ending=stopping,
        )
        with traced(lease.trace):
            handler.function(event, context)
    except SystemExit as error:
        return RuntimeError(f"The handler wanted to end the process: {error!r}")
    except Exception as error:
        return error
    else:
        return None
    finally:
        CALL_SECONDS.labels(lease.handler).observe(time.monotonic() - started)


def due_queues(found: list[Queue]) -> list[tuple[Handler, Queue]]:
    """Who may be called now, in random order: nobody's backlog stands before somebody else's."""
    due = [(handler, each) for each in found if each.due_in <= 0 and (handler := _handler_for(each)) is not None]
    random.shuffle(due)
    return due


def _handler_for(found: Queue) -> Handler | None:
    """The handler, as far as this worker knows it. What nobody has taken for an hour no worker knows: it must fail."""
    handler = handler_named(found.handler)
    if handler is None and found.due_in < -FORGOTTEN_SECONDS:
        # Only its name counts; `call` will not find the handler.
        return Handler(name=found.handler, function=call, events=(), io=True)
    return handler if handler is not None and handler.io else None


@dataclass(slots=True)
class _Held:
    """A lease in this worker's hands. Times are of the monotonic clock."""

    lease: Lease
    seconds: float
    longest: float
    taken: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)
    lost: bool = False
    replaced: bool = False

    def still_mine(self) -> bool:
        return not self.lost and time.monotonic() < self.renewed + self.seconds

    @property
    def hangs(self) -> bool:
        return time.monotonic() > self.taken + self.longest

    @property
    def renew_at(self) -> float:
        return self.renewed + self.seconds / 3


class ExternalPool:
    """A worker's pool for `io` handlers."""

    def __init__(self, *, count: int, worker: str) -> None:
        self.count = count
        self.worker = worker
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, _Held] = {}
        self._jobs: queue.SimpleQueue[_Held | None] = queue.SimpleQueue()
        self._news = threading.Event()
        self._beat = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._away = False

    def start(self) -> list[threading.Thread]:
        """Start the threads; returns those that must live as long as the worker."""
        for number in range(self.count):
            self._start(f"outbox-courier-{number}", self._deliver)
        return [self._start("outbox-foreman", self._lead), self._start("outbox-heart", self._renew)]

    def wake(self) -> None:
        """Look for something to do."""
        self._news.set()

    def stop(self) -> None:
        """Take nothing more. Safe in a signal handler."""
        self._stopping.set()
        self._news.set()

    def shut_down(self) -> bool:
        """Wait for the calls that are under way, give back what is left; False if a handler has not come back."""
        self.stop()
        deadline = time.monotonic() + FAREWELL_SECONDS
        while self._held and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stopped.set()
        self._beat.set()
        for _ in self._threads:
            self._jobs.put(None)
        with self._lock:
            left = list(self._held.values())
            self._held.clear()
        for held in left:
            held.lost = True
        if left:
            self._give_back([held.lease for held in left])
        return not left

    def _start(self, name: str, body: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=body, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    # The foreman.

    def _lead(self) -> None:
        wait: float | None = None
        while not self._stopping.is_set():
            self._news.wait(wait)
            self._news.clear()
            if self._stopping.is_set():
                break
            try:
                wait = self._round()
            except Exception as error:
                self._report(error)
                wait = RECONNECT_SECONDS
            else:
                self._recovered()
        connections.close_all()

    def _round(self) -> float | None:
        """Return expired leases, hand out what is due; returns in how many seconds there will be more to do."""
        self._replace_hanging()
        leases.expire()
        while not self._stopping.is_set() and (free := self._free()):
            found = leases.look()
            if not self._hand_out(due_queues(found), free):
                return self._next(found)
        # A courier that is done wakes the foreman.
        return self._soonest([], leases.first_expiry())

    def _replace_hanging(self) -> None:
        """A courier whose handler does not come back is written off; if it does come back, it ends."""
        with self._lock:
            hanging = [held for held in self._held.values() if held.hangs and not held.replaced]
        for held in hanging:
            held.replaced = True
            logger.error(
                "%s #%s does not come back; it will be tried again.", held.lease.handler, held.lease.message_id
            )
            self._start("outbox-courier-spare", self._deliver)

    def _hand_out(self, due: list[tuple[Handler, Queue]], free: int) -> int:
        taken = 0
        for handler, queue_ in due:
            if taken == free or self._stopping.is_set():
                break
            if self._is_busy_with(handler.name, queue_.neighbour):
                continue
            before = time.monotonic()
            lease = leases.claim(handler=handler, queue=queue_, worker=self.worker)
            if lease is not None:
                longest = handler.longest_seconds or LONGEST_LEASES * handler.lease_seconds
                self._take(_Held(lease, handler.lease_seconds, longest, taken=before, renewed=before))
                taken += 1
        return taken

    def _next(self, found: list[Queue]) -> float | None:
        mine = [each for each in found if _handler_for(each) is not None]
        # What is due and was not taken is somebody else's at this moment, or waits for a courier to come back.
        return self._soonest([each.due_in if each.due_in > 0 else 1.0 for each in mine], leases.first_expiry())

    @staticmethod
    def _soonest(waits: list[float], expiry: float | None) -> float | None:
        if expiry is not None:
            # The owner renews in time if it lives.
            waits = [*waits, expiry + 0.05]
        return max(0.01, min(waits)) if waits else None

    def _free(self) -> int:
        with self._lock:
            return self.count - sum(1 for held in self._held.values() if not held.hangs)

    def _is_busy_with(self, handler: str, neighbour: str) -> bool:
        with self._lock:
            calls = Counter((held.lease.handler, held.lease.neighbour) for held in self._held.values())
        return calls[handler, neighbour] >= max(1, self.count // 2)

    def _take(self, held: _Held) -> None:
        with self._lock:
            self._held[held.lease.token] = held
        self._jobs.put(held)
        self._beat.set()

    # A courier.

    def _deliver(self) -> None:
        while (held := self._jobs.get()) is not None:
            try:
                self._carry(held)
            finally:
                with self._lock:
                    self._held.pop(held.lease.token, None)
                self.wake()
            if held.replaced:
                break
        connections.close_all()

    def _carry(self, held: _Held) -> None:
        lease = held.lease
        if self._stopping.is_set() and self._give_back([lease]):
            return
        # A connection that broke while it lay idle is nobody's failure: this call gets another one.
        close_old_connections()
        error = call(lease, still_mine=held.still_mine, stopping=self._stopping.is_set)
        if isinstance(error, Interrupted) and self._give_back([lease]):
            return
        if isinstance(error, OperationalError | InterfaceError) and is_the_servers(error):
            self._give_back_later(held, error)
            return
        if error is not None:
            # The message is in the event's history; in a log it might give an address or a link away.
            logger.warning("%s #%s failed: %s", lease.handler, lease.message_id, type(error).__name__)
        self._mark(held, error)

    def _mark(self, held: _Held, error: Exception | None) -> None:
        """Write down what came of it. The call is made: as long as the lease lasts it is worth trying again."""
        while True:
            try:
                if not leases.finish(held.lease, error=error):
                    logger.warning("%s #%s: the lease was lost.", held.lease.handler, held.lease.message_id)
            except (DatabaseError, InterfaceError) as failure:
                self._report(failure)
                if not held.still_mine() or self._stopped.wait(RECONNECT_SECONDS):
                    return
            else:
                return

    def _give_back_later(self, held: _Held, error: Exception) -> None:
        """Our own database failed during the call: neither event nor neighbour is to blame, and neither has to pay."""
        self._report(error)
        while held.still_mine() and not self._stopped.wait(RECONNECT_SECONDS):
            if self._give_back([held.lease]):
                return

    def _give_back(self, held: list[Lease]) -> bool:
        try:
            leases.give_back(held)
        except (DatabaseError, InterfaceError) as error:
            self._report(error)
            return False
        return True

    # The heart.

    def _renew(self) -> None:
        while not self._stopped.is_set():
            self._beat.wait(self._until_next_beat())
            self._beat.clear()
            try:
                self._renew_due()
            except Exception as error:
                self._report(error)
                self._stopped.wait(RECONNECT_SECONDS)
        connections.close_all()

    def _until_next_beat(self) -> float | None:
        with self._lock:
            times = [held.renew_at for held in self._held.values() if not held.lost and not held.hangs]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _renew_due(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = [held for held in self._held.values() if held.renew_at <= now and not held.lost and not held.hangs]
        if not due:
            return
        kept = leases.renew([(held.lease, held.seconds) for held in due])
        for held in due:
            if held.lease.token in kept:
                held.renewed = now
            else:
                held.lost = True

    # What they all need.

    def _report(self, error: Exception) -> None:
        if isinstance(error, DatabaseError | InterfaceError):
            connections.close_all()
            if not self._away:
                logger.warning(
                    "Calls to the outside: the database failed, trying again: %s", str(error).strip().split("\n")[0]
                )
            self._away = True
        else:
            logger.error("Calls to the outside: trying again in %.0f s", RECONNECT_SECONDS, exc_info=error)

    def _recovered(self) -> None:
        if self._away:
            logger.info("Calls to the outside: the database is back.")
        self._away = False
