"""Addresses of calendars are made and revoked; rules of schedules as iCalendar, and schedules of such rules."""

import datetime
import hashlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from core.clock import today_in
from finance import money
from finance.errors import Invalid, NotFound
from finance.events.plans import CalendarFeedChanged
from finance.ledger.models import Book
from finance.ledger.selectors import book_for
from finance.periods import WeekendShift
from finance.planning.calendars.icalendar import Event, calendar_lines, read_event, read_events
from finance.planning.calendars.models import CalendarFeed
from finance.planning.calendars.rrule import ReadRule, read_rrule, rrule_of
from finance.planning.schedules.models import Schedule
from finance.planning.upcoming import Layer, Upcoming
from identity.allowance import allow
from identity.models import User
from platform_outbox.emit import emit

# Days that a calendar shows ahead.
DAYS_AHEAD = 400
# A calendar asks every few hours; of many members behind one address there may be some.
READS_PER_HOUR = 120
# What is spread over a month has no day in a calendar.
_WITHOUT_A_DAY = frozenset({Layer.BUDGET, Layer.HABIT})
# Events of a calendar that repeat: more are hardly plans of a household.
MOST_REPEATING = 200
_NAMESPACE = uuid.UUID("5f0c7a2e-6c52-4f0a-9d55-2f3d7b7c1e10")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshFeed:
    """A feed with its token, which is nowhere else."""

    feed: CalendarFeed
    token: str


@transaction.atomic
def make_feed(*, book: Book, user: User, with_amounts: bool) -> FreshFeed:
    """A new address for the member's calendar; an older one stops working."""
    CalendarFeed.objects.filter(book=book, user=user).delete()
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(book=book, user=user, token_hash=_hash(token), with_amounts=with_amounts)
    emit(CalendarFeedChanged(book_id=book.pk, user_id=user.pk))
    return FreshFeed(feed=feed, token=token)


@transaction.atomic
def change_feed(*, book: Book, user: User, with_amounts: bool) -> CalendarFeed:
    """Show amounts in the member's calendar, or not. Raises NotFound where there is none."""
    feed = feed_of(book=book, user=user)
    if feed is None:
        raise NotFound(thing="calendar address")
    feed.with_amounts = with_amounts
    feed.save(update_fields=["with_amounts"])
    emit(CalendarFeedChanged(book_id=book.pk, user_id=user.pk))
    return feed


@transaction.atomic
def revoke_feed(*, book: Book, user: User) -> None:
    """The member's address stops working. Raises NotFound where there is none."""
    if not CalendarFeed.objects.filter(book=book, user=user).delete()[0]:
        raise NotFound(thing="calendar address")
    emit(CalendarFeedChanged(book_id=book.pk, user_id=user.pk))


def feed_of(*, book: Book, user: User) -> CalendarFeed | None:
    """The member's feed of the book."""
    return CalendarFeed.objects.filter(book=book, user=user).first()


def feed_address(token: str) -> str:
    """Where the calendar of that token is read, from the root of the site on."""
    return reverse("web:calendar_feed", args=[token])


def may_read(*, address: str) -> bool:
    """Count one more read by this client and tell whether it is within an hour's; so tokens cannot be tried out."""
    return allow(what="calendar", whose=address, limit=READS_PER_HOUR, seconds=3600)


def calendar_of(*, token: str, now: datetime.datetime, expected: Callable[..., list[Upcoming]]) -> Iterator[str]:
    """The lines of the calendar behind a token; `expected` tells what all areas of the plan expect (book, today, days).

    Raises NotFound for an unknown token, and where its member may not see the book any more; Forbidden where they see a
    part of it only.
    """
    feed = CalendarFeed.objects.filter(token_hash=_hash(token)).select_related("user").first()
    if feed is None or not feed.user.is_active:
        raise NotFound(thing="calendar")
    book = book_for(user=feed.user, book_id=feed.book_id)
    today = today_in(book)
    if feed.used_at is None or now - feed.used_at > datetime.timedelta(hours=1):
        CalendarFeed.objects.filter(pk=feed.pk, book=book).update(used_at=now)
    found = [each for each in expected(book=book, today=today, days=DAYS_AHEAD) if each.layer not in _WITHOUT_A_DAY]
    midnight = datetime.datetime.combine(today, datetime.time(), tzinfo=datetime.UTC)
    events = [_event(book, each, with_amounts=feed.with_amounts) for each in sorted(found, key=lambda each: each.date)]
    return calendar_lines(events, name=book.name, stamp=midnight)


