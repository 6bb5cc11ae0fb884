"""Reading schedules: what is due, late or missed, what comes next, what is still to pay; and the forecast's part."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.ledger.models import Account, AccountType, Book
from finance.ledger.services.drafts import FIRST_YEAR, LAST_YEAR
from finance.periods import MOST_MOVED
from finance.planning.schedules.definition import Definition
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.planning.upcoming import Layer, Upcoming

# How far the day that is shown may lie from the nominal one.
_SHIFT = datetime.timedelta(days=MOST_MOVED)
# What was not paid for so long is missed, even if nothing of the schedule was due since.
LATE_DAYS = 60
# Two years: longer windows are no plan.
MOST_DAYS = 800


class Status(StrEnum):
    """An occurrence as a household sees it on one day."""

    UPCOMING = "upcoming"
    DUE = "due"  # today
    LATE = "late"
    MISSED = "missed"  # late, and the next one has come or 60 days have passed: nobody expects it any more
    UNTRACKED = "untracked"  # of days before the schedule was written down
    PAID = "paid"
    SKIPPED = "skipped"


OPEN = frozenset({Status.UPCOMING, Status.DUE, Status.LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One occurrence on the day `today` it was asked for. Amounts are minor units on the schedule's account.

    `date` is the day shown, `amount` what is expected in all, `paid` what was paid of it, `left` what is still to come.
    """

    schedule: Schedule
    nominal: datetime.date
    date: datetime.date
    status: Status
    amount: int
    least: int
    most: int
    paid: int = 0
    moved_to: datetime.date | None = None
    payments: Sequence[SchedulePayment] = ()
    # Entries (their first versions) that somebody said are not it.
    refused: Collection[int] = ()

    @property
    def left(self) -> int:
        """What is still to come: nothing once it is paid or skipped, never with the other sign."""
        return remaining(self.amount, self.paid) if self.status not in (Status.PAID, Status.SKIPPED) else 0

    @property
    def is_open(self) -> bool:
        """Whether it is still expected."""
        return self.status in OPEN

    @property
    def currency(self) -> str:
        """Of the schedule's account."""
        return self.schedule.account.currency


def remaining(amount: int, paid: int) -> int:
    """What is left of an amount, never with the other sign."""
    return max(amount - paid, 0) if amount > 0 else min(amount - paid, 0)


def schedules_of(*, book: Book) -> QuerySet[Schedule]:
    """Schedules of the book with their accounts."""
    return Schedule.objects.filter(book=book).select_related("account", "continues", "continued_by")


def schedule_for(*, book: Book, schedule_id: int) -> Schedule:
    """The book's schedule. Raises NotFound."""
    found = schedules_of(book=book).filter(pk=schedule_id).first()
    if found is None:
        raise NotFound(thing="schedule")
    found.book = book
    return found


