"""Reading goals: what they hold, what they still need, and what accounts hold for them."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from finance.errors import NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.selectors import balances_of
from finance.planning.goals.arithmetic import (
    Contribution,
    Kind,
    contributions,
    month_ends,
    pace,
    paid_through,
    proposal,
    reached_on,
    should_have,
)
from finance.planning.goals.models import Goal, GoalMove

# Where money can be set aside: what people hold, not what they owe.
KINDS = (AccountKind.CASH, AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.INVESTMENT, AccountKind.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalView:
    """A goal on one day; amounts are minor units of its currency.

    `held` is by account. `planned` are the payments that close what is missing by its date, `proposal` the next amount
    to put in. `reached_on` is where its pace leads, `behind` what it lacks of an even pace (0 without a date).
    """

    goal: Goal
    saved: int
    held: dict[int, int]
    planned: list[Contribution]
    proposal: int
    pace: tuple[int, int] | None
    reached_on: datetime.date | None
    behind: int

    @property
    def missing(self) -> int:
        """What is left to the target; 0 when met, and without one."""
        return max(0, (self.goal.target or 0) - self.saved)

    @property
    def is_met(self) -> bool:
        return self.goal.target is not None and self.saved >= self.goal.target

    @property
    def percent(self) -> int | None:
        """Whole percent of the target, 100 at most; None without one."""
        if self.goal.target is None:
            return None
        return min(100, max(0, self.saved) * 100 // self.goal.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingAccount:
    """An account with what it holds and what goals hold of it; `short` is what the goals hold beyond its balance."""

    account: Account
    balance: int
    set_aside: int

    @property
    def free(self) -> int:
        return max(0, self.balance - self.set_aside)

    @property
    def short(self) -> int:
        return max(0, self.set_aside - self.balance)


def goals_of(*, book: Book, closed: bool | None = False) -> QuerySet[Goal]:
    """Goals of the book: open ones, closed ones, or all (None)."""
    found = Goal.objects.filter(book=book).select_related("account")
    return found if closed is None else found.filter(closed_at__isnull=not closed)


def goal_for(*, book: Book, goal_id: int) -> Goal:
    """The book's goal. Raises NotFound."""
    found = goals_of(book=book, closed=None).filter(pk=goal_id).first()
    if found is None:
        raise NotFound(thing="goal")
    found.book = book
    return found


def moves_of(*, goal: Goal) -> QuerySet[GoalMove]:
    """Its records with their accounts, for lists."""
    return GoalMove.objects.filter(goal=goal, book_id=goal.book_id).select_related("account", "entry", "created_by")


def set_aside_of(*, book: Book) -> dict[int, int]:
    """Account → what open goals hold of it, in one query."""
    moves = GoalMove.objects.filter(book=book, goal__closed_at=None).values("account_id")
    sums = moves.annotate(held=Sum("amount")).values_list("account_id", "held")
    return {account_id: int(held) for account_id, held in sums if held}


def holding_accounts(*, book: Book, today: datetime.date) -> list[HoldingAccount]:
    """Open accounts in which money can be set aside, by name, with what is free; three queries."""
    accounts = list(
        Account.objects.filter(book=book, type=AccountType.ASSET, kind__in=KINDS, closed_on=None).order_by("name", "pk")
    )
    held = balances_of(account_ids=[each.pk for each in accounts], as_of=today)
    aside = set_aside_of(book=book)
    return [
        HoldingAccount(account=each, balance=held.get(each.pk, 0), set_aside=aside.get(each.pk, 0)) for each in accounts
    ]


def views_of(*, goals: Sequence[Goal], today: datetime.date) -> list[GoalView]:
    """The goals with their figures on that day, in one query for all of them."""
    moves: dict[int, list[GoalMove]] = defaultdict(list)
    for move in GoalMove.objects.filter(goal__in=goals, date__lte=today).order_by("date", "pk"):
        moves[move.goal_id].append(move)
    return [_view(goal, moves[goal.pk], today) for goal in goals]


def view_of(goal: Goal, *, today: datetime.date) -> GoalView:
    """One goal with its figures."""
    return views_of(goals=[goal], today=today)[0]


def _view(goal: Goal, moves: Collection[GoalMove], today: datetime.date) -> GoalView:
    held: dict[int, int] = defaultdict(int)
    for move in moves:
        held[move.account_id] += move.amount
    saved = sum(held.values())
    kind = Kind(goal.kind)
    planned: list[Contribution] = []
    behind = 0
    if goal.target is not None and goal.by is not None and kind is Kind.SAVE:
        rule = month_ends(goal.started_on)
        contributed = [move.date for move in moves if move.kind == GoalMove.Kinds.CONTRIBUTION]
        after = paid_through(rule=rule, today=max(today, goal.started_on), contributed=contributed)
        planned = contributions(missing=goal.target - saved, rule=rule, after=after, by=max(goal.by, today))
        even = should_have(target=goal.target, start=goal.started_on, opening=goal.opening, by=goal.by, today=today)
        behind = max(0, even - saved)
    later = [(move.date, move.amount) for move in moves if move.kind != GoalMove.Kinds.OPENING]
    speed = pace(saved=saved, moves=[(goal.started_on, 0), *later] if later else [], today=today)
    return GoalView(
        goal=goal,
        saved=saved,
        held={account_id: amount for account_id, amount in held.items() if amount},
        planned=planned,
        proposal=proposal(kind=kind, target=goal.target, saved=saved, planned=planned),
        pace=speed,
        reached_on=None
        if goal.target is None
        else reached_on(target=goal.target, saved=saved, pace=speed, today=today),
        behind=behind,
    )
