"""What a line of a budget needs in a period to meet its target."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import divided
from finance.periods import Period, months_later
from finance.planning.recurrence import Recurrence, Unit


class TargetKind(StrEnum):
    """What a target asks for."""

    NONE = ""
    EVERY_PERIOD = "every_period"  # the amount in each period
    REFILL = "refill"  # up to the amount at the beginning of each period
    BY_DATE = "by_date"  # the amount by a day
    SINKING = "sinking"  # the amount by a day, and again every so many months
    RECURRING = "recurring"  # the amount each time that something comes: every 14 days, on the 1st


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target; `amount` in minor units.

    `due` is the day by which the amount is needed, or of a recurring one the first time that it comes. A sinking fund is
    due again every `every` months; what recurs comes every `every` `unit`s. Raises Invalid for one that has no meaning.
    """

    kind: TargetKind
    amount: int = 0
    due: datetime.date | None = None
    every: int | None = None
    unit: Unit | None = None

    def __post_init__(self) -> None:
        if self.kind is TargetKind.NONE:
            return
        if self.amount < 0:
            raise Invalid(field="target.amount", reason=_("A target is an amount of zero or more."))
        dated = self.kind in (TargetKind.BY_DATE, TargetKind.SINKING, TargetKind.RECURRING)
        if dated and self.due is None:
            raise Invalid(field="target.due", reason=_("This target needs a day."))
        repeats = self.kind in (TargetKind.SINKING, TargetKind.RECURRING)
        if repeats and not 1 <= (self.every or 0) <= 400:
            raise Invalid(field="target.every", reason=_("Give a number from 1 to 400."))
        if self.kind is TargetKind.RECURRING and self.unit is None:
            raise Invalid(field="target.unit", reason=_("Give day, week, month or year."))

    def due_from(self, day: datetime.date) -> datetime.date | None:
        """The day that the amount is needed by, as seen from `day`: of a sinking fund the next one after it.

        None where that is over, and for targets without a day.
        """
        if self.due is None or self.kind not in (TargetKind.BY_DATE, TargetKind.SINKING):
            return None
        if self.due > day:
            return self.due
        if self.kind is TargetKind.BY_DATE or self.every is None:
            return None
        behind = (day.year - self.due.year) * 12 + day.month - self.due.month
        # Counted from the first one, so that the 31st stays the 31st.
        for times in (behind // self.every, behind // self.every + 1, behind // self.every + 2):
            if (again := months_later(self.due, times * self.every)) > day:
                return again
        return None

    def needed(self, *, period: Period, carried: int, periods_until: Callable[[datetime.date], int]) -> int:
        """What is to be assigned in this period in all, given what it began with.

        By a day: (amount − what is there) ÷ periods left, each time again, so that a period that was left out is made up
        for. A period counts if it begins before that day; `periods_until` counts them from this one on.
        """
        if period.first is None or period.last is None:
            return 0
        match self.kind:
            case TargetKind.EVERY_PERIOD:
                return self.amount
            case TargetKind.REFILL:
                return max(self.amount - carried, 0)
            case TargetKind.RECURRING if self.due and self.unit and self.every:
                rule = Recurrence(anchor=self.due, unit=self.unit, every=self.every)
                return self.amount * len(rule.occurrences(period.first, period.last))
            case TargetKind.BY_DATE | TargetKind.SINKING:
                due = self.due_from(period.first)
                if due is None:
                    return 0
                return max(divided(self.amount - carried, max(periods_until(due), 1)), 0)
        return 0
