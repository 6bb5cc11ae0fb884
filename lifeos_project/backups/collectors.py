"""Age and result of backups, read from the record at each scrape."""

import time
from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from prometheus_client.core import GaugeMetricFamily, Metric

from lifeos_project.backups import runs

log = structlog.stdlib.get_logger("lifeos.metrics")


class BackupCollector:
    """0 as the time of the last good backup means never, so that an alert on its age fires then too."""

    def collect(self) -> Iterator[Metric]:
        try:
            good, failed = runs.last_good(), runs.last_failed()
        except DatabaseError as error:
            log.warning("backup metrics unavailable", kind=type(error).__name__)
            return
        succeeded_at = good.started_at.timestamp() if good else 0.0
        for name, meaning, value in (
            (
                "last_success_timestamp_seconds",
                "Moment that the last good backup holds; 0: there is none.",
                succeeded_at,
            ),
            ("age_seconds", "Seconds since that moment.", time.time() - succeeded_at),
            ("last_size_bytes", "Size of the last good backup.", (good.size or 0) if good else 0),
            ("last_result", "1 when the last backup that ended was good, else 0.", good is not None and not failed),
        ):
            yield GaugeMetricFamily(f"lifeos_backup_{name}", meaning, value=float(value))
