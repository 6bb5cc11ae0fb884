"""Logs: one JSON object a line in production, coloured lines in development; every line knows its request."""

import logging
import math
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from structlog.typing import EventDict, Processor

from platform_outbox.events import current_trace, traced

REQUEST_ID_HEADER = "X-Request-ID"
# Taken over from a proxy only when it cannot break a log line or a header.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Asked every few seconds by load balancers and Prometheus; a line each would bury the rest.
QUIET_PATHS = ("/health", "/metrics", "/static/")

log = structlog.stdlib.get_logger("lifeos.request")


def shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _name_request,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _name_request(logger: Any, method: str, line: EventDict) -> EventDict:
    """What a worker does for an event is found under the request that the event came from."""
    trace = current_trace()
    if trace:
        line.setdefault("request_id", trace)
    return line


def logging_settings(*, json: bool, web_level: str, worker_level: str) -> dict[str, Any]:
    """A `logging.config.dictConfig` for standard and structlog loggers alike; `json` selects the form."""
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if json
        # Python's own tracebacks: those of the library rich show the value of every variable, and take a fifth of a second.
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lifeos": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared_processors(),
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
            }
        },
        "filters": {"statsd": {"()": StatsdComplaints}, "tokens": {"()": WithoutTokens}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lifeos"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            "gunicorn.error": {"level": web_level, "handlers": [], "propagate": True, "filters": ["statsd"]},
            # The request line below tells more.
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
            "lifeos": {"level": web_level},
            "platform_outbox": {"level": worker_level},
            "dramatiq": {"level": worker_level},
            # Every 4xx as a warning; the request line below already says it.
            "django.request": {"level": "ERROR", "filters": ["tokens"]},
        },
    }


def secret_in(request: HttpRequest) -> str:
    """The secret in the address of a request: links of mails and calendars carry one in a part named `token`."""
    match = getattr(request, "resolver_match", None)
    return str(match.kwargs.get("token", "")) if match else ""


class WithoutTokens(logging.Filter):
    """Leaves the secrets of addresses out of what Django says about a failed request."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        token = secret_in(request) if request is not None else ""
        if token and isinstance(record.args, tuple):
            del record.__dict__["request"]  # it would be written with its address
            record.args = tuple(
                str(each).replace(token, "…") if isinstance(each, str) else each for each in record.args
            )
        return True


class StatsdComplaints(logging.Filter):
    """gunicorn complains of a StatsD server that is away with a traceback at each request; a line a minute will do."""

    SECONDS = 60
    _told_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if "statsd" not in str(record.msg):
            return True
        now = time.monotonic()
        if now - self._told_at < self.SECONDS:
            return False
        self._told_at = now
        record.exc_info = None
        return True


def configure_structlog() -> None:
    """Send structlog's lines through the standard library, so that one configuration rules both."""
    structlog.configure(
        processors=[*shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class RequestLogMiddleware:
    """Gives every request an id, binds it to all log lines of the request, and writes one line at its end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.headers.get(REQUEST_ID_HEADER, "")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        with traced(request_id):
            response = self.get_response(request)
        response[REQUEST_ID_HEADER] = request_id
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        if request.path.startswith(QUIET_PATHS) and response.status_code < 500:
            return response
        user = getattr(request, "user", None)
        # Path without the query: it may hold a search for a payee or a one-time token.
        token = secret_in(request)
        log.log(
            logging.ERROR if response.status_code >= 500 else logging.INFO,
            "request",
            method=request.method,
            path=request.path.replace(token, "…") if token else request.path,
            status=response.status_code,
            milliseconds=milliseconds,
            user=user.pk if user is not None and user.is_authenticated else None,
        )
        return response
