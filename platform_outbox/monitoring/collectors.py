"""The outbox's gauges and counters, from the newest sample."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from platform_outbox.events import known_events
from platform_outbox.monitoring import snapshot, tallies
from platform_outbox.monitoring.history import OUTCOMES
from platform_outbox.monitoring.snapshot import Sample
from platform_outbox.registry import all_handlers


class Gauge(NamedTuple):
    """Name without its prefix, meaning, and label names."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


PENDING = Gauge(
    "pending_messages",
    "Events that wait for a worker, for a retry or for their time, counted up to 10,001 in all.",
    ("topic",),
)
OLDEST = Gauge("oldest_pending_seconds", "Age of the oldest of them that is due. Alert on this.", ("topic",))
DEAD = Gauge("dead_messages", "Events given up that nobody has dealt with, counted up to 10,001.")
CALLS = Gauge("calls_waiting", "Calls of io handlers that are due or wait for a retry, up to 10,001.", ("handler",))
HELD = Gauge("held_aggregates", "Ordering keys (books) whose younger events wait for a failed one.")
SUSPECTS = Gauge("suspects", "Events that were in hand when a worker died, and now run alone.")
OPEN_BREAKERS = Gauge("breakers_open", "Destinations of a handler that are not called for now.", ("handler",))
PAUSED = Gauge("paused", "1 for each handler and shard that an operator has paused.", ("kind", "target"))
WORKERS = Gauge("workers_alive", "Worker processes that gave a sign of life in the last 30 seconds.")
JOB_FAILURES = Gauge("job_failures", "Failures in a row of a periodic job; 0 when its last run went well.", ("job",))
JOB_DONE = Gauge(
    "job_last_success_timestamp_seconds", "When a periodic job went well for the last time, since 1970.", ("job",)
)
SNAPSHOT = Gauge(
    "oldest_snapshot_seconds",
    "Age of the oldest open transaction; while it lasts, no dead row can be removed. Sees other roles' sessions only "
    "with the right pg_read_all_stats.",
)
DEAD_TUPLES = Gauge("dead_tuples", "Rows of the outbox's tables that wait for vacuum.")
REST = Gauge(
    "messages_without_partition",
    "Events in the partition of the rest, up to 1,001; above 0 for long, look at the jobs.",
)
AGE = Gauge("sample_age_seconds", "Age of these figures. Above 15: the database was too busy to take new ones.")

GAUGES = (
    PENDING, OLDEST, DEAD, CALLS, HELD, SUSPECTS, OPEN_BREAKERS, PAUSED, WORKERS, JOB_FAILURES, JOB_DONE, SNAPSHOT,
    DEAD_TUPLES, REST, AGE,
)  # fmt: skip


class OutboxCollector(Collector):
    """Tells what the newest sample says. Raises DatabaseError when there is no database to ask."""

    def collect(self) -> Iterator[Metric]:
        sample = snapshot.current()
        if sample is not None:
            yield from _families(sample)

    def describe(self) -> Iterator[Metric]:
        yield from (_family(gauge) for gauge in GAUGES)
        yield from (_counter(metric) for metric in tallies.METRICS)


def _families(sample: Sample) -> Iterator[Metric]:
    figures = sample.figures
    # A topic without a backlog has one of 0: plain queries and alerts need something to answer them.
    topics = {event.name: 0 for event in known_events()}
    for gauge, values in ((PENDING, figures["pending"]), (OLDEST, figures["oldest"])):
        yield _family(gauge, {(name,): value for name, value in {**topics, **values}.items()})
    yield _family(CALLS, {(name,): value for name, value in figures["calls"].items()})
    yield _family(OPEN_BREAKERS, {(name,): value for name, value in figures["breakers"].items()})
    yield _family(PAUSED, {tuple(pause): 1 for pause in figures["pauses"]})
    yield _family(JOB_FAILURES, {(name,): failures for name, (failures, _) in figures["jobs"].items()})
    yield _family(JOB_DONE, {(name,): done for name, (_, done) in figures["jobs"].items() if done is not None})
    for gauge, name in (
        (DEAD, "dead"),
        (HELD, "held"),
        (SUSPECTS, "suspects"),
        (WORKERS, "workers"),
        (SNAPSHOT, "snapshot"),
        (DEAD_TUPLES, "dead_tuples"),
        (REST, "without_partition"),
    ):
        yield _family(gauge, {(): figures[name]})
    yield _family(AGE, {(): sample.age})
    # Of a sample that a worker of an earlier release has taken, there are none.
    yield from _counters(figures.get("tallies", []))


def _counters(sums: list[tuple[str, str, str, int]]) -> Iterator[Metric]:
    found: dict[str, dict[tuple[str, ...], float]] = {metric.name: {} for metric in tallies.METRICS}
    # From 0 on, so that the first event of a handler shows as an increase.
    found[tallies.PROCESSED.name] = {(handler.name, outcome): 0 for handler in all_handlers() for outcome in OUTCOMES}
    for name, *labels, count in sums:
        if name in found:
            found[name][tuple(labels)] = count
    for metric in tallies.METRICS:
        yield _counter(metric, {labels[: len(metric.labels)]: count for labels, count in found[metric.name].items()})


def _counter(metric: tallies.Metric, values: dict[tuple[str, ...], float] | None = None) -> CounterMetricFamily:
    family = CounterMetricFamily(f"platform_outbox_{metric.name}", metric.meaning, labels=metric.labels)
    for labels, value in (values or {}).items():
        family.add_metric(labels, value)
    return family


def _family(gauge: Gauge, values: dict[tuple[str, ...], float] | None = None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"platform_outbox_{gauge.name}", gauge.meaning, labels=gauge.labels)
    for labels, value in (values or {}).items():
        family.add_metric(labels, value)
    return family
