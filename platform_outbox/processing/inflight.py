"""What the threads of this process are at: in the database for those who come after a crash, in memory for the watchdog."""

import contextlib
import datetime
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import OperationalError

from platform_outbox.processing.claim import StaleBatch
from platform_outbox.sql import QUERIES, array_of, database, rows_of
from platform_outbox.timing import STALE_BATCH_GRACE
from platform_outbox.wakeup.notifier import OwnConnection

# First key of the two-part advisory lock that vouches for a worker; the second is of its name.
LIVES = 1_869_964_410


@dataclass(slots=True, kw_only=True)
class Call:
    shard: int
    handler: str
    ids: list[int]
    pgconn: Any
    since: float = field(default_factory=time.monotonic)


class Gate:
    """Lets many threads through, or one that wants to be alone in this process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._waiting = 0  # for being alone; they go first

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._inside >= 0 and not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._inside == 0)
            self._waiting -= 1
            self._inside = -1
        try:
            yield
        finally:
            with self._changed:
                self._inside = 0
                self._changed.notify_all()


def lives(worker: str) -> bool:
    """Whether that worker's process is there: the lock goes with its connection, however the process ends."""
    ((there,),) = rows_of(QUERIES["worker_lives"], (LIVES, _key(worker)))
    return bool(there)


def _key(worker: str) -> int:
    return zlib.crc32(worker.encode()) & 0x7FFF_FFFF


class InFlight:
    """Keeps both records for one worker process, on one connection of its own, which vouches for its life."""

    def __init__(self, *, worker: str) -> None:
        self.worker = worker
        # A quarantined event runs while the other threads are idle: if the process dies then, the event is the cause.
        self.gate = Gate()
        self._calls: dict[int, Call] = {}
        # Shard → the batch that a living worker had left there, and when it was met.
        self._met: dict[int, tuple[tuple[str, datetime.datetime], float]] = {}
        self._connection = OwnConnection(prepare=self._vouch)
        self._lock = threading.Lock()

    def begin(self, *, shard: int, ids: Sequence[int], handler: str = "") -> None:
        """Tell the database which events are in hand, before the first handler is called.

        Not in the batch's transaction, which a crash would roll back, and without waiting for the disk.
        """
        self._execute("begin_batch", shard, self.worker, array_of(ids), handler)

    def waits_for(self, stale: StaleBatch, *, shard: int) -> bool:
        """Whether to leave the shard to the other worker that broke off this batch there, as it lives and will be back.

        It has lost its connection, or a handler's error has undone its batch and it is about to run it in halves. And
        of a worker that was killed one connection may last for a moment longer than the other.
        """
        if stale.worker == self.worker:
            return False
        batch, met = self._met.get(shard, (None, 0.0))
        if batch != (stale.worker, stale.at):
            self._met[shard] = ((stale.worker, stale.at), time.monotonic())
            return True
        return time.monotonic() - met < STALE_BATCH_GRACE

    def calling(self, *, shard: int, handler: str, ids: list[int]) -> None:
        pgconn = getattr(database().connection, "pgconn", None)
        self._calls[threading.get_ident()] = Call(shard=shard, handler=handler, ids=ids, pgconn=pgconn)

    def returned(self) -> None:
        self._calls.pop(threading.get_ident(), None)

    def overdue(self, *, seconds: float) -> list[Call]:
        limit = time.monotonic() - seconds
        return [call for call in list(self._calls.values()) if call.since < limit]

    def cut(self, call: Call) -> None:
        """End a call's transaction from outside, so that its shard is free, and say whose fault it was."""
        self._execute("blame_call", call.ids, call.handler, call.shard, self.worker, call.ids)
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(call.pgconn.socket)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """This process ends on purpose: nobody shall be suspected for what it was at."""
        with contextlib.suppress(OperationalError):
            self._execute("forget_batches", self.worker)
        with self._lock:
            self._connection.close()

    def _vouch(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SET synchronous_commit = off")
        connection.execute(QUERIES["vouch_for_worker"], (LIVES, _key(self.worker)))

    def _execute(self, name: str, *parameters: object) -> None:
        with self._lock:
            try:
                self._connection.execute(QUERIES[name], parameters)
            except psycopg.Error as error:
                self._connection.close()
                raise OperationalError(f"What is in flight cannot be written: {error}") from error
