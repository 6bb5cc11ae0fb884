"""Handing deliveries over to the external pools, and who of a queue may be called next.

An ordered handler has one queue per ordering key. Only its head can be claimed; when the head is through, the next one
moves up, in the same transaction. So a claim looks at heads alone, however long the queues are. Everything that adds
to a queue or takes from it holds the shard's queue lock: otherwise one could join behind a head that leaves unseen.

Locks are taken in this order: rows of events, the queue lock, deliveries, breakers.
"""

import datetime
from collections.abc import Collection
from typing import NamedTuple

from platform_outbox import sql

# First key of the two-part advisory lock; the second is the shard.
LOCK_CLASS = 1_869_964_409


class HandOver(NamedTuple):
    """One event for one `io` handler."""

    message_id: int
    handler: str
    ordering_key: str
    shard: int
    destination: str
    ordered: bool


def lock(shards: Collection[int]) -> None:
    """Take the queue locks of the shards until the end of the transaction."""
    for shard in sorted(set(shards)):
        sql.fetch("lock_queues", (LOCK_CLASS, shard))


def hand_over(deliveries: Collection[HandOver], *, now: datetime.datetime) -> int:
    """Give the deliveries to the external pools, due at once; returns how many were not there before."""
    ordered = [each for each in deliveries if each.ordered]
    lock({each.shard for each in ordered})
    count = sql.change("hand_over", (now, *(list(column) for column in zip(*deliveries, strict=True))))
    move_up({(each.handler, each.ordering_key) for each in ordered})
    return count


def move_up(queues: Collection[tuple[str, str]]) -> None:
    """Put the right delivery at the head of each queue, named (handler, ordering key). Needs the queue lock.

    A name that is no queue, because its handler is not an ordered one, is passed over.
    """
    if queues:
        names = [list(column) for column in zip(*queues, strict=True)]
        sql.change("lock_heads", names)
        sql.change("move_up", names)
