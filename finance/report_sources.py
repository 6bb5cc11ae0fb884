"""What reports take from other slices: rates, and the household's pay period."""

from finance.ledger.models import Book
from finance.periods import PayRule
from finance.reports.valuing import NoRates, RatesOf


def rates_of(book: Book) -> RatesOf:
    """What values other currencies in reports of this book."""
    return lambda *, days, first, last: NoRates()


def pay_of(book: Book) -> PayRule | None:
    """When the household's money month begins, where it said so."""
    return None
