"""Figures as people of the active language write them, with a real minus; and what people write, read strictly."""

import datetime
import re
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance import money
from finance.errors import AmountInvalid

MINUS = "\N{MINUS SIGN}"
_SPACES = str.maketrans(
    dict.fromkeys(" \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}_'\N{RIGHT SINGLE QUOTATION MARK}", " ")
)
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<body>[0-9]+(?:[ .,][0-9]+)*)", re.ASCII)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def active_locale() -> Locale:
    """Babel's locale for the active language; English where Babel does not know it."""
    return _locale(get_language() or "en")


@lru_cache(maxsize=512)
def _pattern(language: str, kind: str, places: int) -> NumberPattern:
    locale = _locale(language)
    source = locale.currency_formats["standard"] if kind == "currency" else locale.decimal_formats[None]
    pattern = parse_pattern(source.pattern)
    pattern.frac_prec = (places, places)
    return pattern


def _format(minor_units: int, *, currency: str, kind: str, plus: bool = False, places: int | None = None) -> str:
    places = money.exponent(currency) if places is None else places
    size: Decimal = money.to_decimal(abs(minor_units), currency=currency)
    pattern = _pattern(get_language() or "en", kind, places)
    text = str(
        pattern.apply(size, active_locale(), currency=currency if kind == "currency" else None, currency_digits=False)
    )
    if minor_units < 0:
        return MINUS + text
    return f"+{text}" if plus and minor_units else text


def money_text(minor_units: int, *, currency: str, plus: bool = False) -> str:
    """With the currency: "−€1,234.50" (English), "−1.234,50 €" (German)."""
    return _format(minor_units, currency=currency, kind="currency", plus=plus)


def about_text(minor_units: int, *, currency: str) -> str:
    """Rounded to whole units, for what a sentence calls "about": "€52"; below ten units with all places: "€3.40"."""
    unit = 10 ** money.exponent(currency)
    if abs(minor_units) < 10 * unit:
        return money_text(minor_units, currency=currency)
    units = (abs(minor_units) + unit // 2) // unit
    return _format(units * unit if minor_units > 0 else -units * unit, currency=currency, kind="currency", places=0)


def amount_text(minor_units: int, *, currency: str, plus: bool = False) -> str:
    """Without the currency, for columns whose head names it: "−1,234.50"."""
    return _format(minor_units, currency=currency, kind="decimal", plus=plus)


def typed_text(minor_units: int, *, currency: str) -> str:
    """As a person would type it into a field: no grouping, the language's decimal mark, so that reading it is safe."""
    plain = money.format_amount(minor_units, currency=currency)
    return plain.replace(".", str(active_locale().number_symbols["latn"]["decimal"]))


def date_text(day: datetime.date, *, form: str = "medium") -> str:
    """The day in the language's own order: "23 Nov 2026"; `form` is Babel's short, medium, long, full or a skeleton.

    Of a moment it is the day in the reader's time zone.
    """
    if isinstance(day, datetime.datetime):
        day = timezone.localtime(day).date()
    return format_date(day, format=form, locale=active_locale())


def moment_text(moment: datetime.datetime) -> str:
    """Day and time in the reader's time zone: "23 Nov 2026, 14:05"."""
    return f"{date_text(moment)}, {timezone.localtime(moment):%H:%M}"


def read_amount(text: str, *, currency: str, field: str = "amount") -> int:
    """Minor units of what a person typed: "12,34", "12.34", "1 234.50", "1.234,50", "−5".

    A mark that could be either a decimal mark or a thousands mark ("1.234") is refused rather than guessed.
    Raises AmountInvalid with the reason.
    """
    cleaned = text.strip().replace(MINUS, "-").translate(_SPACES)
    match = _NUMBER.fullmatch(cleaned)
    if match is None:
        raise AmountInvalid(field=field, reason=_("“%(text)s” is not a number such as 12.50") % {"text": text[:40]})
    whole, decimals = _parts(match["body"], currency=currency, field=field)
    return money.parse_amount(f"{match['sign']}{whole}{decimals and '.'}{decimals}", currency=currency, field=field)


def _parts(body: str, *, currency: str, field: str) -> tuple[str, str]:
    """Digits before and after the decimal mark."""
    marks = re.findall(r"[ .,]", body)
    if not marks:
        return body, ""
    last = marks[-1]
    is_decimal = last != " " and marks.count(last) == 1
    if is_decimal and len(marks) == 1:
        whole, decimals = body.split(last)
        if len(decimals) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
            return _three_digits(whole, decimals, mark=last, currency=currency, field=field)
        return whole, decimals
    groups, decimals = body.rsplit(last, 1) if is_decimal else (body, "")
    return _ungrouped(groups, field=field), decimals


def _three_digits(whole: str, rest: str, *, mark: str, currency: str, field: str) -> tuple[str, str]:
    """ "1.234": a thousand or one and a bit? Only a currency without decimals, or with three, settles it."""
    places = money.exponent(currency)
    if places == 0:
        return whole + rest, ""
    if places >= 3 and mark == active_locale().number_symbols["latn"]["decimal"]:
        return whole, rest
    raise AmountInvalid(
        field=field,
        reason=_("“%(text)s” can be read in two ways; write %(thousand)s or %(small)s")
        % {
            "text": f"{whole}{mark}{rest}",
            "thousand": typed_text(int(whole + rest) * 10**places, currency=currency),
            "small": typed_text(int(whole) * 10**places + int(rest[:places].ljust(places, "0")), currency=currency),
        },
    )


def _ungrouped(groups: str, *, field: str) -> str:
    parts = re.split(r"[ .,]", groups)
    marks = set(re.findall(r"[ .,]", groups))
    if len(marks) > 1 or not 1 <= len(parts[0]) <= 3 or any(len(part) != 3 for part in parts[1:]):
        raise AmountInvalid(
            field=field, reason=_("“%(text)s” has its thousands marks in odd places") % {"text": groups}
        )
    return "".join(parts)
