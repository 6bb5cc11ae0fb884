"""What the alerts ask about the installation as a whole, read at the scrape."""

from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from finance import replica
from finance.ledger import chain
from finance.models import LedgerCheck
from lifeos_project import version
from lifeos_project.monitoring.gauges import Gauge
from lifeos_project.security import secret_age

REPLICATES = ("ok", "behind")

log = structlog.stdlib.get_logger("lifeos.metrics")

CHECK_AGE = Gauge("lifeos_ledger_check_age_seconds", "Time since all books were last verified; never: since 1970.")
BROKEN = Gauge("lifeos_ledger_broken_promises", "Broken promises that the last verification of all books found.")
CHECKED = Gauge("lifeos_ledger_checked_entries", "Entries that the last verification of all books read.")
OVERDUE = Gauge(
    "lifeos_ledger_overdue_entries",
    "Entries that the last verification of all books found without a seal after an hour.",
)
UNSEALED = Gauge(
    "lifeos_ledger_unsealed_seconds",
    "How long the oldest of the newest 1,000 entries has waited for its seal; 0: none waits.",
)
SEALED = Gauge("lifeos_ledger_sealed_entries", "Sealed entries.")
SECRET_AGE = Gauge("lifeos_secret_age_seconds", "Time since a secret was first used.", ("secret",))
BUILD = Gauge("lifeos_build_info", "Always 1; the labels name the running version.", ("version", "release"))
REPLICA_UP = Gauge("lifeos_replica_up", "1 if reports can be read from the replica, else 0.")
REPLICA_BYTES = Gauge(
    "lifeos_replica_behind_bytes", "Bytes of the primary's log that the replica has not replayed yet."
)
REPLICA_SECONDS = Gauge(
    "lifeos_replica_behind_seconds", "How far the replica is behind in time; 0 if it has replayed everything."
)

GAUGES = (
    BUILD, CHECK_AGE, BROKEN, CHECKED, OVERDUE, UNSEALED, SEALED, SECRET_AGE, REPLICA_UP, REPLICA_BYTES,
    REPLICA_SECONDS,
)  # fmt: skip


class InstallationCollector(Collector):
    """The last verification of all books, their chains, the age of the secrets, and the replica."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        build = BUILD.family()
        build.add_metric([version.VERSION, version.release()], 1)
        yield build
        try:
            last = LedgerCheck.objects.filter(book=None).order_by("-checked_at").first()
            # The age of 1970, so that the alert on it fires for books that nobody ever proved.
            yield CHECK_AGE.at((now - last.checked_at).total_seconds() if last else now.timestamp())
            if last is not None:
                yield BROKEN.at(len(last.problems))
                yield CHECKED.at(last.entries)
                yield OVERDUE.at(sum(warning["count"] for warning in last.warnings))
            ages = SECRET_AGE.family()
            for name, since in secret_age.first_seen().items():
                ages.add_metric([name], (now - since).total_seconds())
            yield ages
            standing = replica.standing()
            if standing is not None:
                yield REPLICA_UP.at(standing.state in REPLICATES)
                yield REPLICA_BYTES.at(standing.behind_bytes)
                yield REPLICA_SECONDS.at(standing.behind_seconds)
            yield UNSEALED.at(chain.waiting_seconds())
            yield SEALED.at(chain.sealed(book=None))
        except DatabaseError as error:
            log.warning("installation metrics unavailable", kind=type(error).__name__)

    def describe(self) -> Iterator[Metric]:
        return (gauge.family() for gauge in GAUGES)
