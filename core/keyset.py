"""Pages that begin after a row, not after a count: rows inserted meanwhile neither repeat nor hide a row."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[RowT]):
    """Rows in their order, and whether more rows may follow them.

    `walked_to` is the row through which a walk looked (walked_page), where that is not the last of the rows.
    """

    rows: list[RowT]
    more: bool
    walked_to: RowT | None = None

    @property
    def edge(self) -> RowT | None:
        """The row that the next page begins behind; None on the last page."""
        return (self.walked_to or self.rows[-1]) if self.more else None


def keyset_page(
    found: QuerySet[RowT], *, ordering: Sequence[str], after: Sequence[Any] | None, limit: int
) -> KeysetPage[RowT]:
    """The first `limit` rows behind the row with the values `after`; None: from the top.

    `ordering` names columns or annotations that are never null, the last one unique; `after` has a value for each.
    """
    if after is not None:
        found = found.filter(_behind(ordering, after))
    rows = list(found.order_by(*ordering)[: limit + 1])
    return KeysetPage(rows[:limit], more=len(rows) > limit)


def walked_page(
    found: QuerySet[RowT],
    *,
    within: QuerySet[RowT],
    ordering: Sequence[str],
    after: Sequence[Any] | None,
    limit: int,
    window: int,
) -> KeysetPage[RowT]:
    """The same where no index finds the rows: only the next `window` rows of `within`, all of which it has, are looked at.

    So a page costs the same however long the list is; it may hold fewer rows than asked, even none, and go on.
    """
    ahead = within if after is None else within.filter(_behind(ordering, after))
    ahead = ahead.only(*(name.lstrip("-") for name in ordering)).order_by(*ordering)
    # The last row of the window, if another follows it.
    ends = list(ahead[window - 1 : window + 1])
    end = ends[0] if len(ends) == 2 else None
    if end is not None:
        values = [getattr(end, name.lstrip("-")) for name in ordering]
        found = found.filter(_bounded(ordering[0], values[0], up_to=True), ~_behind(ordering, values))
    page = keyset_page(found, ordering=ordering, after=after, limit=limit)
    if page.more:
        return page
    if end is None and not page.rows and after is not None:
        # At the end, and nothing there: the way back begins here.
        return KeysetPage([], more=False, walked_to=ahead.last())
    return KeysetPage(page.rows, more=end is not None, walked_to=end)


def _behind(ordering: Sequence[str], values: Sequence[Any]) -> Q:
    """The condition on rows that they come behind the row with these values."""
    behind, equal = Q(), Q()
    for name, value in zip(ordering, values, strict=True):
        field = name.lstrip("-")
        behind |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{field: value})
    return _bounded(ordering[0], values[0], up_to=False) & behind


def _bounded(name: str, value: Any, *, up_to: bool) -> Q:
    """What the whole condition implies of its first column: with this the planner walks the index from there."""
    return Q(**{f"{name.lstrip('-')}__{'lte' if name.startswith('-') != up_to else 'gte'}": value})


def dated_place(day: datetime.date, row_id: int) -> str:
    """The place of a row in a list by day and id: "2026-03-14:52"."""
    return f"{day.isoformat()}:{row_id}"


def read_dated_place(text: str) -> tuple[datetime.date, int]:
    """Day and id of such a place. Raises ValueError."""
    day, _colon, row_id = text.partition(":")
    place = datetime.date.fromisoformat(day), int(row_id)
    if not 0 <= place[1] < 2**63:
        raise ValueError("no row has this id")
    return place
