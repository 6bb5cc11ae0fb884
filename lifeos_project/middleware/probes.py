"""Health and metrics, answered before anything that looks at names, sessions or languages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import resolve

PATHS = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


class MachinePagesMiddleware:
    """Load balancers, orchestrators and Prometheus ask by address, under a Host that no ALLOWED_HOSTS can list.

    These answers contain no link, so the name under which they were asked for does no harm.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in PATHS:
            return self.get_response(request)
        # The request's metrics and log line name the view by it.
        request.resolver_match = match = resolve(request.path_info)
        answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return answer
