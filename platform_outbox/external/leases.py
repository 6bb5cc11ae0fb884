"""Leases: a courier takes a delivery for a while, calls outside of any transaction, and marks it with its token.

Whoever loses the lease, because it fell silent for too long or an operator decided otherwise, marks nothing: the token
in the row is another one by then. A row that stays leased to a worker that is gone is found by the clock.
"""

import datetime
import json
import random
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from platform_outbox.external import circuit_breaker, queues
from platform_outbox.models import Status
from platform_outbox.monitoring import metrics as tallies
from platform_outbox.monitoring.history import minutes
from platform_outbox.monitoring.metrics import END_TO_END, LEASES_LOST
from platform_outbox.processing.fingerprint import fingerprint_of
from platform_outbox.processing.results import attempt_row, brief
from platform_outbox.registry import Deferred, Handler, PermanentError, handler_named, is_outage
from platform_outbox.retry import PATIENCE, delay_before, delay_in_outage

# One probe of the index per neighbour that has something due, however much that is.
_LOOK = """
    WITH RECURSIVE queue AS (
        (SELECT handler, neighbour, available_at FROM platform_outbox_delivery
         WHERE io AND NOT in_line AND status IN ('pending', 'failed')
         ORDER BY handler, neighbour, available_at LIMIT 1)
        UNION ALL
        SELECT next.* FROM queue, LATERAL (
            SELECT d.handler, d.neighbour, d.available_at FROM platform_outbox_delivery AS d
            WHERE d.io AND NOT d.in_line AND d.status IN ('pending', 'failed')
              AND (d.handler, d.neighbour) > (queue.handler, queue.neighbour)
            ORDER BY d.handler, d.neighbour, d.available_at LIMIT 1) AS next)
    SELECT queue.handler, queue.neighbour, b.state IS NOT NULL,
           extract(epoch FROM greatest(queue.available_at, b.retry_at)
                              - coalesce(%s::timestamptz, statement_timestamp()))::float8
    FROM queue LEFT JOIN platform_outbox_breaker AS b
        ON b.handler = queue.handler AND b.neighbour = queue.neighbour AND b.state <> 'closed'
    WHERE (b.state IS NULL OR b.retry_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM platform_outbox_pause
                      WHERE kind = 'handler' AND target = queue.handler AND resumed_at IS NULL)
"""
_CLAIM = """
    UPDATE platform_outbox_delivery AS d
    SET status = 'sending', lease_token = %(token)s, locked_by = %(worker)s,
        lease_until = coalesce(%(now)s::timestamptz, statement_timestamp()) + make_interval(secs => %(seconds)s)
    FROM platform_outbox AS m
    WHERE m.id = d.message_id AND d.id = (
        SELECT id FROM platform_outbox_delivery
        WHERE io AND NOT in_line AND status IN ('pending', 'failed') AND handler = %(handler)s
          AND neighbour = %(neighbour)s AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp())
          AND NOT EXISTS (SELECT FROM platform_outbox_pause
                          WHERE kind = 'shard' AND target = shard::text AND resumed_at IS NULL)
        ORDER BY available_at, id LIMIT 1
        FOR UPDATE SKIP LOCKED)
    RETURNING d.id, d.message_id, d.ordering_key, d.shard, d.attempts, d.failing_since,
              m.event_type, m.event_version, m.payload, m.created_at, m.trace
"""
_RENEW = """
    UPDATE platform_outbox_delivery AS d SET lease_until = statement_timestamp() + make_interval(secs => held.seconds)
    FROM unnest(%s::bigint[], %s::uuid[], %s::float8[]) AS held (id, token, seconds)
    WHERE d.id = held.id AND d.lease_token = held.token AND d.status = 'sending'
    RETURNING d.lease_token
"""
_GIVE_BACK = """
    UPDATE platform_outbox_delivery AS d
    SET status = CASE WHEN attempts > 0 OR failing_since IS NOT NULL THEN 'failed' ELSE 'pending' END,
        lease_token = NULL, lease_until = NULL, locked_by = ''
    FROM unnest(%s::bigint[], %s::uuid[]) AS held (id, token)
    WHERE d.id = held.id AND d.lease_token = held.token AND d.status = 'sending'
"""
_EXPIRED = """
    SELECT d.id, d.message_id, d.ordering_key, d.shard, d.attempts, d.failing_since, m.event_type, m.event_version,
           m.payload, m.created_at, m.trace, d.lease_token, d.handler, d.neighbour, d.locked_by
    FROM platform_outbox_delivery AS d JOIN platform_outbox AS m ON m.id = d.message_id
    WHERE d.status = 'sending' AND d.lease_until <= coalesce(%s::timestamptz, statement_timestamp())
    ORDER BY d.lease_until LIMIT 100
"""
_FIRST_EXPIRY = """
    SELECT extract(epoch FROM min(lease_until) - statement_timestamp())::float8
    FROM platform_outbox_delivery WHERE status = 'sending'
"""
_MARK = """
    UPDATE platform_outbox_delivery
    SET status = %s, attempts = %s, available_at = coalesce(%s, available_at), finished_at = %s, failing_since = %s,
        halts = %s, lease_token = NULL, lease_until = NULL, locked_by = ''
    WHERE id = %s
"""
# The event is through when nothing of it is open any more; while one of its db handlers still is, the drain says so.
_SETTLE = """
    UPDATE platform_outbox AS m
    SET attempts = greatest(m.attempts, %(attempts)s), status = new.status,
        finished_at = CASE WHEN new.status = 'sending' THEN NULL ELSE %(now)s END,
        error = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(%(error)s, m.error) END,
        error_group = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(%(group)s, m.error_group) END
    FROM (SELECT CASE WHEN bool_or(d.status IN ('pending', 'failed', 'sending')) THEN 'sending'
                      WHEN bool_or(d.status = 'dead') THEN 'dead' ELSE 'sent' END AS status
          FROM platform_outbox_delivery AS d WHERE d.message_id = %(message)s) AS new
    WHERE m.id = %(message)s AND m.status = 'sending'
    RETURNING m.status
"""


