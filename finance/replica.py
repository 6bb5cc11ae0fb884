"""Reports read from a replica of the database, where DATABASE_REPLICA_URL names one.

A report never shows less than what anybody had committed when it was asked for: the primary says how far
its log has come, and the replica answers once it has replayed that far. When it does not within
DATABASE_REPLICA_MAX_LAG_SECONDS, is away, or is no replica of this primary, the primary answers.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from prometheus_client import Counter

ALIAS = "replica"
# How long a replica that did not answer is left alone: a report must not wait for it again and again.
REST_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.002
READS = Counter(
    "lifeos_report_reads",
    "Reports by the server that answered: the replica, or the primary because the replica was behind, down or not its own.",
    ["answered"],
)
_AWAY = (OperationalError, InterfaceError)
# What is flushed is what has been acknowledged: a commit waits for it.
_WRITTEN = "SELECT pg_current_wal_flush_lsn()::text, (SELECT system_identifier FROM pg_control_system())"
_REPLAYED = """
    SELECT pg_is_in_recovery() AND (SELECT system_identifier FROM pg_control_system()) = %(system)s,
           coalesce(pg_last_wal_replay_lsn() >= %(written)s::pg_lsn, false),
           coalesce(pg_wal_lsn_diff(%(written)s::pg_lsn, pg_last_wal_replay_lsn()), 0)::bigint,
           coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8
"""

log = structlog.stdlib.get_logger("lifeos.replica")
Result = TypeVar("Result")
P = ParamSpec("P")

_reading: ContextVar[bool] = ContextVar("reading_from_replica", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the replica is doing: "ok", "behind", "away" or "stranger" (no replica of this primary)."""

    state: str
    behind_bytes: int = 0
    behind_seconds: float = 0.0


class ReplicaRouter:
    """Django's router: reads inside of a report go to the replica, everything else and every write to the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return alias()

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        # Rows of both are rows of one database.
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != ALIAS


def alias() -> str:
    """The name of the connection that reads here."""
    return ALIAS if _reading.get() else DEFAULT_DB_ALIAS


def reading() -> BaseDatabaseWrapper:
    """The connection that reads here, for statements of one's own. Changes do not go through it."""
    return connections[alias()]


def from_replica(report: Callable[P, Result]) -> Callable[P, Result]:
    """Decorate what only reads, and may be begun again from the start: see `read`."""

    @wraps(report)
    def reported(*args: P.args, **kwargs: P.kwargs) -> Result:
        return read(lambda: report(*args, **kwargs))

    return reported


def read(report: Callable[[], Result]) -> Result:
    """The result of `report`, from the replica if that is as fresh; begun again on the primary if it breaks off.

    Inside of a transaction the primary answers: the report has to see what the transaction has written.
    """
    if ALIAS not in connections.settings or _reading.get() or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return report()
    if not _is_fresh():
        return report()
    try:
        with _from_replica():
            found = report()
    except _AWAY as error:
        # Also a report that held up the replay for too long, and was ended for it.
        _leave_alone("away", error)
        return report()
    READS.labels("replica").inc()
    return found


def standing() -> Standing | None:
    """How the replica is doing, asked now; None where there is none. Raises OperationalError for the primary's sake."""
    if ALIAS not in connections.settings:
        return None
    written = _written()
    try:
        return _compared(written)
    except _AWAY:
        return Standing(state="away")


class _Rest:
    """Until when this process does not ask the replica."""

    def __init__(self) -> None:
        self.until = 0.0
        self.why = ""
        self.lock = threading.Lock()


_rest = _Rest()


@contextmanager
def _from_replica() -> Iterator[None]:
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def _is_fresh() -> bool:
    """Whether the replica has all that the primary has acknowledged so far, now or within the time allowed."""
    if time.monotonic() < _rest.until:
        READS.labels(_rest.why).inc()
        return False
    written = _written()
    deadline = time.monotonic() + settings.DATABASE_REPLICA_MAX_LAG_SECONDS
    try:
        while (found := _compared(written)).state == "behind" and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_SECONDS)
    except _AWAY as error:
        _leave_alone("away", error)
        return False
    if found.state != "ok":
        _leave_alone(found.state, None)
        return False
    if _rest.why:
        _rest.why = ""
        log.info("reports are read from the replica again")
    return True


def _written() -> tuple[Any, ...]:
    """How far the primary has come, and whose log it is."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_WRITTEN)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _compared(written: tuple[Any, ...]) -> Standing:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_REPLAYED, {"written": written[0], "system": written[1]})
        ours, there, behind, seconds = cursor.fetchone()
    if not ours:
        return Standing(state="stranger")
    return Standing(state="ok") if there else Standing(state="behind", behind_bytes=behind, behind_seconds=seconds)


def _leave_alone(why: str, error: Exception | None) -> None:
    connections[ALIAS].close()
    READS.labels(why).inc()
    with _rest.lock:
        news, _rest.why, _rest.until = why != _rest.why, why, time.monotonic() + REST_SECONDS
    if news:
        log.warning("reports are read from the primary", replica=why, kind=type(error).__name__ if error else "")
