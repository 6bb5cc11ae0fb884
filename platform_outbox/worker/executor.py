"""The threads of a worker process: one that listens, and lanes that drain shards.

Nothing about correctness lives here. Whatever gets lost between these threads is found again by the poll.
"""

import contextlib
import logging
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from platform_outbox.emit import SHARDS
from platform_outbox.monitoring.history import minutes
from platform_outbox.monitoring.metrics import WAKEUPS
from platform_outbox.processing import process
from platform_outbox.processing.claim import LowWater
from platform_outbox.processing.fairness import Fairness
from platform_outbox.processing.fingerprint import first_line_of
from platform_outbox.processing.inflight import InFlight
from platform_outbox.processing.unknown_events import UnknownEvents
from platform_outbox.wakeup.notifier import CHANNEL, COURIERS_CHANNEL, bell, own_connection
from platform_outbox.worker.schedule import Schedule

HEARTBEAT_SECONDS = 10.0
RECONNECT_SECONDS = (0.2, 5.0)
BUSY_SECONDS = (0.01, 0.5)
# A handler that sits on an open transaction keeps its shard and the vacuum waiting; the server ends it. Mostly the
# watch is quicker, but it dies with its process or its machine.
IDLE_IN_TRANSACTION_SECONDS = 300.0

logger = logging.getLogger("platform_outbox.worker")

_DUE = f"""
    SELECT array(
        SELECT shard FROM generate_series(0, {SHARDS - 1}) AS shards (shard)
        WHERE (SELECT true FROM platform_outbox AS m WHERE m.shard BETWEEN shards.shard AND shards.shard
               AND m.status IN ('pending', 'failed') AND m.available_at <= statement_timestamp()
               ORDER BY m.shard, m.id LIMIT 1)),
        (SELECT extract(epoch FROM min(available_at) - statement_timestamp())::float8 FROM platform_outbox
         WHERE status IN ('pending', 'failed') AND available_at > created_at
           AND available_at > statement_timestamp()),
        EXISTS (SELECT FROM platform_outbox_delivery
                WHERE io AND NOT in_line AND status IN ('pending', 'failed')) OR
        EXISTS (SELECT FROM platform_outbox_delivery WHERE status = 'sending')
"""
_HEARTBEAT = """
    INSERT INTO platform_worker (name, broker, started_at, heartbeat_at)
    VALUES (%s, %s, %s, statement_timestamp())
    ON CONFLICT (name) DO UPDATE SET heartbeat_at = statement_timestamp()
"""


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


class Listener:
    """Hears the bell, polls as a safety net, keeps the heartbeat; all on one connection of its own."""

    def __init__(
        self, *, schedule: Schedule, low_water: LowWater, worker: str, broker: str, wake_couriers: Callable[[], None]
    ) -> None:
        self.schedule = schedule
        self.low_water = low_water
        self.worker = worker
        self.broker = broker
        self.wake_couriers = wake_couriers
        self.listening = threading.Event()
        self._started_at = timezone.now()
        self._stopping = threading.Event()
        self._wake, self._woken = socket.socketpair()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.send(b"x")

    def run(self) -> None:
        """Listen until stopped, reconnecting as often as it takes. The body of the listener's thread."""
        delay = 0.0
        while not self._stopping.is_set():
            try:
                with own_connection() as connection:
                    if delay:
                        logger.info("The database is back.")
                    delay = 0.0
                    self._listen(connection)
                    self._farewell(connection)
            except (psycopg.Error, DatabaseError, OSError) as error:
                delay = min(RECONNECT_SECONDS[1], max(RECONNECT_SECONDS[0], delay * 2))
                logger.warning("The database is away, trying again in %.1f s: %s", delay, first_line_of(error))
                self._stopping.wait(delay)
        connections.close_all()

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        connection.execute(f"LISTEN {COURIERS_CHANNEL}")
        connection.execute("SET enable_sort = off; SET jit = off")  # why: direct.py
        beat = poll = 0.0
        source = "poll"
        while not self._stopping.is_set():
            if time.monotonic() >= beat:
                self._beat(connection)
                beat = time.monotonic() + HEARTBEAT_SECONDS
            if time.monotonic() >= poll:
                wait, source = self._poll(connection, source)
                poll = time.monotonic() + wait
            self.listening.set()
            # Rings that came together with the answer to a statement have been read: no socket tells of them.
            self._hear_all(connection)
            select.select(
                [connection.fileno(), self._woken.fileno()], [], [], max(0.0, min(beat, poll) - time.monotonic())
            )

    def _hear_all(self, connection: psycopg.Connection[Any]) -> None:
        rings = list(connection.notifies(timeout=0))
        if rings:
            WAKEUPS.labels("bell").inc()
        for notice in rings:
            if notice.channel == COURIERS_CHANNEL:
                self.wake_couriers()
                continue
            for text in notice.payload.split(","):
                self._hear(text)

    def _hear(self, text: str) -> None:
        shard = int(text.removeprefix("again "))
        if text.startswith("again"):
            self.low_water.forget(shard)
        self.schedule.add(shard)

    def _poll(self, connection: psycopg.Connection[Any], source: str) -> tuple[float, str]:
        """Schedule everything due; returns how long nothing more will be, and the name of the next wake-up."""
        row = connection.execute(_DUE).fetchone()
        assert row is not None
        shards, next_due, for_couriers = row
        if for_couriers:
            self.wake_couriers()
        if shards:
            WAKEUPS.labels(source).inc()
        # Many workers that all begin at the first shard would only get in each other's way.
        random.shuffle(shards)
        for shard in shards:
            self.schedule.add(shard)
        interval = float(settings.WORKER_POLL_INTERVAL)
        if next_due is not None and next_due < interval:
            return max(0.01, next_due), "timer"
        return interval, "poll"

    def write_minutes(self) -> None:
        """Write the figures for the charts that are still in memory, as far as the database is there."""
        if minutes.waiting:
            with contextlib.suppress(psycopg.Error, OSError), own_connection() as connection:
                minutes.flush(connection.execute)

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(_HEARTBEAT, (self.worker, self.broker, self._started_at))
        minutes.flush(connection.execute)

    def _farewell(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("DELETE FROM platform_worker WHERE name = %s", (self.worker,))


def start_thread(name: str, body: Callable[[], None]) -> threading.Thread:
    """A thread that cannot keep the process from ending: at the deadline the server rolls back what it was at."""
    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    return thread