class LeaseExpired(Exception):
    """The worker that had the delivery fell silent: it was killed, cut off, or its handler hung for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A delivery that is this worker's for a while."""

    id: int
    token: uuid.UUID
    handler: str
    neighbour: str
    worker: str
    message_id: int
    ordering_key: str
    shard: int
    attempts: int
    failing_since: datetime.datetime | None
    event_type: str
    event_version: int
    payload: dict[str, Any]
    created_at: datetime.datetime
    trace: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A neighbour that something is meant for, and in how many seconds it may be called."""

    handler: str
    neighbour: str
    broken: bool  # its breaker is open or half open
    due_in: float


def look(*, now: datetime.datetime | None = None) -> list[Queue]:
    """Every neighbour that something waits for, except where an operator has opened the breaker or paused the handler."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, (now,))
        return [Queue(*row) for row in cursor.fetchall()]


def claim(*, handler: Handler, queue: Queue, worker: str, now: datetime.datetime | None = None) -> Lease | None:
    """Lease the first due delivery for the neighbour; None if another worker was quicker."""
    token = uuid.uuid4()
    values: dict[str, Any] = {
        "token": token,
        "worker": worker[:120],
        "now": now,
        "seconds": handler.lease_seconds,
        "handler": handler.name,
        "neighbour": queue.neighbour,
    }
    with transaction.atomic():
        if queue.broken and not circuit_breaker.begin_probe(
            handler=handler.name, neighbour=queue.neighbour, seconds=handler.lease_seconds, now=now
        ):
            return None
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, values)
            row = cursor.fetchone()
        if row is None:
            # A probe without anything to send is none.
            transaction.set_rollback(True)
            return None
    return _lease(*row, token, handler.name, queue.neighbour, worker)


