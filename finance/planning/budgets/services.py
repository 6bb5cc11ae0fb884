"""Everything that changes budgets. Each function is one transaction and announces itself.

An assignment is never changed or removed: what a line has in a period is the sum of its records, and another amount is
another record. So the past says who gave what, and when.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from finance import money
from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import BudgetAssigned, BudgetLineRemoved, BudgetLineSaved, BudgetRemoved, BudgetSaved
from finance.ledger.models import Account, AccountType, Book, Membership
from finance.periods import Period, months_later
from finance.planning.budgets.arithmetic import WEIGHT_SCALE, Carry, average
from finance.planning.budgets.models import Assignment, Budget, BudgetAccount, BudgetLine, BudgetShare, LineCarry
from finance.planning.budgets.targets import Target, TargetKind
from finance.planning.budgets.views import Plan, calendar_of, is_own_money, view_of
from finance.tags.models import Tag
from identity.models import User
from platform_outbox.emit import emit

MOST_BUDGETS = 50
MOST_LINES = 300
_MOST_SHARE = 1_000_000
# Members that share one budget.
MOST_SHARES = 50
LONGEST_NAME = 80
LONGEST_NOTE = 200
# Of "the average of the last periods".
AVERAGED = 3
# What a budget's calendar is made of; changing one of these changes where its periods begin.
CALENDAR = ("unit", "every", "anchor", "day", "shift", "last", "label_by", "starts_on")


@transaction.atomic
def save_budget(
    *,
    book: Book,
    actor: User | None,
    budget: Budget | None = None,
    accounts: Sequence[Account] | None = None,
    **changes: Any,
) -> Budget:
    """A new budget, or `budget` with these changes.

    `changes` are fields of the model: name, kind, currency, pays_from, and those of CALENDAR. `accounts` are the own
    accounts whose money it shares out; none of them: all own money in its currency. Kind and currency stay what they
    were. Raises Invalid with the field, and Conflict (name) where the name is taken or there are too many.
    """
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    if budget is None:
        if Budget.objects.filter(book=book).count() >= MOST_BUDGETS:
            raise Conflict(reason=_("A book has at most %(most)d budgets.") % {"most": MOST_BUDGETS})
        budget = Budget(book=book, created_by=actor, currency=book.base_currency)
    elif not {"kind", "currency"}.isdisjoint(changes):
        raise Invalid(field="kind", reason=_("The kind and the currency of a budget stay what they are."))
    for name, value in changes.items():
        setattr(budget, name, value)
    budget.name = _text(budget.name, field="name", longest=LONGEST_NAME)
    if not budget.name:
        raise Invalid(field="name", reason=_("A budget needs a name."))
    money.exponent(budget.currency)
    if budget.starts_on is not None and not 1900 <= budget.starts_on.year < 9000:
        raise Invalid(field="starts_on", reason=_("A budget begins in a year from 1900 to 8999."))
    calendar_of(budget)
    _check_own(budget, accounts or (), field="accounts")
    _check_own(budget, [budget.pays_from] if budget.pays_from else (), field="pays_from")
    try:
        with transaction.atomic():
            budget.save()
    except IntegrityError as error:
        raise Conflict(field="name", reason=_("There is a budget of this name already.")) from error
    if accounts is not None:
        BudgetAccount.objects.filter(budget=budget).delete()
        chosen = {account.pk for account in accounts}
        BudgetAccount.objects.bulk_create(
            [BudgetAccount(book=book, budget=budget, account_id=pk) for pk in sorted(chosen)]
        )
    emit(BudgetSaved(book_id=book.pk, budget_id=budget.pk))
    return budget


def _check_own(budget: Budget, accounts: Iterable[Account], *, field: str) -> None:
    for account in accounts:
        if not is_own_money(account, budget.currency):
            reason = _("“%(name)s” holds no own money in %(currency)s.")
            raise Invalid(field=field, reason=reason % {"name": account.name, "currency": budget.currency})


@transaction.atomic
def share_budget(
    *, budget: Budget, actor: User | None, shared_by: Budget.SharedBy, shares: Mapping[int, Decimal]
) -> list[BudgetShare]:
    """Say what each member bears: user → shares, or per cent that sum to 100; with NOBODY the budget is not shared.

    Only figures follow from it, for past periods too; nothing is posted. Raises Invalid (shared_by, shares, shares.<user>).
    """
    _hold(budget)
    if shared_by == Budget.SharedBy.NOBODY and shares:
        raise Invalid(field="shared_by", reason=_("Say whether these are shares or percentages."))
    if len(shares) > MOST_SHARES:
        raise Invalid(field="shares", reason=_("At most %(most)d members share a budget.") % {"most": MOST_SHARES})
    members = set(Membership.objects.filter(book=budget.book_id, user__in=shares).values_list("user_id", flat=True))
    weights: dict[int, int] = {}
    for user_id, share in shares.items():
        field = f"shares.{user_id}"
        if user_id not in members:
            raise NotFound(thing="member", field=field)
        scaled = share * WEIGHT_SCALE if share.is_finite() else Decimal(-1)
        if not 0 <= scaled <= _MOST_SHARE * WEIGHT_SCALE or scaled != scaled.to_integral_value():
            reason = _("A share is from 0 to %(most)s and has at most four decimals.") % {"most": f"{_MOST_SHARE:,}"}
            raise Invalid(field=field, reason=reason)
        weights[user_id] = int(scaled)
    whole = Decimal(sum(weights.values())) / WEIGHT_SCALE
    if shared_by == Budget.SharedBy.PERCENT and whole != 100:
        reason = _("The percentages sum to %(sum)s, not to 100.") % {"sum": f"{whole.normalize():f}"}
        raise Invalid(field="shares", reason=reason)
    if shared_by and not whole:
        raise Invalid(field="shares", reason=_("Somebody has to bear something."))
    budget.shared_by = shared_by
    budget.save(update_fields=["shared_by"])
    BudgetShare.objects.filter(budget=budget).delete()
    made = BudgetShare.objects.bulk_create(
        [
            BudgetShare(book_id=budget.book_id, budget=budget, user_id=user_id, weight=weight, set_by=actor)
            for user_id, weight in weights.items()
        ]
    )
    emit(BudgetSaved(book_id=budget.book_id, budget_id=budget.pk))
    return made


@transaction.atomic
def remove_budget(*, budget: Budget) -> None:
    """Remove the budget with its lines and records; the books are not touched."""
    event = BudgetRemoved(book_id=budget.book_id, budget_id=budget.pk)
    _hold(budget)
    Assignment.objects.filter(budget=budget).delete()
    LineCarry.objects.filter(line__budget=budget).delete()
    BudgetLine.objects.filter(budget=budget).delete()
    BudgetAccount.objects.filter(budget=budget).delete()
    BudgetShare.objects.filter(budget=budget).delete()
    budget.delete()
    emit(event)


@transaction.atomic
def add_line(
    *,
    budget: Budget,
    actor: User | None,
    account: Account | None = None,
    tag: Tag | None = None,
    carry: Carry | None = None,
    **changes: Any,
) -> BudgetLine:
    """A line for a category (with all that is inside it) or a tag.

    `carry` is for all its periods; without one envelopes carry all and limits nothing. `changes` as in `change_line`.
    Raises Invalid (account, tag, target…), Conflict (it has such a line already, or too many).
    """
    _hold(budget)
    if (account is None) == (tag is None):
        raise Invalid(field="account", reason=_("Give a category or a tag."))
    if account is not None and account.type not in (AccountType.EXPENSE, AccountType.INCOME):
        raise Invalid(field="account", reason=_("Only categories of spending and income have a line in a budget."))
    if BudgetLine.objects.filter(budget=budget).count() >= MOST_LINES:
        raise Conflict(reason=_("A budget has at most %(most)d lines.") % {"most": MOST_LINES})
    line = BudgetLine(book_id=budget.book_id, budget=budget, account=account, tag=tag)
    _change(line, changes)
    try:
        with transaction.atomic():
            line.save()
    except IntegrityError as error:
        field = "account" if account else "tag"
        raise Conflict(field=field, reason=_("The budget has a line for this already.")) from error
    usual = Carry.BOTH if budget.is_envelope else Carry.NONE
    LineCarry.objects.create(
        book_id=budget.book_id, line=line, since=datetime.date.min, carry=carry or usual, set_by=actor
    )
    emit(BudgetLineSaved(book_id=budget.book_id, budget_id=budget.pk, line_id=line.pk))
    return line


@transaction.atomic
def change_line(
    *,
    line: BudgetLine,
    actor: User | None,
    carry: Carry | None = None,
    carry_from: datetime.date | None = None,
    **changes: Any,
) -> BudgetLine:
    """Change what a line carries over, its target, note, place in the forecast, or whether it is closed.

    `carry` is for periods from the one that `carry_from` is in, so that earlier ones stay what they were; None: for all.
    `changes` are `target` (a Target), `note`, `in_forecast`, `closed`. Raises Invalid, and Conflict where an envelope
    that still holds money is closed.
    """
    budget = line.budget
    _hold(budget)
    if changes.get("closed") and not line.closed and budget.is_envelope:
        _refuse_unless_empty(line)
    _change(line, changes)
    line.save()
    if carry is not None:
        since = datetime.date.min
        if carry_from is not None:
            since = calendar_of(budget).period_at(carry_from).first or since
        LineCarry.objects.filter(line=line, since__gte=since).delete()
        LineCarry.objects.create(book_id=line.book_id, line=line, since=since, carry=carry, set_by=actor)
    emit(BudgetLineSaved(book_id=line.book_id, budget_id=budget.pk, line_id=line.pk))
    return line


def _refuse_unless_empty(line: BudgetLine) -> None:
    latest = Assignment.objects.filter(line=line).order_by("-period").values_list("period", flat=True).first()
    if latest is None:
        return
    view = view_of(Plan(line.budget), on=latest)
    left = next(each for each in view.lines if each.line.pk == line.pk).cells[0].available
    if left:
        reason = _("This envelope still holds %(amount)s %(currency)s. Move that first.")
        currency = line.budget.currency
        raise Conflict(
            field="closed",
            reason=reason % {"amount": money.format_amount(left, currency=currency), "currency": currency},
        )


@transaction.atomic
def remove_line(*, line: BudgetLine) -> None:
    """Remove a line. Raises Conflict where it has records: such a line is closed, so that its past stays."""
    _hold(line.budget)
    if Assignment.objects.filter(line=line).exists():
        raise Conflict(reason=_("Amounts were assigned to this line. Close it instead, so that its past stays."))
    event = BudgetLineRemoved(book_id=line.book_id, budget_id=line.budget_id, line_id=line.pk)
    LineCarry.objects.filter(line=line).delete()
    line.delete()
    emit(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An amount (minor units, negative takes it away) for a line; in `total` it is what the line has then in all."""

    line: BudgetLine
    amount: int
    total: bool = False
    field: str = "amount"


