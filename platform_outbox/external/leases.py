"""Leases: a worker takes a delivery for a while, calls outside of any transaction, and marks it with its token.

A caller that loses the lease, because it fell silent for too long or an operator decided otherwise, marks nothing: the token
in the row is another one by then. A row that stays leased to a worker that is gone is found by the clock.
"""

import datetime
import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction

from platform_outbox import sql
from platform_outbox.external import circuit_breaker, queues
from platform_outbox.models import Status
from platform_outbox.monitoring import metrics
from platform_outbox.monitoring.history import minutes
from platform_outbox.monitoring.metrics import END_TO_END, LEASES_LOST
from platform_outbox.processing.results import attempt_row, brief, fingerprint_of
from platform_outbox.registry import Handler, handler_named, is_outage
from platform_outbox.retry import Decision, after_failure


class LeaseExpired(Exception):
    """The worker that had the delivery fell silent: it was killed, cut off, or its handler hung for too long."""


class Lease(NamedTuple):
    """A delivery that is this worker's for a while."""

    id: int
    token: uuid.UUID
    handler: str
    destination: str
    worker: str
    message_id: int
    ordering_key: str
    shard: int
    attempts: int
    failing_since: datetime.datetime | None
    event_type: str
    event_version: int
    created_at: datetime.datetime
    trace: str
    payload: dict[str, Any]


# In the order of the fields of Lease.
_COLUMNS = """
    d.id, d.lease_token, d.handler, d.neighbour, d.locked_by, d.message_id, d.ordering_key, d.shard, d.attempts,
    d.failing_since, m.event_type, m.event_version, m.created_at, m.trace, m.payload
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """A destination that something is meant for, and in how many seconds it may be called."""

    handler: str
    destination: str
    broken: bool  # its breaker is open or half open
    due_in: float


def look(*, now: datetime.datetime | None = None) -> list[Queue]:
    """Every destination that something waits for, except behind a breaker that an operator opened and a paused handler."""
    return [Queue(*row) for row in sql.fetch("look", (now,))]


def claim(*, handler: Handler, queue: Queue, worker: str, now: datetime.datetime | None = None) -> Lease | None:
    """Lease the first due delivery for the destination; None if another worker was quicker."""
    values: dict[str, Any] = {
        "handler": handler.name,
        "destination": queue.destination,
        "seconds": handler.lease_seconds,
        "now": now,
    }
    with transaction.atomic():
        if queue.broken and not circuit_breaker.begin_probe(**values):
            return None
        found = _leases("claim_delivery", {**values, "token": uuid.uuid4(), "worker": worker[:120]})
        if not found:
            # A probe without anything to send is none.
            transaction.set_rollback(True)
            return None
    return found[0]


def _leases(name: str, values: Any) -> list[Lease]:
    rows = sql.rows_of(sql.QUERIES[name].replace("{columns}", _COLUMNS), values)
    # Django hands jsonb over as text.
    return [Lease._make((*rest, json.loads(payload))) for *rest, payload in rows]


def renew(held: Collection[tuple[Lease, float]]) -> set[uuid.UUID]:
    """Extend each lease to the seconds beside it, from now; returns the tokens of those that are still held."""
    ids, tokens = [lease.id for lease, _ in held], [lease.token for lease, _ in held]
    return {token for (token,) in sql.fetch("renew_leases", (ids, tokens, [seconds for _, seconds in held]))}


def give_back(held: Collection[Lease]) -> int:
    """Let others have these deliveries, as if they had not been taken; returns how many were still held."""
    return sql.change("give_back_leases", ([lease.id for lease in held], [lease.token for lease in held]))


def expire(*, now: datetime.datetime | None = None) -> int:
    """Count an attempt for each lease that has run out, so that it is tried again; returns how many."""
    found = _leases("expired_leases", (now,))
    for lease in found:
        finish(lease, error=LeaseExpired(f"{lease.worker} fell silent during the call."), now=now, expired=True)
    return len(found)


def first_expiry() -> float | None:
    """Seconds until the first of all leases runs out, unless it is renewed; None when there is none."""
    ((seconds,),) = sql.fetch("first_expiry")
    return None if seconds is None else float(seconds)


def finish(
    lease: Lease, *, error: Exception | None, now: datetime.datetime | None = None, expired: bool = False
) -> bool:
    """Mark what came of the call; False, and nothing marked, if the lease has been lost.

    `expired` insists that the lease has run out: its owner may have renewed it a moment ago.
    """
    with transaction.atomic():
        # The event first: a batch holds its events when it takes the queue lock.
        sql.change("lock_event", (lease.message_id,))
        ((moment,),) = sql.fetch("clock", (now,))
        queues.lock([lease.shard])
        held = sql.fetch("lock_lease", (moment, lease.id, lease.token))
        lost = not held or (expired and not held[0][0])
        if not lost:
            decision = _decide(lease, error, now=moment)
            state = _mark(lease, decision, error, now=moment)
            counted = [metrics.tally(metrics.PROCESSED, lease.handler, str(decision.status))]
            if lease.attempts:
                counted.append(metrics.tally(metrics.RETRIES, lease.handler))
            if error is not None:
                counted.append(metrics.tally(metrics.FAILURES, lease.handler, type(error).__name__))
            if expired:
                counted.append(metrics.tally(metrics.LEASES_EXPIRED, lease.handler))
            metrics.add(*counted, shard=lease.shard)
    if lost:
        if not expired:
            LEASES_LOST.labels(lease.handler).inc()
        return False
    latency = (moment - lease.created_at).total_seconds()
    minutes.note(
        handler=lease.handler, event_type=lease.event_type, outcome=str(decision.status), at=moment, latencies=[latency]
    )
    if state == Status.SENT:
        END_TO_END.observe(latency)
    return True


def _decide(lease: Lease, error: Exception | None, *, now: datetime.datetime) -> Decision:
    """What the call's end means for the delivery, and for its destination's breaker."""
    name = {"handler": lease.handler, "destination": lease.destination}
    since, probe_at = lease.failing_since, None
    if error is not None and is_outage(error):
        outage = circuit_breaker.note_down(**name, error=error, now=now)
        since, probe_at = min(since or now, outage.since), max(now, outage.retry_at or now)
    elif not isinstance(error, LeaseExpired):
        circuit_breaker.note_up(**name)
    if error is None:
        return Decision(status=Status.SENT, attempts=lease.attempts + 1)
    return after_failure(error, attempts=lease.attempts, failing_since=since, now=now, probe_at=probe_at)


def _mark(lease: Lease, decision: Decision, error: Exception | None, *, now: datetime.datetime) -> str | None:
    """Write the decision down and let the next of the queue move up; returns the event's state if this settles it."""
    dead, over = decision.status == Status.DEAD, decision.retry_at is None
    handler = handler_named(lease.handler)
    halts = dead and handler is not None and handler.on_death == "halt"
    finished_at = now if over else None
    values = (decision.status, decision.attempts, decision.retry_at, finished_at, decision.failing_since, halts)
    sql.change("mark_delivery", (*values, lease.id))
    told, group = (brief(error), fingerprint_of(error)) if error is not None else (None, None)
    event = {"attempts": decision.attempts, "now": now, "error": told, "group": group, "message": lease.message_id}
    settled = sql.fetch("settle_event", event)
    if error is not None:
        number = lease.attempts + 1
        attempt_row(
            lease.message_id, lease.handler, error, number=number, dead=dead, worker=lease.worker, at=now
        ).save()
    if over:
        queues.move_up([(lease.handler, lease.ordering_key)])
    return settled[0][0] if settled else None
