"""Taking events of one shard, in order, for the length of a transaction.

A claim is a set of row locks plus an advisory lock on the shard. Nothing is written to take it, so a killed worker
leaves nothing behind: the server drops the locks together with the connection.
"""

import datetime
import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from platform_outbox.fast_sql import DO_NOT_SORT, MAY_SORT, rows_of, without_sorting

# First key of the two-part advisory lock; the second is the shard.
LOCK_CLASS = 1_869_964_408
LOW_WATER_EVERY_SECONDS = 5.0
# Now and then a claim looks at everything, whatever the low-water mark says.
FULL_LOOK_EVERY_SECONDS = 60.0
# How many ordering keys of a shard one claim looks at when one of them would take it all.
KEYS_AT_ONCE = 64
# Behind fewer others than this such a key still gets so many: their turn shall end soon, but not without getting on.
HOG_AT_LEAST = 10
# For what has just come so many of the shard's newest events are looked at, and so young counts as just come.
NEWEST = 20
JUST_NOW = datetime.timedelta(seconds=1)

# Shard → the last ordering key that such a claim came to.
_looked_through: dict[int, str] = {}

_COLUMNS = """
    id, event_type, event_version, ordering_key, payload, attempts, created_at, available_at > created_at, trace
"""
_DUE = """
    status IN ('pending', 'failed') AND id > %(above)s
    AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp())
    {besides}
"""
# Asked for as a range in the order of the claim's index. With `shard = ...` and by id alone, a server whose statistics
# are of a time when most rows were open walks the primary key, over all that is done and over all other shards. Sorting
# was forbidden together with the lock; it is allowed again with the first row, before a handler is called.
_CLAIM = f"""
    SELECT {_COLUMNS}, (SELECT {MAY_SORT}) FROM platform_outbox AS m
    WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s AND {_DUE}
    ORDER BY shard, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
# From key to key along the index, so that the length of each key's queue does not matter; of each the oldest few.
_CLAIM_OTHERS = f"""
    WITH RECURSIVE waiting (ordering_key, number) AS (
        (SELECT ordering_key, 1 FROM platform_outbox
         WHERE shard = %(shard)s AND status IN ('pending', 'failed') AND id > %(above)s AND ordering_key > %(after)s
         ORDER BY ordering_key LIMIT 1)
        UNION ALL
        SELECT next.ordering_key, waiting.number + 1
        FROM waiting CROSS JOIN LATERAL (
            SELECT ordering_key FROM platform_outbox
            WHERE shard = %(shard)s AND status IN ('pending', 'failed') AND id > %(above)s
              AND ordering_key > waiting.ordering_key
            ORDER BY ordering_key LIMIT 1) AS next
        WHERE waiting.number < %(keys)s),
    oldest AS (
        SELECT of_key.id, row_number() OVER (PARTITION BY waiting.ordering_key ORDER BY of_key.id) AS place
        FROM waiting CROSS JOIN LATERAL (
            SELECT id FROM platform_outbox AS m
            WHERE (m.ordering_key, m.id) > (waiting.ordering_key, %(above)s) AND m.ordering_key <= waiting.ordering_key
              AND shard = %(shard)s AND {_DUE}
            ORDER BY m.ordering_key, m.id LIMIT %(limit)s) AS of_key
        WHERE waiting.ordering_key <> %(besides_key)s),
    chosen AS (SELECT id, place FROM oldest ORDER BY place, id LIMIT %(limit)s)
    -- By the primary key: nothing else is known of them, so that no other index can seem shorter.
    SELECT {_COLUMNS} FROM platform_outbox AS m
    WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND status <> ALL ('{{{{sending,sent,dead}}}}')
    ORDER BY (SELECT place FROM chosen WHERE chosen.id = m.id), id
    FOR UPDATE OF m SKIP LOCKED
