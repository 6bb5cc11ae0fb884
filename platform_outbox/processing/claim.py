"""What a batch asks the database before it runs anything: the shard, its state, and the due events in order.

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

from platform_outbox.sql import DO_NOT_SORT, MAY_SORT, QUERIES, rows_of, without_sorting
from platform_outbox.timing import FULL_LOOK_EVERY, JUST_COME, LOW_WATER_EVERY, UNKNOWN_EVERY

# First key of the two-part advisory lock; the second is the shard.
LOCK_CLASS = 1_869_964_408
KEYS_AT_ONCE = 64  # ordering keys that one claim looks at when one of them would take it all
# Events that a dominant key still gets behind a few others: their batch ends soon, and the backlog advances too.
DOMINANT_AT_LEAST = 10
NEWEST = 20  # newest events of a shard that are checked for new arrivals

_LOCK_FOR_CLAIM = QUERIES["lock_shard_for_claim"].replace("{do_not_sort}", DO_NOT_SORT)
_COLUMNS = (
    "id, event_type, event_version, ordering_key, payload, attempts, created_at, available_at > created_at, trace"
)
_CLAIM, _CLAIM_OTHER_KEYS = (
    QUERIES[name].replace("{columns}", _COLUMNS).replace("{may_sort}", MAY_SORT)
    for name in ("claim", "claim_other_keys")
)

# Shard → the last ordering key that such a claim came to.
_looked_through: dict[int, str] = {}


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
    """The rows of one claim. `dominant_key`: one with so long a queue that it would have got more than half of them."""

    rows: list[Claimed]
    dominant_key: str | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is known against an event: how many workers died with it in hand, and in which handler."""

    crashes: int
    handler: str  # empty: not known
    overran: bool  # the handler took too long and the attempt still has to be charged


@dataclass(frozen=True, slots=True)
class StaleBatch:
    """A batch that began and did not end."""

    ids: list[int]
    worker: str
    handler: str
    overran: bool
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class ShardState:
    """What stands against running the shard's events."""

    paused: bool
    paused_handlers: frozenset[str]
    quarantined: Mapping[int, Suspicion]
    # (ordering key, handler) → (the oldest event that failed, or halts its key, and when it is tried again)
    holds: dict[tuple[str, str], tuple[int, datetime.datetime]]
    stale: StaleBatch | None
    now: datetime.datetime  # by the database's clock


def lock_shard(shard: int) -> bool:
    """Take the shard until the end of the transaction; False when another worker has it."""
    ((taken,),) = rows_of(QUERIES["lock_shard"], (LOCK_CLASS, shard))
    return bool(taken)


