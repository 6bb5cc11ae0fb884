"""Refunds: proposed on the row with the category of the purchase, kept as a link, shown at both entries, taken back."""

import datetime
import uuid

import pytest

from finance.errors import Conflict, NotFound
from finance.imports.models import ImportRow, Refund
from finance.imports.refunds import Incoming, Purchase, purchases_given_back
from finance.imports.selectors import refund_links
from finance.imports.services import decide_rows, link_refund, undo_import, unlink_refund
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.ledger.services import correct_entry
from finance.rules import services as rules
from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.conftest import TODAY
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "foreign", "page", "send", "url"]

HEAD = "Date,Payee,Amount\n"
DAY = datetime.date(2026, 3, 2)

pytestmark = pytest.mark.usefixtures("nothing_suggested")


@pytest.fixture
def bought(spend, accounts):
    return spend(40_00, payee="Shoe shop 17", on=DAY, category=accounts.rent)


@pytest.fixture
def refunded(stage, confirm, bought):
    batch = confirm(stage(HEAD + "2026-03-20,SHOE SHOP 23,40.00\n"))
    return ImportRow.objects.get(batch=batch).posted_entry


def test_the_row_takes_the_category_and_both_entries_are_linked(stage, confirm, bought, accounts):
    batch = stage(HEAD + "2026-03-20,SHOE SHOP 23,15.00\n2026-03-21,Other shop,15.00\n")
    row, other = ImportRow.objects.filter(batch=batch).order_by("pk")
    assert (row.counter_account, row.refund_of, other.refund_of) == (accounts.rent, bought, None)
    assert row.suggestion.startswith("Refund of “Shoe shop 17” of Mar 2")
    assert row.suggestion.endswith(", €40.00")
    confirm(batch)
    refund = ImportRow.objects.get(pk=row.pk).posted_entry
    assert refund_links(entry=refund).purchase == bought
    assert refund_links(entry=bought).refunds == [refund]
    assert balance_of(account=accounts.rent) == 25_00
    # What was given back is given back once.
    again = ImportRow.objects.get(batch=stage(HEAD + "2026-03-22,Shoe shop,26.00\n"))
    assert (again.refund_of, again.counter_account) == (None, None)
    assert ImportRow.objects.get(batch=stage(HEAD + "2026-03-22,Shoe shop,25.00\n")).refund_of == bought


@pytest.mark.parametrize(
    "row",
    ["2026-06-01,Shoe shop,40.00", "2026-03-01,Shoe shop,40.00", "2026-03-20,Shoe shop,40.01", "2026-03-20,Shop,5"],
)
def test_later_earlier_more_and_of_others_is_no_refund(stage, bought, row):
    assert ImportRow.objects.get(batch=stage(f"{HEAD}{row}\n")).refund_of is None


def test_a_purchase_of_the_same_file_gives_its_category_when_it_is_posted(stage, confirm, accounts, owner):
    batch = stage(HEAD + "2026-03-20,Shoe shop,40.00\n2026-03-02,Shoe shop,-40.00\n")
    refund, purchase = ImportRow.objects.filter(batch=batch).order_by("pk")
    assert (refund.refund_of_line, refund.suggestion[-41:]) == (3, "€40.00 in line 3, whose category it takes")
    decide_rows(batch=batch, actor=owner, row_ids=[purchase.pk], counter_account=accounts.rent)
    confirm(batch)
    assert balance_of(account=accounts.rent) == 0
    refund.refresh_from_db()
    assert str(refund_links(entry=refund.posted_entry).purchase.date) == "2026-03-02"


def test_people_and_rules_decide_otherwise(stage, confirm, bought, accounts, owner, book):
    batch = stage(HEAD + "2026-03-20,Shoe shop,40.00\n")
    row = ImportRow.objects.get(batch=batch)
    decide_rows(batch=batch, actor=owner, row_ids=[row.pk], counter_account=accounts.salary)
    confirm(batch)
    assert not Refund.objects.exists()
    definition = {
        "conditions": [{"field": "payee", "test": "words", "value": "shoe"}],
        "actions": [{"do": "category", "account": accounts.salary.pk}],
    }
    rules.save_rule(book=book, actor=owner, name="Shoes", definition=definition)
    assert ImportRow.objects.get(batch=stage(HEAD + "2026-03-21,Shoe shop,40.00\n")).refund_of is None


