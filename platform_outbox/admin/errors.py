"""Dead letters by error: what went wrong, how often, since when, and what can be done about all of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from platform_outbox.admin.bulk_actions import SelectionForm
from platform_outbox.admin.permissions import may_act
from platform_outbox.models import Attempt
from platform_outbox.monitoring import overview
from platform_outbox.operators.redaction import masked_text
from platform_outbox.operators.selection import Selection

EVENTS_SHOWN = 50
# In addresses, where nothing cannot stand: events that died under a version that kept no group.
NO_GROUP = "none"


def groups(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """All errors, the latest first."""
    context = {
        **_frame(request, model_admin, _("Dead letters")),
        "groups": [shown(group) for group in overview.error_groups()],
        "form": SelectionForm(),
        "most": overview.GROUPS_SHOWN,
    }
    return TemplateResponse(request, "platform_outbox/admin/errors.html", context)


def group(request: HttpRequest, model_admin: Any, key: str) -> HttpResponse:
    """One error: the newest traceback, and its events, newest first."""
    found = overview.error_groups(group="" if key == NO_GROUP else key)
    if not found:
        raise Http404
    dead = Selection(error_group=found[0].key).dead().order_by("-id")
    before = request.GET.get("before", "")
    if before.isdecimal():
        dead = dead.filter(id__lt=int(before))
    events = list(dead[: EVENTS_SHOWN + 1])
    context = {
        **_frame(request, model_admin, _("Dead letters")),
        "group": shown(found[0]),
        "form": SelectionForm(initial={"error": key}),
        "events": events[:EVENTS_SHOWN],
        "next_before": events[EVENTS_SHOWN - 1].pk if len(events) > EVENTS_SHOWN else None,
        "attempt": _newest_attempt(found[0].newest),
    }
    return TemplateResponse(request, "platform_outbox/admin/error.html", context)


def shown(found: overview.ErrorGroup) -> dict[str, Any]:
    """A group as the templates want it."""
    return {
        "slug": found.key or NO_GROUP,
        "error": masked_text(found.error) or _("Without an error"),
        "count": found.count,
        "first_at": found.first_at,
        "last_at": found.last_at,
        "newest": found.newest,
        "types": sorted(found.types.items()),
        "handlers": sorted(found.handlers),
    }


def _frame(request: HttpRequest, model_admin: Any, title: str) -> dict[str, Any]:
    return {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "may_act": may_act(request),
        "is_fullwidth": "1",
    }


def _newest_attempt(event_id: int) -> dict[str, str] | None:
    failures = [Attempt.Outcome.DEAD, Attempt.Outcome.FAILED]
    attempt = Attempt.objects.filter(message=event_id, outcome__in=failures).order_by("-id").first()
    if attempt is None:
        return None
    return {
        "class": attempt.error_class,
        "message": masked_text(attempt.error_message),
        "traceback": masked_text(attempt.traceback),
        "handler": attempt.handler,
    }
