import zoneinfo
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


@cache
def all_time_zones() -> frozenset[str]:
    """Every name of the time zone database. Asked once: Python opens each of its six hundred files."""
    return frozenset(zoneinfo.available_timezones())


@cache
def known_time_zones() -> tuple[str, ...]:
    """Names of places, sorted; without the historical and technical names of the database."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in all_time_zones() if name.startswith(areas)))


def validate_time_zone(value: str) -> None:
    """Refuse a name that the time zone database does not know."""
    if value not in all_time_zones():
        raise ValidationError(_("This time zone is not known."), code="time_zone_unknown")
