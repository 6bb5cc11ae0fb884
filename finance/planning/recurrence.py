"""Recurrence: the dates of a rule, counted from its anchor, and the rhythm that a list of dates keeps.

The one calendar for schedules and for everything that has to know when something comes again. Dates are a function of
the rule alone: never of the window that is asked for, of today or of the last run.
"""

import calendar
import datetime
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from finance.periods import WeekendShift, day_in_month, shifted

# As a day of the month: no month is longer, so in every month this is its last day.
LAST_DAY = 31
# As the number of a weekday within its month: the fifth, or the fourth where there are only four.
LAST_WEEKDAY = 5

_LAST_ORDINAL = datetime.date.max.toordinal()


class Unit(StrEnum):
    """What a rule counts in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A rule: every n units from the anchor, which is the first day that may be an occurrence.

    Days and weeks are counted from the anchor; with `weekdays` (0 is Monday) from the Monday of the anchor's week, on each
    of these days. Months and years are counted from the anchor's month, on `days` of the month (any number of them;
    without any the anchor's own), or on a weekday of the month: `weekday` is (which, weekday), so (2, 1) is the second
    Tuesday and (LAST_WEEKDAY, 4) the last Friday. A day that a month does not have is its last day; the rule keeps the
    31st, so the next long month has it again. Two days that fall together in February are two occurrences.

    Raises ValueError for a rule that has no meaning.
    """

    anchor: datetime.date
    unit: Unit
    every: int = 1
    days: tuple[int, ...] = ()
    weekday: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("A rule repeats every 1 or more units.")
        if self.unit in (Unit.DAY, Unit.WEEK) and (self.days or self.weekday):
            raise ValueError("Only months and years have days of the month.")
        if self.days and self.weekday:
            raise ValueError("A rule has days of the month or a weekday, not both.")
        if list(self.days) != sorted(set(self.days)) or not all(1 <= day <= LAST_DAY for day in self.days):
            raise ValueError("Days of the month are different numbers from 1 to 31, the lower one first.")
        if self.weekday and not (1 <= self.weekday[0] <= LAST_WEEKDAY and 0 <= self.weekday[1] <= 6):
            raise ValueError("A weekday of the month is a number from 1 to 5 and a weekday from 0 to 6.")
        if self.weekdays and self.unit is not Unit.WEEK:
            raise ValueError("Only weeks have several weekdays.")
        if list(self.weekdays) != sorted(set(self.weekdays)) or not all(0 <= day <= 6 for day in self.weekdays):
            raise ValueError("Weekdays are different numbers from 0 to 6, the lower one first.")

    def at(self, index: int) -> datetime.date | None:
        """The occurrence with that index (the first has 0); None behind the year 9999."""
        if index < 0:
            raise ValueError("Occurrences are counted from 0.")
        if self._months == 0:
            ordinal = self._ordinal_at(index)
            return datetime.date.fromordinal(ordinal) if ordinal <= _LAST_ORDINAL else None
        step, slot = divmod(index + self._skipped(), len(self.days) or 1)
        year, month = divmod(_month_number(self.anchor) + step * self._months, 12)
        return self._in_month(year, month + 1)[slot] if year <= datetime.MAXYEAR else None

    def occurrences(self, first: datetime.date, last: datetime.date) -> list[datetime.date]:
        """Nominal dates from `first` to `last`, both included."""
        found = []
        index = self._first_index(first)
        while (date := self.at(index)) is not None and date <= last:
            found.append(date)
            index += 1
        return found

    def next_after(self, date: datetime.date) -> datetime.date | None:
        """The first occurrence later than `date`; None behind the year 9999."""
        index = self._first_index(date)
        while (following := self.at(index)) is not None and following <= date:
            index += 1
        return following

    def nearest(self, date: datetime.date) -> datetime.date | None:
        """The occurrence that is fewest days away, the earlier of two: what a payment of that date belongs to."""
        index = self._first_index(date)
        around = [self.at(index - 1) if index else None, self.at(index)]
        known = [each for each in around if each is not None]
        return min(known, key=lambda each: abs((each - date).days)) if known else None

    def reaching_back(self, date: datetime.date) -> "Recurrence":
        """The rule that goes on backwards: the same dates, and those of the same rhythm from about `date` on."""
        if date >= self.anchor:
            return self
        if self._months == 0:
            # Of several weekdays the Monday of a week, so that none of its days is lost.
            anchor = self._monday if self.weekdays else self.anchor.toordinal()
            steps = -((date.toordinal() - anchor) // self._days)
            ordinal = max(1, anchor - steps * self._days)
            if (anchor - ordinal) % self._days:
                return self
            return replace(self, anchor=datetime.date.fromordinal(ordinal))
        steps = -((_month_number(date) - _month_number(self.anchor)) // self._months)
        year, month = divmod(_month_number(self.anchor) - steps * self._months, 12)
        if year < datetime.MINYEAR:
            return self
        days = () if self.weekday else self.days or (self.anchor.day,)
        return replace(self, anchor=datetime.date(year, month + 1, 1), days=days)

    def count_before(self, date: datetime.date) -> int:
        """How many occurrences are before `date`."""
        return self._first_index(date)

    @property
    def _days(self) -> int:
        return self.every * (7 if self.unit is Unit.WEEK else 1)

    @property
    def _months(self) -> int:
        """Months of a step; 0 for rules of days and weeks."""
        return {Unit.MONTH: self.every, Unit.YEAR: 12 * self.every}.get(self.unit, 0)

    @property
    def _monday(self) -> int:
        """The ordinal of the Monday of the anchor's week."""
        return self.anchor.toordinal() - self.anchor.weekday()

    def _ordinal_at(self, index: int) -> int:
        """The day with that index of a rule of days or weeks."""
        if not self.weekdays:
            return self.anchor.toordinal() + index * self._days
        week, slot = divmod(index + bisect_left(self.weekdays, self.anchor.weekday()), len(self.weekdays))
        return self._monday + week * self._days + self.weekdays[slot]

    def _in_month(self, year: int, month: int) -> list[datetime.date]:
        """The rule's dates in one month."""
        if self.weekday is None:
            return [day_in_month(year, month, day) for day in self.days or (self.anchor.day,)]
        which, weekday = self.weekday
        first_weekday, length = calendar.monthrange(year, month)
        day = 1 + (weekday - first_weekday) % 7 + 7 * (which - 1)
        return [datetime.date(year, month, day if day <= length else day - 7)]

    def _skipped(self) -> int:
        """How many dates of the anchor's own month are before the anchor."""
        return bisect_left(self._in_month(self.anchor.year, self.anchor.month), self.anchor)

    def _first_index(self, date: datetime.date) -> int:
        """Index of the first occurrence on or after `date`, by arithmetic: a far window costs as much as a near one."""
        if date <= self.anchor:
            return 0
        if self.weekdays:
            weeks = (date.toordinal() - self._monday) // self._days
            index = max(0, weeks * len(self.weekdays) - bisect_left(self.weekdays, self.anchor.weekday()))
        elif self._months == 0:
            return -((self.anchor - date).days // self._days)
        else:
            steps = (_month_number(date) - _month_number(self.anchor)) // self._months
            index = max(0, steps * (len(self.days) or 1) - self._skipped())
        while (found := self.at(index)) is not None and found < date:
            index += 1
        return index


def _month_number(date: datetime.date) -> int:
    return date.year * 12 + date.month - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A rhythm that is looked for. `tolerance` is the days that a date may be early or late, beside weekends.

    `gap` are the fewest and most days between two due dates; `minimum` is how many dates make the rhythm believable.
    """

    name: str
    unit: Unit
    every: int = 1
    twice: bool = False
    gap: tuple[int, int]
    tolerance: int
    minimum: int
    per_year: Fraction

    def follows(self, earlier: datetime.date, later: datetime.date) -> bool:
        """Whether `later` may be one step after `earlier`, each of them about its due date."""
        shortest, longest = self.gap
        # Two days more: a weekend may move either of them.
        return shortest - self.tolerance - 2 <= (later - earlier).days <= longest + self.tolerance + 2

    def needs(self, minimum: int) -> int:
        """Dates that are needed where somebody asks for at least `minimum`; from a year on its own minimum does."""
        return self.minimum if self.per_year <= 1 else max(self.minimum, minimum)


def _days(name: str, days: int, *, tolerance: int, minimum: int, per_year: int) -> Cadence:
    unit, every = (Unit.DAY, days) if days % 7 else (Unit.WEEK, days // 7)
    return Cadence(
        name=name,
        unit=unit,
        every=every,
        gap=(days, days),
        tolerance=tolerance,
        minimum=minimum,
        per_year=Fraction(per_year),
    )


def _months(name: str, months: int, gap: tuple[int, int], *, tolerance: int, minimum: int) -> Cadence:
    return Cadence(
        name=name,
        unit=Unit.MONTH,
        every=months,
        gap=gap,
        tolerance=tolerance,
        minimum=minimum,
        per_year=Fraction(12, months),
    )


# Direct debits slide over holidays, the longer the rhythm the more; a year also over the billing day.
CADENCES = (
    _days("day", 1, tolerance=0, minimum=7, per_year=365),
    _days("week", 7, tolerance=1, minimum=4, per_year=52),
    _days("fortnight", 14, tolerance=2, minimum=4, per_year=26),
    Cadence(
        name="twice_a_month",
        unit=Unit.MONTH,
        twice=True,
        gap=(11, 20),
        tolerance=3,
        minimum=4,
        per_year=Fraction(24),
    ),
    _days("four_weeks", 28, tolerance=2, minimum=4, per_year=13),
    _months("month", 1, (28, 31), tolerance=4, minimum=3),
    _months("two_months", 2, (59, 62), tolerance=7, minimum=3),
    _months("quarter", 3, (89, 92), tolerance=7, minimum=3),
    _months("four_months", 4, (120, 123), tolerance=7, minimum=3),
    _months("half_year", 6, (181, 184), tolerance=7, minimum=3),
    _months("year", 12, (365, 366), tolerance=12, minimum=2),
    _months("two_years", 24, (730, 731), tolerance=12, minimum=3),
)
# The latest dates that a rhythm is judged by: a year of four weeks each.
MAX_DATES = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A rhythm that was found, with its proof: the latest dates, each about the rule's occurrence of the same index.

    `confidence` is the percentage of these dates that came exactly when due, with weekends moved as `shift` says.
    """

    cadence: Cadence
    rule: Recurrence
    shift: WeekendShift
    dates: tuple[datetime.date, ...]
    confidence: int

    def due(self, steps: int = 1) -> datetime.date | None:
        """The nominal date that many steps after the latest date; counted from the anchor."""
        return self.rule.at(len(self.dates) - 1 + steps)

    def expected(self, steps: int = 1) -> datetime.date | None:
        """The day on which that date is likely to be booked: not on a weekend where these dates kept off weekends."""
        due = self.due(steps)
        return None if due is None else shifted(due, self.shift)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """How a rule meets dates: days off in total, and dates that came exactly when due."""

    off: int
    exact: int
    rule: Recurrence
    shift: WeekendShift

    @property
    def rank(self) -> tuple[int, int, tuple[int, ...]]:
        """The best fit has the lowest: fewest days off, most exact dates, lowest days of the month."""
        return self.off, -self.exact, self.rule.days


def detect(dates: Iterable[datetime.date], *, minimum: int = 0) -> Rhythm | None:
    """The rhythm that the latest of the dates keep; None where there is none, or where two explain them equally well.

    A rhythm that explains at least two dates more than another wins; otherwise the one that is fewer days off over the
    dates that both explain. `minimum` asks for more dates than a rhythm needs by itself.
    """
    ordered = sorted(set(dates))
    explained = {cadence: found for cadence in CADENCES if (found := _longest_fit(cadence, ordered))}
    best: Cadence | None = None
    for cadence, (count, _fit) in explained.items():
        if best is None:
            best = cadence
            continue
        better = _compare(ordered, (best, explained[best][0]), (cadence, count))
        if better == 0:
            return None
        best = cadence if better > 0 else best
    if best is None:
        return None
    count, fit = explained[best]
    if count < best.needs(minimum):
        return None
    return Rhythm(
        cadence=best,
        rule=fit.rule,
        shift=fit.shift,
        dates=tuple(ordered[-count:]),
        confidence=100 * fit.exact // count,
    )


def _longest_fit(cadence: Cadence, ordered: Sequence[datetime.date]) -> tuple[int, _Fit] | None:
    """The most of the latest dates that keep the cadence, and how; at least two."""
    found = None
    for count in range(2, min(len(ordered), MAX_DATES) + 1):
        latest = ordered[-count:]
        fit = _best_fit(cadence, latest) if cadence.follows(latest[0], latest[1]) else None
        if fit is None:
            break
        found = count, fit
    return found


def _compare(ordered: Sequence[datetime.date], one: tuple[Cadence, int], other: tuple[Cadence, int]) -> int:
    """Above zero where the other rhythm explains the dates better, below zero where the first does."""
    longer = other[1] - one[1]
    if abs(longer) >= 2:
        return longer
    common = ordered[-min(one[1], other[1]) :]
    fits = [_best_fit(cadence, common) for cadence, _count in (one, other)]
    off = [fit.off if fit else len(common) * 31 for fit in fits]
    return off[0] - off[1] or longer


def _best_fit(cadence: Cadence, dates: Sequence[datetime.date]) -> _Fit | None:
    """The rule of that cadence that meets all the dates best; None where one of them is too far off."""
    fits = (
        fit
        for rule in _rules(cadence, dates)
        for shift in WeekendShift
        if (fit := _fit_of(rule, shift, dates, tolerance=cadence.tolerance))
    )
    return min(fits, key=lambda fit: fit.rank, default=None)


def _fit_of(rule: Recurrence, shift: WeekendShift, dates: Sequence[datetime.date], *, tolerance: int) -> _Fit | None:
    off = exact = 0
    for index, date in enumerate(dates):
        due = rule.at(index)
        days = tolerance + 1 if due is None else abs((date - shifted(due, shift)).days)
        if days > tolerance:
            return None
        off += days
        exact += days == 0
    return _Fit(off=off, exact=exact, rule=rule, shift=shift)


def _rules(cadence: Cadence, dates: Sequence[datetime.date]) -> Iterator[Recurrence]:
    """Rules of the cadence on which at least one of the dates (of each half of the month) is exact."""
    if cadence.unit in (Unit.DAY, Unit.WEEK):
        step = cadence.gap[0]
        for ordinal in {date.toordinal() - step * index for index, date in enumerate(dates)}:
            if 1 <= ordinal <= _LAST_ORDINAL:
                yield Recurrence(anchor=datetime.date.fromordinal(ordinal), unit=cadence.unit, every=cadence.every)
        return
    first_days = {date.day for date in (dates[::2] if cadence.twice else dates)}
    other_days = {date.day for date in dates[1::2]} if cadence.twice else {0}
    for first_day in first_days:
        for anchor in _near(dates[0], first_day, within=cadence.tolerance + 2):
            for other_day in other_days - {first_day}:
                days = tuple(sorted(day for day in (first_day, other_day) if day))
                yield Recurrence(anchor=anchor, unit=cadence.unit, every=cadence.every, days=days)


def _near(date: datetime.date, day: int, *, within: int) -> Iterator[datetime.date]:
    """That day of the month before, of and after `date`, where it is close: the 1st may be paid on the 31st."""
    for month in (-1, 0, 1):
        year, month_of_year = divmod(_month_number(date) + month, 12)
        if datetime.MINYEAR <= year <= datetime.MAXYEAR:
            near = day_in_month(year, month_of_year + 1, day)
            if abs((near - date).days) <= within:
                yield near
