"""Changes over the API: every route for everybody, and what the answers hold."""

import uuid

import pytest
from django.db import transaction

from finance.api import urls
from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.ledger.revising import Edit
from finance.models import JournalEntry
from finance.tests.api.conftest import refused
from finance.tests.conftest import TODAY

READ, EDIT = "read", "edit"
ROUTES = [
    ("api-entries-changes", "post", EDIT, "change"),
    ("api-entries-merge-payees", "post", EDIT, {"names": ["Market"], "into": "Shop"}),
    ("api-changes", "get", READ, None),
    ("api-change", "get", READ, None),
    ("api-change-entries", "get", READ, None),
    ("api-change-undo", "post", EDIT, {}),
    ("api-entry-templates", "get", READ, None),
    ("api-entry-templates", "post", EDIT, "template"),
    ("api-entry-template", "delete", EDIT, None),
]
REFUSALS = {"anonymous": 401, "stranger": 404, "viewer": 403}


@pytest.fixture
def entry(spend):
    return spend(12_50, payee="Aldi")


@pytest.fixture
def made(book, owner, spend):
    edit = Edit(payee="Lidl")
    return services.change_entries(book=book, actor=owner, targets={spend(1).pk: ()}, edit=edit, today=TODAY).change


@pytest.fixture
def ask(book, entry, made, owner, accounts):
    lines = [LineDraft(account_id=accounts.rent.pk, amount=1), LineDraft(account_id=accounts.cash.pk, amount=-1)]
    template = services.save_template(book=book, actor=owner, name="Old", lines=lines)
    ids = {"book_id": book.pk, "change_id": made.pk, "template_id": template.pk}
    bodies = {
        "change": {"entries": [{"entry": str(entry.uid)}], "account": accounts.restaurants.pk},
        "template": {
            "name": "Rent",
            "lines": [{"account": accounts.rent.pk, "amount": "900"}, {"account": accounts.cash.pk, "amount": "-900"}],
        },
    }

    def send(client, route, method, body, **other):
        address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
        for name, value in {**ids, **other}.items():
            address = address.replace(f"<int:{name}>", str(value))
        data = bodies.get(body, body) if isinstance(body, str) else body
        return getattr(client, method)(f"/api/v1/{address}", data, format="json")

    return send


def test_the_table_names_every_route():
    ours = {each.name for each in urls.urlpatterns if each.callback.view_class.__module__ == "finance.api.changes"}
    assert {route for route, *_rest in ROUTES} == ours


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(ask, clients, stranger, book, route, method, takes, body):
    other = services.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="UTC")
    for person, client in clients.items():
        with transaction.atomic():
            answer = ask(client, route, method, body)
            refusal = REFUSALS.get(person) if person != "viewer" or takes == EDIT else None
            assert (answer.status_code == refusal) if refusal else answer.status_code < 300, (person, answer.content)
            transaction.set_rollback(True)
    reads_a_list = route in ("api-changes", "api-entry-templates")
    if not reads_a_list and route != "api-entries-merge-payees":
        assert ask(clients["stranger"], route, method, body, book_id=other.pk).status_code == 404


