"""What operators' decisions about events mean for their deliveries to the outside.

Everything here runs in the transaction of the decision, which holds the events; after it has changed others.
"""

import datetime
from collections.abc import Collection

from django.db import connection, transaction

from platform_outbox.external import queues
from platform_outbox.wakeup.notifier import notifier

_SHARDS = "SELECT DISTINCT shard FROM platform_outbox_delivery WHERE io AND message_id = ANY(%s)"
_REQUEUE = """
    UPDATE platform_outbox_delivery
    SET status = 'pending', attempts = 0, available_at = %s, finished_at = NULL, failing_since = NULL, halts = false,
        in_line = ordered
    WHERE io AND status IN ('dead', 'failed') AND message_id = ANY(%s)
    RETURNING handler, ordering_key
"""
# Who is being called just now loses the lease: what comes of the call is not marked.
_DISCARD = """
    UPDATE platform_outbox_delivery
    SET status = 'dead', finished_at = coalesce(finished_at, %s), halts = false, in_line = false,
        lease_token = NULL, lease_until = NULL, locked_by = ''
    WHERE io AND (status IN ('pending', 'failed', 'sending') OR halts) AND message_id = ANY(%s)
    RETURNING handler, ordering_key
"""
_ONLY_OUTSIDE = """
    SELECT m.id FROM platform_outbox AS m WHERE m.id = ANY(%s) AND m.status IN ('sending', 'dead')
      AND (SELECT bool_and(d.io) FROM platform_outbox_delivery AS d
           WHERE d.message_id = m.id AND d.status IN ('dead', 'failed'))
"""


def unfinished_only_outside(ids: Collection[int]) -> list[int]:
    """Those of the events of which nothing but deliveries of `io` handlers is left to do."""
    with connection.cursor() as cursor:
        cursor.execute(_ONLY_OUTSIDE, (list(ids),))
        return [event_id for (event_id,) in cursor.fetchall()]


def requeue(ids: Collection[int], *, now: datetime.datetime) -> None:
    """Make dead and waiting deliveries due, each in its place in the line, behind a call that is under way."""
    _change(_REQUEUE, ids, now)


def discard(ids: Collection[int], *, now: datetime.datetime) -> None:
    """Give up on all that is open or halts its line; the lines go on."""
    _change(_DISCARD, ids, now)


def _change(statement: str, ids: Collection[int], now: datetime.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SHARDS, (list(ids),))
        shards = [shard for (shard,) in cursor.fetchall()]
        if not shards:
            return
        queues.lock(shards)
        cursor.execute(statement, (now, list(ids)))
        queues.move_up(set(cursor.fetchall()))
    transaction.on_commit(notifier.notify_external)
