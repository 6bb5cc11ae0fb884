"""For everybody's tests: handle what was emitted, in this process and at once."""

import contextlib
import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, transaction

from platform_outbox import sql
from platform_outbox.emit import SHARDS
from platform_outbox.external import leases, pool
from platform_outbox.processing.process import process_batch
from platform_outbox.wakeup.notifier import notifier


def drain(*, now: datetime.datetime | None = None, raise_errors: bool = True) -> int:
    """Run the handlers of everything due, also of what they emit, and return the number of events handled.

    Calls of `io` handlers are made as well, one after the other and in this thread.

    Works inside a test's transaction. The first error of a handler is raised again after the drain, unless
    `raise_errors` is false; its event then waits for its retry. `now` replaces the database's clock, so that retries
    and scheduled events can be reached.
    """
    handled, errors = 0, list[Exception]()
    while True:
        before = handled
        for (shard,) in sql.fetch("shards_with_due_events", (now, SHARDS)):
            result = process_batch(shard=shard, now=now, worker="test")
            handled += result.handled
            errors += result.errors
        called = _call_due(now, errors)
        if handled == before and not called:
            break  # what is left waits for an older event of its key
    if errors and raise_errors:
        raise errors[0]
    return handled


def _call_due(now: datetime.datetime | None, errors: list[Exception]) -> int:
    """Make the calls of `io` handlers that are due, here and in this transaction; returns how many."""
    leases.expire(now=now)
    count = 0
    for handler, queue in pool.due_queues(leases.look(now=now)):
        lease = leases.claim(handler=handler, queue=queue, worker="test", now=now)
        if lease is None:
            continue
        # As in a worker what the handler wrote stays, unless the database refused a statement of it.
        error: Exception | None = None
        with contextlib.suppress(DatabaseError), transaction.atomic():
            error = pool.call(lease, still_mine=lambda: True)
            if isinstance(error, DatabaseError):
                raise error
        leases.finish(lease, error=error, now=now)
        errors += [error] if error else []
        count += 1
    return count


@contextmanager
def muted_notifier() -> Iterator[None]:
    """Keep the notifier's thread and its connection out of the way: they outlive a test and its database."""
    notifier.muted = True
    try:
        yield
    finally:
        notifier.muted = False
