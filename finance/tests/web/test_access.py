"""Each page and each form, for everybody: nobody, a stranger, and members of every role."""

import pytest
from django.conf import settings
from django.shortcuts import resolve_url

from finance.ledger.services import create_book
from finance.models import JournalEntry

READING = [
    "",
    "proof/",
    "search/?q=market",
    "accounts/",
    "accounts/{account}/",
    "entries/{entry}/",
    "entries/{entry}/fold/",
    "payees/?q=m",
    "settings/",
]
WRITING_PAGES = [
    "start/",
    "start/next/",
    "accounts/new/",
    "accounts/{account}/edit/",
    "entries/new/",
    "entries/{entry}/edit/",
    "entries/{entry}/reverse/",
]
FORMS = {
    "accounts/new/": {"name": "Wallet", "purpose": "cash", "currency": "EUR"},
    "accounts/{account}/rename/": {"name": "Main"},
    "accounts/{account}/move/": {"parent": ""},
    "accounts/{account}/opening/": {"amount": "5", "opened_on": "2026-01-01"},
    "accounts/{savings}/close/": {"on": "2026-03-15"},
    "entries/new/": {
        "mode": "spent",
        "amount": "5",
        "account": "{account}",
        "category": "{groceries}",
        "date": "2026-03-15",
    },
    "entries/{entry}/edit/": {
        "mode": "spent",
        "amount": "5",
        "account": "{account}",
        "category": "{groceries}",
        "date": "2026-03-15",
    },
    "entries/{entry}/reverse/": {},
}
OWNERS_FORMS = {
    "settings/rename/": {"name": "Our home"},
    "settings/time-zone/": {"time_zone": "Europe/Paris"},
    "settings/close/": {"through": "2026-02-28"},
    "settings/reopen/": {"through": ""},
}


@pytest.fixture
def names(spend, accounts):
    return {
        "entry": spend(12_34).uid,
        "account": accounts.checking.pk,
        "savings": accounts.savings.pk,
        "groceries": accounts.groceries.pk,
    }


@pytest.fixture
def ask(as_, book, names):
    """ask(person) → ask(path, data=None) → the status; one sign-in for many pages."""

    def sign_in(person):
        client = as_(person)

        def request(path, data=None):
            url = f"/b/{book.pk}/{path.format(**names)}"
            if data is None:
                return client.get(url)
            return client.post(url, {key: value.format(**names) for key, value in data.items()})

        return request

    return sign_in


@pytest.fixture
def state(book):
    """Everything that a form could change, to compare."""

    def look():
        book.refresh_from_db()
        accounts = list(book.accounts.order_by("pk").values_list("name", "parent_id", "closed_on"))
        return book.name, book.time_zone, book.closed_through, accounts, JournalEntry.objects.filter(book=book).count()

    return look


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_pages_open_for_members_only(ask, person, expected):
    get = ask(person)
    answers = {path: get(path) for path in READING}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(READING, expected)
    if expected == 302:
        assert all(answer["Location"].startswith(resolve_url(settings.LOGIN_URL)) for answer in answers.values())


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 200), ("owner", 200)]
)
def test_pages_for_writing_open_for_editors(ask, person, expected):
    get = ask(person)
    assert {path: get(path).status_code for path in WRITING_PAGES} == dict.fromkeys(WRITING_PAGES, expected)


@pytest.mark.parametrize(("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 403)])
def test_forms_of_those_who_may_not_write_change_nothing(ask, state, person, expected):
    post, before = ask(person), state()
    forms = FORMS | OWNERS_FORMS
    assert {path: post(path, data).status_code for path, data in forms.items()} == dict.fromkeys(forms, expected)
    assert state() == before


@pytest.mark.parametrize("person", ["editor", "owner"])
def test_forms_of_editors_are_carried_out(ask, state, person):
    post = ask(person)
    for path, data in FORMS.items():
        before = state()
        assert post(path, data).status_code == 302, path
        assert path == "entries/{entry}/reverse/" or state() != before, path


def test_editors_do_not_change_the_book_itself(ask, state):
    post, before = ask("editor"), state()
    assert {post(path, data).status_code for path, data in OWNERS_FORMS.items()} == {403}
    assert state() == before


def test_owners_rename_close_and_reopen_the_book(ask, state):
    post = ask("owner")
    for path, data in OWNERS_FORMS.items():
        before = state()
        assert post(path, data).status_code == 302, path
        assert state() != before, path


def test_a_get_never_writes(ask, state):
    get, before = ask("owner"), state()
    for path in FORMS | OWNERS_FORMS:
        assert get(path).status_code in (200, 405), path
    assert state() == before


def test_accounts_and_entries_of_another_book_are_not_found(as_, names, stranger):
    other = create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    client = as_("stranger")
    for path in [*READING, *WRITING_PAGES]:
        if "{" in path:
            assert client.get(f"/b/{other.pk}/{path.format(**names)}").status_code == 404, path


def test_viewers_are_offered_no_way_to_write(page, names):
    html = page("viewer", f"accounts/{names['account']}/").content.decode()
    assert "/entries/new/" not in html
    assert "/edit/" not in html
