"""The demonstration plans what it shows: checked against what was posted."""

import datetime

import pytest
import time_machine

from finance.demo.diary import CHECKING
from finance.demo.services import seed_household
from finance.ledger.models import Account
from finance.models import Invoice, Person
from finance.planning.budgets.models import Assignment, Budget, BudgetLine
from finance.planning.cards.models import CardTerms
from finance.planning.goals.models import Goal
from finance.planning.loans.models import Loan
from finance.planning.loans.selectors import state_of
from finance.planning.schedules.models import Schedule, SchedulePayment
from finance.planning.schedules.selectors import Status, open_occurrences
from finance.planning.schedules.services import questions
from finance.receivables.selectors import owed_by
from platform_outbox import testing

DAY = datetime.timedelta(days=1)


# A Sunday whose 1st was booked, one on which rent and crèche still wait for Monday, and the end of a year with a bonus.
@pytest.mark.parametrize(
    ("months", "today"),
    [(6, datetime.date(2026, 3, 15)), (1, datetime.date(2026, 8, 2)), (12, datetime.date(2026, 12, 31))],
)
def test_what_is_planned_was_paid_before_and_nothing_is_late(owner, months, today):
    with time_machine.travel(datetime.datetime.combine(today, datetime.time(12), tzinfo=datetime.UTC)):
        book = seed_household(owner=owner, months=months, seed=1, today=today)
        testing.drain()
    schedules = {each.name: each for each in Schedule.objects.filter(book=book)}
    assert {"Rent", "Anna's salary", "Netflix", "Monthly saving"} <= schedules.keys()
    awaited = open_occurrences(book=book, last=today + 40 * DAY, today=today)
    assert {each.schedule.name for each in awaited} >= {"Rent", "Netflix", "Monthly saving"}
    assert not [each for each in awaited if each.status in (Status.LATE, Status.MISSED, Status.DUE)]
    assert questions(book=book, today=today) == []
    assert SchedulePayment.objects.filter(book=book, occurrence__schedule=schedules["Rent"]).count() == min(months, 3)


def test_the_sunday_on_which_rent_waits_for_monday(owner):
    today = datetime.date(2026, 8, 2)
    book = seed_household(owner=owner, months=3, seed=1, today=today)
    rent = Schedule.objects.get(book=book, name="Rent")
    awaited = open_occurrences(book=book, last=today + DAY, today=today, schedules=[rent])
    assert [(each.nominal, each.date) for each in awaited] == [(datetime.date(2026, 8, 1), datetime.date(2026, 8, 3))]


def test_card_loan_limits_and_goal(owner):
    today = datetime.date(2026, 3, 15)
    book = seed_household(owner=owner, months=6, seed=1, today=today)
    assert CardTerms.objects.get(book=book).pays_from == Account.objects.get(book=book, name=CHECKING.split(":")[1])
    loan = Loan.objects.get(book=book)
    state = state_of(loan=loan, today=today)
    # The payments that were posted are those of the table, to the cent.
    assert state.by_books == state.by_table == 1_270_580
    assert len(state.paid) == 7
    # Tom owes his instalments, we owe Sarah our third; one invoice is overdue, the other is open.
    owed = owed_by(book=book, as_of=today)
    names = dict(Person.objects.filter(book=book).values_list("pk", "name"))
    balances = {names[pk]: sum(each.balance for each in found) for pk, found in owed.items()}
    assert balances["Sarah Byrne"] in (-53_33, -53_34)
    assert balances["Tom Keane"] > 0
    sent = Invoice.objects.open().filter(book=book).order_by("pk")
    assert [(each.gross, each.due_on < today) for each in sent] == [(504_00, True), (222_00, False)]
    budget = Budget.objects.get(book=book)
    lines = BudgetLine.objects.filter(budget=budget)
    assert lines.count() >= 4
    limits = Assignment.objects.filter(budget=budget)
    assert limits.count() == 7 * lines.count()
    assert all(each.amount > 0 and each.amount % 1_000 == 0 for each in limits)
    assert Goal.objects.get(book=book).name == "New kitchen"
