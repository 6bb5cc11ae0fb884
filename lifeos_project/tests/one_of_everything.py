"""One of everything that an address can name, for the walks over all operations and all pages."""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import datetime
from decimal import Decimal

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from finance.attachments.services import attach
from finance.exports.runs import start_export
from finance.forecasts import make_forecast
from finance.imports.services import stage_import
from finance.ledger import services as ledger
from finance.ledger.models import Membership
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.services.entry_templates import save_template
from finance.ledger.transfer_fees import FeeRule
from finance.models import RecurringFinding, RuleApplication
from finance.payees.services import save_payee
from finance.planning.budgets import services as budgets
from finance.planning.calendars.services import make_feed
from finance.planning.cards.services import add_card
from finance.planning.goals.services import create_goal
from finance.planning.loans import services as loans
from finance.planning.recurrence import Unit
from finance.planning.scenarios.services import save_scenario, save_step
from finance.planning.schedules.definition import CounterLine
from finance.planning.schedules.definition import Definition as ScheduleDefinition
from finance.planning.schedules.services import create_schedule
from finance.preferences.services import save_view
from finance.receivables import services as receivables
from finance.reconciliation.services import add_statement
from finance.reports.definition import Kind, usual_definition
from finance.reports.services import save_report
from finance.rules.services import add_group, save_rule
from finance.tags.services import save_tag
from finance.tests.api.test_webhooks import webhook_with_message
from finance.tests.conftest import accounts_by_name
from finance.tests.imports.conftest import CSV
from finance.valuation.services import appraise, save_rate
from identity.models import User
from insights.models import Insight
from insights.services import evaluate
from insights.tests.conftest import MONTHS, NOW, clock  # noqa: F401  # fixtures
from platform_outbox.operations.models import OperationRun

RULE = {"conditions": [{"field": "note", "test": "empty"}], "actions": [{"do": "ignore"}]}


@pytest.fixture(scope="module")
def one_of_everything(django_db_setup, django_db_blocker):
    """Made once, in a transaction that goes round all tests of a module: each of them gives back what it changed."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("django.utils.timezone.now", lambda: NOW)
        yield _one_of_everything()
        transaction.set_rollback(True)


@pytest.fixture
def world(one_of_everything, db, clock):
    """One of everything that an address can name, and the owner's client."""
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(one_of_everything["owner"])
    return {**one_of_everything, "client": client}


@pytest.fixture
def owner(world):
    return world["owner"]


def finding_in(book, accounts):
    """A payment that comes again, which is offered."""
    days = dict.fromkeys(("next_due", "lasts_until"), datetime.date(2199, 1, 1))
    days |= dict.fromkeys(("began", "latest"), datetime.date(2026, 3, 1))
    counts = dict.fromkeys(("confidence", "hits", "misses", "extras"), 4)
    amounts = dict.fromkeys(("amount", "least", "most", "per_year"), -9_99)
    return RecurringFinding.objects.create(
        book=book, group="stream", payee="Stream", account=accounts.checking, counter=accounts.rent, rhythm="month",
        unit="month", every=1, days=[1], shift="none", amount_kind="fixed", **days, **counts, **amounts,
    )  # fmt: skip


