"""Registers, searches and selected rows as files: everybody who reads the book, every row, the sums of the page."""

import csv
import datetime
import io
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from finance import sheets
from finance.ledger import registers, services
from finance.models import JournalLine
from finance.tags.services import tag_entries, tags_named
from finance.tests.conftest import TODAY

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def spent(spend, accounts, book, owner):
    """A few purchases, one of them named like a formula and tagged."""
    for number in range(5):
        spend(1_000 + number, payee=f"Aldi {number}", on=TODAY - datetime.timedelta(days=number))
    odd = spend(99, payee='=HYPERLINK("http://x","y")', on=TODAY, category=accounts.restaurants)
    tag_entries(book=book, actor=owner, entry_ids=[odd.pk], add=tags_named(book=book, names=["Odd"]))
    return odd


@pytest.fixture
def path(accounts):
    return f"accounts/{accounts.checking.pk}/register"


def content_of(answer):
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content)


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(content_of(answer).decode("utf-8-sig"))))


def lines_of(account):
    return JournalLine.objects.filter(account=account).order_by("-date", "-pk")


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_whoever_reads_the_book_has_its_lists_as_files(page, send, path, spent, accounts, person, expected):
    pick = lines_of(accounts.checking).first().pk
    answers = [page(person, where) for where in (f"{path}/csv/", "register/xlsx/", "search/csv/?q=aldi")]
    answers.append(send(person, "selection/csv/", {"view": accounts.checking.pk, "pick": pick}))
    assert [answer.status_code for answer in answers] == [expected] * 4
    for answer in answers:
        if expected == 200:
            content_of(answer)


def test_the_file_has_the_rows_and_the_sums_of_the_page(page, path, spent, accounts, monkeypatch):
    monkeypatch.setattr(registers, "ROWS_AT_ONCE", 2)
    answer = page("viewer", f"{path}/csv/")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="checking-account.csv"'
    rows = rows_of(answer)
    assert [row["Payee"].lstrip("'") for row in rows] == [spent.payee, *(f"Aldi {number}" for number in range(5))]
    shown = page("viewer", f"accounts/{accounts.checking.pk}/").content.decode()
    assert int(re.search(r'data-net="(-?\d+)"', shown)[1]) == sum(int(row["Amount"].replace(".", "")) for row in rows)
    assert rows[0]["Balance"] == "-51.09"
    assert rows[0]["Payee"].startswith("'=")
    assert (rows[0]["Tags"], rows[0]["Entry"]) == ("Odd", str(spent.uid))
    assert rows[0]["Category or other account"] == "Expenses › Food › Restaurants"


def test_categories_count_as_their_page_does_and_filters_hold(page, spent, accounts):
    food = accounts.groceries.parent_id
    rows = rows_of(page("viewer", f"accounts/{food}/register/csv/", payee="Aldi 2"))
    assert [(row["Amount"], row["Account"]) for row in rows] == [("10.02", "Expenses › Food › Groceries")]
    assert "Balance" not in rows[0]
    assert len(rows_of(page("viewer", "register/csv/", scope="spending"))) == 6


def test_history_says_what_became_of_a_row(page, path, spend, owner):
    services.reverse_entry(entry=spend(500, payee="Oops"), actor=owner, on=TODAY)
    assert rows_of(page("viewer", f"{path}/csv/")) == []
    assert [row["State"] for row in rows_of(page("viewer", f"{path}/csv/", all="on"))] == ["reversal", "deleted"]


def test_a_sheet_has_numbers_days_and_the_total(page, path, spent):
    answer = page("viewer", f"{path}/xlsx/", start="2026-03-01")
    assert answer["Content-Type"] == XLSX
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content_of(answer))).get_sheet_by_index(0).to_python()
    heads = sheet[3]
    assert (sheet[0][0], sheet[1][0]) == ("Checking account", "Home · from Mar 1, 2026")
    assert (sheet[4][0], sheet[4][1]) == (TODAY, spent.payee)
    amounts = heads.index("Amount")
    assert [row[amounts] for row in sheet[4:10]] == [-0.99, -10.0, -10.01, -10.02, -10.03, -10.04]
    assert (sheet[10][0], sheet[10][amounts], sheet[10][amounts + 1]) == ("Total", -51.09, "EUR")


