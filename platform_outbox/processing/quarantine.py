"""Events that may have killed their worker.

A batch that never ended leaves its events behind in platform_outbox_turn. The next worker to take the shard counts that
against each of them. From then on such an event runs alone, one handler at a time, until it is through: an innocent
one is cleared by its next run, and a guilty one is soon known together with its handler.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from platform_outbox import sql
from platform_outbox.monitoring import metrics
from platform_outbox.processing.claim import Claimed, StaleBatch, Suspicion
from platform_outbox.registry import PermanentError

DEADLY = 3  # workers that died with an event in hand: once in a batch, then alone


class KilledItsWorker(PermanentError):
    """Workers died one after the other while they ran this handler for this event."""


class TookTooLong(Exception):
    """The handler did not come to its end within WORKER_TIME_LIMIT."""


def settle(stale: StaleBatch, *, shard: int) -> None:
    """Count an unfinished batch against its events and forget it. Nothing may be run in the same transaction."""
    values: dict[str, Any] = {"ids": stale.ids, "handler": stale.handler, "worker": stale.worker, "at": stale.at}
    if stale.overran:
        # Of a batch handler's events each may be the slow one: alone it will show.
        sql.change("quarantine_overrun", {**values, "alone": len(stale.ids) == 1})
    else:
        crashed = sql.change("quarantine_crashed", values)
        metrics.add(metrics.tally(metrics.CRASH_SUSPECTS), shard=shard, times=crashed)
        if crashed == 1 and len(stale.ids) == 1:
            values["error_class"] = f"{KilledItsWorker.__module__}.{KilledItsWorker.__qualname__}"
            values["message"] = f"The worker {stale.worker} died while it ran {stale.handler or 'this event'} alone."
            sql.change("note_crash", values)
    sql.change("end_batch", (shard,))


def alone_or_before(rows: Sequence[Claimed], quarantined: Mapping[int, Suspicion]) -> list[Claimed]:
    """The first row alone if it is quarantined, else the rows before the first that is."""
    first = next((place for place, row in enumerate(rows) if row.id in quarantined), len(rows))
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
    sql.change("stay_in_quarantine" if handlers_left else "leave_quarantine", (message_id,))
