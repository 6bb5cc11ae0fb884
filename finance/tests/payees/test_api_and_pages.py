"""Payees over API and pages: who may, and what they show."""

import re

import pytest
from django.db import transaction

from finance.api import urls
from finance.models import JournalEntry, Payee
from finance.payees import services

READ, EDIT = "read", "edit"
ROUTES = [
    ("api-payees", "get", READ, None),
    ("api-payees", "post", EDIT, {"name": "New", "aliases": ["N"]}),
    ("api-payee", "get", READ, None),
    ("api-payee", "patch", EDIT, {"aliases": []}),
    ("api-payee", "delete", EDIT, None),
    ("api-payee-rename", "post", EDIT, {"name": "New", "past": "alias"}),
    ("api-payee-merge", "post", EDIT, {"into": 0, "past": "correct"}),
    ("api-payee-history", "get", READ, None),
]


@pytest.fixture
def ids(book, rewe):
    return {"book_id": book.pk, "payee_id": rewe.pk, "other": services.save_payee(book=book, name="Other").pk}


def ask(client, route, method, body, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name in ("book_id", "payee_id"):
        address = address.replace(f"<int:{name}>", str(ids[name]))
    if body and "into" in body:
        body = {**body, "into": ids["other"]}
    return getattr(client, method)(f"/api/v1/{address}", body, format="json")


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.name.startswith("api-payee")
    }


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes, body):
    refusals = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, body, ids)
            assert (answer.status_code in (200, 201, 204)) if allowed else answer.status_code == refusals[person], (
                person,
                answer.content,
            )
            transaction.set_rollback(True)
    assert ask(clients["owner"], route, method, body, {**ids, "book_id": foreign[0].pk}).status_code == 404
    if "payee_id" in str(next(each for each in urls.urlpatterns if each.name == route).pattern):
        assert ask(clients["owner"], route, method, body, {**ids, "payee_id": 10**9}).status_code == 404


def test_a_payee_by_api(api, url, accounts, spend):
    body = {"name": "Rewe", "default_category": "Expenses:Food:Groceries", "aliases": ["REWE SAGT DANKE"]}
    made = api.post(url("payees/"), body, format="json").json()
    assert made == {**body, "id": made["id"], "default_category": accounts.groceries.pk}
    changed = api.patch(url(f"payees/{made['id']}/"), {"aliases": ["b", "a"]}, format="json").json()
    assert changed == {**made, "aliases": ["a", "b"]}
    spend(2_50, payee="a")
    renamed = api.post(url(f"payees/{made['id']}/rename/"), {"name": "Shop", "past": "correct"}, format="json").json()
    assert (renamed["corrected"], renamed["payee"]["name"]) == (1, "Shop")
    assert api.get(url(f"payees/{made['id']}/history/")).json()["results"] == [
        {"year": 2026, "currency": "EUR", "entries": 1, "spent": "2.50", "received": "0.00"}
    ]
    assert api.post(url("payees/"), {"name": "B"}, format="json").json()["fields"].keys() == {"name"}


@pytest.mark.parametrize("person", [None, "stranger", "viewer", "editor", "owner"])
def test_who_opens_and_changes_what(as_, book, rewe, person):
    client, base = as_(person), f"/b/{book.pk}/payees/"
    reads = {None: 302, "stranger": 404}.get(person, 200)
    writes = {None: 302, "stranger": 404, "viewer": 403}.get(person, 302)
    for path in ("named/", f"{rewe.pk}/"):
        assert client.get(base + path).status_code == reads
    assert client.post(f"{base}named/", {"name": "New"}).status_code == writes
    rename = {"do": "rename", "name": "Shop", "past": "alias"}
    assert client.post(f"{base}{rewe.pk}/", rename).status_code == writes
    may = person in ("editor", "owner")
    assert set(Payee.objects.values_list("name", flat=True)) == ({"Shop", "New"} if may else {"Rewe"})


def test_the_page_shows_history_and_asks_about_the_past(page, send, as_, rewe, spend):
    spend(12_34, payee="rewe markt gmbh")
    html = page("viewer", f"payees/{rewe.pk}/").content.decode()
    assert "€12.34" in html
    assert "rewe markt gmbh" in html
    assert 'name="do"' not in html
    unasked = send("editor", f"payees/{rewe.pk}/", {"do": "rename", "name": "Shop"})
    assert unasked.status_code == 400  # what happens to the past is not guessed
    assert Payee.objects.get().name == "Rewe"
    editor, rename = as_("editor"), {"do": "rename", "name": "Shop", "past": "correct"}
    done = editor.post(f"/b/{rewe.book_id}/payees/{rewe.pk}/", rename, follow=True).content.decode()
    assert JournalEntry.objects.order_by("-pk").first().payee == "Shop"
    editor.post(re.search(r'"(/b/\d+/changes/\d+/undo/)"', done)[1])
    assert JournalEntry.objects.order_by("-pk").first().payee == "rewe markt gmbh"
    assert Payee.objects.get().name == "Rewe"
    assert "Renamed: Rewe → Shop. 1 entry corrected." in page("editor", "changes/").content.decode()


