"""What accounts held and moved, in the book's currency: holdings at the rate of their day, movements at that of theirs.

A rate that an entry stored itself, by an exchange, wins over any other. Without a rate an amount is not valued: it is
never taken as 1 to 1, and never as 0.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

from finance.ledger.models import Account, Book
from finance.ledger.turnovers import BEGINNING, ONE_DAY, Movements, Span
from finance.money import divided
from finance.reports import selectors
from finance.reports.columns import Column
from finance.reports.figures import NOTHING, Cell, RateUsed, plain
from finance.reports.selectors import Cut, Flow

Figure = Callable[[Span], Cell]


class Rates(Protocol):
    """What values amounts of other currencies in the book's."""

    def rate(self, currency: str, *, on: datetime.date) -> Fraction | None:
        """Minor units of the book's currency for one minor unit of that one on that day, or None."""
        ...

    def used(self) -> list[RateUsed]:
        """The rates that were found so far."""
        ...


class NoRates:
    """Values nothing: every other currency is shown next to the figures."""

    def rate(self, currency: str, *, on: datetime.date) -> Fraction | None:
        return None

    def used(self) -> list[RateUsed]:
        return []


class RatesOf(Protocol):
    """Makes the rates of a book for certain days, or with `days` None for every one from `first` to `last`."""

    def __call__(
        self, *, days: Collection[datetime.date] | None, first: datetime.date, last: datetime.date
    ) -> Rates: ...


def rates_for(columns: Sequence[Column], *, rates_of: RatesOf | None, at_ends: bool) -> Rates:
    """The rates that these columns need: at their ends, or day by day."""
    if rates_of is None:
        return NoRates()
    spans = spans_of(columns)
    first = min(span.first for span in spans) - ONE_DAY
    return rates_of(
        days={span.last for span in spans} if at_ends else None, first=first, last=max(span.last for span in spans)
    )


@dataclass(frozen=True, slots=True)
class Values:
    """Amounts of one book as cells."""

    book: Book
    rates: Rates
    # Currency and day → the rate as a quotient; a report of ten years asks for the same ones ten thousand times.
    known: dict[tuple[str, datetime.date], tuple[int, int] | None] = field(default_factory=dict)

    def cell(self, amount: int, *, currency: str, on: datetime.date) -> Cell:
        """The amount at the rate of that day."""
        if not amount:
            return NOTHING
        if currency == self.book.base_currency:
            return Cell(amount=amount)
        key = currency, on
        if key not in self.known:
            found = self.rates.rate(currency, on=on)
            self.known[key] = None if found is None else found.as_integer_ratio()
        rate = self.known[key]
        return Cell(0, {currency: amount}) if rate is None else Cell(divided(amount * rate[0], rate[1]))

    def of_flow(self, flow: Flow) -> Cell:
        """A sum of lines at the rate of its entry, or of its day."""
        if flow.rate is not None:
            base, foreign = flow.rate
            return Cell(amount=divided(flow.amount * base, foreign))
        return self.cell(flow.amount, currency=flow.currency, on=flow.date or datetime.date.min)

    def held(self, accounts: Iterable[Account], moved: Movements, columns: Sequence[Column]) -> dict[int, list[Cell]]:
        """What each account held at the end of each column."""
        return self.rows(accounts, moved, columns, lambda span: (BEGINNING, span.end))

    def held_before(
        self, accounts: Iterable[Account], moved: Movements, columns: Sequence[Column]
    ) -> dict[int, list[Cell]]:
        """What each account held when each column began."""
        return self.rows(accounts, moved, columns, lambda span: (BEGINNING, span.first))

    def rows(
        self,
        accounts: Iterable[Account],
        moved: Movements,
        columns: Sequence[Column],
        days: Callable[[Span], tuple[datetime.date, datetime.date]],
    ) -> dict[int, list[Cell]]:
        """What moved on each account between the days of each span, at the rate of the last of them."""
        places = {
            span: (moved.place(first), moved.place(end), end - ONE_DAY)
            for span in spans_of(columns)
            for first, end in [days(span)]
        }
        # Most are of one span, and then of the book's currency: those are quick.
        single = [places[column.spans[0]] if len(column.spans) == 1 else None for column in columns]
        found = {}
        for account in accounts:
            nets = moved.nets(account.pk)
            if nets is None:
                found[account.pk] = [NOTHING] * len(columns)
            elif account.currency == self.book.base_currency and None not in single:
                found[account.pk] = plain(nets[end] - nets[first] for first, end, _day in filter(None, single))
            else:
                found[account.pk] = in_columns(columns, _figure(self, account, nets, places))
        return found


def _figure(
    values: Values, account: Account, nets: list[int], places: Mapping[Span, tuple[int, int, datetime.date]]
) -> Figure:
    def figure(span: Span) -> Cell:
        first, end, day = places[span]
        return values.cell(nets[end] - nets[first], currency=account.currency, on=day)

    return figure


def in_columns(columns: Sequence[Column], figure: Figure) -> list[Cell]:
    """A row: the figure of each span, averaged where a column has several, and the difference of total and compared."""
    cells: list[Cell] = []
    by_role: dict[str, Cell] = {}
    for column in columns:
        if column.role == "difference":
            cell = by_role.get("total", by_role.get("period", NOTHING)) - by_role["compared"]
        else:
            cell = sum((figure(span) for span in column.spans), NOTHING).divided(len(column.spans))
        by_role[column.role] = cell
        cells.append(cell)
    return cells


def moved_cells(
    *,
    values: Values,
    tree: Sequence[Account],
    accounts: Sequence[Account],
    columns: Sequence[Column],
    known_at: datetime.datetime | None,
) -> dict[int, list[Cell]]:
    """What moved on each account within each column: from month totals, and of other currencies day by day."""
    book = values.book
    at_home = [account for account in accounts if account.currency == book.base_currency]
    abroad = [account for account in accounts if account.currency != book.base_currency]
    spans = spans_of(columns)
    moved = selectors.movements(book=book, accounts=at_home, spans=spans, known_at=known_at)
    cells = values.rows(at_home, moved, columns, lambda span: (span.first, span.end))
    if abroad:
        cut = Cut(accounts=abroad, known_at=known_at)
        cells |= grouped_cells(values=values, tree=tree, cut=cut, columns=columns, by="account")
    return cells


def grouped_cells(
    *, values: Values, tree: Sequence[Account], cut: Cut, columns: Sequence[Column], by: str
) -> dict[Any, list[Cell]]:
    """What moved within each column per account, payee or member, line by line; keys as the selector gives them."""
    bounds, found = selectors.flows(book=values.book, tree=tree, cut=cut, spans=spans_of(columns), by=by)
    sums: dict[Any, dict[int, Cell]] = defaultdict(dict)
    for flow in found:
        buckets = sums[flow.key]
        buckets[flow.bucket] = buckets.get(flow.bucket, NOTHING) + values.of_flow(flow)
    place = {day: index for index, day in enumerate(bounds)}

    def within(buckets: Mapping[int, Cell], span: Span) -> Cell:
        first, end = place[span.first], place[span.end]
        return sum((cell for bucket, cell in buckets.items() if first <= bucket < end), NOTHING)

    return {key: in_columns(columns, partial(within, buckets)) for key, buckets in sums.items()}


def spans_of(columns: Iterable[Column]) -> list[Span]:
    """All days that the columns add up."""
    return [span for column in columns for span in column.spans]
