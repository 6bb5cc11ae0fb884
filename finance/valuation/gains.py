"""Gains of a holding in another currency by the change of its rate, at average cost; without a database.

What comes in is taken at what it cost, what goes out at what it brought. Over a period

    gain = value at the end − value at the beginning − what came in + what went out

which is also the gain realised in it plus the change of the gain that is not realised. A debt is a negative holding.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What came in (+) or went out (−) on a day, and its value then (minor units of the base currency, same sign).

    `value` is None where no rate is known.
    """

    date: datetime.date
    amount: int
    value: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """A holding over a period; amounts in its own minor units, values in those of the base currency, not rounded.

    A figure that a missing rate leaves open is None. `unvalued` counts the flows of the period without a value.
    """

    opening: int
    opening_value: Fraction | None
    came_in: int
    came_in_value: Fraction | None
    went_out: int  # ≥ 0
    went_out_value: Fraction | None
    closing: int
    closing_value: Fraction | None
    cost: Fraction | None  # of what is held at the end
    realised: Fraction | None
    unvalued: int

    @property
    def gain(self) -> Fraction | None:
        """Over the period, realised or not."""
        parts = (self.closing_value, self.opening_value, self.came_in_value, self.went_out_value)
        if any(part is None for part in parts):
            return None
        closing, opening, came_in, went_out = (part or Fraction(0) for part in parts)
        return closing - opening - came_in + went_out

    @property
    def unrealised(self) -> Fraction | None:
        """Of what is held at the end, against what it cost."""
        return None if self.closing_value is None or self.cost is None else self.closing_value - self.cost


class Position:
    """A holding at average cost."""

    def __init__(self) -> None:
        self.amount = 0
        self.cost: Fraction | None = Fraction(0)

    def take(self, flow: Flow) -> Fraction | None:
        """Add the flow; returns the gain that it realised, None where that is not known."""
        if not self.amount or (self.amount > 0) == (flow.amount > 0):
            self.cost = None if self.cost is None or flow.value is None else self.cost + flow.value
            self.amount += flow.amount
            return Fraction(0)
        # The part that the holding covers goes at average cost; what exceeds it begins a holding the other way round.
        covered = max(flow.amount, -self.amount) if flow.amount < 0 else min(flow.amount, -self.amount)
        gone = None if self.cost is None else self.cost * Fraction(-covered, self.amount)
        value = None if flow.value is None else flow.value * Fraction(covered, flow.amount)
        realised = None if gone is None or value is None else -value - gone
        self.amount += flow.amount
        if covered == flow.amount:
            self.cost = (
                Fraction(0) if not self.amount else None if gone is None or self.cost is None else self.cost - gone
            )
        else:
            self.cost = None if flow.value is None or value is None else flow.value - value
        return realised


def gains_of(
    flows: Iterable[Flow], *, first: datetime.date, opening_rate: Fraction | None, closing_rate: Fraction | None
) -> Gains:
    """The gains from the day `first` to the end of the flows, which are in the order of their days.

    The rates are values of one minor unit at the end of the day before `first` and at the end; None: not known.
    """
    position, opening = Position(), 0
    came_in: list[Flow] = []
    went_out: list[Flow] = []
    realised: Fraction | None = Fraction(0)
    for flow in flows:
        gained = position.take(flow)
        if flow.date < first:
            opening = position.amount
            continue
        realised = None if realised is None or gained is None else realised + gained
        (came_in if flow.amount > 0 else went_out).append(flow)
    received, given = _value_of(came_in), _value_of(went_out)
    return Gains(
        opening=opening,
        opening_value=_worth(opening, opening_rate),
        came_in=sum(flow.amount for flow in came_in),
        came_in_value=received,
        went_out=-sum(flow.amount for flow in went_out),
        went_out_value=None if given is None else -given,
        closing=position.amount,
        closing_value=_worth(position.amount, closing_rate),
        cost=position.cost,
        realised=realised,
        unvalued=sum(flow.value is None for flow in [*came_in, *went_out]),
    )


def _value_of(flows: list[Flow]) -> Fraction | None:
    values = [flow.value for flow in flows if flow.value is not None]
    return sum(values, Fraction(0)) if len(values) == len(flows) else None


def _worth(amount: int, rate: Fraction | None) -> Fraction | None:
    return Fraction(0) if not amount else None if rate is None else amount * rate
