"""Findings in the database: looked for when entries come, decided once, kept up to date. Cases SCH-… as in test_series."""

import datetime
import io
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.errors import Conflict, Invalid
from finance.events.plans import RecurringDue
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import Loan, RecurringCheck, RecurringFinding, Schedule
from finance.payees.services import save_payee
from finance.planning.cards.services import add_card
from finance.planning.detection import selectors, services
from finance.planning.loans.services import add_loan, change_loan
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import CounterLine, Definition
from finance.planning.schedules.services import create_schedule
from finance.tests.conftest import TODAY
from platform_outbox import testing
from platform_outbox.models import OutboxMessage
from platform_outbox.operations.services import start
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db
State = RecurringFinding.State
OLDER = ("2025-10-05", "2025-11-05", "2025-12-05", "2026-01-05", "2026-02-05", "2026-03-05")


def offered(book):
    return list(selectors.findings_of(book=book).order_by("amount"))


def test_sch_26_two_findings_of_one_payee(book, pay):
    """SCH-26: 9.99 and 14.99 on the 5th are two, each with its own history and next date."""
    first, second = pay("Stream", -9_99, *OLDER), pay("Stream", -14_99, *OLDER)
    drain()
    found = offered(book)
    assert [(each.amount, each.hits, each.next_due) for each in found] == [
        (-14_99, 6, datetime.date(2026, 4, 5)),
        (-9_99, 6, datetime.date(2026, 4, 5)),
    ]
    assert found[0].evidence == [each.pk for each in second]
    assert found[1].evidence == [each.pk for each in first]


def test_entries_that_come_are_looked_at_and_nothing_is_found_twice(book, owner, rent, accounts):
    drain()
    (found,) = offered(book)
    assert (found.payee, found.account, found.counter) == ("Landlord", accounts.checking, accounts.rent)
    assert (found.unit, found.every, found.days, found.next_due) == ("month", 1, [31], datetime.date(2026, 3, 31))
    assert OutboxMessage.objects.filter(event_type="finance.recurring.found").count() == 1
    ledger.reverse_entry(entry=rent[0], actor=owner, on=TODAY)
    drain()
    again = offered(book)[0]
    assert (again.pk, again.hits) == (found.pk, 3)
    assert OutboxMessage.objects.filter(event_type="finance.recurring.found").count() == 1
    for entry in rent[1:]:
        ledger.reverse_entry(entry=entry, actor=owner, on=TODAY)
    drain()
    assert not RecurringFinding.objects.exists()


def test_what_ended_is_not_offered_though_nobody_looked_again(book, rent, monkeypatch):
    drain()
    last = offered(book)[0].lasts_until
    monkeypatch.setattr(selectors, "today_in", lambda _book: last)
    assert offered(book)
    monkeypatch.setattr(selectors, "today_in", lambda _book: last + datetime.timedelta(days=1))
    assert not offered(book)


def test_what_was_dismissed_is_never_offered_again(book, owner, pay, rent):
    drain()
    services.dismiss(finding=offered(book)[0], actor=owner)
    pay("Landlord", -752_22, "2025-10-31")
    drain()
    services.look_through(book=book)
    (finding,) = RecurringFinding.objects.all()
    assert (finding.state, finding.decided_by, finding.hits) == (State.DISMISSED, owner, 5)
    assert not offered(book)
    services.offer_again(finding=finding, actor=owner)
    assert offered(book) == [finding]
    with pytest.raises(Conflict):
        services.offer_again(finding=finding, actor=owner)
    told = OutboxMessage.objects.filter(event_type="finance.recurring.decided").order_by("id")
    assert [each.payload["state"] for each in told] == ["dismissed", "offered"]


def test_a_finding_becomes_a_schedule_as_it_was_found(book, owner, rent, accounts):
    drain()
    finding = offered(book)[0]
    schedule = services.make_schedule(finding=finding, actor=owner, today=TODAY)
    assert (schedule.name, schedule.amount, schedule.first, schedule.days) == (
        "Landlord", -752_22, datetime.date(2026, 3, 31), [31],
    )  # fmt: skip
    assert schedule.lines == [{"account": accounts.rent.pk, "amount": None, "memo": ""}]
    finding.refresh_from_db()
    assert (finding.state, finding.schedule) == (State.SCHEDULED, schedule)
    drain()
    assert not offered(book)
    for change in (services.make_schedule, services.dismiss):
        with pytest.raises(Conflict):
            change(finding=finding, actor=owner, **({"today": TODAY} if change is services.make_schedule else {}))
    schedule.delete()
    services.look_through(book=book)
    assert not offered(book)


