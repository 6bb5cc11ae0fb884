"""A rule of ours as a recurrence rule of iCalendar (RFC 5545, 3.3.10 and 3.8.5.3), and back.

Both count differently: a day that a month does not have is left out by iCalendar, and its last day here. So the 31st is
written as the last of the days 28 to 31 (BYSETPOS=-1). What has no equal is refused by name; what is read is laid beside
python-dateutil's own reading of it, and refused where one date differs.
"""

import datetime
import itertools
import re
from dataclasses import dataclass

from dateutil.rrule import rrulestr

from core.texts import gettext as _
from finance.errors import Invalid
from finance.periods import WeekendShift, month_end, shifted
from finance.planning.recurrence import LAST_DAY, LAST_WEEKDAY, Recurrence, Unit

MOST_TEXT = 500
MOST_EVERY = 1000
MOST_COUNT = 10_000
# Every month has it; a later day may be missing.
_SAFE_DAY = 28
# Dates that are compared with dateutil's: more than four years of months, and leap years for rules of years.
_COMPARED, _YEARS_COMPARED = 60, 10
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKING = "MO,TU,WE,TH,FR"
_UNITS = {Unit.DAY: "DAILY", Unit.WEEK: "WEEKLY", Unit.MONTH: "MONTHLY", Unit.YEAR: "YEARLY"}
_KNOWN = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
_ONE_WEEKDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,5}", re.ASCII)
_DATE = re.compile(r"([0-9]{8})(T[0-9]{6}Z?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRule:
    """A rule that was read; it ends by a day (nominal, included), by a count, or not at all."""

    rule: Recurrence
    shift: WeekendShift = WeekendShift.NONE
    until: datetime.date | None = None
    count: int | None = None


def rrule_of(
    *,
    rule: Recurrence,
    shift: WeekendShift = WeekendShift.NONE,
    holidays: str = "",
    until: datetime.date | None = None,
    count: int | None = None,
) -> str:
    """The value of an RRULE whose DTSTART is the rule's first date. `until` is a nominal date, included.

    Raises Invalid (field "rule") for what iCalendar cannot say: most days that move off weekends, all that move off
    public holidays, and two days of the month that fall together in February.
    """
    if holidays and shift is not WeekendShift.NONE:
        reason = _(
            "iCalendar has no rule for a day that moves off public holidays. The calendar feed has the days themselves; or "
            "let the schedule stay on its day."
        )
        raise Invalid(field="rule", reason=reason)
    parts = [f"FREQ={_UNITS[rule.unit]}"]
    if rule.every > 1:
        parts.append(f"INTERVAL={rule.every}")
    if rule.weekdays:
        parts.append(f"BYDAY={','.join(_WEEKDAYS[day] for day in rule.weekdays)}")
    if rule.unit in (Unit.MONTH, Unit.YEAR):
        if rule.unit is Unit.YEAR:
            parts.append(f"BYMONTH={rule.anchor.month}")
        parts += _working_day(rule, shift) or _days_of_month(rule)
    if shift is not WeekendShift.NONE and f"BYDAY={_WORKING}" not in parts:
        reason = _(
            "iCalendar has no rule for a day that moves off weekends. The calendar feed has the days themselves; or let "
            "the schedule stay on its day."
        )
        raise Invalid(field="rule", reason=reason)
    if until is not None:
        # A moved day counts with the day that it moves to.
        until += datetime.timedelta(days=2 if shift is WeekendShift.AFTER else 0)
        parts.append(f"UNTIL={until:%Y%m%d}")
    elif count is not None:
        parts.append(f"COUNT={count}")
    return ";".join(parts)


def _working_day(rule: Recurrence, shift: WeekendShift) -> list[str]:
    """The first or last working day of the month, the two moved days that iCalendar knows."""
    days = rule.days or (rule.anchor.day,)
    if rule.weekday is None and (shift, days) == (WeekendShift.BEFORE, (LAST_DAY,)):
        return [f"BYDAY={_WORKING}", "BYSETPOS=-1"]
    if rule.weekday is None and (shift, days) == (WeekendShift.AFTER, (1,)):
        return [f"BYDAY={_WORKING}", "BYSETPOS=1"]
    return []


def _days_of_month(rule: Recurrence) -> list[str]:
    if rule.weekday is not None:
        which, weekday = rule.weekday
        return [f"BYDAY={-1 if which == LAST_WEEKDAY else which}{_WEEKDAYS[weekday]}"]
    days = rule.days or (rule.anchor.day,)
    safe = [day for day in days if day <= _SAFE_DAY]
    late = [day for day in days if day > _SAFE_DAY]
    if not late:
        return [f"BYMONTHDAY={','.join(map(str, days))}"]
    if len(late) > 1 or _SAFE_DAY in safe:
        reason = _("iCalendar has no rule for two days of the month that fall together in February.")
        raise Invalid(field="rule", reason=reason)
    every = [*safe, *range(_SAFE_DAY, late[0] + 1)]
    places = [*range(1, len(safe) + 1), -1]
    return [f"BYMONTHDAY={','.join(map(str, every))}", f"BYSETPOS={','.join(map(str, places))}"]


def read_rrule(text: str, *, start: datetime.date) -> ReadRule:
    """The rule that an RRULE with that DTSTART says.

    Raises Invalid (field "rrule") for text that is none, for parts that have no equal here, each by its name, and where
    `start` is not itself a date of the rule.
    """
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    unit = next((unit for unit, name in _UNITS.items() if name == frequency), None)
    if unit is None:
        raise _refused(_("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, not “%(given)s”.") % {"given": frequency[:20]})
    every = _number(parts, "INTERVAL", most=MOST_EVERY) or 1
    count = _number(parts, "COUNT", most=MOST_COUNT)
    until = _until(parts)
    if count is not None and until is not None:
        raise _refused(_("A rule ends by COUNT or by UNTIL, not by both."))
    if until is not None and until < start:
        raise _refused(_("UNTIL is before the first date."))
    rule, shift = _rule(parts, unit=unit, every=every, start=start)
    _check_same(text, rule, shift, start=start)
    if until is not None and shift is not WeekendShift.NONE:
        # iCalendar ends by the day that is shown, a schedule by the nominal one.
        around = datetime.timedelta(days=2)
        for nominal in rule.occurrences(until - around, until + around):
            is_in = shifted(nominal, shift) <= until
            until = max(until, nominal) if is_in else min(until, nominal - datetime.timedelta(days=1))
    return ReadRule(rule=rule, shift=shift, until=until, count=count)


def _not_its_first(start: datetime.date) -> Invalid:
    return _refused(_("The first date, %(start)s, is not a date of the rule.") % {"start": start.isoformat()})


def _refused(reason: str) -> Invalid:
    return Invalid(field="rrule", reason=reason)


def _parts(text: str) -> dict[str, str]:
    text = text.strip().removeprefix("RRULE:")
    if len(text) > MOST_TEXT:
        raise _refused(_("A rule has at most %(most)d characters.") % {"most": MOST_TEXT})
    parts: dict[str, str] = {}
    for each in text.upper().split(";"):
        name, equals, value = each.partition("=")
        if not equals or not value or name in parts:
            raise _refused(_("“%(part)s” is no part of a rule, such as FREQ=MONTHLY.") % {"part": each[:40]})
        if name not in _KNOWN:
            raise _refused(_("%(name)s has no equal in a schedule.") % {"name": name[:20]})
        parts[name] = value
    return parts


def _number(parts: dict[str, str], name: str, *, most: int) -> int | None:
    text = parts.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        raise _refused(_("%(name)s is a number from 1 to %(most)d.") % {"name": name, "most": most})
    return int(text)


def _numbers(parts: dict[str, str], name: str) -> list[int]:
    texts = parts[name].split(",") if name in parts else []
    if len(texts) > 62 or not all(_NUMBER.fullmatch(each) for each in texts):
        raise _refused(_("%(name)s is a list of whole numbers.") % {"name": name})
    return [int(each) for each in texts]


def _until(parts: dict[str, str]) -> datetime.date | None:
    text = parts.get("UNTIL")
    if text is None:
        return None
    found = _DATE.fullmatch(text)
    try:
        return datetime.datetime.strptime(found[1] if found else "", "%Y%m%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise _refused(_("UNTIL is a day such as 20261231.")) from error


def _rule(parts: dict[str, str], *, unit: Unit, every: int, start: datetime.date) -> tuple[Recurrence, WeekendShift]:
    """The likeliest rule of ours; whether it is the same is looked at afterwards."""
    if unit in (Unit.DAY, Unit.WEEK):
        for name in ("BYMONTHDAY", "BYMONTH", "BYSETPOS") + (("BYDAY",) if unit is Unit.DAY else ()):
            if name in parts:
                raise _refused(_("%(name)s has no equal in a schedule of days or weeks.") % {"name": name})
        return Recurrence(anchor=start, unit=unit, every=every, weekdays=_of_week(parts, start)), WeekendShift.NONE
    if unit is Unit.YEAR and _numbers(parts, "BYMONTH") not in ([], [start.month]):
        raise _refused(_("BYMONTH has an equal only where it is the month of the first date."))
    if unit is Unit.MONTH and "BYMONTH" in parts:
        raise _refused(_("BYMONTH has no equal in a schedule of months."))
    places = _numbers(parts, "BYSETPOS")
    if "BYDAY" in parts:
        if "BYMONTHDAY" in parts:
            raise _refused(_("BYDAY together with BYMONTHDAY has no equal in a schedule."))
        return _by_weekday(parts, places, unit=unit, every=every, start=start)
    given = _numbers(parts, "BYMONTHDAY") or [start.day]
    days = _days(given, places)
    if not places and start.day not in given and not (-1 in given and start == month_end(start)):
        # Also a 30 February, for which dateutil would look in eight thousand years.
        raise _not_its_first(start)
    return Recurrence(anchor=start, unit=unit, every=every, days=days), WeekendShift.NONE


def _of_week(parts: dict[str, str], start: datetime.date) -> tuple[int, ...]:
    """The weekdays of a rule of weeks; none where it is the one that it begins on."""
    names = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    if not all(name in _WEEKDAYS for name in names):
        raise _refused(_("BYDAY in a rule of weeks has weekdays such as MO,TH."))
    days = sorted({_WEEKDAYS.index(name) for name in names})
    return () if days == [start.weekday()] else tuple(days)


def _by_weekday(
    parts: dict[str, str], places: list[int], *, unit: Unit, every: int, start: datetime.date
) -> tuple[Recurrence, WeekendShift]:
    text = parts["BYDAY"]
    if sorted(text.split(",")) == sorted(_WORKING.split(",")) and places in ([1], [-1]):
        day, shift = (1, WeekendShift.AFTER) if places == [1] else (LAST_DAY, WeekendShift.BEFORE)
        # The nominal day may lie in the weekend beside the first date, on which counting begins.
        anchor = start.replace(day=1)
        return Recurrence(anchor=anchor, unit=unit, every=every, days=(day,)), shift
    found = _ONE_WEEKDAY.fullmatch(text)
    which = int(found[1]) if found and found[1] else (places[0] if len(places) == 1 else 0)
    if found is None or (found[1] and places) or which not in (-1, 1, 2, 3, 4):
        reason = _(
            "BYDAY has an equal only as one weekday from the first to the fourth, or the last, such as 2TU or -1FR."
        )
        raise _refused(reason)
    weekday = _WEEKDAYS.index(found[2])
    place = LAST_WEEKDAY if which == -1 else which
    return Recurrence(anchor=start, unit=unit, every=every, weekday=(place, weekday)), WeekendShift.NONE


def _days(given: list[int], places: list[int]) -> tuple[int, ...]:
    if -1 in given and not places:
        given = [LAST_DAY if day == -1 else day for day in given]
    days = sorted(set(given))
    if not all(1 <= day <= LAST_DAY for day in days):
        raise _refused(_("BYMONTHDAY has an equal only from 1 to 31, and as -1, the last day."))
    if not places:
        return tuple(days)
    safe = [day for day in days if day < _SAFE_DAY]
    late = [day for day in days if day >= _SAFE_DAY]
    if late != list(range(_SAFE_DAY, _SAFE_DAY + len(late))) or places != [*range(1, len(safe) + 1), -1] or not late:
        raise _refused(
            _(
                "BYSETPOS has an equal only for the last of the days from the 28th on, such as BYMONTHDAY=28,29,30,31;BYSETPOS=-1."
            )
        )
    return (*safe, late[-1])


def _check_same(text: str, rule: Recurrence, shift: WeekendShift, *, start: datetime.date) -> None:
    """Raise Invalid where dateutil reads other dates than the rule has."""
    bare = ";".join(
        part
        for part in text.strip().upper().removeprefix("RRULE:").split(";")
        if not part.startswith(("COUNT=", "UNTIL="))
    )
    begin = datetime.datetime.combine(start, datetime.time())
    compared = _YEARS_COMPARED if rule.unit is Unit.YEAR else _COMPARED
    nominals = itertools.takewhile(bool, map(rule.at, range(compared)))
    ours = [shifted(nominal, shift) for nominal in nominals if nominal is not None]
    if not ours or ours[0] != start:
        raise _not_its_first(start)
    try:
        theirs = [each.date() for each in itertools.islice(rrulestr(bare, dtstart=begin), compared)]
    except (ValueError, TypeError, KeyError) as error:
        raise _refused(_("This is no rule that calendars can read.")) from error
    if ours != theirs:
        reason = _(
            "This rule leaves out months (or years) that do not have the day; a schedule takes their last day. "
            "Say the last day as BYMONTHDAY=-1, or as the last of 28,29,30,31 by BYSETPOS=-1."
        )
        raise _refused(reason)
