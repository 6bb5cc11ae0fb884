"""Findings are looked for, and decided upon. Looking again finds the same: nothing is found twice or offered again."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.batches import in_batches
from core.clock import today_in
from finance.errors import Conflict, Invalid
from finance.events.plans import RecurringDecided, RecurringDue, RecurringFound
from finance.ledger.models import Account, AccountKind, Book
from finance.periods import WeekendShift
from finance.planning.detection.models import LONGEST_GROUP, RecurringCheck, RecurringFinding
from finance.planning.detection.selectors import histories, names_of, payees_of_entries, payees_paid_lately
from finance.planning.detection.series import Series, group_of, series_in
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.services import create_schedule
from identity.models import User
from platform_outbox.emit import emit, emit_many

# Payees that are looked at in one transaction, each with at most MOST_ENTRIES entries: a second or two.
AT_ONCE = 100
_DAYS = {
    Unit.DAY: Fraction(1),
    Unit.WEEK: Fraction(7),
    Unit.MONTH: Fraction(365, 12),
    Unit.YEAR: Fraction(365),
}
State = RecurringFinding.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How many payees were looked at, and how many series were found that were not known."""

    payees: int
    new: int


def look_after(*, book: Book, entry_ids: Collection[int]) -> Looked:
    """Look again at the payees of these entries: at most AT_ONCE of them here, of more the whole book later on.

    Costs by the payees that were touched, whatever the size of the book.
    """
    keys = payees_of_entries(book=book, entry_ids=entry_ids)
    if len(keys) > AT_ONCE:
        emit(RecurringDue(look_id=book.pk))
        return Looked(payees=0, new=0)
    return look_at(book=book, keys=keys)


def look_through(
    *, book: Book, after: str | None = None, between: Callable[[str, int, int], object] = lambda key, done, new: None
) -> Looked:
    """Look at all payees that were paid lately, AT_ONCE in a transaction, those behind `after` in their order.

    `between` is called after each step with the last payee, and how many were looked at and found in it; it may raise to
    stop, and a later call goes on behind that payee.
    """
    payees = new = 0
    keys = [key for key in payees_paid_lately(book=book, today=today_in(book)) if after is None or key > after]
    for some in in_batches(keys, size=AT_ONCE):
        looked = look_at(book=book, keys=some)
        payees, new = payees + len(some), new + looked.new
        between(some[-1], len(some), looked.new)
    RecurringCheck.objects.update_or_create(book=book, defaults={"complete_at": timezone.now()})
    return Looked(payees=payees, new=new)


def look_through_books(
    *,
    books: Sequence[Book],
    begin: tuple[int, str] | None = None,
    between: Callable[[Book, str, int, int], object],
) -> Looked:
    """As look_through, of several books in the order of their numbers. `begin`: the book and payee that it stopped behind."""
    payees = new = 0
    for book in books:
        if begin is not None and book.pk < begin[0]:
            continue
        after = begin[1] if begin is not None and book.pk == begin[0] else None
        looked = look_through(book=book, after=after, between=partial(between, book))
        payees, new = payees + looked.payees, new + looked.new
    return Looked(payees=payees, new=new)


def payees_to_look_at(*, books: Iterable[Book]) -> int:
    """How many payees look_through_books goes through."""
    return sum(len(payees_paid_lately(book=book, today=today_in(book))) for book in books)


def look_at_offered(*, book: Book) -> None:
    """Look again at the payees of what is offered, as when a plan begins to expect some of it. Repeatable."""
    offered = RecurringFinding.objects.filter(book=book, state=State.OFFERED)
    keys = sorted({payee.lower() for payee in offered.values_list("payee", flat=True)})
    for some in in_batches(keys, size=AT_ONCE):
        look_at(book=book, keys=some)


def ask_for_missed(*, most: int = 50) -> int:
    """Ask for a look at books that were never looked at as a whole, as after an upgrade; returns how many."""
    looked_at = RecurringCheck.objects.exclude(complete_at=None).values("pk")
    books = Book.objects.in_use().exclude(pk__in=looked_at).order_by("pk").values_list("pk", flat=True)[:most]
    # Marked as asked for, so that the next hour does not ask again; an event is not lost.
    RecurringCheck.objects.bulk_create(
        [RecurringCheck(book_id=pk, complete_at=timezone.now()) for pk in books],
        update_conflicts=True, unique_fields=["book"], update_fields=["complete_at"],
    )  # fmt: skip
    emit_many([RecurringDue(look_id=pk) for pk in books])
    return len(books)


