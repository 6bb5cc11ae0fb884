"""The figures of a budget: what its lines were assigned, spent and carried in each period, and what is free."""

import datetime
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Min, Sum
from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.ledger.models import Account, AccountType
from finance.ledger.movements import OWN_KINDS
from finance.ledger.selectors import accounts_of, paths_of
from finance.ledger.turnovers import ONE_DAY, Span
from finance.period_texts import period_text
from finance.periods import Period
from finance.planning.budgets.arithmetic import Carry, Cell, Pace, cells, in_days, pace
from finance.planning.budgets.models import Assignment, Budget, BudgetAccount, BudgetLine, LineCarry
from finance.planning.budgets.periods import MOST_PERIODS, BudgetCalendar, LabelBy
from finance.planning.budgets.spending import Spending, cover_of, spending_of
from finance.preferences.selectors import pay_rule_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line in the periods that were asked for.

    `needed` is what its target asks for in each, `accounts` are the categories whose postings it counts, `depth` how
    many lines it is inside of. Of a line of income, what is "spent" is what was received.
    """

    line: BudgetLine
    name: str
    is_income: bool
    depth: int
    accounts: list[int]
    cells: list[Cell]
    needed: list[int]
    pace: Pace | None

    @property
    def title(self) -> str:
        """The name as pages show it: "Food › Restaurants"."""
        return self.name if self.line.account_id is None else self.name.replace(":", " › ")

    def proposed(self, place: int) -> int:
        """What is still to be assigned in that period to meet the target."""
        return max(self.needed[place] - self.cells[place].assigned, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """Where what is to be budgeted comes from, in one period of a budget of envelopes.

    `before` + `returned` + `income` + `other` − `unbudgeted` − `assigned` = `to_budget` = `cash` − `available`.
    `returned` is what lines did not carry over: surpluses less deficits. `other` is what own money got and gave that is
    neither income nor spending. `assigned_later` is what later periods have already been given of it.
    """

    before: int
    returned: int
    income: int
    other: int
    unbudgeted: int
    assigned: int
    cash: int
    available: int
    to_budget: int
    assigned_later: int

    @property
    def free(self) -> int:
        """To budget less what later periods have already."""
        return self.to_budget - self.assigned_later

    @property
    def adds_up(self) -> bool:
        """Whether both ways to compute it come to the same; they come from different postings."""
        parts = self.before + self.returned + self.income + self.other - self.unbudgeted - self.assigned
        return parts == self.to_budget == self.cash - self.available


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodView:
    """A period and its sums. `assigned`, `spent` and `available` are of the lines of spending, each posting once.

    `income`, `expenses` and `net` are those of the whole book in the budget's currency.
    """

    period: Period
    label: str
    assigned: int
    spent: int
    available: int
    income: int
    expenses: int
    funds: Funds | None

    @property
    def net(self) -> int:
        """Income less expenses."""
        return self.income - self.expenses

    @property
    def unbudgeted(self) -> int:
        """Spent under no line."""
        return self.expenses - self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """A budget in some of its periods; `unvalued` are lines in other currencies that no amount is known of."""

    budget: Budget
    on: datetime.date
    periods: list[PeriodView]
    lines: list[LineView]
    unvalued: dict[str, int]


def calendar_of(budget: Budget) -> BudgetCalendar:
    """The budget's calendar. Raises Invalid (unit) where it follows a pay period that the book no longer has."""
    by_pay = budget.unit == Budget.CalendarUnits.PAY
    return budget.calendar(pay_rule_of(book=budget.book) if by_pay else None)


