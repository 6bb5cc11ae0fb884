"""The quick entry's page and what its device may keep. A browser test tries it without a connection."""

import re

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from finance.models import JournalEntry
from identity.models import User


@pytest.mark.parametrize(
    ("person", "status"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 200), ("owner", 200)]
)
def test_only_who_may_write_gets_it(page, person, status):
    assert page(person, "quick/").status_code == status


def test_its_address_without_a_book_leads_to_one_that_can_be_written_in(as_, book, viewer, stranger):
    assert as_("owner").get("/quick/")["Location"] == f"/b/{book.pk}/quick/"
    assert as_("viewer").get("/quick/")["Location"] == "/"
    assert as_("stranger").get("/quick/")["Location"] == "/"
    assert as_(None).get("/quick/")["Location"] == "/accounts/sign-in/?next=/quick/"


def test_categories_know_their_side_and_currency(page, accounts):
    html = page("editor", "quick/").content.decode()
    assert f'<option value="{accounts.groceries.pk}" data-side="spent" data-currency="EUR">' in html
    assert f'<option value="{accounts.salary.pk}" data-side="received" data-currency="EUR">' in html
    assert f'<option value="{accounts.checking.pk}" data-currency="EUR" data-places="2">' in html
    assert str(accounts.expenses.pk) not in re.findall(r'<option value="(\d+)"', html)  # a group


def test_one_that_is_sent_twice_is_posted_once_with_the_session_of_the_page(book, owner, accounts):
    """As the page does it: session, token of the page, a key per entry."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    token = re.search(r'data-csrf="([^"]+)"', client.get(f"/b/{book.pk}/quick/").content.decode())[1]
    body = {
        "date": "2026-03-14",
        "payee": "Kiosk",
        "lines": [
            {"account": accounts.groceries.pk, "amount": "12.50"},
            {"account": accounts.checking.pk, "amount": "-12.50"},
        ],
    }
    url = f"/api/v1/books/{book.pk}/entries/"
    headers = {"Idempotency-Key": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77", "X-CSRFToken": token}

    answers = [client.post(url, body, content_type="application/json", headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert JournalEntry.objects.filter(payee="Kiosk").count() == 1
    assert client.post(url, body, content_type="application/json").status_code == 403


def test_the_worker_is_served_for_the_whole_site_and_asked_for_each_time(client):
    answer = client.get("/quick-worker.js")
    assert answer["Content-Type"] == "text/javascript"
    assert answer["Cache-Control"] == "no-cache"
    assert "lifeos-quick" in answer.content.decode()


def test_what_a_phone_installs_speaks_its_language(client):
    answer = client.get("/manifest.webmanifest", headers={"accept-language": "de"})
    assert answer["Content-Type"] == "application/manifest+json"
    with translation.override("de"):
        assert answer.json()["shortcuts"] == [{"name": gettext("Quick entry"), "url": "/quick/"}]
    assert client.get("/manifest.webmanifest").json()["shortcuts"][0]["name"] == "Quick entry"


def test_signing_out_clears_the_device(client, db):
    """SHR-03: who uses the device next finds nothing of who used it before."""
    client.force_login(User.objects.create_user("olga@example.org", "correct horse battery"))
    answer = client.post("/accounts/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
