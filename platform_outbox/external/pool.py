"""The threads that call the `io` handlers: outside of any transaction, and beside those that run batches.

A dispatcher claims as much as there are free callers; each caller calls and marks; one more thread renews the leases
while the calls last. However slow a destination is, events of handlers in the database do not wait for it, and no more
than half of the callers wait for the same one.
"""

import logging
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from platform_outbox.events import UPGRADE_PATIENCE, EnvelopeError, NotYetKnown, event_from, traced
from platform_outbox.external import leases
from platform_outbox.external.leases import Lease, Queue
from platform_outbox.monitoring.metrics import CALL_SECONDS
from platform_outbox.processing.handlers import is_the_servers
from platform_outbox.processing.results import first_line_of
from platform_outbox.registry import Context, Deferred, Handler, Interrupted, PermanentError, handler_named
from platform_outbox.timing import CALLS_FAREWELL, CALLS_RECONNECT, FORGOTTEN_AFTER, LONGEST_LEASES

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
        delivery = (lease.message_id, handler.name, lease.attempts + 1, lease.created_at)
        context = Context(*delivery, trace=lease.trace, still_mine=still_mine, stopping=stopping)
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
    if handler is None and found.due_in < -FORGOTTEN_AFTER:
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
    replaced: bool = False  # its caller was written off

    def still_mine(self) -> bool:
        return not self.lost and time.monotonic() < self.renewed + self.seconds

    @property
    def hangs(self) -> bool:
        return time.monotonic() > self.taken + self.longest

    @property
    def renew_at(self) -> float:
        return self.renewed + self.seconds / 3


