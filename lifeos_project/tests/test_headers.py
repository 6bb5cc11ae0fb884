"""Every answer says what the browser may do with it, for every kind of answer and everybody who asks."""

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from finance.ledger import services
from identity.models import User

pytestmark = pytest.mark.django_db

EVERYWHERE = {
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PAGES = EVERYWHERE | {"Content-Security-Policy": "default-src", "X-Frame-Options": "DENY"}
# What, address, method, expected status.
ANSWERS = [
    ("the overview", "/b/{book}/", "get", 200, PAGES),
    ("the register's list", "/b/{book}/accounts/", "get", 200, PAGES),
    ("the profile", "/accounts/profile/", "get", 200, PAGES),
    ("the change of a password", "/accounts/password/change/", "get", 200, PAGES),
    ("the admin", "/admin/", "get", 200, PAGES),
    ("a list of the admin", "/admin/identity/user/", "get", 200, PAGES),
    ("the API", "/api/v1/books/{book}/accounts/", "get", 200, EVERYWHERE),
    ("an error of the API", "/api/v1/books/999999/", "get", 404, EVERYWHERE),
    ("the browsable API", "/api/v1/books/?format=api", "get", 200, PAGES),
    ("the API's documentation", "/api/docs/", "get", 200, PAGES),
    ("a page that is not there", "/nowhere/", "get", 404, PAGES),
    ("a method that is not there", "/b/{book}/", "trace", 405, {"Cache-Control": "no-store", "Permissions-Policy": ""}),
    ("a redirect", "/", "get", 302, EVERYWHERE),
    ("the metrics", "/metrics", "get", 200, {"Cache-Control": "no-store"}),
]


@pytest.fixture
def operator():
    return User.objects.create_superuser(email="olga@example.org", password="correct horse battery")


@pytest.mark.parametrize(("what", "path", "method", "status", "headers"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_no_answer_to_somebody_signed_in_is_kept_or_framed(operator, what, path, method, status, headers):
    book = services.create_book(owner=operator, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    client = Client()
    client.force_login(operator)
    answer = client.generic(method.upper(), path.format(book=book.pk))
    assert answer.status_code == status
    for name, words in headers.items():
        assert words in answer.get(name, "(none)"), (what, name, answer.headers)


@pytest.mark.parametrize("path", ["/accounts/sign-in/", "/accounts/sign-up/", "/accounts/password/forgotten/"])
def test_pages_for_everybody_carry_the_same(path):
    answer = Client().get(path)
    assert answer.status_code in (200, 404)
    for name, words in PAGES.items():
        assert words in answer.get(name, "(none)"), name


def test_a_fault_carries_them_too(operator, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr("finance.web.books.render", broken)
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    answer = client.get("/books/new/")
    assert answer.status_code == 500
    assert answer["Cache-Control"] == "no-store"
    assert "camera=()" in answer["Permissions-Policy"]


def test_static_files_may_be_kept():
    assert finders.find("lifeos/app.css")
    answer = Client().get("/static/lifeos/app.css")
    assert b"".join(answer.streaming_content)
    answer.close()
    assert answer.status_code == 200
    assert "no-store" not in answer.get("Cache-Control", "")
