"""Reading goals: what they hold, what they still need, and what accounts hold for them."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet, Sum

from finance.errors import NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry, JournalLine
from finance.ledger.selectors import balances_of
from finance.planning.goals.arithmetic import (
    PACE_DAYS,
    Contribution,
    Kind,
    contributions,
    fed,
    month_ends,
    pace,
    paid_through,
    proposal,
    reached_on,
    should_have,
)
from finance.planning.goals.models import Goal, GoalMove
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import MOST_DAYS, Occurrence, open_occurrences, schedules_of

# Where money can be set aside: what people hold, not what they owe.
KINDS = (AccountKind.CASH, AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.INVESTMENT, AccountKind.OTHER)
# Payments of a schedule that are looked at: forty years of monthly ones. Of a goal without a target a year is shown.
MOST_FED = 480
_SHOWN_FED = 12
# Entries that could be counted are looked for in that many days, and that many are offered.
_COUNTABLE_DAYS = 92
MOST_COUNTABLE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalView:
    """A goal on one day; amounts are minor units of its currency.

    `held` is by account. `planned` are the payments that close what is missing by its date, or those of the schedule that
    feeds it; `proposal` is the next amount to put in. `reached_on` is where its pace, or the schedule, leads; `behind`
    what it lacks of an even pace (0 without a date), `short` what the schedule leaves missing on its date.
    """

    goal: Goal
    saved: int
    held: dict[int, int]
    planned: list[Contribution]
    proposal: int
    pace: tuple[int, int] | None
    reached_on: datetime.date | None
    behind: int
    short: int = 0

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
    found = Goal.objects.filter(book=book).select_related("account", "book")
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
    """The goals with their figures on that day, in one query for all of them; three more where schedules feed some."""
    feeds = feeds_of(goals=goals, today=today)
    moves: dict[int, list[GoalMove]] = defaultdict(list)
    for move in GoalMove.objects.filter(goal__in=goals, date__lte=today).order_by("date", "pk"):
        moves[move.goal_id].append(move)
    return [_view(goal, moves[goal.pk], today, feeds.get(goal.pk)) for goal in goals]


def view_of(goal: Goal, *, today: datetime.date) -> GoalView:
    """One goal with its figures."""
    return views_of(goals=[goal], today=today)[0]


def chain_from(first_id: int, schedules: Sequence[Schedule]) -> list[Schedule]:
    """That schedule and those that go on with it since it was changed, in their order."""
    by_id = {each.pk: each for each in schedules}
    following = {each.continues_id: each for each in schedules if each.continues_id is not None}
    found = [by_id[first_id]] if first_id in by_id else []
    while found and (later := following.get(found[-1].pk)) is not None and later not in found:
        found.append(later)
    return found


def feeds_of(*, goals: Sequence[Goal], today: datetime.date) -> dict[int, list[Contribution]]:
    """Goal → what its schedule will bring, from the next payment on; late ones count today. Three queries at most."""
    named = [goal for goal in goals if goal.schedule_id is not None and goal.closed_at is None]
    if not named:
        return {}
    every = list(schedules_of(book=named[0].book))
    chains = {goal.pk: chain_from(goal.schedule_id or 0, every) for goal in named}
    wanted = {each.pk: each for chain in chains.values() for each in chain}
    last = today + datetime.timedelta(days=MOST_DAYS)
    known: dict[int, list[Occurrence]] = defaultdict(list)
    for each in open_occurrences(book=named[0].book, last=last, today=today, schedules=wanted.values()):
        known[each.schedule.pk].append(each)

    def payments(goal: Goal) -> Iterator[Contribution]:
        """Those of the next two years as they were moved, skipped and partly paid; later ones by the rule."""
        most = goal.fed_amount

        def part(schedule: Schedule, amount: int) -> int:
            moved = schedule.definition.moved_on(goal.account_id, amount)
            return moved if most is None else min(moved, most)

        chain = chains[goal.pk]
        near = sorted((each for schedule in chain for each in known[schedule.pk]), key=lambda each: each.date)
        for each in near:
            if (amount := part(each.schedule, each.left)) > 0:
                yield Contribution(date=max(each.date, today), amount=amount)
        for schedule in chain[-1:]:
            terms, nominal = schedule.definition, schedule.definition.next_after(last)
            while nominal is not None and (amount := part(schedule, terms.amount_at(nominal))) > 0:
                yield Contribution(date=terms.shown(nominal), amount=amount)
                nominal = terms.next_after(nominal)

    return {goal.pk: list(islice(payments(goal), MOST_FED)) for goal in named}


@dataclass(frozen=True, slots=True, kw_only=True)
class Countable:
    """An entry that moved an account of the goal and does not count for it; `amount` is what it brought."""

    entry: JournalEntry
    amount: int


def _counted(goal: Goal) -> QuerySet[Any]:
    """Entry and account of what counts for the goal. A transfer between two of its accounts counts in both."""
    moved = GoalMove.objects.filter(goal=goal, entry__isnull=False).values("entry_id", "account_id")
    return moved.annotate(net=Sum("amount")).exclude(net=0)


def counted_in(goal: Goal, entry_ids: Collection[int]) -> bool:
    """Whether one of the entries counts for the goal."""
    return _counted(goal).filter(entry_id__in=entry_ids).exists()


def countable(*, goal: Goal, holders: Collection[int], today: datetime.date) -> list[Countable]:
    """The latest entries of the last months that could be counted for the goal; two queries."""
    counted = _counted(goal).values("entry_id")
    lines = JournalLine.objects.filter(
        account_id__in=holders, date__gt=today - datetime.timedelta(days=_COUNTABLE_DAYS), date__lte=today,
        entry__reverses=None, entry__reversed_by=None,
    ).exclude(entry_id__in=counted).exclude(entry__source=JournalEntry.Source.OPENING)  # fmt: skip
    amounts: dict[int, Countable] = {}
    for line in lines.select_related("entry").order_by("-date", "-pk")[: 4 * MOST_COUNTABLE]:
        before = amounts.get(line.entry_id)
        amount = line.amount + (before.amount if before else 0)
        amounts[line.entry_id] = Countable(entry=line.entry, amount=amount)
    return [each for each in amounts.values() if each.amount][:MOST_COUNTABLE]


def _view(
    goal: Goal, moves: Collection[GoalMove], today: datetime.date, feed: list[Contribution] | None = None
) -> GoalView:
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
    missing = None if goal.target is None else max(goal.target - saved, 0)
    short = 0
    if feed is not None:
        planned = fed(missing=missing, payments=feed, most=_SHOWN_FED if missing is None else MOST_FED)
        if goal.by is not None:
            short = max((missing or 0) - sum(each.amount for each in planned if each.date <= goal.by), 0)
    later = [(move.date, move.amount) for move in moves if move.kind != GoalMove.Kinds.OPENING]
    speed = pace(saved=saved, moves=[(goal.started_on, 0), *later] if later else [], today=today)
    reached = None if goal.target is None else reached_on(target=goal.target, saved=saved, pace=speed, today=today)
    if feed:
        until = today + datetime.timedelta(days=PACE_DAYS)
        speed = sum(each.amount for each in feed if each.date <= until), PACE_DAYS
        if missing:
            closes = sum(each.amount for each in planned) >= missing
            reached = planned[-1].date if closes else None
    return GoalView(
        goal=goal,
        saved=saved,
        held={account_id: amount for account_id, amount in held.items() if amount},
        planned=planned,
        proposal=planned[0].amount
        if feed and planned
        else proposal(kind=kind, target=goal.target, saved=saved, planned=planned),
        pace=speed,
        reached_on=reached,
        behind=behind,
        short=short,
    )
