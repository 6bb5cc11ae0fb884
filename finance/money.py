"""The only conversion of amounts: decimal text outside, signed integers of minor units inside, never float.

Exponents (minor units per currency) follow ISO 4217 as published in CLDR (through Babel); the few units that
ISO does not know are listed here.
"""

import re
from decimal import Context, Decimal
from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision, list_currencies

from core.texts import gettext as _
from finance.errors import AmountInvalid, CurrencyUnknown

# Units without an ISO 4217 code, with the decimal places that their networks use.
OTHER_EXPONENTS = {"BTC": 8, "ETH": 8, "LTC": 8}

# bigint holds ±9.22e18; two orders are kept free so that sums over an account cannot overflow.
MAX_MINOR_UNITS = 10**16

# No amount that can be kept has more digits; more would be rounded on the way.
_LONGEST = 60
_EXACT = Context(prec=2 * _LONGEST)
_PLAIN_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """Codes that an account may be kept in."""
    return frozenset(list_currencies()) | frozenset(OTHER_EXPONENTS)


@lru_cache(maxsize=1)
def circulating_currencies() -> frozenset[str]:
    """Codes of what people pay with today, by CLDR: legal tender somewhere. A new account is offered only these.

    CLDR's end of a currency is a day of the past or none, so the answer does not hang on the clock.
    """
    territories = get_global("territory_currencies")
    return frozenset(
        code
        for uses in territories.values()
        for code, _start, end, tender in uses
        if tender and end is None and code in known_currencies()
    ) | frozenset(OTHER_EXPONENTS)


@lru_cache(maxsize=512)
def exponent(currency: str, *, field: str = "currency") -> int:
    """Decimal places of the currency (JPY 0, EUR 2, KWD 3). Raises CurrencyUnknown, which names `field`."""
    if currency not in known_currencies():
        raise CurrencyUnknown(field=field, currency=currency)
    return OTHER_EXPONENTS.get(currency, get_currency_precision(currency))


def parse_amount(text: str, *, currency: str, field: str = "amount") -> int:
    """Minor units of a plain decimal text ("12.34", "-5"); refuses floats, NaN, exponents, too many decimals.

    Raises AmountInvalid, which names `field` and the reason.
    """
    if not isinstance(text, str):
        raise AmountInvalid(field=field, reason=_("must be a decimal string such as '12.34', not a number"))
    stripped = text.strip().replace("\N{MINUS SIGN}", "-")
    if len(stripped) > _LONGEST:
        raise AmountInvalid(field=field, reason=_("is too long"))
    if not _PLAIN_DECIMAL.fullmatch(stripped):
        raise AmountInvalid(field=field, reason=_("%(text)s is not a plain decimal number") % {"text": repr(text[:40])})
    return to_minor_units(Decimal(stripped), currency=currency, field=field)


def to_minor_units(value: Decimal, *, currency: str, field: str = "amount") -> int:
    """Minor units of an exact decimal. Raises AmountInvalid where the currency has fewer places."""
    places = exponent(currency)
    if not value.is_finite():
        raise AmountInvalid(field=field, reason=_("is not a finite number"))
    if (
        value.adjusted() > _LONGEST
        or (value and value.adjusted() < -_LONGEST)
        or len(value.as_tuple().digits) > _LONGEST
    ):
        raise AmountInvalid(
            field=field, reason=_("is too large") if value.adjusted() > 0 else _("has too many decimals")
        )
    scaled = value.scaleb(places, context=_EXACT)
    if scaled != scaled.to_integral_value():
        raise AmountInvalid(
            field=field,
            reason=_("%(value)s has more than the %(places)s decimals of %(currency)s")
            % {"value": value, "places": places, "currency": currency},
        )
    if abs(scaled) > MAX_MINOR_UNITS:
        raise AmountInvalid(field=field, reason=_("is too large"))
    return int(scaled)


def divided(amount: int, by: int) -> int:
    """`amount` ÷ `by` to the nearest whole number; halves go away from zero: 5 ÷ 2 → 3, −5 ÷ 2 → −3."""
    size = (2 * abs(amount) + abs(by)) // (2 * abs(by))
    return size if (amount < 0) == (by < 0) else -size


def to_decimal(minor_units: int, *, currency: str) -> Decimal:
    """The amount as an exact decimal with the currency's places."""
    return Decimal(minor_units).scaleb(-exponent(currency))


def format_amount(minor_units: int, *, currency: str) -> str:
    """Plain decimal text with all places of the currency: 1234 EUR → "12.34", 5 JPY → "5"."""
    return pointed(minor_units, places=exponent(currency))


def pointed(minor_units: int, *, places: int) -> str:
    """An amount in minor units as plain decimal text with that number of decimal places: 1234, 2 → "12.34". For long loops."""
    text = str(minor_units)
    if not places:
        return text
    if len(text) < places + 2:
        text = f"-{text[1:].rjust(places + 1, '0')}" if minor_units < 0 else text.rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}"
