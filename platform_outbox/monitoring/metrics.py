"""What workers count, under the names and meanings of docs/metrics.md.

Some of it each process counts for itself, begins with 0, and tells on a port of its own. The rest are rows, which are
added to in the transaction of what they count: a worker that is killed loses none. What is read from the database, such
as the length of the queue, is in snapshot.py.
"""

import collections
import hmac
import ipaddress
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from prometheus_client import Counter, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from platform_outbox.sql import rows_of

logger = logging.getLogger("platform_outbox.worker")

WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_STEPS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

HANDLER_SECONDS = Histogram(
    "platform_outbox_handler_seconds",
    "Time in a handler per event; a batch's time is shared out.",
    ["handler"],
    buckets=_STEPS,
)
END_TO_END = Histogram(
    "platform_outbox_end_to_end_seconds", "From the commit of a change to the commit of its last effect.", buckets=WAITS
)
CLAIM_SECONDS = Histogram("platform_outbox_claim_seconds", "Time to claim a batch of events.", buckets=_STEPS)
BATCH_SIZE = Histogram(
    "platform_outbox_batch_size", "Events claimed in one transaction.", buckets=(1, 2, 5, 10, 25, 50, 100, 500)
)
WAKEUPS = Counter("platform_outbox_wakeups", "What woke a worker: bell, poll, timer or broker.", ["source"])
JOB_SECONDS = Histogram("platform_outbox_job_seconds", "Time of a run of a periodic job.", ["job"])
LEASES_LOST = Counter(
    "platform_outbox_lease_lost", "Calls that ended after their lease was lost; not recorded.", ["handler"]
)
CALL_SECONDS = Histogram(
    "platform_outbox_call_seconds",
    "Length of calls of io handlers.",
    ["handler"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
TIMEOUTS = Counter("platform_outbox_timeouts", "Calls cut off after WORKER_TIME_LIMIT, by handler.", ["handler"])
REPLACEMENTS = Counter("platform_outbox_worker_replacements", "Workers that ended to be replaced.", ["reason"])


class Metric(NamedTuple):
    """A counter of rows: name without prefix, meaning, and label names."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


PROCESSED = Metric("processed", "Runs of handlers, by outcome: sent, failed or dead.", ("handler", "outcome"))
RETRIES = Metric("retries", "Runs of handlers that were not the first for their event.", ("handler",))
FAILURES = Metric("failures", "Runs of handlers that failed, by class of the error.", ("handler", "error"))
DUPLICATES_SUPPRESSED = Metric(
    "duplicates_suppressed",
    "Runs left out when an event came back, because the handler had handled it already.",
    ("handler",),
)
CRASH_SUSPECTS = Metric("crash_suspects", "Events that were in the hands of a worker when it died, counted each time.")
LEASES_EXPIRED = Metric("lease_expired", "Leases whose worker fell silent.", ("handler",))
BREAKER_CHANGES = Metric("breaker_changes", "Breakers opened and closed.", ("handler", "state"))
JOB_RUNS = Metric("job_runs", "Runs of periodic jobs, by outcome: done or failed.", ("job", "outcome"))

COUNTERS = (
    PROCESSED, RETRIES, FAILURES, DUPLICATES_SUPPRESSED, CRASH_SUSPECTS, LEASES_EXPIRED, BREAKER_CHANGES, JOB_RUNS,
)  # fmt: skip

LONGEST_LABEL = 120  # a label's value is a column; names of errors have no limit of their own


class Tally(NamedTuple):
    """One counter: its metric, and the values of the metric's labels."""

    metric: str
    first: str = ""
    second: str = ""


@lru_cache(maxsize=4096)
def tally(metric: Metric, first: str = "", second: str = "") -> Tally:
    return Tally(metric.name, first[:LONGEST_LABEL], second[:LONGEST_LABEL])


def adding(counts: Mapping[Tally, int], *, shard: int) -> tuple[str, tuple[object, ...]]:
    """The statement that adds these, and its parameters, for a caller that sends it together with others.

    Each shard has rows of its own. Only one worker has a shard at a time, so workers do not wait for each other here.
    """
    # In one order, so that transactions never wait for each other in a circle.
    rows = [(shard, *each, counts[each]) for each in sorted(counts)]
    return _insert(len(rows)), tuple(value for row in rows for value in row)


@cache
def _insert(rows: int) -> str:
    """Rows one by one: in every batch there are one or two, and taking arrays apart costs the server more than those."""
    return f"""
        INSERT INTO platform_outbox_tally AS t (shard, metric, first, second, count)
        VALUES {", ".join(["(%s, %s, %s, %s, %s)"] * rows)}
        ON CONFLICT (shard, metric, first, second) DO UPDATE SET count = t.count + EXCLUDED.count
    """


def add(*counted: Tally, shard: int = 0, times: int = 1) -> None:
    """Count these, in the caller's transaction."""
    if times:
        counts = {each: count * times for each, count in collections.Counter(counted).items()}
        rows_of(*adding(counts, shard=shard))


PORTS = 10  # workers of one machine share the setting; each takes the next free port
_registry_page = make_wsgi_app()


class _Request(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *args: Any) -> None:
        """A line per scrape would bury the log."""


def _page(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """GET /metrics, for callers with METRICS_TOKEN or, when there is none, from private addresses."""
    if settings.METRICS_TOKEN:
        given = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode("utf-8", "replace"), settings.METRICS_TOKEN.encode())
    else:
        address = ipaddress.ip_address(environ["REMOTE_ADDR"].partition("%")[0])
        allowed = (getattr(address, "ipv4_mapped", None) or address).is_private
    found = environ["PATH_INFO"] == "/metrics"
    if found and allowed:
        page: Iterable[bytes] = _registry_page(environ, start_response)
        return page
    start_response("403 Forbidden" if found else "404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"Metrics are for the monitoring only.\n" if found else b"Only /metrics is here.\n"]


def serve(bind: str) -> WSGIServer | None:
    """Tell on `host:port`, or on the first free one of the nine ports after it, what this process counts.

    None, with a line in the log, when there is none: handling events matters more than telling of it.
    """
    host, _, port = bind.rpartition(":")
    for offset in range(PORTS):
        try:
            server = make_server(
                host.strip("[]") or "127.0.0.1", int(port) + offset, _page, ThreadingWSGIServer, _Request
            )
            break
        except OSError as error:
            problem = error
    else:
        logger.warning("No metrics on %s or the %d ports after it: %s", bind, PORTS - 1, problem)
        return None
    logger.info("Metrics on port %d.", server.server_port)
    threading.Thread(target=server.serve_forever, name="outbox-metrics", daemon=True).start()
    return server
