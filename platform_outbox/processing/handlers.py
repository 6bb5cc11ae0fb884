"""Running the handlers of a batch, together or in parts, and judging what came of each."""

import datetime
import random
import time

from django.conf import settings
from django.db import connection, transaction

from platform_outbox.models import Status
from platform_outbox.processing.batch import Batch, Work
from platform_outbox.processing.results import Outcome
from platform_outbox.registry import Handler, PermanentError, handler_named, spares_attempts
from platform_outbox.retry import PATIENCE, delay_before, delay_in_outage
from platform_outbox.tracing import traced

# What comes of most calls.
_AT_FIRST = Outcome(status=Status.SENT, attempts=1, fresh=True)


class BrokenTransaction(Exception):
    """A handler swallowed a database error, so that nothing it wrote can be kept. It must let the error through."""


class MissingHandler(Exception):
    """A handler that failed before is no longer registered in this worker."""


def is_the_servers(error: Exception) -> bool:
    """Whether the database server is away or in trouble: no event is to blame, and none pays with an attempt."""
    if connection.connection is None or connection.connection.closed:
        return True
    # No room or memory left (53), an operator or a shutdown (57P), its files cannot be read or written (58).
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(("53", "57P", "58"))


def run_together(batch: Batch) -> None:
    """Everything at once; any error undoes everything."""
    _run_all(batch, batch.work)
    _insist_on_sound_transaction()


def run_in_halves(batch: Batch) -> None:
    """Look for what fails by halving: one bad event of fifty is found, and the others are done, in a dozen steps.

    Where one in eight fails, halving would take more steps than going one by one, as the rest then does.
    """
    waiting = _halves(batch.work)
    bad = 0
    while waiting and not batch.cut:
        part = waiting.pop()
        if len(part) == 1 or bad * 8 >= len(batch.work):
            bad += sum(_run_singly(batch, work) for work in part)
        elif not _run_part(batch, part):
            waiting += _halves(part)


def _halves(works: list[Work]) -> list[list[Work]]:
    """The later half first, as a stack has it."""
    middle = (len(works) + 1) // 2
    return [half for half in (works[middle:], works[:middle]) if half]


def _run_part(batch: Batch, works: list[Work]) -> bool:
    """These events together, under a savepoint; False and as before if any of their handlers fails."""
    before = [(dict(work.outcomes), work.touched, dict(work.seconds)) for work in works]
    released = batch.released
    try:
        with transaction.atomic():
            _run_all(batch, works)
            _insist_on_sound_transaction()
            _check_constraints()
    except Exception as error:
        if is_the_servers(error):
            raise
        batch.released = released
        for work, (outcomes, touched, seconds) in zip(works, before, strict=True):
            work.outcomes, work.touched, work.seconds = outcomes, touched, seconds
        return False
    return True


def _run_all(batch: Batch, works: list[Work]) -> None:
    in_batches: dict[str, list[tuple[Work, Handler]]] = {}
    # What is only put together for a batch handler takes no time in which something could have changed.
    since_asked = True
    for work in works:
        if since_asked and batch.must_end():
            break
        since_asked = False
        if work.missing:
            raise MissingHandler(work.missing)
        for handler in work.todo:
            if batch.holds_back(work.row, handler):
                continue
            if handler.io:
                _hand_over(work, handler)
            elif handler.batch:
                in_batches.setdefault(handler.name, []).append((work, handler))
            else:
                _call(batch, handler, [work])
                _succeed(batch, work, handler)
                since_asked = True
    for pairs in in_batches.values():
        pairs.sort(key=lambda pair: pair[0].row.id)
        _call(batch, pairs[0][1], [work for work, _ in pairs])
        for work, handler in pairs:
            _succeed(batch, work, handler)


def _run_singly(batch: Batch, work: Work) -> bool:
    """Each handler of the event under a savepoint of its own; an error is noted and the others go on. True if any was."""
    if batch.cut or batch.must_end():
        return False
    for name in work.missing:
        fail(batch, work, name, MissingHandler(f"No handler is called {name} in this worker any more."))
    tried = [_try(batch, work, handler) for handler in work.todo if not batch.holds_back(work.row, handler)]
    return bool(work.missing) or not all(tried)


def _try(batch: Batch, work: Work, handler: Handler) -> bool:
    try:
        with transaction.atomic():
            if handler.io:
                _hand_over(work, handler)
                return True
            _call(batch, handler, [work])
            _insist_on_sound_transaction()
            _check_constraints()
    except Exception as error:
        if is_the_servers(error):
            raise
        fail(batch, work, handler.name, error)
        return False
    _succeed(batch, work, handler)
    return True


