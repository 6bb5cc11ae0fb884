"""Calendars as text: iCalendar, RFC 5545, with the name and refresh time of RFC 7986. Whole days only.

Lines end with CRLF and are folded at 75 octets (3.1), text is escaped (3.3.11), dates are VALUE=DATE (3.3.4).
"""

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.texts import gettext as _
from finance.errors import Invalid

MEDIA_TYPE = "text/calendar; charset=utf-8"
MOST_OCTETS = 75
# One event of another program, with its alarms and attendees; and a whole calendar of years.
MOST_READ = 100_000
MOST_READ_WHOLE = 2_000_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Text that is cut for a property: descriptions of entries may be long.
_MOST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A whole day with a name, which repeats by `rrule` (the value, without its name)."""

    uid: str
    date: datetime.date
    summary: str
    description: str = ""
    rrule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvent:
    """What was read of one event; `rrule` is empty where it does not repeat. `refused` says what has no equal here."""

    summary: str
    date: datetime.date | None
    rrule: str
    refused: str = ""


def calendar_lines(events: Iterable[Event], *, name: str, stamp: datetime.datetime) -> Iterator[str]:
    """The calendar, line by line with their ends. `stamp` is when its content was made."""
    made = stamp.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    head = (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//LifeOS//LifeOS//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
        f"NAME:{escaped(name)}", f"X-WR-CALNAME:{escaped(name)}", "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
    )  # fmt: skip
    for line in head:
        yield folded(line)
    for event in events:
        yield folded("BEGIN:VEVENT")
        yield folded(f"UID:{escaped(event.uid)}")
        yield folded(f"DTSTAMP:{made}")
        yield folded(f"DTSTART;VALUE=DATE:{event.date:%Y%m%d}")
        if event.rrule:
            yield folded(f"RRULE:{event.rrule}")
        yield folded(f"SUMMARY:{escaped(event.summary)}")
        if event.description:
            yield folded(f"DESCRIPTION:{escaped(event.description)}")
        yield folded("TRANSP:TRANSPARENT")
        yield folded("END:VEVENT")
    yield folded("END:VCALENDAR")


def escaped(text: str) -> str:
    """Text as a value: backslash, comma and semicolon escaped, line breaks as backslash-n, other control codes out."""
    plain = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:_MOST_TEXT]
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> str:
    """The line in pieces of at most 75 octets, no character cut, each piece but the first after a space; with CRLF."""
    pieces, piece, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > MOST_OCTETS:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + character, size + octets
    return "\r\n".join([*pieces, piece]) + "\r\n"


def read_event(text: str) -> ReadEvent:
    """The one event of a calendar. Raises Invalid (field "ics"), which names what has no equal in a schedule."""
    if len(text) > MOST_READ:
        raise _refused(_("A file with one event has at most %(most)d characters.") % {"most": MOST_READ})
    events = _events(text)
    if len(events) != 1:
        reason = _("The file has %(count)d events; give one with exactly one.") % {"count": len(events)}
        raise _refused(reason)
    if events[0].refused:
        raise _refused(events[0].refused)
    return events[0]


def read_events(text: str) -> list[ReadEvent]:
    """All events of a calendar, in its order. Raises Invalid (field "ics") for what is no calendar, or too large."""
    if len(text) > MOST_READ_WHOLE:
        raise _refused(_("A calendar has at most %(most)d characters.") % {"most": MOST_READ_WHOLE})
    events = _events(text)
    if not events:
        raise _refused(_("There is no event in this file. Export the calendar as iCalendar (.ics)."))
    return events


def _events(text: str) -> list[ReadEvent]:
    unfolded = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
    inside: list[str] = []
    found: dict[str, str] = {}
    refused = ""
    events = []
    for line in unfolded.split("\n"):
        head, colon, value = line.strip().partition(":")
        name = head.upper().partition(";")[0]
        if name == "BEGIN":
            inside.append(value.upper())
            if inside[-1] == "VEVENT":
                found, refused = {}, ""
        elif name == "END":
            if not inside or inside.pop() != value.upper():
                raise _refused(_("This is no calendar: END:%(name)s without its beginning.") % {"name": value[:20]})
            if value.upper() == "VEVENT":
                events.append(_event(found, refused))
        elif colon and inside and inside[-1] == "VEVENT":
            if name in ("RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID") or (name == "RRULE" and name in found):
                refused = refused or _("%(name)s has no equal in a schedule.") % {"name": name}
            found.setdefault(name, value)
    if inside:
        raise _refused(_("This is no calendar: %(name)s has no end.") % {"name": inside[-1][:20]})
    return events


def _event(found: dict[str, str], refused: str) -> ReadEvent:
    """DTSTART counts as its day, as it is written: of a moment the day at its own place."""
    try:
        date = datetime.datetime.strptime(found.get("DTSTART", "")[:8], "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        date, refused = None, refused or _("DTSTART is a day such as 20260131.")
    summary = _plain(found.get("SUMMARY", ""))
    return ReadEvent(summary=summary, date=date, rrule=found.get("RRULE", "").strip(), refused=refused)


def _refused(reason: str) -> Invalid:
    return Invalid(field="ics", reason=reason)


def _plain(value: str) -> str:
    """A text value without its escapes."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value).strip()[:_MOST_TEXT]
