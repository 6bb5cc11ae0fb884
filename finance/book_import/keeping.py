"""What was planned in the other program, kept in the new book: schedules, budgets and goals; and its rules.

Each is made by the service that makes it for people, so it is checked, recorded and announced like theirs; what a
service refuses is in the report, with the service's own sentence.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from core.clock import today_in
from finance import money
from finance.book_import.model import (
    LeftOut,
    SourceBook,
    SourceBudget,
    SourceBudgetLine,
    SourceGoal,
    SourceRule,
    SourceSchedule,
    Tally,
)
from finance.book_import.plan import Plan
from finance.errors import Conflict, FinanceError, Invalid, NotFound
from finance.ledger.models import Account, Book
from finance.periods import WeekendShift
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.models import Budget, BudgetLine
from finance.planning.budgets.services import (
    LONGEST_NAME,
    MOST_BUDGETS,
    MOST_LINES,
    Given,
    add_line,
    assign,
    change_line,
    save_budget,
)
from finance.planning.budgets.views import Plan as BudgetPlan
from finance.planning.budgets.views import is_own_money, view_of
from finance.planning.goals.services import MOST_GOALS, create_goal
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition, check_definition
from finance.planning.schedules.services import create_schedule
from finance.planning.schedules.services.schedules import MOST_SCHEDULES
from finance.rules.services import save_rule
from finance.rules.services.rules import MOST_RULES
from finance.tags.names import tag_name
from finance.tags.services import tags_named
from identity.models import User

# Times that what a line carries over may change; the services are asked for each.
MOST_CARRIES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many came, what did not and why, and what the source's own figures say of them."""

    schedules: int
    budgets: int
    goals: int
    rules: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def keep_plans(*, book: Book, owner: User, source: SourceBook, plan: Plan, accounts: Sequence[Account]) -> Kept:
    """Make the schedules, budgets and goals of the source; run in the transaction that makes the book.

    Nothing is refused as a whole: what cannot come is counted, with its reason and an example.
    """
    keeper = _Keeper(book=book, owner=owner, plan=plan, accounts=accounts)
    for each in source.schedules[:MOST_SCHEDULES]:
        keeper.schedule(each)
    for budget in source.budgets[:MOST_BUDGETS]:
        keeper.budget(budget)
    for goal in source.goals[:MOST_GOALS]:
        keeper.goal(goal)
    for rule in source.rules[:MOST_RULES]:
        keeper.rule(rule)
    most = _("a book has at most %(most)d of them")
    keeper.tally.add(_("schedule"), most % {"most": MOST_SCHEDULES}, count=len(source.schedules[MOST_SCHEDULES:]))
    keeper.tally.add(_("budget"), most % {"most": MOST_BUDGETS}, count=len(source.budgets[MOST_BUDGETS:]))
    keeper.tally.add(_("goal"), most % {"most": MOST_GOALS}, count=len(source.goals[MOST_GOALS:]))
    keeper.tally.add(_("rule"), most % {"most": MOST_RULES}, count=len(source.rules[MOST_RULES:]))
    return Kept(
        schedules=keeper.schedules,
        budgets=len(keeper.names),
        goals=keeper.goals,
        rules=keeper.rules,
        left_out=keeper.tally.told(),
        notes=tuple(keeper.notes),
    )


