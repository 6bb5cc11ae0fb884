"""Metrics under the names of the operations guide, right under several web processes."""

import hmac
import time
from collections.abc import Callable, Iterable

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.network import is_nearby
from lifeos_project.api import errors
from lifeos_project.backups.collectors import BackupCollector
from lifeos_project.monitoring import multiprocess
from lifeos_project.monitoring.installation import InstallationCollector
from platform_outbox.monitoring.snapshot import OutboxCollector

log = structlog.stdlib.get_logger("lifeos.metrics")

REQUESTS = Counter("http_requests", "Requests answered.", ["status", "method", "view"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer a request.", ["method", "view"])
# Anything else comes from the caller and would let him make series at will, django-prometheus's among them.
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestMetricsMiddleware:
    """Counts and times requests by view name: paths would make a series for every book and entry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        known = request.method in KNOWN_METHODS
        response = self.get_response(request) if known else errors.method_not_allowed(request, allow=KNOWN_METHODS)
        method = str(request.method) if known else "other"
        match = request.resolver_match
        view = (match.view_name or "unnamed") if match else "none"
        REQUESTS.labels(str(response.status_code), method, view).inc()
        DURATION.labels(method, view).observe(time.perf_counter() - started)
        return response


class CautiousCollector(Collector):
    """Leaves out what another collector cannot tell without a database: the rest of the page matters most then."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self.collector.collect())
        except DatabaseError as error:
            log.warning("outbox metrics unavailable", kind=type(error).__name__)
            return []


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All processes' metrics, for callers with METRICS_TOKEN or, when there is none, from nearby addresses."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        may_read = hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    else:
        may_read = is_nearby(request)
    if not may_read:
        return HttpResponse("Metrics are for the monitoring only.\n", status=403, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(CautiousCollector(OutboxCollector()))
    registry.register(BackupCollector())
    registry.register(InstallationCollector())
    with multiprocess.consistent():
        counted = REGISTRY
        if multiprocess.directory() is not None:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        page = generate_latest(registry) + generate_latest(counted)
    return HttpResponse(page, content_type=CONTENT_TYPE_LATEST)
