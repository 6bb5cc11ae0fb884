"""Pages that begin after a row, not after a count: rows inserted meanwhile neither repeat nor hide a row."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[RowT]):
    """Rows in their order, and whether more rows follow them."""

    rows: list[RowT]
    more: bool

    @property
    def edge(self) -> RowT | None:
        """The row that the next page begins behind; None on the last page."""
        return self.rows[-1] if self.more else None


def keyset_page(
    found: QuerySet[RowT], *, ordering: Sequence[str], after: Sequence[Any] | None, limit: int
) -> KeysetPage[RowT]:
    """The first `limit` rows behind the row with the values `after`; None: from the top.

    `ordering` names columns or annotations that are never null, the last one unique; `after` has a value for each.
    """
    if after is not None:
        # Rows behind the edge in this order. The first condition repeats what the rest implies: with it the planner
        # walks the index from the edge.
        first = ordering[0]
        condition = Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": after[0]})
        behind, equal = Q(), Q()
        for name, value in zip(ordering, after, strict=True):
            field = name.lstrip("-")
            behind |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
            equal &= Q(**{field: value})
        found = found.filter(condition & behind)
    rows = list(found.order_by(*ordering)[: limit + 1])
    return KeysetPage(rows[:limit], more=len(rows) > limit)


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