"""
_BESIDES_HELD = """
      AND NOT EXISTS (
          SELECT FROM unnest(%(held_keys)s::text[], %(held_types)s::text[], %(held_ids)s::bigint[])
              AS held (ordering_key, event_type, id)
          WHERE held.ordering_key = m.ordering_key AND held.event_type = m.event_type AND held.id < m.id)
"""
# Of the event types with a paused handler only what another handler has still to do.
_BESIDES_PAUSED = """
      AND (event_type <> ALL(%(paused_types)s::text[]) OR EXISTS (
          SELECT FROM unnest(%(going_types)s::text[], %(going_handlers)s::text[]) AS going (event_type, handler)
          WHERE going.event_type = m.event_type AND NOT EXISTS (
              SELECT FROM platform_outbox_delivery AS d
              WHERE d.message_id = m.id AND d.handler = going.handler AND (d.io OR d.status IN ('sent', 'dead')))))
"""
# From the young end of the claim's index: however long the queue, a handful of rows.
_OTHERS_HAVE_COME = """
    SELECT EXISTS (
        SELECT FROM (
            SELECT ordering_key, available_at FROM platform_outbox AS m
            WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s
              AND status IN ('pending', 'failed')
            ORDER BY shard DESC, id DESC LIMIT %(newest)s) AS newest
        WHERE ordering_key <> %(hog)s AND available_at > %(since)s::timestamptz
          AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp()))
"""
_OLDEST_OPEN = """
    SELECT (SELECT id FROM platform_outbox
            WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s AND id > %(above)s
              AND status IN ('pending', 'failed')
            ORDER BY shard, id LIMIT 1),
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""