def _event(book: Book, each: Upcoming, *, with_amounts: bool) -> Event:
    """Its UID is of the occurrence's identity: a day that moves is the same event on another day."""
    identity = f"{book.pk} {each.layer} {each.source_id} {each.nominal} {each.account_id}"
    amount = f"{money.format_amount(each.amount, currency=each.currency)} {each.currency}" if with_amounts else ""
    return Event(
        uid=f"{uuid.uuid5(_NAMESPACE, identity)}@lifeos",
        date=each.date,
        summary=f"{each.label} {amount}".strip(),
    )


def schedule_as_calendar(*, schedule: Schedule) -> Iterator[str]:
    """The schedule's rule as a calendar with one event. Raises Invalid (rule) for what iCalendar cannot say."""
    given = schedule.definition
    count = given.count
    if given.total is not None:
        count = -(-given.total // abs(given.amount))
    first = given.rule.at(0)
    if first is None:
        raise Invalid(field="rule", reason=_("This rule has no day."))
    until = given.until
    if until is not None and count is not None:
        days = given.rule.occurrences(first, until)
        count, until = min(count, len(days)), None
    rrule = rrule_of(rule=given.rule, shift=given.shift, holidays=given.holidays or "", until=until, count=count)
    identity = uuid.uuid5(_NAMESPACE, f"{schedule.book_id} schedule {schedule.pk}")
    event = Event(uid=f"{identity}@lifeos", date=given.shown(first), summary=schedule.name, rrule=rrule)
    return calendar_lines([event], name=schedule.name, stamp=schedule.changed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSchedule:
    """What of a schedule an event of a calendar says."""

    name: str
    first: datetime.date
    read: ReadRule


def read_schedule(*, ics: str) -> ReadSchedule:
    """The dates that the one event of a calendar says. Raises Invalid (ics) with what has no equal in a schedule."""
    event = read_event(ics)
    if not event.rrule or event.date is None:
        raise Invalid(field="ics", reason=_("The event does not repeat: it has no RRULE."))
    try:
        return _read(event.summary, event.date, event.rrule)
    except Invalid as error:
        raise Invalid(field="ics", reason=error.detail) from error


def dates_of(found: ReadSchedule) -> dict[str, Any]:
    """What the event says of a schedule's Definition. A calendar knows no holidays, so its days stay where they are."""
    rule, read = found.read.rule, found.read
    return {
        "first": found.first, "unit": rule.unit, "every": rule.every, "days": rule.days, "weekday": rule.weekday,
        "weekdays": rule.weekdays, "shift": read.shift, "holidays": "", "until": read.until, "count": read.count,
    }  # fmt: skip


def _read(name: str, date: datetime.date, rrule: str) -> ReadSchedule:
    """Raises Invalid (rrule)."""
    read, first = read_rrule(rrule, start=date), date
    if read.shift is not WeekendShift.NONE:
        first = read.rule.at(0) or first
    return ReadSchedule(name=name, first=first, read=read)


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleSchedule:
    """An event that repeats: what it becomes, or the reason why it becomes nothing."""

    name: str
    date: datetime.date | None
    rrule: str
    schedule: ReadSchedule | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCalendar:
    """The events of a calendar that repeat, in its order, and how many do not."""

    events: list[PossibleSchedule]
    single: int


def read_calendar(*, ics: str, today: datetime.date) -> ReadCalendar:
    """What of a whole calendar becomes schedules, and what does not and why. Raises Invalid (ics)."""
    found, single = [], 0
    for event in read_events(ics):
        if not event.rrule and not event.refused:
            single += 1
            continue
        found.append(possible_schedule(name=event.summary, date=event.date, rrule=event.rrule, today=today))
        if event.refused:
            found[-1] = replace(found[-1], schedule=None, reason=event.refused)
    if len(found) > MOST_REPEATING:
        reason = _("The calendar has %(count)d events that repeat; at most %(most)d are read at once.")
        raise Invalid(field="ics", reason=reason % {"count": len(found), "most": MOST_REPEATING})
    return ReadCalendar(events=found, single=single)


def possible_schedule(*, name: str, date: datetime.date | None, rrule: str, today: datetime.date) -> PossibleSchedule:
    """What the event of that day and rule becomes. What ended before today becomes nothing."""
    read, reason = None, ""
    if date is None:
        reason = _("DTSTART is a day such as 20260131.")
    else:
        try:
            read = _read(name, date, rrule)
        except Invalid as error:
            reason = error.detail
    if read is not None:
        count, until = read.read.count, read.read.until
        ends = [until, read.read.rule.at(count - 1) if count else None]
        last = min((each for each in ends if each is not None), default=None)
        if last is not None and last < today:
            read, reason = None, _("It ended on %(day)s.") % {"day": last.isoformat()}
    return PossibleSchedule(name=name, date=date, rrule=rrule, schedule=read, reason=reason)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
