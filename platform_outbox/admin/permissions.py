"""Who may look, who may read payloads and who may act, and lists that never count further than the outbox's figures do."""

from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from platform_outbox import emit

_Row = TypeVar("_Row", bound=Model)


class Shown(NamedTuple):
    """A coloured label in lists; on the page of one event, where Unfold prints what it gets, its words."""

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

    Actions ask for the change permission (`may_act`).
    """

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Django's and Unfold's name for `permissions=["act"]` of an action."""
        return may_act(request)


class ReadWithTheEvent(ReadOnly):
    """What stands on the page of an event is for those who may open it."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_look(request)


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


def capped(count: int) -> str:
    """A count as people read it: 10,001 stands for more than 10,000."""
    return f"{count}" if count <= emit.COUNT_CAP else f"> {emit.COUNT_CAP}"