class Claimed(NamedTuple):
    """One locked row. A tuple, made in less than half the time of a frozen dataclass: there is one for each event."""

    id: int
    event_type: str
    event_version: int
    ordering_key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime.datetime
    seen_before: bool  # it may have deliveries: it failed, waited for its key, was requeued, or was scheduled
    trace: str = ""  # the request that the change came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The rows of one claim. `hog`: a key with so long a queue that it would have got more than half of them."""

    rows: list[Claimed]
    hog: str | None = None


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
    ((taken,),) = rows_of("SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK_CLASS, shard))
    return bool(taken)


def lock_shard_for_claim(shard: int) -> bool:
    """The same when `claim` comes next: nothing is sorted until then."""
    ((taken, _),) = rows_of(f"SELECT pg_try_advisory_xact_lock(%s, %s), {DO_NOT_SORT}", (LOCK_CLASS, shard))
    return bool(taken)


def claim(
    *,
    shard: int,
    limit: int,
    above: int,
    now: datetime.datetime | None,
    held: Collection[tuple[str, str, int]] = (),
    going: Mapping[str, Sequence[str]] | None = None,
) -> Claim:
    """Lock up to `limit` due rows of the shard with ids over `above`, oldest first.

    While others wait, one ordering key gets no more than half of them, and comes last; behind a few others it gets a
    few, so that their turn is soon over. `held` names (ordering key, event type, id): rows of that key and type which
    are younger than the id wait. `going` names event type → handlers for types with a paused handler: of these only
    rows are taken for which one of the named has something to do. `now` takes the place of the database's clock.
    """
    values = {"shard": shard, "above": above, "now": now, **_held(held), **_paused(going or {})}
    besides = (_BESIDES_HELD if held else "") + (_BESIDES_PAUSED if going else "")
    rows = _rows(_CLAIM.format(besides=besides), {**values, "limit": limit})
    hog = _hog(rows, limit=limit)
    if hog is None:
        return Claim(rows=rows)
    rest = {**values, "limit": limit - limit // 2, "besides_key": hog, "keys": KEYS_AT_ONCE}
    with without_sorting():
        others = _others(_CLAIM_OTHERS.format(besides=besides), rest)
    return Claim(rows=_share(rows, others, hog=hog, limit=limit), hog=hog)


def _held(held: Collection[tuple[str, str, int]]) -> dict[str, Any]:
    keys, types, ids = zip(*held, strict=True) if held else ((), (), ())
    return {"held_keys": list(keys), "held_types": list(types), "held_ids": list(ids)}


def _paused(going: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    pairs = [(event_type, handler) for event_type, handlers in going.items() for handler in handlers]
    return {
        "paused_types": list(going),
        "going_types": [event_type for event_type, _ in pairs],
        "going_handlers": [handler for _, handler in pairs],
    }


def _rows(statement: str, values: dict[str, Any]) -> list[Claimed]:
    return [_claimed(*row) for row in rows_of(statement, values)]


def _hog(rows: list[Claimed], *, limit: int) -> str | None:
    """The key that has more than its half of a full batch."""
    if len(rows) < limit or limit < 2:
        return None
    key, count = Counter(row.ordering_key for row in rows).most_common(1)[0]
    return key if count > limit // 2 else None


def others_have_come(
    *, shard: int, hog: str, above: int, since: datetime.datetime, now: datetime.datetime | None
) -> bool:
    """Whether an event of another key than the hog's has become due a moment before `since` or later."""
    values = {"shard": shard, "hog": hog, "above": above, "since": since - JUST_NOW, "newest": NEWEST, "now": now}
    with without_sorting():
        ((come,),) = rows_of(_OTHERS_HAVE_COME, values)
    return bool(come)


def _others(statement: str, values: dict[str, Any]) -> list[Claimed]:
    """Rows of other keys, from each the oldest before any the second-oldest.

    With more keys than can be looked at, the next turn goes on behind the last one, and then from the start again.
    """
    shard = values["shard"]
    after = _looked_through.get(shard, "")
    rows = _rows(statement, {**values, "after": after})
    if not rows and after:
        after = ""
        rows = _rows(statement, {**values, "after": after})
    _looked_through[shard] = max((row.ordering_key for row in rows), default="")
    return rows


def _share(rows: list[Claimed], others: list[Claimed], *, hog: str, limit: int) -> list[Claimed]:
    """Half for the others, and behind them no more for the hog, or a few: of each key its oldest rows, in order."""
    of_hog = [row for row in rows if row.ordering_key == hog]
    first = [row for row in rows if row.ordering_key != hog]
    there = {row.id for row in first}
    first += [row for row in others if row.id not in there][: limit - limit // 2 - len(first)]
    if first:
        limit = min(limit, len(first) + max(HOG_AT_LEAST, len(first)))
    return [*sorted(first, key=lambda row: row.id), *of_hog[: limit - len(first)]]


def _claimed(*row: Any) -> Claimed:
    # Django hands jsonb over as text.
    return Claimed._make((*row[:4], json.loads(row[4]), *row[5:9]))


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
        with without_sorting():
            ((oldest, xmin, xmax),) = rows_of(_OLDEST_OPEN, {"shard": shard, "above": mark.above})
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


# For so long a claim passes over such an event, and over what waits behind it, before it looks again.
LOOK_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class _Left:
    id: int
    event_types: set[str] = field(default_factory=set)
    until: float = 0.0


class UnknownEvents:
    """Remembers what was left alone. In memory only: for every worker that can read it, the event is simply due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[int, dict[str, _Left]] = {}

    def note(self, *, shard: int, key: str, event_type: str, id: int) -> None:
        """Have the key wait from this event on."""
        with self._lock:
            left = self._left.setdefault(shard, {}).setdefault(key, _Left(id))
            left.id = min(left.id, id)
            left.event_types.add(event_type)
            left.until = time.monotonic() + LOOK_AGAIN_SECONDS

    def left(self, shard: int) -> dict[str, tuple[int, set[str]]]:
        """Key → the first event to be passed over, and the event types that are not known."""
        now = time.monotonic()
        with self._lock:
            kept = {key: left for key, left in self._left.get(shard, {}).items() if left.until > now}
            self._left[shard] = kept
            return {key: (left.id, set(left.event_types)) for key, left in kept.items()}
