"""The periods of a budget: days, weeks, months from any day, years, from payday to payday, or one stretch of days.

Periods follow each other without a gap or an overlap, so every day belongs to exactly one.
"""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from core.texts import gettext as _
from finance.errors import Invalid
from finance.periods import PayRule, Period, WeekendShift, day_in_month, shifted, whole_months

_ONE_DAY = datetime.timedelta(days=1)
# Ten years of months: what one answer shows at most.
MOST_PERIODS = 132
MOST_EVERY = 400
# Thirty years of days: as far as figures are computed from the beginning of a budget.
_MOST_COMPUTED = 12_000


class CalendarUnit(StrEnum):
    """What a budget's calendar counts in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    PAY = "pay"  # the pay period of the book
    ONCE = "once"  # from `anchor` to `last`


class LabelBy(StrEnum):
    """Which of its days names a period: from 24 December to 23 January is December's, or January's."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCalendar:
    """Every `every` units from `anchor`; periods before the anchor follow the same rhythm.

    Months and years begin on `day` (else on the anchor's own day), which in a short month is its last; `shift` moves a
    start that falls on a weekend. `pay` is the book's rule, for the unit of that name. Raises Invalid for a calendar
    that has no meaning.
    """

    unit: CalendarUnit
    every: int = 1
    anchor: datetime.date | None = None
    day: int | None = None
    shift: WeekendShift = WeekendShift.NONE
    last: datetime.date | None = None
    pay: PayRule | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.every <= MOST_EVERY:
            raise Invalid(field="every", reason=_("A period has 1 to %(most)s of its units.") % {"most": MOST_EVERY})
        if self.day is not None and not 1 <= self.day <= 31:
            raise Invalid(field="day", reason=_("A day of the month is a number from 1 to 31."))
        by_month = self.unit in (CalendarUnit.MONTH, CalendarUnit.YEAR)
        if not by_month and (self.day is not None or self.shift is not WeekendShift.NONE):
            raise Invalid(field="day", reason=_("Only months and years begin on a day of the month."))
        if self.unit in (CalendarUnit.DAY, CalendarUnit.WEEK, CalendarUnit.ONCE) and self.anchor is None:
            raise Invalid(field="anchor", reason=_("Give the first day of a period."))
        if (self.unit is CalendarUnit.ONCE) != (self.last is not None):
            raise Invalid(field="last", reason=_("One stretch of days has a last day, and nothing else has."))
        if self.anchor is not None and self.last is not None and self.last < self.anchor:
            raise Invalid(
                field="last",
                reason=_("The last day, %(last)s, is before the first, %(first)s.")
                % {"last": self.last, "first": self.anchor},
            )
        if self.unit is CalendarUnit.PAY and self.pay is None:
            raise Invalid(field="unit", reason=_("This book has no pay period yet. Set one in the book's settings."))

    def period_at(self, date: datetime.date) -> Period:
        """The period that `date` is in; of one stretch always that. Raises Invalid (on) at the ends of the calendar."""
        try:
            if self.unit is CalendarUnit.ONCE:
                return Period(first=self.anchor, last=self.last)
            if self.pay is not None and self.unit is CalendarUnit.PAY:
                return self.pay.period_at(date)
            if self._days and self.anchor is not None:
                first = date - datetime.timedelta(days=(date - self.anchor).days % self._days)
                return Period(first=first, last=first + datetime.timedelta(days=self._days - 1))
            near = (date.year * 12 + date.month - 1 - self._phase) // self._months
            # A weekend moves a start by two days at most, so it may lie in a neighbouring month.
            index = next(each for each in (near + 1, near, near - 1, near - 2) if self._start(each) <= date)
            first, last = self._start(index), self._start(index + 1) - _ONE_DAY
        except (ValueError, OverflowError, Invalid) as error:
            raise Invalid(field="on", reason=_("There is no period at this end of the calendar.")) from error
        whole = whole_months(first, self._months) if self._months in (1, 3, 12) else None
        return whole if whole and (whole.first, whole.last) == (first, last) else Period(first=first, last=last)

    def periods(self, first: datetime.date, last: datetime.date) -> list[Period]:
        """All periods that have a day from `first` to `last`. Raises Invalid (last) where they are too many."""
        found: list[Period] = []
        period = self.period_at(first)
        while period.first is not None and period.last is not None and period.first <= last:
            if period.last >= first:
                found.append(period)
            if len(found) > _MOST_COMPUTED:
                raise Invalid(field="last", reason=_("These are too many periods. Choose fewer days."))
            if self.unit is CalendarUnit.ONCE or period.last >= datetime.date.max - _ONE_DAY:
                break
            period = self.period_at(period.last + _ONE_DAY)
        return found

    def label_day(self, period: Period, by: LabelBy) -> datetime.date | None:
        """The day whose month names the period; None where its days do: only months that begin later have such a name."""
        if self.unit is not CalendarUnit.MONTH or self.every != 1 or period.months:
            return None
        return period.first if by is LabelBy.START else period.last

    @property
    def _days(self) -> int:
        """Days of a period; 0 where they differ."""
        return self.every * {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7}.get(self.unit, 0)

    @property
    def _months(self) -> int:
        return self.every * (12 if self.unit is CalendarUnit.YEAR else 1)

    @property
    def _phase(self) -> int:
        """The month that a period begins in, counted from the year 0."""
        return self.anchor.year * 12 + self.anchor.month - 1 if self.anchor else 2000 * 12

    def _start(self, index: int) -> datetime.date:
        year, month = divmod(self._phase + index * self._months, 12)
        day = self.day or (self.anchor.day if self.anchor else 1)
        return shifted(day_in_month(year, month + 1, day), self.shift)
