"""What a turn must know about its shard before it claims: pauses, holds, suspects, and a turn that never ended."""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_outbox.fast_sql import rows_of

# One statement, for it is asked at every turn. Mostly each of its answers is "nothing".
_STANDING = """
    SELECT
        EXISTS (SELECT FROM platform_outbox_pause
                WHERE kind = 'shard' AND target = %(shard)s::text AND resumed_at IS NULL),
        (SELECT array_agg(target::text) FROM platform_outbox_pause WHERE kind = 'handler' AND resumed_at IS NULL),
        (SELECT jsonb_agg(jsonb_build_array(message_id, crashes, handler, overran))
         FROM platform_outbox_suspect WHERE shard = %(shard)s),
        (SELECT jsonb_agg(jsonb_build_array(message_id, handler, ordering_key, available_at) ORDER BY message_id)
         FROM (SELECT message_id, handler, ordering_key, available_at FROM platform_outbox_delivery
               WHERE shard = %(shard)s AND status = 'failed' AND NOT io
               UNION ALL
               SELECT message_id, handler, ordering_key, statement_timestamp() + interval '1 hour'
               FROM platform_outbox_delivery WHERE shard = %(shard)s AND halts AND NOT io) AS held),
        statement_timestamp(), turn.ids, turn.worker, turn.handler, turn.overran, turn.at
    FROM (SELECT) AS always
    LEFT JOIN platform_outbox_turn AS turn ON turn.shard = %(shard)s AND turn.ids <> '{}'
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A failed delivery, or a dead one that halts its key: younger events of the key wait for this handler."""

    message_id: int
    handler: str
    ordering_key: str
    available_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is known against an event: how many workers died with it in hand, and in which handler."""

    crashes: int
    handler: str  # empty: not known
    overran: bool  # the handler took too long and the attempt still has to be charged


@dataclass(frozen=True, slots=True)
class StaleBatch:
    """A turn that began and did not end."""

    ids: list[int]
    worker: str
    handler: str
    overran: bool
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class ShardState:
    """The state of one shard."""

    paused: bool
    paused_handlers: frozenset[str]
    suspects: Mapping[int, Suspicion]
    holds: Sequence[Hold]  # the oldest event first
    unfinished: StaleBatch | None
    now: datetime.datetime  # by the database's clock


def shard_state_of(shard: int) -> ShardState:
    """Ask after taking the shard's lock: only then nobody else is at it, and an unfinished turn is a fact."""
    ((paused, handlers, suspects, holds, now, ids, *turn),) = rows_of(_STANDING, {"shard": shard})
    return ShardState(
        paused=paused,
        paused_handlers=frozenset(handlers or ()),
        suspects={message_id: Suspicion(*rest) for message_id, *rest in json.loads(suspects or "[]")},
        holds=[
            Hold(message_id, handler, key, datetime.datetime.fromisoformat(due))
            for message_id, handler, key, due in json.loads(holds or "[]")
        ],
        unfinished=StaleBatch(ids, *turn) if ids else None,
        now=now,
    )