def test_a_range_keeps_its_bounds(book, owner, pay):
    """SCH-32: water every 2 months, 31.00 to 38.00, next 2026-05-10."""
    pay(
        "Water",
        [-31_00, -38_00, -33_50, -36_00, -34_50],
        "2025-07-10",
        "2025-09-10",
        "2025-11-10",
        "2026-01-10",
        "2026-03-10",
    )
    drain()
    (finding,) = offered(book)
    assert (finding.every, finding.next_due, finding.rhythm) == (2, datetime.date(2026, 5, 10), "two_months")
    schedule = services.make_schedule(finding=finding, actor=owner, today=TODAY)
    assert (schedule.amount_kind, schedule.least, schedule.most, schedule.amount) == ("range", -38_00, -31_00, -34_50)


def test_pay_twice_a_month(book, pay, accounts, monkeypatch):
    """SCH-30: the 15th and the last day are twice a month, 14,400.00 a year."""
    monkeypatch.setattr("finance.planning.detection.services.today_in", lambda _book: datetime.date(2026, 4, 1))
    pay(
        "Employer",
        600_00,
        "2026-01-15",
        "2026-01-31",
        "2026-02-15",
        "2026-02-28",
        "2026-03-15",
        "2026-03-31",
        category=accounts.salary,
    )
    drain()
    (finding,) = RecurringFinding.objects.all()
    assert (finding.rhythm, finding.days, finding.per_year) == ("twice_a_month", [15, 31], 14_400_00)
    assert finding.rule.occurrences(datetime.date(2026, 4, 1), datetime.date(2026, 4, 30)) == [
        datetime.date(2026, 4, 15),
        datetime.date(2026, 4, 30),
    ]


@pytest.mark.parametrize("named", [True, False])
def test_what_a_schedule_expects_is_not_offered(book, owner, accounts, rent, named):
    definition = Definition(
        name="Flat", account_id=accounts.checking.pk, amount=-750_00, first=datetime.date(2026, 3, 31), unit=Unit.MONTH,
        lines=(CounterLine(account_id=accounts.rent.pk),), payee="Landlord" if named else "",
    )  # fmt: skip
    drain()
    assert offered(book)
    schedule = create_schedule(book=book, actor=owner, definition=definition, today=TODAY)
    drain()
    assert not offered(book)
    assert RecurringFinding.objects.get().schedule == schedule


def test_a_schedule_of_something_else_leaves_it_offered(book, owner, accounts, rent):
    other = {"lines": (CounterLine(account_id=accounts.rent.pk),), "payee": "", "unit": Unit.MONTH, "every": 1}
    for change in ({"payee": "Garage"}, {"unit": Unit.WEEK}, {"amount": -90_00}, {"amount": 752_22}):
        given = {"amount": -752_22, **other, **change}
        definition = Definition(
            name="Other", account_id=accounts.checking.pk, first=datetime.date(2026, 3, 31), **given
        )
        create_schedule(book=book, actor=owner, definition=definition, today=TODAY)
    drain()
    assert len(offered(book)) == 1


def test_aliases_are_one_payee(book, pay):
    save_payee(book=book, name="Netflix", aliases=["NETFLIX.COM", "Netflix Intl"])
    pay("NETFLIX.COM", -12_99, "2025-12-07", "2026-01-07")
    pay("Netflix Intl", -12_99, "2026-02-07")
    pay("Netflix", -12_99, "2026-03-07")
    drain()
    (finding,) = offered(book)
    assert (finding.hits, finding.group) == (4, "netflix")


def test_savings_without_a_payee_are_found_and_what_pays_a_card_is_not(book, owner, accounts):
    for month in (12, 1, 2, 3):
        date = datetime.date(2025 if month == 12 else 2026, month, 2)
        for reached, amount in ((accounts.savings, 200_00), (accounts.card, 80_00)):
            lines = [
                LineDraft(account_id=reached.pk, amount=amount),
                LineDraft(account_id=accounts.checking.pk, amount=-amount),
            ]
            ledger.post_entry(book=book, actor=owner, date=date, lines=lines)
    drain()
    (finding,) = offered(book)
    assert (finding.amount, finding.account, finding.counter) == (-200_00, accounts.checking, accounts.savings)
    schedule = services.make_schedule(finding=finding, actor=owner, today=TODAY)
    assert schedule.name == "Savings account"


def test_without_a_category_it_has_to_be_said(book, owner, rent, accounts):
    drain()
    finding = offered(book)[0]
    RecurringFinding.objects.update(counter=None)
    with pytest.raises(Invalid) as refused:
        services.make_schedule(finding=finding, actor=owner, today=TODAY)
    assert "lines" in refused.value.fields
    assert not Schedule.objects.exists()


def test_many_payees_are_looked_at_later_in_steps(book, pay, rent, monkeypatch):
    pay("Gym", -29_90, *OLDER)
    monkeypatch.setattr(services, "AT_ONCE", 1)
    steps = []
    drain()
    assert OutboxMessage.objects.filter(event_type=RecurringDue.name).count() == 1
    assert len(offered(book)) == 2
    assert RecurringCheck.objects.get(book=book).complete_at is not None
    looked = services.look_through(book=book, after="gym", between=lambda *step: steps.append(step))
    assert (looked.payees, looked.new, steps) == (1, 0, [("landlord", 1, 0)])