class Plan:
    """A budget with all that its figures are made of but spending, read once."""

    def __init__(self, budget: Budget, *, tree: list[Account] | None = None) -> None:
        self.budget = budget
        self.calendar = calendar_of(budget)
        self.tree = tree if tree is not None else accounts_of(book=budget.book)
        self.paths = paths_of(self.tree)
        self.rows = list(BudgetLine.objects.filter(budget=budget, book_id=budget.book_id).select_related("tag"))
        chosen = BudgetAccount.objects.filter(budget=budget).values_list("account_id", flat=True)
        self.own: set[int] = set()
        if budget.is_envelope:
            self.own = set(chosen) or {a.pk for a in self.tree if is_own_money(a, budget.currency)}
        self.cover = cover_of(
            tree=self.tree,
            of_accounts={line.account_id: line.pk for line in self.rows if line.account_id},
            of_tags={line.tag_id: line.pk for line in self.rows if line.tag_id},
        )
        self._carries: dict[int, list[tuple[datetime.date, str]]] = defaultdict(list)
        carries = LineCarry.objects.filter(line__in=[line.pk for line in self.rows]).order_by("since")
        for line_id, since, carry in carries.values_list("line_id", "since", "carry"):
            self._carries[line_id].append((since, carry))

    def carry(self, line: BudgetLine, day: datetime.date) -> Carry:
        """What the line carries out of the period that begins on `day`."""
        rows = self._carries[line.pk]
        place = bisect_right(rows, day, key=lambda row: row[0])
        return Carry(rows[place - 1][1]) if place else Carry.BOTH

    def in_order(self) -> list[BudgetLine]:
        """Its lines as in the tree of accounts, then those of tags."""
        places = {account.pk: place for place, account in enumerate(self.tree)}
        return sorted(
            self.rows,
            key=lambda line: (
                line.account_id is None,
                places.get(line.account_id or 0, 0),
                str(line.tag or "").casefold(),
            ),
        )

    def name(self, line: BudgetLine) -> str:
        """The category below its root, "Food:Restaurants", or the tag."""
        if line.account_id is None:
            return line.tag.name if line.tag else ""
        path = self.paths.get(line.account_id, "")
        return path.partition(":")[2] or path

    def label(self, period: Period) -> str:
        """The period in words."""
        day = self.calendar.label_day(period, LabelBy(self.budget.label_by))
        if day is None:
            return period_text(period)
        return f"{period_text(Period(first=day.replace(day=1), last=day, months=1))} ({period_text(period)})"

    def begin(self, first: datetime.date) -> datetime.date:
        """The first day that anything is carried from: as set, else the first assignment, else `first`."""
        if self.budget.starts_on is not None:
            return self.budget.starts_on
        earliest = Assignment.objects.filter(line__in=[line.pk for line in self.rows]).aggregate(day=Min("period"))
        return min(earliest["day"] or first, first)


def is_own_money(account: Account, currency: str) -> bool:
    """Whether the account holds the household's own money in that currency."""
    return account.kind in OWN_KINDS and account.currency == currency


def periods_shown(plan: Plan, *, on: datetime.date, count: int) -> list[Period]:
    """`count` periods from the one that `on` is in. Raises Invalid (on, count)."""
    if not 1 <= count <= MOST_PERIODS:
        raise Invalid(field="count", reason=_("Ask for 1 to %(most)s periods.") % {"most": MOST_PERIODS})
    found = [plan.calendar.period_at(on)]
    while len(found) < count:
        last = found[-1].last
        if last is None or last.year >= datetime.MAXYEAR:
            break
        following = plan.calendar.period_at(last + ONE_DAY)
        if following == found[-1]:
            break  # one stretch of days has no other
        found.append(following)
    return found