def test_links_follow_corrections_and_go_with_the_import(bought, refunded, accounts, owner):
    lines = [
        LineDraft(account_id=accounts.checking.pk, amount=-40_00),
        LineDraft(account_id=accounts.groceries.pk, amount=40_00),
    ]
    now = correct_entry(entry=bought, actor=owner, date=DAY, lines=lines, payee="Shoes", description="", on=TODAY)
    assert refund_links(entry=refunded).purchase == now
    assert refund_links(entry=now).refunds == [refunded]
    batch = ImportRow.objects.get(posted_entry=refunded).batch
    undo_import(batch=batch, actor=owner, on=TODAY)
    assert not refund_links(entry=now)


def test_links_are_made_and_taken_back_by_hand(bought, refunded, spend, accounts, owner):
    other = spend(50_00, on=DAY)
    link_refund(entry=refunded, purchase=other, actor=owner)
    assert refund_links(entry=refunded).purchase == other
    assert not refund_links(entry=bought)
    with pytest.raises(Conflict):
        link_refund(entry=bought, purchase=bought, actor=owner)
    unlink_refund(entry=refunded, actor=owner)
    with pytest.raises(NotFound):
        unlink_refund(entry=refunded, actor=owner)
    assert JournalEntry.objects.filter(reverses__isnull=False).count() == 0


@pytest.mark.parametrize(
    ("method", "allowed", "body"), [("get", 200, None), ("put", 200, {"purchase": ""}), ("delete", 204, None)]
)
def test_the_api_for_everybody(clients, url, bought, refunded, foreign, method, allowed, body):
    address = url(f"entries/{refunded.uid}/refund/")
    body = body and {"purchase": str(bought.uid)}
    expected = {"anonymous": 401, "stranger": 404, "viewer": 200 if method == "get" else 403}
    for person in ("anonymous", "stranger", "viewer", "editor"):
        answer = getattr(clients[person], method)(address, body, format="json")
        assert answer.status_code == expected.get(person, allowed), (person, answer.content)
    unknown = url(f"entries/{uuid.uuid4()}/refund/")
    assert getattr(clients["owner"], method)(unknown, body, format="json").status_code == 404
    if method == "put":
        assert clients["owner"].put(address, {"purchase": str(uuid.uuid4())}, format="json").status_code == 404
        assert answer.json()["purchase"]["uid"] == str(bought.uid)


def test_both_pages_show_the_link_and_editors_take_it_back(page, send, bought, refunded):
    assert f"{bought.uid}" in page("viewer", f"entries/{refunded.uid}/").content.decode()
    assert "Refunded by" in page("viewer", f"entries/{bought.uid}/").content.decode()
    for person, status in ((None, 302), ("stranger", 404), ("viewer", 403)):
        assert send(person, f"entries/{refunded.uid}/unlink-refund/", {}).status_code == status
    assert Refund.objects.exists()
    assert send("editor", f"entries/{refunded.uid}/unlink-refund/", {}).status_code == 302
    assert not Refund.objects.exists()
    assert send("editor", f"entries/{refunded.uid}/unlink-refund/", {}).status_code == 404


def test_one_of_the_same_amount_goes_first_then_the_latest():
    def purchase(day, amount, pk):
        return Purchase(
            key="shop", date=DAY + datetime.timedelta(days=day), amount=amount, left=amount, payee="Shop", entry_id=pk
        )

    purchases = [purchase(0, 10_00, 1), purchase(1, 30_00, 2), purchase(2, 20_00, 3)]
    rows = [
        Incoming(line=n, key="shop", date=DAY + datetime.timedelta(days=10), amount=amount)
        for n, amount in enumerate((5_00, 10_00, 19_00, 31_00))
    ]
    found = {line: each.entry_id for line, each in purchases_given_back(rows, purchases).items()}
    assert found == {0: 3, 1: 1, 2: 2}