def test_payees_of_long_ago_are_not_looked_at(book, owner, pay, rent):
    pay("Old", -5_00, "2023-01-01", "2023-02-01", "2023-03-01")
    assert selectors.payees_paid_lately(book=book, today=TODAY) == ["landlord"]
    other = ledger.create_book(owner=owner, name="Empty", base_currency="EUR", time_zone="Europe/Berlin")
    assert selectors.payees_paid_lately(book=other, today=TODAY) == []


def test_statements_do_not_grow_with_payees_or_entries(book, pay, rent):
    services.look_through(book=book)
    with CaptureQueriesContext(
        connection,
    ) as few:
        services.look_at(book=book, keys=["landlord"])
    for name in ("Gym", "Phone", "Club"):
        pay(name, -20_00, "2024-01-03", "2024-09-19", "2025-01-05", "2026-01-27")
    with CaptureQueriesContext(connection) as many:
        services.look_at(book=book, keys=["landlord", "gym", "phone", "club"])
    assert len(many) == len(few) <= 14


def test_books_from_before_an_upgrade_are_asked_for_once(book, rent):
    RecurringCheck.objects.all().delete()
    assert services.ask_for_missed() == 1
    assert services.ask_for_missed() == 0
    drain()
    assert len(offered(book)) == 1


def test_what_pays_a_planned_loan_or_card_is_not_offered(book, owner, pay, accounts):
    """Once a plan says what is paid from where; before that, and what is bought with the card, it is."""

    def owed(name):
        return ledger.open_account(book=book, actor=owner, name=name, type="liability", kind="loan", currency="EUR")

    mortgage, store_card = owed("Mortgage"), owed("Store card")
    pay("Bank", -500_00, *OLDER, category=mortgage)
    pay("Store", -80_00, *OLDER, category=store_card)
    pay("Stream", -9_99, *OLDER, account=accounts.card)
    pay("Refund of rent", 12_00, *OLDER)
    drain()
    assert [each.payee for each in offered(book)] == ["Bank", "Store", "Stream", "Refund of rent"]
    loan = {"account": mortgage, "principal": 100_000_00, "percent": Decimal(3), "payments": 240}
    dates = {"start": datetime.date(2025, 9, 5), "first_payment": datetime.date(2025, 10, 5)}
    add_loan(book=book, actor=owner, name="Mortgage", **loan, **dates)
    drain()
    assert len(offered(book)) == 4  # its terms do not say what pays it
    change_loan(loan=Loan.objects.get(), actor=owner, pays_from=accounts.checking)
    for card in (store_card, accounts.card):
        add_card(book=book, actor=owner, account=card, closing_day=14, due_day=30, pays_from=accounts.checking)
    drain()
    assert [each.payee for each in offered(book)] == ["Stream", "Refund of rent"]
    # With interest in it, and of a card with a fee beside it.
    for name, account in (("Lender", mortgage), ("Card company", accounts.card)):
        for date in OLDER:
            lines = {accounts.checking: -90_00, account: 60_00, accounts.rent: 30_00}
            drafts = [LineDraft(account_id=each.pk, amount=amount) for each, amount in lines.items()]
            ledger.post_entry(book=book, actor=owner, date=datetime.date.fromisoformat(date), payee=name, lines=drafts)
    drain()
    services.look_through(book=book)
    assert [each.payee for each in offered(book)] == ["Stream", "Refund of rent"]


def test_several_books_are_looked_through_from_where_it_stopped(book, owner, pay, rent):
    pay("Gym", -20_00, *OLDER)
    pay("Phone", -30_00, *OLDER)
    other = ledger.create_book(owner=owner, name="Empty", base_currency="EUR", time_zone="Europe/Berlin")
    assert services.payees_to_look_at(books=[book, other]) == 3
    seen = []
    looked = services.look_through_books(
        books=[book, other], begin=(book.pk, "gym"), between=lambda book, key, done, new: seen.append((book, key, done))
    )
    assert (looked.payees, seen) == (2, [(book, "phone", 2)])
    assert services.look_through_books(books=[book], begin=(other.pk, ""), between=print) == services.Looked(
        payees=0, new=0
    )


def test_the_command_and_the_operation(book, rent):
    RecurringFinding.objects.all().delete()
    out = io.StringIO()
    call_command("detect_recurring", book=book.pk, stdout=out)
    assert out.getvalue() == "1 books, 1 payees, 1 recurring payments that are new.\n"
    drain()
    RecurringFinding.objects.all().delete()
    run = start(name="recurring.detect", given={"book": book.pk}, by="olga@example.org")
    testing.drain()
    run.refresh_from_db()
    assert (run.state, run.result, run.done) == ("done", {"books": 1, "new": 1}, 1)
