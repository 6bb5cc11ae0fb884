"""The columns of a report: which days each adds up, and what it is compared with."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.ledger.turnovers import ONE_DAY, Span
from finance.periods import PayRule, months_later
from finance.reports.definition import FIRST_DAY, Columns, Compare, Definition, Scope

# Ten years of months, and what they are compared with.
MAX_COLUMNS = 132
_MONTHS = {Columns.MONTH: 1, Columns.QUARTER: 3, Columns.YEAR: 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column adds up: its spans, divided by how many there are.

    `role` is "period" (a month of several), "total" (all that is reported), "compared" or "difference" (total less
    compared; it has no spans). Holdings are those at the end of each span, movements those within it.
    """

    role: str
    spans: tuple[Span, ...] = ()

    @property
    def first(self) -> datetime.date | None:
        return self.spans[0].first if self.spans else None

    @property
    def last(self) -> datetime.date | None:
        return self.spans[-1].last if self.spans else None


def columns_of(
    definition: Definition, scope: Scope, *, today: datetime.date, pay: PayRule | None, first_day: datetime.date
) -> list[Column]:
    """The columns in their order. Raises Invalid (columns).

    An average counts no period that ended before the book's `first_day`. Where there is nothing to compare with, the
    columns of the comparison are left out.
    """
    columns = []
    if definition.columns is not Columns.NONE:
        starts = list(_starts(definition.columns, scope, pay=pay))
        spans = [Span(first=first, end=end) for first, end in pairwise([*starts, scope.last + ONE_DAY])]
        columns = [Column(role="period", spans=(span,)) for span in spans]
    whole = Column(role="total", spans=(Span(first=scope.first, end=scope.last + ONE_DAY),))
    # What is held at the end of the last period needs no column of its own.
    if not columns or not definition.is_of_holdings:
        columns.append(whole)
    if definition.compare is not Compare.NONE:
        others = compared_with(definition, scope, today=today)
        if definition.compare is Compare.AVERAGE:
            others = [other for other in others if other.end > first_day]
        if others:
            columns += [Column(role="compared", spans=tuple(others)), Column(role="difference")]
    return columns


def compared_with(definition: Definition, scope: Scope, *, today: datetime.date) -> list[Span]:
    """What the whole is compared with; of a period that is not over the days up to the same day of the other."""
    asked = scope.asked
    if definition.compare is Compare.LAST_YEAR:
        others = [asked.a_year_before()]
    else:
        others = []
        before = asked.before()
        for _number in range(definition.averaged if definition.compare is Compare.AVERAGE else 1):
            others.insert(0, before)
            before = before.before() if before else None
    reached = min(scope.last, today) if today >= scope.first else scope.last
    found = []
    for other in others:
        if other is not None:
            part = asked.same_stretch(other, today=reached)
            if part.first is not None and part.last is not None and part.last >= FIRST_DAY:
                found.append(Span(first=max(part.first, FIRST_DAY), end=part.last + ONE_DAY))
    return found


def main_column(columns: Sequence[Column]) -> int:
    """The place of the column that a report's sentence is about: the total, or the last period."""
    roles = [column.role for column in columns]
    return roles.index("total") if "total" in roles else roles.count("period") - 1


def _starts(columns: Columns, scope: Scope, *, pay: PayRule | None) -> Iterator[datetime.date]:
    if columns is Columns.PAY and pay is None:
        raise Invalid(field="columns", reason=_("This book has no pay period yet. Set one in the book's settings."))
    start, count = scope.first, 0
    while start <= scope.last:
        count += 1
        if count > MAX_COLUMNS:
            raise Invalid(
                field="columns",
                reason=_("That would be more than %(most)d columns. Choose longer columns or a shorter period.")
                % {"most": MAX_COLUMNS},
            )
        yield start
        start = _next_start(columns, start, pay)


def _next_start(columns: Columns, day: datetime.date, pay: PayRule | None) -> datetime.date:
    try:
        if columns is Columns.PAY and pay is not None:
            return pay.next_start(day)
        months = _MONTHS[columns]
        return months_later(day.replace(month=(day.month - 1) // months * months + 1, day=1), months)
    except (ValueError, OverflowError) as error:
        raise Invalid(field="period", reason=_("The calendar ends at the year 9999.")) from error
