"""Figures of an invoice: exact decimals while multiplying, whole minor units on paper. Pure.

Each line is rounded to the minor unit, half away from zero. Tax is computed once per rate on the sum of that rate's
lines, as EN 16931 (BG-23, BR-CO-17) has it, so that the printed figures add up.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance import money

# A rate of 7.7 % is 77,000 of 1,000,000.
_RATE_SCALE = 1_000_000
_QUANTITY_SCALE = 10_000


def names_number(text: str, number: str) -> bool:
    """Whether a text names the invoice of this number, and not one whose number only begins or ends like it."""
    return number in text and re.search(rf"(?<![\w-]){re.escape(number)}(?!\w|-\w)", text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line: quantity (at most four decimals) × price in minor units, taxed at `rate` percent (at most four decimals)."""

    text: str
    quantity: Decimal
    price: int
    rate: Decimal

    @property
    def net(self) -> int:
        """Minor units before tax."""
        return money.divided(int(self.quantity * _QUANTITY_SCALE) * self.price, _QUANTITY_SCALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """The tax of all lines of one rate."""

    rate: Decimal
    net: int
    tax: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the invoice adds up to; `taxes` has one line per rate, by rate."""

    net: int
    tax: int
    taxes: list[TaxLine]

    @property
    def gross(self) -> int:
        """What is to be paid."""
        return self.net + self.tax


def totals_of(lines: Sequence[InvoiceLine]) -> Totals:
    """Net, tax per rate and gross of the lines."""
    nets: dict[Decimal, int] = defaultdict(int)
    for line in lines:
        nets[line.rate] += line.net
    taxes = [
        TaxLine(rate=rate, net=net, tax=money.divided(net * int(rate * 10_000), _RATE_SCALE))
        for rate, net in sorted(nets.items())
    ]
    return Totals(net=sum(nets.values()), tax=sum(each.tax for each in taxes), taxes=taxes)
