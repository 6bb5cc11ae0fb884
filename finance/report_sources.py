"""Reports with what they take from other slices: rates, and the book's pay period."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.utils import timezone

from finance.errors import Invalid, ReportTooLong
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of
from finance.periods import PayRule
from finance.preferences.selectors import pay_rule_of
from finance.reports.behind import Behind, behind
from finance.reports.building import build_report
from finance.reports.definition import Definition, scope_of
from finance.reports.figures import Cell, RateUsed, Report
from finance.reports.keeping import unpacked
from finance.reports.runs import kept_report, latest_run
from finance.reports.selectors import first_day_of, without_bound
from finance.reports.valuing import RatesOf
from finance.valuation.rates import Quote, rate_digits
from finance.valuation.valuer import Valuer, valuer_at, valuer_between
from platform_outbox.operations.models import OperationRun

# The newest are listed; a report of ten years uses thousands.
MOST_LISTED = 50


class BookRates:
    """The book's rates, read when the first amount needs one: most books have one currency."""

    def __init__(
        self, book: Book, *, days: Collection[datetime.date] | None, first: datetime.date, last: datetime.date
    ) -> None:
        self.book, self.days, self.first, self.last = book, days, first, last
        self._valuer: Valuer | None = None
        self._used: dict[tuple[str, datetime.date], Quote] = {}

    def rate(self, currency: str, *, on: datetime.date) -> Fraction | None:
        """Minor units of the book's currency for one minor unit of that one on that day; None without a rate."""
        if self._valuer is None and self.days is not None:
            self._valuer = valuer_at(book=self.book, days=self.days)
        elif self._valuer is None:
            self._valuer = valuer_between(book=self.book, first=self.first, last=self.last)
        quote = self._valuer.quote(currency, on=on)
        if quote is None:
            return None
        self._used[currency, on] = quote
        return self._valuer.unit(currency, on=on)

    def used(self) -> list[RateUsed]:
        """The rates so far, the newest days first."""
        newest = sorted(self._used.items(), key=lambda item: (item[0][1], item[0][0]), reverse=True)
        return [
            RateUsed(
                currency=currency,
                on=on,
                rate=f"{rate_digits(quote.rate):f}",
                date=quote.date,
                note=", ".join([*(source.value for source in quote.sources), *([quote.via] if quote.via else [])]),
            )
            for (currency, on), quote in newest[:MOST_LISTED]
        ]


def rates_of(book: Book) -> RatesOf:
    """What values other currencies in reports of this book."""

    def rates(*, days: Collection[datetime.date] | None, first: datetime.date, last: datetime.date) -> BookRates:
        return BookRates(book, days=days, first=first, last=last)

    return rates


def report_of(*, book: Book, definition: Definition, today: datetime.date, pay: PayRule | None) -> Report:
    """The report by the book's rates; `pay` is that of `pay_of`. Raises as `build_report`."""
    return build_report(book=book, definition=definition, today=today, pay=pay, rates_of=rates_of(book))


def report_kept(
    run: OperationRun | None, *, book: Book, definition: Definition, pay: PayRule | None
) -> tuple[Report, datetime.date] | None:
    """The report that a worker made, and the day of which it speaks; None where there is none that can be read."""
    kept = kept_report(run)
    if kept is None:
        return None
    try:
        today = datetime.date.fromisoformat(kept["today"])
        scope = scope_of(definition, today=today, pay=pay, first_day=first_day_of(book=book) or today)
        made = unpacked(kept["report"], definition=definition, scope=scope, tree=accounts_of(book=book))
    except (Invalid, KeyError, TypeError, ValueError):
        return None
    return made, today


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFigure:
    """What a figure comes to in the report that a worker made: minor units, and per currency what has no rate."""

    currency: str
    cell: Cell
    made_at: datetime.datetime


def figure_behind(
    *, book: Book, definition: Definition, key: str, column: int, today: datetime.date, pay: PayRule | None
) -> tuple[Behind, KeptFigure | None]:
    """What makes a figure. Where its lines are too many to be added up at once, the sum is that of the kept report.

    Raises as `behind`, and ReportTooLong where there is no report of today that has the figure.
    """
    asked: dict[str, Any] = {
        "book": book,
        "definition": definition,
        "key": key,
        "column": column,
        "today": today,
        "pay": pay,
    }
    try:
        return behind(**asked), None
    except ReportTooLong:
        run = latest_run(book=book, definition=definition, now=timezone.now())
        made = report_kept(run, book=book, definition=definition, pay=pay)
        figure = made[0].figure(key, column) if made is not None and made[1] == today else None
        if run is None or run.finished_at is None or figure is None:
            raise
        with without_bound():
            return behind(**asked), KeptFigure(currency=figure[0], cell=figure[1], made_at=run.finished_at)


def pay_of(book: Book) -> PayRule | None:
    """When the book's pay period begins; None where that was not set."""
    return pay_rule_of(book=book)
