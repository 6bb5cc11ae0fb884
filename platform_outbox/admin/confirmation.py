"""The page that says what will happen before it happens, and the line in the log when it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from platform_outbox.admin.permissions import may_act
from platform_outbox.models import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an operator is asked to confirm."""

    title: Any
    consequence: Any
    button: Any
    back: str
    facts: Mapping[Any, Any] = field(default_factory=dict)
    columns: Sequence[Any] = ()
    rows: Sequence[Sequence[Any]] = ()
    hidden: Sequence[tuple[str, Any]] = ()
    form: forms.Form | None = None
    # Where the confirmation goes; empty: to the page itself.
    action: str = ""
    warning: Any = ""
    # What there is nothing to be done to cannot be confirmed.
    possible: bool = True


def ask(request: HttpRequest, model_admin: Any, question: Question) -> HttpResponse:
    """The confirmation page. Nothing has happened yet."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Outbox"),
        "page_title": question.title,
        "question": question,
    }
    return TemplateResponse(request, "platform_outbox/admin/confirm.html", context)


def is_confirmed(request: HttpRequest) -> bool:
    return request.method == "POST" and request.POST.get("confirmed") == "yes"


def insist_on_act(request: HttpRequest) -> None:
    """Raises PermissionDenied for those who may only look."""
    if not may_act(request):
        raise PermissionDenied


def note(request: HttpRequest, what: str, *, subject: str, object_id: int | None = None) -> None:
    """One line in the admin's log, at an event or, without its id, at the outbox as a whole."""
    LogEntry.objects.create(
        user_id=request.user.pk or 0,
        content_type=ContentType.objects.get_for_model(OutboxMessage),
        object_id=None if object_id is None else str(object_id),
        object_repr=subject[:200],
        action_flag=CHANGE,
        change_message=what,
    )


def operator_of(request: HttpRequest) -> str:
    """How the history of an event names the operator."""
    return str(request.user)
