"""How much of a valuable's worth goes each month, without a database. Whole minor units; each month is rounded by itself."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dateutil.relativedelta import relativedelta

from finance.valuation.rates import half_away


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentPlan:
    """Each month `percent` of what is left."""

    percent: Decimal

    def loss(self, *, start: int, month: int, balance: int) -> int:
        """What month number `month` (1, 2, …) after the appraisal takes from the balance."""
        return balance - half_away(balance * (1 - Fraction(self.percent) / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightPlan:
    """Equal parts over `months` from the appraised value to `residual`; the parts sum to the whole."""

    months: int
    residual: int

    def loss(self, *, start: int, month: int, balance: int) -> int:
        """As PercentPlan's; nothing after the last month, and never more than there is."""
        return min(self._gone(start, month) - self._gone(start, month - 1), max(balance, 0))

    def _gone(self, start: int, month: int) -> int:
        return half_away(Fraction(max(start - self.residual, 0) * min(month, self.months), self.months))


Plan = PercentPlan | StraightPlan


def month_days(start: datetime.date, *, until: datetime.date) -> list[datetime.date]:
    """The day of each month after `start` until `until`; the 31st is the last day of shorter months and comes back."""
    days: list[datetime.date] = []
    while (day := start + relativedelta(months=len(days) + 1)) <= until:
        days.append(day)
    return days
