"""Request metrics under the names of the operations guide, right under several web processes."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

REQUESTS = Counter("http_requests", "Requests answered.", ["status", "method", "view"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer a request.", ["method", "view"])
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestMetricsMiddleware:
    """Counts and times requests by view name: paths would make a series for every book and entry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in KNOWN_METHODS else "other"
        match = request.resolver_match
        view = (match.view_name or "unnamed") if match else "none"
        REQUESTS.labels(str(response.status_code), method, view).inc()
        DURATION.labels(method, view).observe(time.perf_counter() - started)
        return response