def renew(held: Collection[tuple[Lease, float]]) -> set[uuid.UUID]:
    """Extend each lease to so many seconds from now; returns the tokens of those that are still held."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RENEW,
            ([lease.id for lease, _ in held], [lease.token for lease, _ in held], [seconds for _, seconds in held]),
        )
        return {token for (token,) in cursor.fetchall()}


def give_back(held: Collection[Lease]) -> int:
    """Let others have these deliveries, as if they had not been taken; returns how many were still held."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, ([lease.id for lease in held], [lease.token for lease in held]))
        count: int = cursor.rowcount
    return count


def expire(*, now: datetime.datetime | None = None) -> int:
    """Count an attempt for each lease that has run out, so that it is tried again; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, (now,))
        found = [_lease(*row) for row in cursor.fetchall()]
    for lease in found:
        silent = LeaseExpired(f"{lease.worker} fell silent during the call.")
        finish(lease, error=silent, now=now, expired=True)
    return len(found)


def first_expiry() -> float | None:
    """Seconds until the first of all leases runs out, unless it is renewed; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_EXPIRY)
        (seconds,) = cursor.fetchone()
    return None if seconds is None else float(seconds)


def finish(
    lease: Lease, *, error: Exception | None, now: datetime.datetime | None = None, expired: bool = False
) -> bool:
    """Mark what came of the call; False, and nothing marked, if the lease has been lost.

    `expired` insists that the lease has run out: its owner may have renewed it a moment ago.
    """
    verdict, state = None, None
    with transaction.atomic():
        # The event first: the drain holds its events when it takes the line lock.
        moment = _lock_event(lease, now)
        queues.lock([lease.shard])
        if _is_held(lease, now=moment, expired=expired):
            verdict = _verdict(lease, error=error, now=moment)
            state = _mark(lease, verdict, error=error, now=moment)
            tallies.add(*_counters(lease, verdict, error=error, expired=expired), shard=lease.shard)
    if verdict is None:
        if not expired:
            LEASES_LOST.labels(lease.handler).inc()
        return False
    latency = (moment - lease.created_at).total_seconds()
    minutes.note(
        handler=lease.handler,
        event_type=lease.event_type,
        outcome=str(verdict.status),
        at=moment,
        latencies=[latency],
    )
    if state == Status.SENT:
        END_TO_END.observe(latency)
    return True


def _counters(lease: Lease, verdict: "_Verdict", *, error: Exception | None, expired: bool) -> Iterator[tallies.Tally]:
    yield tallies.tally(tallies.PROCESSED, lease.handler, str(verdict.status))
    if lease.attempts:
        yield tallies.tally(tallies.RETRIES, lease.handler)
    if error is not None:
        yield tallies.tally(tallies.FAILURES, lease.handler, type(error).__name__)
    if expired:
        yield tallies.tally(tallies.LEASES_EXPIRED, lease.handler)


def _lease(*row: Any) -> Lease:
    id, message_id, ordering_key, shard, attempts, failing_since, event_type, version, payload, created_at = row[:10]
    trace, token, handler, neighbour, worker = row[10:]
    return Lease(
        id=id,
        token=token,
        handler=handler,
        neighbour=neighbour,
        worker=worker,
        message_id=message_id,
        ordering_key=ordering_key,
        shard=shard,
        attempts=attempts,
        failing_since=failing_since,
        event_type=event_type,
        event_version=version,
        # Django hands jsonb over as text.
        payload=json.loads(payload),
        created_at=created_at,
        trace=trace,
    )