def view_of(plan: Plan, *, on: datetime.date, count: int = 1) -> BudgetView:
    """`count` periods of the budget from the one that `on` is in; the pace is that of the end of the day `on`.

    Three statements and the ledger's two, four where there are tags or other currencies, however many lines and
    periods. Raises Invalid (on, count).
    """
    shown = periods_shown(plan, on=on, count=count)
    first, last = shown[0].first, shown[-1].last
    if first is None or last is None or first.year <= datetime.MINYEAR + 1 or last.year >= datetime.MAXYEAR:
        raise Invalid(field="on", reason=_("There is no period at this end of the calendar."))
    begin = plan.calendar.period_at(plan.begin(first)).first or first
    every = plan.calendar.periods(min(begin, first), last)
    starts = [period.first or first for period in every]
    skipped = bisect_left(starts, first)
    looked = min(max(on + ONE_DAY, first), last + ONE_DAY)
    spent = spending_of(
        book=plan.budget.book,
        currency=plan.budget.currency,
        tree=plan.tree,
        cover=plan.cover,
        own=plan.own,
        nested=not plan.budget.is_envelope,
        spans=[*(Span(first=day, end=day) for day in starts), Span(first=looked, end=last + ONE_DAY)],
    )
    assigned, later = _assigned(plan, starts, last)
    ends = [*starts[1:], last + ONE_DAY]
    views = []
    by_account: dict[int, list[int]] = defaultdict(list)
    for account_id, near in plan.cover.nearest.items():
        for line_id in [near] if plan.budget.is_envelope else [near, *plan.cover.above[near]]:
            by_account[line_id].append(account_id)
    types = {account.pk: account.type for account in plan.tree}
    for line in plan.in_order():
        sums = spent.by_line.get(line.pk)
        own = cells(
            assigned=[assigned[line.pk].get(day, 0) for day in starts],
            spent=[spent.between(sums, day, end) for day, end in zip(starts, ends, strict=True)],
            # Nothing is carried from before the beginning.
            carries=[plan.carry(line, day) if day >= begin else Carry.NONE for day in starts],
        )
        here = own[skipped:]
        target = line.target()
        needed = [
            target.needed(period=period, carried=cell.carried, periods_until=_counting(plan.calendar, period))
            for period, cell in zip(shown, here, strict=True)
        ]
        to_date = spent.between(sums, first, looked)
        planned = here[0].carried + here[0].assigned
        views.append(
            (
                LineView(
                    line=line,
                    name=plan.name(line),
                    is_income=types.get(line.account_id or 0) == AccountType.INCOME,
                    depth=len(plan.cover.above.get(line.pk, ())),
                    accounts=by_account[line.pk],
                    cells=here,
                    needed=needed,
                    pace=pace(
                        planned=planned,
                        spent=to_date,
                        left=planned - to_date,
                        first=first,
                        last=shown[0].last or first,
                        on=on,
                    ),
                ),
                own,
            )
        )
    return BudgetView(
        budget=plan.budget,
        on=on,
        periods=_sums(plan, shown, skipped, spent, views, starts, ends, later),
        lines=[view for view, _own in views],
        unvalued=spent.unvalued,
    )


def _counting(calendar: BudgetCalendar, period: Period) -> Callable[[datetime.date], int]:
    def periods_until(due: datetime.date) -> int:
        """Periods from this one on that begin before `due`."""
        return len(calendar.periods(period.first or due, due - ONE_DAY))

    return periods_until


def _assigned(
    plan: Plan, starts: Sequence[datetime.date], last: datetime.date
) -> tuple[dict[int, dict[datetime.date, int]], dict[datetime.date, int]]:
    """Line → start of a period → amount up to `last`; and what lines of spending have, per start, at any time.

    Where the calendar was changed since, an assignment belongs to the period that its day is in now.
    """
    found: dict[int, dict[datetime.date, int]] = defaultdict(lambda: defaultdict(int))
    by_day: dict[datetime.date, int] = defaultdict(int)
    income = {a.pk for a in plan.tree if a.type == AccountType.INCOME}
    spending = {line.pk for line in plan.rows if line.account_id not in income}
    rows = Assignment.objects.filter(line__in=[line.pk for line in plan.rows]).values_list("line_id", "period")
    for line_id, day, amount in rows.annotate(sum=Sum("amount")):
        place = bisect_right(starts, day) - 1
        if place >= 0 and day <= last:
            found[line_id][starts[place]] += int(amount)
        if line_id in spending:
            by_day[day] += int(amount)
    return found, by_day


