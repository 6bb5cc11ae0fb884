"""Dates as banks write them."""

import datetime
import re
from functools import lru_cache

from core.texts import gettext as _
from finance.imports.parsers.counted_days import COUNTS, counted_day
from finance.imports.parsers.limits import believable_day, no_such_day
from finance.imports.parsers.months import month_of, only_croatian

# The order of a file whose months are named in Croatian, where listopad is October and not November.
CROATIAN_NAMES = "dmy-hr"

# "Wednesday, 30 September 2026, 12:30:45.123456 PM +02:00", with room for more.
_LONGEST_CELL = 100
_TIME = re.compile(
    r"(?<![T ,])[T ,]++(?:at |um )?\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:[.,]\d+)?(?:\s*+[AaPp]\.?[Mm]\.?)?"
    r"\s*+(?:Z|[+-]\d{2}:?\d{2}|\(?[A-Z]{2,5}\)?)?$"
)
# "11/14/2020 as of 11/13/2020": the day of booking first, then the day that counts for interest.
_AS_OF = re.compile(r" as of ", re.IGNORECASE)
_WEEKDAY = re.compile(r"^[^\W\d_]{2,10}\.?,\s+(?=\d)")
_NUMERIC = re.compile(r"(\d{1,4})\s?([./\-\s])\s?(\d{1,2})\s?\2\s?(\d{1,4})\.?")
_COMPACT = re.compile(r"\d{8}")
# 2026年3月5日, 2026년 3월 5일
_EAST_ASIAN = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号號]?")
_NAME = r"([^\W\d_]{2,20})"
_OF = r"(?:de |del |d['’])?"
_NAMED = (
    re.compile(
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|º)?[.\-/\s]*{_OF}(?P<name>{_NAME})\.?[\-/,\s]*{_OF}(?P<year>\d{{4}}|\d{{2}})\.?"
    ),
    re.compile(rf"(?P<name>{_NAME})\.?[\-\s]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[,\-\s]+(?P<year>\d{{4}}|\d{{2}})"),
    # 2026-Mar-05, 2026. március 5., 2026 m. kovo 5 d., 2026. gada 5. marts
    re.compile(rf"(?P<year>\d{{4}})(?:\.? ?m\.)?[.\-/\s]+(?P<name>{_NAME})\.?[.\-/\s]+(?P<day>\d{{1,2}})\.?(?: d\.)?"),
    re.compile(rf"(?P<year>\d{{4}})\. gada (?P<day>\d{{1,2}})\. (?P<name>{_NAME})"),
)
# "jeudi 5 mars 2026", "5 Mart 2026 Perşembe", "5 марта 2026 г."
_DAY_OF_WEEK = re.compile(r"^[^\W\d_]{2,15}(?:\.?, (?=\w)|\.? (?=\d))|(?<=\d\d) (?:[^\W\d_]{3,15}|[гр]\.?)$")


def bare_date(text: str) -> str:
    """The date part of a cell that may also hold a weekday and a time; "" for a cell too long to be a date."""
    if len(text) > _LONGEST_CELL:
        return ""
    stripped = _WEEKDAY.sub("", _AS_OF.split(text, maxsplit=1)[0].strip().strip("'\""))
    return _TIME.sub("", stripped).strip()


@lru_cache(maxsize=8192)
def readings(text: str) -> dict[str, datetime.date]:
    """All calendar days that the cell can mean, by order; {} when it cannot be a date.

    The key "any" marks a date that reads the same in every order. A month that Croatian calls like other languages call
    another one gives two days, under "dmy" and CROATIAN_NAMES.
    """
    bare = bare_date(text)
    if match := _NUMERIC.fullmatch(bare):
        return _numeric(match[1], match[3], match[4])
    if _COMPACT.fullmatch(bare):
        if bare[:2] in {"19", "20"} and (day := _day(bare[:4], bare[4:6], bare[6:])):
            return {"ymd": day}
        if bare[4:6] not in {"19", "20"}:
            return {}
        orders = {"dmy": _day(bare[4:], bare[2:4], bare[:2]), "mdy": _day(bare[4:], bare[:2], bare[2:4])}
        return {order: day for order, day in orders.items() if day is not None}
    if match := _EAST_ASIAN.fullmatch(bare):
        return {"any": day} if (day := _day(*match.groups())) else {}
    named = _named_parts(bare)
    if named is None:
        return {}
    year, name, day_of_month = named
    month, croatian = month_of(name)
    usual = _day(year, str(month), day_of_month) if month else None
    other = _day(year, str(croatian), day_of_month) if croatian else None
    if usual is None:
        return {}
    return {"any": usual} if other is None else {"dmy": usual, CROATIAN_NAMES: other}