class _Keeper:
    def __init__(self, *, book: Book, owner: User, plan: Plan, accounts: Sequence[Account]) -> None:
        self.book, self.owner, self.plan, self.accounts = book, owner, plan, accounts
        self.today = today_in(book)
        self.tally, self.notes = Tally(), list[str]()
        self.schedules = self.goals = self.rules = 0
        self.names: set[str] = set()
        self.rule_names: Counter[str] = Counter()

    def account(self, key: str, currency: str) -> Account:
        """The account made of the source's, the one in that currency where there are several.

        A source that says no currency ("") means that of the account. Raises NotFound, and Invalid for another currency:
        a number of one must not become the same number of another.
        """
        place = self.plan.by_currency.get((key, currency), self.plan.places.get(key))
        if place is None:
            raise NotFound(thing="account")
        account = self.accounts[place]
        if currency and account.currency != currency:
            reason = _("%(name)s is kept in %(own)s, not in %(currency)s.")
            told = {"name": account.name, "own": account.currency, "currency": currency}
            raise Invalid(field="account", reason=reason % told)
        return account

    def schedule(self, given: SourceSchedule) -> None:
        try:
            definition = self._definition(given)
            check_definition(definition)
            if definition.last is not None and definition.last < self.today:
                self.tally.add(_("schedule"), _("it has ended"), example=given.name)
                return
            create_schedule(book=self.book, actor=self.owner, definition=definition, today=self.today)
        except FinanceError as error:
            self.tally.add(_("schedule"), str(error), example=given.name)
        else:
            self.schedules += 1

    def _definition(self, given: SourceSchedule) -> Definition:
        def minor(amount: Decimal) -> int:
            return money.to_minor_units(amount, currency=given.currency)

        bounds = given.bounds
        tags = tags_named(book=self.book, names=list(filter(None, map(tag_name, given.tags))))
        return Definition(
            name=_text(given.name, 120),
            account_id=self.account(given.account, given.currency).pk,
            amount=minor(given.amount),
            first=given.first,
            unit=Unit(given.unit),
            lines=tuple(
                CounterLine(
                    account_id=self.account(side.account, given.currency).pk,
                    amount=None if side.amount is None else minor(side.amount),
                    memo=_text(side.memo, 200),
                )
                for side in given.sides
            ),
            every=given.every,
            days=given.days,
            weekday=given.weekday,
            shift=WeekendShift(given.shift),
            until=given.until,
            count=given.count,
            amount_kind=AmountKind.RANGE if bounds else AmountKind.FIXED,
            least=minor(bounds[0]) if bounds else None,
            most=minor(bounds[1]) if bounds else None,
            payee=_text(given.payee, 200),
            description=_text(given.description, 500),
            tag_ids=tuple(tag.pk for tag in tags),
        )

    def budget(self, given: SourceBudget) -> None:
        try:
            with transaction.atomic():
                made = self._budget(given)
        except FinanceError as error:
            self.tally.add(_("budget"), str(error), example=given.name)
        else:
            self.names.add(made.name)

    def _budget(self, given: SourceBudget) -> Budget:
        name, number = _text(given.name, LONGEST_NAME) or _("Budget"), 1
        while name in self.names:
            number += 1
            name = f"{_text(given.name, LONGEST_NAME - 6)} ({number})"
        own = [self.account(key, given.currency) for key in given.own]
        budget = save_budget(
            book=self.book, actor=self.owner, name=name, kind=given.kind, currency=given.currency, unit=given.unit,
            every=given.every, anchor=given.anchor, starts_on=given.starts_on,
            accounts=[account for account in own if is_own_money(account, given.currency)],
        )  # fmt: skip
        lines: list[tuple[BudgetLine, SourceBudgetLine]] = []
        for told in given.lines[:MOST_LINES]:
            try:
                lines.append((self._line(budget, told), told))
            except FinanceError as error:
                self.tally.add(_("line of a budget"), str(error), example=f"{name}: {told.name}")
        self.tally.add(
            _("line of a budget"),
            _("a budget has at most %(most)d of them") % {"most": MOST_LINES},
            example=name,
            count=len(given.lines[MOST_LINES:]),
        )
        periods: dict[datetime.date, list[Given]] = defaultdict(list)
        for line, told in lines:
            for day, amount in told.amounts:
                try:
                    periods[day].append(Given(line=line, amount=money.to_minor_units(amount, currency=given.currency)))
                except FinanceError as error:
                    self.tally.add(_("amount of a budget"), str(error), example=f"{name}: {told.name}, {day}")
        for day, amounts in sorted(periods.items()):
            note = _("moved in from another program")
            try:
                assign(budget=budget, actor=self.owner, day=day, given=amounts, note=note)
            except FinanceError as error:
                self.tally.add(_("amount of a budget"), str(error), example=f"{name}: {day}", count=len(amounts))
        self._compare(budget, given, lines)
        return budget

    def _line(self, budget: Budget, told: SourceBudgetLine) -> BudgetLine:
        tag = tags_named(book=self.book, names=[told.tag])[0] if told.tag else None
        account = self.account(told.account, budget.currency) if tag is None else None
        first, *later = told.carries or ((None, ""),)
        line = add_line(
            budget=budget, actor=self.owner, account=account, tag=tag, carry=Carry(first[1]) if first[1] else None
        )
        for since, carry in later[:MOST_CARRIES]:
            change_line(line=line, actor=self.owner, carry=Carry(carry), carry_from=since)
        self.tally.add(
            _("change of what a line carries over"),
            _("only the first %(most)d come along") % {"most": MOST_CARRIES},
            example=told.name,
            count=len(later[MOST_CARRIES:]),
        )
        return line

    def _compare(
        self, budget: Budget, given: SourceBudget, lines: Sequence[tuple[BudgetLine, SourceBudgetLine]]
    ) -> None:
        """Lay what the source says is left beside what is left here."""
        if given.stated_on is None:
            return
        view = view_of(BudgetPlan(budget), on=given.stated_on)
        left = {each.line.pk: each.cells[0].available for each in view.lines}
        held = compared = 0
        for line, told in lines:
            if told.available is None:
                continue
            ours = money.to_decimal(left[line.pk], currency=budget.currency)
            compared += 1
            held += ours == told.available
            if ours != told.available:
                self.tally.add(
                    _("envelope that holds another amount"),
                    _("what is left follows from assignments and spending, and the file counts some of them otherwise"),
                    example=_("%(name)s, %(day)s: %(theirs)s in the file, %(ours)s here")
                    % {"name": told.name, "day": given.stated_on, "theirs": f"{told.available:f}", "ours": f"{ours:f}"},
                )
        self.notes.append(
            _("Budget “%(name)s”: %(held)d of %(compared)d envelopes hold what the file says for %(month)s.")
            % {"name": budget.name, "held": held, "compared": compared, "month": f"{given.stated_on:%Y-%m}"}
        )

    def goal(self, given: SourceGoal) -> None:
        by = given.by
        if by is not None and by < self.today:
            self.tally.add(_("date of a goal"), _("it is over; the goal comes without it"), example=given.name)
            by = None
        try:
            account = self.account(given.account, given.currency)
            saved = money.to_minor_units(given.saved, currency=account.currency)
            target = money.to_minor_units(given.target, currency=account.currency) if given.target else None
        except FinanceError as error:
            self.tally.add(_("goal"), str(error), example=given.name)
            return
        for kept in dict.fromkeys((saved, 0)):
            try:
                create_goal(
                    book=self.book, actor=self.owner, account=account, name=_text(given.name, 120), today=self.today,
                    target=target, by=by if target else None, saved=kept, note=_text(given.note, 500),
                )  # fmt: skip
            except Conflict as error:
                self.tally.add(_("amount set aside for a goal") if kept else _("goal"), str(error), example=given.name)
            except FinanceError as error:
                self.tally.add(_("goal"), str(error), example=given.name)
                return
            else:
                self.goals += 1
                return

    def rule(self, given: SourceRule) -> None:
        try:
            definition = given.definition(lambda key: self.account(key, self.book.base_currency).pk)
            self.rule_names[given.name] += 1
            number = self.rule_names[given.name]
            name = given.name if number == 1 else f"{given.name} ({number})"
            save_rule(book=self.book, actor=self.owner, name=name, definition=definition)
        except FinanceError as error:
            self.tally.add(_("rule"), str(error), example=given.name)
        else:
            self.rules += 1


def _text(text: str, longest: int) -> str:
    """The text without what no text here may have, cut where it is too long."""
    tidy = " ".join(text.replace("\x00", "").split())
    return tidy if len(tidy) <= longest else tidy[: longest - 1] + "…"
