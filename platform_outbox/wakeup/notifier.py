"""Tells workers after a commit which shards have news.

The transaction itself only notes the shards; one thread per process passes them on, at most every 10 ms, and more
rarely where much is happening. NOTIFY inside the business transaction would take a lock through its commit and make all
writers queue behind each other. A notification that gets lost costs at most WORKER_POLL_INTERVAL.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import ExecStatus

from platform_outbox.timing import (
    CLOSED_AFTER_FAILURE,
    NOTIFY_BUSY_FROM,
    NOTIFY_EVERY,
    NOTIFY_EVERY_WHEN_BUSY,
    NOTIFY_FAREWELL,
    NOTIFY_RATE_OVER,
)

CHANNEL = "platform_outbox"
# For the external pools: something was handed over, or may be called again.
EXTERNAL_CHANNEL = "platform_outbox_io"
# Nobody waits for this commit, so it does not wait for the disk. For this transaction alone: in a web process the
# connection may be a pool's, and the next transaction on it somebody's posting.
_NOTIFY = b"SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"

logger = logging.getLogger("platform_outbox.wakeup.notifier")


def own_connection() -> psycopg.Connection[Any]:
    """A connection to Django's database outside of Django's transactions, in autocommit mode."""
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    return psycopg.connect(**parameters, autocommit=True)


def is_shared(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pool answers instead of the server: it gives each client a process number that no server process has."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is None or row[0] != connection.info.backend_pid


class OwnConnection:
    """Executes outside of Django's transactions, and once more on another connection when the server has been restarted."""

    def __init__(self, *, prepare: Callable[[psycopg.Connection[Any]], object] = lambda connection: None) -> None:
        self._prepare = prepare
        self._connection: psycopg.Connection[Any] | None = None

    def execute(self, statement: str, values: Any) -> psycopg.Cursor[Any]:
        if self._connection is not None:
            try:
                return self._connection.execute(statement, values)
            except psycopg.Error:
                self.close()
        self._connection = own_connection()
        self._prepare(self._connection)
        return self._connection.execute(statement, values)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Notifier:
    """Collects shards and passes them on from a thread of its own."""

    def __init__(self) -> None:
        self.muted = False
        self.senders: list[Callable[[list[int]], None]] = []  # through a broker
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self.forget()

    def notify(self, shards: Iterable[int], *, again: bool = False) -> None:
        """Note that these shards have news. Returns at once; never raises.

        `again` says that the news are old events: workers forget how far they have looked in these shards.
        """
        if self.muted:
            return
        with self._lock:
            self._noted += 1
            self._shards.update(shards)
            if again:
                self._again.update(shards)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outbox-notifier", daemon=True)
                self._thread.start()
        self._news.set()

    def notify_external(self) -> None:
        """Note that something waits for the external pools. Returns at once; never raises."""
        if not self.muted:
            with self._lock:
                self._external = True
            self.notify(())

    def flush(self, timeout: float = NOTIFY_FAREWELL) -> None:
        """Wait until everything noted so far has been passed on, or the time is over."""
        deadline = time.monotonic() + timeout
        while (self._shards or self._external or self._busy) and time.monotonic() < deadline:
            self._news.set()
            time.sleep(0.002)

    def forget(self) -> None:
        """Reset, dropping the thread and the connection."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._shards: set[int] = set()
        self._again: set[int] = set()
        self._external = False
        self._busy = False
        self._noted, self._rate, self._sent_at = 0, 0.0, 0.0
        self._thread, self._connection = None, None
        self._closed_until: dict[str, float] = {}

    def hang_up(self) -> None:
        """Close the connection; the next notification opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                shards, self._shards = sorted(self._shards), set()
                again, self._again = self._again, set()
                external, self._external = self._external, False
                noted, self._noted = self._noted, 0
                self._busy = bool(shards) or external
            if not self._busy:
                continue
            if external:
                self._try("database", lambda: self._send(EXTERNAL_CHANNEL, ""))
            if shards:
                text = ",".join(f"again {shard}" if shard in again else str(shard) for shard in shards)
                self._try("database", lambda: self._send(CHANNEL, text))  # noqa: B023
            for sender in self.senders if shards else ():
                self._try("broker", lambda: sender(shards))  # noqa: B023
            self._busy = False
            # Recent commits per second of this process.
            since, self._sent_at = time.monotonic() - self._sent_at, time.monotonic()
            self._rate += (noted / since - self._rate) * min(1.0, since / NOTIFY_RATE_OVER)
            time.sleep(NOTIFY_EVERY if self._rate < NOTIFY_BUSY_FROM else NOTIFY_EVERY_WHEN_BUSY)

    def _try(self, road: str, send: Callable[[], None]) -> None:
        """Send, unless this road failed lately: a broker that hangs must not hold up the notifications of the database."""
        if time.monotonic() < self._closed_until.get(road, 0.0):
            return
        try:
            send()
        except Exception as error:
            # One line per outage: the rows are safe, and workers look by themselves every few seconds.
            if road not in self._closed_until:
                logger.warning("The %s cannot notify workers, which find events without it: %s", road, error)
            self._closed_until[road] = time.monotonic() + CLOSED_AFTER_FAILURE[road]
        else:
            if self._closed_until.pop(road, None) is not None:
                logger.info("The %s notifies workers again.", road)

    def _send(self, channel: str, text: str) -> None:
        """One call of libpq, without the layers around it: they take four times as long as the call."""
        values = [channel.encode(), text.encode()]
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                if self._connection.pgconn.exec_params(_NOTIFY, values).status == ExecStatus.TUPLES_OK:
                    return
            # The server may have been restarted since; a new connection tells.
            self.hang_up()
        self._connection = own_connection()
        result = self._connection.pgconn.exec_params(_NOTIFY, values)
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(result)


notifier = Notifier()
# A forked web process inherits the memory of its parent, but neither its threads nor the right to its sockets.
os.register_at_fork(after_in_child=notifier.forget)
atexit.register(notifier.flush)
