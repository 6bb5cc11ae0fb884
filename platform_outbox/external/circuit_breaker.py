"""Breakers: while a destination is down, what is meant for it waits instead of failing one by one (docs/outbox.md)."""

import datetime
from dataclasses import dataclass

from platform_outbox import sql
from platform_outbox.models import Breaker
from platform_outbox.monitoring import metrics
from platform_outbox.processing.results import brief
from platform_outbox.retry import probe_delays


@dataclass(frozen=True, slots=True)
class Outage:
    """An open breaker: since when, and when a probe goes out (None: when an operator resets it)."""

    since: datetime.datetime
    retry_at: datetime.datetime | None


def note_down(*, handler: str, destination: str, error: Exception, now: datetime.datetime) -> Outage:
    """Open the breaker, or keep it open for longer if a probe failed."""
    values = {"handler": handler, "destination": destination, "now": now, "error": brief(error)}
    ((since, retry_at),) = sql.fetch("open_breaker", {**values, "delays": probe_delays(error)})
    metrics.add(metrics.tally(metrics.BREAKER_CHANGES, handler, Breaker.State.OPEN))
    return Outage(since, retry_at)


def note_up(*, handler: str, destination: str) -> None:
    """Close a half-open breaker: the destination has answered."""
    if sql.change("close_breaker", (handler, destination)):
        metrics.add(metrics.tally(metrics.BREAKER_CHANGES, handler, Breaker.State.CLOSED))


def begin_probe(*, handler: str, destination: str, seconds: float, now: datetime.datetime | None) -> bool:
    """Half open the breaker for one call that ends within `seconds`; False if it is not time or somebody else has."""
    values = {"handler": handler, "destination": destination, "seconds": seconds, "now": now}
    return bool(sql.change("begin_probe", values))
