"""Rows that an opening balance sums up already, statements of empty accounts, and accounts that imports fall back on."""

import datetime
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from finance.errors import Conflict, EntryInvalid, Invalid
from finance.imports.models import ImportBatch
from finance.imports.proof import proof_of
from finance.imports.services import undo_import
from finance.ledger import services as ledger
from finance.ledger.models import Account, JournalEntry
from finance.ledger.selectors import balance_of
from finance.tests.conftest import TODAY

DAY = datetime.date(2026, 1, 1)
# Two rows before the day of the opening balance, one on it, one after it.
OLD = (
    "Date,Payee,Amount\n2025-12-03,Landlord,-400.00\n2025-12-20,Rewe,-40.00\n2026-01-01,Employer,100.00\n"
    "2026-01-02,Rewe,-25.00\n"
)
SAID = (
    "3 rows are not newer than the opening balance of €1,000.00 on Jan 1, 2026, which already includes them. "
    "Importing them changes today's balance by −€340.00."
)


@pytest.fixture
def opened(accounts, owner):
    return ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=1000_00, on=DAY)


def test_without_an_answer_nothing_is_posted_and_the_figures_are_told(opened, stage, confirm, accounts):
    batch = stage(OLD)
    older = proof_of(batch.statements.get()).older
    assert (older.count, older.moved, older.opening, older.opening_on) == (3, -340_00, 1000_00, DAY)
    assert SAID in proof_of(batch.statements.get()).sentences
    with pytest.raises(Invalid) as asked:
        confirm(batch)
    assert asked.value.fields["older_rows"].startswith(SAID)
    assert balance_of(account=accounts.checking) == 1000_00
    assert ImportBatch.objects.get().state == "staged"


@pytest.mark.parametrize(
    ("choice", "today", "at_new_year", "before"),
    [
        ("import", 635_00, 660_00, -440_00),
        ("leave_out", 975_00, 1000_00, 0),
        ("correct_opening", 975_00, 1000_00, 900_00),
    ],
)
def test_each_answer_to_the_cent(opened, stage, confirm, accounts, owner, choice, today, at_new_year, before):
    batch = stage(OLD)
    confirm(batch, older_rows=choice)
    held = [balance_of(account=accounts.checking, as_of=day) for day in (None, DAY, datetime.date(2025, 12, 31))]
    assert held == [today, at_new_year, before]
    if choice == "correct_opening":
        assert balance_of(account=accounts.checking, as_of=datetime.date(2025, 12, 2)) == 1340_00
    undo_import(batch=batch, actor=owner, on=TODAY)
    held = [balance_of(account=accounts.checking, as_of=day) for day in (None, DAY, datetime.date(2025, 12, 31))]
    assert held == [1000_00, 1000_00, 0]


def test_rows_left_out_are_known_the_next_time(opened, stage, confirm, fates):
    confirm(stage(OLD), older_rows="leave_out")
    again = stage(OLD)
    assert fates(again) == ["already_imported"] * 4
    assert proof_of(again.statements.get()).older is None


def test_an_opening_balance_that_was_moved_and_changed_since_is_kept_on_undo(opened, stage, confirm, accounts, owner):
    batch = stage(OLD)
    confirm(batch, older_rows="correct_opening")
    moved = JournalEntry.objects.get(corrects=opened)
    ledger.reverse_entry(entry=moved, actor=owner, on=TODAY)
    batch = undo_import(batch=batch, actor=owner, on=TODAY)
    assert [kept["why"] for kept in batch.kept] == ["The opening balance has been changed since."]
    assert balance_of(account=accounts.checking) == 0


def test_an_opening_balance_of_nothing_is_refused_with_the_way_out(opened, stage, confirm, accounts):
    batch = stage("Date,Payee,Amount\n2025-12-03,Employer,1000.00\n")
    with pytest.raises(Conflict, match="Delete it first"):
        confirm(batch, older_rows="correct_opening")
    assert balance_of(account=accounts.checking) == 1000_00


def test_newer_rows_and_unknown_answers(opened, stage, confirm):
    with pytest.raises(Invalid, match="nonsense"):
        confirm(stage(OLD), older_rows="nonsense")
    assert confirm(stage("Date,Payee,Amount\n2026-01-02,Rewe,-25.00\n")).state == "confirmed"


def test_the_api_asks_and_takes_the_answer(opened, book, accounts, owner):
    client, base = APIClient(), f"/api/v1/books/{book.pk}/imports/"
    client.force_authenticate(owner)
    body = {"file": SimpleUploadedFile("a.csv", OLD.encode()), "account": accounts.checking.pk}
    created = client.post(base, body, format="multipart").json()
    assert created["statements"][0]["proof"]["older"] == {
        "count": 3,
        "moved": "-340.00",
        "first": "2025-12-03",
        "opening": "1000.00",
        "opening_on": "2026-01-01",
    }
    asked = client.post(f"{base}{created['id']}/confirm/", {}, format="json")
    assert (asked.status_code, asked.json()["fields"]["older_rows"][0][: len(SAID)]) == (400, SAID)
    done = client.post(f"{base}{created['id']}/confirm/", {"older_rows": "correct_opening"}, format="json")
    assert (done.status_code, done.json()["state"]) == (200, "confirmed")
    assert balance_of(account=accounts.checking) == 975_00


