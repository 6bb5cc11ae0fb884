"""docs/metrics.md, written from what the code counts."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from finance import replica
from lifeos_project.backups.collectors import BackupCollector
from lifeos_project.monitoring import metrics as requests
from lifeos_project.monitoring.installation import InstallationCollector
from platform_outbox.monitoring import metrics as workers
from platform_outbox.monitoring import snapshot

HEAD = """# Metrics

Web processes serve them to Prometheus at `/metrics`: to private addresses, or to anybody with `METRICS_TOKEN` as a bearer
token. The figures of all web processes of a machine are added up. What each worker measures is included if web and worker share a directory
(`PROMETHEUS_MULTIPROC_DIR`, as under `make run`); other workers answer on their own port, `WORKER_METRICS_BIND`.

The outbox's gauges and counters are about the whole installation. Counters are updated in the transaction
that they count, so a killed worker loses none and counts nothing twice. One worker looks the figures up every five
seconds, no request waits for that; when no worker is alive, the web process looks them up itself, within two seconds.
Every web process reports the same, so use `max(…)` over them, with `sum by (instance) (…)` inside it to add up topics:

| question | query |
|---|---|
| How many events wait? | `max(sum by (instance) (platform_outbox_pending_messages))` |
| Of which type? | `max by (topic) (platform_outbox_pending_messages)` |
| For how long? (alert on this) | `max(platform_outbox_oldest_pending_seconds)` |
| How many events per second? | `max by (handler, outcome) (rate(platform_outbox_processed_total[5m]))` |
| How long until the effect (99 of 100)? | `histogram_quantile(0.99, sum by (le) (rate(platform_outbox_end_to_end_seconds_bucket[5m])))` |
| Do wake-ups fail? | a growing share of `poll` in `sum by (source) (rate(platform_outbox_wakeups_total[1h]))` |
| Why do the tables grow? | `platform_outbox_oldest_snapshot_seconds` and `platform_outbox_dead_tuples` |

The `django_*` and `process_*` metrics of the libraries are there too.

This page is written by `manage.py metrics_docs`; a test compares the two.
"""


class Row(NamedTuple):
    """One metric as it is called in queries."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def page() -> str:
    """The whole page."""
    return "".join(
        [
            HEAD,
            _table("Requests", _counted(requests)),
            _table("The outbox as a whole", _gauges(snapshot.OutboxCollector().describe())),
            _table("What each worker measures", _counted(workers)),
            _table("The installation", _gauges(InstallationCollector().describe())),
            _table("Backups", _gauges(BackupCollector().describe())),
            _table("Reports", _counted(replica)),
        ]
    )


def _gauges(families: Iterable[Metric]) -> Iterator[Row]:
    for family in families:
        labels: tuple[str, ...] = tuple(getattr(family, "_labelnames", ()))
        yield Row(_name_of(family), family.type, labels, family.documentation)


def _name_of(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _counted(module: ModuleType) -> list[Row]:
    rows = []
    for metric in vars(module).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        (family,) = metric.describe()
        rows.append(Row(_name_of(family), family.type, tuple(metric._labelnames), family.documentation))
    return sorted(rows)


def _table(title: str, rows: Iterable[Row]) -> str:
    lines = [f"\n## {title}\n\n| name | type | labels | meaning |\n|---|---|---|---|\n"]
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.labels) or "—"
        lines.append(f"| `{row.name}` | {row.kind} | {labels} | {row.meaning.replace('|', '/')} |\n")
    return "".join(lines)
