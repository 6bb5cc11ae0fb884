"""Rates and conversion by them, without a database.

A rate says how many units of `quote` one unit of `base` is worth on a day. It holds from that day until the next one,
never before. Arithmetic is exact (fractions); only a value is rounded, once, half away from zero.
"""

import bisect
import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from finance.money import divided


class Source(StrEnum):
    """Where a rate comes from; of several on the same day the first in this order is used."""

    HAND = "hand"
    FILE = "file"
    ECB = "ecb"
    EXCHANGE = "exchange"  # an exchange in the book's own journal


_RANK = {source: rank for rank, source in enumerate(Source)}

# Units that are a fixed part of a currency, and in which markets quote prices. Definitions, not rates: they cannot be
# missing and have no date (London in pence, Johannesburg in cents, Tel Aviv in agorot).
DEFINED_UNITS = {
    "GBX": ("GBP", Fraction(1, 100)),
    "GBp": ("GBP", Fraction(1, 100)),
    "ZAc": ("ZAR", Fraction(1, 100)),
    "ZAC": ("ZAR", Fraction(1, 100)),
    "ILA": ("ILS", Fraction(1, 100)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One unit of `base` is worth `rate` units of `quote` from `date` on."""

    base: str
    quote: str
    date: datetime.date
    rate: Fraction
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The rate that was found for a day; `steps` are the stored rates that it is made of, each as it was stored.

    `date` is that of its oldest step, and None where only definitions were needed (pence to pounds).
    """

    base: str
    quote: str
    rate: Fraction
    on: datetime.date
    date: datetime.date | None
    steps: tuple[Rate, ...]
    via: str = ""  # the third currency, where there was no rate between the two

    @property
    def age_days(self) -> int:
        """Days from the rate's date to the day that it was asked for."""
        return (self.on - self.date).days if self.date else 0

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(dict.fromkeys(step.source for step in self.steps))


def half_away(value: Fraction) -> int:
    """The nearest whole number; halves go away from zero: 2.5 → 3, −2.5 → −3."""
    return divided(value.numerator, value.denominator)


_WHOLE = Fraction(1)

# Sums of many exact fractions would grow a digit or more with each; what is added up is kept to a billionth of a unit.
_FINE = 10**9


def fine(value: Fraction) -> Fraction:
    """The value to the nearest billionth; whole numbers and halves stay as they are."""
    return value if _FINE % value.denominator == 0 else Fraction(half_away(value * _FINE), _FINE)


def convert(amount: int, *, rate: Fraction, places: int, target_places: int) -> int:
    """Minor units of the target for `amount` minor units, where one whole unit is worth `rate` whole units."""
    return half_away(exactly(amount, rate=rate, places=places, target_places=target_places))


def exactly(amount: int, *, rate: Fraction, places: int, target_places: int) -> Fraction:
    """As `convert`, not rounded."""
    value = amount * rate
    return value if places == target_places else value * Fraction(10) ** (target_places - places)


def rate_of_amounts(given: int, taken: int, *, places: int, taken_places: int) -> Fraction:
    """What one unit of the given currency cost in the taken one, by the amounts that were exchanged (minor units)."""
    return Fraction(abs(taken), abs(given)) * Fraction(10) ** (places - taken_places)


def rate_digits(rate: Fraction) -> Decimal:
    """The rate to six significant digits, but at least two places; without zeros at its end. For showing it."""
    exact = Decimal(rate.numerator) / Decimal(rate.denominator)
    rounded = exact.quantize(Decimal(1).scaleb(-max(2, 5 - exact.adjusted())))
    normal = rounded.normalize()
    return normal.quantize(Decimal(1)) if normal == normal.to_integral_value() else normal


class RateTable:
    """Rates by pair and day. Of a pair the two directions are one: what is stored as EUR→USD also values dollars."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        # pair in alphabetical order → (day, −rank) of each rate, ascending; and the rates in the same order
        found: dict[tuple[str, str], list[Rate]] = defaultdict(list)
        self._neighbours: dict[str, set[str]] = defaultdict(set)
        for rate in rates:
            one, other = defined(rate.base)[0], defined(rate.quote)[0]
            if one != other:
                found[_pair(one, other)].append(rate)
                self._neighbours[one].add(other)
                self._neighbours[other].add(one)
        self._rates = {
            pair: sorted(rates, key=lambda rate: (rate.date, -_RANK[rate.source])) for pair, rates in found.items()
        }
        self._days = {pair: [rate.date for rate in rates] for pair, rates in self._rates.items()}

    def quote(self, base: str, quote: str, *, on: datetime.date, crossing: bool = True) -> Quote | None:
        """The freshest rate on or before the day, None where there is none.

        A rate between the two is preferred to one through a third currency of the same day; a crossed one is as old as
        the older of its two rates.
        """
        (one, factor), (other, divisor) = defined(base), defined(quote)
        defined_part = _WHOLE if factor is divisor else factor / divisor
        if one == other:
            return Quote(base=base, quote=quote, rate=defined_part, on=on, date=None, steps=())
        candidates = list(self._candidates(one, other, on=on, crossing=crossing))
        if not candidates:
            return None
        via, steps = candidates[0] if len(candidates) == 1 else max(candidates, key=_preference)
        between = _towards(steps[0], one)
        for step in steps[1:]:
            between *= _towards(step, via)
        rate = between if defined_part is _WHOLE else defined_part * between
        return Quote(
            base=base, quote=quote, rate=rate, on=on, date=min(step.date for step in steps), steps=steps, via=via
        )

    def first_day(self, base: str, quote: str) -> datetime.date | None:
        """The day of the earliest rate between the two, to say that there are only later ones; None without any."""
        days = self._days.get(_pair(defined(base)[0], defined(quote)[0]))
        return days[0] if days else None

    def _latest(self, one: str, other: str, *, on: datetime.date) -> Rate | None:
        pair = _pair(one, other)
        place = bisect.bisect_right(self._days.get(pair, []), on)
        return self._rates[pair][place - 1] if place else None

    def _candidates(
        self, one: str, other: str, *, on: datetime.date, crossing: bool
    ) -> Iterator[tuple[str, tuple[Rate, ...]]]:
        direct = self._latest(one, other, on=on)
        if direct is not None:
            yield "", (direct,)
        # Alphabetically, so that of two equally good ways it is always the same.
        for via in sorted(self._neighbours[one] & self._neighbours[other]) if crossing else ():
            first, second = self._latest(one, via, on=on), self._latest(via, other, on=on)
            if first is not None and second is not None:
                yield via, (first, second)


def defined(unit: str) -> tuple[str, Fraction]:
    """The currency that a unit is a fixed part of, and which part: GBX → (GBP, 1/100), EUR → (EUR, 1)."""
    return DEFINED_UNITS.get(unit, (unit, _WHOLE))


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _preference(candidate: tuple[str, tuple[Rate, ...]]) -> tuple[datetime.date, bool, int]:
    via, steps = candidate
    return min(step.date for step in steps), not via, -max(_RANK[step.source] for step in steps)


def _towards(rate: Rate, currency: str) -> Fraction:
    """Units of the other side for one whole unit of `currency`, which is the base's or the quote's."""
    if rate.base not in DEFINED_UNITS and rate.quote not in DEFINED_UNITS:
        return rate.rate if rate.base == currency else 1 / rate.rate
    (base, factor), (_quote, divisor) = defined(rate.base), defined(rate.quote)
    # One `rate.base` is `factor` of its currency: 1 GBX = 0.0117 EUR means 1 GBP = 1.17 EUR.
    whole = rate.rate * divisor / factor
    return whole if base == currency else 1 / whole