def checked_window(first: datetime.date, last: datetime.date) -> None:
    """Raise Invalid (first, last) for days that are backwards, too many, or outside of the calendars of books."""
    for field, day in (("first", first), ("last", last)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise Invalid(field=field, reason=_("Give a day from 1900 to 2199."))
    if last < first:
        reason = _("The last day, %(last)s, is before the first, %(first)s.") % {"last": last, "first": first}
        raise Invalid(field="last", reason=reason)
    if (last - first).days > MOST_DAYS:
        raise Invalid(field="last", reason=_("Ask for at most %(most)d days at once.") % {"most": MOST_DAYS})


def occurrences_of(
    *,
    book: Book,
    first: datetime.date,
    last: datetime.date,
    today: datetime.date,
    schedules: Iterable[Schedule] | None = None,
) -> list[Occurrence]:
    """Occurrences that are shown from `first` to `last`, both included, in the order of their days; two queries.

    `schedules` are those of the book that are looked at, with their accounts; all, unless they are given.
    """
    wanted = list(schedules_of(book=book) if schedules is None else schedules)
    if not wanted:
        return []
    # Of a schedule that was moved the row may be of any day.
    near = Q(nominal__range=(_back(first), _ahead(last))) | Q(moved_to__range=(first, last))
    recorded: dict[int, dict[datetime.date, ScheduleOccurrence]] = defaultdict(dict)
    rows = ScheduleOccurrence.objects.filter(near, book=book, schedule__in=wanted)
    for row in rows.prefetch_related(Prefetch("payments", SchedulePayment.objects.order_by("date", "pk"))):
        recorded[row.schedule_id][row.nominal] = row
    found = []
    for schedule in wanted:
        known = recorded[schedule.pk]
        definition = schedule.definition
        nominals = set(definition.occurrences(_back(first), _ahead(last)))
        nominals |= {nominal for nominal, row in known.items() if row.moved_to and definition.has(nominal)}
        for nominal in nominals:
            each = occurrence_at(schedule, nominal, today=today, row=known.get(nominal), definition=definition)
            if first <= each.date <= last:
                found.append(each)
    return sorted(found, key=lambda each: (each.date, each.schedule.name.casefold(), each.schedule.pk, each.nominal))


def occurrence_at(
    schedule: Schedule,
    nominal: datetime.date,
    *,
    today: datetime.date,
    row: ScheduleOccurrence | None = None,
    definition: Definition | None = None,
) -> Occurrence:
    """The occurrence of that nominal date, with what is recorded of it."""
    terms = definition or schedule.definition
    date = row.moved_to if row and row.moved_to else terms.shown(nominal)
    least, most = terms.bounds_at(nominal)
    payments = list(row.payments.all()) if row else []
    return Occurrence(
        schedule=schedule,
        nominal=nominal,
        date=date,
        status=_status(schedule, terms, nominal, date, row, today),
        amount=terms.amount_at(nominal),
        least=least,
        most=most,
        paid=sum(payment.amount for payment in payments),
        moved_to=row.moved_to if row else None,
        payments=payments,
        refused=row.refused if row else (),
    )


def _status(
    schedule: Schedule,
    terms: Definition,
    nominal: datetime.date,
    date: datetime.date,
    row: ScheduleOccurrence | None,
    today: datetime.date,
) -> Status:
    if row and row.state in (ScheduleOccurrence.State.PAID, ScheduleOccurrence.State.SKIPPED):
        return Status(row.state)
    if date >= today:
        return Status.DUE if date == today else Status.UPCOMING
    if nominal < schedule.asked_from and row is None:
        return Status.UNTRACKED
    # What somebody moved or began to pay is not given up because the next one came.
    is_touched = row is not None and (row.moved_to is not None or row.state == ScheduleOccurrence.State.PARTLY_PAID)
    following = None if is_touched else terms.next_after(nominal)
    is_followed = following is not None and terms.shown(following) <= today
    return Status.MISSED if is_followed or (today - date).days > LATE_DAYS else Status.LATE


def open_occurrences(
    *, book: Book, last: datetime.date, today: datetime.date, schedules: Iterable[Schedule] | None = None
) -> list[Occurrence]:
    """What is still expected up to `last`: late, due today and upcoming."""
    first = today - datetime.timedelta(days=LATE_DAYS)
    found = occurrences_of(book=book, first=first, last=last, today=today, schedules=schedules)
    return [each for each in found if each.is_open]


def missed_occurrences(*, book: Book, today: datetime.date) -> list[Occurrence]:
    """Occurrences of the last year that nobody paid or skipped, though another is due already."""
    first = today - datetime.timedelta(days=365)
    found = occurrences_of(book=book, first=first, last=today, today=today)
    return [each for each in found if each.status is Status.MISSED]


def next_expected(*, book: Book, today: datetime.date, schedules: Collection[Schedule]) -> dict[int, Occurrence]:
    """Schedule → the first occurrence from today on that is neither paid nor skipped; two queries.

    It does not hang on any days that somebody looks at. A schedule that has ended is left out.
    """
    recorded: dict[int, dict[datetime.date, ScheduleOccurrence]] = defaultdict(dict)
    rows = ScheduleOccurrence.objects.filter(
        Q(nominal__gte=_back(today)) | Q(moved_to__gte=today), book=book, schedule__in=schedules
    )
    for row in rows.prefetch_related("payments"):
        recorded[row.schedule_id][row.nominal] = row
    found: dict[int, Occurrence] = {}
    for schedule in schedules:
        known, terms = recorded[schedule.pk], schedule.definition
        candidates = [nominal for nominal, row in known.items() if row.moved_to and terms.has(nominal)]
        nominal = terms.next_after(_back(_back(today)))
        while nominal is not None:
            each = occurrence_at(schedule, nominal, today=today, row=known.get(nominal), definition=terms)
            if each.is_open and each.date >= today and not each.moved_to:
                candidates.append(nominal)
                break
            nominal = terms.next_after(nominal)
        expected = [
            occurrence_at(schedule, each, today=today, row=known.get(each), definition=terms) for each in candidates
        ]
        expected = [each for each in expected if each.is_open and each.date >= today]
        if expected:
            found[schedule.pk] = min(expected, key=lambda each: (each.date, each.nominal))
    return found


@dataclass(slots=True, kw_only=True)
class Obligations:
    """Sums of some days in one currency, minor units with their sign on the accounts: what leaves is negative."""

    currency: str
    expected: int = 0  # of all occurrences that are not skipped
    paid: int = 0
    still_out: int = 0  # to leave from today on
    still_in: int = 0
    late: int = 0  # of days before today, still expected


def still_to_pay(*, book: Book, first: datetime.date, last: datetime.date, today: datetime.date) -> list[Obligations]:
    """What was paid and what is still to come of the occurrences shown on these days, per currency."""
    sums: dict[str, Obligations] = {}
    for each in occurrences_of(book=book, first=first, last=last, today=today):
        total = sums.setdefault(each.currency, Obligations(currency=each.currency))
        if each.status in (Status.SKIPPED, Status.UNTRACKED, Status.MISSED):
            continue
        total.paid += each.paid
        total.expected += each.paid + each.left
        if each.status is Status.LATE:
            total.late += each.left
        elif each.left < 0:
            total.still_out += each.left
        else:
            total.still_in += each.left
    return [sums[currency] for currency in sorted(sums)]


def upcoming(*, book: Book, first: datetime.date, last: datetime.date, today: datetime.date) -> list[Upcoming]:
    """What schedules expect on own accounts (assets and liabilities) from `first` to `last`; three queries.

    What was due before today and is still expected counts today, and what is partly paid with its rest. A transfer is a
    movement on each of its accounts.
    """
    found = open_occurrences(book=book, last=last, today=today)
    return movements_of(book=book, occurrences=found, first=first, last=last, today=today)


def movements_of(
    *,
    book: Book,
    occurrences: Sequence[Occurrence],
    first: datetime.date,
    last: datetime.date,
    today: datetime.date,
) -> list[Upcoming]:
    """As `upcoming`, of open occurrences that were read already; one query."""
    ids = {line["account"] for each in occurrences for line in each.schedule.lines}
    own = set(
        Account.objects.filter(book=book, pk__in=ids, type__in=(AccountType.ASSET, AccountType.LIABILITY)).values_list(
            "pk", flat=True
        )
    )
    movements = []
    for each in occurrences:
        date = max(each.date, today)
        if first <= date <= last and each.left:
            movements += _movements(each, date, own)
    return sorted(movements, key=lambda each: (each.date, each.nominal, each.source_id or 0, each.account_id))


def _movements(each: Occurrence, date: datetime.date, own: Collection[int]) -> list[Upcoming]:
    terms = each.schedule.definition
    least, most = (remaining(bound, each.paid) for bound in (each.least, each.most))
    sides = [(each.schedule.account_id, each.left, least, most)]
    moved = [(line.account_id, index) for index, line in enumerate(terms.lines) if line.account_id in own]
    if moved:
        try:
            parts = terms.counter_amounts(each.left)
        except Invalid:  # the rest of a part payment is less than the other lines: all of it goes to the own account
            parts, moved = [-each.left] * len(terms.lines), moved[:1]
        for account_id, index in moved:
            part = parts[index]
            spread = terms.lines[index].amount is None or len(parts) == 1
            low, high = (part - (most - each.left), part - (least - each.left)) if spread else (part, part)
            sides.append((account_id, part, low, high))
    return [
        Upcoming(
            date=date,
            nominal=each.nominal,
            account_id=account_id,
            amount=amount,
            currency=each.currency,
            layer=Layer.SCHEDULE,
            label=each.schedule.name,
            source_id=each.schedule.pk,
            least=min(low, amount),
            most=max(high, amount),
        )
        for account_id, amount, low, high in sides
    ]


def payments_of(*, schedule: Schedule) -> QuerySet[SchedulePayment]:
    """Its payments with their entries, the latest first."""
    found = SchedulePayment.objects.filter(book_id=schedule.book_id, occurrence__schedule=schedule)
    return found.select_related("entry", "occurrence").order_by("-date", "-pk")


def _back(date: datetime.date) -> datetime.date:
    return max(date, datetime.date.min + _SHIFT) - _SHIFT


def _ahead(date: datetime.date) -> datetime.date:
    return min(date, datetime.date.max - _SHIFT) + _SHIFT
