"""Breakers: while a neighbour is down, what is meant for it waits instead of failing one by one.

The first sign of an outage opens the breaker of (handler, neighbour). When its time has come one delivery goes out as
a probe, with the breaker half open: if it gets through, everything else follows; if not, the next probe is later.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from platform_outbox.models import Breaker
from platform_outbox.monitoring import metrics as tallies
from platform_outbox.registry import DestinationUnavailable

# The longest wait between two probes: an outage's end is noticed within this time.
CAP_SECONDS = 900.0
# However eager the settings: a neighbour that is down is not asked more often.
LEAST_SECONDS = 0.1
# A neighbour may ask for a longer pause (429 with Retry-After), up to this.
LONGEST_WISH_SECONDS = 3600.0

_DOWN = """
    INSERT INTO platform_outbox_breaker AS b (handler, neighbour, state, failures, opened_at, retry_at, error)
    VALUES (%(handler)s, %(neighbour)s, 'open', 1, %(now)s, %(now)s + make_interval(secs => %(first)s), %(error)s)
    ON CONFLICT (handler, neighbour) DO UPDATE
    -- Calls that were under way together fail together; only the first of them, and then each probe, counts.
    SET state = 'open', error = EXCLUDED.error,
        failures = CASE b.state WHEN 'open' THEN b.failures ELSE b.failures + 1 END,
        opened_at = CASE b.state WHEN 'closed' THEN %(now)s ELSE b.opened_at END,
        retry_at = CASE b.state WHEN 'open' THEN b.retry_at ELSE %(now)s + make_interval(secs => greatest(
            %(wish)s, least(%(cap)s, %(base)s * power(%(multiplier)s, least(b.failures, 64))))) END
    RETURNING opened_at, retry_at, failures
"""
_UP = """
    UPDATE platform_outbox_breaker SET state = 'closed', failures = 0, opened_at = NULL, retry_at = NULL
    WHERE handler = %s AND neighbour = %s AND state = 'half_open'
"""
# A probe whose worker dies is over when its lease is.
_PROBE = """
    UPDATE platform_outbox_breaker
    SET state = 'half_open', retry_at = coalesce(%(now)s, statement_timestamp()) + make_interval(secs => %(seconds)s)
    WHERE handler = %(handler)s AND neighbour = %(neighbour)s AND state IN ('open', 'half_open')
      AND retry_at <= coalesce(%(now)s, statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Outage:
    """An open breaker: since when, and when a probe goes out (None: when an operator resets it)."""

    since: datetime.datetime
    retry_at: datetime.datetime | None


def note_down(*, handler: str, neighbour: str, error: Exception, now: datetime.datetime) -> Outage:
    """Open the breaker, or keep it open for longer if a probe failed."""
    wish = error.retry_after if isinstance(error, DestinationUnavailable) and error.retry_after else 0.0
    base = max(LEAST_SECONDS, float(settings.WORKER_BACKOFF_SECONDS))
    wish = min(LONGEST_WISH_SECONDS, max(0.0, wish))
    values: dict[str, Any] = {
        "handler": handler,
        "neighbour": neighbour,
        "now": now,
        "error": f"{type(error).__name__}: {error}".replace("\x00", "\\0")[:300],
        "wish": wish,
        "base": base,
        "first": max(wish, min(CAP_SECONDS, base)),
        "cap": CAP_SECONDS,
        "multiplier": float(settings.OUTBOX_BACKOFF_MULTIPLIER),
    }
    with connection.cursor() as cursor:
        cursor.execute(_DOWN, values)
        since, retry_at, _failures = cursor.fetchone()
    tallies.add(tallies.tally(tallies.BREAKER_CHANGES, handler, Breaker.State.OPEN))
    return Outage(since, retry_at)


def note_up(*, handler: str, neighbour: str) -> None:
    """Close a half-open breaker: the neighbour has answered."""
    with connection.cursor() as cursor:
        cursor.execute(_UP, (handler, neighbour))
        if cursor.rowcount:
            tallies.add(tallies.tally(tallies.BREAKER_CHANGES, handler, Breaker.State.CLOSED))


def begin_probe(*, handler: str, neighbour: str, seconds: float, now: datetime.datetime | None) -> bool:
    """Make the breaker half open for one call that ends within `seconds`; False if it is not time or somebody else has."""
    with connection.cursor() as cursor:
        cursor.execute(_PROBE, {"handler": handler, "neighbour": neighbour, "seconds": seconds, "now": now})
        return bool(cursor.rowcount)
