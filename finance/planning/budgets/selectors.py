"""Finding budgets, their lines and records; and what of them the forecast expects."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from finance.errors import Invalid, NotFound
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of, ids_inside
from finance.ledger.turnovers import ONE_DAY
from finance.planning.budgets.arithmetic import Carry, parted, spread
from finance.planning.budgets.models import Assignment, Budget, BudgetLine, BudgetShare, LineCarry
from finance.planning.budgets.periods import MOST_PERIODS
from finance.planning.budgets.views import BudgetView, LineView, Plan, view_of
from finance.planning.upcoming import Layer, Upcoming

# Days and amounts in minor units by category and currency.
Coming = Mapping[tuple[int, str], Sequence[tuple[datetime.date, int]]]


def budgets_of(*, book: Book) -> QuerySet[Budget]:
    """The book's budgets."""
    return Budget.objects.filter(book=book)


def budget_for(*, book: Book, budget_id: int) -> Budget:
    """The book's budget. Raises NotFound."""
    budget = Budget.objects.filter(book=book, pk=budget_id).first()
    if budget is None:
        raise NotFound(thing="budget")
    budget.book = book
    return budget


def line_for(*, budget: Budget, line_id: int, field: str | None = None) -> BudgetLine:
    """The budget's line. Raises NotFound."""
    line = BudgetLine.objects.filter(budget=budget, book_id=budget.book_id, pk=line_id).first()
    if line is None:
        raise NotFound(thing="line of this budget", field=field)
    line.budget = budget
    return line


def carry_on(line: BudgetLine, day: datetime.date) -> Carry:
    """What the line carries out of the period that begins on `day`."""
    found = LineCarry.objects.filter(line=line, since__lte=day).order_by("since").values_list("carry", flat=True).last()
    return Carry(found) if found else Carry.BOTH