@transaction.atomic
def assign(
    *,
    budget: Budget,
    actor: User | None,
    day: datetime.date,
    given: Sequence[Given],
    note: str = "",
    why: str = Assignment.Why.ASSIGN,
) -> list[Assignment]:
    """Give amounts to lines in the period that `day` is in, all in one change. Returns the records that were made.

    Nothing is recorded for a line that has that amount already. Raises Invalid (period, amount, note), and Conflict
    for a line that is closed.
    """
    _hold(budget)
    period = checked_period(budget, day)
    note = _text(note, field="note", longest=LONGEST_NOTE)
    held = assigned_in(budget, period)
    change = uuid7()
    records = []
    for each in given:
        if each.line.closed:
            raise Conflict(field=each.field, reason=_("This line is closed."))
        had = held.get(each.line.pk, 0)
        amount = each.amount - had if each.total else each.amount
        if abs(had + amount) > money.MAX_MINOR_UNITS:
            raise Invalid(field=each.field, reason=_("The amount is too large."))
        if amount:
            held[each.line.pk] = had + amount
            records.append(
                Assignment(
                    book_id=budget.book_id, budget=budget, line=each.line, period=period.first or day, amount=amount, why=why,
                    note=note, change=change, made_by=actor,
                )
            )  # fmt: skip
    Assignment.objects.bulk_create(records)
    if records:
        lines = tuple(sorted({record.line_id for record in records}))
        emit(BudgetAssigned(book_id=budget.book_id, budget_id=budget.pk, period=records[0].period, line_ids=lines))
    return records