def looks_like_date(text: str) -> bool:
    """Whether the cell is written as a date, even of a day that does not exist (30.02.2020)."""
    if readings(text):
        return True
    match = _NUMERIC.fullmatch(bare_date(text))
    return (
        match is not None
        and int(match[3]) <= 31
        and len(match[1]) != 3
        and (len(match[4]) in (2, 4) or len(match[1]) == 4)
    )


def parse_date(text: str, order: str) -> datetime.date:
    """The day; raises ValueError with a sentence about the cell."""
    if order in COUNTS:
        if (counted := counted_day(text.strip(), order)) is not None:
            return counted
        raise ValueError(
            _("“%(text)s” is no day when read as %(order)s.") % {"text": text.strip()[:40], "order": describe(order)}
        )
    found = readings(text)
    if "any" in found:
        return found["any"]
    if order in found:
        return found[order]
    if "dmy" in found and CROATIAN_NAMES in (order, *found):
        return found["dmy"]
    if len(set(found.values())) == 1 and "ymd" in (order, *found):
        return next(iter(found.values()))
    if found or looks_like_date(text):
        raise ValueError(no_such_day(text.strip()[:40], order=describe(order)))
    raise ValueError(_("“%(text)s” is not a date.") % {"text": text.strip()[:40]})


def value_date_in(text: str, order: str) -> datetime.date | None:
    """The second day of a cell such as "11/14/2020 as of 11/13/2020"; None without one."""
    _first, found, second = text[:_LONGEST_CELL].lower().partition(" as of ")
    try:
        return parse_date(second, order) if found else None
    except ValueError:
        return None


def describe(order: str) -> str:
    """The order in words."""
    orders = {"dmy": _("day, month, year"), "mdy": _("month, day, year"), "ymd": _("year, month, day")}
    orders[CROATIAN_NAMES] = _("day, month, year, with Croatian names of months")
    return _(COUNTS[order]) if order in COUNTS else orders.get(order, order)


def _numeric(first: str, middle: str, last: str) -> dict[str, datetime.date]:
    if len(first) == 4:
        return {"ymd": day} if (day := _day(first, middle, last)) else {}
    if len(first) == 3 or len(last) in (1, 3):
        return {}
    candidates = {"dmy": _day(last, middle, first), "mdy": _day(last, first, middle)}
    if len(last) == 2 and len(first) == 2:
        candidates["ymd"] = _day(first, middle, last)
    return {order: day for order, day in candidates.items() if day is not None}


def _named_parts(bare: str) -> tuple[str, str, str] | None:
    """Year, name of the month and day, as they are written."""
    for text in dict.fromkeys((bare, _DAY_OF_WEEK.sub("", bare))):
        for pattern in _NAMED:
            if match := pattern.fullmatch(text):
                return match["year"], match["name"], match["day"]
    return None


def names_month_in_croatian(text: str) -> bool:
    """Whether the cell names a month as only Croatian does."""
    named = _named_parts(bare_date(text))
    return named is not None and only_croatian(named[1])


def _day(year: str, month: str, day: str) -> datetime.date | None:
    full_year = int(year) if len(year) > 2 else int(year) + (1900 if int(year) >= 70 else 2000)
    try:
        return believable_day(full_year, int(month), int(day)) if len(day) <= 2 else None
    except ValueError:
        return None
