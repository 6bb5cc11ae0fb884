import datetime
import re

import pytest

from finance.ledger import services
from finance.tests.conftest import TODAY
from finance.web import search


def names(html):
    return re.findall(r'/entries/[0-9a-f-]+/">([^<]*)</a>', html)


def test_entries_are_found_by_payee_newest_first_and_without_what_was_taken_back(page, spend, owner):
    spend(100, payee="Aldi Nord", on=datetime.date(2026, 1, 1))
    spend(200, payee="ALDI SÜD", on=datetime.date(2026, 2, 1))
    spend(300, payee="Bakery")
    services.reverse_entry(entry=spend(400, payee="Aldi wrong"), actor=owner, on=TODAY)
    html = page("viewer", "search/", q="aldi").content.decode()
    assert names(html) == ["ALDI SÜD", "Aldi Nord"]
    assert "−€2.00" in html


@pytest.mark.parametrize("words", ["%", "_", "\\", "zzz", "\x00"])
def test_words_are_words_and_no_patterns(page, spend, words):
    spend(100, payee="Aldi")
    assert names(page("viewer", "search/", q=words).content.decode()) == []


def test_accounts_are_found_by_their_path(page):
    html = page("viewer", "search/", q="food gro").content.decode()
    assert "Groceries" in html
    assert "Restaurants" not in html


def test_results_go_on_by_keyset(page, as_, book, spend, monkeypatch):
    monkeypatch.setattr(search, "PAGE", 2)
    for day in range(1, 6):
        spend(100, payee=f"Aldi {day}", on=datetime.date(2026, 3, day))
    html = page("viewer", "search/", q="aldi").content.decode()
    assert names(html) == ["Aldi 5", "Aldi 4"]
    found = search.find_entries(book=book, words="aldi", after=None, limit=2)
    after = page("viewer", "search/", q="aldi", after=found.next_cursor).content.decode()
    assert names(after) == ["Aldi 3", "Aldi 2"]


def test_a_search_reads_a_window_and_says_how_far_back_it_looked(page, book, spend, monkeypatch):
    monkeypatch.setattr(search, "WINDOW", 3)
    spend(100, payee="Old", on=datetime.date(2026, 1, 1))
    for day in range(1, 4):
        spend(100, payee="New", on=datetime.date(2026, 3, day))
    found = search.find_entries(book=book, words="old", after=None, limit=5)
    assert (found.entries, found.searched_to) == ([], datetime.date(2026, 3, 1))
    further = search.find_entries(book=book, words="old", after=found.next_cursor, limit=5)
    assert [hit.payee for hit in further.entries] == ["Old"]
    assert "Searched back to Mar 1, 2026" in page("viewer", "search/", q="old").content.decode()


def test_the_box_in_the_frame_gets_a_few_results_without_the_frame(as_, book, spend):
    spend(100, payee="Aldi")
    answer = as_("viewer").get(
        f"/b/{book.pk}/search/", {"q": "aldi"}, headers={"HX-Request": "true", "HX-Target": "search-results"}
    )
    html = answer.content.decode()
    assert "Aldi" in html
    assert "<html" not in html


def test_a_search_never_leaves_its_book(as_, book, spend, stranger):
    spend(100, payee="Aldi")
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    assert names(as_("stranger").get(f"/b/{other.pk}/search/", {"q": "aldi"}).content.decode()) == []


def test_a_bad_place_in_the_results_is_not_found(page):
    assert page("viewer", "search/", q="a", after="nonsense").status_code == 404