def _one_of_everything():
    owner = User.objects.create_user("olga@example.org", "correct horse battery")
    editor = User.objects.create_user("edgar@example.org", "correct horse battery")
    book = ledger.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    Membership.objects.create(book=book, user=editor, role="editor")
    accounts = accounts_by_name(book)

    def spend(amount, *, payee="Market", on=datetime.date(2026, 3, 15)):
        lines = [
            LineDraft(account_id=accounts.groceries.pk, amount=amount),
            LineDraft(account_id=accounts.checking.pk, amount=-amount),
        ]
        return ledger.post_entry(book=book, actor=owner, date=on, payee=payee, lines=lines)

    for month in MONTHS:
        spend(80_00, payee="Stadtwerke", on=datetime.date.fromisoformat(f"{month}-03"))
    bill = spend(320_00, payee="Stadtwerke", on=datetime.date(2026, 3, 10))
    evaluate(book_id=book.pk, entry_ids=[bill.pk], now=NOW)
    insight = Insight.objects.get(kind="unusual_amount")
    entry = spend(12_34)
    batch = stage_import(book=book, account=accounts.savings, actor=owner, data=CSV, file_name="march.csv")
    fresh, delivery = webhook_with_message(book, owner)
    dollars = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD")
    day = datetime.date(2026, 1, 5)
    car = ledger.open_account(book=book, actor=owner, name="Car", type="asset", kind="property", currency="EUR")
    stated = {
        "book": book, "account": accounts.savings, "actor": owner, "start": datetime.date(2026, 2, 1),
        "end": datetime.date(2026, 2, 28), "opening": 0,
    }  # fmt: skip
    sides = [LineDraft(account_id=accounts.rent.pk, amount=1_00), LineDraft(account_id=accounts.cash.pk, amount=-1_00)]
    kept = ledger.post_entry(book=book, actor=owner, date=NOW.date(), lines=sides, payee="Landlord")
    draft = EntryDraft(date=NOW.date(), lines=sides, payee="Landlady")
    change = ledger.replace_entry(entry=kept, actor=owner, draft=draft, today=NOW.date())
    saved = ledger.post_entry(
        book=book, actor=owner, date=datetime.date(2026, 2, 3), payee="Standing order",
        lines=[LineDraft(account_id=accounts.savings.pk, amount=5_00), LineDraft(account_id=accounts.cash.pk, amount=-5_00)],
    )  # fmt: skip
    planned = loan_and_card(book, owner, accounts)
    people = _people(book, owner, accounts)
    phone = ScheduleDefinition(
        name="Phone", account_id=accounts.checking.pk, amount=-12_34, first=datetime.date(2026, 1, 20), unit=Unit.MONTH,
        lines=(CounterLine(account_id=accounts.rent.pk),),
    )  # fmt: skip
    exported = start_export(book=book, actor=owner, format="json")
    OperationRun.objects.filter(pk=exported.pk).update(state="done")
    other = User.objects.create_user("other@example.org", "correct horse battery")
    elsewhere = ledger.create_book(owner=other, name="Elsewhere", base_currency="EUR", time_zone="Europe/Berlin")
    invite = {"actor": owner, "role": "viewer", "now": NOW, "base_url": "http://testserver"}
    mine = ledger.invite_member(**{**invite, "actor": other}, book=elsewhere, email="olga@example.org")
    budget = budgets.save_budget(book=book, actor=owner, name="Household", kind="envelope")
    lines = [budgets.add_line(budget=budget, actor=owner, account=each) for each in (accounts.groceries, accounts.rent)]
    return {
        "owner": owner,
        "other_line": lines[1].pk,
        "accounts": accounts,
        "dollars": dollars.pk,
        "token": mine.token,
        "other_tag": save_tag(book=book, name="Vacation").pk,
        "other_payee": save_payee(book=book, name="Edeka").pk,
        "row": batch.statements.get().rows.first().pk,
        "batch": batch,
        "insight": insight,
        "purchase": spend(99_00),
        "saving": saved.uid,
        "line": saved.lines.get(account=accounts.savings).pk,
        "debt": planned.pop("debt"),
        "uncle": people.pop("uncle"),
        "ben": people.pop("ben"),
        "ids": {
            **planned,
            **people,
            "book_id": book.pk,
            "account_id": accounts.restaurants.pk,
            "uid": entry.uid,
            "import_id": batch.pk,
            "statement_id": batch.statements.get().pk,
            "insight_id": insight.pk,
            "kind": insight.kind,
            "file_format": "csv",
            "membership_id": Membership.objects.get(book=book, user=editor).pk,
            "invitation_id": ledger.invite_member(**invite, book=book, email="nina@example.org").invitation.pk,
            "webhook_id": fresh.endpoint.pk,
            "delivery_id": delivery.pk,
            "rate_id": save_rate(book=book, actor=owner, base="USD", quote="EUR", date=day, rate="0.9").pk,
            "savings_id": accounts.savings.pk,
            "asset_id": car.pk,
            "account_statement_id": add_statement(closing=500, **stated).pk,
            "even_id": add_statement(closing=0, **stated | {"start": day, "end": day}).pk,
            "change_id": change.pk,
            "template_id": save_template(book=book, actor=owner, name="Rent", lines=sides).pk,
            "fee_id": ledger.save_transfer_fee(
                account=accounts.cash, actor=owner, category=accounts.rent, rule=FeeRule(fixed=1_00)
            ).pk,
            "view_id": save_view(book=book, actor=owner, name="All").pk,
            "report_id": save_report(
                book=book, actor=owner, name="Spending", definition=usual_definition(Kind.SPENDING)
            ).pk,
            "value_id": appraise(account=car, actor=owner, date=day, value=500_000).pk,
            "schedule_id": create_schedule(book=book, actor=owner, definition=phone, today=NOW.date()).pk,
            "nominal": "2026-03-20",
            "finding_id": finding_in(book, accounts).pk,
            "token": make_feed(book=book, user=owner, with_amounts=True).token,
            "rule_id": save_rule(book=book, actor=owner, name="Food", definition=RULE).pk,
            "group_id": add_group(book=book, name="Empty").pk,
            "tag_id": save_tag(book=book, name="Holiday").pk,
            "payee_id": save_payee(book=book, name="Rewe").pk,
            "attachment_id": attach(entry=entry, actor=owner, data=b"%PDF-1.7", file_name="bill.pdf").pk,
            "run_id": exported.pk,
            "budget_id": budget.pk,
            "line_id": lines[0].pk,
            **_of_the_plan(book, owner, accounts),
            "application_id": RuleApplication.objects.create(book=book, state="done").pk,
        },
    }


