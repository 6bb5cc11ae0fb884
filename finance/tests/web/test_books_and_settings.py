"""Opening a book, the frame around its pages, its settings, and error pages."""

import datetime
import re

import pytest
from django.template import engines

from finance.ledger import services
from finance.models import Book


def test_a_fresh_user_is_led_to_opening_a_book(as_, stranger):
    client = as_("stranger")
    assert client.get("/")["Location"] == "/books/new/"
    assert "Open your first book" in client.get("/books/new/").content.decode()
    answer = client.post(
        "/books/new/",
        {"name": "Home", "base_currency": "CHF", "time_zone": "Europe/Zurich", "template": "freelancer"},
    )
    book = Book.objects.get(memberships__user=stranger)
    assert answer["Location"] == f"/b/{book.pk}/start/"
    assert (book.base_currency, book.time_zone) == ("CHF", "Europe/Zurich")
    assert book.accounts.filter(name="Receivables", currency="CHF").exists()
    assert client.get("/")["Location"] == f"/b/{book.pk}/"


def test_a_book_can_begin_with_an_empty_tree(as_, stranger):
    as_("stranger").post("/books/new/", {"name": "Club", "base_currency": "EUR", "time_zone": "UTC", "template": ""})
    assert Book.objects.get(name="Club").accounts.count() == 0


@pytest.mark.parametrize("field", ["name", "base_currency", "time_zone"])
def test_a_book_without_a_name_currency_or_zone_is_not_opened(as_, stranger, field):
    data = {
        "name": "Home",
        "base_currency": "EUR",
        "time_zone": "UTC",
        "template": "household",
        field: "?" if field != "name" else "",
    }
    answer = as_("stranger").post("/books/new/", data)
    assert answer.status_code == 200
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Book.objects.exists()


def test_nobody_opens_a_book(client, db):
    for path in ("/", "/books/new/"):
        assert client.get(path).status_code == 302
    assert client.post("/books/new/", {}).status_code == 302
    assert not Book.objects.exists()


def test_the_frame_lists_the_users_books_and_marks_the_current_page(page, book, owner):
    other = services.create_book(owner=owner, name="Club", base_currency="USD", time_zone="UTC")
    html = page("owner", "accounts/").content.decode()
    assert f'href="/b/{other.pk}/"' in html
    assert html.count('aria-current="page"') == 1
    assert f'<a href="/b/{book.pk}/accounts/" aria-current="page">' in html


def test_every_link_of_the_frame_leads_somewhere(as_, book):
    client = as_("owner")
    html = client.get(f"/b/{book.pk}/").content.decode()
    frame = html.split("<main")[0]
    links = {link for link in re.findall(r'href="(/[^"#]*)"', frame) if not link.startswith("/static/")}
    assert f"/b/{book.pk}/accounts/" in links
    answers = {link: client.get(link).status_code for link in links}
    assert set(answers.values()) <= {200, 302}, answers


def test_light_and_dark_are_remembered_without_scripts(client, db):
    answer = client.post("/theme/", {"theme": "dark", "next": "/accounts/sign-in/"})
    assert answer["Location"] == "/accounts/sign-in/"
    assert client.cookies["theme"].value == "dark"
    assert '<html lang="en" data-theme="dark">' in client.get("/accounts/sign-in/").content.decode()
    client.post("/theme/", {"theme": "auto"})
    assert 'data-theme="' not in client.get("/accounts/sign-in/").content.decode().split(">", 2)[1]
    assert client.get("/theme/").status_code == 405
    # Elsewhere, or what could be taken for the name of a view.
    for wanted in ("//evil.example", "https://evil.example/", "2147483647", "web:overview", ""):
        assert client.post("/theme/", {"theme": "dark", "next": wanted})["Location"] == "/"


def test_a_made_up_theme_cookie_is_ignored(client, db):
    client.cookies["theme"] = '"><script>'
    assert "data-theme=" not in client.get("/accounts/sign-in/").content.decode()


def test_closing_and_opening_the_books_is_refused_with_a_reason(send, book):
    nothing_closed = send("owner", "settings/reopen/", {"through": ""}).content.decode()
    assert 'class="notice notice-trouble"' in nothing_closed
    send("owner", "settings/close/", {"through": "2026-02-28"})
    book.refresh_from_db()
    assert book.closed_through == datetime.date(2026, 2, 28)
    html = send("owner", "settings/close/", {"through": "2026-01-31"}).content.decode()
    assert 'class="notice notice-trouble"' in html
    book.refresh_from_db()
    assert book.closed_through == datetime.date(2026, 2, 28)


def test_a_book_needs_a_name(send, book):
    html = send("owner", "settings/rename/", {"name": "  "}).content.decode()
    assert "This field is required" in html
    book.refresh_from_db()
    assert book.name == "Home"


@pytest.mark.django_db
@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_error_pages_render_without_request_or_database(template, django_assert_num_queries):
    with django_assert_num_queries(0):
        html = engines["django"].get_template(template).render({})
    assert "<h1>" in html
    assert "Go to your books" in html


def test_pages_carry_no_inline_script_style_or_handler(page, spend):
    spend(1_234)
    for path in ("", "accounts/", "entries/new/", "settings/", "proof/"):
        html = page("owner", path).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html), path
        assert not re.search(r"\s(style|on[a-z]+)=", html), path
        assert "<style" not in html, path
