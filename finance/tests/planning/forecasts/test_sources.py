"""What the forecast takes from cards, loans and budgets beside schedules; nothing is expected twice."""

import datetime
from collections import defaultdict
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.forecasts import book_forecast, expected
from finance.ledger import services as ledger
from finance.planning.budgets import services as budgets
from finance.planning.cards.services import add_card
from finance.planning.loans.services import add_loan
from finance.planning.schedules.definition import CounterLine
from finance.planning.upcoming import Layer
from finance.tests.planning.forecasts.conftest import TODAY
from finance.tests.planning.schedules.conftest import plan  # noqa: F401 (a fixture)

# ruff: noqa: F811 (plan is a fixture)
pytestmark = pytest.mark.django_db
MONTH_END = datetime.date(2026, 3, 31)


@pytest.fixture
def moved(book, accounts):
    """What is expected on the checking account until the end of March, by layer."""

    def run():
        sums = defaultdict(int)
        for each in expected(book=book, today=TODAY, days=(MONTH_END - TODAY).days):
            if each.account_id == accounts.checking.pk:
                sums[each.layer] += each.amount
        return dict(sums)

    return run


def test_a_loans_own_table_wins_over_a_schedule_that_pays_it(book, owner, accounts, plan, moved):
    debt = ledger.open_account(book=book, actor=owner, name="Car", type="liability", kind="loan", currency="EUR")
    plan(-1_000_00, "2026-03-20", name="Car", lines=(CounterLine(account_id=debt.pk),))
    assert moved() == {Layer.SCHEDULE: -1_000_00}
    add_loan(
        book=book, actor=owner, account=debt, name="Car", principal=12_000_00, percent=Decimal(0), payments=12,
        start=datetime.date(2026, 3, 1), first_payment=datetime.date(2026, 3, 20), pays_from=accounts.checking,
    )  # fmt: skip
    assert moved() == {Layer.LOAN: -1_000_00}


def test_loa_19_the_bank_pays_the_statement_and_no_schedule_for_it_twice(book, owner, accounts, post, plan, moved):
    post(500_00, to=accounts.groceries, source=accounts.card, on=datetime.date(2026, 3, 10))
    plan(-500_00, "2026-03-30", name="Card", lines=(CounterLine(account_id=accounts.card.pk),))
    add_card(
        book=book, actor=owner, account=accounts.card, closing_day=14, due_day=30, pays_from=accounts.checking
    )  # fmt: skip
    post(600_00, to=accounts.rent, source=accounts.card, on=TODAY)
    assert moved() == {Layer.CARD: -500_00}
    day = (datetime.date(2026, 3, 30) - TODAY).days
    card = book_forecast(book=book, today=TODAY, days=40).of(accounts.card.pk)
    assert card.projection.expected[day] == -600_00


def test_what_a_schedule_will_spend_comes_off_the_rest_of_a_budget(book, owner, accounts, plan, moved):
    budget = budgets.save_budget(
        book=book, actor=owner, name="Household", kind="tracking", pays_from=accounts.checking
    )  # fmt: skip
    line = budgets.add_line(budget=budget, actor=owner, account=accounts.groceries)
    budgets.assign(budget=budget, actor=owner, day=TODAY, given=[budgets.Given(line=line, amount=400_00)])
    assert moved() == {Layer.BUDGET: -400_00}
    plan(-100_00, "2026-03-20", name="Box of vegetables", category=accounts.groceries)
    assert moved() == {Layer.SCHEDULE: -100_00, Layer.BUDGET: -300_00}
    plan(-900_00, "2026-03-21", name="Feast", category=accounts.groceries)
    assert moved() == {Layer.SCHEDULE: -1_000_00}


def test_with_a_budget_plans_are_read_once(book, owner, accounts, plan):
    """Occurrences and loans were read once for themselves and again for what budgets leave."""
    plan(-100_00, "2026-03-20", name="Box of vegetables", category=accounts.groceries)
    with CaptureQueriesContext(connection) as without:
        expected(book=book, today=TODAY)
    budget = budgets.save_budget(
        book=book, actor=owner, name="Household", kind="tracking", pays_from=accounts.checking
    )  # fmt: skip
    line = budgets.add_line(budget=budget, actor=owner, account=accounts.groceries)
    budgets.assign(budget=budget, actor=owner, day=TODAY, given=[budgets.Given(line=line, amount=400_00)])
    with CaptureQueriesContext(connection) as with_budget:
        expected(book=book, today=TODAY)
    for table in ("finance_schedule", "finance_scheduleoccurrence", "finance_loan", "finance_cardterms"):
        read = [each["sql"] for each in with_budget if f'FROM "{table}"' in each["sql"]]
        assert len(read) == 1, table
    # What the figures of a budget take, and nothing of plans.
    assert len(with_budget) - len(without) <= 13


def test_what_a_budget_expects_is_no_habit(book, owner, accounts, year_of_groceries):
    def habit():
        found = book_forecast(book=book, today=TODAY).of(accounts.checking.pk).learned.habit
        return found.monthly if found else 0

    assert habit() == -100_00
    budget = budgets.save_budget(
        book=book, actor=owner, name="Household", kind="tracking", pays_from=accounts.checking
    )  # fmt: skip
    budgets.add_line(budget=budget, actor=owner, account=accounts.groceries)
    assert habit() == 0
