"""Health answers for load balancers, orchestrators and people."""

import time
import uuid
from collections.abc import Callable
from functools import cache as once
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.network import is_nearby
from finance import replica
from lifeos_project import version
from lifeos_project.connections import broker
from platform_outbox import emit

# Without these no page can be served. Whatever else is away, people can read and post.
ESSENTIAL = frozenset({"database", "migrations"})
# What a part says of itself while nothing has to be done about it.
WELL = frozenset({"ok", "behind"})
# An event that is due and has waited for longer is late.
LATE_SECONDS = 300
NO_WORKER = "No worker runs: events, mails and webhooks wait until one is started."

log = structlog.stdlib.get_logger("lifeos.health")
Check = Callable[[], dict[str, Any]]


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 while this process answers at all; a failure means: restart it."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served (database there, migrations applied); otherwise 503: send none."""
    return _answer(request, {"database": _database, "migrations": _migrations})


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Everything an installation depends on, with figures and version for callers nearby.

    503 and `error` when no page can be served; 200 and `degraded` when pages are served, but a part does not work:
    neither a worker nor Redis that is away is a reason to take the web out of a load balancer.
    """
    return _answer(
        request,
        {
            "database": _database,
            "migrations": _migrations,
            "cache": _cache,
            "broker": _broker,
            "outbox": _outbox,
            "workers": _workers,
            **({"replica": _replica} if settings.DATABASE_REPLICA_URL else {}),
        },
    )


def services() -> dict[str, dict[str, Any]]:
    """What `health` says of database, migrations, cache and broker; none of them raises."""
    return _outcomes({"database": _database, "migrations": _migrations, "cache": _cache, "broker": _broker})


def _outcomes(checks: dict[str, Check]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        started = time.perf_counter()
        try:
            facts = check()
        except Exception as error:
            # The message may hold host names and users; others than operators read the answer, not the log.
            log.error("health check failed", check=name, error=str(error), kind=type(error).__name__)
            parts[name] = {"status": "error", "error": type(error).__name__}
        else:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            parts[name] = {"status": "ok", **facts, "milliseconds": milliseconds}
    return parts


def _answer(request: HttpRequest, checks: dict[str, Check]) -> JsonResponse:
    parts = _outcomes(checks)
    if any(part["status"] == "error" for name, part in parts.items() if name in ESSENTIAL):
        status = "error"
    else:
        status = "ok" if all(part["status"] in WELL for part in parts.values()) else "degraded"
    code = 503 if status == "error" else 200
    if not is_nearby(request):
        # Versions and queues are for operators, not for the public.
        return JsonResponse(
            {"status": status, **{name: {"status": part["status"]} for name, part in parts.items()}}, status=code
        )
    return JsonResponse({"status": status, "version": version.described(), **parts}, status=code)


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (major,) = cursor.fetchone()
    return {"postgresql": major}


def _replica() -> dict[str, Any]:
    # Without it the primary answers; that is no reason to take the web away.
    standing = replica.standing()
    if standing is None:
        return {}
    return {"status": standing.state, "behind_bytes": standing.behind_bytes, "behind_seconds": standing.behind_seconds}


def _migrations() -> dict[str, Any]:
    pending = _migrations_on_disk() - MigrationRecorder(connection).applied_migrations().keys()
    return {"status": "error" if pending else "ok", "pending": len(pending)}


@once
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    """What this process's code needs; read once, because the code does not change under a running process."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _cache() -> dict[str, Any]:
    # Redis itself, and not what takes its place while it is away.
    cache = getattr(caches["default"], "redis", caches["default"])
    # A key of its own each time: two processes that ask at once must not read each other's value.
    key = f"health:{uuid.uuid4().hex}"
    cache.set(key, "beat", timeout=10)
    kept = cache.get(key) == "beat"
    cache.delete(key)
    return {"status": "ok" if kept else "error", "kind": "redis" if settings.REDIS_URL else "memory"}


def _broker() -> dict[str, Any]:
    broker.ping()
    return {"kind": broker.kind()}


def _outbox() -> dict[str, Any]:
    state = emit.health()
    late = state.oldest_pending_seconds > LATE_SECONDS
    return {
        "status": "late" if late else "ok",
        "pending": state.pending,
        "oldest_seconds": round(state.oldest_pending_seconds, 1),
        "dead": state.dead,
    }


def _workers() -> dict[str, Any]:
    alive = emit.workers_alive()
    return {"status": "ok", "alive": alive} if alive else {"status": "none", "alive": 0, "says": NO_WORKER}
