"""The one door by which a change announces itself."""

import datetime
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from platform_outbox.events import Event, current_trace, kept_key, payload_of
from platform_outbox.sql import QUERIES, database, rows_of, without_sorting
from platform_outbox.timing import ALIVE_SECONDS
from platform_outbox.wakeup.notifier import notifier

SHARDS = 64
# Counting stops here: an exact figure of a long queue helps nobody and costs a scan.
COUNT_CAP = 10_000


def open_events(columns: str = "") -> str:
    """SQL for these columns of the open events, COUNT_CAP + 1 of them at most, by shards and in each by age.

    Shard by shard along the claim index (why it is asked for as a range: sql/claim.sql), so it reads what it returns and
    nothing else. Asked for the whole queue at once, the server would rather sort a table that is mostly open, and in
    one that is mostly done look for the open ones among millions.
    """
    return f"""
        SELECT {columns} FROM generate_series(0, {SHARDS - 1}) AS shards (number),
        LATERAL (
            SELECT {columns} FROM platform_outbox AS m
            WHERE m.shard BETWEEN shards.number AND shards.number AND m.status IN ('pending', 'failed')
            ORDER BY m.shard, m.id LIMIT {COUNT_CAP + 1}) AS of_shard
        LIMIT {COUNT_CAP + 1}
    """


# What `_row` returns, as the statement in sql/emit.sql calls it.
_WITHIN = ("event_type", "event_version", "event_key", "event_shard", "event_payload", "event_trace")

_WORKERS_ALIVE = f"""
    SELECT count(*) FROM platform_worker
    WHERE heartbeat_at > statement_timestamp() - make_interval(secs => {ALIVE_SECONDS})
"""
# Per shard one probe of the claim index, so it is cheap however long the queue and the history are.
_HEALTH = f"""
    SELECT
        (SELECT count(*) FROM ({open_events()}) AS open),
        coalesce((
            SELECT extract(epoch FROM statement_timestamp() - min(head.created_at))
            FROM generate_series(0, {SHARDS - 1}) AS shards (shard),
            LATERAL (
                SELECT created_at FROM platform_outbox AS m
                WHERE m.shard BETWEEN shards.shard AND shards.shard AND m.status IN ('pending', 'failed')
                  AND (m.status = 'failed' OR m.available_at <= statement_timestamp())
                ORDER BY m.shard, m.id LIMIT 1) AS head), 0)::float8,
        (SELECT count(*) FROM (
            SELECT FROM platform_outbox WHERE status = 'dead' AND discarded_at IS NULL LIMIT {COUNT_CAP + 1}) AS dead),
        ({_WORKERS_ALIVE})
"""


def shard_of(ordering_key: str) -> int:
    """The shard, 0 to 63, in which the events of a key queue."""
    return zlib.crc32(ordering_key.encode()) % SHARDS


def emit(event: Event, *, available_at: datetime.datetime | None = None) -> int:
    """Write the event into the caller's transaction and return its id; raises outside a transaction.

    Handlers run after the commit, or not before `available_at` when it is given. Take the lock of the changed
    object before emitting: ids are drawn here, and only that lock makes their order the order of the commits.
    """
    db = database()
    _insist_on_transaction(db, "emit()")
    row = _row(event)
    ((event_id,),) = rows_of(QUERIES["insert_event"], (*row, available_at))
    db.on_commit(lambda: notifier.notify((row[3],)))
    return int(event_id)


def emit_many(events: Sequence[Event], *, traces: Sequence[str] = ()) -> list[int]:
    """Write the events in one statement and return their ids, in order; raises outside a transaction.

    `traces` names the request of each event where they come from several, as in a batch handler (`context.trace`).
    """
    db = database()
    _insist_on_transaction(db, "emit_many()")
    if not events:
        return []
    rows = [_row(event) for event in events]
    if traces:
        rows = [(*row[:-1], trace) for row, trace in zip(rows, traces, strict=True)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    ids = [int(row[0]) for row in rows_of(QUERIES["insert_events"], columns)]
    db.on_commit(lambda: notifier.notify({row[3] for row in rows}))
    return ids


def event_insert(*, source: str, filled: str) -> str:
    """The INSERT of an event for a WITH of the statement that makes the change, which `emit_within` then runs.

    `source` is the part of the statement that returns a row if the change is made; `filled` is a jsonb object of those
    fields of the event that only this row knows.
    """
    return QUERIES["insert_event_within"].format(source=source, filled=filled)


def emit_within(event: Event, *, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that changes something and writes the event, and return its rows; none: nothing was changed.

    Outside a transaction the statement commits by itself, so a change and its event take one round trip. The fields that
    the statement fills in are in `event` with any value of their type. Where two changes share a lock that the
    statement's triggers take, their ids may come in another order than their commits.
    """
    row = _row(event)
    found = rows_of(statement, {**values, **dict(zip(_WITHIN, row, strict=True))})
    if found:
        database().on_commit(lambda: notifier.notify((row[3],)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the outbox is doing. Counts stop at 10,001, which means "more than 10,000"."""

    pending: int
    oldest_pending_seconds: float
    dead: int
    workers_alive: int


def health() -> Health:
    """One cheap query about the queue and its workers, for /health and the metrics."""
    with transaction.atomic(), without_sorting():
        ((pending, oldest, dead, workers),) = rows_of(_HEALTH)
    return Health(pending=pending, oldest_pending_seconds=max(0.0, oldest), dead=dead, workers_alive=workers)


def workers_alive() -> int:
    ((count,),) = rows_of(_WORKERS_ALIVE)
    return int(count)


def _insist_on_transaction(db: BaseDatabaseWrapper, caller: str) -> None:
    if not db.in_atomic_block:
        raise transaction.TransactionManagementError(f"{caller} needs the transaction of the change it tells of.")


def _row(event: Event) -> tuple[str, int, str, int, str, str]:
    key = kept_key(event.ordering_key)
    return event.name, event.version, key, shard_of(key), json.dumps(payload_of(event)), current_trace()
