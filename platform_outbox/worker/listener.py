"""The thread of a worker process that hears of new events."""

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
from platform_outbox.processing.results import first_line_of
from platform_outbox.sql import QUERIES
from platform_outbox.timing import HEARTBEAT_EVERY, RECONNECT
from platform_outbox.wakeup.notifier import CHANNEL, EXTERNAL_CHANNEL, own_connection
from platform_outbox.worker.executor import Schedule

_DUE = QUERIES["due_shards"].replace("{last_shard}", str(SHARDS - 1))

logger = logging.getLogger("platform_outbox.worker")


class Listener:
    """Hears notifications, polls as a safety net, keeps the heartbeat; all on one connection of its own."""

    def __init__(
        self, *, schedule: Schedule, low_water: LowWater, worker: str, broker: str, wake_external: Callable[[], None]
    ) -> None:
        self.schedule = schedule
        self.low_water = low_water
        self.worker = worker
        self.broker = broker
        self.wake_external = wake_external
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
                    connection.execute("DELETE FROM platform_worker WHERE name = %s", (self.worker,))
            except (psycopg.Error, DatabaseError, OSError) as error:
                delay = min(RECONNECT[1], max(RECONNECT[0], delay * 2))
                logger.warning("The database is away, trying again in %.1f s: %s", delay, first_line_of(error))
                self._stopping.wait(delay)
        connections.close_all()

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        connection.execute(f"LISTEN {EXTERNAL_CHANNEL}")
        connection.execute("SET enable_sort = off; SET jit = off")  # why: sql/__init__.py
        beat = poll = 0.0
        source = "poll"
        while not self._stopping.is_set():
            if time.monotonic() >= beat:
                connection.execute(QUERIES["heartbeat"], (self.worker, self.broker, self._started_at))
                minutes.flush(connection.execute)
                beat = time.monotonic() + HEARTBEAT_EVERY
            if time.monotonic() >= poll:
                wait, source = self._poll(connection, source)
                poll = time.monotonic() + wait
            self.listening.set()
            # What came together with the answer to a statement has been read: no socket tells of it.
            heard = list(connection.notifies(timeout=0))
            if heard:
                WAKEUPS.labels("bell").inc()
            for notice in heard:
                if notice.channel == EXTERNAL_CHANNEL:
                    self.wake_external()
                    continue
                for text in notice.payload.split(","):
                    shard = int(text.removeprefix("again "))
                    if text.startswith("again"):
                        self.low_water.forget(shard)
                    self.schedule.add(shard)
            select.select(
                [connection.fileno(), self._woken.fileno()], [], [], max(0.0, min(beat, poll) - time.monotonic())
            )

    def _poll(self, connection: psycopg.Connection[Any], source: str) -> tuple[float, str]:
        """Schedule everything due; returns how long nothing more will be, and the name of the next wake-up."""
        row = connection.execute(_DUE).fetchone()
        assert row is not None
        shards, next_due, calls_wait = row
        if calls_wait:
            self.wake_external()
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
