"""Wakes the workers after a commit.

The transaction itself only notes which shards have news; one thread per process passes them on, at most every 10 ms,
and every 200 ms where the machine or the server is busy.
NOTIFY inside the business transaction would take a lock through its commit and make all writers queue behind
each other. A ring that gets lost costs at most WORKER_POLL_INTERVAL.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import ExecStatus

CHANNEL = "platform_outbox"
# For the external pools: something was handed over, or may be called again.
EXTERNAL_CHANNEL = "platform_outbox_io"
# After notifying it is quiet for the first time, and for the second on a busy machine or where notifying has lasted of
# late: it must not add to what makes everybody wait, and workers there have enough to do anyway. Sixteen processes
# that notify for every commit of theirs take a seventh of two processors, most of it for waking the thread.
QUIET_SECONDS = (0.01, 0.2)
# A machine is busy when so many threads for each processor want to run.
CROWD = 3
# A ring takes about one millisecond; one that takes this long has waited for a processor or for the server.
LASTING_SECONDS = 0.004
# A single ring counts for no more than this, so that one that hung is not yet a busy server.
COUNTED_SECONDS = 0.02
# Waiting for the thread at the end of a short-lived process, such as a management command.
FAREWELL_SECONDS = 2.0
# How long a road that failed is left alone.
CLOSED_SECONDS = {"database": 0.2, "broker": 5.0}
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
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    return row is None or row[0] != connection.info.backend_pid


def _notify(connection: psycopg.Connection[Any], channel: str, text: str) -> None:
    """One call of libpq, without the layers around it: they take four times as long as the ring."""
    result = connection.pgconn.exec_params(_NOTIFY, [channel.encode(), text.encode()])
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result)


def _runnable() -> int:
    """How many threads of this machine run or want to, at this moment (proc_loadavg(5)); 0 where nothing tells."""
    try:
        with Path("/proc/loadavg").open() as file:
            return int(file.read().split()[3].split("/")[0])
    except (OSError, IndexError, ValueError):
        return 0


class Notifier:
    """Collects shards and tells the workers of them from a thread of its own."""

    def __init__(self) -> None:
        self.muted = False
        self.senders: list[Callable[[list[int]], None]] = []
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

    def flush(self, timeout: float = FAREWELL_SECONDS) -> None:
        """Wait until everything noted so far has been passed on, or the time is over."""
        deadline = time.monotonic() + timeout
        while (self._shards or self._external or self._busy) and time.monotonic() < deadline:
            self._news.set()
            time.sleep(0.002)

    def forget(self) -> None:
        """Start anew, without the thread and the connection of before."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._shards: set[int] = set()
        self._again: set[int] = set()
        self._external = False
        self._busy = False
        self._lasting = 0.0  # seconds a ring takes of late
        self._crowd = 0.0  # threads that have wanted to run of late
        self._thread = None
        self._connection = None
        self._closed_until: dict[str, float] = {}

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                shards, self._shards = sorted(self._shards), set()
                again, self._again = self._again, set()
                external, self._external = self._external, False
                self._busy = bool(shards) or external
            if self._busy:
                seconds = self._pass_on(shards, again, external)
                self._busy = False
                time.sleep(self._quiet_after(seconds, runnable=_runnable()))

    def _quiet_after(self, seconds: float, *, runnable: int) -> float:
        """How long to be quiet after a ring that took so long, on a machine where so many threads want to run."""
        self._lasting += (min(seconds, COUNTED_SECONDS) - self._lasting) / 8
        self._crowd += (runnable - self._crowd) / 8
        return QUIET_SECONDS[self._lasting > LASTING_SECONDS or self._crowd > CROWD * (os.cpu_count() or 1)]

    def _pass_on(self, shards: list[int], again: set[int], external: bool) -> float:
        """Ring; returns the seconds that it would have taken for a single shard.

        A broker gets a message for each shard: after a long quiet there are many, and counted whole their ring would be
        the reason for the next long quiet.
        """
        started = time.perf_counter()
        if external:
            self._try("database", lambda: self._notify("", EXTERNAL_CHANNEL))
        if not shards:
            return time.perf_counter() - started
        text = ",".join(f"again {shard}" if shard in again else str(shard) for shard in shards)
        self._try("database", lambda: self._notify(text))
        rung = time.perf_counter()
        for sender in self.senders:
            self._try("broker", lambda: sender(shards))  # noqa: B023
        return rung - started + (time.perf_counter() - rung) / len(shards)

    def _try(self, road: str, send: Callable[[], None]) -> None:
        """Ring, unless this road failed lately: a broker that hangs must not hold up the other road's rings."""
        if time.monotonic() < self._closed_until.get(road, 0.0):
            return
        try:
            send()
        except Exception as error:
            # One line per outage: the rows are safe, and workers look by themselves every few seconds.
            if road not in self._closed_until:
                logger.warning(
                    "Workers cannot be notified through the %s, they find events without it: %s", road, error
                )
            self._closed_until[road] = time.monotonic() + CLOSED_SECONDS[road]
        else:
            if self._closed_until.pop(road, None) is not None:
                logger.info("Workers are notified through the %s again.", road)

    def hang_up(self) -> None:
        """Close the connection; the next ring opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _notify(self, text: str, channel: str = CHANNEL) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                _notify(self._connection, channel, text)
                return
            # The server may have been restarted since the last ring; a new connection tells.
            self.hang_up()
        self._connection = own_connection()
        _notify(self._connection, channel, text)


notifier = Notifier()
# A forked web process inherits the memory of its parent, but neither its threads nor the right to its sockets.
os.register_at_fork(after_in_child=notifier.forget)
atexit.register(notifier.flush)
