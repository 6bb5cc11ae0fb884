"""Taking events of one shard, in order, for the length of a transaction.

A claim is a set of row locks plus an advisory lock on the shard. Nothing is written to take it, so a killed worker
leaves nothing behind: the server drops the locks together with the connection.
"""

import datetime
import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

# First key of the two-part advisory lock; the second is the shard.
LOCK_CLASS = 1_869_964_408
LOW_WATER_EVERY_SECONDS = 5.0
# Now and then a claim looks at everything, whatever the low-water mark says.
FULL_LOOK_EVERY_SECONDS = 60.0

_CLAIM = """
    SELECT id, event_type, event_version, ordering_key, payload, attempts, created_at, available_at > created_at,
           statement_timestamp()
    FROM platform_outbox AS m
    WHERE shard = %s AND status IN ('pending', 'failed') AND id > %s
      AND available_at <= coalesce(%s::timestamptz, statement_timestamp())
      {besides_held}
    ORDER BY id LIMIT %s
    FOR UPDATE SKIP LOCKED
"""
_BESIDES_HELD = """
      AND NOT EXISTS (
          SELECT FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS held (ordering_key, event_type, id)
          WHERE held.ordering_key = m.ordering_key AND held.event_type = m.event_type AND held.id < m.id)
"""
_OLDEST_OPEN = """
    SELECT min(id), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    FROM platform_outbox WHERE shard = %s AND status IN ('pending', 'failed') AND id > %s
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One locked row."""

    id: int
    event_type: str
    event_version: int
    ordering_key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime.datetime
    seen_before: bool  # it may have deliveries: it failed, waited for its key, was requeued, or was scheduled
    now: datetime.datetime  # of the claim, by the database's clock


@dataclass(frozen=True, slots=True)
class Hold:
    """A failed delivery: younger events of its key wait for this handler until it is through or given up."""

    message_id: int
    handler: str
    ordering_key: str
    available_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far a handler is with an event, as its delivery row tells."""

    handler: str
    status: str
    attempts: int
    available_at: datetime.datetime
    failing_since: datetime.datetime | None
    io: bool


def lock_shard(shard: int) -> bool:
    """Take the shard until the end of the transaction; False when another worker has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK_CLASS, shard))
        return bool(cursor.fetchone()[0])


def holds_in(shard: int) -> list[Hold]:
    """The failed deliveries of a shard. Ask after taking the lock: the last holder may just have added one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id, handler, ordering_key, available_at FROM platform_outbox_delivery"
            " WHERE shard = %s AND status = 'failed' AND NOT io ORDER BY message_id",
            (shard,),
        )
        return [Hold(*row) for row in cursor.fetchall()]


def claim(
    *,
    shard: int,
    limit: int,
    above: int,
    now: datetime.datetime | None,
    held: Collection[tuple[str, str, int]],
) -> list[Claimed]:
    """Lock up to `limit` due rows of the shard with ids over `above`, oldest first.

    `held` names (ordering key, event type, id): rows of that key and type which are younger than the id wait.
    `now` replaces the database's clock in tests.
    """
    besides = _BESIDES_HELD if held else ""
    columns = [list(column) for column in zip(*held, strict=True)] if held else []
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM.format(besides_held=besides), (shard, above, now, *columns, limit))
        return [_claimed(*row) for row in cursor.fetchall()]


def _claimed(*row: Any) -> Claimed:
    # Django hands jsonb over as text.
    return Claimed(*row[:4], json.loads(row[4]), *row[5:])  # type: ignore[call-arg]


def deliveries_of(message_ids: list[int]) -> dict[int, list[Recorded]]:
    """The deliveries that exist, by event."""
    found: dict[int, list[Recorded]] = {}
    if not message_ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id, handler, status, attempts, available_at, failing_since, io"
            " FROM platform_outbox_delivery WHERE message_id = ANY(%s)",
            (message_ids,),
        )
        for message_id, *state in cursor.fetchall():
            found.setdefault(message_id, []).append(Recorded(*state))
    return found


@dataclass(slots=True)
class _Mark:
    above: int = 0
    candidate: int = 0
    settled_at: int = 0  # no transaction older than this one may still bring in an id under the candidate
    looked: float = 0.0
    full_look: float = field(default_factory=time.monotonic)


class LowWater:
    """Per shard an id under which nothing is open, so that a claim need not walk over what is long done.

    While an old snapshot is open anywhere in the database, finished rows stay in the claim's index; without the mark
    every claim would step over all of them. Ids are drawn before commits, so a row may appear late under a younger
    one: a candidate becomes the mark only when all transactions of its time have ended.
    """

    def __init__(self) -> None:
        self._marks: dict[int, _Mark] = {}
        self._lock = threading.Lock()

    def above(self, shard: int) -> int:
        """The id over which the next claim shall look."""
        mark = self._mark(shard)
        if time.monotonic() - mark.full_look >= FULL_LOOK_EVERY_SECONDS:
            self.forget(shard)
        return self._mark(shard).above

    def advance(self, shard: int) -> None:
        """Move the mark if it is time. Call inside the claiming transaction, after its rows are marked."""
        mark = self._mark(shard)
        if time.monotonic() - mark.looked < LOW_WATER_EVERY_SECONDS:
            return
        mark.looked = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(_OLDEST_OPEN, (shard, mark.above))
            oldest, xmin, xmax = cursor.fetchone()
        if mark.candidate and xmin >= mark.settled_at:
            mark.above = mark.candidate
            mark.candidate = 0
        if not mark.candidate and oldest is not None:
            mark.candidate, mark.settled_at = oldest - 1, xmax

    def forget(self, shard: int) -> None:
        """Look at the whole shard again, because an old event was requeued."""
        with self._lock:
            self._marks.pop(shard, None)

    def _mark(self, shard: int) -> _Mark:
        with self._lock:
            return self._marks.setdefault(shard, _Mark())
