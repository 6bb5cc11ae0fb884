"""Day counts: which part of a year lies between two days. Exact fractions, without a database.

Source: 2006 ISDA Definitions, section 4.16 (day count fractions); the letters below are its paragraphs.
"""

import calendar
import datetime
from enum import StrEnum
from fractions import Fraction


class DayCount(StrEnum):
    """How the days of a period become a part of a year; printed on every table."""

    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30E/360"
    ACT_365 = "act/365"
    ACT_360 = "act/360"
    ACT_ACT = "act/act"

    @property
    def has_equal_months(self) -> bool:
        """Whether every month counts as a twelfth of a year."""
        return self in (DayCount.THIRTY_360, DayCount.THIRTY_E_360)


def days_between(*, first: datetime.date, last: datetime.date, count: DayCount) -> int:
    """Days of interest from `first` (included) to `last` (not included), as the convention counts them.

    30/360 (f, "bond basis"): the 31st as a first day is the 30th; as a last day too where the first is the 30th or
    31st. 30E/360 (g, "Eurobond basis"): the 31st is always the 30th. All others: days of the calendar.
    """
    if not count.has_equal_months:
        return (last - first).days
    first_day = min(first.day, 30)
    last_day = min(last.day, 30) if count is DayCount.THIRTY_E_360 or first_day == 30 else last.day
    return 360 * (last.year - first.year) + 30 * (last.month - first.month) + last_day - first_day


def year_fraction(*, first: datetime.date, last: datetime.date, count: DayCount) -> Fraction:
    """The part of a year from `first` to `last`.

    act/365 (d, "fixed") and act/360 (e) divide the days by that number. act/act (b, ISDA) counts the days in leap years
    over 366 and the others over 365.
    """
    if count is not DayCount.ACT_ACT:
        return Fraction(days_between(first=first, last=last, count=count), 365 if count is DayCount.ACT_365 else 360)
    leap = sum(
        (min(last, datetime.date(year + 1, 1, 1)) - max(first, datetime.date(year, 1, 1))).days
        for year in range(first.year, last.year + 1)
        if calendar.isleap(year)
    )
    return Fraction(leap, 366) + Fraction((last - first).days - leap, 365)
