"""For everybody's tests: handle what was emitted, in this process and at once."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from platform_outbox import dispatch
from platform_outbox.bell import bell
from platform_outbox.outbox import SHARDS


def drain(*, now: datetime.datetime | None = None, raise_errors: bool = True) -> int:
    """Run the handlers of everything due, also of what they emit, and return the number of events handled.

    Works inside a test's transaction. The first error of a handler is raised again after the drain, unless
    `raise_errors` is false; its event then waits for its retry. `now` replaces the database's clock, so that retries
    and scheduled events can be reached.
    """
    handled, errors = 0, list[Exception]()
    while due := _due_shards(now):
        before = handled
        for shard in due:
            turn = dispatch.drain_once(shard=shard, now=now, worker="test")
            handled += turn.handled
            errors += turn.errors
        if handled == before:
            break  # what is left waits for an older event of its key
    if errors and raise_errors:
        raise errors[0]
    return handled


@contextmanager
def muted_bell() -> Iterator[None]:
    """Keep the bell's thread and its connection out of the way: they outlive a test and its database."""
    bell.muted = True
    try:
        yield
    finally:
        bell.muted = False


def _due_shards(now: datetime.datetime | None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT shard FROM platform_outbox WHERE status IN ('pending', 'failed')"
            " AND available_at <= coalesce(%s::timestamptz, statement_timestamp()) AND shard < %s ORDER BY shard",
            (now, SHARDS),
        )
        return [shard for (shard,) in cursor.fetchall()]
