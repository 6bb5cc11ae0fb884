"""Who may do what: every route, every kind of person."""

import datetime
import uuid

import pytest
from django.db import transaction

from finance.api import urls
from finance.ledger import services

READ, EDIT, OWN = "read", "edit", "own"

# route name, method, what it takes, body
ROUTES = [
    ("api-book", "get", READ, None),
    ("api-book", "patch", OWN, {"name": "Flat"}),
    ("api-close-period", "post", OWN, {"through": "2025-12-31"}),
    ("api-reopen-period", "post", OWN, {"through": None}),
    ("api-proof", "get", READ, None),
    ("api-accounts", "get", READ, None),
    ("api-accounts", "post", EDIT, {"name": "New", "type": "asset", "kind": "cash", "currency": "EUR"}),
    ("api-account", "get", READ, None),
    ("api-account", "patch", EDIT, {"name": "Purse"}),
    ("api-account-move", "post", EDIT, {"parent": None}),
    ("api-account-close", "post", EDIT, {"on": "2026-03-15"}),
    ("api-account-opening", "get", READ, None),
    ("api-account-opening", "post", EDIT, {"amount": "5.00", "on": "2026-01-01"}),
    ("api-register", "get", READ, None),
    ("api-entries", "get", READ, None),
    ("api-entries", "post", EDIT, "entry"),
    ("api-entries-bulk", "post", EDIT, "entries"),
    ("api-exchanges", "post", EDIT, "exchange"),
    ("api-entry", "get", READ, None),
    ("api-entry-history", "get", READ, None),
    ("api-entry-correct", "post", EDIT, "entry"),
    ("api-entry-reverse", "post", EDIT, {}),
    ("api-balances", "get", READ, None),
    ("api-trial-balance", "get", READ, None),
]
ALLOWED = {
    READ: {"viewer", "editor", "owner"},
    EDIT: {"editor", "owner"},
    OWN: {"owner"},
}
REFUSALS = {
    "anonymous": (401, "not_authenticated"),
    "stranger": (404, "not_found"),
    "viewer": (403, "forbidden"),
    "editor": (403, "forbidden"),
}
PEOPLE = ["anonymous", "stranger", "viewer", "editor", "owner"]


@pytest.fixture
def request_to(book, owner, accounts, spend, groceries, dollars):
    """Send the route's request as a client."""
    entry = spend(10_00)
    services.close_period(book=book, actor=owner, through=datetime.date(2025, 6, 30))
    bodies = {
        "entry": groceries(),
        "entries": {"entries": [groceries()]},
        "exchange": {
            "date": "2026-03-14",
            "source_account": accounts.checking.pk,
            "source_amount": "10.00",
            "target_account": dollars.pk,
            "target_amount": "11.00",
        },
    }

    def send(client, route, method, body, *, book_id=book.pk, account_id=None, uid=None):
        address = _address(route, book_id, account_id or accounts.cash.pk, uid or entry.uid)
        return getattr(client, method)(address, bodies.get(body, body) if isinstance(body, str) else body)

    return send


def _address(route, book_id, account_id, uid):
    pattern = next(each for each in urls.urlpatterns if each.name == route)
    address = str(pattern.pattern)
    for converter, value in (("int:book_id", book_id), ("int:account_id", account_id), ("uuid:uid", uid)):
        address = address.replace(f"<{converter}>", str(value))
    return f"/api/v1/{address}"


def test_the_table_names_every_route_of_a_book():
    ours = {each.name for each in urls.urlpatterns if each.callback.view_class.__module__.split(".")[-1] in OURS}
    assert {route for route, *_rest in ROUTES} == ours - {"api-books"}


OURS = {"books", "accounts", "entries", "registers", "balances"}


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(request_to, clients, route, method, takes, body):
    answers = {
        person: request_to(clients[person], route, method, body) for person in PEOPLE if person not in ALLOWED[takes]
    }
    refusals = {person: (answer.status_code, answer.json()["code"]) for person, answer in answers.items()}
    assert refusals == {person: REFUSALS[person] for person in answers}
    for person in PEOPLE:
        if person in ALLOWED[takes]:
            with transaction.atomic():
                response = request_to(clients[person], route, method, body)
                assert response.status_code in (200, 201), response.content
                transaction.set_rollback(True)


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_ids_of_another_book_lead_nowhere(request_to, clients, foreign, route, method, takes, body):
    other_book, other_account, other_entry = foreign
    owner = clients["owner"]
    assert request_to(owner, route, method, body, book_id=other_book.pk).status_code == 404
    if "account" in route and route != "api-accounts":
        assert request_to(owner, route, method, body, account_id=other_account.pk).status_code == 404
    if "entry" in route:
        assert request_to(owner, route, method, body, uid=other_entry.uid).status_code == 404
        assert request_to(owner, route, method, body, uid=uuid.uuid4()).status_code == 404


def test_an_endless_id_leads_nowhere(api):
    assert api.get(f"/api/v1/books/{10**40}/").status_code == 404


def test_the_list_of_books_is_ones_own(clients, book, foreign):
    def listed(person):
        response = clients[person].get("/api/v1/books/")
        assert response.status_code == 200
        return [(each["id"], each["role"]) for each in response.json()["results"]]

    assert listed("owner") == [(book.pk, "owner")]
    assert listed("editor") == [(book.pk, "editor")]
    assert listed("viewer") == [(book.pk, "viewer")]
    assert listed("stranger") == [(foreign[0].pk, "owner")]
    assert clients["anonymous"].get("/api/v1/books/").status_code == 401
    assert clients["anonymous"].post("/api/v1/books/", {}).status_code == 401


@pytest.mark.parametrize("route", [route for route, method, *_rest in ROUTES if method == "get"])
@pytest.mark.parametrize("person", ["viewer", "owner"])
def test_every_page_of_the_browsable_api_opens(request_to, clients, route, person):
    clients[person].credentials(HTTP_ACCEPT="text/html")
    response = request_to(clients[person], route, "get", None)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    assert "script-src" not in response["Content-Security-Policy"]
    assert "unsafe-inline" not in response["Content-Security-Policy"].replace("style-src-attr 'unsafe-inline'", "")
    assert "LifeOS API" in response.content.decode()
    assert clients[person].options(response.request["PATH_INFO"]).status_code == 200


@pytest.mark.parametrize("place", ["", "entries/", "accounts/", "imports/"])
def test_the_browsable_pages_tell_strangers_the_same(clients, book, place):
    """They ask for the permission once more, while they are drawn."""
    for book_id in (book.pk, 999_999):
        answer = clients["stranger"].get(f"/api/v1/books/{book_id}/{place}", headers={"accept": "text/html"})
        assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "No such book" in answer.content.decode()