def test_too_many_rows_for_a_sheet_lead_back_with_the_reason(as_, book, path, spent, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_SHEET_ROWS", 5)
    answer = as_("viewer").get(f"/b/{book.pk}/{path}/xlsx/", follow=True)
    assert "A sheet holds at most 5 rows. Choose CSV, or fewer rows." in answer.content.decode()
    monkeypatch.setattr(sheets, "MOST_SHEET_ROWS", 6)
    content_of(as_("viewer").get(f"/b/{book.pk}/{path}/xlsx/"))


def test_a_filter_that_cannot_be_read_makes_no_file(as_, book, path, spent):
    answer = as_("viewer").get(f"/b/{book.pk}/{path}/csv/", {"amount": "lots"}, follow=True)
    assert "One of the filters cannot be read" in answer.content.decode()


def test_chosen_rows_alone_or_all_of_the_list(send, spent, accounts):
    first, _second, third, *_rest = lines_of(accounts.checking)
    asked = {"view": accounts.checking.pk, "query": "q=Aldi"}
    rows = rows_of(send("editor", "selection/csv/", {**asked, "pick": [first.pk, third.pk]}))
    assert [(row["Payee"].lstrip("'"), row["Balance"]) for row in rows] == [
        (spent.payee, "-51.09"),
        ("Aldi 1", "-40.10"),
    ]
    assert len(rows_of(send("editor", "selection/csv/", {**asked, "all": "1"}))) == 5
    assert send("editor", "selection/csv/", {**asked}).status_code == 302
    assert send("editor", "selection/csv/", {**asked, "pick": 10**9}).status_code == 404
    assert send("editor", "selection/zip/", {**asked, "all": "1"}).status_code == 404


@pytest.mark.parametrize("view", ["", "search", "{pk}"])
def test_nothing_that_is_chosen_is_a_fault(send, spent, accounts, view):
    for value in ("a\x00b", "9" * 30, "-1", "٣", "=", str(uuid.uuid4())):
        asked = {"view": view.format(pk=accounts.checking.pk), "query": f"q={value}&amount={value}", "pick": value}
        for changed in ({}, {"all": "1"}, {"view": value}, {"query": ""}):
            assert send("editor", "selection/csv/", asked | changed).status_code in (200, 302, 404)


def test_rows_of_another_book_are_not_found(send, spent, accounts, stranger):
    other = services.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="Europe/Berlin")
    cash = other.accounts.get(kind="cash")
    services.post_opening_balance(account=cash, actor=stranger, amount=500, on=TODAY)
    line = JournalLine.objects.get(account=cash)
    answer = send("owner", "selection/csv/", {"view": accounts.checking.pk, "pick": line.pk})
    assert answer.status_code == 404


def test_what_a_search_found(page, send, spent):
    rows = rows_of(page("viewer", "search/csv/", q="aldi"))
    assert [(row["Payee"], row["Amount"]) for row in rows] == [(f"Aldi {n}", f"-10.{n:02}") for n in range(5)]
    assert rows[0]["Accounts"] == "Checking account"
    picked = rows_of(send("editor", "selection/csv/", {"view": "search", "query": "aldi", "pick": spent.uid}))
    assert [(row["Tags"], row["Amount"]) for row in picked] == [("Odd", "-0.99")]
    assert len(rows_of(send("editor", "selection/csv/", {"view": "search", "query": "aldi", "all": "1"}))) == 5
    assert page("viewer", "search/csv/", q="amount:lots").status_code == 302


def test_queries_do_not_grow_with_the_rows(as_, book, path, spend):
    client = as_("viewer")

    def count():
        with CaptureQueriesContext(connection) as queries:
            content_of(client.get(f"/b/{book.pk}/{path}/csv/"))
        return len(queries)

    spend(100)
    count()
    few = count()
    for _ in range(20):
        spend(100)
    assert count() == few
    assert few <= 20


def test_the_page_leads_there_in_two_clicks(page, accounts, spent):
    html = page("viewer", f"accounts/{accounts.checking.pk}/", q="Aldi").content.decode()
    assert f'accounts/{accounts.checking.pk}/register/csv/?q=Aldi"' in html
    assert "register/xlsx/?scope=income" in page("viewer", "register/", scope="income").content.decode()
    assert 'search/csv/?q=aldi"' in page("viewer", "search/", q="aldi").content.decode()
