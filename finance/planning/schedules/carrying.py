"""Schedules in an export of the whole book, and back."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import BookUnreadable, FinanceError
from finance.events.plans import ScheduleSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Account, Book, JournalEntry
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.planning.schedules.services.schedules import cleaned, fill
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Schedules, and their occurrences with payments as [uid of the entry's first version, day, amount]."""
    schedules = list(Schedule.objects.filter(book=book).select_related("account").order_by("pk"))
    currencies = {each.pk: each.account.currency for each in schedules}
    payments: dict[int, list[list[str]]] = {}
    paid = SchedulePayment.objects.filter(book=book).select_related("entry", "occurrence").order_by("pk")
    for each in paid:
        amount = money.format_amount(each.amount, currency=currencies[each.occurrence.schedule_id])
        told = [str(each.entry.uid), each.date.isoformat(), amount]
        payments.setdefault(each.occurrence_id, []).append(told)
    occurrences = list(ScheduleOccurrence.objects.filter(book=book).order_by("pk"))
    refused = {pk for row in occurrences for pk in row.refused}
    uids = dict(JournalEntry.objects.filter(book=book, pk__in=refused).values_list("pk", "uid"))
    return {
        "version": VERSION,
        "schedules": [_told(each) for each in schedules],
        "occurrences": [
            {
                "schedule": row.schedule_id,
                "nominal": row.nominal.isoformat(),
                "state": row.state,
                "moved_to": row.moved_to.isoformat() if row.moved_to else None,
                "refused": [str(uids[pk]) for pk in row.refused if pk in uids],
                "payments": payments.get(row.pk, []),
            }
            for row in occurrences
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            reason = _("Schedules of version %(version)s are not known here.")
            raise BookUnreadable(reason=reason % {"version": str(document["version"])[:20]})
        made = {given["id"]: _schedule(arrival, given) for given in document["schedules"]}
        for given in document["schedules"]:
            if given["continues"] is not None:
                made[given["continues"]]  # raises KeyError for one that is not there
        rows = [(_occurrence(arrival.book, given, made), given) for given in document["occurrences"]]
        named = {uuid.UUID(uid) for _row, given in rows for uid in _uids(given)}
        entries = arrival.entries(named)
        for row, given in rows:
            row.refused = sorted(entries[uuid.UUID(uid)] for uid in given["refused"])
        paid = [
            _payment(row, payment, entries, made[given["schedule"]].account)
            for row, given in rows
            for payment in given["payments"]
        ]
    except (FinanceError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BookUnreadable):
            raise
        reason = _("The schedules of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    Schedule.objects.bulk_create(made.values(), batch_size=_AT_ONCE)
    continuing = []
    for given in document["schedules"]:
        if given["continues"] is not None:
            made[given["id"]].continues = made[given["continues"]]
            continuing.append(made[given["id"]])
    Schedule.objects.bulk_update(continuing, ["continues"], batch_size=_AT_ONCE)
    ScheduleOccurrence.objects.bulk_create([row for row, _given in rows], batch_size=_AT_ONCE)
    SchedulePayment.objects.bulk_create(paid, batch_size=_AT_ONCE)
    arrival.numbers["schedule"] = {number: each.pk for number, each in made.items()}
    emit_many([ScheduleSaved(book_id=arrival.book.pk, schedule_id=each.pk) for each in made.values()])
    return []


def _told(each: Schedule) -> dict[str, Any]:
    def amount(minor: int | None) -> str | None:
        return None if minor is None else money.format_amount(minor, currency=each.account.currency)

    return {
        "id": each.pk,
        "name": each.name,
        "account": each.account_id,
        "amount_kind": each.amount_kind,
        "amount": amount(each.amount),
        "least": amount(each.least),
        "most": amount(each.most),
        "lines": [{**line, "amount": amount(line["amount"])} for line in each.lines],
        "payee": each.payee,
        "description": each.description,
        "tags": each.tag_ids,
        "first": each.first.isoformat(),
        "unit": each.unit,
        "every": each.every,
        "days": each.days,
        "weekday": None if each.weekday is None else [each.weekday_number, each.weekday],
        "weekdays": each.weekdays,
        "shift": each.shift,
        "holidays": each.holidays,
        "until": each.until.isoformat() if each.until else None,
        "count": each.count,
        "total": amount(each.total),
        "asked_from": each.asked_from.isoformat(),
        "continues": each.continues_id,
    }


def _schedule(arrival: Arrival, given: dict[str, Any]) -> Schedule:
    account = arrival.account(given["account"])

    def amount(text: str | None) -> int | None:
        return None if text is None else money.parse_amount(text, currency=account.currency)

    def day(text: str | None) -> datetime.date | None:
        return None if text is None else datetime.date.fromisoformat(text)

    tags = arrival.numbers.get("tag", {})
    first, expected = day(given["first"]), amount(given["amount"])
    number, weekday = given["weekday"] or (None, None)
    if first is None or expected is None:
        raise ValueError("no first day or no amount")
    definition = Definition(
        name=given["name"],
        account_id=account.pk,
        amount=expected,
        first=first,
        unit=Unit(given["unit"]),
        lines=tuple(
            CounterLine(
                account_id=arrival.account(line["account"]).pk, amount=amount(line["amount"]), memo=line["memo"]
            )
            for line in given["lines"]
        ),
        every=given["every"],
        days=tuple(given["days"]),
        weekday=None if number is None or weekday is None else (number, weekday),
        weekdays=tuple(given.get("weekdays", ())),
        shift=WeekendShift(given["shift"]),
        holidays=given.get("holidays", ""),
        until=day(given["until"]),
        count=given["count"],
        total=amount(given["total"]),
        amount_kind=AmountKind(given["amount_kind"]),
        least=amount(given["least"]),
        most=amount(given["most"]),
        payee=given["payee"],
        description=given["description"],
        tag_ids=tuple(tags[tag] for tag in given["tags"] if tag in tags),
    )
    schedule = Schedule(book=arrival.book, asked_from=datetime.date.fromisoformat(given["asked_from"]))
    fill(schedule, cleaned(definition))
    schedule.account = account
    return schedule


def _occurrence(book: Book, given: dict[str, Any], made: dict[int, Schedule]) -> ScheduleOccurrence:
    return ScheduleOccurrence(
        book=book,
        schedule=made[given["schedule"]],
        nominal=datetime.date.fromisoformat(given["nominal"]),
        state=ScheduleOccurrence.State(given["state"]),
        moved_to=None if given["moved_to"] is None else datetime.date.fromisoformat(given["moved_to"]),
    )


def _payment(
    row: ScheduleOccurrence, given: list[str], entries: dict[uuid.UUID, int], account: Account
) -> SchedulePayment:
    uid, date, amount = given
    return SchedulePayment(
        book=row.book,
        occurrence=row,
        entry_id=entries[uuid.UUID(uid)],
        date=datetime.date.fromisoformat(date),
        amount=money.parse_amount(amount, currency=account.currency),
    )


def _uids(given: dict[str, Any]) -> Iterable[str]:
    yield from given["refused"]
    for uid, _date, _amount in given["payments"]:
        yield uid
