"""Single occurrences: skipped, moved, paid now, linked to entries. Each change says who made it and when."""

import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import ScheduleOccurrenceChanged
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.revisions import current_of, root_of
from finance.ledger.services import post_entry
from finance.planning.schedules.definition import AmountKind, middle
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.planning.schedules.selectors import Status, occurrence_at, remaining, schedule_for
from finance.tags.models import Tag
from finance.tags.services import tag_entries
from identity.models import User
from platform_outbox.emit import emit

State = ScheduleOccurrence.State
# The latest payments that a learned amount is the middle of.
LEARNED_FROM = 6


@transaction.atomic
def skip_occurrence(*, schedule: Schedule, nominal: datetime.date, actor: User | None) -> None:
    """Nothing will be paid for this one. Raises NotFound for a day that is none of its, Conflict where it is paid."""
    schedule, row = hold(schedule=schedule, nominal=nominal)
    if row.payments.exists():
        raise Conflict(reason=_("This one is paid already. Unlink its payments first."))
    _record(schedule, row, actor, State.SKIPPED)


@transaction.atomic
def reopen_occurrence(*, schedule: Schedule, nominal: datetime.date, actor: User | None) -> None:
    """It is expected again: no longer skipped, moved, or taken for fully paid. Payments stay linked. Raises NotFound."""
    schedule, row = hold(schedule=schedule, nominal=nominal)
    row.moved_to = None
    _record(schedule, row, actor, State.PARTLY_PAID if row.payments.exists() else State.DUE)


@transaction.atomic
def move_occurrence(*, schedule: Schedule, nominal: datetime.date, to: datetime.date, actor: User | None) -> None:
    """Expect this one on another day; its nominal date stays what it is known by.

    Raises NotFound, Conflict where it is paid or skipped, Invalid (to) for a day more than a year away.
    """
    schedule, row = hold(schedule=schedule, nominal=nominal)
    if row.state in (State.PAID, State.SKIPPED):
        raise Conflict(reason=_("This one is paid or skipped already."))
    if abs((to - nominal).days) > 366:
        raise Invalid(field="to", reason=_("Move it by at most a year."))
    row.moved_to = None if to == schedule.definition.shown(nominal) else to
    _record(schedule, row, actor, State(row.state))


@transaction.atomic
def pay_occurrence(
    *,
    schedule: Schedule,
    nominal: datetime.date,
    actor: User | None,
    date: datetime.date,
    amount: int | None = None,
    complete: bool | None = None,
) -> JournalEntry:
    """Post the entry of this occurrence and link it. `amount` is in minor units on the account; all that is left, if None.

    `complete` says whether it is then paid; None: if the amount reaches what was left. Raises NotFound, Conflict where it
    is paid or skipped, Invalid (amount), and as post_entry does.
    """
    schedule, row = hold(schedule=schedule, nominal=nominal)
    each = occurrence_at(schedule, nominal, today=date, row=row)
    if each.status in (Status.PAID, Status.SKIPPED):
        raise Conflict(reason=_("This one is paid or skipped already."))
    amount = each.left if amount is None else amount
    if amount * each.amount <= 0:
        reason = _("The amount has the sign of the schedule: negative leaves the account, positive reaches it.")
        raise Invalid(field="amount", reason=reason)
    terms = schedule.definition
    sides = zip(terms.lines, terms.counter_amounts(amount), strict=True)
    entry = post_entry(
        book=schedule.book,
        actor=actor,
        date=date,
        payee=schedule.payee or schedule.name,
        description=schedule.description,
        lines=[
            LineDraft(account_id=schedule.account_id, amount=amount),
            *(LineDraft(account_id=line.account_id, amount=part, memo=line.memo) for line, part in sides),
        ],
    )
    tags = list(Tag.objects.filter(book=schedule.book, pk__in=schedule.tag_ids))
    if tags:
        tag_entries(book=schedule.book, actor=actor, entry_ids=[entry.pk], add=tags)
    attach(schedule=schedule, row=row, entry_id=entry.pk, amount=amount, date=date, actor=actor, complete=complete)
    return entry


@transaction.atomic
def link_entry(
    *,
    schedule: Schedule,
    nominal: datetime.date,
    entry: JournalEntry,
    actor: User | None,
    complete: bool = True,
) -> None:
    """Say that an entry pays this occurrence, all of it or (with `complete` false) a part.

    Raises NotFound, and Conflict for an entry that is reversed, is linked already, or does not touch the account.
    """
    schedule, row = hold(schedule=schedule, nominal=nominal)
    if row.state == State.SKIPPED:
        raise Conflict(reason=_("This one is skipped. Reopen it first."))
    if entry.reverses_id is not None or JournalEntry.objects.filter(reverses=entry).exists():
        raise Conflict(field="entry", reason=_("This entry was reversed; it pays nothing."))
    root = root_of(entry=entry)
    _refuse_linked(schedule.book, [root])
    amount = amount_on(account=schedule.account, entry_id=entry.pk)
    if amount * schedule.amount <= 0:
        reason = _("This entry does not move money on %(account)s in the schedule's direction.")
        raise Conflict(field="entry", reason=reason % {"account": schedule.account.name})
    attach(schedule=schedule, row=row, entry_id=root, amount=amount, date=entry.date, actor=actor, complete=complete)


