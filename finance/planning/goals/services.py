"""Everything that changes goals. Each function is one transaction and announces itself."""

import contextlib
import datetime
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.clock import today_in
from finance import money
from finance.errors import Conflict, Invalid
from finance.events.plans import GoalMoved, GoalRemoved, GoalSaved
from finance.ledger.models import Account, AccountType, Book, JournalEntry, JournalLine
from finance.ledger.replacements import Replaced
from finance.ledger.revisions import current_of, roots_of
from finance.ledger.selectors import balance_of
from finance.planning.goals.arithmetic import Kind
from finance.planning.goals.models import Goal, GoalMove
from finance.planning.goals.selectors import KINDS, chain_from, counted_in, set_aside_of
from finance.planning.schedules.models import Schedule, SchedulePayment
from finance.planning.schedules.selectors import schedules_of
from identity.models import User
from platform_outbox.emit import emit

MOST_GOALS = 200
LONGEST_NAME = 120


@transaction.atomic
def create_goal(
    *,
    book: Book,
    actor: User | None,
    account: Account,
    name: str,
    today: datetime.date,
    kind: Kind = Kind.SAVE,
    target: int | None = None,
    by: datetime.date | None = None,
    saved: int = 0,
    note: str = "",
    schedule: Schedule | None = None,
    fed_amount: int | None = None,
) -> Goal:
    """Make a goal whose money is in `account`; `target` and `saved` (set aside already) are minor units of it.

    Payments of `schedule` feed it: with all that they bring into the account, or with `fed_amount` of each.
    Raises Invalid (account, name, target, by, saved, schedule, fed_amount) and Conflict (the account holds less than is
    set aside, too many goals).
    """
    if Goal.objects.filter(book=book, closed_at=None).count() >= MOST_GOALS:
        raise Conflict(reason=_("A book has at most %(most)d open goals.") % {"most": MOST_GOALS})
    _check_account(account)
    goal = Goal(book=book, account=account, currency=account.currency, created_by=actor, started_on=today)
    _feed(goal, schedule, fed_amount)
    _store(goal, name=name, kind=kind, target=target, by=by, note=note, today=today)
    if saved < 0:
        raise Invalid(field="saved", reason=_("What is set aside already is zero or more."))
    if saved:
        goal.opening = saved
        goal.save(update_fields=["opening"])
        opening = GoalMove.Kinds.OPENING
        _move(goal, actor=actor, account=account, amount=saved, date=today, today=today, kind=opening, field="saved")
    return goal


@transaction.atomic
def change_goal(
    *,
    goal: Goal,
    actor: User | None,
    today: datetime.date,
    name: str | None = None,
    kind: Kind | None = None,
    target: int | None,
    by: datetime.date | None,
    note: str | None = None,
    schedule: Schedule | None,
    fed_amount: int | None,
) -> Goal:
    """Change a goal; its records stay. A new target or date is planned for from today. Raises as `create_goal`."""
    _feed(goal, schedule, fed_amount)
    if (goal.target, goal.by) != (target, by):
        goal.started_on = today
        goal.opening = saved_for(goal)
    _store(
        goal,
        name=goal.name if name is None else name,
        kind=Kind(goal.kind) if kind is None else kind,
        target=target,
        by=by,
        note=goal.note if note is None else note,
        today=today,
    )
    return goal


@transaction.atomic
def close_goal(*, goal: Goal, actor: User | None, closed: bool = True) -> Goal:
    """Close a goal, which frees what it holds, or open it again. Raises Conflict where that is no longer free."""
    if closed == (goal.closed_at is not None):
        return goal
    goal.closed_at = timezone.now() if closed else None
    goal.save(update_fields=["closed_at"])
    if not closed:
        held = GoalMove.objects.filter(goal=goal).values_list("account_id", flat=True).distinct()
        for account in Account.objects.filter(pk__in=list(held)).select_for_update(no_key=True).order_by("pk"):
            _check_room(account, today=today_in(account.book), field="closed")
    emit(GoalSaved(book_id=goal.book_id, goal_id=goal.pk))
    return goal


@transaction.atomic
def remove_goal(*, goal: Goal, actor: User | None) -> None:
    """Remove a goal with its records; what it held is free."""
    event = GoalRemoved(book_id=goal.book_id, goal_id=goal.pk)
    goal.delete()
    emit(event)


