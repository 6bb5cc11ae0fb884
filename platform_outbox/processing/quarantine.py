"""Events that may have killed their worker.

A turn that never ended leaves its events behind in platform_outbox_turn. Whoever gets the shard next counts that
against each of them. From then on such an event runs alone, one handler at a time, until it is through: an innocent
one is cleared by its next run, and a guilty one is soon known together with its handler.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from platform_outbox.monitoring import metrics as tallies
from platform_outbox.processing.claim import Claimed
from platform_outbox.processing.shard_state import StaleBatch, Suspicion
from platform_outbox.registry import PermanentError

# So many workers may die with an event in hand: once in a batch, then alone.
DEADLY = 3

# A server that was restarted since has ended the turn itself.
_COUNT = """
    INSERT INTO platform_outbox_suspect AS s (message_id, shard, crashes, handler, overran, worker, at)
    SELECT id, shard, 1, %(handler)s, false, %(worker)s, statement_timestamp() FROM platform_outbox
    WHERE id = ANY(%(ids)s) AND status IN ('pending', 'failed') AND pg_postmaster_start_time() <= %(at)s
    ON CONFLICT (message_id) DO UPDATE
    SET crashes = s.crashes + 1, handler = EXCLUDED.handler, worker = EXCLUDED.worker, at = EXCLUDED.at
"""
_REMEMBER = """
    INSERT INTO platform_outbox_attempt
        (message_id, handler, number, outcome, worker, error_class, error_message, traceback, at)
    SELECT message_id, handler, crashes, 'failed', worker, %(error_class)s, %(message)s, '', at
    FROM platform_outbox_suspect WHERE message_id = ANY(%(ids)s)
"""
_ACCUSE = """
    INSERT INTO platform_outbox_suspect AS s (message_id, shard, crashes, handler, overran, worker, at)
    SELECT id, shard, 1, %(handler)s, %(alone)s, %(worker)s, statement_timestamp() FROM platform_outbox
    WHERE id = ANY(%(ids)s) AND status IN ('pending', 'failed')
    ON CONFLICT (message_id) DO UPDATE
    SET handler = EXCLUDED.handler, overran = EXCLUDED.overran, worker = EXCLUDED.worker, at = EXCLUDED.at
"""
_END = "UPDATE platform_outbox_turn SET ids = '{}', handler = '', overran = false WHERE shard = %s"
_CLEAR = "DELETE FROM platform_outbox_suspect WHERE message_id = %s"
_ONCE_MORE = "UPDATE platform_outbox_suspect SET crashes = 1, handler = '', overran = false WHERE message_id = %s"

Row = TypeVar("Row", bound=Claimed)


class KilledItsWorker(PermanentError):
    """Workers died one after the other while they ran this handler for this event."""


class TookTooLong(Exception):
    """The handler did not come to its end within WORKER_TIME_LIMIT."""


def settle(*, shard: int, turn: StaleBatch) -> None:
    """Count an unfinished turn against its events and forget it. Nothing may be run in the same transaction."""
    values: dict[str, Any] = {"ids": turn.ids, "handler": turn.handler, "worker": turn.worker, "at": turn.at}
    with connection.cursor() as cursor:
        if turn.overran:
            # Of a batch handler's events each may be the slow one: alone it will show.
            cursor.execute(_ACCUSE, {**values, "alone": len(turn.ids) == 1})
        else:
            cursor.execute(_COUNT, values)
            tallies.add(tallies.tally(tallies.CRASH_SUSPECTS), shard=shard, times=cursor.rowcount)
            if cursor.rowcount == 1 and len(turn.ids) == 1:
                cursor.execute(_REMEMBER, {**values, **_obituary(turn)})
        cursor.execute(_END, (shard,))


def alone_or_before(rows: Sequence[Row], suspects: Mapping[int, Suspicion]) -> list[Row]:
    """The first row alone if it is suspect, else the rows before the first suspect."""
    first = next((place for place, row in enumerate(rows) if row.id in suspects), len(rows))
    return list(rows[: first or 1])


def verdict(suspicion: Suspicion) -> Exception | None:
    """Why the event is not to be run, if so: KilledItsWorker for good, TookTooLong for this time."""
    if suspicion.overran:
        return TookTooLong(f"It did not end within {settings.WORKER_TIME_LIMIT:g} s (WORKER_TIME_LIMIT).")
    if suspicion.crashes >= DEADLY:
        return KilledItsWorker(f"It killed its worker: {suspicion.crashes} of them died with this event in hand.")
    return None


def clear(message_id: int, *, handlers_left: bool) -> None:
    """The worker has survived. With handlers left to run, the event stays alone until they are through as well."""
    with connection.cursor() as cursor:
        cursor.execute(_ONCE_MORE if handlers_left else _CLEAR, (message_id,))


def _obituary(turn: StaleBatch) -> dict[str, str]:
    return {
        "error_class": f"{KilledItsWorker.__module__}.{KilledItsWorker.__qualname__}",
        "message": f"The worker {turn.worker} died while it ran {turn.handler or 'this event'} alone.",
    }
