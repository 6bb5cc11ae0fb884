"""Reports with what they take from other slices: rates, and the book's pay period."""

import datetime
from collections.abc import Collection
from fractions import Fraction

from finance.errors import Invalid
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of
from finance.periods import PayRule
from finance.preferences.selectors import pay_rule_of
from finance.reports.building import build_report
from finance.reports.definition import Definition, scope_of
from finance.reports.figures import RateUsed, Report
from finance.reports.keeping import unpacked
from finance.reports.runs import kept_report
from finance.reports.selectors import first_day_of
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


def pay_of(book: Book) -> PayRule | None:
    """When the book's pay period begins; None where that was not set."""
    return pay_rule_of(book=book)
