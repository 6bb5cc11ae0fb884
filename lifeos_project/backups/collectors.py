"""Age and result of backups, read from the record at each scrape."""

import time
from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from lifeos_project.backups import runs
from lifeos_project.monitoring.gauges import Gauge

SUCCEEDED_AT = Gauge(
    "lifeos_backup_last_success_timestamp_seconds", "Moment that the last good backup holds; 0: there is none."
)
AGE = Gauge("lifeos_backup_age_seconds", "Seconds since that moment.")
SIZE = Gauge("lifeos_backup_last_size_bytes", "Size of the last good backup.")
RESULT = Gauge("lifeos_backup_last_result", "1 when the last backup that ended was good, else 0.")

GAUGES = (SUCCEEDED_AT, AGE, SIZE, RESULT)

log = structlog.stdlib.get_logger("lifeos.metrics")


class BackupCollector(Collector):
    """0 as the time of the last good backup means never, so that an alert on its age fires then too."""

    def collect(self) -> Iterator[Metric]:
        try:
            good, failed = runs.last_good(), runs.last_failed()
        except DatabaseError as error:
            log.warning("backup metrics unavailable", kind=type(error).__name__)
            return
        succeeded_at = good.started_at.timestamp() if good else 0.0
        yield SUCCEEDED_AT.at(succeeded_at)
        yield AGE.at(time.time() - succeeded_at)
        yield SIZE.at((good.size or 0) if good else 0)
        yield RESULT.at(good is not None and not failed)

    def describe(self) -> Iterator[Metric]:
        return (gauge.family() for gauge in GAUGES)
