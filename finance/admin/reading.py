"""What the operators' lists of the books have in common: nothing is edited, nothing is counted row by row."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from identity.models import User
from platform_outbox.admin.permissions import ShownLookups

# Deeper than this nobody pages: OFFSET reads all that it skips, a filter or a search does not.
DEEPEST_ROW = 10_000


class UncountedPaginator(InfinitePaginator):
    """Previous and next without a total: counting a million entries would read all of them."""

    @cached_property
    def count(self) -> int:
        return DEEPEST_ROW


class UncountedList(ChangeList):
    """A list that knows only the rows of its page: no total, and no selecting of rows that are not shown."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_count = self.full_result_count = len(self.result_list)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """In the order that an index serves; Django would add the primary key to each that it does not know as total."""
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found.order_by(*self.model_admin.get_ordering(request))


class State(NamedTuple):
    """A coloured label in lists; on the page of one row, where Unfold prints what it gets, its words."""

    key: str
    words: str

    def __str__(self) -> str:
        return self.words


class Uncounted:
    """Lists that may have millions of rows."""

    paginator = UncountedPaginator
    show_full_result_count = False
    # Counts beside the filters' choices would be scans again.
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedList


class ReadOnly(ShownLookups):
    """Operators can only look; the books change through their services."""

    list_per_page = 50
    sortable_by: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def operator_of(request: HttpRequest) -> User:
    """The signed-in operator, as services take their actor."""
    assert isinstance(request.user, User)
    return request.user


def note(request: HttpRequest, changed: Model, deed: str) -> None:
    """Record in the history of the object who did what when."""
    LogEntry.objects.log_actions(operator_of(request).pk, [changed], CHANGE, change_message=deed, single_object=True)


def ask(
    request: HttpRequest,
    *,
    model_admin: "ModelAdmin[Any]",
    title: str,
    button: str,
    consequence: str,
    facts: Mapping[str, object],
    back: str,
    form: Form | None = None,
) -> TemplateResponse:
    """A page that says exactly what will happen, before it does. Its form posts `confirmed`."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "media": model_admin.media,
        "title": title,
        "button": button,
        "consequence": consequence,
        "facts": facts,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "finance/admin/confirm.html", context)
