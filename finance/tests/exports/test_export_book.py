"""The export read back by the programs it is made for: they must find no fault and the same balances."""

import csv
import io
import json
import shutil
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from urllib.parse import unquote

import pytest
from django.core.management import CommandError, call_command

from finance import money
from finance.exports import formats, journal
from finance.exports.names import beancount_names, hledger_names
from finance.ledger import services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.selectors import account_paths, accounts_of, trial_balance
from finance.tests.exports.conftest import TODAY, WEIRD

needs_hledger = [
    pytest.mark.hledger,
    pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)"),
]


def exported(book, format):
    out = io.StringIO()
    call_command("export_book", book=book.pk, format=format, stdout=out)
    return out.getvalue()


def our_balances(book, names):
    """{(name in the export, currency): decimal} of the trial balance."""
    return {
        (names[row.account_id], row.currency): money.to_decimal(row.debit - row.credit, currency=row.currency)
        for row in trial_balance(book=book, as_of=None).rows
    }


def hledger(text, *arguments):
    done = subprocess.run(
        ["hledger", "-f", "-", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.django_db
class TestHledger:
    pytestmark = needs_hledger

    def test_hledger_finds_no_fault(self, weird_book):
        hledger(exported(weird_book, "hledger"), "check", "--strict", "ordereddates")

    def test_hledger_sees_our_balances(self, weird_book):
        printed = hledger(exported(weird_book, "hledger"), "bal", "--flat", "--no-total", "--output-format=json")
        theirs = {
            (name, amount["acommodity"]): Decimal(amount["aquantity"]["decimalMantissa"]).scaleb(
                -amount["aquantity"]["decimalPlaces"]
            )
            for name, _, _, amounts in json.loads(printed)[0]
            for amount in amounts
        }
        assert theirs == our_balances(weird_book, hledger_names(accounts_of(book=weird_book)))

    def test_hledger_knows_what_kind_of_accounts_they_are(self, weird_book):
        sheet = hledger(exported(weird_book, "hledger"), "incomestatement", "--flat", "-O", "csv")
        assert "Income:Salary" in sheet
        assert "Assets:Savings account" not in sheet

    def test_hledger_finds_entries_by_our_uids(self, weird_book):
        entry = JournalEntry.objects.get(book=weird_book, payee="Foo Bar")
        printed = hledger(exported(weird_book, "hledger"), "print", f"tag:uid={entry.uid}", "-O", "json")
        [transaction] = json.loads(printed)
        assert unquote(transaction["tpostings"][0]["paccount"]) == "Expenses:Foo Bar"
        assert transaction["tdate"] == TODAY.isoformat()


def bean_query(path, query):
    done = run_module("beanquery", "-f", "csv", str(path), query)
    return list(csv.reader(io.StringIO(done)))[1:]


def run_module(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def bean_file(weird_book, tmp_path):
    path = tmp_path / "book.beancount"
    call_command("export_book", book=weird_book.pk, format="beancount", output=path)
    return path


@pytest.mark.django_db
class TestBeancount:
    def test_bean_check_finds_no_fault(self, bean_file):
        assert run_module("beancount.scripts.check", "--no-cache", str(bean_file)) == ""

    def test_bean_query_sees_our_balances(self, weird_book, bean_file):
        rows = bean_query(bean_file, "SELECT account, currency, sum(number) GROUP BY account, currency")
        theirs = {(row[0].strip(), row[1].strip()): Decimal(row[2]) for row in rows if Decimal(row[2])}
        assert theirs == our_balances(weird_book, beancount_names(accounts_of(book=weird_book)))

    def test_full_names_stand_beside_the_accounts(self, weird_book, bean_file):
        rows = bean_query(bean_file, "SELECT DISTINCT account, open_meta(account)['name'] AS name")
        names = beancount_names(accounts_of(book=weird_book))
        paths = account_paths(book=weird_book)
        in_use = {row.account_id for row in trial_balance(book=weird_book, as_of=None).rows}
        told = {row[0].strip(): row[1].strip() for row in rows}
        for account_id in in_use:
            if "\n" not in paths[account_id]:
                assert told[names[account_id]] == paths[account_id]

    def test_a_correction_names_what_it_corrects(self, weird_book, bean_file):
        rows = bean_query(bean_file, "SELECT DISTINCT entry_meta('corrects') WHERE entry_meta('source') = 'correction'")
        corrected = JournalEntry.objects.filter(book=weird_book, corrected_by__isnull=False)
        assert {row[0].strip() for row in rows} == {str(entry.uid) for entry in corrected}


@pytest.mark.django_db
def test_the_json_holds_the_whole_book(weird_book):
    document = json.loads(exported(weird_book, "json"))
    assert (document["format"], document["version"]) == ("lifeos-book", 1)
    assert document["book"]["base_currency"] == "EUR"
    held = {}
    for entry in document["entries"]:
        for line in entry["lines"]:
            key = line["account"], line["currency"]
            held[key] = held.get(key, 0) + Decimal(line["amount"])
    assert {key: value for key, value in held.items() if value} == {
        (row.account_id, row.currency): money.to_decimal(row.debit - row.credit, currency=row.currency)
        for row in trial_balance(book=weird_book, as_of=None).rows
    }
    assert {account["id"]: account["path"] for account in document["accounts"]} == account_paths(book=weird_book)
    assert {entry["payee"] for entry in document["entries"]} >= set(WEIRD)


@pytest.mark.django_db
def test_every_entry_leaves_as_it_was_posted(weird_book, monkeypatch):
    """Read a few at a time, with memos on some lines only."""
    monkeypatch.setattr(journal, "_AT_ONCE", 3)
    told = [
        (
            each["uid"], each["date"], each["payee"], each["description"], each["source"], each.get("reverses"),
            each.get("corrects"),
            [(line["account"], line["currency"], Decimal(line["amount"]), line["memo"]) for line in each["lines"]],
        )
        for each in json.loads(exported(weird_book, "json"))["entries"]
    ]  # fmt: skip
    entries = JournalEntry.objects.filter(book=weird_book).select_related("reverses", "corrects")
    assert told == [
        (
            str(entry.uid), entry.date.isoformat(), entry.payee, entry.description, entry.source,
            str(entry.reverses.uid) if entry.reverses else None, str(entry.corrects.uid) if entry.corrects else None,
            [
                (line.account_id, line.currency, money.to_decimal(line.amount, currency=line.currency), line.memo)
                for line in entry.lines.order_by("position")
            ],
        )
        for entry in entries.prefetch_related("lines").order_by("date", "pk")
    ]  # fmt: skip
    assert {line[3] for each in told for line in each[7]} >= {"", "[2026-13-45]"}


@pytest.mark.django_db
def test_the_json_links_reversals_and_corrections(weird_book):
    document = json.loads(exported(weird_book, "json"))
    uids = {entry["uid"] for entry in document["entries"]}
    for source, link in (("reversal", "reverses"), ("correction", "corrects")):
        linked = [entry[link] for entry in document["entries"] if entry["source"] == source]
        assert len(linked) == 2
        assert set(linked) < uids


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["hledger", "beancount", "json", "proof"])
def test_an_empty_book_can_be_exported(book, format, tmp_path):
    text = exported(book, format)
    assert "Home" in text
    if format == "json":
        assert json.loads(text)["entries"] == []


@pytest.mark.django_db
def test_another_book_stays_out(weird_book, book, owner, accounts, spend):
    spend(99, payee="only in the other book")
    assert "only in the other book" not in exported(weird_book, "json")
    assert len(json.loads(exported(book, "json"))["entries"]) == 1


@pytest.mark.django_db
def test_the_file_is_private_and_appears_whole(book, spend, tmp_path, monkeypatch):
    path = tmp_path / "book.json"
    call_command("export_book", book=book.pk, format="json", output=path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()

    def break_off(book):
        yield "half"
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(formats.FORMATS, "json", break_off)
    with pytest.raises(CommandError, match="No space left on device"):
        call_command("export_book", book=book.pk, format="json", output=path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.django_db
def test_an_unknown_book_is_a_sentence():
    with pytest.raises(CommandError, match="There is no book 4711"):
        call_command("export_book", book=4711, format="json")


@pytest.mark.django_db
@pytest.mark.long
def test_a_long_journal_does_not_fill_the_memory(book, owner, accounts):
    lines = (
        LineDraft(account_id=accounts.groceries.pk, amount=100),
        LineDraft(account_id=accounts.checking.pk, amount=-100),
    )
    drafts = [EntryDraft(date=TODAY, payee=f"Market {number}", lines=lines) for number in range(20_000)]
    services.post_entries(book=book, actor=owner, drafts=drafts, source="demo")
    del drafts
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in formats.as_json(book))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 4_000_000
    assert peak < 1_500_000


@pytest.mark.django_db
def test_names_come_back_from_hledger(weird_book):
    listed = accounts_of(book=weird_book)
    names = hledger_names(listed)
    assert len(set(names.values())) == len(names)
    for account in listed:
        assert unquote(names[account.pk].rpartition(":")[2]) == account.name


@pytest.mark.django_db
def test_beancount_names_are_told_apart(weird_book):
    names = beancount_names(accounts_of(book=weird_book))
    assert len(set(names.values())) == len(names)
    values = set(names.values())
    assert {"Expenses:Foo-Bar", "Expenses:Foo-Bar-2", "Expenses:X-家計", "Expenses:Account"} < values
