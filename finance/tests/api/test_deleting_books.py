"""DELETE and restore of a book, and the demo book, by the API."""

import pytest

from finance.models import Book
from finance.tests.api.conftest import refused
from finance.tests.ledger.filling import settle
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db


def test_a_book_is_deleted_and_restored(api, url, book):
    answer = api.delete(url())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["id"], body["name"]) == (book.pk, "Home")
    assert body["erase_on"] == body["erase_at"][:10] or body["erase_on"] > body["erase_at"][:10]

    refused(api.get(url()), 404, "not_found")
    refused(api.get(url("entries/")), 404, "not_found")
    refused(api.delete(url()), 404, "not_found")
    assert api.get("/api/v1/books/").json()["results"] == []
    assert api.get("/api/v1/books/deleted/").json()["results"] == [body]

    back = api.post(url("restore/"))

    assert (back.status_code, back.json()["role"]) == (200, "owner")
    assert api.get(url()).status_code == 200
    refused(api.post(url("restore/")), 409, "conflict")


@pytest.mark.parametrize(
    ("person", "status", "of_restore"),
    [("anonymous", 401, 401), ("stranger", 404, 404), ("viewer", 403, 404), ("editor", 403, 404)],
)
def test_only_owners_delete_and_restore(clients, url, book, person, status, of_restore):
    assert clients[person].delete(url()).status_code == status
    clients["owner"].delete(url())
    assert clients[person].post(url("restore/")).status_code == of_restore
    book.refresh_from_db()
    assert book.deleted_at is not None
    if person != "anonymous":
        assert clients[person].get("/api/v1/books/deleted/").json()["results"] == []


def test_a_repeated_deletion_gets_the_first_answer(api, url):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = api.delete(url(), **key)
    again = api.delete(url(), **key)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert api.delete(url()).status_code == 404
    assert api.post(url("restore/"), HTTP_IDEMPOTENCY_KEY="back").status_code == 200


def test_a_demo_book(api, owner, monkeypatch, clients):
    monkeypatch.setattr("finance.operations.DEMO_MONTHS", 1)
    started = api.post("/api/v1/books/demo/")
    assert (started.status_code, started.json()["state"], started.json()["book"]) == (202, "requested", None)
    address = f"/api/v1/books/demo/{started.json()['id']}/"
    refused(clients["stranger"].get(address), 404, "not_found")
    refused(clients["anonymous"].get(address), 401, "not_authenticated")
    refused(clients["anonymous"].post("/api/v1/books/demo/"), 401, "not_authenticated")

    drain()

    done = api.get(address).json()
    assert (done["state"], done["done"]) == ("done", done["total"])
    shown = api.get(f"/api/v1/books/{done['book']}/").json()
    assert shown["is_demo"] is True
    refused(api.post("/api/v1/books/demo/"), 409, "conflict")

    assert api.delete(f"/api/v1/books/{done['book']}/").status_code == 202
    assert api.get("/api/v1/books/deleted/").json()["results"] == []
    settle()
    drain()
    assert not Book.objects.filter(pk=done["book"]).exists()
