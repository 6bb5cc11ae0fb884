"""What all admins share: who may look and act, lists that only show, the page that asks before anything happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from platform_outbox import emit

_Row = TypeVar("_Row", bound=Model)


class State(NamedTuple):
    """A coloured label in lists; on the page of one row, where Unfold prints what it gets, its words."""

    key: str
    words: Any

    def __str__(self) -> str:
        return str(self.words)


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than the outbox's figures do: an exact count of millions of rows is a scan of them all."""

    @cached_property
    def count(self) -> int:
        messages: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return messages.order_by().values("pk")[: emit.COUNT_CAP + 1].count()


def row_or_404(rows: QuerySet[_Row], *, object_id: object) -> _Row:
    """The row of an address of the admin, where Django's own pages read anything as an id; raises Http404."""
    try:
        return rows.get(pk=rows.model._meta.pk.to_python(object_id))
    except (ObjectDoesNotExist, ValidationError, ValueError) as error:
        raise Http404 from error


class ShownLookups:
    """Lists that can be filtered by columns that are shown only."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """`?payload__contains=…` in a list's address would tell a hidden column letter by letter."""
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        filters = (each[0] if isinstance(each, tuple) else each for each in self.list_filter)  # type: ignore[attr-defined]
        filtered = (each if isinstance(each, str) else each.parameter_name for each in filters)
        shown = {*self.list_display, *(self.fields or ()), *filtered}  # type: ignore[attr-defined]
        name = lookup.partition("__")[0]
        # What is no column at all is a filter's own parameter, such as the two ends of a range of days.
        fields = self.model._meta.get_fields()  # type: ignore[attr-defined]
        columns = {each.name for each in fields} | {getattr(each, "attname", each.name) for each in fields}
        return allowed and (name in {*shown, "id", "pk"} or name not in columns)


class ReadOnly(ShownLookups):
    """For those with the model's view permission; nobody adds, changes or deletes by hand.

    What changes something goes through services: actions and pages that ask for permissions of their own.
    """

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    title: Any
    consequence: Any
    button: Any
    back: str
    facts: Mapping[Any, Any] = field(default_factory=dict)
    columns: Sequence[Any] = ()
    rows: Sequence[Sequence[Any]] = ()
    # Whether the last column is a number.
    counted: bool = True
    hidden: Sequence[tuple[str, Any]] = ()
    form: forms.Form | None = None
    # Where the confirmation goes; empty: to the page itself.
    action: str = ""
    warning: Any = ""
    # False: it applies to nothing, so there is nothing to confirm.
    possible: bool = True


def ask(request: HttpRequest, model_admin: Any, question: Question) -> HttpResponse:
    """The page that says exactly what will happen, before it does. Its form posts `confirmed`."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": question.title,
        "question": question,
    }
    return TemplateResponse(request, "platform_outbox/admin/confirm.html", context)


def is_confirmed(request: HttpRequest) -> bool:
    return request.method == "POST" and request.POST.get("confirmed") == "yes"


def given_in(request: HttpRequest) -> Any:
    """The fields of a confirmation's form, or those of the link that led to it."""
    return request.POST if request.method == "POST" else request.GET


def note(
    request: HttpRequest, changed: Model | type[Model], deed: str, *, subject: str = "", flag: int = CHANGE
) -> None:
    """A line in the admin's log: who did what when, to a row or, by its model, to many that `subject` describes."""
    assert request.user.pk is not None, "the admin lets nobody in who is not signed in"
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(changed, for_concrete_model=False),
        object_id=None if isinstance(changed, type) else str(changed.pk),
        object_repr=(subject or str(changed))[:200],
        action_flag=flag,
        change_message=deed,
    )


def may_look(request: HttpRequest) -> bool:
    """Whether the operator sees events, errors and the console; not what the events say."""
    return bool(request.user.is_staff) and (
        request.user.has_perm("platform_outbox.view_outboxmessage") or may_act(request)
    )


def may_read_payloads(request: HttpRequest) -> bool:
    """Whether the operator also reads what events say: mails, addresses, households' figures."""
    return may_look(request) and request.user.has_perm("platform_outbox.view_payload")


def may_act(request: HttpRequest) -> bool:
    """Try again, discard, pause and so on: for those who may change events."""
    return bool(request.user.is_staff) and request.user.has_perm("platform_outbox.change_outboxmessage")
