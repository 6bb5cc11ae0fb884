"""Arithmetic of budgets: what a period brings from the one before, what is left of it, and the pace.

Amounts are minor units; spending is positive and a refund lowers it. What is brought from a period is computed from
the beginning each time, never stored: an expense that is entered late is in it at once.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from finance.money import divided


class Carry(StrEnum):
    """What of the end of a period the next one begins with."""

    NONE = "none"
    SURPLUS = "surplus"  # only what is left
    DEFICIT = "deficit"  # only what was overspent
    BOTH = "both"

    def of(self, available: int) -> int:
        """The part of `available` that the next period begins with."""
        if self is Carry.BOTH:
            return available
        if self is Carry.NONE:
            return 0
        return max(available, 0) if self is Carry.SURPLUS else min(available, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One line in one period. `carry` says what the next one gets of what is available at its end."""

    carried: int
    assigned: int
    spent: int
    carry: Carry

    @property
    def available(self) -> int:
        """What is left, or overspent (negative)."""
        return self.carried + self.assigned - self.spent

    @property
    def dropped(self) -> int:
        """What the next period does not begin with: a surplus that is free again (+), a deficit that all bear (−)."""
        return self.available - self.carry.of(self.available)


def cells(*, assigned: Sequence[int], spent: Sequence[int], carries: Sequence[Carry]) -> list[Cell]:
    """The periods of one line from its beginning on."""
    found: list[Cell] = []
    carried = 0
    for added, gone, carry in zip(assigned, spent, carries, strict=True):
        cell = Cell(carried=carried, assigned=added, spent=gone, carry=carry)
        found.append(cell)
        carried = carry.of(cell.available)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a period goes, at the end of a day. `expected` is its share of what is planned by the days that have passed.

    `ahead` is what was spent beyond that (negative: less than that). The figures per day are None where there is no
    such day; with today means that the day itself is still to be lived on.
    """

    days: int
    passed: int
    expected: int
    ahead: int
    spent_per_day: int | None
    left_per_day: int | None
    left_per_day_with_today: int | None

    @property
    def left(self) -> int:
        """Days after this one."""
        return self.days - self.passed


def pace(*, planned: int, spent: int, left: int, first: datetime.date, last: datetime.date, on: datetime.date) -> Pace:
    """The pace of the period from `first` to `last` at the end of the day `on`; rounded half away from zero."""
    days = (last - first).days + 1
    passed = min(max((on - first).days + 1, 0), days)
    remaining = days - passed
    expected = divided(planned * passed, days)
    with_today = remaining + (1 if first <= on <= last else 0)
    return Pace(
        days=days,
        passed=passed,
        expected=expected,
        ahead=spent - expected,
        spent_per_day=divided(spent, passed) if passed else None,
        left_per_day=divided(left, remaining) if remaining else None,
        left_per_day_with_today=divided(left, with_today) if with_today else None,
    )


def in_days(parts: Iterable[tuple[int, int, int]]) -> int:
    """What periods plan for some of their days: (planned, days that count, days of the period), rounded once."""
    exact = sum((Fraction(planned * some, days) for planned, some, days in parts), Fraction(0))
    return divided(exact.numerator, exact.denominator)


def spread(amount: int, parts: int) -> list[int]:
    """`amount` in equal whole parts that sum to it; what does not divide is spread over them."""
    reached = [divided(amount * number, parts) for number in range(parts + 1)]
    return [after - before for before, after in pairwise(reached)]


# A share or percentage has at most four decimals.
WEIGHT_SCALE = 10_000


def parted(amounts: Sequence[int], weights: Sequence[int]) -> list[list[int]]:
    """Each amount in whole parts by weight (not all zero) that sum to it, below zero too.

    Everyone gets the exact part rounded down; units that are left over go one each to whoever is furthest behind what the
    amounts so far give exactly, then in the order given. So all sums of parts are sums of amounts as well.
    """
    whole = sum(weights)
    behind = [0] * len(weights)
    found = []
    for amount in amounts:
        parts = [amount * weight // whole for weight in weights]
        behind = [
            lag + amount * weight - part * whole for lag, weight, part in zip(behind, weights, parts, strict=True)
        ]
        order = sorted((place for place, weight in enumerate(weights) if weight), key=lambda place: -behind[place])
        for place in order[: amount - sum(parts)]:
            parts[place] += 1
            behind[place] -= whole
        found.append(parts)
    return found


def average(amounts: Sequence[int]) -> int:
    """Their mean to the nearest minor unit; 0 of none."""
    return divided(sum(amounts), len(amounts)) if amounts else 0