def _lock_event(lease: Lease, now: datetime.datetime | None) -> datetime.datetime:
    """Lock the event; returns the moment, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM platform_outbox WHERE id = %s FOR UPDATE", (lease.message_id,))
        cursor.execute("SELECT coalesce(%s::timestamptz, statement_timestamp())", (now,))
        moment: datetime.datetime = cursor.fetchone()[0]
    return moment


def _is_held(lease: Lease, *, now: datetime.datetime, expired: bool) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lease_until <= %s FROM platform_outbox_delivery"
            " WHERE id = %s AND lease_token = %s AND status = 'sending' FOR UPDATE",
            (now, lease.id, lease.token),
        )
        row = cursor.fetchone()
    return row is not None and (bool(row[0]) or not expired)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    status: str
    attempts: int
    due: datetime.datetime | None = None
    failing_since: datetime.datetime | None = None


def _verdict(lease: Lease, *, error: Exception | None, now: datetime.datetime) -> _Verdict:
    """What the call's end means for the delivery, and for its neighbour's breaker."""
    attempts = lease.attempts + 1
    name = {"handler": lease.handler, "neighbour": lease.neighbour}
    if error is not None and is_outage(error):
        outage = circuit_breaker.note_down(**name, error=error, now=now)
        since = min(lease.failing_since or now, outage.since)
        if now - since < PATIENCE:
            due = max(now, outage.retry_at or now)
            return _Verdict(status=Status.FAILED, attempts=lease.attempts, due=due, failing_since=since)
        return replace(_failure(attempts, now=now), failing_since=since)
    if not isinstance(error, LeaseExpired):
        circuit_breaker.note_up(**name)
    if isinstance(error, Deferred):
        return _put_off(lease, error, now=now)
    if error is None:
        return _Verdict(status=Status.SENT, attempts=attempts)
    if isinstance(error, PermanentError):
        return _Verdict(status=Status.DEAD, attempts=attempts)
    return _failure(attempts, now=now)


def _put_off(lease: Lease, error: Deferred, *, now: datetime.datetime) -> _Verdict:
    since = lease.failing_since or now
    if now - since >= PATIENCE:
        return replace(_failure(lease.attempts + 1, now=now), failing_since=since)
    delay = delay_in_outage(
        lasting=now - since,
        base=settings.WORKER_BACKOFF_SECONDS,
        luck=random.random(),  # noqa: S311
    )
    due = now + datetime.timedelta(
        seconds=max(delay, min(error.retry_after or 0.0, circuit_breaker.LONGEST_WISH_SECONDS))
    )
    return _Verdict(status=Status.FAILED, attempts=lease.attempts, due=due, failing_since=since)


def _failure(attempts: int, *, now: datetime.datetime) -> _Verdict:
    if attempts >= settings.WORKER_MAX_ATTEMPTS:
        return _Verdict(status=Status.DEAD, attempts=attempts)
    delay = delay_before(
        attempt=attempts + 1,
        base=settings.WORKER_BACKOFF_SECONDS,
        multiplier=settings.OUTBOX_BACKOFF_MULTIPLIER,
        luck=random.random(),  # noqa: S311
    )
    return _Verdict(status=Status.FAILED, attempts=attempts, due=now + datetime.timedelta(seconds=delay))


def _mark(lease: Lease, verdict: _Verdict, *, error: Exception | None, now: datetime.datetime) -> str | None:
    """Write the verdict down and let the next of the line move up; returns the event's state if this settles it."""
    dead = verdict.status == Status.DEAD
    handler = handler_named(lease.handler)
    halts = dead and handler is not None and handler.on_death == "halt"
    finished_at = now if verdict.due is None else None
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            (verdict.status, verdict.attempts, verdict.due, finished_at, verdict.failing_since, halts, lease.id),
        )
        cursor.execute(
            _SETTLE,
            {
                "attempts": verdict.attempts,
                "now": now,
                "error": brief(error) if error else None,
                "group": fingerprint_of(error) if error else None,
                "message": lease.message_id,
            },
        )
        row = cursor.fetchone()
    if error is not None:
        attempt_row(
            message_id=lease.message_id,
            handler=lease.handler,
            number=lease.attempts + 1,
            dead=dead,
            worker=lease.worker,
            error=error,
            at=now,
        ).save()
    if verdict.due is None:
        queues.move_up([(lease.handler, lease.ordering_key)])
    return row[0] if row else None
