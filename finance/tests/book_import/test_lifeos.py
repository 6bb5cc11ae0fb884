"""Our own export comes back as it was, whatever people called things; anything else is refused by name."""

import datetime
import json

import pytest
from django.utils import timezone

from finance.book_import.services import BalancesDiffer
from finance.errors import BookUnreadable, Conflict
from finance.ledger import services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import Book, JournalEntry
from finance.ledger.posting import LineDraft
from finance.tests.book_import.conftest import exported, left
from finance.tests.conftest import TODAY
from finance.tests.exports.conftest import weird_book  # noqa: F401 -- a fixture


def without_ids(document):
    """The export with accounts named by their paths, and without the chain of the old book."""
    paths = {account["id"]: account["path"] for account in document["accounts"]}
    document = json.loads(json.dumps(document))
    del document["chain"]
    for account in document["accounts"]:
        account["parent"] = paths.get(account["parent"])
        del account["id"]
    for entry in document["entries"]:
        for line in entry["lines"]:
            line["account"] = paths[line["account"]]
    return document


def one(document):
    return json.dumps(document).encode()


@pytest.fixture
def book_with_history(book, owner, accounts, spend):
    """A correction back in time, a reversal, a closed period and a closed account that a reversal came back to."""
    first, second = spend(10_00, payee="Aldi", on=datetime.date(2026, 1, 5)), spend(20_00, payee="Lidl")
    services.correct_entry(
        entry=second, actor=owner, date=datetime.date(2026, 1, 2), payee="Lidl", description="was wrong", on=TODAY,
        lines=[LineDraft(account_id=accounts.rent.pk, amount=21_00), LineDraft(account_id=accounts.cash.pk, amount=-21_00)],
    )  # fmt: skip
    services.close_account(account=accounts.groceries, actor=owner, on=TODAY)
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 2, 1))
    services.reverse_entry(entry=first, actor=owner, on=TODAY)
    return book


def test_the_weird_book_comes_back_exactly(weird_book, owner, move_in):  # noqa: F811
    before = exported(weird_book)
    report, _held = move_in(one(before), "lifeos", base="", zone="")
    assert (report.differences, report.entries) == ([], len(before["entries"]))
    assert without_ids(exported(Book.objects.get(pk=report.book))) == without_ids(before)
    assert verify_ledger(book=Book.objects.get(pk=report.book), now=timezone.now()).sound


def test_history_closings_and_uids_come_back_exactly(book_with_history, move_in):
    before = exported(book_with_history)
    report, _held = move_in(one(before), "lifeos", base="", zone="")
    new = Book.objects.get(pk=report.book)
    assert without_ids(exported(new)) == without_ids(before)
    assert before["book"]["closed_through"] == "2026-02-01"
    assert sum("reverses" in entry for entry in before["entries"]) == 2
    assert JournalEntry.objects.filter(book=new, corrects__isnull=False).count() == 1
    assert verify_ledger(book=new, now=timezone.now()).sound
    assert left(report)["members"] == 1


def test_the_child_reads_the_same(book_with_history, in_child):
    source = in_child(one(exported(book_with_history)), "lifeos", base="")
    assert (source.exact, len(source.entries), source.name) == (True, 5, "Home")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(format="other"), "not an export of LifeOS"),
        (lambda d: d.update(version=2), "version 2"),
        (lambda d: d["entries"][0]["lines"][0].update(amount=1.5), "entry 1"),
        (lambda d: d["entries"][0]["lines"][0].update(amount="1.005"), "more than the 2 decimals"),
        (lambda d: d["entries"][0]["lines"][0].update(account=10**9), "entry 1: account 1000000000"),
        (lambda d: d["entries"][1].update(uid=d["entries"][0]["uid"]), "two transactions have the id"),
        (lambda d: d["entries"][0].update(date="2026-02-30"), "entry 1: “2026-02-30”"),
        (lambda d: d["entries"][0].update(source="magic"), "entry 1: “magic”"),
        (lambda d: d["entries"][1].update(payee="P" * 201), "entry 2: .* the payee has more than 200 characters"),
        (lambda d: d["accounts"][0].update(parent=d["accounts"][0]["id"]), "inside itself"),
        (lambda d: d["accounts"][0].update(type="money"), "unknown type"),
        (lambda d: d.pop("accounts"), "“accounts” is not a list"),
        (lambda d: d["entries"][0].update(reverses="019ae000-0000-7000-8000-000000000000"), "not in the file"),
    ],
)
def test_what_is_not_such_an_export_is_refused_by_name(book_with_history, move_in, change, said):
    document = exported(book_with_history)
    change(document)
    with pytest.raises(BookUnreadable, match=said):
        move_in(one(document), "lifeos")
    assert Book.objects.count() == 1


def test_a_reversal_of_other_amounts_is_refused(book_with_history, move_in):
    document = exported(book_with_history)
    reversal = next(entry for entry in document["entries"] if "reverses" in entry)
    for line in reversal["lines"]:
        line["amount"] = line["amount"].replace("0.00", "5.00")
    with pytest.raises(Conflict, match="not the opposite"):
        move_in(one(document), "lifeos")


def test_an_entry_that_does_not_balance_is_a_difference(book_with_history, move_in):
    document = exported(book_with_history)
    document["entries"].append(
        {
            "date": "2026-03-01", "payee": "Half", "description": "", "source": "manual",
            "uid": "019ae000-0000-7000-8000-000000000000",
            "lines": [{"account": document["accounts"][1]["id"], "currency": "EUR", "amount": "1.00", "memo": ""}],
        }
    )  # fmt: skip
    with pytest.raises(BalancesDiffer) as refused:
        move_in(one(document), "lifeos")
    (difference,) = refused.value.report.differences
    assert (difference.source - difference.ours, left(refused.value.report)["entry that does not balance"]) == (1, 1)
    assert Book.objects.count() == 1
    report, _held = move_in(one(document), "lifeos", accept_differences=True)
    assert (len(report.differences), Book.objects.count()) == (1, 2)


def test_nested_and_broken_json_get_a_sentence(in_child):
    with pytest.raises(BookUnreadable, match="nested too deeply"):
        in_child(b"[" * 100_000, "lifeos")
    with pytest.raises(BookUnreadable, match="not an export of LifeOS"):
        in_child(b'{"format": ', "lifeos")
    with pytest.raises(BookUnreadable, match="empty"):
        in_child(b" ", "lifeos")


def test_the_command_creates_dry_runs_and_refuses(book_with_history, command):
    data = one(exported(book_with_history))
    code, out, _err = command(data, "lifeos", "--dry-run")
    assert (code, Book.objects.count()) == (0, 1)
    assert "dry run, nothing was created" in out
    code, out, _err = command(data, "lifeos", "--json", "--name=Again", "--owner=OLGA@example.org")
    report = json.loads(out)
    assert (code, report["entries"], report["differences"]) == (0, 5, 0)
    assert Book.objects.get(pk=report["book"]).name == "Again"
    code, out, _err = command(b"{}", "lifeos", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "book_unreadable")


def test_the_command_tells_differences_by_its_exit_code(book_with_history, command):
    document = exported(book_with_history)
    document["entries"][0]["lines"][0]["amount"] = "1.00"
    data = one(document)
    assert command(data, "lifeos", "--dry-run")[0] == 3
    code, out, err = command(data, "lifeos")
    assert (code, "≠" in out, "nothing was created" in err) == (2, True, True)
    assert Book.objects.count() == 1
