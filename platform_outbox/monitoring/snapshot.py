"""Figures about the whole outbox that have to be looked up in the database, taken every few seconds by one process.

A worker takes them as a periodic job and leaves them in a row; every page of metrics reads that row. When no worker
lives, the row grows stale, and the first reader takes the figures: the depth of the queue matters most then.
Every count stops at COUNT_CAP + 1, every other look-up is a probe of an index, so it costs the same at ten million rows.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import OperationalError, transaction
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from platform_outbox.emit import COUNT_CAP, SHARDS, open_events
from platform_outbox.events import known_events
from platform_outbox.monitoring.history import OUTCOMES
from platform_outbox.monitoring.metrics import COUNTERS, PROCESSED, Metric
from platform_outbox.processing.results import first_line_of
from platform_outbox.registry import all_handlers
from platform_outbox.sql import QUERIES, fetch, rows_of, without_sorting
from platform_outbox.timing import ALIVE_SECONDS

EVERY_SECONDS = 5.0
STALE_SECONDS = 15.0  # older figures are not shown without an attempt to take new ones
LONGEST_MILLISECONDS = 2_000  # a reader of the page of metrics waits no longer
HEADS = 100  # oldest open events of each shard, among which the oldest of each type is found

logger = logging.getLogger("platform_outbox.monitoring.snapshot")

_FIGURES = {
    name.removeprefix("sample_"): QUERIES[name]
    .replace("{open}", open_events("event_type"))
    .replace("{most}", str(COUNT_CAP + 1))
    .replace("{shards}", str(SHARDS))
    .replace("{heads}", str(HEADS))
    .replace("{alive}", str(ALIVE_SECONDS))
    for name in (
        *("sample_pending", "sample_oldest", "sample_dead", "sample_without_partition", "sample_calls"),
        *("sample_held", "sample_tallies", "sample_suspects", "sample_breakers", "sample_pauses"),
        *("sample_jobs", "sample_workers", "sample_snapshot", "sample_dead_tuples"),
    )
}
_TAKE = QUERIES["take_sample"].replace(
    "{figures}", ", ".join(f"'{name}', ({query})" for name, query in _FIGURES.items())
)
# Any number that no other advisory lock uses.
_LOCK = 7_310_581_000_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of one moment; `age` in seconds. Counts of COUNT_CAP + 1 mean more than COUNT_CAP."""

    age: float
    figures: dict[str, Any]


def take() -> None:
    """Look everything up and leave it for all to read."""
    with transaction.atomic(), without_sorting():
        rows_of(_TAKE)


def current() -> Sample | None:
    """The newest figures; taken now, within two seconds, when no worker has done so lately. None before the first."""
    sample = _read()
    if sample is not None and sample.age < STALE_SECONDS:
        return sample
    try:
        with transaction.atomic():
            # Another process may be at it: one is enough.
            if rows_of("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))[0][0]:
                rows_of("SELECT set_config('statement_timeout', %s, true)", (str(LONGEST_MILLISECONDS),))
                take()
    except OperationalError as error:
        logger.warning("The outbox's figures could not be taken: %s", first_line_of(error))
    return _read()


def _read() -> Sample | None:
    rows = fetch("read_sample")
    return Sample(age=max(0.0, rows[0][0]), figures=json.loads(rows[0][1])) if rows else None


# By the name of the figure.
GAUGES = {
    "pending": Metric(
        "pending_messages",
        "Events that wait for a worker, for a retry or for their time, counted up to 10,001 in all.",
        ("topic",),
    ),
    "oldest": Metric("oldest_pending_seconds", "Age of the oldest of them that is due. Alert on this.", ("topic",)),
    "dead": Metric("dead_messages", "Events given up that nobody has dealt with, counted up to 10,001."),
    "calls": Metric(
        "calls_waiting", "Calls of io handlers that are due or wait for a retry, up to 10,001.", ("handler",)
    ),
    "held": Metric("held_aggregates", "Ordering keys (books) whose younger events wait for a failed one."),
    "suspects": Metric("suspects", "Events that were in hand when a worker died, and now run alone."),
    "breakers": Metric("breakers_open", "Destinations of a handler that are not called for now.", ("handler",)),
    "pauses": Metric("paused", "1 for each handler and shard that an operator has paused.", ("kind", "target")),
    "workers": Metric("workers_alive", "Worker processes that gave a sign of life in the last 30 seconds."),
    "job_failures": Metric(
        "job_failures", "Failures in a row of a periodic job; 0 when its last run went well.", ("job",)
    ),
    "job_done": Metric(
        "job_last_success_timestamp_seconds", "When a periodic job went well for the last time, since 1970.", ("job",)
    ),
    "snapshot": Metric(
        "oldest_snapshot_seconds",
        "Age of the oldest open transaction; while it lasts, no dead row can be removed. Sees other roles' sessions only "
        "with the right pg_read_all_stats.",
    ),
    "dead_tuples": Metric("dead_tuples", "Rows of the outbox's tables that wait for vacuum."),
    "without_partition": Metric(
        "messages_without_partition",
        "Events in the partition of the rest, up to 1,001; above 0 for long, look at the jobs.",
    ),
    "age": Metric("sample_age_seconds", "Age of these figures. Above 15: the database was too busy to take new ones."),
}


_Family = TypeVar("_Family", CounterMetricFamily, GaugeMetricFamily)


class OutboxCollector(Collector):
    """Tells what the newest sample says. Raises DatabaseError when there is no database to ask."""

    def collect(self) -> Iterator[Family]:
        sample = current()
        if sample is None:
            return
        figures, topics = sample.figures, {event.name: 0 for event in known_events()}
        figures |= {
            # A topic without a backlog has one of 0: plain queries and alerts need something to answer them.
            "pending": {**topics, **figures["pending"]},
            "oldest": {**topics, **figures["oldest"]},
            "job_failures": {name: failures for name, (failures, _) in figures["jobs"].items()},
            "job_done": {name: done for name, (_, done) in figures["jobs"].items() if done is not None},
            "age": sample.age,
        }
        for name, gauge in GAUGES.items():
            figure = figures[name]
            if isinstance(figure, dict):
                yield _family(GaugeMetricFamily, gauge, {(label,): value for label, value in figure.items()})
            elif isinstance(figure, list):
                yield _family(GaugeMetricFamily, gauge, {tuple(labels): 1 for labels in figure})
            else:
                yield _family(GaugeMetricFamily, gauge, {(): figure})
        # From 0 on, so that the first event of a handler shows as an increase.
        sums = {(PROCESSED.name, handler.name, outcome): 0 for handler in all_handlers() for outcome in OUTCOMES}
        # A sample that a worker of an earlier release has taken has none.
        sums.update(((name, first, second), count) for name, first, second, count in figures.get("tallies", []))
        for metric in COUNTERS:
            width = len(metric.labels)
            counts = {key[1 : 1 + width]: count for key, count in sums.items() if key[0] == metric.name}
            yield _family(CounterMetricFamily, metric, counts)

    def describe(self) -> Iterator[Family]:
        yield from (_family(GaugeMetricFamily, gauge, {}) for gauge in GAUGES.values())
        yield from (_family(CounterMetricFamily, counter, {}) for counter in COUNTERS)


def _family(kind: type[_Family], metric: Metric, values: Mapping[tuple[str, ...], float]) -> _Family:
    family = kind(f"platform_outbox_{metric.name}", metric.meaning, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
