"""Rhythms by weekdays: several of each week, or one of the month, such as the second Tuesday or the last Friday."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from finance.periods import WeekendShift, month_end
from finance.planning.recurrence import CADENCES, LAST_WEEKDAY, MAX_DATES, Cadence, Recurrence, Rhythm, Unit

# Several weekdays of each week: told from the weekdays of the dates, not from the gaps between them.
SEVERAL_A_WEEK = tuple(
    Cadence(name=name, unit=Unit.WEEK, gap=(1, 6), tolerance=0, minimum=4 * days, per_year=Fraction(52 * days))
    for days, name in enumerate(("twice_a_week", "three_a_week", "four_a_week", "five_a_week"), start=2)
)
# Dates that are looked at: of weeks the latest, each weekday a few times; of months at least five, since five payments of
# every fourth week are never on one weekday of the month.
_MOST_OF_WEEKS, _FEWEST_OF_A_WEEKDAY, _FEWEST_OF_MONTHS = 40, 3, 5


def weekday_rhythms(dates: Sequence[datetime.date]) -> Iterator[Rhythm]:
    """Rhythms that the weekdays of the latest dates suggest: several of each week, or one of the month (second Tuesday).

    Whether the payments keep them is weighed afterwards, as of any rhythm.
    """
    latest = dates[-_MOST_OF_WEEKS:]
    of_week = Counter(date.weekday() for date in latest).most_common()
    for cadence in SEVERAL_A_WEEK:
        usual = of_week[: int(cadence.per_year / 52)]
        if (
            len(latest) >= cadence.minimum
            and _are_most(usual, latest, percent=80)
            and usual[-1][1] >= _FEWEST_OF_A_WEEKDAY
        ):
            weekdays = tuple(sorted(weekday for weekday, _count in usual))
            rule = Recurrence(anchor=latest[0], unit=Unit.WEEK, weekdays=weekdays)
            yield _suggested(cadence, rule, latest)
    latest = dates[-MAX_DATES:]
    of_month = Counter(place for date in latest for place in _places(date)).most_common(1)
    if len(latest) < _FEWEST_OF_MONTHS:
        return
    months = sorted(
        (later.year - earlier.year) * 12 + later.month - earlier.month for earlier, later in pairwise(latest)
    )
    every = months[len(months) // 2]
    # Of longer rhythms there are fewer dates, which some weekday of the month fits by chance.
    if not _are_most(of_month, latest, percent=40 if every == 1 else 80):
        return
    for cadence in CADENCES:
        if cadence.unit is Unit.MONTH and not cadence.twice and cadence.every == every:
            rule = Recurrence(
                anchor=latest[0].replace(day=1), unit=Unit.MONTH, every=cadence.every, weekday=of_month[0][0]
            )
            yield _suggested(cadence, rule, latest)


def _are_most(counted: Iterable[tuple[object, int]], dates: Sequence[datetime.date], *, percent: int) -> bool:
    return 100 * sum(count for _what, count in counted) >= percent * len(dates)


def _places(date: datetime.date) -> Iterator[tuple[int, int]]:
    """Which weekdays of its month the date is: the fourth Friday may be the last as well."""
    which = (date.day + 6) // 7
    if which < LAST_WEEKDAY:
        yield which, date.weekday()
    if date.day + 7 > month_end(date).day:
        yield LAST_WEEKDAY, date.weekday()


def _suggested(cadence: Cadence, rule: Recurrence, dates: Sequence[datetime.date]) -> Rhythm:
    exact = len(set(dates) & set(rule.occurrences(dates[0], dates[-1])))
    return Rhythm(
        cadence=cadence, rule=rule, shift=WeekendShift.NONE, dates=tuple(dates), confidence=100 * exact // len(dates)
    )
