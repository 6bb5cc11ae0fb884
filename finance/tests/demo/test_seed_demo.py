import datetime
import io
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from finance.demo.diary import CARD, CASH, CHECKING
from finance.demo.services import seed_household
from finance.demo.settling import household
from finance.demo.stories import OPENING
from finance.ledger.models import Account, Book, JournalEntry, JournalLine, Membership, Role
from finance.ledger.selectors import account_paths, balances, trial_balance
from identity.models import User

TODAY = datetime.date(2026, 3, 15)
DAY = datetime.timedelta(days=1)


def seed(owner, *, months=12, seed=1, today=TODAY, force_new=True):
    return seed_household(owner=owner, months=months, seed=seed, today=today, force_new=force_new)


def journal_of(book):
    """The journal in the order of posting, with names in place of ids."""
    paths = account_paths(book=book)
    lines = JournalLine.objects.filter(book=book).select_related("entry").order_by("entry_id", "position")
    return [
        (line.date, line.entry.payee, line.entry.description, line.entry.source, paths[line.account_id],
         line.currency, line.amount, line.memo)
        for line in lines
    ]  # fmt: skip


def by_path(book):
    paths = account_paths(book=book)
    return {paths[account_id]: held for account_id, held in balances(book=book).items()}


def payments(book, payee):
    """(date, cents) of the payee's postings that still stand, oldest first."""
    standing = JournalEntry.objects.filter(book=book, payee=payee, reverses=None, reversed_by=None)
    lines = JournalLine.objects.filter(entry__in=standing, amount__gt=0).order_by("date", "id")
    return [(line.date, line.amount) for line in lines]


@pytest.fixture
def demo(owner):
    return seed(owner)


def test_the_same_seed_gives_the_same_journal(owner):
    assert journal_of(seed(owner)) == journal_of(seed(owner))


def test_another_seed_gives_another_journal(owner):
    assert journal_of(seed(owner)) != journal_of(seed(owner, seed=2))


def test_the_books_balance_in_both_currencies(demo):
    totals = trial_balance(book=demo, as_of=None).totals
    assert totals.keys() == {"EUR", "USD"}
    for debit, credit in totals.values():
        assert debit == credit > 0


def test_it_covers_the_months_up_to_today(demo):
    dates = JournalEntry.objects.filter(book=demo).order_by("date").values_list("date", flat=True)
    assert (dates[0], max(dates)) == (datetime.date(2025, 2, 28), TODAY)
    assert {(date.year, date.month) for date in dates} >= {(2025, month) for month in range(3, 13)}


@pytest.mark.parametrize("today", [TODAY, datetime.date(2024, 2, 29), datetime.date(2025, 7, 1)])
@pytest.mark.parametrize("months", [1, 24])
def test_nobody_overdraws_an_account(months, today):
    diary = household(months=months, seed=3, today=today)
    changes = Counter()
    for posting in diary.postings:
        for account, amount, _ in posting.lines:
            changes[posting.date, account] += amount
    for exchange in diary.exchanges:
        changes[exchange.date, exchange.source] -= exchange.given
        changes[exchange.date, exchange.target] += exchange.received
    for correction in diary.corrections:
        for account, amount, _ in correction.replacements[-1].lines:
            changes[correction.wrong.date, account] += amount
    for account in (CHECKING, CASH):
        held = OPENING[account]
        for date, changed in sorted(changes):
            if changed == account:
                held += changes[date, changed]
                assert held >= 0, (account, date)


def test_the_card_bill_of_the_month_before_is_paid_from_checking(demo):
    paid = dict(payments(demo, "Credit card settlement"))
    card = Account.objects.get(book=demo, name="Credit card")
    owed = JournalLine.objects.filter(account=card, date__lte=datetime.date(2026, 1, 31)).aggregate(Sum("amount"))
    assert paid[datetime.date(2026, 2, 20)] == -owed["amount__sum"]


def test_the_loan_payment_is_split_into_interest_and_principal(demo):
    entry = JournalEntry.objects.filter(book=demo, payee="Credit Union Motor Loans").order_by("date").first()
    assert [(line.memo, line.amount) for line in entry.lines.order_by("position")] == [
        ("principal", 25_319),
        ("interest", 5_921),
        ("", -31_240),
    ]


def test_a_friend_owes_what_he_has_not_paid_back(demo):
    assert by_path(demo)["Assets:Lent to Tom"] == 60_000 - 3 * 10_000 + 3_620


def test_dollars_pass_through_the_trading_accounts(demo):
    exchanges = JournalEntry.objects.filter(book=demo, source="exchange")
    assert exchanges.count() == 2
    held = by_path(demo)
    assert held["Equity:Trading USD"]
    assert held["Assets:Dollar account"] > 0
    assert held["Expenses:Leisure:Travel in dollars"] > 0


