"""Counters that are rows: added to in the transaction of what they count, so a worker that is killed loses none.

Each shard has rows of its own. Whoever works at a shard has it to himself, so workers do not wait for each other here.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from platform_outbox.sql import rows_of


class Tally(NamedTuple):
    """One counter: its metric, and the values of the metric's labels."""

    metric: str
    first: str = ""
    second: str = ""


class Metric(NamedTuple):
    """Name without prefix, meaning, and label names."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


PROCESSED = Metric("processed", "Runs of handlers, by outcome: sent, failed or dead.", ("handler", "outcome"))
RETRIES = Metric("retries", "Runs of handlers that were not the first for their event.", ("handler",))
FAILURES = Metric("failures", "Runs of handlers that failed, by class of the error.", ("handler", "error"))
DUPLICATES_SUPPRESSED = Metric(
    "duplicates_suppressed",
    "Runs left out when an event came back, because the handler was through with it.",
    ("handler",),
)
CRASH_SUSPECTS = Metric("crash_suspects", "Events that were in the hands of a worker when it died, counted each time.")
LEASES_EXPIRED = Metric("lease_expired", "Leases whose worker fell silent.", ("handler",))
BREAKER_CHANGES = Metric("breaker_changes", "Breakers opened and closed.", ("handler", "state"))
JOB_RUNS = Metric("job_runs", "Runs of periodic jobs, by outcome: done or failed.", ("job", "outcome"))

METRICS = (
    PROCESSED, RETRIES, FAILURES, DUPLICATES_SUPPRESSED, CRASH_SUSPECTS, LEASES_EXPIRED, BREAKER_CHANGES, JOB_RUNS,
)  # fmt: skip

SUMS = """
    SELECT coalesce(jsonb_agg(jsonb_build_array(metric, first, second, sum)), '[]') FROM (
        SELECT metric, first, second, sum(count) FROM platform_outbox_tally GROUP BY metric, first, second) AS summed
"""
# A label's value is a column; names of errors have no limit of their own.
LONGEST = 120


def tally(metric: Metric, first: str = "", second: str = "") -> Tally:
    return Tally(metric.name, first[:LONGEST], second[:LONGEST])


def adding(counts: Mapping[Tally, int], *, shard: int) -> tuple[str, tuple[object, ...]]:
    """The statement that adds these, and its parameters; for whoever sends it together with others."""
    # In one order, so that transactions never wait for each other in a circle.
    rows = [(shard, *each, counts[each]) for each in sorted(counts)]
    return _statement(len(rows)), tuple(value for row in rows for value in row)


@cache
def _statement(rows: int) -> str:
    """Rows one by one: at every turn there are one or two, and taking arrays apart costs the server more than those."""
    return f"""
        INSERT INTO platform_outbox_tally AS t (shard, metric, first, second, count)
        VALUES {", ".join(["(%s, %s, %s, %s, %s)"] * rows)}
        ON CONFLICT (shard, metric, first, second) DO UPDATE SET count = t.count + EXCLUDED.count
    """


def add(*counted: Tally, shard: int = 0, times: int = 1) -> None:
    """Count these, in the caller's transaction."""
    if times:
        rows_of(*adding({each: count * times for each, count in Counter(counted).items()}, shard=shard))