@transaction.atomic
def look_at(*, book: Book, keys: Collection[str]) -> Looked:
    """Look at the histories of these payees (in lower case; "" for entries without one), and write what was found.

    What is known is brought up to date in whatever state it is; what is no series any more and was only offered goes.
    """
    names, today = names_of(book=book), today_in(book)
    together = names.together(keys)
    # Two that look at one book take turns.
    if not RecurringCheck.objects.select_for_update().filter(pk=book.pk):
        RecurringCheck.objects.get_or_create(book=book)
    movements = histories(book=book, keys=together, names=names, until=today)
    found: dict[str, list[Series]] = defaultdict(list)
    for series in series_in(movements, today=today):
        found[_stored(series.group)].append(series)
    groups = {_stored(names.of.get(key, key).strip()) for key in together} | {
        _stored(group_of(each)) for each in movements
    }
    known: dict[str, list[RecurringFinding]] = defaultdict(list)
    for finding in RecurringFinding.objects.filter(book=book, group__in=groups - {""}).order_by("pk"):
        known[finding.group].append(finding)
    new = 0
    schedules = list(Schedule.objects.filter(book=book)) if found else []
    for group in sorted(found.keys() | known.keys()):
        new += _write(book, group, found[group], known[group], schedules)
    return Looked(payees=len(together), new=new)


def _stored(group: str) -> str:
    return group[:LONGEST_GROUP]


def _write(
    book: Book,
    group: str,
    found: Sequence[Series],
    known: list[RecurringFinding],
    schedules: Sequence[Schedule],
) -> int:
    """Bring the findings of one group up to date; returns how many are new."""
    new = 0
    left = list(known)
    for series in found:
        finding = _same(series, left)
        if finding is not None:
            left.remove(finding)
        else:
            finding = RecurringFinding(book=book, group=group)
        is_new = finding.pk is None
        _fill(finding, series)
        if finding.state == State.OFFERED and (schedule := _covering(finding, schedules)) is not None:
            finding.state, finding.schedule = State.SCHEDULED, schedule
        finding.save()
        if is_new and finding.state == State.OFFERED:
            emit(RecurringFound(book_id=book.pk, finding_id=finding.pk))
            new += 1
    gone = [finding.pk for finding in left if finding.state == State.OFFERED]
    if gone:
        RecurringFinding.objects.filter(book=book, pk__in=gone).delete()
    return new


def _same(series: Series, known: Sequence[RecurringFinding]) -> RecurringFinding | None:
    """The finding that the series is: with most entries in common, else of one rhythm and about the amount."""
    shared = [(len(set(finding.evidence) & set(series.evidence)), -finding.pk, finding) for finding in known]
    count, _pk, finding = max(shared, default=(0, 0, None))
    if count:
        return finding
    alike = [
        finding
        for finding in known
        if finding.rhythm == series.rhythm.cadence.name
        and (finding.amount > 0) == (series.amount > 0)
        and _near(finding.amount, series.amount)
    ]
    return min(alike, key=lambda each: abs(each.amount - series.amount), default=None)


def _near(one: int, other: int) -> bool:
    """Within two fifths of the larger."""
    small, large = sorted((abs(one), abs(other)))
    return large * 3 <= small * 5


def _fill(finding: RecurringFinding, series: Series) -> None:
    movement, rule = series.movement, series.rule
    finding.payee, finding.description = movement.payee, movement.description
    finding.account_id, finding.counter_id = movement.account_id, movement.counter_id
    finding.rhythm, finding.unit, finding.every = series.rhythm.cadence.name, rule.unit.value, rule.every
    finding.days, finding.weekdays, finding.shift = list(rule.days), list(rule.weekdays), series.rhythm.shift.value
    finding.weekday_number, finding.weekday = rule.weekday or (None, None)
    finding.next_due, finding.lasts_until = series.next_due, series.lasts_until
    finding.amount_kind, finding.amount = series.amounts.value, series.amount
    finding.least, finding.most, finding.per_year = series.least, series.most, series.per_year
    finding.confidence, finding.hits = series.confidence, series.hits
    finding.misses, finding.extras = series.misses, series.extras
    finding.began, finding.latest = series.first, series.last
    finding.evidence = list(series.evidence)


def _covering(finding: RecurringFinding, schedules: Sequence[Schedule]) -> Schedule | None:
    """The schedule that expects these payments already: the same payee (or name, or other side), about as often and much."""
    names = {finding.payee.casefold(), finding.group} - {""}
    for schedule in schedules:
        is_named = bool({schedule.payee.casefold(), schedule.name.casefold()} & names)
        is_other_side = finding.counter_id in {line["account"] for line in schedule.lines}
        if not is_named and (schedule.payee or not is_other_side or schedule.account_id != finding.account_id):
            continue
        if schedule.until is not None and schedule.until < finding.latest:
            continue
        apart, theirs = _apart(schedule), _apart(finding)
        is_any = schedule.amount_kind in (AmountKind.VARIABLE, AmountKind.LEARNED)
        is_as_much = is_any or _near(schedule.amount, finding.amount)
        is_one_way = (schedule.amount > 0) == (finding.amount > 0)
        if is_one_way and is_as_much and 4 * abs(apart - theirs) <= max(apart, theirs):
            return schedule
    return None


