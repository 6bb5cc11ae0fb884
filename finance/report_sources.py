"""What reports take from other slices: rates, and the household's pay period."""

import datetime
from collections.abc import Collection

from finance.ledger.models import Book
from finance.periods import PayRule
from finance.reports.figures import RateUsed
from finance.reports.valuing import RatesOf
from finance.valuation.rates import Quote, rate_digits
from finance.valuation.valuer import Valuer, valuer_at, valuer_between

# The newest ones are told; a report of ten years uses thousands.
MOST_TOLD = 50


class BookRates:
    """The book's rates, read when the first amount needs one: most books have one currency."""

    def __init__(
        self, book: Book, *, days: Collection[datetime.date] | None, first: datetime.date, last: datetime.date
    ) -> None:
        self.book, self.days, self.first, self.last = book, days, first, last
        self._valuer: Valuer | None = None
        self._used: dict[tuple[str, datetime.date], Quote] = {}

    def value(self, amount: int, *, currency: str, on: datetime.date) -> int | None:
        """Minor units of the book's currency at the rate of that day; None without one."""
        if self._valuer is None and self.days is not None:
            self._valuer = valuer_at(book=self.book, days=self.days)
        elif self._valuer is None:
            self._valuer = valuer_between(book=self.book, first=self.first, last=self.last)
        found = self._valuer.value(amount, currency, on=on)
        if found.quote is not None:
            self._used[currency, on] = found.quote
        return found.value

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
            for (currency, on), quote in newest[:MOST_TOLD]
        ]


def rates_of(book: Book) -> RatesOf:
    """What values other currencies in reports of this book."""

    def rates(*, days: Collection[datetime.date] | None, first: datetime.date, last: datetime.date) -> BookRates:
        return BookRates(book, days=days, first=first, last=last)

    return rates


def pay_of(book: Book) -> PayRule | None:
    """When the household's money month begins, where it said so."""
    return None
