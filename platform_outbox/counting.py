"""What a turn adds to the metrics and to the figures per minute."""

import datetime

from platform_outbox.batch import Batch, Work
from platform_outbox.marks import Outcome
from platform_outbox.metrics import (
    BATCH_SIZE,
    DUPLICATES_SUPPRESSED,
    END_TO_END,
    FAILURES,
    HANDLER_SECONDS,
    PROCESSED,
    RETRIES,
)
from platform_outbox.models import Status
from platform_outbox.statistics import minutes


def count(batch: Batch, *, seconds: float) -> None:
    """After the commit, so that nothing is counted that was rolled back."""
    if not batch.work:
        return
    BATCH_SIZE.observe(len(batch.work))
    for work in batch.work:
        latency = (work.row.now - work.row.created_at).total_seconds() + seconds
        for name, outcome in work.outcomes.items():
            if outcome.fresh and outcome.io:
                continue
            if outcome.fresh:
                _count_run(work, name or "none", outcome, latency=latency, at=batch.now)
            elif outcome.status == Status.SENT:
                DUPLICATES_SUPPRESSED.labels(name).inc()
        if work.state == Status.SENT:
            END_TO_END.observe(latency)


def _count_run(work: Work, name: str, outcome: Outcome, *, latency: float, at: datetime.datetime) -> None:
    spent = work.seconds.get(name, 0.0)
    PROCESSED.labels(name, str(outcome.status)).inc()
    HANDLER_SECONDS.labels(name).observe(spent)
    if outcome.attempts > 1:
        RETRIES.labels(name).inc()
    if outcome.error is not None:
        FAILURES.labels(name, type(outcome.error).__name__).inc()
    minutes.note(
        handler=name,
        event_type=work.row.event_type,
        outcome=str(outcome.status),
        at=at,
        latency=latency,
        seconds=spent,
    )
