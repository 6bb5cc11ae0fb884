"""Recurring payments that were found, in an export of the whole book, and back: what was dismissed stays dismissed."""

import datetime
import uuid
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import AmountInvalid, BookUnreadable
from finance.events.plans import RecurringFound
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book, JournalEntry
from finance.periods import WeekendShift
from finance.planning.detection.models import LONGEST_GROUP, RecurringFinding
from finance.planning.detection.series import MOST_EVIDENCE
from finance.planning.detection.weekdays import SEVERAL_A_WEEK
from finance.planning.recurrence import CADENCES, Recurrence, Unit
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AMOUNTS = ("amount", "least", "most", "per_year")
_DAYS = ("next_due", "lasts_until", "began", "latest")
_COUNTS = ("confidence", "hits", "misses", "extras")
_STATES = set(RecurringFinding.State.values)
_MOST_COUNT = 30_000


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """All findings of the book, in whatever state; entries by their uids."""
    findings = list(RecurringFinding.objects.filter(book=book).select_related("account").order_by("pk"))
    ids = {entry_id for finding in findings for entry_id in finding.evidence}
    uids = dict(JournalEntry.objects.filter(book=book, pk__in=ids).values_list("pk", "uid"))
    return {
        "version": VERSION,
        "findings": [
            {
                "group": each.group, "payee": each.payee, "description": each.description, "account": each.account_id,
                "counter": each.counter_id, "rhythm": each.rhythm, "unit": each.unit, "every": each.every,
                "days": each.days, "weekdays": each.weekdays,
                "weekday": None if each.weekday is None else [each.weekday_number, each.weekday], "shift": each.shift,
                "amount_kind": each.amount_kind, "state": each.state,
                "schedule": each.schedule_id, "decided_at": each.decided_at.isoformat() if each.decided_at else None,
                "own": reader is not None and each.decided_by_id == reader.pk,
                "evidence": [str(uids[entry_id]) for entry_id in each.evidence if entry_id in uids],
                **{name: money.format_amount(getattr(each, name), currency=each.account.currency) for name in _AMOUNTS},
                **{name: getattr(each, name).isoformat() for name in _DAYS},
                **{name: getattr(each, name) for name in _COUNTS},
            }
            for each in findings
        ],
    }  # fmt: skip


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            reason = _("Recurring payments of version %(version)s are not known here.")
            raise BookUnreadable(reason=reason % {"version": str(document["version"])[:20]})
        uids = {uuid.UUID(uid) for given in document["findings"] for uid in given["evidence"]}
        entries = arrival.entries(uids)
        findings = [_finding(arrival, given, entries) for given in document["findings"]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, AmountInvalid) as error:
        reason = _("The recurring payments of the export are damaged: %(error)s.")
        raise BookUnreadable(reason=reason % {"error": str(error)[:100]}) from error
    RecurringFinding.objects.bulk_create(findings)
    offered = [each for each in findings if each.state == RecurringFinding.State.OFFERED]
    emit_many([RecurringFound(book_id=arrival.book.pk, finding_id=each.pk) for each in offered])
    return []


def _finding(arrival: Arrival, given: dict[str, Any], entries: dict[uuid.UUID, int]) -> RecurringFinding:
    account = arrival.account(given["account"])
    counter = None if given["counter"] is None else arrival.account(given["counter"])
    # Raises where it is no rule.
    rule = Recurrence(
        anchor=datetime.date.fromisoformat(given["next_due"]),
        unit=Unit(given["unit"]),
        every=int(given["every"]),
        days=tuple(given["days"]),
        weekday=None if given.get("weekday") is None else (int(given["weekday"][0]), int(given["weekday"][1])),
        weekdays=tuple(given.get("weekdays", ())),
    )
    if (
        given["rhythm"] not in {cadence.name for cadence in (*CADENCES, *SEVERAL_A_WEEK)}
        or given["state"] not in _STATES
    ):
        raise ValueError("a finding has an unknown rhythm or state")
    if rule.every > _MOST_COUNT or len(given["evidence"]) > MOST_EVIDENCE:
        raise ValueError("a finding has an unlikely number")
    texts = {"group": LONGEST_GROUP, "payee": 200, "description": 500}
    if any(len(given[name]) > longest or "\x00" in given[name] for name, longest in texts.items()):
        raise ValueError("a text of a finding is too long")
    counts = {name: int(given[name]) for name in _COUNTS}
    if any(not 0 <= count <= _MOST_COUNT for count in counts.values()):
        raise ValueError("a finding has an unlikely number")
    decided_at = given["decided_at"]
    return RecurringFinding(
        book=arrival.book,
        account=account,
        counter=counter,
        rhythm=given["rhythm"],
        unit=rule.unit.value,
        every=rule.every,
        days=list(rule.days),
        weekdays=list(rule.weekdays),
        weekday_number=rule.weekday[0] if rule.weekday else None,
        weekday=rule.weekday[1] if rule.weekday else None,
        shift=WeekendShift(given["shift"]).value,
        amount_kind=RecurringFinding.Kind(given["amount_kind"]).value,
        state=given["state"],
        schedule_id=arrival.numbers.get("schedule", {}).get(given["schedule"]),
        decided_at=None if decided_at is None else datetime.datetime.fromisoformat(decided_at),
        decided_by=arrival.owner if given["own"] is True else None,
        evidence=[entries[uuid.UUID(uid)] for uid in given["evidence"] if uuid.UUID(uid) in entries],
        **{name: str(given[name]) for name in texts},
        **counts,
        **{name: datetime.date.fromisoformat(given[name]) for name in _DAYS},
        **{name: money.parse_amount(given[name], currency=account.currency, field=name) for name in _AMOUNTS},
    )
