"""Rates that a household enters: one per pair and day."""

import datetime
import re
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from core.clock import today_in
from finance import money
from finance.errors import CurrencyUnknown, Invalid
from finance.events.reports import RateRemoved, RateSaved, RatesChosen
from finance.ledger.models import Book
from finance.valuation.models import ExchangeRate, RateSource, ValuationChoice
from finance.valuation.rates import DEFINED_UNITS, defined
from identity.models import User
from platform_outbox.emit import emit

EARLIEST = datetime.date(1900, 1, 1)
PLACES, WHOLE_DIGITS = 18, 20  # of the column
_PLAIN = re.compile(r"\d{1,40}(\.\d{0,40})?|\.\d{1,40}", re.ASCII)


@transaction.atomic
def save_rate(
    *,
    book: Book,
    actor: User | None,
    base: str,
    quote: str,
    date: datetime.date,
    rate: str,
    replaces: ExchangeRate | None = None,
) -> ExchangeRate:
    """Save what one unit of `base` was worth on that day, as decimal text; it replaces the rate of that pair and day.

    `replaces` is a rate that is changed, also to another pair or day. Raises Invalid, CurrencyUnknown.
    """
    base, quote = checked_pair(base, quote)
    check_day(date, today=today_in(book))
    value = read_rate(rate)
    # Two people who enter the same pair and day do it one after the other.
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    saved = replaces or ExchangeRate.objects.filter(book=book, base=base, quote=quote, date=date).first()
    saved = saved or ExchangeRate(book=book)
    ExchangeRate.objects.filter(book=book, base=base, quote=quote, date=date).exclude(pk=saved.pk).delete()
    saved.base, saved.quote, saved.date, saved.rate = base, quote, date, value
    saved.source, saved.saved_by = RateSource.HAND, actor
    saved.save()
    emit(RateSaved(book_id=book.pk, rate_id=saved.pk))
    return saved


@transaction.atomic
def remove_rate(*, rate: ExchangeRate) -> None:
    """Remove a rate; what it valued is then valued by the one before it, or not at all."""
    emit(RateRemoved(book_id=rate.book_id, rate_id=rate.pk))
    rate.delete()


@transaction.atomic
def choose_rates(*, book: Book, own_exchanges: bool, reference: bool, crossing: bool) -> ValuationChoice:
    """Choose which rates the book uses in addition to those entered: its own exchanges, published ones, third currencies."""
    chosen, _created = ValuationChoice.objects.update_or_create(
        book=book, defaults={"own_exchanges": own_exchanges, "reference": reference, "crossing": crossing}
    )
    emit(RatesChosen(book_id=book.pk))
    return chosen


def checked_pair(base: str, quote: str) -> tuple[str, str]:
    """The two codes, if a rate between them can be entered. Raises CurrencyUnknown, Invalid."""
    for field, code in (("base", base), ("quote", quote)):
        if code not in money.known_currencies() and code not in DEFINED_UNITS:
            raise CurrencyUnknown(field=field, currency=code[:20])
    if defined(base)[0] == defined(quote)[0]:
        reason = _("The rate between %(base)s and %(quote)s is fixed.") % {"base": base, "quote": quote}
        raise Invalid(field="quote", reason=reason)
    return base, quote


def check_day(date: datetime.date, *, today: datetime.date) -> None:
    """Raises Invalid for a day whose rate cannot be known."""
    if date > today:
        raise Invalid(field="date", reason=_("The rate of a future day is not known."))
    if date < EARLIEST:
        raise Invalid(field="date", reason=_("Rates begin in 1900."))


def read_rate(text: str) -> Decimal:
    """The rate of a plain decimal text ("1.0812"), kept exactly. Raises Invalid."""
    plain = text.strip() if isinstance(text, str) else ""
    if not _PLAIN.fullmatch(plain):
        reason = _("“%(text)s” is not a plain decimal number such as 1.0812.") % {"text": str(text)[:40]}
        raise Invalid(field="rate", reason=reason)
    value = Decimal(plain).normalize()
    if not value:
        raise Invalid(field="rate", reason=_("A rate is greater than zero."))
    if value.adjusted() >= WHOLE_DIGITS or -int(value.as_tuple().exponent) > PLACES:
        reason = _("A rate has at most %(whole)d digits before and %(places)d after the decimal point.")
        raise Invalid(field="rate", reason=reason % {"whole": WHOLE_DIGITS, "places": PLACES})
    return value
