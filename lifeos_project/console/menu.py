"""What surrounds every page of the operators' admin: the badge of the installation and the sidebar."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from finance.models import LedgerCheck
from lifeos_project.backups import runs
from platform_outbox import emit

DOCTOR = "lifeos_project.run_doctor"


def _counted(key: str, count: Callable[[], int]) -> Callable[[], int]:
    """A badge's count. It is shown on every page of the admin, so it comes from the cache."""
    return lambda: int(cache.get_or_set(key, count, timeout=15) or 0)


_checks = LedgerCheck.objects.filter(book=None).order_by("-checked_at")
_dead_letters = _counted("admin:dead-letters", lambda: emit.health().dead)
_broken_promises = _counted("admin:broken-promises", lambda: sum(len(latest.problems) for latest in _checks[:1]))
# 1 while the last backup that ended was not good.
_failed_backup = _counted("admin:failed-backup", lambda: int(runs.last_failed()))


def environment(request: HttpRequest) -> list[str]:
    """The badge next to the user menu: red in production, where mistakes are costly."""
    return [_("Production"), "danger"] if settings.PRODUCTION else [_("Development"), "info"]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, with what needs attention first. A group with nothing for this operator is left out."""
    groups: list[tuple[str, list[dict[str, Any] | None]]] = [
        (
            "",
            [_item(request, _("State"), "monitoring", "admin:index")],
        ),
        (
            _("Needs attention"),
            [
                _outbox(request, _("Outbox"), "conveyor_belt", "admin:platform_outbox_console"),
                _outbox(request, _("Dead letters"), "mark_email_unread", "admin:platform_outbox_errors", _dead_letters),
                _list(request, _("Imports"), "upload_file", "finance.importbatch"),
                _list(request, _("Verifications"), "verified", "finance.ledgercheck", badge=_broken_promises),
                _list(request, _("Refused sign-ins"), "lock_clock", "axes.accessattempt"),
            ],
        ),
        (
            _("Households"),
            [
                _list(request, _("Books"), "menu_book", "finance.book"),
                _list(request, _("Accounts"), "account_tree", "finance.account"),
                _list(request, _("Entries"), "receipt_long", "finance.journalentry"),
                _list(request, _("Members"), "group", "finance.membership"),
                _list(request, _("Invitations"), "mail", "finance.invitation"),
                _list(request, _("Tags"), "sell", "finance.tag"),
                _list(request, _("Rules"), "rule", "finance.rule"),
                _list(request, _("Applications of rules"), "history", "finance.ruleapplication"),
                _list(request, _("Webhooks"), "webhook", "finance.webhookendpoint"),
                _list(request, _("Webhook deliveries"), "outgoing_mail", "finance.webhookdelivery"),
            ],
        ),
        (
            _("Insights"),
            [
                _list(request, _("Insights"), "lightbulb", "insights.insight"),
                _list(request, _("Rules"), "tune", "insights.rulesetting"),
                _list(request, _("Muted payees"), "notifications_off", "insights.mutedpayee"),
            ],
        ),
        (
            _("People and access"),
            [
                _list(request, _("People"), "person", "identity.user"),
                _list(request, _("Groups"), "shield_person", "auth.group"),
                _list(request, _("Sign-up"), "how_to_reg", "identity.accesspolicy"),
                _list(request, _("Audit trail"), "history", "identity.auditrecord"),
            ],
        ),
        (
            _("Installation"),
            [
                _events(request),
                _list(request, _("Operations"), "play_circle", "platform_operation.operationrun"),
                _list(request, _("Workers"), "memory", "platform_outbox.worker"),
                _list(request, _("Periodic jobs"), "schedule", "platform_outbox.periodic"),
                _list(request, _("Backups"), "backup", "backups.backuprun", badge=_failed_backup),
                _item(request, _("Doctor"), "stethoscope", "doctor") if request.user.has_perm(DOCTOR) else None,
                _item(request, _("Health"), "ecg_heart", "health"),
                _item(request, _("API"), "api", "api-docs"),
            ],
        ),
    ]
    found = [(title, [item for item in items if item is not None]) for title, items in groups]
    return [{"title": title, "separator": bool(title), "items": items} for title, items in found if items]


def may_see(request: HttpRequest, model: str) -> bool:
    """Whether the operator may open the list of "app.model"."""
    model_admin = admin.site._registry.get(apps.get_model(model))
    return model_admin is not None and model_admin.has_view_permission(request)


def list_url(model: str) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def _list(request: HttpRequest, title: str, icon: str, model: str, **more: Any) -> dict[str, Any] | None:
    if not may_see(request, model):
        return None
    return _badged({"title": title, "icon": icon, "link": list_url(model)}, more.get("badge"))


def _badged(item: dict[str, Any], count: Callable[[], int] | None) -> dict[str, Any]:
    badge = count() if count else 0
    return {**item, "badge": str(badge), "badge_variant": "danger", "badge_style": "solid"} if badge else item


def _outbox(
    request: HttpRequest, title: str, icon: str, name: str, badge: Callable[[], int] | None = None
) -> dict[str, Any] | None:
    """A page of the outbox, for those who may see events."""
    return (
        _badged(_item(request, title, icon, name), badge) if may_see(request, "platform_outbox.outboxmessage") else None
    )


def _events(request: HttpRequest) -> dict[str, Any] | None:
    """The list of events; the outbox's own pages have addresses below its own, and are not it."""
    item = _list(request, _("Events"), "outbox", "platform_outbox.outboxmessage")
    if item is not None:
        match = request.resolver_match
        item["active"] = bool(match and (match.url_name or "").startswith("platform_outbox_outboxmessage_"))
    return item


def _item(request: HttpRequest, title: str, icon: str, name: str) -> dict[str, Any]:
    url = reverse(name)
    return {"title": title, "icon": icon, "link": url, "active": request.path == url}