@transaction.atomic
def set_aside(
    *,
    goal: Goal,
    actor: User | None,
    amount: int,
    date: datetime.date,
    today: datetime.date,
    account: Account | None = None,
    note: str = "",
) -> GoalMove:
    """Set `amount` (minor units) aside in the account, or release it where it is below zero.

    Raises Invalid (amount, date, account) and Conflict: all goals together never hold more than the account does, and no
    goal less than nothing.
    """
    account = account or goal.account
    _check_account(account, goal)
    kind = GoalMove.Kinds.CONTRIBUTION if amount > 0 else GoalMove.Kinds.RELEASE
    return _move(goal, actor=actor, account=account, amount=amount, date=date, today=today, kind=kind, note=note)


@transaction.atomic
def link_entry(
    *,
    goal: Goal,
    actor: User | None,
    entry: JournalEntry,
    today: datetime.date,
    most: int | None = None,
    is_fed: bool = False,
) -> list[GoalMove]:
    """Count an entry for the goal: what it brings into an account that holds the goal is set aside, `most` at most, what
    it takes out is released. `is_fed`: only as long as it pays the schedule that feeds the goal.

    Raises Invalid (entry) where it moves none of these accounts, and Conflict where it counts already, or was deleted or
    corrected.
    """
    if entry.reverses_id is not None or JournalEntry.objects.filter(reverses=entry).exists():
        raise Conflict(field="entry", reason=_("This entry was deleted or corrected."))
    if counted_in(goal, [entry.pk]):
        raise Conflict(reason=_("This entry counts for the goal already."))
    holders = {goal.account_id, *GoalMove.objects.filter(goal=goal).values_list("account_id", flat=True)}
    amounts: dict[int, int] = {}
    for line in JournalLine.objects.filter(entry=entry, account_id__in=holders).order_by("position"):
        amounts[line.account_id] = amounts.get(line.account_id, 0) + line.amount
    if not any(amounts.values()):
        raise Invalid(field="entry", reason=_("This entry moves no account that holds the goal."))
    accounts = Account.objects.in_bulk(amounts)
    return [
        _move(
            goal,
            actor=actor,
            account=accounts[account_id],
            amount=amount if most is None else min(amount, most),
            date=min(entry.date, today),
            today=today,
            kind=GoalMove.Kinds.CONTRIBUTION if amount > 0 else GoalMove.Kinds.RELEASE,
            note=(entry.payee or entry.description)[:200],
            entry=entry,
            is_fed=is_fed,
        )
        for account_id, amount in sorted(amounts.items(), key=lambda item: item[1])
        if amount
    ]


@transaction.atomic
def count_payments(*, book: Book, schedule_id: int, nominal: datetime.date) -> list[GoalMove]:
    """Count what paid this occurrence for the goals that its schedule feeds; what counts already is left alone, and what
    was counted and pays the schedule no more is taken back.

    Only payments that were linked since the goal is fed. Where an account has not enough free money nothing is counted:
    the goal's page offers the entry.
    """
    goals = list(
        Goal.objects.filter(book=book, schedule__isnull=False, closed_at=None).select_related("account").order_by("pk")
    )
    if not goals:
        return []
    schedules = list(schedules_of(book=book))
    chains = {each.pk: [one.pk for one in chain_from(each.schedule_id or 0, schedules)] for each in goals}
    goals = [each for each in goals if schedule_id in chains[each.pk]]
    paid = SchedulePayment.objects.filter(
        book=book, occurrence__schedule_id=schedule_id, occurrence__nominal=nominal
    ).order_by("pk")
    payments = list(paid) if goals else []
    current = current_of(book=book, root_ids={each.entry_id for each in payments})
    entries = JournalEntry.objects.in_bulk(current.values())
    found: list[GoalMove] = []
    for goal in goals:
        goal.book = goal.account.book = book
        found += _take_back(goal, chains[goal.pk])
        for each in payments:
            entry = entries.get(current.get(each.entry_id, 0))
            if entry is None or goal.fed_since is None or each.linked_at < goal.fed_since:
                continue
            if counted_in(goal, [each.entry_id, entry.pk]):
                continue
            # As its plan says, the last payment is cut to what is missing.
            bounds = [goal.fed_amount, None if goal.target is None else goal.target - saved_for(goal)]
            most = min((bound for bound in bounds if bound is not None), default=None)
            if most is not None and most <= 0:
                continue
            with contextlib.suppress(Conflict, Invalid), transaction.atomic():
                found += link_entry(
                    goal=goal, actor=each.linked_by, entry=entry, today=today_in(book), most=most, is_fed=True
                )  # fmt: skip
    return found


