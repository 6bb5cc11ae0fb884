"""What the operators' lists of the books have in common: nothing is counted row by row."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from identity.models import User

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


class Uncounted:
    """Lists that may have millions of rows."""

    list_per_page = 50
    sortable_by: Sequence[str] = ()
    paginator = UncountedPaginator
    show_full_result_count = False
    # Counts beside the filters' choices would be scans again.
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedList


def operator_of(request: HttpRequest) -> User:
    """The signed-in operator, as services take their actor."""
    assert isinstance(request.user, User)
    return request.user
