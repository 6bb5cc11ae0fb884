"""Django's and axes' sign-in signals, written to the audit trail. Connected in apps.py."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.urls import reverse

from identity import audit
from identity.lockout import counted_username
from identity.models import User

Action = audit.Action


def connect() -> None:
    """Called once, when the apps are ready; after axes, whose receivers must have counted first."""
    user_logged_in.connect(on_signed_in, dispatch_uid="identity.audit")
    user_logged_out.connect(on_signed_out, dispatch_uid="identity.audit")
    user_login_failed.connect(on_failed, dispatch_uid="identity.audit")
    user_locked_out.connect(on_locked_out, dispatch_uid="identity.audit")


def on_signed_in(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    audit.record(action=Action.SIGNED_IN, actor=user, facts={"door": _door(request)})


def on_signed_out(request: HttpRequest, user: User | None, **_kwargs: Any) -> None:
    if user is not None:
        audit.record(action=Action.SIGNED_OUT, actor=user)


def on_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """A refusal during a lock-out is not written: it would let anybody fill the trail."""
    if request is None or getattr(request, "axes_locked_out", False):
        return
    audit.record(
        action=Action.SIGN_IN_FAILED,
        actor=None,
        target=counted_username(request, credentials),
        facts={"door": _door(request)},
    )


def on_locked_out(request: HttpRequest, username: str, **_kwargs: Any) -> None:
    """Only the failure that reaches the limit carries a count; refusals after it do not."""
    if getattr(request, "axes_failures_since_start", None) is None:
        return
    audit.record(action=Action.LOCKED_OUT, actor=None, target=username, facts={"door": _door(request)})


def _door(request: HttpRequest | None) -> str:
    path = request.path if request is not None else ""
    if path == reverse("password_change"):
        return "password_change"
    if path.startswith("/api/"):
        return "api"
    return "admin" if path.startswith("/admin/") else "web"
