"""manage.py import_statement: the same steps, for scripts."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from finance.imports.models import ImportBatch
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import balance_of
from finance.tests.imports.conftest import CSV


@pytest.fixture
def run(book, accounts, tmp_path):
    def command(data=CSV, *options, account=None, book_id=None, name="march.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        out, err = io.StringIO(), io.StringIO()
        arguments = [
            f"--book={book_id or book.pk}",
            f"--account={account or accounts.checking.pk}",
            *options,
            str(path),
        ]
        code = 0
        try:
            call_command("import_statement", *arguments, stdout=out, stderr=err)
        except SystemExit as leaving:
            code = leaving.code
        return code, out.getvalue(), err.getvalue()

    return command


def test_a_file_is_imported_and_told(run, accounts):
    code, out, _err = run()
    assert code == 0
    assert "march.csv: 4 rows, confirmed." in out
    assert "Checking account: 0.00 + 1957.50 = 1957.50 = 1957.50 EUR" in out
    assert balance_of(account=accounts.checking) == 1957_50


def test_a_dry_run_keeps_nothing(run):
    code, out, _err = run(CSV, "--dry-run", "--json")
    result = json.loads(out)
    assert (code, result["state"], result["fates"]["new"], result["import"]) == (0, "dry run", 4, None)
    assert not ImportBatch.objects.exists()
    assert not JournalEntry.objects.exists()


def test_json_holds_errors_and_proof(run, accounts):
    code, out, _err = run(CSV + b"2026-02-30,Broken,x,-1.00,\n", "--json", account="Assets:Checking account")
    result = json.loads(out)
    assert code == 0
    assert result["errors"] == [
        {"line": 6, "reason": "“2026-02-30” is not a day of the calendar when read as year, month, day."}
    ]
    assert result["statements"][0]["closing"] == "1957.50"
    assert result["outcomes"]["posted"] == 4


def test_a_statement_that_does_not_add_up_is_told_by_the_exit_code(run):
    code, out, _err = run(CSV.replace(b"1961.00", b"1960.00"))
    assert code == 3
    assert "line 4" in out


def test_a_refused_file_exits_with_2_and_the_reason(run):
    code, _out, err = run(b"%PDF-1.4")
    assert (code, "PDF" in err) == (2, True)
    code, out, _err = run(b"%PDF-1.4", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "statement_unreadable")


def test_the_opening_balance_and_a_profile_can_be_given(run, accounts, tmp_path):
    text = "Date,Payee,Amount,Balance\n2026-03-01,A,-1.00,99.00\n"
    assert run(text, "--opening-balance")[0] == 0
    assert balance_of(account=accounts.checking) == 99_00
    profile = {
        "header": ["Date", "Payee", "Amount"],
        "amount_column": 2,
        "payee_columns": [1],
        "sign": "inverted",
        "date_order": "ymd",
    }
    text = "Date,Payee,Amount\n2026-03-02,A,4.00\n"
    assert run(text, "--profile", json.dumps(profile))[0] == 0
    assert balance_of(account=accounts.checking) == 95_00


def test_wrong_places_are_named(run, tmp_path):
    with pytest.raises(CommandError, match="There is no book 987654321"):
        run(book_id=987654321)
    with pytest.raises(CommandError, match="Assets:Checking account"):
        run(account="Nowhere")
    with pytest.raises(CommandError, match="not JSON"):
        run(CSV, "--profile", "{")


def test_a_missing_file_is_named(book, accounts, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command(
            "import_statement", f"--book={book.pk}", f"--account={accounts.checking.pk}", str(tmp_path / "no.csv")
        )
