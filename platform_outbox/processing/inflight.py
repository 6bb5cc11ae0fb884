"""What the lanes of this process are at: in the database for those who come after a crash, in memory for the watch."""

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

from platform_outbox.fast_sql import array_of, database, rows_of
from platform_outbox.wakeup.notifier import own_connection

# First key of the two-part advisory lock that vouches for a worker; the second is of its name.
LIVES = 1_869_964_410
# A worker that lives has left a turn unfinished: so long it may take it up again before others do.
TAKES_UP_SECONDS = 0.3

_VOUCH = "SELECT pg_advisory_lock_shared(%s, %s)"
_LIVES = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_BEGIN = """
    INSERT INTO platform_outbox_turn (shard, worker, ids, handler, overran, at)
    VALUES (%s, %s, %s::bigint[], %s, false, statement_timestamp())
    ON CONFLICT (shard) DO UPDATE
    SET worker = EXCLUDED.worker, ids = EXCLUDED.ids, handler = EXCLUDED.handler, overran = false, at = EXCLUDED.at
"""
# A turn that ended in the meantime has emptied its row.
_BLAME = """
    UPDATE platform_outbox_turn SET ids = %s, handler = %s, overran = true
    WHERE shard = %s AND worker = %s AND ids @> %s::bigint[]
"""
_WIPE = "UPDATE platform_outbox_turn SET ids = '{}' WHERE worker = %s AND NOT overran AND ids <> '{}'"


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a handler, under way."""

    shard: int
    handler: str
    ids: list[int]
    pgconn: Any
    since: float = field(default_factory=time.monotonic)


class Gate:
    """Lets many lanes through, or one that wants to be alone in this process."""

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
    ((there,),) = rows_of(_LIVES, (LIVES, _key(worker)))
    return bool(there)


def _key(worker: str) -> int:
    return zlib.crc32(worker.encode()) & 0x7FFF_FFFF


class InFlight:
    """Keeps both records for one worker process, on one connection of its own, which vouches for its life."""

    def __init__(self, *, worker: str) -> None:
        self.worker = worker
        # A suspect runs while no other lane is at anything: whoever dies then has died of it.
        self.gate = Gate()
        self._calls: dict[int, Call] = {}
        # Shard → the turn that a living worker had left there, and when it was met.
        self._met: dict[int, tuple[tuple[str, datetime.datetime], float]] = {}
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def begin(self, *, shard: int, ids: Sequence[int], handler: str = "") -> None:
        """Tell the database which events are in hand, before the first handler is called.

        Not in the turn's transaction, which a crash would roll back, and without waiting for the disk.
        """
        self._execute(_BEGIN, shard, self.worker, array_of(ids), handler)

    def waits_for(self, *, shard: int, worker: str, at: datetime.datetime) -> bool:
        """Whether to leave the shard to a worker that lives and began a turn at that moment, as it will be back.

        It has lost its connection, or a handler's error has undone its turn and it is about to run it in halves. And of
        a worker that was killed one connection may last for a moment longer than the other.
        """
        turn, met = self._met.get(shard, (None, 0.0))
        if turn != (worker, at):
            self._met[shard] = ((worker, at), time.monotonic())
            return True
        return time.monotonic() - met < TAKES_UP_SECONDS

    def calling(self, *, shard: int, handler: str, ids: list[int]) -> None:
        """Note that the calling thread begins a call."""
        pgconn = getattr(database().connection, "pgconn", None)
        self._calls[threading.get_ident()] = Call(shard=shard, handler=handler, ids=ids, pgconn=pgconn)

    def returned(self) -> None:
        """Its call is over."""
        self._calls.pop(threading.get_ident(), None)

    def overdue(self, *, seconds: float) -> list[Call]:
        """The calls that have lasted longer."""
        limit = time.monotonic() - seconds
        return [call for call in list(self._calls.values()) if call.since < limit]

    def cut(self, call: Call) -> None:
        """End a call's transaction from outside, so that its shard is free, and say whose fault it was."""
        self._execute(_BLAME, call.ids, call.handler, call.shard, self.worker, call.ids)
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(call.pgconn.socket)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    def wipe(self) -> None:
        """This process ends on purpose: nobody shall be suspected for what it was at."""
        with contextlib.suppress(OperationalError):
            self._execute(_WIPE, self.worker)
        with self._lock:
            self._hang_up()

    def _execute(self, statement: str, *parameters: object) -> None:
        with self._lock:
            if self._connection is not None:
                try:
                    self._connection.execute(statement, parameters)
                    return
                except psycopg.Error:
                    # The server may have been restarted since; a new connection tells.
                    self._hang_up()
            try:
                self._connection = own_connection()
                self._connection.execute("SET synchronous_commit = off")
                self._connection.execute(_VOUCH, (LIVES, _key(self.worker)))
                self._connection.execute(statement, parameters)
            except psycopg.Error as error:
                self._hang_up()
                raise OperationalError(f"The logbook cannot be written: {error}") from error

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