def assignments_of(*, budget: Budget, line: BudgetLine | None = None) -> QuerySet[Assignment]:
    """The records of the budget, or of one of its lines."""
    found = Assignment.objects.filter(budget=budget, book_id=budget.book_id)
    return found.filter(line=line) if line is not None else found


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPart:
    """What a member bears of a line, or of all lines; minor units of the budget's currency."""

    carried: int
    assigned: int
    spent: int

    @property
    def available(self) -> int:
        """What is left of it."""
        return self.carried + self.assigned - self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member of a shared budget: the part of each line, in the order of the lines, and of all together."""

    share: BudgetShare
    parts: list[MemberPart]
    total: MemberPart


def shares_of(*, budget: Budget) -> list[BudgetShare]:
    """Who bears what of the budget, in the order in which it was set."""
    found = BudgetShare.objects.filter(budget=budget, book_id=budget.book_id)
    return list(found.select_related("user").order_by("pk"))


def parts_of(*, view: BudgetView, shares: Sequence[BudgetShare]) -> tuple[list[LineView], list[MemberView]]:
    """The lines of spending in the first period that is shown, and what each member bears of them.

    The parts of each figure sum to it. A total is of the lines that are in no other, as the budget's own is.
    """
    lines = [line for line in view.lines if not line.is_income]
    weights = [each.weight for each in shares]
    parts: list[list[MemberPart | None]] = [[None] * len(lines) for _share in shares]
    tops = [place for place, line in enumerate(lines) if view.budget.is_envelope or not line.depth]
    inside = [place for place in range(len(lines)) if place not in set(tops)]
    # Lines inside others do not change who is behind in the total.
    for places in (tops, inside):
        figures = [
            parted([getattr(lines[place].cells[0], name) for place in places], weights)
            for name in ("carried", "assigned", "spent")
        ]
        for number, place in enumerate(places):
            for member in range(len(shares)):
                carried, assigned, spent = (figure[number][member] for figure in figures)
                parts[member][place] = MemberPart(carried=carried, assigned=assigned, spent=spent)
    members = []
    for share, own in zip(shares, parts, strict=True):
        given = [part for part in own if part is not None]
        top = [given[place] for place in tops]
        total = MemberPart(
            carried=sum(part.carried for part in top),
            assigned=sum(part.assigned for part in top),
            spent=sum(part.spent for part in top),
        )
        members.append(MemberView(share=share, parts=given, total=total))
    return lines, members


def upcoming(
    *,
    book: Book,
    budgets: Sequence[Budget],
    first: datetime.date,
    last: datetime.date,
    today: datetime.date,
    coming: Coming | None = None,
) -> list[Upcoming]:
    """What is left in these budgets, which say what they are paid from, as money that will leave that account.

    The rest of a period is spread over its days from `today` on; the amount of a target with a day leaves on that day.
    Lines that are not in the forecast, and income, are left out. `coming` is what other plans will spend, by category and
    currency, in minor units: it comes off the rest.
    """
    tree = accounts_of(book=book) if budgets else []
    coming = coming or {}
    start = max(first, today)
    found: list[Upcoming] = []
    for budget in budgets:
        budget.book = book
        try:
            plan = Plan(budget, tree=tree)
            periods = plan.calendar.periods(start, last)
            view = view_of(plan, on=start, count=min(max(len(periods), 1), MOST_PERIODS))
        except Invalid:
            continue  # its pay period is gone, or the calendar ends
        lines = [line for line in view.lines if _is_expected(line, budget)]
        dated = [line for line in lines if line.line.target().due_from(start - ONE_DAY)]
        for line in dated:
            target = line.line.target()
            due = target.due_from(start - ONE_DAY)
            if due is not None and due <= last:
                amount = target.amount - _coming(line, budget.currency, coming, start, due)
                if amount > 0:
                    found.append(_expected(budget, due, amount, line.name))
        rest = [line for line in lines if line not in dated]
        for day, amount in _day_by_day(view, rest, start, currency=budget.currency, coming=coming):
            if amount and day <= last:
                found.append(_expected(budget, day, amount, budget.name))
    return sorted(found, key=lambda each: (each.date, each.label))


def forecast_categories(*, book: Book) -> frozenset[int]:
    """Categories whose spending budgets tell the forecast, with all that is inside them: no habits of their own."""
    lines = BudgetLine.objects.filter(book=book, in_forecast=True, closed=False, account__isnull=False)
    tops = set(lines.exclude(budget__pays_from=None).values_list("account_id", flat=True))
    if not tops:
        return frozenset()
    tree = accounts_of(book=book)
    return frozenset().union(*(ids_inside(top, tree) for top in tops))


def _is_expected(line: LineView, budget: Budget) -> bool:
    """Whether the line's rest is expected to be spent, and is not in that of another line."""
    is_inside = not budget.is_envelope and line.depth > 0
    return not (line.is_income or line.line.closed or is_inside) and line.line.in_forecast


def _day_by_day(
    view: BudgetView, lines: Sequence[LineView], start: datetime.date, *, currency: str, coming: Coming
) -> Iterator[tuple[datetime.date, int]]:
    """The rest of these lines in each period, spread over its days from `start` on."""
    for place, shown in enumerate(view.periods):
        first, last = shown.period.first, shown.period.last
        if first is None or last is None or last < start:
            continue
        # What later periods carry is the rest of this one, which is expected to be spent.
        rests = [
            line.cells[0].available if place == 0 else max(line.cells[place].assigned, line.needed[place])
            for line in lines
        ]
        first = max(first, start)
        rests = [rest - _coming(line, currency, coming, first, last) for rest, line in zip(rests, lines, strict=True)]
        parts = spread(sum(max(rest, 0) for rest in rests), (last - first).days + 1)
        yield from ((first + number * ONE_DAY, part) for number, part in enumerate(parts))


def _coming(line: LineView, currency: str, coming: Coming, first: datetime.date, last: datetime.date) -> int:
    """What other plans will spend on the line's categories from `first` to `last`."""
    return sum(
        amount
        for account_id in line.accounts
        for day, amount in coming.get((account_id, currency), ())
        if first <= day <= last
    )


def _expected(budget: Budget, day: datetime.date, amount: int, label: str) -> Upcoming:
    return Upcoming(
        date=day,
        nominal=day,
        account_id=budget.pays_from_id or 0,
        amount=-amount,
        currency=budget.currency,
        layer=Layer.BUDGET,
        label=label,
        source_id=budget.pk,
    )