class ExternalPool:
    def __init__(self, *, count: int, worker: str) -> None:
        self.count = count
        self.worker = worker
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, _Held] = {}
        self._jobs: queue.SimpleQueue[_Held | None] = queue.SimpleQueue()
        self._news = threading.Event()
        self._taken = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._away = False

    def start(self) -> list[threading.Thread]:
        """Start the threads; returns those that must live as long as the worker."""
        for number in range(self.count):
            self._start(f"outbox-caller-{number}", self._deliver)
        return [self._start("outbox-dispatcher", self._dispatch), self._start("outbox-leases", self._renew)]

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """Take nothing more. Safe in a signal handler."""
        self._stopping.set()
        self._news.set()

    def shut_down(self) -> bool:
        """Wait for the calls that are under way, give back what is left; False if a handler has not come back."""
        self.stop()
        deadline = time.monotonic() + CALLS_FAREWELL
        while self._held and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stopped.set()
        self._taken.set()
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

    def _dispatch(self) -> None:
        wait: float | None = None
        while not self._stopping.is_set():
            self._news.wait(wait)
            self._news.clear()
            try:
                wait = self._round()
            except Exception as error:
                self._report(error)
                wait = CALLS_RECONNECT
            else:
                if self._away:
                    logger.info("Calls to the outside: the database is back.")
                self._away = False
        connections.close_all()

    def _round(self) -> float | None:
        """Return expired leases, hand out what is due; returns in how many seconds there will be more to do."""
        if self._stopping.is_set():
            return None
        with self._lock:
            hanging = [held for held in self._held.values() if held.hangs and not held.replaced]
        for held in hanging:
            # Its caller is written off; if the handler does come back, that thread ends.
            held.replaced = True
            lease = held.lease
            logger.error("%s #%s does not come back; it will be tried again.", lease.handler, lease.message_id)
            self._start("outbox-caller-spare", self._deliver)
        leases.expire()
        waits: list[float] = []
        # With all callers busy there is nothing to look for; one that is done wakes the dispatcher.
        while self._free() and not self._stopping.is_set():
            found = leases.look()
            if not self._hand_out(due_queues(found)):
                # What is due and was not taken is somebody else's at this moment, or waits for a caller to come back.
                waits = [each.due_in if each.due_in > 0 else 1.0 for each in found if _handler_for(each) is not None]
                break
        # The owner of a lease renews it in time if it lives.
        expiry = leases.first_expiry()
        if expiry is not None:
            waits.append(expiry + 0.05)
        return max(0.01, min(waits)) if waits else None

    def _free(self) -> int:
        with self._lock:
            return self.count - sum(1 for held in self._held.values() if not held.hangs)

    def _hand_out(self, due: list[tuple[Handler, Queue]]) -> int:
        """Lease what is due as long as callers are free; returns how much."""
        taken = 0
        for handler, found in due:
            if not self._free() or self._stopping.is_set():
                break
            with self._lock:
                calls = [(held.lease.handler, held.lease.destination) for held in self._held.values()]
            if calls.count((handler.name, found.destination)) >= max(1, self.count // 2):
                continue
            before = time.monotonic()
            lease = leases.claim(handler=handler, queue=found, worker=self.worker)
            if lease is not None:
                longest = handler.longest_seconds or LONGEST_LEASES * handler.lease_seconds
                held = _Held(lease, handler.lease_seconds, longest, taken=before, renewed=before)
                with self._lock:
                    self._held[lease.token] = held
                self._jobs.put(held)
                self._taken.set()
                taken += 1
        return taken

    def _deliver(self) -> None:
        while (held := self._jobs.get()) is not None:
            try:
                self._call_and_mark(held)
            finally:
                with self._lock:
                    self._held.pop(held.lease.token, None)
                self.wake()
            if held.replaced:
                break
        connections.close_all()

    def _call_and_mark(self, held: _Held) -> None:
        lease = held.lease
        if self._stopping.is_set() and self._give_back([lease]):
            return
        # A connection that broke while it lay idle is nobody's failure: this call gets another one.
        close_old_connections()
        error = call(lease, still_mine=held.still_mine, stopping=self._stopping.is_set)
        if isinstance(error, Interrupted) and self._give_back([lease]):
            return
        if isinstance(error, OperationalError | InterfaceError) and is_the_servers(error):
            # Our own database failed during the call: neither event nor destination is to blame, and neither has to pay.
            self._report(error)
            self._insist(held, lambda: leases.give_back([lease]))
            return
        if error is not None:
            # The message is in the event's history; in a log it might give an address or a link away.
            logger.warning("%s #%s failed: %s", lease.handler, lease.message_id, type(error).__name__)

        def mark() -> None:
            if not leases.finish(lease, error=error):
                logger.warning("%s #%s: the lease was lost.", lease.handler, lease.message_id)

        self._insist(held, mark)

    def _insist(self, held: _Held, step: Callable[[], object]) -> None:
        """Write down what came of a call: as long as the lease lasts it is worth trying again."""
        while True:
            try:
                step()
                return
            except (DatabaseError, InterfaceError) as error:
                self._report(error)
                if not held.still_mine() or self._stopped.wait(CALLS_RECONNECT):
                    return

    def _give_back(self, held: list[Lease]) -> bool:
        try:
            leases.give_back(held)
        except (DatabaseError, InterfaceError) as error:
            self._report(error)
            return False
        return True

    def _renew(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                times = [held.renew_at for held in self._held.values() if not held.lost and not held.hangs]
            self._taken.wait(max(0.0, min(times) - time.monotonic()) if times else None)
            self._taken.clear()
            now = time.monotonic()
            with self._lock:
                due = [
                    each for each in self._held.values() if each.renew_at <= now and not each.lost and not each.hangs
                ]
            try:
                kept = leases.renew([(held.lease, held.seconds) for held in due]) if due else set()
            except Exception as error:
                self._report(error)
                self._stopped.wait(CALLS_RECONNECT)
                continue
            for held in due:
                held.lost = held.lease.token not in kept
                if not held.lost:
                    held.renewed = now
        connections.close_all()

    def _report(self, error: Exception) -> None:
        if isinstance(error, DatabaseError | InterfaceError):
            connections.close_all()
            if not self._away:
                told = first_line_of(error)
                logger.warning("Calls to the outside: the database failed, trying again: %s", told)
            self._away = True
        else:
            logger.error("Calls to the outside: trying again in %.0f s", CALLS_RECONNECT, exc_info=error)
