"""Numbers, days and names as speakers of the active language write them, with a real minus sign."""

import datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval
from babel.numbers import NumberPattern, format_percent, get_currency_name, parse_pattern
from django.utils import timezone
from django.utils.translation import get_language

MINUS = "\N{MINUS SIGN}"


def active_locale() -> Locale:
    """Babel's locale for the active language; English where Babel does not know it."""
    return _locale(get_language() or "en")


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def count_text(number: int) -> str:
    """ "12,345" """
    return number_text(Decimal(number), places=0)


def number_text(value: Decimal, *, places: int, currency: str | None = None, plus: bool = False) -> str:
    """The number with that many places, and with the currency's sign where one is named."""
    pattern = _pattern(get_language() or "en", is_money=currency is not None, places=places)
    text = str(pattern.apply(abs(value), active_locale(), currency=currency, currency_digits=False))
    if value < 0:
        return MINUS + text
    return f"+{text}" if plus and value else text


def percent_text(percent: int, *, plus: bool = False) -> str:
    """A whole number of percents: "8%" (English), "8 %" (German)."""
    text = format_percent(abs(percent) / Decimal(100), locale=active_locale())
    if percent < 0:
        return MINUS + text
    return f"+{text}" if plus and percent else text


@lru_cache(maxsize=512)
def _pattern(language: str, *, is_money: bool, places: int) -> NumberPattern:
    locale = _locale(language)
    source = locale.currency_formats["standard"] if is_money else locale.decimal_formats[None]
    pattern = parse_pattern(source.pattern)
    pattern.frac_prec = (places, places)
    return pattern


def decimal_mark() -> str:
    """What separates the places in the active language: "." or ","."""
    return str(active_locale().number_symbols["latn"]["decimal"])


def currency_name(code: str) -> str:
    """ "Euro", "US dollar"; the code itself where Babel has no name."""
    return get_currency_name(code, locale=active_locale())


def date_text(day: datetime.date, *, form: str = "medium") -> str:
    """The day in the language's own order: "23 Nov 2026"; `form` is Babel's short, medium, long, full or a skeleton.

    Of a moment it is the day in the reader's time zone.
    """
    if isinstance(day, datetime.datetime):
        day = timezone.localtime(day).date()
    return format_date(day, format=form, locale=active_locale())


def days_text(first: datetime.date, last: datetime.date) -> str:
    """From one day to another: "1 Jan – 30 Nov 2026"."""
    text: str = format_interval(first, last, "yMMMd", locale=active_locale())
    return text.replace("\N{THIN SPACE}", " ")


def month_text(day: datetime.date) -> str:
    """The month of that day: "November 2026"."""
    return date_text(day, form="LLLL y")


def moment_text(moment: datetime.datetime) -> str:
    """Day and time in the reader's time zone: "23 Nov 2026, 14:05"."""
    return f"{date_text(moment)}, {timezone.localtime(moment):%H:%M}"
