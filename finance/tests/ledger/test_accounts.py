"""Books, the account tree, opening balances, closing."""

import datetime

import pytest
from django.utils import translation

from finance import errors
from finance.ledger import services
from finance.ledger.models import Account, Book, JournalEntry, Membership, Role
from finance.ledger.selectors import (
    account_paths,
    accounts_of,
    balance_of,
    balances,
    book_for,
    rolled_up,
    trial_balance,
)
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("template", ["household", "freelancer"])
def test_a_book_starts_with_the_tree_of_its_template(owner, template):
    book = services.create_book(
        owner=owner, name=" Home ", base_currency="CHF", time_zone="Europe/Zurich", template=template
    )

    roots = [account for account in accounts_of(book=book) if account.parent_id is None]
    assert [root.type for root in roots] == ["asset", "liability", "equity", "income", "expense"]
    assert {account.currency for account in accounts_of(book=book)} == {"CHF"}
    assert "Expenses:Uncategorised" in account_paths(book=book).values()
    assert (book.name, Membership.objects.get(book=book).role) == ("Home", "owner")
    assert OutboxMessage.objects.get(ordering_key=f"book:{book.pk}").event_type == "finance.book.created"


def test_a_book_opens_with_a_handful_of_statements_however_many_accounts(owner, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        book = services.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="UTC")
    accounts = sorted(accounts_of(book=book), key=lambda account: account.pk)
    assert len(accounts) > 40
    before = {None}
    for account in accounts:
        assert account.parent_id in before
        before.add(account.pk)


def test_template_names_follow_the_language_of_who_opens_the_book(owner):
    with translation.override("de"):
        book = services.create_book(owner=owner, name="Haus", base_currency="EUR", time_zone="UTC")

    assert book.accounts.filter(name="Lebensmittel").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"base_currency": "EURO"}, "base_currency"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"template": "castle"}, "template"),
    ],
)
def test_a_book_that_cannot_be_is_refused_by_field(owner, change, field):
    good = {"owner": owner, "name": "Home", "base_currency": "EUR", "time_zone": "UTC", "template": None}

    with pytest.raises(errors.FinanceError) as caught:
        services.create_book(**{**good, **change})

    assert list(caught.value.fields) == [field]
    assert not Book.objects.exists()


def test_a_book_is_not_there_for_strangers_and_closed_to_low_roles(book, owner, viewer, stranger):
    assert book_for(user=owner, book_id=book.pk, at_least=Role.OWNER) == book
    assert book_for(user=viewer, book_id=book.pk) == book
    with pytest.raises(errors.Forbidden):
        book_for(user=viewer, book_id=book.pk, at_least=Role.EDITOR)
    with pytest.raises(errors.NotFound):
        book_for(user=stranger, book_id=book.pk)
    assert list(Book.objects.visible_to(stranger)) == []


def test_an_opening_balance_is_an_entry_against_equity(book, owner, accounts):
    account = services.open_account(
        book=book,
        actor=owner,
        name="Second bank",
        type="asset",
        kind="checking",
        currency="EUR",
        parent=accounts.checking.parent,
        opening_balance=250_00,
        opened_on=datetime.date(2026, 1, 1),
    )

    assert balances(book=book) == {account.pk: 25000, accounts.opening.pk: -25000}
    assert JournalEntry.objects.get().source == "opening"


def test_the_first_account_of_a_currency_gets_its_own_opening_account(book, owner):
    for name in ("Dollars", "More dollars"):
        services.open_account(
            book=book,
            actor=owner,
            name=name,
            type="asset",
            kind="cash",
            currency="USD",
            opening_balance=1,
            opened_on=TODAY,
        )

    assert book.accounts.filter(kind="opening").values_list("currency", "name").order_by("currency")[1] == (
        "USD",
        "Opening balances USD",
    )


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"name": "Cash"}, errors.AccountNameTaken, "name"),
        ({"type": "thing"}, errors.Invalid, "type"),
        ({"kind": "thing"}, errors.Invalid, "kind"),
        ({"currency": "XXQ"}, errors.CurrencyUnknown, "currency"),
        ({"type": "expense"}, errors.Invalid, "parent"),
        ({"opening_balance": 5}, errors.Invalid, "opened_on"),
        ({"kind": "opening"}, errors.Conflict, "kind"),
    ],
)
def test_an_account_that_cannot_be_is_refused_by_field(book, owner, accounts, change, error, field):
    before = book.accounts.count()
    good = {
        "name": "New",
        "type": "asset",
        "kind": "cash",
        "currency": "EUR",
        "parent": accounts.cash.parent,
    }

    with pytest.raises(error) as caught:
        services.open_account(book=book, actor=owner, **{**good, **change})

    assert list(caught.value.fields) == [field]
    assert book.accounts.count() == before


