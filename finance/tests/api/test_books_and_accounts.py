"""Opening, renaming, moving and closing."""

import datetime

import pytest
from django.test import Client
from rest_framework.test import APIClient

from finance.ledger import chain, services
from finance.ledger.models import Book
from finance.ledger.selectors import balance_of
from finance.tests.api.conftest import refused
from platform_outbox.models import OutboxMessage


def test_a_book_is_opened_from_a_template(api):
    body = {"name": "Studio", "base_currency": "EUR", "time_zone": "Europe/Berlin", "template": "freelancer"}
    response = api.post("/api/v1/books/", body)
    assert response.status_code == 201
    opened = response.json()
    assert {key: opened[key] for key in ("name", "base_currency", "time_zone", "closed_through", "role")} == {
        "name": "Studio",
        "base_currency": "EUR",
        "time_zone": "Europe/Berlin",
        "closed_through": None,
        "role": "owner",
    }
    assert Book.objects.get(pk=opened["id"]).accounts.filter(name="Business account").exists()
    assert api.get(f"/api/v1/books/{opened['id']}/").json() == opened


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"base_currency": "EURO"}, "currency_unknown", "base_currency"),
        ({"time_zone": "Berlin"}, "invalid", "time_zone"),
        ({"template": "castle"}, "invalid", "template"),
        ({"name": " "}, "invalid", "name"),
        ({"nam": "x"}, "invalid", "nam"),
    ],
)
def test_a_book_that_makes_no_sense_is_refused(api, changes, code, path):
    body = {"name": "Studio", "base_currency": "EUR", "time_zone": "Europe/Berlin", **changes}
    refused(api.post("/api/v1/books/", body), 400, code, path)


def test_the_head_of_a_books_chain_can_be_noted(api, book, spend, url, django_assert_max_num_queries):
    assert api.get(url("proof/")).json() == {"seals": 0, "head": None, "entry": None, "sealed_at": None}
    entry = spend(12_34)
    services.seal_entries(posted={book.pk: [entry.pk]})
    with django_assert_max_num_queries(2):
        told = api.get(url("proof/")).json()
    head = chain.head_of(book=book)
    assert (told["seals"], told["head"], told["entry"]) == (1, head.hash, str(entry.uid))
    assert datetime.datetime.fromisoformat(told["sealed_at"]) == head.sealed_at


def test_a_book_without_a_template_is_empty(api):
    body = {"name": "Club", "base_currency": "EUR", "time_zone": "UTC", "template": None}
    opened = api.post("/api/v1/books/", body).json()
    assert not Book.objects.get(pk=opened["id"]).accounts.exists()


def test_a_book_is_renamed_closed_and_opened_again(api, url):
    assert api.patch(url(), {"name": "Flat"}).json()["name"] == "Flat"
    refused(api.patch(url(), {"base_currency": "USD"}), 400, "invalid", "base_currency")
    assert api.post(url("close-period/"), {"through": "2026-02-28"}).json()["closed_through"] == "2026-02-28"
    refused(api.post(url("close-period/"), {"through": "2026-01-31"}), 409, "conflict", "through")
    assert api.post(url("reopen-period/"), {"through": "2026-01-31"}).json()["closed_through"] == "2026-01-31"
    assert api.post(url("reopen-period/"), {"through": None}).json()["closed_through"] is None
    refused(api.post(url("reopen-period/"), {"through": None}), 409, "conflict")
    refused(api.post(url("reopen-period/"), {}), 400, "invalid", "through")


def test_a_books_time_zone_changes_and_its_name_stays(api, url):
    changed = api.patch(url(), {"time_zone": "America/New_York"}).json()
    assert (changed["time_zone"], changed["name"]) == ("America/New_York", "Home")
    assert OutboxMessage.objects.filter(event_type="finance.book.time_zone_changed").count() == 1
    # Together or not at all.
    refused(api.patch(url(), {"name": "Flat", "time_zone": "Berlin"}), 400, "invalid", "time_zone")
    assert api.get(url()).json() == changed