def test_entries_change_in_one_request_and_the_answer_says_how(api, url, entry, spend, accounts):
    other = spend(3)
    body = {"entries": [{"entry": str(entry.uid)}, {"entry": str(other.uid)}], "account": accounts.restaurants.pk}
    for replayed in (None, "true"):
        answer = api.post(url("entries/changes/"), body, format="json", headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (200, replayed)
    told = answer.json()
    assert (told["change"]["entry_count"], told["change"]["asked"]) == (2, {"account": accounts.restaurants.pk})
    assert (told["left"], told["same"]) == ([], 0)
    assert api.get(url("changes/")).json()["results"] == [told["change"]]
    pairs = api.get(url(f"changes/{told['change']['id']}/entries/")).json()["results"]
    assert [pair["before"] for pair in pairs] == [str(entry.uid), str(other.uid)]
    assert JournalEntry.objects.filter(corrects=entry).count() == 1
    undo = api.post(url(f"changes/{told['change']['id']}/undo/"), {}, format="json")
    assert (undo.status_code, undo.json()["undoes"]) == (201, told["change"]["id"])
    assert api.get(url(f"changes/{told['change']['id']}/")).json()["undone_by"] == undo.json()["id"]
    refused(api.post(url(f"changes/{told['change']['id']}/undo/"), {}, format="json"), 409, "conflict")


def test_deleting_and_amounts(api, url, entry):
    target = [{"entry": str(entry.uid), "part": 2}]
    answer = api.post(url("entries/changes/"), {"entries": target, "amount": "-9.99"}, format="json")
    assert answer.json()["change"]["asked"] == {"amount": -999}
    after = JournalEntry.objects.get(corrects=entry)
    answer = api.post(url("entries/changes/"), {"entries": [{"entry": str(after.uid)}], "delete": True}, format="json")
    assert answer.json()["change"]["action"] == "delete"
    again = api.post(url("entries/changes/"), {"entries": [{"entry": str(after.uid)}], "payee": "x"}, format="json")
    assert "changed or deleted since" in refused(again, 409, "conflict")["detail"]


def test_what_makes_no_sense_is_refused_by_field(api, url, entry, spend, made):
    def post(status, code, *paths, entries=None, **body):
        targets = entries or [{"entry": str(entry.uid)}]
        refused(api.post(url("entries/changes/"), {"entries": targets, **body}, format="json"), status, code, *paths)

    post(400, "invalid")
    post(400, "invalid", "delete", delete=True, payee="x")
    post(400, "amount_invalid", "amount", amount="1.234")
    post(400, "invalid", "amount", amount="1", entries=[{"entry": str(entry.uid)}, {"entry": str(spend(1).uid)}])
    post(404, "not_found", "entries.0.part", amount="1", entries=[{"entry": str(entry.uid), "part": 9}])
    post(404, "not_found", "account", account=999_999)
    post(404, "not_found", "entries", payee="x", entries=[{"entry": str(uuid.uuid4())}])
    current = JournalEntry.objects.get(payee="Lidl")
    api.post(url("entries/changes/"), {"entries": [{"entry": str(current.uid)}], "payee": "Netto"}, format="json")
    told = refused(api.post(url(f"changes/{made.pk}/undo/"), {}, format="json"), 409, "changed_since", "entries")
    assert told["fields"]["entries"] == [f"Lidl ({TODAY})"]


def test_templates_are_kept_by_name_replaced_and_removed(api, url, accounts, book, spend):
    body = {
        "name": "Rent",
        "payee": "Landlord",
        "lines": [{"account": accounts.rent.pk, "amount": "900"}, {"account": accounts.checking.pk, "amount": "-900"}],
    }
    first = api.post(url("entry-templates/"), body, format="json")
    assert first.status_code == 201
    assert first.json()["lines"][0] == {
        "account": accounts.rent.pk, "amount": "900.00", "currency": "EUR", "memo": "",
    }  # fmt: skip
    again = api.post(url("entry-templates/"), {**body, "name": "RENT", "payee": "New"}, format="json").json()
    assert (again["id"], again["name"], again["payee"]) == (first.json()["id"], "RENT", "New")
    assert [each["name"] for each in api.get(url("entry-templates/")).json()["results"]] == ["RENT"]
    unbalanced = {**body, "lines": [body["lines"][0], {**body["lines"][1], "amount": "-1"}]}
    refused(api.post(url("entry-templates/"), unbalanced, format="json"), 400, "entry_unbalanced", "lines")
    refused(api.post(url("entry-templates/"), {**body, "name": "\u3000 "}, format="json"), 400, "invalid", "name")
    assert api.delete(url(f"entry-templates/{again['id']}/")).status_code == 204
    assert api.delete(url(f"entry-templates/{again['id']}/")).status_code == 404
