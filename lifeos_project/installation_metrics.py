"""What the alerts ask about the installation as a whole, read at the scrape."""

import datetime
from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from finance import replica
from finance.ledger import chain
from finance.models import LedgerCheck
from lifeos_project import secret_age

REPLICATES = ("ok", "behind")

log = structlog.stdlib.get_logger("lifeos.metrics")


class InstallationCollector:
    """The last proof of all books, and how old the secrets are."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        try:
            yield from _ledger(now)
            yield from _secrets(now)
            yield from _replica()
            yield from _chain()
        except DatabaseError as error:
            log.warning("installation metrics unavailable", kind=type(error).__name__)


def _ledger(now: datetime.datetime) -> Iterator[Metric]:
    last = LedgerCheck.objects.filter(book=None).order_by("-checked_at").first()
    if last is None:
        # Age without a check: since 1970, so that the alert on it fires for books that nobody ever proved.
        yield _gauge("ledger_check_age_seconds", "Since all books were proved the last time.", now.timestamp())
        return
    yield _gauge(
        "ledger_check_age_seconds",
        "Since all books were proved the last time.",
        (now - last.checked_at).total_seconds(),
    )
    yield _gauge("ledger_broken_promises", "Promises the last proof of all books found broken.", len(last.problems))
    yield _gauge("ledger_checked_entries", "Entries the last proof of all books read.", last.entries)


def _chain() -> Iterator[Metric]:
    yield _gauge(
        "ledger_unsealed_seconds",
        "For how long the oldest of the newest 1,000 entries has waited for its seal; 0: none waits.",
        chain.waiting_seconds(),
    )
    yield _gauge("ledger_sealed_entries", "Entries that are sealed.", chain.sealed(book=None))


def _secrets(now: datetime.datetime) -> Iterator[Metric]:
    ages = GaugeMetricFamily("lifeos_secret_age_seconds", "Since a secret was first in use.", labels=["secret"])
    for name, since in secret_age.first_seen().items():
        ages.add_metric([name], (now - since).total_seconds())
    yield ages


def _replica() -> Iterator[Metric]:
    standing = replica.standing()
    if standing is None:
        return
    yield _gauge(
        "replica_up", "Whether there is a replica that reports can be read from.", standing.state in REPLICATES
    )
    yield _gauge("replica_behind_bytes", "Of the primary's log, not yet replayed.", standing.behind_bytes)
    yield _gauge("replica_behind_seconds", "Age of what was replayed last; 0 when all is.", standing.behind_seconds)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lifeos_{name}", meaning, value=value)