def move(
    *,
    budget: Budget,
    actor: User | None,
    day: datetime.date,
    source: BudgetLine,
    target: BudgetLine,
    amount: int,
    note: str = "",
) -> list[Assignment]:
    """Move an amount from one line to another: two records in one change. Raises as `assign`."""
    if source.pk == target.pk:
        raise Invalid(field="target", reason=_("Choose another line to move it to."))
    if amount <= 0:
        raise Invalid(field="amount", reason=_("Give an amount of more than zero."))
    given = [Given(line=source, amount=-amount), Given(line=target, amount=amount)]
    return assign(budget=budget, actor=actor, day=day, given=given, note=note, why=Assignment.Why.MOVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What filling would do to a line. `keeps`: it has an amount already, which is left as it is."""

    line: BudgetLine
    name: str
    had: int
    becomes: int
    keeps: bool = False


def copied(*, budget: Budget, day: datetime.date, source: str, overwrite: bool) -> list[Proposal]:
    """What copying into the period that `day` is in would change, line by line.

    `source` is "last" (the period before), "average" (of the last AVERAGED ones) or "last_year" (the period a year
    before). A line that has an amount keeps it, unless `overwrite`. Raises Invalid (source, period).
    """
    period = checked_period(budget, day)
    plan = Plan(budget)
    earlier: list[Period] = []
    if period.first is not None:
        if source == "last_year":
            earlier = [plan.calendar.period_at(months_later(period.first, -12) + (_middle(period)))]
        elif source in ("last", "average"):
            at = period.first
            for _number in range(1 if source == "last" else AVERAGED):
                before = plan.calendar.period_at(at - datetime.timedelta(days=1))
                if before.first is None or before.first >= at:
                    break
                earlier.append(before)
                at = before.first
        else:
            raise Invalid(field="source", reason=_("Copy from “last”, “average” or “last_year”."))
    amounts = [assigned_in(budget, each) for each in earlier if each != period]
    held = assigned_in(budget, period)
    found = []
    for line in plan.in_order():
        if line.closed:
            continue
        had = held.get(line.pk, 0)
        # Periods from before the first that has anything do not lower an average.
        known = [amount.get(line.pk, 0) for amount in amounts if amount]
        becomes = average(known)
        if becomes != had and (becomes or had):
            keeps = bool(had) and not overwrite
            found.append(
                Proposal(
                    line=line, name=plan.name(line), had=had, becomes=had if keeps else becomes, keeps=keeps
                )
            )  # fmt: skip
    return found


def funded(*, budget: Budget, day: datetime.date) -> list[Proposal]:
    """What the targets still ask for in the period that `day` is in. Raises Invalid (period)."""
    view = view_of(Plan(budget), on=checked_period(budget, day).first or day)
    return [
        Proposal(
            line=each.line, name=each.name, had=each.cells[0].assigned,
            becomes=each.cells[0].assigned + each.proposed(0),
        )
        for each in view.lines
        if each.proposed(0) and not each.line.closed
    ]  # fmt: skip


def carry_out(
    *, budget: Budget, actor: User | None, day: datetime.date, proposals: Iterable[Proposal], why: str
) -> list[Assignment]:
    """Give the lines what was proposed. Raises as `assign`."""
    given = [Given(line=each.line, amount=each.becomes, total=True) for each in proposals if not each.keeps]
    return assign(budget=budget, actor=actor, day=day, given=given, why=why)


def checked_period(budget: Budget, day: datetime.date) -> Period:
    """The period that takes assignments for `day`. Raises Invalid (period)."""
    if not 1900 <= day.year < 9000:
        raise Invalid(field="period", reason=_("A budget has periods from 1900 to 8999."))
    period: Period = calendar_of(budget).period_at(day)
    if period.first is None or period.last is None or not period.first <= day <= period.last:
        raise Invalid(field="period", reason=_("The budget has no period on %(day)s.") % {"day": day})
    if budget.starts_on is not None and period.last < budget.starts_on:
        raise Invalid(
            field="period", reason=_("The budget begins on %(day)s, after this period.") % {"day": budget.starts_on}
        )
    return period


def assigned_in(budget: Budget, period: Period) -> dict[int, int]:
    """Line → what it has in that period."""
    rows = Assignment.objects.filter(budget=budget, period__gte=period.first, period__lte=period.last)
    return {line: int(amount) for line, amount in rows.values_list("line_id").annotate(sum=Sum("amount"))}


def _middle(period: Period) -> datetime.timedelta:
    return datetime.timedelta(days=period.days() // 2)


def _change(line: BudgetLine, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name == "target":
            target: Target = value
            kind = target.kind
            line.target_kind, line.target_amount = kind, target.amount if kind else 0
            line.target_due = target.due if kind not in (TargetKind.NONE, TargetKind.EVERY_PERIOD) else None
            line.target_every = target.every if kind in (TargetKind.SINKING, TargetKind.RECURRING) else None
            line.target_unit = target.unit or "" if kind is TargetKind.RECURRING else ""
        else:
            setattr(line, name, _text(value, field="note", longest=500) if name == "note" else value)


def _text(text: str, *, field: str, longest: int) -> str:
    cleaned = text.strip()
    if len(cleaned) > longest or "\x00" in cleaned:
        raise Invalid(field=field, reason=_("Enter at most %(most)d characters.") % {"most": longest})
    return cleaned


def _hold(budget: Budget) -> None:
    """One change of a budget at a time. Raises NotFound if it was removed meanwhile."""
    if not Budget.objects.select_for_update(no_key=True).filter(pk=budget.pk, book_id=budget.book_id).exists():
        raise NotFound(thing="budget")
