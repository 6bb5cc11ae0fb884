"""What a turn adds to the counters, to the metrics of its process and to the figures per minute."""

from collections import Counter
from typing import TypeAlias

from platform_outbox.models import Status
from platform_outbox.monitoring.history import minutes
from platform_outbox.monitoring.metrics import BATCH_SIZE, END_TO_END, HANDLER_SECONDS
from platform_outbox.monitoring.tallies import DUPLICATES_SUPPRESSED, FAILURES, PROCESSED, RETRIES, Tally, tally
from platform_outbox.processing.handlers import Batch
from platform_outbox.processing.results import Outcome

# What came of it, seconds from the change to the commit of its effect, seconds in the handler.
Run: TypeAlias = tuple[Outcome, float, float]


def counters(batch: Batch) -> Counter[Tally]:
    """What the turn has to add to the counters, in its own transaction."""
    found: Counter[Tally] = Counter()
    for work in batch.work:
        for handler, outcome in work.outcomes.items():
            name = handler or "none"
            if outcome.fresh and not outcome.io:
                found[tally(PROCESSED, name, str(outcome.status))] += 1
                if outcome.attempts > 1:
                    found[tally(RETRIES, name)] += 1
                if outcome.error is not None:
                    found[tally(FAILURES, name, type(outcome.error).__name__)] += 1
            elif not outcome.fresh and outcome.status == Status.SENT:
                found[tally(DUPLICATES_SUPPRESSED, name)] += 1
    return found


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
        if work.state == Status.SENT:
            END_TO_END.observe(latency)
    for (name, event_type, status), runs in alike.items():
        # Looking up a labelled metric costs more than adding to it.
        observe = HANDLER_SECONDS.labels(name).observe
        for _, _, spent in runs:
            observe(spent)
        minutes.note(
            handler=name,
            event_type=event_type,
            outcome=status,
            at=batch.now,
            latencies=[latency for _, latency, _ in runs],
            seconds=sum(spent for _, _, spent in runs),
        )
