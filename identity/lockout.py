"""Lock-out after repeated failures, the same everywhere: web form, admin, tokens.

django-axes counts; this module says what is counted, where the limits are, and what the refused see.
"""

import datetime
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext

from core.network import counted_address
from identity import audit
from identity.models import User, check_email, normalize_email

NOT_AN_ADDRESS = "(not an e-mail address)"


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes is untyped
    """Three limits in one number: failures of one account from one place, of one account, and from one place.

    axes knows a single limit. The two wider counts are scaled to it, so that the strictest decides.
    """

    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        limit = settings.AXES_FAILURE_LIMIT
        wider = limit / settings.LOGIN_FAILURE_LIMIT_WIDE
        username, address = _counted(request, credentials)
        recent = _recent_attempts(now=timezone.now())
        return max(
            _failures(recent.filter(username=username, ip_address=address)),
            math.floor(_failures(recent.filter(username=username)) * wider) if username != NOT_AN_ADDRESS else 0,
            math.floor(_failures(recent.filter(ip_address=address)) * wider) if address else 0,
        )


def counted_username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The spelling under which failures of an account are counted.

    Text that is no address is not kept: people type passwords into the wrong field.
    """
    given: Mapping[str, Any] = credentials if credentials else request.POST
    raw = given.get("username") or given.get("email") or ""
    try:
        return check_email(str(raw))
    except ValidationError:
        return NOT_AN_ADDRESS


def seconds_until_unlocked(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
    """How long the lock that refuses this request still lasts; at least one second."""
    username, address = _counted(request, credentials)
    recent = _recent_attempts(now=timezone.now())
    rows = recent.filter(username=username) | recent.filter(ip_address=address)
    last: datetime.datetime | None = rows.aggregate(last=Max("attempt_time"))["last"]
    cool_off: datetime.timedelta = settings.AXES_COOLOFF_TIME
    if last is None:
        return math.ceil(cool_off.total_seconds())
    return max(1, math.ceil((last + cool_off - timezone.now()).total_seconds()))


def lockout_message(*, seconds: int) -> str:
    """The sentence for a person who is locked out for that many seconds."""
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "There were too many failed attempts. Please try again in %(minutes)d minute.",
        "There were too many failed attempts. Please try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}


def lockout_response(
    request: HttpRequest, _original: HttpResponse | None, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """429 with Retry-After, as a page or in the API's error shape."""
    seconds = seconds_until_unlocked(request, credentials)
    message = lockout_message(seconds=seconds)
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = JsonResponse({"code": "locked_out", "detail": message, "fields": {}}, status=429)
    else:
        response = render(request, "identity/locked_out.html", {"message": message}, status=429)
    response["Retry-After"] = str(seconds)
    return response


def locked_accounts() -> set[str]:
    """Addresses of accounts that are locked out now, from some network at least."""
    recent = _recent_attempts(now=timezone.now()).exclude(username=NOT_AN_ADDRESS)
    sums = recent.values("username", "ip_address").annotate(total=Sum("failures_since_start"))
    anywhere: Counter[str] = Counter()
    locked = set()
    for row in sums:
        anywhere[row["username"]] += row["total"]
        if row["total"] >= settings.AXES_FAILURE_LIMIT:
            locked.add(row["username"])
    return locked | {name for name, total in anywhere.items() if total >= settings.LOGIN_FAILURE_LIMIT_WIDE}


def unlock(*, actor: User | None, email: str | None = None, address: str | None = None) -> int:
    """Forget the failures of an account or of an address, and return how many rows that were."""
    username = normalize_email(email) if email else None
    count = int(reset(username=username, ip=address))
    audit.record(
        action=audit.Action.UNLOCKED,
        actor=actor,
        target=username or address or "",
        facts={"attempts_forgotten": count},
    )
    return count


def _counted(request: HttpRequest, credentials: Mapping[str, Any] | None) -> tuple[str, str | None]:
    return counted_username(request, credentials), counted_address(request)


def _recent_attempts(*, now: datetime.datetime) -> QuerySet[Any]:
    attempts: QuerySet[Any] = AccessAttempt.objects.filter(attempt_time__gte=now - settings.AXES_COOLOFF_TIME)
    return attempts


def _failures(attempts: QuerySet[Any]) -> int:
    return int(attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0)