def _apart(repeated: Schedule | RecurringFinding) -> Fraction:
    """Days from one payment to the next, on average."""
    return _DAYS[Unit(repeated.unit)] * repeated.every / (len(repeated.days) or len(repeated.weekdays) or 1)


@transaction.atomic
def cover(*, book: Book, schedule_id: int) -> int:
    """Stop offering what a schedule expects since it was saved; returns how many findings that were. Repeatable."""
    schedules = list(Schedule.objects.filter(book=book, pk=schedule_id))
    covered = 0
    for finding in RecurringFinding.objects.filter(book=book, state=State.OFFERED) if schedules else ():
        if _covering(finding, schedules) is not None:
            _decide(finding, State.SCHEDULED, actor=None, schedule=schedules[0])
            covered += 1
    return covered


def definition_of(*, finding: RecurringFinding) -> Definition:
    """The schedule that the finding would become. Raises Invalid (lines) where its other side cannot be told."""
    terms = terms_of(finding=finding)
    if not terms.lines:
        reason = _("Say the category: the latest payment has none of this currency that is open.")
        raise Invalid(field="lines", reason=reason)
    return terms


def terms_of(*, finding: RecurringFinding) -> Definition:
    """The schedule that the finding would become; without lines where its other side cannot be told."""
    counter: Account | None = finding.counter
    if counter is not None and (counter.closed_on is not None or counter.kind == AccountKind.GROUP):
        counter = None
    kind = AmountKind(finding.amount_kind)
    is_bounded = kind is AmountKind.RANGE
    return Definition(
        name=(finding.payee or finding.description or (counter.name if counter else ""))[:120],
        account_id=finding.account_id,
        amount=finding.amount,
        first=finding.next_due,
        unit=Unit(finding.unit),
        lines=(CounterLine(account_id=counter.pk),) if counter else (),
        every=finding.every,
        days=tuple(finding.days),
        weekday=finding.rule.weekday,
        weekdays=tuple(finding.weekdays),
        shift=WeekendShift(finding.shift),
        amount_kind=kind,
        least=finding.least if is_bounded else None,
        most=finding.most if is_bounded else None,
        payee=finding.payee,
        description=finding.description if not finding.payee else "",
    )


@transaction.atomic
def make_schedule(
    *, finding: RecurringFinding, actor: User, today: datetime.date, definition: Definition | None = None
) -> Schedule:
    """Make it a schedule, as it was found or as `definition` says; what is late of it is expected still.

    Raises Conflict where it was decided before, and what create_schedule raises.
    """
    finding = _held(finding)
    if finding.state == State.SCHEDULED:
        raise Conflict(reason=_("This is a schedule already."))
    definition = definition or definition_of(finding=finding)
    schedule = create_schedule(
        book=finding.book, actor=actor, definition=definition, today=today, asked_from=min(today, definition.first)
    )
    _decide(finding, State.SCHEDULED, actor=actor, schedule=schedule)
    return schedule


@transaction.atomic
def dismiss(*, finding: RecurringFinding, actor: User) -> RecurringFinding:
    """Never offer it again. Raises Conflict where it is a schedule."""
    finding = _held(finding)
    if finding.state == State.SCHEDULED:
        raise Conflict(reason=_("This is a schedule already."))
    if finding.state != State.DISMISSED:
        _decide(finding, State.DISMISSED, actor=actor)
    return finding


@transaction.atomic
def offer_again(*, finding: RecurringFinding, actor: User) -> RecurringFinding:
    """Take a dismissal back. Raises Conflict where it was not dismissed."""
    finding = _held(finding)
    if finding.state != State.DISMISSED:
        raise Conflict(reason=_("Only what was dismissed can be offered again."))
    _decide(finding, State.OFFERED, actor=actor)
    return finding


def _held(finding: RecurringFinding) -> RecurringFinding:
    found = RecurringFinding.objects.select_for_update(of=("self",)).select_related("account", "counter")
    held = found.get(book_id=finding.book_id, pk=finding.pk)
    held.book = finding.book
    return held


def _decide(
    finding: RecurringFinding, state: RecurringFinding.State, *, actor: User | None, schedule: Schedule | None = None
) -> None:
    finding.state, finding.schedule = state, schedule
    finding.decided_by, finding.decided_at = actor, timezone.now()
    finding.save(update_fields=["state", "schedule", "decided_by", "decided_at"])
    emit(RecurringDecided(book_id=finding.book_id, finding_id=finding.pk, state=state.value))
