"""Entries find the occurrences that they pay, and payments follow their entries."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from finance.ledger.models import Book
from finance.ledger.replacements import Replaced
from finance.ledger.revisions import roots_of
from finance.ledger.uncategorised import uncategorised_ids
from finance.payees.selectors import aliases_in
from finance.periods import MOST_MOVED
from finance.planning.schedules.definition import AmountKind
from finance.planning.schedules.matching import KNOWN_DAYS, Expected, Found, Match, matches, slack_of
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.planning.schedules.selectors import Status, occurrences_of, schedules_of
from finance.planning.schedules.services.occurrences import attach, hold, recheck_payments

# The newest lines of an account that a new schedule is compared with.
MOST_LINES = 2_000
_NEAR = datetime.timedelta(days=KNOWN_DAYS + MOST_MOVED)
# For a schedule that comes once.
_LONG_GAP = 366

# What entries that count, and pay nothing yet, moved on these accounts. The entry is named by its first version later.
_MOVED = """
SELECT entry.id, line.account_id, entry.date, sum(line.amount)::bigint, entry.payee,
       (SELECT array_agg(other.account_id) FROM finance_journalline AS other
         WHERE other.entry_id = entry.id AND other.account_id <> line.account_id)
  FROM finance_journalentry AS entry
  JOIN finance_journalline AS line ON line.entry_id = entry.id
 WHERE entry.book_id = %(book)s AND {which} AND line.account_id = ANY(%(accounts)s::bigint[])
   AND entry.reverses_id IS NULL AND entry.source <> 'opening'
   AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = entry.id)
 GROUP BY entry.id, entry.book_id, line.account_id
HAVING sum(line.amount) <> 0
"""
_THESE = "entry.id = ANY(%(entries)s::bigint[])"
_NEWEST = """entry.id IN (SELECT near.entry_id FROM finance_journalline AS near
                           WHERE near.account_id = ANY(%(accounts)s::bigint[]) AND near.date >= %(first)s
                             AND near.date <= %(last)s
                           ORDER BY near.date DESC, near.id DESC LIMIT %(limit)s)"""


def match_entries(*, book: Book, entry_ids: Collection[int]) -> int:
    """Link these entries to the occurrences that they pay, where that is beyond doubt; returns how many. Repeatable."""
    schedules = list(schedules_of(book=book))
    if not schedules or not entry_ids:
        return 0
    found = _moved(book, schedules, _THESE, {"entries": list(entry_ids)})
    return _link(book, schedules, found)


def match_schedule(*, book: Book, schedule_id: int) -> int:
    """Link entries that are there already to the occurrences of one schedule, where that is beyond doubt. Repeatable.

    The other schedules of its account are looked at, too, so that an entry of theirs is not taken.
    """
    schedule = schedules_of(book=book).filter(pk=schedule_id).first()
    if schedule is None:
        return 0
    schedules = list(schedules_of(book=book).filter(account_id=schedule.account_id))
    return _link(book, schedules, _nearby(book, schedules, schedule.first, datetime.date.max), only=schedule.pk)


def questions(*, book: Book, today: datetime.date, days: int = 45) -> list[list[Match]]:
    """Groups of entries and occurrences of the latest days of which somebody has to say which belong together."""
    schedules = list(schedules_of(book=book))
    if not schedules:
        return []
    first = today - datetime.timedelta(days=days)
    found = _nearby(book, schedules, first, today)
    return matches(_expected(book, schedules, found), found)[1]


def foreseen(*, book: Book, found: Sequence[Found]) -> dict[int, Match]:
    """What these movements, which are not entries yet, will pay: number → match, where that is beyond doubt.

    They are numbered by `entry_id`, below zero, so that they are no entry.
    """
    schedules = list(schedules_of(book=book)) if found else []
    if not schedules:
        return {}
    sure, _doubts = matches(_expected(book, schedules, found), found)
    return {match.entry.entry_id: match for match in sure}


@transaction.atomic
def _link(book: Book, schedules: Sequence[Schedule], found: Sequence[Found], *, only: int | None = None) -> int:
    if not found:
        return 0
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)  # two of one book take turns
    sure, _doubts = matches(_expected(book, schedules, found), found)
    by_id = {schedule.pk: schedule for schedule in schedules}
    linked = 0
    for match in sure:
        if only is not None and match.expected.schedule_id != only:
            continue
        schedule, row = hold(schedule=by_id[match.expected.schedule_id], nominal=match.expected.nominal)
        if row.state in (ScheduleOccurrence.State.PAID, ScheduleOccurrence.State.SKIPPED):
            continue
        entry = match.entry
        attach(
            schedule=schedule, row=row, entry_id=entry.entry_id, amount=entry.amount, date=entry.date, actor=None,
            complete=True,
        )  # fmt: skip
        linked += 1
    return linked


def _nearby(book: Book, schedules: Sequence[Schedule], first: datetime.date, last: datetime.date) -> list[Found]:
    earliest = max(first, datetime.date.min + _NEAR) - _NEAR
    return _moved(book, schedules, _NEWEST, {"first": earliest, "last": last, "limit": MOST_LINES})


def _moved(book: Book, schedules: Sequence[Schedule], which: str, given: dict[str, Any]) -> list[Found]:
    """Movements on the schedules' accounts by entries that pay nothing yet."""
    accounts = list({schedule.account_id for schedule in schedules})
    with connection.cursor() as cursor:
        cursor.execute(_MOVED.format(which=which), {"book": book.pk, "accounts": accounts, **given})
        rows = cursor.fetchall()
    if not rows:
        return []
    uncategorised = uncategorised_ids(book=book)
    roots = roots_of(book=book, entry_ids=[row[0] for row in rows])
    taken = set(
        SchedulePayment.objects.filter(book=book, entry_id__in=roots.values()).values_list("entry_id", flat=True)
    )
    return [
        Found(
            entry_id=roots[entry_id], account_id=account_id, date=date, amount=amount, payee=payee,
            counters=frozenset(counters or ()) - uncategorised,
        )
        for entry_id, account_id, date, amount, payee, counters in rows
        if roots[entry_id] not in taken
    ]  # fmt: skip


