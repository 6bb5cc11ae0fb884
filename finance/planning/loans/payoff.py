"""In which order debts are paid back: what each order costs, and when it ends. Without a database, without float.

Every month each debt bears a twelfth of its rate, rounded half away from zero, and gets its minimum. What is left of the
monthly sum (all minimums of the beginning, and the extra amount) goes to the first debt of the order that is not paid
back; so the minimum of a debt that is gone helps the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import groupby

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import MAX_MINOR_UNITS, divided

MOST_MONTHS = 1200
MOST_DEBTS = 100


class Strategy(StrEnum):
    """The order: smallest balance first, highest rate first, or one that was given."""

    SNOWBALL = "snowball"
    AVALANCHE = "avalanche"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What is owed (minor units), its yearly rate, and what is paid each month in any case."""

    name: str
    balance: int
    percent: Decimal
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """How an order ends: months, all interest, in which month each debt is gone, and what is owed after each month.

    `extras` is, month by month, what each debt gets beside its minimum.
    """

    months: int
    interest: int
    paid_in: tuple[int, ...]
    owed: tuple[int, ...]
    extras: tuple[tuple[int, ...], ...]


def ordered(debts: Sequence[Debt], strategy: Strategy, custom: Sequence[int] = ()) -> list[int]:
    """Indexes of the debts in the strategy's order; ties keep the order in which they were given.

    Raises Invalid where a custom order does not name each debt once.
    """
    if strategy is Strategy.CUSTOM:
        if sorted(custom) != list(range(len(debts))):
            raise Invalid(field="order", reason=_("An order of your own names each debt once."))
        return list(custom)
    if strategy is Strategy.SNOWBALL:
        return sorted(range(len(debts)), key=lambda index: debts[index].balance)
    return sorted(range(len(debts)), key=lambda index: -debts[index].percent)


def pay_off(debts: Sequence[Debt], *, extra: int = 0, order: Sequence[int] | None = None) -> Payoff:
    """Pay the debts back, month by month. Without an order each gets its minimum, and nothing moves to another.

    Raises Invalid where a debt is not above zero, or grows for ever.
    """
    _check(debts, extra)
    rates = [Fraction(debt.percent) / 1200 for debt in debts]
    balances = [debt.balance for debt in debts]
    paid_in, interest = [0] * len(debts), 0
    owed: list[int] = []
    extras: list[tuple[int, ...]] = []
    budget = extra + sum(debt.minimum for debt in debts)
    for month in range(1, MOST_MONTHS + 1):
        charged, more = _month(debts, balances, rates, budget=budget, order=order or ())
        interest += charged
        extras.append(more)
        for index, balance in enumerate(balances):
            if balance == 0 and not paid_in[index]:
                paid_in[index] = month
        owed.append(sum(balances))
        if not owed[-1]:
            return Payoff(
                months=month, interest=interest, paid_in=tuple(paid_in), owed=tuple(owed), extras=tuple(extras)
            )
        if owed[-1] > 100 * MAX_MINOR_UNITS:
            break
    never = next(debt.name for debt, balance in zip(debts, balances, strict=True) if balance)
    raise Invalid(
        field="debts",
        reason=_("%(name)s is never paid back: its payments do not cover the interest, or take over 100 years.")
        % {"name": never},
    )


def stretches(extras: Sequence[Sequence[int]]) -> list[tuple[int, int, int, int]]:
    """What debts get beside their minimums, as stretches of months with one amount: debt, first and last month, amount.

    Months count from 0; stretches are in the order of their first months.
    """
    found = []
    for debt in range(len(extras[0]) if extras else 0):
        month = 0
        for amount, run in groupby(each[debt] for each in extras):
            length = sum(1 for _month in run)
            if amount:
                found.append((debt, month, month + length - 1, amount))
            month += length
    return sorted(found, key=lambda each: (each[1], each[0]))


def _check(debts: Sequence[Debt], extra: int) -> None:
    if not 1 <= len(debts) <= MOST_DEBTS:
        raise Invalid(field="debts", reason=_("Compare 1 to %(most)d debts.") % {"most": MOST_DEBTS})
    if not 0 <= extra <= MAX_MINOR_UNITS:
        raise Invalid(field="extra", reason=_("An extra amount is zero or more."))
    for debt in debts:
        if not (0 < debt.balance <= MAX_MINOR_UNITS and 0 <= debt.minimum <= MAX_MINOR_UNITS):
            raise Invalid(field="debts", reason=_("%(name)s: a debt is more than zero.") % {"name": debt.name})
        if not (debt.percent.is_finite() and 0 <= debt.percent <= 1000):
            raise Invalid(field="debts", reason=_("%(name)s: a rate is from 0 to 1000 per cent.") % {"name": debt.name})


def _month(
    debts: Sequence[Debt], balances: list[int], rates: Sequence[Fraction], *, budget: int, order: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """Change the balances by one month's interest and payments; returns the interest, and what each got beside its minimum."""
    left, interest = budget, 0
    for index, debt in enumerate(debts):
        exact = balances[index] * rates[index]
        charged = divided(exact.numerator, exact.denominator)
        paid = min(debt.minimum, balances[index] + charged)
        balances[index] += charged - paid
        interest += charged
        left -= paid
    extras = [0] * len(debts)
    for index in order:
        extras[index] = min(left, balances[index])
        balances[index] -= extras[index]
        left -= extras[index]
    return interest, tuple(extras)
