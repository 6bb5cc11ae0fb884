"""Clients by role, and the address of the book."""

import datetime

import pytest
from rest_framework.test import APIClient

from finance.ledger import services
from finance.ledger.models import Account


def client_of(user):
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def api(owner):
    """The owner's client."""
    return client_of(owner)


@pytest.fixture
def clients(owner, editor, viewer, stranger):
    people = {"owner": owner, "editor": editor, "viewer": viewer, "stranger": stranger, "anonymous": None}
    return {name: client_of(user) for name, user in people.items()}


@pytest.fixture
def url(book):
    """url("entries/") → address below the book."""
    return lambda tail="": f"/api/v1/books/{book.pk}/{tail}"


@pytest.fixture
def dollars(book, owner):
    """An account of another currency."""
    return services.open_account(
        book=book, actor=owner, name="Dollar account", type="asset", kind="checking", currency="USD"
    )


@pytest.fixture
def groceries(accounts):
    """A body that posts 23.90 EUR of groceries."""

    def body(**changes):
        lines = [
            {"account": accounts.groceries.pk, "amount": "23.90", "memo": "cheese"},
            {"account": "Assets:Checking account", "amount": "-23.90"},
        ]
        return {"date": "2026-03-14", "payee": "Corner shop", "lines": lines, **changes}

    return body


@pytest.fixture
def foreign(stranger):
    """Another household's book with one posted entry."""
    book = services.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="Europe/Berlin")
    cash = Account.objects.get(book=book, kind="cash")
    entry = services.post_opening_balance(account=cash, actor=stranger, amount=500, on=datetime.date(2026, 1, 1))
    return book, cash, entry


def refused(response, status, code, *paths):
    """Assert the error's status, code and the paths of its fields; returns the body."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert set(body) == {"code", "detail", "fields"}
    assert set(body["fields"]) == set(paths), body
    return body
