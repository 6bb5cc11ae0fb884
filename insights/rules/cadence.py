"""Rhythm: whether payments come every week, month, quarter or year, and when the next one is due."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from insights.rules.months import add_months


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A rhythm: the step, the days by which a payment may come early or late, and how many make it believable."""

    name: str
    days: int = 0
    months: int = 0
    tolerance: int
    minimum: int
    per_year: int

    def after(self, date: datetime.date, steps: int = 1) -> datetime.date:
        """The due day so many steps after `date`."""
        if self.months:
            return add_months(date, self.months * steps)
        return date + datetime.timedelta(days=self.days * steps)

    def window(self, date: datetime.date, steps: int = 1) -> tuple[datetime.date, datetime.date]:
        """First and last day that may be so many steps (negative: before) from `date`; `follows` decides within."""
        # Adding a month and taking it away again may differ by the three days that February lacks.
        slack = datetime.timedelta(days=self.tolerance + (3 if self.months else 0))
        due = self.after(date, steps)
        return due - slack, due + slack

    def follows(self, earlier: datetime.date, later: datetime.date) -> bool:
        """Whether `later` is one step after `earlier`, give or take the tolerance."""
        return abs((later - self.after(earlier)).days) <= self.tolerance

    def kept_by(self, dates: Sequence[datetime.date]) -> bool:
        """Whether each of the dates follows the one before."""
        return all(self.follows(earlier, later) for earlier, later in pairwise(dates))


# Direct debits slide over weekends and short months; a year also over the billing day.
CADENCES = (
    Cadence(name="week", days=7, tolerance=1, minimum=4, per_year=52),
    Cadence(name="fortnight", days=14, tolerance=2, minimum=4, per_year=26),
    Cadence(name="month", months=1, tolerance=4, minimum=3, per_year=12),
    Cadence(name="quarter", months=3, tolerance=7, minimum=3, per_year=4),
    Cadence(name="year", months=12, tolerance=12, minimum=2, per_year=1),
)


def cadence_of(dates: Sequence[datetime.date], *, minimum: int = 0) -> Cadence | None:
    """The rhythm that the latest of the dates keep, given oldest first; None where there is none.

    `minimum` asks for more dates than a rhythm needs by itself; a yearly one is believed after its own two.
    """
    for cadence in CADENCES:
        needed = cadence.minimum if cadence.name == "year" else max(cadence.minimum, minimum)
        if len(dates) >= needed and cadence.kept_by(dates[-needed:]):
            return cadence
    return None
