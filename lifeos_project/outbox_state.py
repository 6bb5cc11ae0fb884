"""How far behind the outbox is, cheap enough to ask at every scrape."""

from dataclasses import dataclass

from django.db import connection

# More than this is "very many" for every reader; counting on would make a backlog dearer the worse it gets.
COUNTED_AT_MOST = 10_001
LATE_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """Events not yet done (at most COUNTED_AT_MOST), the age of the oldest in seconds, and dead letters."""

    pending: int
    oldest_seconds: float
    dead: int


def current() -> OutboxState:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM (SELECT 1 FROM platform_outbox
                    WHERE status IN ('pending', 'sending', 'failed') LIMIT %(most)s) AS open_rows),
                   (SELECT extract(epoch FROM now() - min(created_at)) FROM platform_outbox
                    WHERE status IN ('pending', 'sending', 'failed')),
                   (SELECT count(*) FROM (SELECT 1 FROM platform_outbox WHERE status = 'dead' LIMIT %(most)s) AS dead_rows)
            """,
            {"most": COUNTED_AT_MOST},
        )
        pending, oldest, dead = cursor.fetchone()
    return OutboxState(pending=pending, oldest_seconds=max(float(oldest or 0), 0.0), dead=dead)
