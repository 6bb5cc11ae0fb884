"""How far behind the outbox is, cheap enough to ask at every scrape."""

from dataclasses import dataclass

from platform_outbox import emit

LATE_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """Events not yet done (10,001 means more than 10,000), the age of the oldest due one in seconds, dead letters."""

    pending: int
    oldest_seconds: float
    dead: int


def current() -> OutboxState:
    state = emit.health()
    return OutboxState(pending=state.pending, oldest_seconds=state.oldest_pending_seconds, dead=state.dead)