def loan_and_card(book, owner, accounts):
    """Numbers of a loan and what belongs to it, and of a card; and an account for another loan."""
    debt, other = (
        ledger.open_account(book=book, actor=owner, name=name, type="liability", kind="loan", currency="EUR")
        for name in ("Car loan", "Student loan")
    )
    loan = loans.add_loan(
        book=book, actor=owner, account=debt, name="Car", principal=9000_00, percent=Decimal(5), payments=24,
        start=datetime.date(2026, 1, 1), first_payment=datetime.date(2026, 2, 1), pays_from=accounts.checking,
        interest_account=accounts.rent,
    )  # fmt: skip
    day = datetime.date(2026, 12, 1)
    travel = ledger.open_account(
        book=book, actor=owner, name="Travel card", type="liability", kind="card", currency="EUR"
    )
    return {
        "debt": other.pk,
        "loan_id": loan.pk,
        "loan_rate_id": loans.set_rate(loan=loan, actor=owner, since=day, percent=Decimal(4)).pk,
        "loan_movement_id": loans.add_movement(loan=loan, actor=owner, date=day, amount=100_00).pk,
        "loan_payment_id": loans.pay(loan=loan, actor=owner, date=datetime.date(2026, 2, 1)).pk,
        "card_id": add_card(book=book, actor=owner, account=travel, closing_day=15, due_day=30).pk,
    }


def _people(book, owner, accounts):
    """Somebody with a bill, a group, a payment, a due day, and invoices in each state."""
    ben = receivables.save_person(book=book, changes={"name": "Ben", "email": "ben@example.org"})
    group = receivables.save_group(book=book, name="Flat", people=[])
    bill = receivables.Bill(
        date=NOW.date(), description="Dinner", currency="EUR", total=30_00, paid={0: 30_00}, method="equal",
        shares={0: None, ben.pk: None}, account=accounts.cash, category=accounts.restaurants,
    )  # fmt: skip
    settlement = receivables.settle(
        book=book,
        actor=owner,
        date=NOW.date(),
        payer=ben.pk,
        payee=0,
        currency="EUR",
        amount=1_00,
        account=accounts.cash,
    )
    claim = receivables.save_claim(person=ben, actor=owner, due_on=NOW.date(), amount=1_00, money_account=accounts.cash)

    def invoice():
        line = receivables.LineGiven(text="Work", quantity=Decimal(1), price=50_00, rate=Decimal(0))
        changes = {"person": ben, "income": accounts.salary, "lines": [line]}
        return receivables.save_draft(book=book, actor=owner, changes=changes)

    sent, paid = (
        receivables.send(invoice=invoice(), actor=owner, on=NOW.date(), due_on=None, today=NOW.date()) for _ in "ab"
    )
    payment = receivables.pay(invoice=paid, actor=owner, date=NOW.date(), amount=1_00, account=accounts.cash)
    draft = invoice()
    names = ("person", "income", "currency")
    line = receivables.LineGiven(text="Work", quantity=Decimal(1), price=50_00, rate=Decimal(0))
    recurring = receivables.save_recurring(
        book=book, actor=owner, today=NOW.date(),
        changes={name: getattr(draft, name) for name in names} | {"lines": [line], "first": datetime.date(2030, 1, 31)},
    )  # fmt: skip
    uncle = ledger.open_account(book=book, actor=owner, name="Uncle", type="liability", kind="loan", currency="EUR")
    return {
        "uncle": uncle.pk,
        "ben": ben.pk, "cost_group_id": group.pk, "claim_id": claim.pk, "settlement_id": settlement.pk,
        "bill_id": receivables.save_bill(book=book, actor=owner, bill=bill).pk, "invoice_id": draft.pk,
        "payment_id": payment.pk, "recurring_invoice_id": recurring.pk, "paid_invoice": paid.pk, "sent_invoice": sent.pk,
        "person_id": receivables.save_person(book=book, changes={"name": "Nobody"}).pk,
    }  # fmt: skip


def _of_the_plan(book, owner, accounts):
    today = NOW.date()
    goal = create_goal(book=book, actor=owner, account=accounts.savings, name="Boat", today=today)
    scenario = save_scenario(book=book, actor=owner, name="New flat")
    step = save_step(
        scenario=scenario, actor=owner, kind="one_off", first=today, account=accounts.checking, amount=-5_00,
        category=accounts.rent,
    )  # fmt: skip
    return {
        "forecast_id": make_forecast(book=book, today=today).pk,
        "goal_id": goal.pk,
        "scenario_id": scenario.pk,
        "step_id": step.pk,
    }