def _expected(book: Book, schedules: Iterable[Schedule], found: Sequence[Found]) -> list[Expected]:
    """Occurrences about the days of these entries that are neither paid nor skipped."""
    if not found:
        return []
    names: dict[str, set[str]] = defaultdict(set)
    for alias, name in aliases_in(book_id=book.pk).items():
        names[name.casefold()].add(alias.casefold())
    days = {entry.date for entry in found}
    first, last = min(days), max(days)
    first = max(first, datetime.date.min + _NEAR) - _NEAR
    last = min(last, datetime.date.max - _NEAR) + _NEAR
    expected = []
    for each in occurrences_of(book=book, first=first, last=last, today=first, schedules=schedules):
        if each.status in (Status.PAID, Status.SKIPPED):
            continue
        schedule, terms = each.schedule, each.schedule.definition
        following = terms.next_after(each.nominal)
        payee = schedule.payee.casefold()
        expected.append(
            Expected(
                schedule_id=schedule.pk,
                nominal=each.nominal,
                date=each.date,
                account_id=schedule.account_id,
                least=each.least,
                most=each.most,
                gap=(following - each.nominal).days if following else _LONG_GAP,
                payees=frozenset({payee, *names[payee]} if payee else ()),
                counters=frozenset(line.account_id for line in terms.lines),
                slack=slack_of(AmountKind(schedule.amount_kind)),
                refused=frozenset(each.refused),
            )
        )
    return expected


# Payments, and in a book that has some corrected entries, whose first version is not looked for here (ledger.replacements).
CONCERNS = """
EXISTS (SELECT FROM finance_schedulepayment AS payment
         WHERE payment.book_id = %(book)s AND (payment.entry_id = entry.id OR entry.corrects_id IS NOT NULL))"""


def follow_replaced(book: Book, replaced: Sequence[Replaced]) -> None:
    """Payments follow entries that are corrected or deleted, in the same transaction (ledger.replacements)."""
    if not SchedulePayment.objects.filter(book=book).exists():
        return
    roots = roots_of(book=book, entry_ids=[each.entry_id for each in replaced])
    recheck_payments(book=book, root_ids=list(set(roots.values())))
