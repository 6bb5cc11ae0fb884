"""The addresses of the outbox's own pages in the admin, below those of its events."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from platform_outbox.admin import breakers, bulk_actions, console, editing, errors, pauses, replays, selected_actions
from platform_outbox.admin.permissions import may_look

PAGES: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
    ("console/", console.console, "console"),
    ("console/live/", console.live, "live"),
    ("errors/", errors.groups, "errors"),
    ("errors/<slug:key>/", errors.group, "error"),
    ("act/<slug:deed>/", bulk_actions.act_on_selection, "act"),
    ("act/<slug:deed>/chosen/", selected_actions.act_on_chosen, "act_on_chosen"),
    ("take-back/", bulk_actions.take_back, "take_back"),
    ("pause/", pauses.pause, "pause"),
    ("resume/", pauses.resume, "resume"),
    ("breakers/open/", breakers.break_open, "break_open"),
    ("breakers/reset/", breakers.reset, "reset_breaker"),
    ("replays/<int:replay_id>/stop/", replays.stop, "stop_replay"),
    ("replays/<int:replay_id>/resume/", replays.resume, "resume_replay"),
    ("<int:event_id>/edit-as-new/", editing.edit, "edit"),
)


def urls(model_admin: Any) -> list[URLPattern]:
    """Named admin:platform_outbox_<name>. For those who may see events; what changes something asks for more itself."""
    return [path(address, _inside(model_admin, view), name=f"platform_outbox_{name}") for address, view, name in PAGES]


def _inside(model_admin: Any, view: Callable[..., HttpResponse]) -> Any:
    @wraps(view)
    def open_page(request: HttpRequest, **parts: Any) -> HttpResponse:
        if not may_look(request):
            raise PermissionDenied
        return view(request, model_admin, **parts)

    return model_admin.admin_site.admin_view(open_page)
