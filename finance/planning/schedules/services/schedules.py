"""Schedules are made, changed, ended and removed. No entry changes with them."""

import datetime
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from finance import money
from finance.errors import AccountClosedError, Conflict, Invalid, NotFound
from finance.events.plans import ScheduleRemoved, ScheduleSaved
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import Definition, check_definition
from finance.planning.schedules.models import Schedule, ScheduleOccurrence
from finance.planning.schedules.selectors import schedule_for
from finance.public_holidays import checked_region
from finance.tags.models import Tag
from identity.models import User
from platform_outbox.emit import emit

MOST_SCHEDULES = 500
MOST_LINES = 50
MOST_TAGS = 50


@transaction.atomic
def create_schedule(
    *,
    book: Book,
    actor: User | None,
    definition: Definition,
    today: datetime.date,
    asked_from: datetime.date | None = None,
) -> Schedule:
    """A new schedule. Occurrences before `asked_from` (today, unless it is given) are not called late.

    Raises Invalid (by field), NotFound (account, lines.0.account, tags), AccountClosedError and Conflict for too many.
    """
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    if Schedule.objects.filter(book=book).count() >= MOST_SCHEDULES:
        raise Conflict(reason=_("A book has at most %(most)d schedules; remove one first.") % {"most": MOST_SCHEDULES})
    definition = _checked(book, definition)
    schedule = Schedule(book=book, created_by=actor, asked_from=asked_from or today)
    return _saved(schedule, definition)


@transaction.atomic
def change_schedule(
    *, schedule: Schedule, actor: User | None, definition: Definition, from_date: datetime.date | None = None
) -> Schedule:
    """Change a schedule, all of it or from a nominal day on; returns the one that holds from that day.

    With `from_date` after the first occurrence, the schedule ends before that day, and a new one continues it: what was
    paid, skipped or moved before stays as it was. What is recorded of later days goes with the new one where that has the
    same nominal day, and it has what is left of an unchanged count or total. Raises as create_schedule, and Conflict
    where payments of later days would be lost.
    """
    schedule = _held(schedule)
    book = schedule.book
    begins = schedule.definition.rule.at(0)
    definition = _checked(book, definition)
    if from_date is None or begins is None or from_date <= begins:
        _refuse_lost_payments(schedule, definition, begins or definition.first)
        return _saved(schedule, definition)
    if definition.first < from_date:
        definition = _going_on(schedule.definition, definition, from_date)
        check_definition(definition)
    _refuse_lost_payments(schedule, definition, from_date)
    if hasattr(schedule, "continued_by"):
        reason = _("This schedule was changed before and goes on as another one; change that one.")
        raise Conflict(field="effective_from", reason=reason)
    later = Schedule(book=book, created_by=actor, asked_from=schedule.asked_from, continues=schedule)
    _saved(later, definition)
    moved = ScheduleOccurrence.objects.filter(book=book, schedule=schedule, nominal__gte=from_date)
    for row in moved:
        if definition.has(row.nominal):
            row.schedule = later
            row.save(update_fields=["schedule", "changed_at"])
        else:
            row.delete()
    schedule.until = from_date - datetime.timedelta(days=1)
    schedule.count = schedule.total = None
    schedule.save()
    emit(ScheduleSaved(book_id=book.pk, schedule_id=schedule.pk))
    return later


@transaction.atomic
def end_schedule(*, schedule: Schedule, last: datetime.date) -> Schedule:
    """Nothing of the schedule is expected after the nominal day `last`. Raises Invalid for a day before its first one."""
    schedule = _held(schedule)
    begins = schedule.definition.rule.at(0)
    if begins is None or last < begins:
        reason = _("The schedule begins on %(first)s. Remove it instead.") % {"first": schedule.first}
        raise Invalid(field="last", reason=reason)
    schedule.until = last
    schedule.save()
    emit(ScheduleSaved(book_id=schedule.book_id, schedule_id=schedule.pk))
    return schedule


@transaction.atomic
def remove_schedule(*, schedule: Schedule) -> None:
    """Remove the schedule with what is recorded of its occurrences; entries that paid them stay. Raises NotFound."""
    schedule = _held(schedule)
    emit(ScheduleRemoved(book_id=schedule.book_id, schedule_id=schedule.pk))
    schedule.delete()


def _going_on(before: Definition, given: Definition, from_date: datetime.date) -> Definition:
    """The definition from that day on: every n-th week stays the n-th, and the 31st is not forgotten in February."""
    following = given.rule.next_after(from_date - datetime.timedelta(days=1))
    if following is None:
        raise Invalid(field="effective_from", reason=_("This rule has no later day."))
    days = given.days
    if given.unit in (Unit.MONTH, Unit.YEAR) and not days and given.weekday is None:
        days = (given.first.day,)
    past = before.rule.count_before(from_date)
    count, total = given.count, given.total
    if count is not None and count == before.count:
        count -= past
    if total is not None and total == before.total:
        total -= past * abs(before.amount)
    if (count is not None and count < 1) or (total is not None and total < 1):
        raise Invalid(field="effective_from", reason=_("The schedule has ended before that day."))
    return replace(given, first=following, days=days, count=count, total=total)


