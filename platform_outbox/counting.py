"""What a turn adds to the metrics and to the figures per minute."""

from typing import TypeAlias

from platform_outbox.batch import Batch
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

# What came of it, seconds from the change to the commit of its effect, seconds in the handler.
Run: TypeAlias = tuple[Outcome, float, float]


def count(batch: Batch, *, seconds: float) -> None:
    """After the commit, so that nothing is counted that was rolled back."""
    if not batch.work:
        return
    BATCH_SIZE.observe(len(batch.work))
    alike: dict[tuple[str, str, str], list[Run]] = {}
    for work in batch.work:
        latency = (batch.now - work.row.created_at).total_seconds() + seconds
        for name, outcome in work.outcomes.items():
            if outcome.fresh and not outcome.io:
                runs = alike.setdefault((name or "none", work.row.event_type, str(outcome.status)), [])
                runs.append((outcome, latency, work.seconds.get(name, 0.0)))
            elif not outcome.fresh and outcome.status == Status.SENT:
                DUPLICATES_SUPPRESSED.labels(name).inc()
        if work.state == Status.SENT:
            END_TO_END.observe(latency)
    for (name, event_type, status), runs in alike.items():
        _count_runs(name, status, runs)
        minutes.note(
            handler=name,
            event_type=event_type,
            outcome=status,
            at=batch.now,
            latencies=[latency for _, latency, _ in runs],
            seconds=sum(spent for _, _, spent in runs),
        )


def _count_runs(name: str, status: str, runs: list[Run]) -> None:
    """Runs of one handler that ended alike: looking up a labelled metric costs more than adding to it."""
    PROCESSED.labels(name, status).inc(len(runs))
    observe = HANDLER_SECONDS.labels(name).observe
    for outcome, _, spent in runs:
        observe(spent)
        if outcome.attempts > 1:
            RETRIES.labels(name).inc()
        if outcome.error is not None:
            FAILURES.labels(name, type(outcome.error).__name__).inc()
