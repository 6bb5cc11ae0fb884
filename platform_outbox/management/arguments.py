"""Arguments that several commands take."""

import datetime
import getpass

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _


def moment(text: str | None) -> datetime.datetime | None:
    """A day (its beginning) or a moment in the installation's time zone; raises CommandError."""
    if not text:
        return None
    try:
        day = parse_date(text)
        found = datetime.datetime.combine(day, datetime.time()) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(_("%s is neither a day (2026-03-15) nor a moment (2026-03-15T14:30).") % text)
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def operator(command: str) -> str:
    """Who runs the command, as the history of an event names him."""
    try:
        return f"{getpass.getuser()} ({command})"
    except (KeyError, OSError):  # a container's user without a name
        return command
