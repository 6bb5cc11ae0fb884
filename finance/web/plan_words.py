"""When a schedule comes, in words."""

import datetime

from babel.dates import get_day_names
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.formatting import active_locale, date_text
from finance.planning.recurrence import LAST_DAY, LAST_WEEKDAY, Unit
from finance.planning.schedules.definition import Definition
from finance.public_holidays import region_names


def weekday_name(weekday: int) -> str:
    """ "Monday" for 0, in the reader's language."""
    return str(get_day_names("wide", locale=active_locale())[weekday])


def weekday_names() -> list[tuple[str, str]]:
    """Short and full names from Monday on."""
    short = get_day_names("abbreviated", locale=active_locale())
    return [(str(short[day]), weekday_name(day)) for day in range(7)]


def which_names() -> list[tuple[int, str]]:
    """First to last weekday of a month."""
    return [(1, _("first")), (2, _("second")), (3, _("third")), (4, _("fourth")), (LAST_WEEKDAY, _("last"))]


def rule_text(definition: Definition) -> str:
    """ "Every 2 weeks, on Wednesday", "Every month, on day 15 and the last day", "Once, on 3 March 2026"."""
    every = definition.every
    if definition.count == 1:
        return _("Once, on %(date)s") % {"date": date_text(definition.first)}
    match definition.unit:
        case Unit.DAY:
            return ngettext("Every day", "Every %(n)d days", every) % {"n": every}
        case Unit.WEEK:
            often = ngettext("Every week", "Every %(n)d weeks", every) % {"n": every}
            days = [weekday_name(day) for day in definition.weekdays or (definition.first.weekday(),)]
            return _("%(often)s, on %(day)s") % {"often": often, "day": _listed(days)}
        case Unit.MONTH:
            often = ngettext("Every month", "Every %(n)d months", every) % {"n": every}
        case _unit:
            often = ngettext("Every year", "Every %(n)d years", every) % {"n": every}
            month = str(active_locale().months["stand-alone"]["wide"][definition.first.month])
            often = _("%(often)s in %(month)s") % {"often": often, "month": month}
    if definition.weekday:
        which, day = definition.weekday
        told = {"often": often, "which": dict(which_names())[which], "day": weekday_name(day)}
        return _("%(often)s, on the %(which)s %(day)s") % told
    days = [_day_text(day) for day in definition.days or (definition.first.day,)]
    return _("%(often)s, on %(days)s") % {"often": often, "days": _listed(days)}


def region_text(region: str) -> str:
    """ "Bayern, Germany" for DE-BY, "Germany" for DE: the country in the reader's language, its part in its own."""
    country, _dash, part = region.partition("-")
    name = str(active_locale().territories.get(country, country))
    return f"{region_names(country).get(part, part)}, {name}" if part else name


def _listed(texts: list[str]) -> str:
    """ "day 1, day 15 and the last day"."""
    return (
        texts[0] if len(texts) == 1 else _("%(days)s and %(last)s") % {"days": ", ".join(texts[:-1]), "last": texts[-1]}
    )


def end_text(definition: Definition) -> str:
    """ "until 3 March 2027", or nothing."""
    last: datetime.date | None = definition.last
    if last is None or definition.count == 1:
        return ""
    return _("until %(date)s") % {"date": date_text(last)}


def _day_text(day: int) -> str:
    return _("the last day") if day == LAST_DAY else _("day %(day)d") % {"day": day}