def _take_back(goal: Goal, schedule_ids: Sequence[int]) -> list[GoalMove]:
    """Take back what was counted of entries that pay none of these schedules any more."""
    counted: dict[tuple[int, int], int] = {}
    for move in GoalMove.objects.filter(goal=goal, is_fed=True, entry__isnull=False).order_by("pk"):
        place = move.entry_id or 0, move.account_id
        counted[place] = counted.get(place, 0) + move.amount
    counted = {place: amount for place, amount in counted.items() if amount}
    roots = roots_of(book=goal.book, entry_ids=[entry_id for entry_id, _account in counted])
    paying = set(
        SchedulePayment.objects.filter(
            book=goal.book, entry_id__in=roots.values(), occurrence__schedule_id__in=schedule_ids
        ).values_list("entry_id", flat=True)
    )
    written = [
        GoalMove(
            book_id=goal.book_id, goal=goal, account_id=account_id, kind=GoalMove.Kinds.CORRECTION,
            date=today_in(goal.book), amount=-amount, entry_id=entry_id, is_fed=True,
        )
        for (entry_id, account_id), amount in counted.items()
        if roots[entry_id] not in paying
    ]  # fmt: skip
    for each in written:
        each.save()
        emit(GoalMoved(book_id=goal.book_id, goal_id=goal.pk, move_id=each.pk))
    return written


# Entries that moved something of a goal (ledger.replacements).
CONCERNS = "EXISTS (SELECT FROM finance_goalmove WHERE book_id = %(book)s AND entry_id = entry.id)"


def follow_replaced(book: Book, replaced: Sequence[Replaced]) -> None:
    """Take back what linked entries did that are deleted or corrected, and count their replacements; in the same
    transaction (ledger.replacements). What is set aside may then be more than an account holds, which its page says.
    """
    replacements = {each.entry_id: each.replacement_id for each in replaced}
    moves = (
        GoalMove.objects.filter(book=book, entry_id__in=replacements).select_related("goal", "account").order_by("pk")
    )
    # What was taken back already is not taken back again.
    last = {(move.goal_id, move.account_id, move.entry_id): move for move in moves}
    today = today_in(book)
    for move in last.values():
        if move.kind != GoalMove.Kinds.CORRECTION:
            _follow(move, replacements[move.entry_id or 0], today)


def _follow(move: GoalMove, replacement_id: int | None, today: datetime.date) -> None:
    same = {
        "book_id": move.book_id, "goal": move.goal, "account": move.account, "created_by": move.created_by,
        "is_fed": move.is_fed,
    }  # fmt: skip
    written = [
        GoalMove(**same, kind=GoalMove.Kinds.CORRECTION, date=move.date, amount=-move.amount, entry_id=move.entry_id)
    ]
    moved: dict[int, int] = {each: 0 for each in (move.entry_id, replacement_id) if each is not None}
    lines = JournalLine.objects.filter(entry_id__in=moved, account=move.account)
    for entry_id, amount in lines.values_list("entry_id", "amount"):
        moved[entry_id] += amount
    total = 0 if replacement_id is None else moved[replacement_id]
    if 0 < move.amount < moved[move.entry_id or 0]:  # of the entry only a part was counted
        total = min(total, move.amount)
    if replacement_id is not None and total:
        written.append(
            GoalMove(
                **same,
                kind=GoalMove.Kinds.CONTRIBUTION if total > 0 else GoalMove.Kinds.RELEASE,
                date=min(today, JournalEntry.objects.get(pk=replacement_id).date),
                amount=total,
                note=move.note,
                entry_id=replacement_id,
            )
        )
    for each in written:
        each.save()
        emit(GoalMoved(book_id=move.book_id, goal_id=move.goal_id, move_id=each.pk))


def _feed(goal: Goal, schedule: Schedule | None, fed_amount: int | None) -> None:
    """Have the schedule feed the goal from now on, or nothing. Raises Invalid (schedule, fed_amount)."""
    if schedule is None and fed_amount is not None:
        raise Invalid(field="fed_amount", reason=_("Choose the schedule whose payments feed the goal."))
    if schedule is not None and (schedule.pk, fed_amount) != (goal.schedule_id, goal.fed_amount):
        brings = schedule.definition.moved_on(goal.account_id, schedule.amount)
        names = {"schedule": schedule.name, "account": goal.account.name}
        if brings <= 0:
            reason = _("“%(schedule)s” brings no money into %(account)s.") % names
            raise Invalid(field="schedule", reason=reason)
        if fed_amount is not None and not 0 < fed_amount <= brings:
            amount = money.format_amount(brings, currency=goal.currency)
            reason = _("“%(schedule)s” brings %(amount)s into %(account)s. Give an amount up to that.")
            raise Invalid(field="fed_amount", reason=reason % {**names, "amount": amount})
    if goal.schedule_id != (schedule.pk if schedule else None):
        goal.fed_since = timezone.now() if schedule else None
        # What the one before brought stays, whatever becomes of its payments.
        GoalMove.objects.filter(book=goal.book_id, goal=goal.pk, is_fed=True).update(is_fed=False)
    goal.schedule, goal.fed_amount = schedule, fed_amount


