"""Statements over the API: every route for everybody, what answers hold, and the agreement to reopen."""

import pytest
from django.db import transaction

from finance.api import urls
from finance.reconciliation import services
from finance.tests.api.conftest import refused
from finance.tests.reconciliation.conftest import day, line_of

READ, EDIT = "read", "edit"
APRIL = {"start": "2026-04-01", "end": "2026-04-30", "opening": "60.00", "closing": "60.00"}
ROUTES = [
    ("api-statements", "get", READ, None),
    ("api-statements", "post", EDIT, APRIL),
    ("api-statements-from-files", "get", READ, None),
    ("api-statements-cleared", "post", EDIT, {"lines": ["LINE"], "cleared": True}),
    ("api-statement", "get", READ, None),
    ("api-statement", "patch", EDIT, {"closing": "1.00"}),
    ("api-statement", "delete", EDIT, None),
    ("api-statement-rows", "get", READ, None),
    ("api-statement-tick", "post", EDIT, {"lines": ["LINE"]}),
    ("api-statement-untick", "post", EDIT, {"lines": ["LINE"]}),
    ("api-statement-reconcile", "post", EDIT, {}),
    ("api-statement-reopen", "post", EDIT, {}),
    ("api-statement-post-difference", "post", EDIT, {"account": "Expenses:Food:Groceries"}),
]
REFUSALS = {"anonymous": 401, "stranger": 404, "viewer": 403}


@pytest.fixture
def ids(book, state, spend, owner, accounts):
    line = line_of(spend(40_00, on=day("2026-03-10")), accounts.checking)
    statement = state(100_00, 60_00)
    services.tick(statement=statement, actor=owner, line_ids=[line])
    return {
        "book_id": book.pk, "account_id": accounts.checking.pk, "statement_id": statement.pk, "LINE": line,
        "groceries": accounts.groceries.pk,
    }  # fmt: skip


def ask(client, route, method, body, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name, value in ids.items():
        address = address.replace(f"<int:{name}>", str(value))
    if body is None:
        return getattr(client, method)(f"/api/v1/{address}")
    body = {**body, **({"lines": [ids["LINE"]]} if "lines" in body else {})}
    body = {**body, **({"account": ids["groceries"]} if "account" in body else {})}
    return getattr(client, method)(f"/api/v1/{address}", body, format="json")


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.name.startswith("api-statement")
    }


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes, body):
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, body, ids)
            wanted = (200, 201, 204) if allowed else (REFUSALS[person],)
            assert answer.status_code in wanted, (person, answer.content)
            transaction.set_rollback(True)
    # By its number alone nothing is found from another book.
    elsewhere = ask(clients["stranger"], route, method, body, {**ids, "book_id": foreign[0].pk})
    assert elsewhere.status_code == 404


def test_from_the_figures_to_a_finished_statement(api, url, ids, accounts):
    made = api.post(url(f"accounts/{accounts.checking.pk}/statements/"), APRIL, format="json").json()
    assert (made["difference"], made["opening_jump"], made["gap_days"]) == ("0.00", "0.00", 0)
    rows = api.get(url(f"statements/{ids['statement_id']}/rows/")).json()["results"]
    assert [(row["line"], row["amount"], row["ticked"], row["mark"]) for row in rows] == [
        (ids["LINE"], "-40.00", True, "cleared")
    ]
    assert (
        api.post(url(f"statements/{made['id']}/reconcile/"), {"version": 1}, format="json").json()["state"]
        == "reconciled"
    )
    listed = api.get(url(f"accounts/{accounts.checking.pk}/statements/?limit=1")).json()
    assert [each["id"] for each in listed["results"]] == [made["id"]]
    assert [each["id"] for each in api.get(listed["next"]).json()["results"]] == [ids["statement_id"]]
    body = refused(api.patch(url(f"statements/{made['id']}/"), {"closing": "1.00"}, format="json"), 409, "conflict")
    assert "Reopen it" in body["detail"]


def test_bodies_are_refused_by_field(api, url, ids, accounts):
    statements = url(f"accounts/{accounts.checking.pk}/statements/")
    refused(api.post(statements, {"start": "2026-03-01"}, format="json"), 400, "invalid", "closing", "end", "opening")
    both = {"import_statement": 1, "closing": "1.00"}
    refused(api.post(statements, both, format="json"), 400, "invalid", "closing")
    refused(api.post(statements, {**APRIL, "closing": "1.001"}, format="json"), 400, "amount_invalid", "closing")
    tick = url(f"statements/{ids['statement_id']}/tick/")
    for body in ({}, {"lines": [1], "all_of": "file"}):
        refused(api.post(tick, body, format="json"), 400, "invalid", "lines")
    refused(api.post(tick, {"all_of": "file"}, format="json"), 404, "not_found")
    refused(api.post(tick, {"lines": [10**9]}, format="json"), 404, "not_found")


@pytest.mark.parametrize("action", ["correct", "reverse"])
def test_a_reconciled_row_asks_and_is_changed_once_that_is_agreed(api, url, reconciled, groceries, action):
    statement, entry = reconciled
    body = groceries() if action == "correct" else {}
    address = url(f"entries/{entry.uid}/{action}/")
    assert "Agree to reopen" in refused(api.post(address, body, format="json"), 409, "reconciled")["detail"]
    assert api.post(address, {**body, "reopen_statements": True}, format="json").status_code == 201
    assert api.get(url(f"statements/{statement.pk}/")).json()["state"] == "open"