def test_saving_merging_and_removing_on_the_page(send, book, rewe, accounts):
    form = {"do": "save", "default_account": accounts.restaurants.pk, "aliases": "one\n\ntwo"}
    assert send("editor", f"payees/{rewe.pk}/", form).status_code == 302
    rewe.refresh_from_db()
    assert (rewe.default_account, rewe.aliases.count()) == (accounts.restaurants, 2)
    services.save_payee(book=book, name="Other")
    taken = send("editor", f"payees/{rewe.pk}/", {**form, "aliases": "other"})
    assert (taken.status_code, "is a payee already" in taken.content.decode()) == (400, True)
    send("editor", f"payees/{rewe.pk}/", {"do": "remove"})
    assert Payee.objects.get().name == "Other"


@pytest.mark.parametrize("person", [None, "stranger", "viewer", "editor", "owner"])
def test_one_page_merges_payees_of_a_payee_and_of_selected_rows(as_, book, rewe, accounts, spend, person):
    client, path = as_(person), f"/b/{book.pk}/payees/merge/"
    services.save_payee(book=book, name="Other")
    lines = [spend(n, payee=name).lines.get(account=accounts.checking).pk for n, name in ((1, "Rewe"), (2, "Kiosk"))]
    refusal = {None: 302, "stranger": 404, "viewer": 403}.get(person)
    asked = client.get(path, {"name": "Rewe", "into": "Other"})
    bar = {"action": "merge", "merge_value": "Other", "view": "", "pick": lines, "next": f"/b/{book.pk}/register/"}
    selected = client.post(path, bar, headers={"HX-Request": "true"})
    done = client.post(path, {"name": ["Rewe", "Kiosk"], "into": "Other", "past": "correct", "next": bar["next"]})
    assert [each.status_code for each in (asked, selected, done)] == ([refusal] * 3 if refusal else [200, 200, 302])
    if refusal:
        assert Payee.objects.count() == 2
        return
    assert (selected["HX-Retarget"], selected["HX-Reselect"]) == ("#main", "#main")
    for html in (asked.content.decode(), selected.content.decode()):
        assert 'name="name" value="Rewe"' in html
        assert 'value="Other"' in html
    assert "2 entries have one of these names" in selected.content.decode()
    assert done["Location"] == bar["next"]
    assert set(JournalEntry.objects.filter(book=book, reversed_by=None, reverses=None).values_list("payee")) == {
        ("Other",)
    }
    html = client.get(f"/b/{book.pk}/changes/").content.decode()
    assert "Merged: Rewe, Kiosk → Other. 2 entries corrected." in html
    client.post(re.search(r'"(/b/\d+/changes/\d+/undo/)"', html)[1])
    assert set(Payee.objects.values_list("name", flat=True)) == {"Rewe", "Other"}


def test_a_merge_says_what_is_missing_and_says_what_it_did_without_entries(as_, book, rewe):
    client, path = as_("editor"), f"/b/{book.pk}/payees/merge/"
    for data in ({"name": "Rewe", "into": "Other"}, {"name": "Rewe", "into": " ", "past": "alias"}):
        assert client.post(path, data).status_code == 400
    same = client.post(path, {"name": "Rewe", "into": "Rewe", "past": "alias"})
    assert "Choose another payee" in same.content.decode()
    assert client.get(f"{path}?name=Rewe&name=%00&into=%00").status_code == 200
    assert client.post(path, {"name": "Rewe", "into": "a\x00b", "past": "alias"}).status_code == 400
    assert client.get(path)["Location"] == f"/b/{book.pk}/payees/named/"
    none = client.post(path, {"action": "merge", "view": "", "next": f"/b/{book.pk}/accounts/"}, follow=True)
    assert "Choose entries of at most 100 payees." in none.content.decode()
    done = client.post(path, {"name": "Rewe", "into": "Shop", "past": "alias"}, follow=True).content.decode()
    assert "Merged: Rewe → Shop." in done
    undone = client.post(re.search(r'"(/b/\d+/changes/\d+/undo/)"', done)[1], follow=True).content.decode()
    assert "Undone, the payees are as they were." in undone
    assert Payee.objects.get().name == "Rewe"


def test_merging_by_the_api_names_the_change_that_undoes_it(api, url, book, rewe, spend):
    other = services.save_payee(book=book, name="Other")
    spend(1_00, payee="Rewe")
    done = api.post(url(f"payees/{rewe.pk}/merge/"), {"into": other.pk, "past": "alias"}).json()
    assert (done["payee"]["name"], done["corrected"]) == ("Other", 0)
    assert api.post(url(f"changes/{done['change']}/undo/")).status_code == 201
    body = {"names": ["rewe"], "into": "Other", "past": "alias"}
    change = api.post(url("entries/merge-payees/"), body).json()["change"]
    assert (change["action"], change["entry_count"], change["asked"]["merged"]) == ("merge_payees", 0, ["Rewe"])


def test_the_entry_form_knows_payees_by_every_name(page, rewe, accounts, spend):
    spend(5_00, payee="REWE Markt GmbH", category=accounts.restaurants)
    spend(6_00, payee="Reformhaus")
    told = page("viewer", "payees/", q="re").json()["payees"]
    assert [each["payee"] for each in told] == ["Rewe", "Reformhaus"]
    assert (told[0]["category"], told[0]["amount"]) == (accounts.groceries.pk, "5.00")
    assert [each["payee"] for each in page("viewer", "payees/", q="rewe sagt").json()["payees"]] == ["Rewe"]
