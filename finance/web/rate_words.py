"""Rates as people read them, and where a missing one can be entered."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.formatting import date_text, number_text
from finance.models import Book
from finance.valuation.rates import Quote, Source, rate_digits
from finance.valuation.valuer import Valuation

SOURCES = {
    Source.HAND: gettext_lazy("entered by hand"),
    Source.FILE: gettext_lazy("from a file"),
    Source.ECB: gettext_lazy("European Central Bank"),
    Source.EXCHANGE: gettext_lazy("your own exchange"),
}
# From this age on a rate is said to be old.
OLD_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownValuation:
    """An amount in another currency with its value, and how that came about in words; `add_url` where a rate is missing."""

    valuation: Valuation
    rate: str
    origin: str
    age: str
    is_old: bool
    add_url: str


def shown(book: Book, valuations: Iterable[Valuation]) -> list[ShownValuation]:
    """For the page: what is in other currencies and is not zero."""
    return [
        ShownValuation(
            valuation=each,
            rate=rate_words(each.quote) if each.quote else "",
            origin=origin_words(each.quote) if each.quote else "",
            age=age_words(each.quote) if each.quote else "",
            is_old=each.quote is not None and each.quote.age_days >= OLD_DAYS,
            add_url="" if each.quote else add_rate_url(book, currency=each.currency, day=each.on, target=each.target),
        )
        for each in valuations
        if each.amount and each.currency != each.target
    ]


def add_rate_url(book: Book, *, currency: str, day: datetime.date, target: str | None = None) -> str:
    """The form for a rate of that currency and day."""
    asked = urlencode({"from": currency, "to": target or book.base_currency, "date": day.isoformat()})
    return f"{reverse('web:rate_new', args=[book.pk])}?{asked}"


def rate_words(quote: Quote) -> str:
    """ "1 USD = 0.92 EUR" """
    digits = rate_digits(quote.rate)
    places = max(0, -int(digits.as_tuple().exponent))
    return f"1 {quote.base} = {number_text(digits, places=places)} {quote.quote}"


def origin_words(quote: Quote) -> str:
    """ "European Central Bank", "entered by hand, through USD" """
    if not quote.steps:
        return _("by definition")
    sources = ", ".join(str(SOURCES[source]) for source in quote.sources)
    return _("%(sources)s, through %(via)s") % {"sources": sources, "via": quote.via} if quote.via else sources


def age_words(quote: Quote) -> str:
    """ "15 Mar 2026, 3 days earlier"; only the day where it is the day asked for."""
    if quote.date is None:
        return ""
    day = date_text(quote.date)
    if not quote.age_days:
        return day
    later = ngettext("%(n)d day earlier", "%(n)d days earlier", quote.age_days) % {"n": quote.age_days}
    return f"{day}, {later}"
