"""Public holidays of countries and their regions, by the package `holidays`: which days are free, and what they are called.

A region is a country of ISO 3166-1 ("DE"), or a part of one of ISO 3166-2 as the package knows it ("DE-BY", "US-CA").
The package is loaded where it is first asked, never at start-up.
"""

import calendar
import datetime
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.texts import gettext as _
from finance.errors import Invalid

if TYPE_CHECKING:
    from holidays import HolidayBase

LONGEST_REGION = 60
_MOST_NAMED = 60


def is_free(date: datetime.date, *, region: str) -> bool:
    """Whether nobody works on that day in the region: its weekend or a public holiday there.

    Of a region or a year that the package does not know, only weekends are free.
    """
    return date in _free_days(region, date.year)


def holiday_names(
    *, region: str, first: datetime.date, last: datetime.date, language: str = ""
) -> Mapping[datetime.date, str]:
    """The public holidays of these days, both included, with their names: in the language, else in English, else theirs."""
    names: dict[datetime.date, str] = {}
    for year in range(first.year, last.year + 1):
        named = _named_days(region, year, language)
        names |= {day: named[day] for day in sorted(named) if first <= day <= last}
    return names


def checked_region(text: str, *, field: str) -> str:
    """The region as it is kept; empty for none. Raises Invalid (at `field`), which lists a country's regions."""
    text = text.strip()
    if not text:
        return ""
    country, _dash, part = text.partition("-")
    country = country.upper()
    if country not in country_codes():
        reason = _(
            "“%(region)s” is no country whose public holidays are known, such as DE, and no region such as DE-BY."
        )
        raise Invalid(field=field, reason=reason % {"region": text[:LONGEST_REGION]})
    if not part:
        return country
    known = {code.casefold(): code for code in region_names(country)}
    if part.casefold() not in known:
        facts = {"country": country, "part": part[:LONGEST_REGION]}
        if not known:
            raise Invalid(field=field, reason=_("%(country)s has no regions with holidays of their own.") % facts)
        facts["known"] = ", ".join(sorted(known.values())[:_MOST_NAMED])
        reason = _("%(country)s has no region “%(part)s”. Known are: %(known)s.")
        raise Invalid(field=field, reason=reason % facts)
    return f"{country}-{known[part.casefold()]}"


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """Countries (ISO 3166-1, two letters) whose holidays are known."""
    from holidays.registry import COUNTRIES

    return frozenset(names[1] for names in COUNTRIES.values())


def region_names(country: str) -> dict[str, str]:
    """Parts of a country that have holidays of their own, with their names in its own language; empty for none."""
    known = _calendar(country)
    aliases = known.get_subdivision_aliases()
    return {part: (aliases.get(part) or [part])[0] for part in known.subdivisions}


@lru_cache(maxsize=64)
def _calendar(country: str) -> "HolidayBase":
    """A country's calendar without any year, to ask what it knows."""
    import holidays

    return holidays.country_holidays(country, expand=False)


# A new calendar of each year: those that grow as they are asked are not safe between threads.
def _of_year(region: str, year: int, language: str | None = None) -> "HolidayBase | None":
    import holidays

    country, _dash, part = region.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None, years=year, expand=False, language=language)
    except NotImplementedError:  # a later version of the package may drop a region
        return None


@lru_cache(maxsize=1024)
def _free_days(region: str, year: int) -> frozenset[datetime.date]:
    known = _of_year(region, year)
    first = datetime.date(year, 1, 1).toordinal()
    days = [datetime.date.fromordinal(first + index) for index in range(365 + calendar.isleap(year))]
    if known is None:
        return frozenset(day for day in days if day.weekday() >= calendar.SATURDAY)
    return frozenset(day for day in days if not known.is_working_day(day))


@lru_cache(maxsize=256)
def _named_days(region: str, year: int, language: str) -> Mapping[datetime.date, str]:
    known = _calendar(region.partition("-")[0]).supported_languages if region else ()
    wanted = language.replace("-", "_")
    spoken = [each for each in known if each == wanted] or [each for each in known if each[:2] == wanted[:2]]
    spoken = spoken or [each for each in known if each == "en_US"]
    named = _of_year(region, year, spoken[0] if spoken else None)
    return MappingProxyType({} if named is None else dict(named.items()))