def take_shard(shard: int) -> ShardState | None:
    """Take the shard, as `claim` comes next, and see how it stands there; None when another worker has it."""
    # Nothing is sorted from here to the claim.
    ((taken, _),) = rows_of(_LOCK_FOR_CLAIM, (LOCK_CLASS, shard))
    if not taken:
        return None
    # Asked under the lock: only then nobody else is at it, and a batch that did not end is a fact.
    ((paused, handlers, quarantined, held, now, ids, *stale),) = rows_of(QUERIES["shard_state"], {"shard": shard})
    holds: dict[tuple[str, str], tuple[int, datetime.datetime]] = {}
    for message_id, handler, key, due in json.loads(held or "[]"):
        holds.setdefault((key, handler), (message_id, datetime.datetime.fromisoformat(due)))
    return ShardState(
        paused=paused,
        paused_handlers=frozenset(handlers or ()),
        quarantined={message_id: Suspicion(*rest) for message_id, *rest in json.loads(quarantined or "[]")},
        holds=holds,
        stale=StaleBatch(ids, *stale) if ids else None,
        now=now,
    )


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
    few, so that their batch is soon over. `held` names (ordering key, event type, id): rows of that key and type which
    are younger than the id wait. `going` names event type → handlers for types with a paused handler: of these only
    rows are taken for which one of the named has something to do. `now` takes the place of the database's clock.
    """
    values: dict[str, Any] = {"shard": shard, "above": above, "now": now, "limit": limit}
    left_out = ""
    if held:
        left_out += QUERIES["except_held"]
        values |= zip(("held_keys", "held_types", "held_ids"), map(list, zip(*held, strict=True)), strict=True)
    if going:
        left_out += QUERIES["except_paused"]
        pairs = [(event_type, handler) for event_type, handlers in going.items() for handler in handlers]
        values["paused_types"] = list(going)
        values["going_types"], values["going_handlers"] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = _claimed(_CLAIM.replace("{except}", left_out), values)
    if len(rows) < limit or limit < 2:
        return Claim(rows=rows)
    key, count = Counter(row.ordering_key for row in rows).most_common(1)[0]
    if count <= limit // 2:
        return Claim(rows=rows)
    values |= {"limit": limit - limit // 2, "dominant_key": key, "keys": KEYS_AT_ONCE}
    others = _other_keys(_CLAIM_OTHER_KEYS.replace("{except}", left_out), values)
    return Claim(rows=_share(rows, others, dominant_key=key, limit=limit), dominant_key=key)


def _claimed(statement: str, values: dict[str, Any]) -> list[Claimed]:
    # Django hands jsonb over as text.
    return [Claimed._make((*row[:4], json.loads(row[4]), *row[5:9])) for row in rows_of(statement, values)]


def _other_keys(statement: str, values: dict[str, Any]) -> list[Claimed]:
    """Rows of other keys, from each the oldest before any the second-oldest.

    With more keys than can be looked at, the next batch continues after the last one, and then from the start again.
    """
    shard = values["shard"]
    after = _looked_through.get(shard, "")
    with without_sorting():
        rows = _claimed(statement, {**values, "after": after})
        if not rows and after:
            rows = _claimed(statement, {**values, "after": ""})
    _looked_through[shard] = max((row.ordering_key for row in rows), default="")
    return rows


def _share(rows: list[Claimed], others: list[Claimed], *, dominant_key: str, limit: int) -> list[Claimed]:
    """Half for the others, and behind them no more for the dominant key, or a few: of each its oldest rows, in order."""
    dominant = [row for row in rows if row.ordering_key == dominant_key]
    first = [row for row in rows if row.ordering_key != dominant_key]
    there = {row.id for row in first}
    first += [row for row in others if row.id not in there][: limit - limit // 2 - len(first)]
    if first:
        limit = min(limit, len(first) + max(DOMINANT_AT_LEAST, len(first)))
    return [*sorted(first, key=lambda row: row.id), *dominant[: limit - len(first)]]


def others_have_come(
    *, shard: int, dominant_key: str, above: int, since: datetime.datetime, now: datetime.datetime | None
) -> bool:
    """Whether an event of another key than the dominant one has become due a moment before `since` or later."""
    values = {"shard": shard, "dominant_key": dominant_key, "above": above, "newest": NEWEST, "now": now}
    with without_sorting():
        ((come,),) = rows_of(QUERIES["others_have_come"], {**values, "since": since - JUST_COME})
    return bool(come)


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
        if time.monotonic() - mark.full_look >= FULL_LOOK_EVERY:
            self.forget(shard)
        return self._mark(shard).above

    def advance(self, shard: int) -> None:
        """Move the mark if it is time. Call inside the claiming transaction, after its rows are marked."""
        mark = self._mark(shard)
        if time.monotonic() - mark.looked < LOW_WATER_EVERY:
            return
        mark.looked = time.monotonic()
        with without_sorting():
            ((oldest, xmin, xmax),) = rows_of(QUERIES["oldest_open"], {"shard": shard, "above": mark.above})
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


@dataclass(slots=True)
class _Left:
    id: int
    event_types: set[str] = field(default_factory=set)
    until: float = 0.0


class UnknownEvents:
    """Events of a newer release that a batch has left alone: the next claims pass over them for a moment.

    In memory only: for every worker that can read it, the event is simply due.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[int, dict[str, _Left]] = {}

    def note(self, *, shard: int, key: str, event_type: str, id: int) -> None:
        """Have the key wait from this event on."""
        with self._lock:
            left = self._left.setdefault(shard, {}).setdefault(key, _Left(id))
            left.id = min(left.id, id)
            left.event_types.add(event_type)
            left.until = time.monotonic() + UNKNOWN_EVERY

    def left(self, shard: int) -> dict[str, tuple[int, set[str]]]:
        """Key → the first event to be passed over, and the event types that are not known."""
        now = time.monotonic()
        with self._lock:
            kept = {key: left for key, left in self._left.get(shard, {}).items() if left.until > now}
            self._left[shard] = kept
            return {key: (left.id, set(left.event_types)) for key, left in kept.items()}
