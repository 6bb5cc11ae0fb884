"""Registers by what the bank knows: not cleared, cleared, reconciled."""

import re

import pytest

from finance.ledger import services as ledger
from finance.ledger.revising import Edit
from finance.preferences.services import save_view
from finance.reconciliation import services
from finance.tests.conftest import TODAY
from finance.tests.reconciliation.conftest import line_of

pytestmark = pytest.mark.django_db
MARKS = {"none": ("Bakery", -5_00), "cleared": ("Kiosk", -7_00), "reconciled": ("Market", -40_00)}


@pytest.fixture
def rows(reconciled, spend, owner, accounts):
    """One row of each mark on the checking account."""
    kiosk = spend(7_00, payee="Kiosk")
    services.mark_cleared(
        account=accounts.checking, actor=owner, line_ids=[line_of(kiosk, accounts.checking)], cleared=True
    )
    spend(5_00, payee="Bakery")
    return reconciled[1]


@pytest.mark.parametrize(("mark", "found"), MARKS.items())
def test_rows_and_sums_of_the_page_agree(page, accounts, rows, mark, found):
    html = page("viewer", f"accounts/{accounts.checking.pk}/", mark=mark).content.decode()
    assert set(re.findall(r"Bakery|Kiosk|Market", html)) == {found[0]}
    assert re.search(r'data-net="([^"]*)"', html)[1] == str(found[1])
    assert re.search(r'data-rows="([^"]*)"', html)[1] == "1"


def test_the_three_make_the_whole_in_the_api(api, url, accounts, rows):
    path = url(f"accounts/{accounts.checking.pk}/register/")
    seen = []
    for mark, (payee, amount) in MARKS.items():
        answer = api.get(path, {"mark": mark}).json()
        assert [(row["payee"], row["mark"]) for row in answer["results"]] == [(payee, mark)]
        (total,) = answer["sums"]["totals"]
        assert (total["rows"], total["net"]) == (1, f"{amount / 100:.2f}")
        seen.append(amount)
    whole = api.get(path).json()
    assert whole["sums"]["totals"][0]["net"] == f"{sum(seen) / 100:.2f}"
    assert {row["mark"] for row in whole["results"]} == set(MARKS)
    assert api.get(path, {"mark": "ticked"}).json()["fields"].keys() == {"mark"}


def test_a_mark_follows_the_corrected_row(api, url, book, owner, accounts, rows):
    edit = Edit(account=accounts.restaurants)
    ledger.change_entries(book=book, actor=owner, targets={rows.pk: ()}, edit=edit, today=TODAY)
    answer = api.get(url(f"accounts/{accounts.checking.pk}/register/"), {"mark": "reconciled"}).json()
    assert [row["amount"] for row in answer["results"]] == ["-40.00"]


def test_it_is_a_pill_kept_in_views_and_not_asked_of_categories(page, book, owner, accounts, rows):
    html = page("viewer", f"accounts/{accounts.checking.pk}/", mark="none").content.decode()
    assert "<span>Not cleared</span>" in html
    assert save_view(book=book, actor=owner, name="Open", query="mark=none").query == "mark=none"
    category = page("viewer", f"accounts/{accounts.groceries.pk}/", mark="reconciled").content.decode()
    assert '<select name="mark"' in html
    assert '<select name="mark"' not in category
    assert set(re.findall(r"Bakery|Kiosk|Market", category)) == {"Bakery", "Kiosk", "Market"}