@transaction.atomic
def unlink_entry(*, schedule: Schedule, nominal: datetime.date, entry: JournalEntry, actor: User | None) -> None:
    """The entry does not pay this occurrence after all, and is not matched with it again. Raises NotFound."""
    schedule, row = hold(schedule=schedule, nominal=nominal)
    root = root_of(entry=entry)
    gone, _by_model = SchedulePayment.objects.filter(book_id=schedule.book_id, occurrence=row, entry_id=root).delete()
    if not gone:
        raise NotFound(thing="payment")
    row.refused = sorted({*row.refused, root})
    _record(schedule, row, actor, State.PARTLY_PAID if row.payments.exists() else State.DUE)
    learn(schedule)


@transaction.atomic
def refuse_entry(*, schedule: Schedule, nominal: datetime.date, entry: JournalEntry, actor: User | None) -> None:
    """Answer that an entry, which was asked about, is not this occurrence. Raises NotFound."""
    schedule, row = hold(schedule=schedule, nominal=nominal)
    row.refused = sorted({*row.refused, root_of(entry=entry)})
    _record(schedule, row, actor, State(row.state))


def hold(*, schedule: Schedule, nominal: datetime.date) -> tuple[Schedule, ScheduleOccurrence]:
    """The schedule and this occurrence, locked until the commit; a new row where there is none. Raises NotFound."""
    Schedule.objects.select_for_update(no_key=True).filter(book_id=schedule.book_id, pk=schedule.pk).first()
    schedule = schedule_for(book=schedule.book, schedule_id=schedule.pk)
    row = ScheduleOccurrence.objects.filter(book_id=schedule.book_id, schedule=schedule, nominal=nominal).first()
    if row is None:
        if not schedule.definition.has(nominal):
            raise NotFound(thing="occurrence")
        row = ScheduleOccurrence.objects.create(book=schedule.book, schedule=schedule, nominal=nominal)
    return schedule, row


def attach(
    *,
    schedule: Schedule,
    row: ScheduleOccurrence,
    entry_id: int,
    amount: int,
    date: datetime.date,
    actor: User | None,
    complete: bool | None,
) -> None:
    """Link an entry, by its first version, to a held occurrence. `complete` None: paid if nothing is left."""
    SchedulePayment.objects.create(
        book=schedule.book, occurrence=row, entry_id=entry_id, amount=amount, date=date, linked_by=actor
    )
    if complete is None:
        complete = not remaining(schedule.definition.amount_at(row.nominal), _paid(row))
    _record(schedule, row, actor, State.PAID if complete else State.PARTLY_PAID)
    learn(schedule)


def learn(schedule: Schedule) -> None:
    """Where the amount is learned, it is the middle of the latest payments, between the least and the most of them."""
    if schedule.amount_kind != AmountKind.LEARNED:
        return
    paid = ScheduleOccurrence.objects.filter(book_id=schedule.book_id, schedule=schedule, state=State.PAID)
    sums = [
        total
        for total in paid.order_by("-nominal")
        .annotate(sum=Sum("payments__amount"))
        .values_list("sum", flat=True)[:LEARNED_FROM]
        if total
    ]
    if sums and middle(sums) * schedule.amount > 0:
        schedule.amount, schedule.least, schedule.most = middle(sums), min(sums), max(sums)
        schedule.save(update_fields=["amount", "least", "most", "changed_at"])


def amount_on(*, account: Account, entry_id: int) -> int:
    """What the version of the entry moved on the account; 0 where it does not touch it."""
    lines = JournalLine.objects.filter(book_id=account.book_id, entry_id=entry_id, account=account)
    return sum(lines.values_list("amount", flat=True))


def recheck_payments(*, book: Book, root_ids: list[int]) -> None:
    """Payments follow their entries: of one that was deleted they go, of one that was corrected they are as it is now."""
    payments = SchedulePayment.objects.filter(book=book, entry_id__in=root_ids).select_related(
        "occurrence__schedule__account"
    )
    found = list(payments)
    if not found:
        return
    current = current_of(book=book, root_ids=[payment.entry_id for payment in found])
    for payment in found:
        row, schedule = payment.occurrence, payment.occurrence.schedule
        version = current.get(payment.entry_id)
        amount = amount_on(account=schedule.account, entry_id=version) if version else 0
        if version is None or amount * schedule.amount <= 0:
            payment.delete()
            _record(schedule, row, None, State.PARTLY_PAID if row.payments.exists() else State.DUE)
        else:
            date = JournalEntry.objects.values_list("date", flat=True).get(pk=version)
            if (payment.amount, payment.date) == (amount, date):
                continue
            payment.amount, payment.date = amount, date
            payment.save(update_fields=["amount", "date"])
            _record(schedule, row, row.changed_by, State(row.state))
        learn(schedule)


def _paid(row: ScheduleOccurrence) -> int:
    return sum(row.payments.values_list("amount", flat=True))


def _refuse_linked(book: Book, roots: list[int]) -> None:
    taken = SchedulePayment.objects.filter(book=book, entry_id__in=roots).select_related("occurrence__schedule").first()
    if taken is not None:
        reason = _("This entry pays %(schedule)s of %(date)s already. Unlink it there first.")
        facts = {"schedule": taken.occurrence.schedule.name, "date": taken.occurrence.nominal}
        raise Conflict(field="entry", reason=reason % facts)


def _record(schedule: Schedule, row: ScheduleOccurrence, actor: User | None, state: ScheduleOccurrence.State) -> None:
    row.state, row.changed_by = state, actor
    row.save()
    emit(ScheduleOccurrenceChanged(book_id=schedule.book_id, schedule_id=schedule.pk, nominal=row.nominal))
