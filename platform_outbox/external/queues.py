"""Handing deliveries over to the couriers, and who of a line may be called next.

An ordered handler has one line per ordering key. Only its head can be claimed; when the head is through, the next one
moves up, in the same transaction. So a claim looks at heads alone, however long the lines are. Everything that adds
to a line or takes from it holds the shard's line lock: otherwise one could join behind a head that leaves unseen.

Locks are taken in this order: rows of events, the line lock, deliveries, breakers.
"""

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

# First key of the two-part advisory lock; the second is the shard.
LOCK_CLASS = 1_869_964_409

_HAND_OVER = """
    INSERT INTO platform_outbox_delivery AS d
        (message_id, handler, ordering_key, shard, status, attempts, available_at, io, neighbour, ordered, in_line)
    SELECT message_id, handler, ordering_key, shard, 'pending', 0, %s, true, neighbour, ordered, ordered
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::boolean[])
        AS new (message_id, handler, ordering_key, shard, neighbour, ordered)
    ON CONFLICT (message_id, handler) DO UPDATE
    SET status = 'pending', attempts = 0, available_at = EXCLUDED.available_at, failing_since = NULL, io = true,
        neighbour = EXCLUDED.neighbour, ordered = EXCLUDED.ordered, in_line = EXCLUDED.in_line
    -- A row that is no hand-over is left by one that failed, or by a handler that became an io handler since.
    WHERE NOT d.io AND d.status IN ('pending', 'failed')
"""
_LINES = """
    WITH line AS (
        SELECT DISTINCT handler, ordering_key FROM unnest(%s::text[], %s::text[]) AS named (handler, ordering_key))
"""
# Until the end of this transaction nobody can claim a head that may have to step back.
_LOCK_HEADS = f"""
    {_LINES}
    SELECT FROM line JOIN platform_outbox_delivery AS d USING (handler, ordering_key)
    WHERE d.ordered AND NOT d.in_line AND d.status IN ('pending', 'failed')
    FOR UPDATE OF d
"""
# The head is whoever is being called, or else the oldest; a dead one that halts its line stays there.
_MOVE_UP = f"""
    {_LINES},
    head AS (
        SELECT line.*, coalesce(
            (SELECT id FROM platform_outbox_delivery AS d
             WHERE d.handler = line.handler AND d.ordering_key = line.ordering_key
               AND d.ordered AND NOT d.in_line AND d.status = 'sending' LIMIT 1),
            (SELECT id FROM platform_outbox_delivery AS d
             WHERE d.handler = line.handler AND d.ordering_key = line.ordering_key
               AND d.ordered AND (d.status IN ('pending', 'failed', 'sending') OR d.halts)
             ORDER BY message_id LIMIT 1)) AS id
        FROM line),
    place AS (
        SELECT id, false AS in_line FROM head
        UNION ALL
        SELECT d.id, true FROM head JOIN platform_outbox_delivery AS d USING (handler, ordering_key)
        WHERE d.ordered AND NOT d.in_line AND d.status IN ('pending', 'failed') AND d.id <> head.id)
    UPDATE platform_outbox_delivery AS d SET in_line = place.in_line
    FROM place WHERE d.id = place.id AND d.in_line <> place.in_line
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """One event for one `io` handler."""

    message_id: int
    handler: str
    ordering_key: str
    shard: int
    neighbour: str
    ordered: bool


def lock(shards: Collection[int]) -> None:
    """Take the line locks of the shards until the end of the transaction."""
    with connection.cursor() as cursor:
        for shard in sorted(set(shards)):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, shard))


def hand_over(deliveries: Collection[HandOver], *, now: datetime.datetime) -> int:
    """Give the deliveries to the couriers, due at once; returns how many were not there before."""
    ordered = [each for each in deliveries if each.ordered]
    lock({each.shard for each in ordered})
    rows = [
        (each.message_id, each.handler, each.ordering_key, each.shard, each.neighbour, each.ordered)
        for each in deliveries
    ]
    with connection.cursor() as cursor:
        cursor.execute(_HAND_OVER, (now, *(list(column) for column in zip(*rows, strict=True))))
        count: int = cursor.rowcount
    move_up({(each.handler, each.ordering_key) for each in ordered})
    return count


def move_up(lines: Collection[tuple[str, str]]) -> None:
    """Put the right delivery at the head of each line, named (handler, ordering key). Needs the line lock.

    A name that is no line, because its handler is not an ordered one, is passed over.
    """
    if not lines:
        return
    names = [list(column) for column in zip(*lines, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_HEADS, names)
        cursor.execute(_MOVE_UP, names)
