"""Who may look and who may act, and lists that never count further than the outbox's figures do."""

from functools import cached_property
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from platform_outbox import outbox


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
        return messages.order_by().values("pk")[: outbox.COUNT_CAP + 1].count()


class StaffReads:
    """Staff may look; nobody may add, change or delete by hand. Actions ask for the change permission (`may_act`)."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Django's and Unfold's name for `permissions=["act"]` of an action."""
        return may_act(request)


def is_staff(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_staff)


def may_act(request: HttpRequest) -> bool:
    """Try again, discard, pause and so on: for those who may change events."""
    return is_staff(request) and request.user.has_perm("platform_outbox.change_outboxmessage")


def capped(count: int) -> str:
    """A count as people read it: 10,001 stands for more than 10,000."""
    return f"{count}" if count <= outbox.COUNT_CAP else f"> {outbox.COUNT_CAP}"