def test_a_mistyped_entry_was_corrected_twice(demo):
    last = JournalEntry.objects.get(book=demo, source="correction", corrected_by=None)
    assert last.corrects.source == "correction"
    assert last.corrects.corrects.source == "demo"
    assert JournalEntry.objects.filter(book=demo, source="reversal").count() == 2


def test_a_subscription_became_dearer_within_the_last_month(demo):
    *before, (latest, price) = payments(demo, "Netflix")
    assert {amount for _, amount in before} == {1_599}
    assert price == 1_999
    assert latest > TODAY - 31 * DAY


def test_a_charge_came_twice(demo):
    twice = [date for date, amount in payments(demo, "Corrib Hardware") if amount == 6_490]
    assert twice == [TODAY - 6 * DAY, TODAY - 5 * DAY]


def test_one_dinner_cost_several_times_the_usual(demo):
    amounts = [amount for _, amount in payments(demo, "Trattoria Lucia")]
    assert amounts[-1] == 38_750
    assert len(amounts) > 6
    assert max(amounts[:-1]) * 4 < amounts[-1]


def test_the_coming_bills_exceed_what_is_left_on_checking(demo):
    left = by_path(demo)[CHECKING]
    loan_payment = 31_240
    assert 0 < left < loan_payment
    assert by_path(demo)[CARD] < -left


def test_two_years_cost_hardly_more_statements_than_two_months(owner, stranger):
    with CaptureQueriesContext(connection) as short:
        seed(owner, months=2)
    with CaptureQueriesContext(connection) as long:
        seed(stranger, months=24)
    assert JournalEntry.objects.filter(book__memberships__user=stranger).count() > 500
    assert len(long) < 2 * len(short)


@pytest.fixture
def run(db, settings):
    settings.DEMO_PASSWORD = settings.OPERATOR_PASSWORD = ""

    def run(*arguments):
        out = io.StringIO()
        call_command("seed_demo", "--months=1", "--today=2026-03-15", "-v0", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_the_command_makes_a_member_who_owns_the_book(run):
    printed = run()
    user = User.objects.get(email="demo@lifeos.example")
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert not user.is_staff
    assert user.check_password(dict(line.split() for line in printed.splitlines()[1:])[user.email])
    assert not User.objects.filter(is_superuser=True).exists()


def test_the_command_makes_an_operator_when_asked(run, settings):
    settings.OPERATOR_PASSWORD = "seven horses sing"
    printed = run("--operator")
    operator = User.objects.get(email="operator@lifeos.example")
    assert operator.is_superuser
    assert operator.check_password("seven horses sing")
    assert "seven horses sing" not in printed


def test_passwords_are_kept_in_a_file_for_its_owner(run, tmp_path):
    file = tmp_path / "secrets" / "logins"
    run("--operator", f"--password-file={file}")
    assert file.stat().st_mode & 0o777 == 0o600
    for line in file.read_text().splitlines():
        email, password = line.split()
        assert User.objects.get(email=email).check_password(password)
    assert len(file.read_text().splitlines()) == 2


def test_passwords_are_taken_from_the_file(run, tmp_path):
    file = tmp_path / "logins"
    file.write_text("demo@lifeos.example seven horses sing\n")
    assert "seven horses" not in run(f"--password-file={file}")
    assert User.objects.get(email="demo@lifeos.example").check_password("seven horses sing")


def test_a_second_run_is_refused(run):
    run()
    with pytest.raises(CommandError, match="already has a demonstration book"):
        run()
    assert Book.objects.count() == 1


def test_a_second_run_may_add_a_book(run):
    run()
    run("--force-new")
    assert Book.objects.count() == 2


def test_a_second_run_may_be_told_to_be_content(run):
    run()
    assert run("--if-missing") == ""
    assert Book.objects.count() == 1


def test_the_book_may_be_given_to_somebody_else(run, owner):
    run(f"--user={owner.email}")
    assert Book.objects.visible_to(owner).count() == 1
    assert not User.objects.filter(email="demo@lifeos.example").exists()


def test_nobody_else_is_made(run):
    with pytest.raises(CommandError, match=r"There is no user olga@example\.org"):
        run("--user=olga@example.org")
    assert not Book.objects.exists()


@pytest.mark.parametrize("months", [0, 601, -1])
def test_months_out_of_range_are_refused(db, months):
    with pytest.raises(CommandError, match="Between 1 and 600 months"):
        call_command("seed_demo", months=months, verbosity=0)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_command_tells_the_number_of_entries_that_the_book_has():
    out = io.StringIO()
    call_command("seed_demo", months=3, seed=2, today=TODAY, stdout=out, verbosity=0)
    book = Book.objects.get()
    assert f": {JournalEntry.objects.filter(book=book).count()} entries through 2026-03-15." in out.getvalue()
