"""What surrounds every page of the operators' admin: the badge of the installation and the sidebar."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
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
                _list(request, "upload_file", "finance.importbatch"),
                _list(request, "verified", "finance.ledgercheck", badge=_broken_promises),
                _list(request, "lock_clock", "axes.accessattempt"),
            ],
        ),
        (
            _("Households"),
            [
                _list(request, "menu_book", "finance.book"),
                _list(request, "auto_delete", "finance.bookdeletion"),
                _list(request, "account_tree", "finance.account"),
                _list(request, "receipt_long", "finance.journalentry"),
                _list(request, "price_change", "finance.transferfee"),
                _list(request, "edit_note", "finance.change"),
                _list(request, "bookmark", "finance.entrytemplate"),
                _list(request, "group", "finance.membership"),
                _list(request, "mail", "finance.invitation"),
                _list(request, "storefront", "finance.payee"),
                _list(request, "handshake", "finance.person"),
                _list(request, "groups", "finance.costgroup"),
                _list(request, "call_split", "finance.sharedbill"),
                _list(request, "payments", "finance.settlement"),
                _list(request, "event_upcoming", "finance.claim"),
                _list(request, "request_quote", "finance.invoice"),
                _list(request, "sell", "finance.tag"),
                _list(request, "attach_file", "finance.attachment"),
                _list(request, "filter_list", "finance.savedview"),
                _list(request, "event_repeat", "finance.payperiod"),
                _list(request, "event_upcoming", "finance.schedule"),
                _list(request, "event_available", "finance.scheduleoccurrence"),
                _list(request, "savings", "finance.budget"),
                _list(request, "playlist_add_check", "finance.budgetline"),
                _list(request, "move_down", "finance.assignment"),
                _list(request, "autorenew", "finance.recurringfinding"),
                _list(request, "calendar_month", "finance.calendarfeed"),
                _list(request, "rule", "finance.rule"),
                _list(request, "history", "finance.ruleapplication"),
                _list(request, "currency_exchange", "finance.exchangerate"),
                _list(request, "account_balance", "finance.referencerate"),
                _list(request, "cloud_download", "finance.referencefetch"),
                _list(request, "home_work", "finance.assetvalue"),
                _list(request, "trending_down", "finance.assetplan"),
                _list(request, "webhook", "finance.webhookendpoint"),
                _list(request, "outgoing_mail", "finance.webhookdelivery"),
            ],
        ),
        (
            _("Insights"),
            [
                _list(request, "lightbulb", "insights.insight"),
                _list(request, "tune", "insights.rulesetting"),
                _list(request, "notifications_off", "insights.mutedpayee"),
            ],
        ),
        (
            _("People and access"),
            [
                _list(request, "person", "identity.user"),
                _list(request, "shield_person", "auth.group"),
                _list(request, "how_to_reg", "identity.accesspolicy"),
                _list(request, "history", "identity.auditrecord"),
            ],
        ),
        (
            _("Installation"),
            [
                _events(request),
                _list(request, "play_circle", "platform_operation.operationrun"),
                _list(request, "memory", "platform_outbox.worker"),
                _list(request, "schedule", "platform_outbox.periodic"),
                _list(request, "backup", "backups.backuprun", badge=_failed_backup),
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


def _list(request: HttpRequest, icon: str, model: str, **more: Any) -> dict[str, Any] | None:
    """A list under the name that its page has."""
    if not may_see(request, model):
        return None
    title = capfirst(apps.get_model(model)._meta.verbose_name_plural)
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
    item = _list(request, "outbox", "platform_outbox.outboxmessage")
    if item is not None:
        match = request.resolver_match
        item["active"] = bool(match and (match.url_name or "").startswith("platform_outbox_outboxmessage_"))
    return item


def _item(request: HttpRequest, title: str, icon: str, name: str) -> dict[str, Any]:
    url = reverse(name)
    return {"title": title, "icon": icon, "link": url, "active": request.path == url}
