import datetime
import re
from urllib.parse import unquote

import pytest

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.search import selectors
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


@pytest.fixture
def told(book, owner, accounts):
    """A shared bill, a transfer, an exchange and a car that was there from the beginning; each with its payee."""

    def open_account(name, kind, currency="EUR", **opening):
        return services.open_account(
            book=book, actor=owner, name=name, type="asset", kind=kind, currency=currency, parent=accounts.checking.parent, **opening
        )  # fmt: skip

    def post(payee, *sides):
        lines = [LineDraft(account_id=account.pk, amount=amount) for account, amount in sides]
        services.post_entry(book=book, actor=owner, date=TODAY, payee=payee, lines=lines)

    tom = open_account("Lent to Tom", "receivable")
    post("Dinner", (tom, 3_620), (accounts.restaurants, 3_620), (accounts.card, -7_240))
    post("Dinner transfer", (accounts.savings, 5_000), (accounts.checking, -5_000))
    services.exchange(
        book=book, actor=owner, date=TODAY, source_account=accounts.checking, source_amount=10_000,
        target_account=open_account("Dollars", "savings", "USD"), target_amount=11_500, payee="Dinner exchange",
    )  # fmt: skip
    open_account("Car", "property", opening_balance=900_000, opened_on=TODAY)
    return tom


def rows(html):
    """Payee, account and amount of each row, as it is read."""
    found = []
    for row in re.findall(r'<tr class="found"[^>]*>(.*?)</tr>', html, re.DOTALL):
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        found.append(tuple(re.sub(r"<[^>]*>", "", cell).strip() for cell in cells[1:]))
    return found


def test_a_result_shows_what_left_or_came_in(page, told):
    assert rows(page("viewer", "search/", q="dinner").content.decode()) == [
        ("Dinner exchange", "Checking account → Dollars", "−€100.00 +$115.00"),
        ("Dinner transfer", "Checking account → Savings account", "€50.00"),
        ("Dinner", "Credit card", "−€72.40"),
    ]
    assert rows(page("viewer", "search/", q="opening").content.decode()) == [
        ("Opening balance", "Opening balances → Car", "€9,000.00")
    ]


def test_the_box_in_the_frame_shows_the_same_amounts(as_, book, told):
    answer = as_("viewer").get(
        f"/b/{book.pk}/search/", {"q": "dinner"}, headers={"HX-Request": "true", "HX-Target": "search-results"}
    )
    figures = re.findall(r'<span class="figure">(.*?)</span></a>', answer.content.decode(), re.DOTALL)
    read = [re.sub(r"<[^>]*>", "", figure).strip() for figure in figures]
    assert read == ["−€100.00 +$115.00", "€50.00", "−€72.40"]


def test_a_payee_is_completed_with_the_whole_bill_and_the_account_that_paid_it(page, told, accounts):
    (dinner,) = [one for one in page("viewer", "payees/", q="dinner").json()["payees"] if one["payee"] == "Dinner"]
    assert (dinner["amount"], dinner["shown"]) == ("72.40", "€72.40")
    assert (dinner["account"], dinner["category"]) == (accounts.card.pk, accounts.restaurants.pk)


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
    (after,) = re.findall(r'href="\?q=aldi&amp;after=([^"]+)"', html)
    later = page("viewer", "search/", q="aldi", after=unquote(after)).content.decode()
    assert names(later) == ["Aldi 3", "Aldi 2"]
    assert "5 entries" in html
    assert "€5.00</span> out" in later


def test_a_search_of_much_says_how_far_back_it_looked(page, spend, monkeypatch):
    monkeypatch.setattr(selectors, "MOST_FOUND", 1)
    monkeypatch.setattr(selectors, "WINDOW", 3)
    spend(100, payee="Old shop", on=datetime.date(2026, 1, 1))
    for day in range(1, 4):
        spend(100, payee="New shop", on=datetime.date(2026, 3, day))
    html = page("viewer", "search/", q="shop -new").content.decode()
    assert names(html) == []
    assert "Searched back to Mar 1, 2026" in html


@pytest.mark.parametrize(
    ("query", "wrong", "said"),
    [("food amount_more:10.00", "amount_more:", "not an operator"), ("date:2026-13", "2026-13", "not a date")],
)
def test_src_03_what_is_no_operator_is_refused_at_its_place(page, as_, book, query, wrong, said):
    answer = page("viewer", "search/", q=query)
    assert answer.status_code == 400
    html = answer.content.decode()
    assert f"<mark>{wrong}</mark>" in html
    assert said in html
    quick = as_("viewer").get(
        f"/b/{book.pk}/search/", {"q": query}, headers={"HX-Request": "true", "HX-Target": "search-results"}
    )
    assert (quick.status_code, f"<mark>{wrong}</mark>" in quick.content.decode()) == (200, True)


def test_operators_are_offered_while_they_are_typed(page, as_, book):
    quick = {"HX-Request": "true", "HX-Target": "search-results"}
    html = as_("viewer").get(f"/b/{book.pk}/search/", {"q": "food -am"}, headers=quick).content.decode()
    assert re.findall(r'data-operator="([^"]+)"', html) == ["amount:"]
    assert page("viewer", "search/").content.decode().count("<dt") == 8


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
