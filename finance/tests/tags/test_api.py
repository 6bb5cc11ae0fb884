"""Tags over the API: every route for everybody, and what the answers hold."""

import uuid

import pytest
from django.db import transaction

from finance.api import urls
from finance.tags import services

READ, EDIT = "read", "edit"
ROUTES = [
    ("api-tags", "get", READ, None),
    ("api-tags", "post", EDIT, {"name": "New"}),
    ("api-tag", "get", READ, None),
    ("api-tag", "patch", EDIT, {"colour": "red"}),
    ("api-tag", "delete", EDIT, None),
    ("api-tag-merge", "post", EDIT, {"into": 0}),
    ("api-tag-figures", "get", READ, None),
    ("api-tags-entry", "put", EDIT, {"tags": ["Holiday", "New"]}),
    ("api-tags-entries", "post", EDIT, {"entries": [], "add": ["New"]}),
]
REFUSALS = {"anonymous": 401, "stranger": 404, "viewer": 403}


@pytest.fixture
def ids(book, spend):
    tag, other = (services.save_tag(book=book, name=name) for name in ("Holiday", "Vacation"))
    return {"tag_id": tag.pk, "uid": spend(1_00).uid, "book_id": book.pk, "other": other.pk}


def ask(client, route, method, body, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for kind, name in (("int", "tag_id"), ("uuid", "uid"), ("int", "book_id")):
        address = address.replace(f"<{kind}:{name}>", str(ids[name]))
    if body and "into" in body:
        body = {"into": ids["other"]}
    if body and "entries" in body:
        body = {**body, "entries": [str(ids["uid"])]}
    return getattr(client, method)(f"/api/v1/{address}", body, format="json")


def test_the_table_names_every_route():
    named = {each.name for each in urls.urlpatterns if each.name.startswith("api-tag")}
    assert {route for route, *_rest in ROUTES} == named


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes, body):
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, body, ids)
            assert (answer.status_code in (200, 201, 204)) if allowed else answer.status_code == REFUSALS[person], (
                person,
                answer.content,
            )
            transaction.set_rollback(True)
    pattern = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name, unknown in (("book_id", foreign[0].pk), ("tag_id", 10**9), ("uid", uuid.uuid4())):
        if name in pattern:
            assert ask(clients["owner"], route, method, body, {**ids, name: unknown}).status_code == 404, name


def test_a_tag_is_made_renamed_merged_and_removed(api, url):
    made = api.post(url("tags/"), {"name": "Holiday", "colour": "teal"}, format="json").json()
    assert (made["name"], made["colour"]) == ("Holiday", "teal")
    changed = api.patch(url(f"tags/{made['id']}/"), {"name": "Holidays"}, format="json").json()
    assert changed == {**made, "name": "Holidays"}
    taken = api.post(url("tags/"), {"name": "holidays"}, format="json")
    assert (taken.status_code, list(taken.json()["fields"])) == (400, ["name"])
    other = api.post(url("tags/"), {"name": "Away"}, format="json").json()
    assert api.post(url(f"tags/{other['id']}/merge/"), {"into": made["id"]}, format="json").json() == changed
    assert [tag["name"] for tag in api.get(url("tags/")).json()["results"]] == ["Holidays"]
    assert api.delete(url(f"tags/{made['id']}/")).status_code == 204


def test_entries_show_their_tags_and_are_found_by_them(api, url, spend, django_assert_max_num_queries):
    entries = [spend(amount) for amount in (1_00, 2_00, 3_00)]
    api.put(url(f"entries/{entries[0].uid}/tags/"), {"tags": ["b", "A"]}, format="json")
    body = {"entries": [str(entry.uid) for entry in entries[:2]], "add": ["Trip"], "remove": ["b"]}
    done = api.post(url("entries/tags/"), body, format="json").json()
    assert done["changed"] == 2
    assert api.get(url(f"changes/{done['change']}/")).json()["asked"] == {"add_tags": ["Trip"], "remove_tags": ["b"]}
    shown = {entry["uid"]: entry["tags"] for entry in api.get(url("entries/")).json()["results"]}
    assert [shown[str(entry.uid)] for entry in entries] == [["A", "Trip"], ["Trip"], []]
    tag = next(tag["id"] for tag in api.get(url("tags/")).json()["results"] if tag["name"] == "Trip")
    found = api.get(url(f"entries/?tag={tag}")).json()["results"]
    assert {entry["uid"] for entry in found} == {str(entry.uid) for entry in entries[:2]}
    assert api.get(url(f"tags/{tag}/figures/")).json() == {
        "entries": 2,
        "sums": [{"currency": "EUR", "spent": "3.00", "received": "0.00"}],
    }


def test_bulk_tagging_names_what_it_does_not_know(api, url, spend):
    entry = spend(1_00)
    body = {"entries": [str(entry.uid), str(uuid.uuid4())], "add": ["New"]}
    assert list(api.post(url("entries/tags/"), body, format="json").json()["fields"]) == ["entries.1"]
    body = {"entries": [str(entry.uid)], "remove": ["never made"]}
    assert list(api.post(url("entries/tags/"), body, format="json").json()["fields"]) == ["remove.0"]
    assert api.get(url("tags/")).json()["results"] == []