def _check_constraints() -> None:
    """Deferred constraints must fail here, under the savepoint, not at the commit of the whole batch."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _call(batch: Batch, handler: Handler, works: list[Work]) -> None:
    """Run the handler; a batch handler's time is shared out evenly."""
    ids = [work.row.id for work in works]
    log = batch.logbook
    started = time.perf_counter()
    if log is not None:
        log.calling(shard=batch.shard, handler=handler.name, ids=ids)
    try:
        _run(handler, works)
    finally:
        if log is not None:
            log.returned()
        share = (time.perf_counter() - started) / len(works)
        for work in works:
            work.seconds[handler.name] = share


def _run(handler: Handler, works: list[Work]) -> None:
    traces = {work.row.trace for work in works}
    with traced(traces.pop() if len(traces) == 1 else ""):
        _run_traced(handler, works)


def _run_traced(handler: Handler, works: list[Work]) -> None:
    if handler.batch:
        handler.function([work.event for work in works], [work.context(handler) for work in works])
    else:
        handler.function(works[0].event, works[0].context(handler))


def _insist_on_sound_transaction() -> None:
    # Django would roll back without a word at the end of the block, and the event would count as handled.
    if connection.needs_rollback:
        raise BrokenTransaction("A handler swallowed a database error; it must let the error through.")


def _hand_over(work: Work, handler: Handler) -> None:
    """Leave the event to the couriers: they call outside of any transaction, see leases.py."""
    assert work.event is not None
    neighbour = handler.neighbour_of(work.event)
    work.outcomes[handler.name] = Outcome(
        status=Status.PENDING, attempts=0, fresh=True, io=True, neighbour=neighbour, ordered=handler.ordered
    )
    work.touched = True


def _succeed(batch: Batch, work: Work, handler: Handler) -> None:
    work.touched = True
    earlier = work.outcomes.get(handler.name)
    if earlier is None:
        work.outcomes[handler.name] = _AT_FIRST
        return
    if earlier.status == Status.FAILED:
        batch.released = True
    work.outcomes[handler.name] = Outcome(status=Status.SENT, attempts=earlier.attempts + 1, fresh=True, recorded=True)


def fail(batch: Batch, work: Work, handler: str, error: Exception) -> None:
    work.touched = True
    outcome = _of_outage(batch, work, handler, error) or _of_failure(batch, work, handler, error)
    work.outcomes[handler] = outcome
    hold = batch.held.get((work.row.ordering_key, handler))
    if outcome.halts:
        batch.held.pop((work.row.ordering_key, handler), None)
        batch.halt(work.row, handler)
    elif outcome.retry_at is None:
        batch.released = True
        batch.held.pop((work.row.ordering_key, handler), None)
    elif hold is None or hold[0] >= work.row.id:
        batch.held[work.row.ordering_key, handler] = (work.row.id, outcome.retry_at)


def _of_failure(batch: Batch, work: Work, handler: str, error: Exception) -> Outcome:
    attempts = work.attempts(handler) + 1
    if isinstance(error, PermanentError) or attempts >= settings.WORKER_MAX_ATTEMPTS:
        registered = handler_named(handler)
        halts = registered is not None and registered.on_death == "halt"
        return Outcome(status=Status.DEAD, attempts=attempts, error=error, fresh=True, halts=halts)
    delay = delay_before(
        attempt=attempts + 1,
        base=settings.WORKER_BACKOFF_SECONDS,
        multiplier=settings.OUTBOX_BACKOFF_MULTIPLIER,
        luck=random.random(),  # noqa: S311
    )
    earlier = work.outcomes.get(handler)
    return Outcome(
        status=Status.FAILED,
        attempts=attempts,
        error=error,
        retry_at=batch.now + datetime.timedelta(seconds=delay),
        fresh=True,
        failing_since=earlier.failing_since if earlier and spares_attempts(error) else None,
    )


def _of_outage(batch: Batch, work: Work, handler: str, error: Exception) -> Outcome | None:
    """A deadlock, or a neighbour that is down, costs no attempt; None if it is neither, or has lasted for too long."""
    if not spares_attempts(error):
        return None
    earlier = work.outcomes.get(handler)
    since = (earlier.failing_since if earlier else None) or batch.now
    if batch.now - since >= PATIENCE:
        return None
    delay = delay_in_outage(
        lasting=batch.now - since,
        base=settings.WORKER_BACKOFF_SECONDS,
        luck=random.random(),  # noqa: S311
    )
    return Outcome(
        status=Status.FAILED,
        attempts=work.attempts(handler),
        error=error,
        retry_at=batch.now + datetime.timedelta(seconds=delay),
        fresh=True,
        failing_since=since,
        counted=False,
    )
