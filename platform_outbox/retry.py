"""Every decision to try again: after which wait, at whose cost, and when to give up."""

import datetime
import random
from dataclasses import dataclass

from django.conf import settings

from platform_outbox import timing
from platform_outbox.models import Status
from platform_outbox.registry import Deferred, DestinationUnavailable, PermanentError, spares_attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a failed try leads to."""

    status: str  # FAILED or DEAD
    attempts: int  # charged so far
    retry_at: datetime.datetime | None = None  # None: given up
    failing_since: datetime.datetime | None = None  # every try since then cost nothing
    counted: bool = True  # this try is one of the attempts


def after_failure(
    error: Exception,
    *,
    attempts: int,
    failing_since: datetime.datetime | None,
    now: datetime.datetime,
    probe_at: datetime.datetime | None = None,
) -> Decision:
    """What a handler does with an event after this error; `attempts` and `failing_since` are the values before it.

    For a day an outage, or a destination that says "later", costs no attempt. `probe_at` is when the breaker lets a
    call through again, where there is one.
    """
    since = (failing_since or now) if spares_attempts(error) else None
    if since is not None and now - since < timing.OUTAGE_PATIENCE:
        # As long as it has lasted already, between WORKER_BACKOFF_SECONDS and five minutes.
        lasting = max(settings.WORKER_BACKOFF_SECONDS, (now - since).total_seconds())
        wait = _spread(min(timing.LONGEST_OUTAGE_RETRY, lasting))
        due = probe_at or now + datetime.timedelta(seconds=max(wait, wish_of(error)))
        return Decision(status=Status.FAILED, attempts=attempts, retry_at=due, failing_since=since, counted=False)
    attempts += 1
    if isinstance(error, PermanentError) or attempts >= settings.WORKER_MAX_ATTEMPTS:
        return Decision(status=Status.DEAD, attempts=attempts, failing_since=since)
    due = now + datetime.timedelta(seconds=delay_before(attempt=attempts + 1))
    return Decision(status=Status.FAILED, attempts=attempts, retry_at=due, failing_since=since)


def delay_before(*, attempt: int, shortest: float = 0.0) -> float:
    """Seconds to wait before attempt number `attempt` (2 for the first retry).

    Grows from WORKER_BACKOFF_SECONDS, or `shortest`, by OUTBOX_BACKOFF_MULTIPLIER, never above an hour.
    """
    base = max(shortest, settings.WORKER_BACKOFF_SECONDS)
    # The exponent is capped as well: an operator may allow hundreds of attempts, and floats end at 10^308.
    grown = base * settings.OUTBOX_BACKOFF_MULTIPLIER ** min(attempt - 2, 64)
    return _spread(min(timing.LONGEST_RETRY, grown))


def probe_delays(error: Exception) -> list[float]:
    """Seconds until an open breaker lets a probe through: after the first failure, after the next, and so on."""
    base, wish = max(timing.SHORTEST_PROBE, float(settings.WORKER_BACKOFF_SECONDS)), wish_of(error)
    return [max(wish, min(timing.LONGEST_PROBE, base * settings.OUTBOX_BACKOFF_MULTIPLIER**n)) for n in range(64)]


def wish_of(error: Exception) -> float:
    """The pause in seconds that the destination asked for; 0 if it did not."""
    asked = error.retry_after if isinstance(error, DestinationUnavailable | Deferred) else None
    return min(timing.LONGEST_WISH, max(0.0, float(asked or 0)))


def _spread(seconds: float) -> float:
    """Over the upper half, so that events which failed together do not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311
