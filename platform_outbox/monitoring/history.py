"""What a batch adds to the metrics of its process, and what each handler did minute by minute, for charts.

Minutes are noted in memory and added up in the database at each heartbeat of a worker: a killed one takes up to ten
seconds of them with it. What must be right is counted in rows, in the batch's transaction (metrics.py).
"""

import bisect
import datetime
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from platform_outbox.models import Status
from platform_outbox.monitoring import metrics
from platform_outbox.processing.handlers import Batch
from platform_outbox.sql import QUERIES, rows_of

# Upper bounds of the latency buckets in seconds; a last bucket holds what took longer.
BOUNDS = metrics.WAITS
OUTCOMES = ("sent", "failed", "dead")
_Key: TypeAlias = tuple[datetime.datetime, str, str]
_BUCKETS = ", ".join(f"coalesce(sum(latencies[{place}]), 0)" for place in range(1, len(BOUNDS) + 2))


class Minutes:
    """The figures of this process that have not been written yet. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # (minute, handler, event type) → an outcome, "seconds" or the place of a latency bucket → sum.
        self._noted: dict[_Key, dict[str | int, float]] = defaultdict(_sums)

    @property
    def waiting(self) -> bool:
        return bool(self._noted)

    def note(
        self,
        *,
        handler: str,
        event_type: str,
        outcome: str,
        at: datetime.datetime,
        latencies: Sequence[float] = (0.0,),
        seconds: float = 0.0,
    ) -> None:
        """Count runs of a handler that ended alike. `outcome` is sent, failed or dead; call it after the commit.

        `latencies` has for each run the seconds from the change to the commit of its effect, `seconds` is the time
        that all of them spent in the handler.
        """
        with self._lock:
            sums = self._noted[at.replace(second=0, microsecond=0), handler, event_type]
            sums[outcome] += len(latencies)
            sums["seconds"] += seconds
            for latency in latencies if outcome == "sent" else ():
                sums[bisect.bisect_left(BOUNDS, latency)] += 1

    def flush(self, execute: Callable[[str, Any], object]) -> None:
        """Add what was noted to the table, in one statement; what cannot be written is kept for the next time."""
        with self._lock:
            taken, self._noted = self._noted, defaultdict(_sums)
        if not taken:
            return
        rows = [
            {
                "minute": minute.isoformat(),
                "handler": handler,
                "event_type": event_type,
                **{outcome: int(sums[outcome]) for outcome in OUTCOMES},
                "seconds": sums["seconds"],
                "latencies": [int(sums[place]) for place in range(len(BOUNDS) + 1)],
            }
            for (minute, handler, event_type), sums in taken.items()
        ]
        try:
            execute(QUERIES["add_minutes"], (json.dumps(rows),))
        except BaseException:
            with self._lock:
                for key, sums in taken.items():
                    for name, value in sums.items():
                        self._noted[key][name] += value
            raise


def _sums() -> dict[str | int, float]:
    return defaultdict(float)


minutes = Minutes()


def count(batch: Batch, *, seconds: float) -> None:
    """After the commit, so that nothing is counted that was rolled back."""
    if not batch.work:
        return
    metrics.BATCH_SIZE.observe(len(batch.work))
    # (handler, event type, outcome) → seconds from the change to the commit of its effect, and in the handler.
    alike: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for work in batch.work:
        latency = (batch.now - work.row.created_at).total_seconds() + seconds
        for name, outcome in work.outcomes.items():
            if outcome.fresh and not outcome.io:
                key = (name or "none", work.row.event_type, str(outcome.status))
                alike[key].append((latency, work.seconds.get(name, 0.0)))
        if work.state == Status.SENT:
            metrics.END_TO_END.observe(latency)
    for (name, event_type, status), runs in alike.items():
        # Looking up a labelled metric costs more than adding to it.
        observe = metrics.HANDLER_SECONDS.labels(name).observe
        latencies, spent = zip(*runs, strict=True)
        for each in spent:
            observe(each)
        minutes.note(
            handler=name, event_type=event_type, outcome=status, at=batch.now, latencies=latencies, seconds=sum(spent)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened from `at` on, for one step of a chart; without figures, nothing."""

    at: datetime.datetime
    sent: int = 0
    failed: int = 0
    dead: int = 0
    seconds: float = 0.0
    latencies: Sequence[int] = (0,) * (len(BOUNDS) + 1)

    def quantile(self, share: float) -> float | None:
        """The latency in seconds that this share of the sent ones kept under; None where nothing was sent.

        Exact to its bucket, like Prometheus's: the place inside is interpolated.
        """
        wanted, seen, lower = share * sum(self.latencies), 0, 0.0
        if not wanted:
            return None
        for number, upper in zip(self.latencies, BOUNDS, strict=False):
            if seen + number >= wanted:
                return lower + (upper - lower) * (wanted - seen) / number
            seen, lower = seen + number, upper
        return lower


def history(
    *, since: datetime.datetime, until: datetime.datetime, step_seconds: int = 60, handler: str = ""
) -> list[Stretch]:
    """The steps between the moments in which anything happened, of one handler or of all, oldest first."""
    values = {"since": since, "until": until, "step": step_seconds, "handler": handler}
    return [Stretch(*row) for row in rows_of(QUERIES["history"].replace("{buckets}", _BUCKETS), values)]


def by_handler(*, since: datetime.datetime, until: datetime.datetime) -> dict[str, Stretch]:
    statement = QUERIES["history_by_handler"].replace("{buckets}", _BUCKETS)
    return {name: Stretch(since, *row) for name, *row in rows_of(statement, (since, until))}
