"""A household for tests: its book, the accounts that the stories use, and people with each role."""

import datetime
from types import SimpleNamespace

import pytest

from finance.ledger import services
from finance.ledger.models import Account, Book, Membership, Role
from finance.ledger.posting import EntryDraft, LineDraft
from identity.models import User

TODAY = datetime.date(2026, 3, 15)


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_user("olga@example.org", "correct horse battery")


@pytest.fixture
def editor(book) -> User:
    return _member(book, "edgar@example.org", Role.EDITOR)


@pytest.fixture
def viewer(book) -> User:
    return _member(book, "vera@example.org", Role.VIEWER)


@pytest.fixture
def stranger(db) -> User:
    return User.objects.create_user("sam@example.org", "correct horse battery")


@pytest.fixture
def book(owner) -> Book:
    return services.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")


@pytest.fixture
def accounts(book) -> SimpleNamespace:
    """checking, savings, cash, card, opening, salary, rent, groceries, restaurants."""
    return accounts_by_name(book)


def accounts_by_name(book: Book) -> SimpleNamespace:
    by_name = {
        (account.name, account.type): account for account in Account.objects.filter(book=book).select_related("book")
    }
    return SimpleNamespace(
        checking=by_name["Checking account", "asset"],
        savings=by_name["Savings account", "asset"],
        cash=by_name["Cash", "asset"],
        card=by_name["Credit card", "liability"],
        opening=by_name["Opening balances", "equity"],
        salary=by_name["Salary", "income"],
        rent=by_name["Rent", "expense"],
        groceries=by_name["Groceries", "expense"],
        restaurants=by_name["Restaurants", "expense"],
        expenses=by_name["Expenses", "expense"],
    )


@pytest.fixture
def ledger() -> SimpleNamespace:
    """The ledger's services and drafts, for tests of apps that may not import them."""
    return SimpleNamespace(
        **{name: getattr(services, name) for name in services.__all__}, EntryDraft=EntryDraft, LineDraft=LineDraft
    )


@pytest.fixture
def spend(book, owner, accounts):
    """Post a purchase: spend(12_34, payee="Aldi", on=…) → entry."""

    def post(amount, *, payee="Market", on=TODAY, category=None, account=None):
        return services.post_entry(
            book=book,
            actor=owner,
            date=on,
            payee=payee,
            lines=[
                LineDraft(account_id=(category or accounts.groceries).pk, amount=amount),
                LineDraft(account_id=(account or accounts.checking).pk, amount=-amount),
            ],
        )

    return post


def _member(book: Book, email: str, role: Role) -> User:
    user = User.objects.create_user(email, "correct horse battery")
    Membership.objects.create(book=book, user=user, role=role)
    return user
