"""Reading the claimed events, and deciding which handlers are to run for each."""

from platform_outbox.events import UPGRADE_PATIENCE, EnvelopeError, NotYetKnown, event_from
from platform_outbox.models import Status
from platform_outbox.processing import claim
from platform_outbox.processing.batch import Batch, Work
from platform_outbox.processing.claim import Claimed
from platform_outbox.processing.results import Outcome
from platform_outbox.registry import handlers_of


def open_all(batch: Batch, rows: list[Claimed]) -> None:
    """Put the rows into the batch, with what is known of their deliveries."""
    deliveries = claim.deliveries_of([row.id for row in rows if row.seen_before])
    for row in rows:
        work = Work(row=row)
        batch.work.append(work)
        for there in deliveries.get(row.id, []):
            work.outcomes[there.handler] = Outcome(
                status=there.status,
                attempts=there.attempts,
                retry_at=there.available_at if there.status == Status.FAILED else None,
                recorded=True,
                failing_since=there.failing_since,
                io=there.io,
            )
        _open(batch, work)


def _open(batch: Batch, work: Work) -> None:
    row = work.row
    try:
        work.event = event_from(name=row.event_type, version=row.event_version, payload=row.payload)
    except EnvelopeError as error:
        if isinstance(error, NotYetKnown) and batch.now < row.created_at + UPGRADE_PATIENCE:
            _leave_to_newer_release(batch, work)
        else:
            _give_up(batch, work, error)
        return
    handlers = handlers_of(row.event_type)
    if not work.outcomes:
        # The first time, which is the rule. An event that nobody listens to is through.
        work.todo, work.touched = list(handlers), not handlers
        return
    due = {
        name
        for name, outcome in work.outcomes.items()
        if outcome.is_open and (outcome.retry_at is None or outcome.retry_at <= batch.now)
    }
    work.todo = [handler for handler in handlers if handler.name in due or handler.name not in work.outcomes]
    work.missing = sorted(due - {handler.name for handler in handlers})
    # One that an operator requeued although nothing is left to do is through as well.
    work.touched = not work.todo and not work.missing


def _leave_to_newer_release(batch: Batch, work: Work) -> None:
    """Leave the event as it is, and have everything younger of its key wait behind it."""
    work.foreign = True
    batch.held.setdefault((work.row.ordering_key, ""), (work.row.id, batch.now))
    if batch.newer is not None:
        batch.newer.note(shard=batch.shard, key=work.row.ordering_key, event_type=work.row.event_type, id=work.row.id)
        batch.released = True


def _give_up(batch: Batch, work: Work, error: EnvelopeError) -> None:
    attempts = work.row.attempts + 1
    work.outcomes[""] = Outcome(status=Status.DEAD, attempts=attempts, error=error, fresh=True)
    work.touched = True
    for handler in handlers_of(work.row.event_type):
        if handler.on_death == "halt" and not handler.io:
            work.outcomes[handler.name] = Outcome(status=Status.DEAD, attempts=attempts, fresh=True, halts=True)
            batch.halt(work.row, handler.name)