def fill(schedule: Schedule, given: Definition) -> None:
    """Write a definition, which was checked, into the columns of a schedule that is then saved."""
    schedule.name, schedule.payee, schedule.description = given.name, given.payee, given.description
    schedule.account_id = given.account_id
    schedule.amount_kind, schedule.amount = given.amount_kind.value, given.amount
    schedule.least, schedule.most = given.least, given.most
    schedule.lines = [{"account": line.account_id, "amount": line.amount, "memo": line.memo} for line in given.lines]
    schedule.tag_ids = list(given.tag_ids)
    schedule.first, schedule.unit, schedule.every = given.first, given.unit.value, given.every
    schedule.days = list(given.days)
    schedule.weekday_number, schedule.weekday = given.weekday or (None, None)
    schedule.weekdays = list(given.weekdays)
    schedule.shift, schedule.holidays = given.shift.value, given.holidays or ""
    schedule.until, schedule.count, schedule.total = given.until, given.count, given.total


def _saved(schedule: Schedule, given: Definition) -> Schedule:
    fill(schedule, given)
    schedule.save()
    emit(ScheduleSaved(book_id=schedule.book_id, schedule_id=schedule.pk))
    return schedule_for(book=schedule.book, schedule_id=schedule.pk)


def _held(schedule: Schedule) -> Schedule:
    """The schedule as it is until the commit. Raises NotFound."""
    Schedule.objects.select_for_update(no_key=True).filter(book_id=schedule.book_id, pk=schedule.pk).first()
    return schedule_for(book=schedule.book, schedule_id=schedule.pk)


def _refuse_lost_payments(schedule: Schedule, definition: Definition, first: datetime.date) -> None:
    """A changed rule must not lose what was paid: the entry would be free and the payment expected again."""
    paid = ScheduleOccurrence.objects.filter(
        book_id=schedule.book_id, schedule=schedule, nominal__gte=first, payments__isnull=False
    )
    for nominal in paid.values_list("nominal", flat=True).distinct():
        if not definition.has(nominal):
            reason = _(
                "%(date)s is paid already, and the changed schedule has no such day. Change it from a later day on."
            )
            raise Conflict(field="effective_from", reason=reason % {"date": nominal})


def cleaned(given: Definition) -> Definition:
    """The definition with clean texts. Raises Invalid, by field; accounts and tags are not looked at."""
    payee = _clean("payee", given.payee, longest=200)
    name = _clean("name", given.name, longest=120) or payee[:120]
    if not name:
        raise Invalid(field="name", reason=_("Give the schedule a name."))
    for index, line in enumerate(given.lines):
        if len(line.memo) > 200 or "\x00" in line.memo:
            reason = _("a memo has at most 200 characters and no null")
            raise Invalid(field=f"lines.{index}.memo", reason=reason)
    description = _clean("description", given.description, longest=500)
    tag_ids = tuple(dict.fromkeys(given.tag_ids))
    holidays = None if given.holidays is None else checked_region(given.holidays, field="holidays")
    given = replace(given, name=name, payee=payee, description=description, tag_ids=tag_ids, holidays=holidays)
    amounts = (("amount", given.amount), ("least", given.least), ("most", given.most), ("total", given.total))
    for field, amount in amounts:
        if amount is not None and abs(amount) > money.MAX_MINOR_UNITS:
            raise Invalid(field=field, reason=_("The amount is too large."))
    check_definition(given)
    if len(tag_ids) > MOST_TAGS:
        raise Invalid(field="tags", reason=_("A schedule has at most %(most)d tags.") % {"most": MOST_TAGS})
    return given


def _checked(book: Book, given: Definition) -> Definition:
    given = cleaned(replace(given, holidays=book.holidays) if given.holidays is None else given)
    _check_accounts(book, given)
    if Tag.objects.filter(book=book, pk__in=given.tag_ids).count() < len(given.tag_ids):
        raise NotFound(thing="tag", field="tags")
    return given


def _check_accounts(book: Book, given: Definition) -> None:
    if len(given.lines) > MOST_LINES:
        raise Invalid(field="lines", reason=_("A schedule has at most %(most)d lines.") % {"most": MOST_LINES})
    ids = {given.account_id, *(line.account_id for line in given.lines)}
    accounts = {account.pk: account for account in Account.objects.filter(book=book, pk__in=ids)}
    account = _postable(accounts.get(given.account_id), field="account")
    if account.type not in (AccountType.ASSET, AccountType.LIABILITY):
        reason = _("Choose an account of your own money or debts; the category belongs into the lines.")
        raise Invalid(field="account", reason=reason)
    for index, line in enumerate(given.lines):
        field = f"lines.{index}.account"
        other = _postable(accounts.get(line.account_id), field=field)
        if other.pk == account.pk:
            raise Invalid(field=field, reason=_("The other side is another account."))
        if other.currency != account.currency:
            reason = _("A schedule moves one currency, and %(name)s is kept in %(currency)s.")
            raise Invalid(field=field, reason=reason % {"name": other.name, "currency": other.currency})


def _clean(field: str, text: str, *, longest: int) -> str:
    text = " ".join(text.split())
    if len(text) > longest or "\x00" in text:
        raise Invalid(field=field, reason=_("Enter at most %(longest)d characters.") % {"longest": longest})
    return text


def _postable(account: Account | None, *, field: str) -> Account:
    if account is None:
        raise NotFound(thing="account", field=field)
    if account.kind == AccountKind.GROUP:
        raise Invalid(field=field, reason=_("%(name)s only groups other accounts") % {"name": account.name})
    if account.closed_on is not None:
        raise AccountClosedError(field=field, name=account.name)
    return account
