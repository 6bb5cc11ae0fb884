import csv
import datetime
import io
import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

TODAY = datetime.date(2026, 3, 15)


def run(book, **options):
    out = io.StringIO()
    call_command("trial_balance", book=book.pk, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def stocked(book, spend):
    spend(12_34, on=TODAY)
    spend(1_000_00, on=datetime.date(2026, 4, 1))
    return book


def test_text_lines_up_debits_and_credits(stocked):
    assert run(stocked, as_of=TODAY).splitlines() == [
        "Home, 2026-03-15",
        "Account                       Debit  Credit",
        "-------------------------------------------",
        "Assets:Checking account  EUR          12.34",
        "Expenses:Food:Groceries  EUR  12.34",
        "-------------------------------------------",
        "Total EUR                EUR  12.34   12.34",
    ]


def test_without_a_day_all_postings_count(stocked):
    assert "Home, all postings" in run(stocked)
    assert "1012.34" in run(stocked)


def test_csv_has_one_row_for_each_account(stocked, accounts):
    rows = list(csv.DictReader(io.StringIO(run(stocked, as_of=TODAY, format="csv"))))
    assert rows[0] == {
        "account_id": str(accounts.checking.pk),
        "account": "Assets:Checking account",
        "type": "asset",
        "currency": "EUR",
        "debit": "",
        "credit": "12.34",
    }
    assert len(rows) == 2


def test_json_tells_the_totals_as_decimal_strings(stocked):
    document = json.loads(run(stocked, as_of=TODAY, format="json"))
    assert document["as_of"] == "2026-03-15"
    assert document["totals"] == {"EUR": {"debit": "12.34", "credit": "12.34"}}
    assert sum(Decimal(row["debit"]) for row in document["rows"]) == Decimal("12.34")


def test_a_book_without_postings_is_an_empty_table(book):
    assert json.loads(run(book, format="json"))["rows"] == []
    assert "Debit" in run(book)


def test_an_unknown_book_is_a_sentence(db):
    with pytest.raises(CommandError, match="There is no book 4711"):
        call_command("trial_balance", book=4711)