def test_an_opening_balance_is_told_and_changed(api, url, accounts):
    address = url(f"accounts/{accounts.checking.pk}/opening-balance/")
    assert api.get(address).json() == {"amount": "0.00", "on": None, "entry": None}
    told = api.post(address, {"amount": "100.00", "on": "2026-01-01"}).json()
    assert (told["amount"], told["on"]) == ("100.00", "2026-01-01")
    assert api.get(address).json() == told
    changed = api.post(address, {"amount": "-20.50", "on": "2025-12-31"}).json()
    assert changed["entry"] != told["entry"]
    assert balance_of(account=accounts.checking) == -20_50
    refused(api.post(address, {"amount": "1.234", "on": "2025-12-31"}), 400, "amount_invalid", "amount")
    refused(
        api.post(url(f"accounts/{accounts.groceries.pk}/opening-balance/"), {"amount": "1", "on": "2026-01-01"}),
        400, "invalid", "account",
    )  # fmt: skip


def test_an_account_is_opened_with_its_balance(api, url, accounts):
    body = {
        "name": "Nest egg",
        "type": "asset",
        "kind": "savings",
        "currency": "EUR",
        "parent": "Assets",
        "opening_balance": "1250.00",
        "opened_on": "2026-01-01",
    }
    response = api.post(url("accounts/"), body)
    assert response.status_code == 201
    opened = response.json()
    assert (opened["path"], opened["parent"]) == ("Assets:Nest egg", accounts.checking.parent_id)
    register = api.get(url(f"accounts/{opened['id']}/register/")).json()["results"]
    assert [(row["amount"], row["balance"], row["source"]) for row in register] == [("1250.00", "1250.00", "opening")]
    assert balance_of(account=accounts.opening) == -125_000
    refused(api.post(url("accounts/"), body), 409, "account_name_taken", "name")


@pytest.mark.parametrize(
    ("changes", "status", "code", "path"),
    [
        ({"currency": "EURO"}, 400, "currency_unknown", "currency"),
        ({"parent": "Nowhere"}, 404, "not_found", "parent"),
        ({"parent": "Expenses"}, 400, "invalid", "parent"),
        ({"type": "money"}, 400, "invalid", "type"),
        ({"opening_balance": 5}, 400, "amount_invalid", "opening_balance"),
        ({"opening_balance": "5.001", "opened_on": "2026-01-01"}, 400, "amount_invalid", "opening_balance"),
        ({"opening_balance": "5.00"}, 400, "invalid", "opened_on"),
        ({"opened_on": "soon"}, 400, "invalid", "opened_on"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(api, url, book, changes, status, code, path):
    body = {"name": "Nest egg", "type": "asset", "kind": "savings", "currency": "EUR", **changes}
    refused(api.post(url("accounts/"), body), status, code, path)


def test_an_account_is_renamed_and_moved(api, url, accounts):
    account = url(f"accounts/{accounts.restaurants.pk}/")
    assert api.patch(account, {"name": "Eating out"}).json()["path"] == "Expenses:Food:Eating out"
    assert api.post(f"{account}move/", {"parent": "Expenses"}).json()["path"] == "Expenses:Eating out"
    assert api.post(f"{account}move/", {"parent": None}).json()["path"] == "Eating out"
    refused(api.post(f"{account}move/", {"parent": "Assets"}), 400, "invalid", "parent")
    refused(api.post(f"{account}move/", {"parent": accounts.restaurants.pk}), 400, "invalid", "parent")
    refused(api.post(f"{account}move/", {}), 400, "invalid", "parent")


def test_an_account_is_closed_when_it_is_empty(api, url, accounts, spend):
    spend(5_00)
    refused(api.post(url(f"accounts/{accounts.checking.pk}/close/"), {"on": "2026-03-31"}), 409, "conflict")
    cash = url(f"accounts/{accounts.cash.pk}/close/")
    assert api.post(cash, {"on": "2026-03-31"}).json()["closed_on"] == "2026-03-31"
    refused(api.post(cash, {}), 409, "conflict")


def test_an_account_is_closed_today_where_the_book_is(api, url, accounts, time_machine):
    # 23:30 in London is the next day in Berlin.
    time_machine.move_to(datetime.datetime(2026, 3, 10, 23, 30, tzinfo=datetime.UTC))
    answer = api.post(url(f"accounts/{accounts.cash.pk}/close/"), {})
    assert answer.json()["closed_on"] == "2026-03-11"


def test_a_token_opens_the_api(owner, url):
    client = APIClient()
    tokens = client.post("/api/v1/auth/token/", {"email": "olga@example.org", "password": "correct horse battery"})
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.json()['access']}")
    assert client.get(url()).status_code == 200


def test_a_web_session_opens_the_api_and_needs_its_csrf_token_to_write(owner, url):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.get(url(), headers={"accept": "application/json"}).status_code == 200
    refused(client.patch(url(), {"name": "Flat"}, content_type="application/json"), 403, "forbidden")