def test_the_page_offers_the_answers(opened, stage, book, accounts, owner):
    batch = stage(OLD)
    client, url = Client(), f"/b/{book.pk}/imports/{batch.pk}/"
    client.force_login(owner)
    page = client.get(url).content.decode()
    assert "Importing them changes today&#x27;s balance by −€340.00" in page
    for choice in ("leave_out", "correct_opening", "import"):
        assert f'name="older_rows" value="{choice}" required' in page
    assert SAID[:40] in client.post(f"{url}confirm/", follow=True).content.decode()
    assert balance_of(account=accounts.checking) == 1000_00
    client.post(f"{url}confirm/", {"older_rows": "leave_out"})
    assert balance_of(account=accounts.checking) == 975_00
    assert 'name="older_rows"' not in client.get(url).content.decode()


def test_the_command_refuses_until_it_is_told(opened, book, accounts, tmp_path, capsys):
    file = tmp_path / "old.csv"
    file.write_text(OLD)
    where = [str(file), "--book", str(book.pk), "--account", str(accounts.checking.pk), "--json"]
    with pytest.raises(SystemExit) as refused:
        call_command("import_statement", *where)
    assert refused.value.code == 2
    assert "older_rows" in json.loads(capsys.readouterr().out)["error"]["fields"]
    call_command("import_statement", *where, "--older-rows", "import")
    assert balance_of(account=accounts.checking) == 635_00


FIRST = (
    "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKTRANLIST><DTSTART>20260301<DTEND>20260331<STMTTRN>"
    "<DTPOSTED>20260302<TRNAMT>-35.50<FITID>TX-1<NAME>Rewe</STMTTRN></BANKTRANLIST>"
    "<LEDGERBAL><BALAMT>64.50<DTASOF>20260331</LEDGERBAL></STMTRS></OFX>"
)


def test_the_first_statement_of_an_empty_account_adds_up_once_its_opening_is_set(stage, confirm, book, owner, accounts):
    batch = stage(FIRST, file_name="a.ofx")
    proof = proof_of(batch.statements.get())
    assert (proof.holds, proof.opening_needed.amount) == (None, 100_00)
    client = Client()
    client.force_login(owner)
    page = client.get(f"/b/{book.pk}/imports/{batch.pk}/").content.decode()
    assert "It adds up once the opening balance of" in page
    assert "It does not add up" not in page
    confirm(batch, opening_balance=True)
    assert proof_of(batch.statements.get()).holds is True
    assert balance_of(account=accounts.checking) == 64_50


def test_a_statement_that_is_wrong_in_itself_still_does_not_add_up(opened, stage):
    assert proof_of(stage(FIRST, file_name="a.ofx").statements.get()).holds is False


@pytest.mark.usefixtures("nothing_suggested")
def test_a_closed_uncategorised_is_replaced_by_a_numbered_one(stage, confirm, book, owner):
    for account in Account.objects.filter(book=book, name="Uncategorised"):
        ledger.close_account(account=account, actor=owner, on=TODAY)
    batch = confirm(stage())
    assert batch.state == "confirmed"
    assert sorted(Account.objects.filter(book=book, name="Uncategorised 2").values_list("type", flat=True)) == [
        "expense",
        "income",
    ]
    assert any("“Uncategorised 2”" in note for note in batch.notes)
    confirm(stage("Date,Payee,Amount\n2026-03-09,Kiosk,-9.00\n"))
    assert Account.objects.filter(book=book, name__startswith="Uncategorised").count() == 4


def test_a_renamed_or_moved_uncategorised_is_no_obstacle(stage, confirm, book, owner):
    income = Account.objects.get(book=book, name="Uncategorised", type="income")
    ledger.move_account(account=income, actor=owner, parent=None)
    expense = Account.objects.get(book=book, name="Uncategorised", type="expense")
    ledger.rename_account(account=expense, actor=owner, name="To sort")
    assert confirm(stage()).state == "confirmed"
    assert Account.objects.open().filter(book=book, name="Uncategorised", type="expense").count() == 1


@pytest.mark.parametrize("year", [1, 1899, 2200, 9999])
def test_entries_of_years_that_nobody_means_are_refused(spend, year):
    with pytest.raises(EntryInvalid, match="from 1900 to 2199") as refused:
        spend(5_00, on=datetime.date(year, 12, 31))
    assert "date" in refused.value.fields
    assert not JournalEntry.objects.exists()


def test_system_accounts_stay_open_and_those_closed_before_open_again(book, accounts, owner):
    with pytest.raises(Conflict, match="stays open"):
        ledger.close_account(account=accounts.opening, actor=owner, on=TODAY)
    Account.objects.filter(pk=accounts.opening.pk).update(closed_on=TODAY)
    ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=5_00, on=DAY)
    assert Account.objects.get(pk=accounts.opening.pk).closed_on is None
