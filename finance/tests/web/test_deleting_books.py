"""Books: the list, deleting and restoring one, and the demo book."""

import pytest

from finance.ledger import services
from finance.models import Book, BookDeletion
from finance.tests.ledger.filling import grace_ends, settle
from platform_outbox.operations.models import OperationRun
from platform_outbox.testing import drain


def test_the_name_has_to_be_typed(send, book):
    answer = send("owner", "settings/delete/", {"name": "Hom"})
    html = answer.content.decode()
    assert "This is not the name of this book. Nothing was deleted." in html
    assert '<details class="fold" open>' in html
    book.refresh_from_db()
    assert book.deleted_at is None


def test_a_deleted_book_is_listed_for_its_owners_and_comes_back(as_, send, page, book, owner, viewer):
    answer = send("owner", "settings/delete/", {"name": " Home "}, follow=True)
    html = answer.content.decode()
    book.refresh_from_db()
    assert answer.redirect_chain == [("/books/", 302)]
    assert "Will be erased on" in html
    assert "“Home” was deleted. It will be erased on" in html

    assert page("owner").status_code == page("viewer").status_code == 404
    assert as_("owner").get("/")["Location"] == "/books/"
    assert as_("owner").get("/quick/")["Location"] == "/"
    assert "Home" not in as_("viewer").get("/books/").content.decode()
    assert f"/b/{book.pk}/" not in as_("owner").get("/profile/", follow=True).content.decode()
    assert as_("viewer").post(f"/books/{book.pk}/restore/").status_code == 404
    assert as_(None).post(f"/books/{book.pk}/restore/").status_code == 302

    back = as_("owner").post(f"/books/{book.pk}/restore/", follow=True)

    assert back.redirect_chain == [(f"/b/{book.pk}/", 302)]
    assert "“Home” is back, as it was." in back.content.decode()
    assert page("viewer").status_code == 200


@pytest.mark.parametrize(("person", "status"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 403)])
def test_only_owners_delete(send, book, person, status):
    assert send(person, "settings/delete/", {"name": "Home"}).status_code == status
    assert not BookDeletion.objects.exists()


@pytest.mark.parametrize("person", ["viewer", "editor"])
def test_others_are_not_offered_it(page, person):
    assert "settings/delete/" not in page(person, "settings/").content.decode()


def test_a_book_that_is_being_erased_is_not_offered(as_, book, owner):
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    grace_ends(book)
    assert "Home" not in as_("owner").get("/books/").content.decode()
    answer = as_("owner").post(f"/books/{book.pk}/restore/", follow=True)
    assert "cannot be restored any more" in answer.content.decode()


def test_the_list_is_paged_and_asks_the_same_for_many_books(
    as_, owner, book, django_assert_max_num_queries, monkeypatch
):
    for number in range(4):
        services.create_book(owner=owner, name=f"Book {number}", base_currency="EUR", time_zone="UTC", template=None)
    monkeypatch.setattr("finance.web.books.BOOKS_PER_PAGE", 3)
    client = as_("owner")
    with django_assert_max_num_queries(8):
        html = client.get("/books/").content.decode()
    assert ("Book 1" in html.split("<main")[1], "Book 2" in html.split("<main")[1]) == (True, False)
    last = Book.objects.order_by("pk")[2].pk
    assert f'href="?after={last}"' in html
    assert "Book 3" in as_("owner").get(f"/books/?after={last}").content.decode().split("<main")[1]


def test_a_demo_book_is_loaded_and_removed_with_one_button_each(as_, stranger, monkeypatch, settings, tmp_path):
    monkeypatch.setattr("finance.operations.DEMO_MONTHS", 1)
    client = as_("stranger")
    assert "/books/demo/load/" in client.get("/books/new/").content.decode()
    started = client.post("/books/demo/load/")
    run = OperationRun.objects.get()
    assert started["Location"] == f"/books/demo/{run.pk}/"
    assert "The demo book is being made" in client.get(started["Location"]).content.decode()
    assert client.post("/books/demo/load/")["Location"] == started["Location"]  # asked twice

    drain()

    book = Book.objects.get(memberships__user=stranger)
    assert book.is_demo
    assert client.get(started["Location"])["Location"] == f"/b/{book.pk}/"
    progress = client.get(f"/books/demo/{run.pk}/progress/", headers={"HX-Request": "true"})
    assert (progress.status_code, progress["HX-Redirect"]) == (200, started["Location"])
    html = client.get("/books/").content.decode()
    assert "/books/demo/load/" not in html
    assert f'action="/b/{book.pk}/settings/delete/"' in html

    answer = client.post(f"/b/{book.pk}/settings/delete/", follow=True)
    settle()
    drain()

    assert "The demo book was removed." in answer.content.decode()
    assert not Book.objects.exists()
    assert BookDeletion.objects.get().erased_at is not None


@pytest.mark.parametrize("person", [None, "viewer"])
def test_a_demo_run_is_its_users(as_, person, owner, request):
    run = OperationRun.objects.create(
        operation="books.demo", scope=f"user:{owner.pk}", parameters={"owner": owner.pk}, dry_run=False,
        requested_at="2026-03-15T00:00Z",
    )  # fmt: skip
    client = as_(person)
    expected = 302 if person is None else 404
    assert client.get(f"/books/demo/{run.pk}/").status_code == expected
    assert client.get(f"/books/demo/{run.pk}/progress/").status_code == expected
    assert client.post(f"/books/demo/{run.pk}/cancel/").status_code == expected
    assert OperationRun.objects.get().state == "requested"


def test_a_demo_that_is_stopped_leaves_nothing(as_, owner):
    client = as_("owner")
    client.post("/books/demo/load/")
    run = OperationRun.objects.get()
    assert client.post(f"/books/demo/{run.pk}/cancel/")["Location"] == "/books/"
    assert "Stopped. No book was made." in client.get(f"/books/demo/{run.pk}/").content.decode()