def _sums(
    plan: Plan,
    shown: Sequence[Period],
    skipped: int,
    spent: Spending,
    views: Sequence[tuple[LineView, list[Cell]]],
    starts: Sequence[datetime.date],
    ends: Sequence[datetime.date],
    later: dict[datetime.date, int],
) -> list[PeriodView]:
    """The sums of each period that is shown."""
    spending = [(view, own) for view, own in views if not view.is_income]
    # Lines inside another one are in its figures already.
    tops = [(view, own) for view, own in spending if plan.budget.is_envelope or not view.depth]

    def held_at(day: datetime.date, place: int) -> int:
        """What is to be budgeted at the end of the period before that place."""
        before = sum(own[place - 1].available for _view, own in spending) if place else 0
        return spent.at(spent.cash, day) - before

    found = []
    for number, period in enumerate(shown):
        place = skipped + number
        first, end = starts[place], ends[place]
        assigned = sum(own[place].assigned for _view, own in tops)
        available = sum(own[place].available for _view, own in tops)
        counted = spent.between(spent.counted, first, end)
        expenses, income = spent.between(spent.expenses, first, end), spent.between(spent.income, first, end)
        funds = None
        if plan.budget.is_envelope:
            cash = spent.at(spent.cash, end)
            funds = Funds(
                before=held_at(first, place),
                returned=sum(own[place - 1].dropped for _view, own in spending) if place else 0,
                income=income,
                other=spent.between(spent.other, first, end),
                unbudgeted=expenses - counted,
                assigned=assigned,
                cash=cash,
                available=available,
                to_budget=cash - available,
                assigned_later=sum(amount for day, amount in later.items() if day >= end),
            )
        found.append(
            PeriodView(
                period=period,
                label=plan.label(period),
                assigned=assigned,
                spent=counted,
                available=available,
                income=income,
                expenses=expenses,
                funds=funds,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysView:
    """A line in some days: what the parts of its periods plan for them, and what was spent in them."""

    line: BudgetLine
    name: str
    is_income: bool
    planned: int
    spent: int


def days_of(plan: Plan, *, first: datetime.date, last: datetime.date) -> list[DaysView]:
    """What the budget plans for the days from `first` to `last`, each period by how many of its days are among them.

    What is carried counts in no such figure. Raises Invalid (first, last).
    """
    if last < first or first.year <= datetime.MINYEAR + 1 or last.year >= datetime.MAXYEAR:
        raise Invalid(field="last", reason=_("The last day is before the first, or too far away."))
    periods = plan.calendar.periods(first, last)
    if not periods:
        return [
            DaysView(line=line, name=plan.name(line), is_income=False, planned=0, spent=0) for line in plan.in_order()
        ]
    start, end = max(first, periods[0].first or first), min(last, periods[-1].last or last)
    spent = spending_of(
        book=plan.budget.book,
        currency=plan.budget.currency,
        tree=plan.tree,
        cover=plan.cover,
        own=(),
        nested=not plan.budget.is_envelope,
        spans=[Span(first=start, end=end + ONE_DAY)],
    )
    starts = [period.first or first for period in periods]
    assigned, _later = _assigned(plan, starts, periods[-1].last or last)
    inside = [(min(p.last or last, end) - max(p.first or first, start)).days + 1 for p in periods]
    types = {account.pk: account.type for account in plan.tree}
    return [
        DaysView(
            line=line,
            name=plan.name(line),
            is_income=types.get(line.account_id or 0) == AccountType.INCOME,
            planned=in_days(
                (assigned[line.pk].get(day, 0), some, period.days())
                for day, some, period in zip(starts, inside, periods, strict=True)
            ),
            spent=spent.between(spent.by_line.get(line.pk), start, end + ONE_DAY),
        )
        for line in plan.in_order()
    ]
