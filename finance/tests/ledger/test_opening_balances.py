"""What an account held before its first entry can be changed, and every version stays in the journal."""

import datetime

import pytest

from finance.errors import Conflict, Invalid, PeriodClosedError
from finance.ledger import services
from finance.ledger.models import AccountKind, JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of, balances
from finance.tests.conftest import TODAY

NEW_YEAR = datetime.date(2026, 1, 1)
EARLIER = datetime.date(2025, 11, 30)


@pytest.fixture
def say(owner, accounts):
    """say(100_00, on=…) → the opening balance of the checking account that stands then."""

    def set_to(amount, *, on=NEW_YEAR, account=None):
        return services.set_opening_balance(
            account=account or accounts.checking, actor=owner, amount=amount, on=on, today=TODAY
        )

    return set_to


def test_an_account_without_one_gets_one(say, accounts):
    assert services.opening_of(account=accounts.checking) is None

    opening = say(100_00)

    assert (opening.amount, opening.on, opening.entry.source) == (100_00, NEW_YEAR, "opening")
    assert balance_of(account=accounts.checking) == 100_00


def test_amount_and_day_are_changed_by_a_correction(say, accounts, book):
    first = say(100_00)

    second = say(250_50, on=EARLIER)

    assert (second.amount, second.on) == (250_50, EARLIER)
    assert second.entry.corrects_id == first.entry.pk
    assert balances(book=book, as_of=datetime.date(2025, 12, 31))[accounts.checking.pk] == 250_50
    assert balance_of(account=accounts.checking) == 250_50


def test_it_can_be_changed_again_and_again(say, accounts):
    for amount in (1_00, 2_00, -3_00, 4_00):
        say(amount)

    assert services.opening_of(account=accounts.checking).amount == 4_00
    assert balance_of(account=accounts.checking) == 4_00


def test_zero_takes_it_away(say, accounts):
    say(100_00)

    assert say(0) is None

    assert services.opening_of(account=accounts.checking) is None
    assert balance_of(account=accounts.checking) == 0
    assert say(0) is None


def test_the_same_again_posts_nothing(say):
    say(100_00)
    before = JournalEntry.objects.count()

    say(100_00)

    assert JournalEntry.objects.count() == before


def test_what_is_owed_begins_below_zero(say, accounts):
    assert say(-500_00, account=accounts.card).amount == -500_00


@pytest.mark.parametrize("name", ["groceries", "salary", "opening"])
def test_only_what_holds_money_has_one(say, accounts, name):
    with pytest.raises(Invalid, match="holds or owes money"):
        say(1_00, account=getattr(accounts, name))


def test_a_group_has_none(say, accounts):
    with pytest.raises(Invalid, match="holds or owes money"):
        say(1_00, account=accounts.checking.parent)


def test_one_that_is_closed_is_changed_on_an_open_day(say, book, owner, accounts):
    say(100_00)
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    with pytest.raises(PeriodClosedError):
        say(200_00)

    say(200_00, on=datetime.date(2026, 2, 1))

    assert balances(book=book, as_of=datetime.date(2026, 1, 31))[accounts.checking.pk] == 100_00
    assert balance_of(account=accounts.checking) == 200_00


@pytest.fixture
def together(book, owner, accounts):
    """One entry in which two accounts began, as other programs write it."""
    opening = accounts.opening
    assert opening.kind == AccountKind.OPENING
    return services.post_entry(
        book=book,
        actor=owner,
        date=NEW_YEAR,
        lines=[
            LineDraft(account_id=accounts.checking.pk, amount=100_00),
            LineDraft(account_id=accounts.savings.pk, amount=900_00),
            LineDraft(account_id=opening.pk, amount=-1000_00),
        ],
    )


def test_of_an_entry_for_several_accounts_only_its_own_part_changes(say, together, accounts):
    say(150_00)

    assert balance_of(account=accounts.checking) == 150_00
    assert balance_of(account=accounts.savings) == 900_00

    say(0)

    assert balance_of(account=accounts.checking) == 0
    assert services.opening_of(account=accounts.savings).amount == 900_00


def test_the_day_of_several_accounts_is_not_moved_by_one(say, together, accounts):
    with pytest.raises(Conflict, match="Other accounts began"):
        say(100_00, on=EARLIER)

    assert balance_of(account=accounts.checking) == 100_00