def saved_for(goal: Goal, account: Account | None = None) -> int:
    """What the goal holds, in all or in one account."""
    moves = GoalMove.objects.filter(goal=goal)
    if account is not None:
        moves = moves.filter(account=account)
    return sum(moves.values_list("amount", flat=True))


def _store(
    goal: Goal, *, name: str, kind: Kind, target: int | None, by: datetime.date | None, note: str, today: datetime.date
) -> None:
    goal.name, goal.kind, goal.target, goal.by, goal.note = name.strip(), kind, target, by, note.strip()
    too_long = len(goal.name) > LONGEST_NAME or len(goal.note) > 500
    if not goal.name or too_long or "\x00" in goal.name + goal.note:
        reason = _("A goal needs a name of at most %(most)d characters.") % {"most": LONGEST_NAME}
        raise Invalid(field="name", reason=reason)
    if target is not None and target <= 0:
        raise Invalid(field="target", reason=_("A target is more than zero."))
    if target is None and (by is not None or kind is Kind.KEEP):
        raise Invalid(field="target", reason=_("Give the amount to reach."))
    if kind is Kind.KEEP and by is not None:
        raise Invalid(field="by", reason=_("An amount that is kept ready has no date."))
    if by is not None and by < today and (goal.pk is None or goal.started_on == today):
        raise Invalid(field="by", reason=_("%(date)s is over.") % {"date": by})
    goal.save()
    emit(GoalSaved(book_id=goal.book_id, goal_id=goal.pk))


def _move(
    goal: Goal,
    *,
    actor: User | None,
    account: Account,
    amount: int,
    date: datetime.date,
    today: datetime.date,
    kind: GoalMove.Kinds,
    note: str = "",
    entry: JournalEntry | None = None,
    is_fed: bool = False,
    field: str = "amount",
) -> GoalMove:
    if not amount:
        raise Invalid(field="amount", reason=_("Give an amount that is not zero."))
    if date > today:
        raise Invalid(
            field="date", reason=_("Money is set aside today or was before, not on %(date)s.") % {"date": date}
        )
    if goal.closed_at is not None:
        raise Conflict(reason=_("The goal is closed."))
    # Whoever sets aside in the same account waits here; a posting does not.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    move = GoalMove.objects.create(
        book_id=goal.book_id,
        goal=goal,
        account=account,
        kind=kind,
        date=date,
        amount=amount,
        note=note,
        entry=entry,
        is_fed=is_fed,
        created_by=actor,
    )
    if amount > 0:
        _check_room(account, today=today, field=field)
    elif (held := saved_for(goal, account)) < 0:
        reason = _("The goal holds only %(held)s in %(account)s.") % {
            "held": money.format_amount(held - amount, currency=goal.currency),
            "account": account.name,
        }
        raise Conflict(field=field, reason=reason)
    emit(GoalMoved(book_id=goal.book_id, goal_id=goal.pk, move_id=move.pk))
    return move


def _check_room(account: Account, *, today: datetime.date, field: str) -> None:
    balance = balance_of(account=account, as_of=today)
    set_aside = set_aside_of(book=account.book).get(account.pk, 0)
    if set_aside > max(balance, 0):
        reason = _("%(account)s holds %(balance)s, and goals would hold %(set_aside)s of it.") % {
            "account": account.name,
            "balance": money.format_amount(balance, currency=account.currency),
            "set_aside": money.format_amount(set_aside, currency=account.currency),
        }
        raise Conflict(field=field, reason=reason)


def _check_account(account: Account, goal: Goal | None = None) -> None:
    if account.type != AccountType.ASSET or account.kind not in KINDS:
        raise Invalid(field="account", reason=_("Choose an account that holds money, not a category or a debt."))
    if account.closed_on is not None:
        raise Invalid(field="account", reason=_("%(account)s is closed.") % {"account": account.name})
    if goal is not None and account.currency != goal.currency:
        reason = _("%(account)s is kept in %(currency)s, the goal is not.") % {
            "account": account.name,
            "currency": account.currency,
        }
        raise Invalid(field="account", reason=reason)
