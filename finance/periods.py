"""Periods as people name them: "last quarter", "2026-03", the pay period; and what to compare each of them with.

Days are inclusive at both ends. A period that has not ended yet is compared with the same stretch of the one before:
the first nine days of March with the first nine of February.
"""

import calendar
import datetime
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from core.texts import gettext as _
from finance.errors import Invalid
from finance.public_holidays import is_free

_SATURDAY = 5
_ONE_DAY = datetime.timedelta(days=1)
_LAST_ORDINAL = datetime.date.max.toordinal()
MAX_PAY_WEEKS = 8
# The farthest that weekends and holidays move a day; where all the days about it are free, it stays.
MOST_MOVED = 10


class WeekendShift(StrEnum):
    """Which weekday a date on a weekend moves to."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    NEAREST = "nearest"


def shifted(date: datetime.date, shift: WeekendShift, holidays: str = "") -> datetime.date:
    """The weekday on which a nominal date is shown or booked. Only for display: bounds and indexes use nominal dates.

    With `holidays`, a region such as "DE-BY", it is a working day there: neither weekend nor public holiday; of two that
    are as near the earlier one. It is at most MOST_MOVED days away.
    """
    if holidays and shift is not WeekendShift.NONE:
        return _working_day(date, shift, holidays)
    days_into_weekend = date.weekday() - _SATURDAY
    if shift is WeekendShift.NONE or days_into_weekend < 0:
        return date
    if shift is WeekendShift.BEFORE or (shift is WeekendShift.NEAREST and days_into_weekend == 0):
        return date - datetime.timedelta(days=1 + days_into_weekend)
    return date + datetime.timedelta(days=2 - days_into_weekend)


def _working_day(date: datetime.date, shift: WeekendShift, region: str) -> datetime.date:
    ordinal = date.toordinal()
    for days in range(MOST_MOVED + 1):
        for there, wanted in ((ordinal - days, WeekendShift.BEFORE), (ordinal + days, WeekendShift.AFTER)):
            if shift in (wanted, WeekendShift.NEAREST) and 1 <= there <= _LAST_ORDINAL:
                day = datetime.date.fromordinal(there)
                if not is_free(day, region=region):
                    return day
    return date


def day_in_month(year: int, month: int, day: int) -> datetime.date:
    """That day of the month, or its last day where the month is shorter. Raises ValueError outside the years 1 to 9999."""
    return datetime.date(year, month, min(day, calendar.monthrange(year, month)[1]))


def months_later(date: datetime.date, months: int) -> datetime.date:
    """The same day that many months later (or earlier), or the last day of a month that is shorter."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    return day_in_month(year, month + 1, date.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRule:
    """When a household's money month begins: on a day of the month, or every `weeks` weeks from `anchor`.

    A day that a month does not have is its last; `shift` moves a payday that falls on a weekend. Each period ends the
    day before the next begins, so every day belongs to exactly one. Raises Invalid for a rule that has no meaning.
    """

    day: int | None = None
    shift: WeekendShift = WeekendShift.NONE
    anchor: datetime.date | None = None
    weeks: int | None = None

    def __post_init__(self) -> None:
        if (self.day is None) == (self.anchor is None or self.weeks is None):
            raise Invalid(
                field="day", reason=_("Give a day of the month, or a first payday and the weeks between two.")
            )
        if self.day is not None and (self.anchor is not None or self.weeks is not None):
            raise Invalid(field="day", reason=_("Give a day of the month or a number of weeks, not both."))
        if self.day is not None and not 1 <= self.day <= 31:
            raise Invalid(field="day", reason=_("A day of the month is a number from 1 to 31."))
        if self.weeks is not None and not 1 <= self.weeks <= MAX_PAY_WEEKS:
            raise Invalid(
                field="weeks",
                reason=_("Paydays are 1 to %(max_pay_weeks)s weeks apart.") % {"max_pay_weeks": MAX_PAY_WEEKS},
            )

    def start_of(self, date: datetime.date) -> datetime.date:
        """The first day of the period that `date` is in. Raises Invalid at the ends of the calendar."""
        try:
            if self.anchor is not None and self.weeks is not None:
                return date - datetime.timedelta(days=(date - self.anchor).days % (7 * self.weeks))
            # A weekend moves a start by two days at most, so it may lie in a neighbouring month.
            around = (months_later(date.replace(day=1), months) for months in (1, 0, -1, -2))
            paydays = (shifted(day_in_month(each.year, each.month, self.day or 1), self.shift) for each in around)
            return next(start for start in paydays if start <= date)
        except (ValueError, OverflowError) as error:
            raise Invalid(field="period", reason=_("There is no pay period at this end of the calendar.")) from error

    def next_start(self, date: datetime.date) -> datetime.date:
        """The first day of the period after the one that `date` is in."""
        start = self.start_of(date)
        if self.weeks is not None:
            return start + datetime.timedelta(weeks=self.weeks)
        # Far enough for the next start, never as far as the one after it.
        following = start + datetime.timedelta(days=26)
        while (found := self.start_of(following)) == start:
            following += _ONE_DAY
        return found

    def period_at(self, date: datetime.date) -> "Period":
        """The pay period that `date` is in."""
        return Period(first=self.start_of(date), last=self.next_start(date) - _ONE_DAY, pay=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from `first` to `last`, both included; None is open at that end.

    `months` is how many calendar months it is made of (0: it is not), `pay` the rule that it is a pay period of.
    """

    first: datetime.date | None = None
    last: datetime.date | None = None
    months: int = 0
    pay: PayRule | None = None

    @property
    def is_bounded(self) -> bool:
        return self.first is not None and self.last is not None

    def days(self) -> int:
        """How many days it has. Raises ValueError where it is open."""
        if self.first is None or self.last is None:
            raise ValueError("An open period has no number of days.")
        return (self.last - self.first).days + 1

    def before(self) -> "Period | None":
        """The period before it, of the same kind: a month before a month, as many days before any other days.

        None where it is open, or where the calendar ends.
        """
        if self.first is None or self.last is None:
            return None
        try:
            last = self.first - _ONE_DAY
            if self.months:
                return Period(first=months_later(self.first, -self.months), last=last, months=self.months)
            if self.pay:
                return self.pay.period_at(last)
            return Period(first=self.first - datetime.timedelta(days=self.days()), last=last)
        except (ValueError, OverflowError, Invalid):
            return None

    def after(self) -> "Period | None":
        """The period after it, of the same kind. None where it is open, or where the calendar ends."""
        if self.first is None or self.last is None:
            return None
        try:
            first = self.last + _ONE_DAY
            if self.months:
                last = month_end(months_later(first, self.months - 1))
                return Period(first=first, last=last, months=self.months)
            if self.pay:
                return self.pay.period_at(first)
            return Period(first=first, last=self.last + datetime.timedelta(days=self.days()))
        except (ValueError, OverflowError, Invalid):
            return None

    def a_year_before(self) -> "Period | None":
        """The same period a year earlier; of whole months whole months. None where it is open."""
        if self.first is None or self.last is None or self.first.year <= 1:
            return None
        if self.pay:
            return self.pay.period_at(months_later(self.first, -12) + datetime.timedelta(days=self.days() // 2))
        first = months_later(self.first, -12)
        if self.months:
            return Period(first=first, last=month_end(months_later(first, self.months - 1)), months=self.months)
        return Period(first=first, last=max(first, months_later(self.last, -12)))

    def same_stretch(self, other: "Period", *, today: datetime.date) -> "Period":
        """Of `other` (the period before, or that of last year) the days up to which this one has come by `today`.

        All of it where this period is over. Of months the same day of the month counts, otherwise as many days.
        """
        if self.first is None or self.last is None or other.first is None or other.last is None:
            return other
        if not self.first <= today < self.last:
            return other
        if self.months:
            back = (self.first.year - other.first.year) * 12 + self.first.month - other.first.month
            last = months_later(today, -back)
        else:
            last = other.first + (today - self.first)
        return Period(first=other.first, last=min(last, other.last))


class Preset(StrEnum):
    """Periods by name, as in addresses."""

    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    THIS_QUARTER = "this-quarter"
    LAST_QUARTER = "last-quarter"
    THIS_YEAR = "this-year"
    LAST_YEAR = "last-year"
    LAST_30_DAYS = "last-30-days"
    LAST_90_DAYS = "last-90-days"
    THIS_PAY = "this-pay-period"
    LAST_PAY = "last-pay-period"
    ALL = "all"


_MONTHS = {
    Preset.THIS_MONTH: (1, 0),
    Preset.LAST_MONTH: (1, 1),
    Preset.THIS_QUARTER: (3, 0),
    Preset.LAST_QUARTER: (3, 1),
    Preset.THIS_YEAR: (12, 0),
    Preset.LAST_YEAR: (12, 1),
}
_PRESETS = frozenset(preset.value for preset in Preset)
_DAYS = {Preset.LAST_30_DAYS: 30, Preset.LAST_90_DAYS: 90}


def preset_period(preset: Preset, *, today: datetime.date, pay: PayRule | None = None) -> Period:
    """The days of the preset on the day `today`. Raises Invalid for a pay period where the book has no rule."""
    if preset is Preset.ALL:
        return Period()
    if preset in _DAYS:
        return Period(first=today - datetime.timedelta(days=_DAYS[preset] - 1), last=today)
    if preset in _MONTHS:
        months, back = _MONTHS[preset]
        return whole_months(months_later(today, -back * months), months)
    if pay is None:
        raise Invalid(field="period", reason=_("This book has no pay period yet. Set one in the book's settings."))
    current = pay.period_at(today)
    return current if preset is Preset.THIS_PAY else pay.period_at((current.first or today) - _ONE_DAY)


_CALENDAR = re.compile(r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>[0-9]{2})))?", re.ASCII)
_RANGE = re.compile(r"(?P<first>[0-9-]{10})?\.\.(?P<last>[0-9-]{10})?", re.ASCII)


def read_period(text: str, *, today: datetime.date, pay: PayRule | None = None) -> Period:
    """The period of its text in an address.

    A preset, a year "2026", a quarter "2026-Q3", a month "2026-03", or days "2026-03-05..2026-04-04" of which either
    may be left out. Raises Invalid (field "period").
    """
    if text in _PRESETS:
        return preset_period(Preset(text), today=today, pay=pay)
    try:
        if found := _CALENDAR.fullmatch(text):
            year = int(found["year"])
            if found["month"]:
                return whole_months(datetime.date(year, int(found["month"]), 1), 1)
            if found["quarter"]:
                return whole_months(datetime.date(year, 3 * int(found["quarter"]) - 2, 1), 3)
            return whole_months(datetime.date(year, 1, 1), 12)
        if found := _RANGE.fullmatch(text):
            first, last = (datetime.date.fromisoformat(each) if each else None for each in found.group("first", "last"))
            return days_between(first, last, pay=pay)
    except ValueError as error:
        raise Invalid(
            field="period", reason=_("“%(text)s” names a day that does not exist.") % {"text": text[:40]}
        ) from error
    raise Invalid(
        field="period",
        reason=_("“%(text)s” is no period such as last-month, 2026-Q3 or 2026-03.") % {"text": text[:40]},
    )


def days_between(first: datetime.date | None, last: datetime.date | None, *, pay: PayRule | None = None) -> Period:
    """The period of these days: a month, quarter, year or pay period where it is exactly one. Raises Invalid."""
    if first is not None and last is not None:
        if last < first:
            raise Invalid(
                field="end",
                reason=_("The last day, %(last)s, is before the first, %(first)s.") % {"last": last, "first": first},
            )
        for months in (1, 3, 12):
            whole = whole_months(first, months)
            if (whole.first, whole.last) == (first, last):
                return whole
        if (
            pay is not None
            and 1 < first.year < datetime.MAXYEAR
            and (found := pay.period_at(first)).first == first
            and found.last == last
        ):
            return found
    return Period(first=first, last=last)


def period_token(period: Period) -> str:
    """The text of a period in an address; `read_period` reads it."""
    first, last = period.first, period.last
    if first is None and last is None:
        return Preset.ALL.value
    if first is not None and period.months in (1, 3, 12):
        year = f"{first.year:04}"
        return {1: f"{year}-{first.month:02}", 3: f"{year}-Q{(first.month + 2) // 3}", 12: year}[period.months]
    return f"{first.isoformat() if first else ''}..{last.isoformat() if last else ''}"


def whole_months(date: datetime.date, months: int) -> Period:
    """The month, quarter or year that holds the date."""
    month = (date.month - 1) // months * months + 1
    first = datetime.date(date.year, month, 1)
    last = month_end(datetime.date(date.year, month + months - 1, 1))
    return Period(first=first, last=last, months=months)


def months_in(first: datetime.date, last: datetime.date) -> Fraction:
    """How many months these days are, both included; a month that is cut counts by its days."""
    months, day = Fraction(0), first
    while day <= last:
        end = month_end(day)
        months += Fraction((min(end, last) - day).days + 1, end.day)
        if end >= last:
            break
        day = end + _ONE_DAY
    return months


def month_end(date: datetime.date) -> datetime.date:
    """The last day of the month that holds the date."""
    return day_in_month(date.year, date.month, 31)
