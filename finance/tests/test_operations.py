"""Long operations on books: what each changes, and what it leaves alone."""

import datetime

import pytest
from django.db import connection

from finance.ledger.models import AccountMonth, Book, JournalEntry, LedgerCheck, MonthRebuild
from finance.ledger.selectors import balances
from finance.models import ImportBatch
from finance.operations import OperationFailed
from finance.tests.conftest import TODAY
from platform_outbox.operations.registry import operation_named, read
from platform_outbox.operations.runs import OperationCancelled, TerminalRun

STATEMENT = "Date,Description,Amount\n2026-03-02,Corner shop,-12.50\n2026-03-03,Salary,2000.00\n"


class Told(TerminalRun):
    """A run without a bar that remembers what it was told."""

    def __init__(self, *, dry_run=False, cancel_after=None):
        self.lines = []
        self.steps = 0
        self.total = None
        self.cancel_after = cancel_after
        super().__init__(by="Olga", dry_run=dry_run, write=self.lines.append, quiet=True)

    def expect(self, total, *, unit=""):
        self.total = total

    def advance(self, steps=1):
        self.steps += steps
        if self.cancel_after is not None and self.steps >= self.cancel_after:
            raise OperationCancelled


def carry_out(name, run=None, **given):
    operation = operation_named(name)
    return operation.function(read(operation.parameters, given), run or Told())


def without_guards(statement, account):
    """As only a superuser could: ordinary triggers rest in replica mode."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, [account.pk])
        cursor.execute("SET session_replication_role = origin")


def spoil(account):
    without_guards("UPDATE finance_accountmonth SET debit = debit + 1 WHERE account_id = %s", account)


def months():
    return sorted(AccountMonth.objects.values_list("account_id", "month", "debit", "credit", "lines"))


def test_verify_counts_and_keeps_its_result(book, spend):
    spend(10_00)
    run = Told()
    assert carry_out("ledger.verify", run, book=book.pk) == {
        "books": 1, "entries": 1, "lines": 2, "sealed": 0, "broken promises": 0, "sound": True,
    }  # fmt: skip
    assert run.steps == run.total == 11
    assert LedgerCheck.objects.get().book == book


def test_verify_tells_what_is_broken(book, accounts, spend):
    spend(10_00)
    spoil(accounts.groceries)
    run = Told()
    result = carry_out("ledger.verify", run, book=book.pk)
    assert (result["sound"], result["broken promises"]) == (False, 1)
    assert "[months_equal_lines, 1 times]" in run.lines[0]


def test_rebuilding_mends_the_totals_that_are_wrong_and_no_others(book, accounts, spend):
    spend(10_00)
    spend(20_00, on=datetime.date(2025, 11, 3))
    sound = months()
    spoil(accounts.groceries)
    without_guards("DELETE FROM finance_accountmonth WHERE account_id = %s", accounts.checking)

    assert carry_out("ledger.rebuild_months", book=book.pk) == {"books": 1, "wrong totals": 4}

    assert months() == sound
    assert balances(book=book)[accounts.checking.pk] == -30_00
    assert (MonthRebuild.objects.get().removed, MonthRebuild.objects.get().written) == (2, 4)
    assert carry_out("ledger.rebuild_months", book=book.pk) == {"books": 1, "wrong totals": 0}


def test_rebuilding_all_books_goes_on_with_the_next_one(book, accounts, spend, stranger):
    from finance.ledger import services

    services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    spend(10_00)
    spoil(accounts.groceries)
    stopped = Told(cancel_after=1)
    with pytest.raises(OperationCancelled):
        carry_out("ledger.rebuild_months", stopped)
    assert stopped.kept == {"through": book.pk, "wrong": 1}

    goes_on = Told()
    goes_on.kept = stopped.kept
    assert carry_out("ledger.rebuild_months", goes_on) == {"books": 2, "wrong totals": 1}
    assert MonthRebuild.objects.filter(book=book).count() == 1


def test_export_leaves_a_file(book, spend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spend(10_00, payee="Corner shop")
    assert carry_out("books.export", book=book.pk, format="hledger") == {"file": f"book-{book.pk}.hledger"}
    assert "Corner shop" in (tmp_path / f"book-{book.pk}.hledger").read_text()


def test_a_cancelled_export_leaves_nothing(book, spend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spend(10_00)
    with pytest.raises(OperationCancelled):
        carry_out("books.export", Told(cancel_after=1), book=book.pk, format="json")
    assert list(tmp_path.iterdir()) == []


def test_import_posts_what_is_new_and_says_so(book, accounts, tmp_path):
    (tmp_path / "may.csv").write_text(STATEMENT)
    result = carry_out("books.import", account=accounts.checking.pk, file=str(tmp_path / "may.csv"))
    assert result == {"rows": 2, "new": 2}
    assert balances(book=book, as_of=TODAY)[accounts.checking.pk] == 1987_50
    again = carry_out("books.import", account=accounts.checking.pk, file=str(tmp_path / "may.csv"))
    assert again == {"rows": 2, "already imported": 2}
    assert JournalEntry.objects.count() == 2


def test_a_dry_import_keeps_nothing(book, accounts, tmp_path):
    (tmp_path / "may.csv").write_text(STATEMENT)
    run = Told(dry_run=True)
    result = carry_out("books.import", run, account=accounts.checking.pk, file=str(tmp_path / "may.csv"))
    assert result == {"rows": 2, "new": 2}
    assert not JournalEntry.objects.exists()
    assert not ImportBatch.objects.exists()


def test_what_cannot_be_done_is_told_in_a_sentence(book, accounts, tmp_path):
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(OperationFailed, match="There is no book 987654321"):
        carry_out("books.export", book=987654321, format="json")
    with pytest.raises(OperationFailed, match="There is no account 987654321"):
        carry_out("books.import", account=987654321, file="x")
    with pytest.raises(OperationFailed):
        carry_out("books.import", account=accounts.checking.pk, file=str(tmp_path / "photo.csv"))
    assert not JournalEntry.objects.exists()


def test_moving_in_needs_its_owner_and_its_file(owner, tmp_path):
    with pytest.raises(OperationFailed, match="no user 0"):
        carry_out("books.import_book", owner=0, format="ynab", file="x")
    with pytest.raises(OperationFailed, match="no longer kept"):
        carry_out("books.import_book", owner=owner.pk, format="ynab", file=str(tmp_path / "gone.csv"))


def test_a_cancelled_move_creates_nothing(owner, tmp_path):
    (tmp_path / "books.csv").write_text("Account,Date\n")
    with pytest.raises(OperationCancelled):
        carry_out(
            "books.import_book", Told(cancel_after=0), owner=owner.pk, format="ynab", file=str(tmp_path / "books.csv")
        )
    assert not Book.objects.exists()