def test_renaming_and_moving_touch_no_posting(book, owner, accounts, spend):
    spend(10_00, category=accounts.groceries)
    before = trial_balance(book=book, as_of=TODAY)

    services.rename_account(account=accounts.groceries, actor=owner, name="Supermarket")
    services.move_account(account=accounts.groceries, actor=owner, parent=accounts.expenses)

    after = trial_balance(book=book, as_of=TODAY)
    assert [(row.account_id, row.debit) for row in after.rows] == [(row.account_id, row.debit) for row in before.rows]
    assert account_paths(book=book)[accounts.groceries.pk] == "Expenses:Supermarket"


def test_names_are_unique_among_siblings_only(owner, accounts):
    with pytest.raises(errors.AccountNameTaken):
        services.rename_account(account=accounts.cash, actor=owner, name="Savings account")
    services.rename_account(account=accounts.rent, actor=owner, name="Savings account")
    accounts.cash.refresh_from_db()
    assert accounts.cash.name == "Cash"


def test_the_tree_has_no_circles_and_keeps_types_apart(owner, accounts):
    food = accounts.groceries.parent

    for parent in (accounts.groceries, food, accounts.checking.parent):
        with pytest.raises(errors.Invalid):
            services.move_account(account=food, actor=owner, parent=parent)

    assert Account.objects.get(pk=food.pk).parent_id == accounts.expenses.pk


def test_a_parent_of_another_book_is_refused(owner, accounts):
    other = services.create_book(owner=owner, name="Other", base_currency="EUR", time_zone="UTC")
    with pytest.raises(errors.Invalid):
        services.move_account(account=accounts.rent, actor=owner, parent=other.accounts.get(name="Expenses"))


def test_an_account_closes_only_when_it_holds_nothing(book, owner, accounts, spend):
    spend(10_00)
    with pytest.raises(errors.Conflict, match=r"-10\.00 EUR"):
        services.close_account(account=accounts.checking, actor=owner, on=TODAY)
    with pytest.raises(errors.Conflict, match="below"):
        services.close_account(account=accounts.expenses, actor=owner, on=TODAY)

    closed = services.close_account(account=accounts.groceries, actor=owner, on=TODAY)

    assert closed.closed_on == TODAY
    with pytest.raises(errors.AccountClosedError):
        spend(1_00)
    with pytest.raises(errors.Conflict):
        services.close_account(account=closed, actor=owner, on=TODAY)
    with pytest.raises(errors.Invalid, match="closed"):
        services.move_account(account=accounts.restaurants, actor=owner, parent=closed)


def test_a_reversal_reaches_accounts_that_were_closed_since(owner, accounts, spend):
    entry = spend(10_00, category=accounts.restaurants)
    services.close_account(account=accounts.restaurants, actor=owner, on=TODAY)

    services.reverse_entry(entry=entry, actor=owner, on=TODAY)

    assert balance_of(account=accounts.restaurants) == 0


def test_groups_sum_their_accounts_by_currency(book, owner, accounts, spend):
    spend(10_00)
    spend(5_00, category=accounts.restaurants)
    services.open_account(
        book=book,
        actor=owner,
        name="Dollars",
        type="asset",
        kind="cash",
        currency="USD",
        parent=accounts.cash.parent,
        opening_balance=700,
        opened_on=TODAY,
    )

    sums = rolled_up(accounts=accounts_of(book=book), held=balances(book=book))

    assert sums[accounts.groceries.parent_id] == {"EUR": 1500}
    assert sums[accounts.cash.parent_id] == {"USD": 700, "EUR": -1500}


def test_reading_a_book_takes_few_queries(book, spend, django_assert_max_num_queries):
    spend(10_00)
    with django_assert_max_num_queries(2):
        trial_balance(book=book, as_of=TODAY)
    with django_assert_max_num_queries(1):
        accounts_of(book=book)


@pytest.mark.parametrize(
    ("first", "second"),
    [(datetime.date(2026, 1, 31), datetime.date(2026, 1, 31)), (datetime.date(2026, 1, 31), datetime.date(2025, 1, 1))],
)
def test_a_close_only_moves_forward_and_a_reopening_only_back(book, owner, first, second):
    with pytest.raises(errors.Conflict):
        services.reopen_period(book=book, actor=owner, through=None)
    services.close_period(book=book, actor=owner, through=first)
    with pytest.raises(errors.Conflict):
        services.close_period(book=book, actor=owner, through=second)
    with pytest.raises(errors.Conflict):
        services.reopen_period(book=book, actor=owner, through=datetime.date(2026, 2, 28))

    reopened = services.reopen_period(book=book, actor=owner, through=datetime.date(2025, 12, 31))

    assert reopened.closed_through == datetime.date(2025, 12, 31)
