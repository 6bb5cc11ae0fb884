"""Reading rates: one, a page of them, the pairs there are."""

import datetime
from dataclasses import dataclass

from django.db.models import Count, Max

from core.keyset import KeysetPage, keyset_page
from finance.errors import NotFound
from finance.ledger.models import Book
from finance.valuation.models import ExchangeRate, ValuationChoice


def rate_for(*, book: Book, rate_id: int) -> ExchangeRate:
    """The book's rate. Raises NotFound."""
    found = ExchangeRate.objects.select_related("saved_by").filter(book=book, pk=rate_id).first()
    if found is None:
        raise NotFound(thing="rate")
    found.book = book
    return found


def rates_page(
    *, book: Book, base: str = "", quote: str = "", after: tuple[datetime.date, int] | None = None, limit: int = 50
) -> KeysetPage[ExchangeRate]:
    """The book's rates, newest first, of one pair if both of its codes are given; by keyset on (date, id)."""
    found = ExchangeRate.objects.filter(book=book).select_related("saved_by")
    if base:
        found = found.filter(base=base)
    if quote:
        found = found.filter(quote=quote)
    return keyset_page(found, ordering=("-date", "-pk"), after=after, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How many rates the book has of two currencies, and the day of the latest."""

    base: str
    quote: str
    count: int
    latest: datetime.date


def pairs_of(*, book: Book) -> list[Pair]:
    """The pairs that the book has rates of, by their codes."""
    pairs = ExchangeRate.objects.filter(book=book).values("base", "quote")
    counted = pairs.annotate(count=Count("pk"), latest=Max("date")).order_by("base", "quote")
    return [Pair(**row) for row in counted]


def choice_of(*, book: Book) -> ValuationChoice:
    """Which rates the book uses; what is in force where nothing was chosen is not saved."""
    return ValuationChoice.objects.filter(book=book).first() or ValuationChoice(book=book)
