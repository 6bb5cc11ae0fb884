"""The thread of a worker process that hears of new events.

Nothing about correctness lives here. Whatever gets lost on the way is found again by the poll.
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
from django.db import DatabaseError, connections
from django.utils import timezone

from platform_outbox.emit import SHARDS
from platform_outbox.monitoring.history import minutes
from platform_outbox.monitoring.metrics import WAKEUPS
from platform_outbox.processing.claim import LowWater
from platform_outbox.processing.fingerprint import first_line_of
from platform_outbox.wakeup.notifier import CHANNEL, COURIERS_CHANNEL, own_connection
from platform_outbox.worker.executor import RECONNECT_SECONDS, Schedule

HEARTBEAT_SECONDS = 10.0

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
