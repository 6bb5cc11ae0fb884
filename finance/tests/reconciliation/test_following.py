"""Marks follow corrected entries; reconciled rows are guarded on every road into the ledger."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance import errors
from finance.ledger import replacements
from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.reconciliation import services
from finance.reconciliation.models import LineMark
from finance.reconciliation.selectors import marks_of
from finance.tests.reconciliation.conftest import ask, day, line_of, rows_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def correct(owner, accounts):
    def run(entry, *, amount=40_00, category=None, on="2026-03-10", today="2026-03-20"):
        return ledger.correct_entry(
            entry=entry, actor=owner, date=day(on), payee="Market", description="", on=day(today),
            lines=[LineDraft(account_id=(category or accounts.restaurants).pk, amount=amount),
                   LineDraft(account_id=accounts.checking.pk, amount=-amount)],
        )  # fmt: skip

    return run


def test_another_category_keeps_the_row_on_its_statement(reconciled, correct, accounts):
    statement, entry = reconciled
    replacement = correct(entry)
    assert ask(statement).statement.state == "reconciled"
    assert ask(statement).difference == 0
    line = line_of(replacement, accounts.checking)
    assert LineMark.objects.get().line_id == line
    again = correct(replacement, category=accounts.groceries)
    assert [row.line_id for row in rows_of(statement).rows] == [line_of(again, accounts.checking)]


@pytest.mark.parametrize("change", [{"amount": 41_00}, {"on": "2026-03-11"}])
def test_another_amount_or_day_asks_and_changes_nothing(reconciled, correct, change):
    statement, entry = reconciled
    with pytest.raises(errors.ReconciledRow, match="Checking account, Mar 1, 2026 to Mar 31, 2026"):
        correct(entry, **change)
    assert JournalEntry.objects.count() == 1
    assert ask(statement).statement.state == "reconciled"


def test_once_agreed_that_statement_is_reopened_without_the_row(reconciled, correct, state, accounts):
    statement, entry = reconciled
    other = state(60_00, 60_00, "2026-04-01", "2026-04-30")
    services.reconcile(statement=other, actor=None)
    with services.reopening(agreed=True):
        correct(entry, amount=41_00)
    assert [ask(each).statement.state for each in (statement, other)] == ["open", "reconciled"]
    assert (ask(statement).sums.count, ask(statement).difference) == (0, -40_00)


def test_deleting_asks_too(reconciled, owner):
    statement, entry = reconciled
    with pytest.raises(errors.ReconciledRow):
        ledger.reverse_entries(book=statement.book, actor=owner, entries=[entry], on=day("2026-03-20"))
    with services.reopening(agreed=True):
        ledger.reverse_entry(entry=entry, actor=owner, on=day("2026-03-20"))
    assert not LineMark.objects.exists()


def test_on_an_open_statement_nobody_is_asked(state, spend, owner, accounts, correct):
    entry = spend(40_00, on=day("2026-03-10"))
    statement = state(0, -40_00)
    services.tick(statement=statement, actor=owner, line_ids=[line_of(entry, accounts.checking)])
    replacement = correct(entry)
    assert ask(statement).difference == 0
    correct(replacement, amount=41_00)
    assert ask(statement).sums.count == 0


def test_a_row_of_a_closed_day_stays_where_the_bank_has_it(reconciled, correct, book, owner, accounts):
    # The reversal gets today's date, so the row of March is still in the balance of March.
    statement, entry = reconciled
    ledger.close_period(book=book, actor=owner, through=day("2026-03-31"))
    book.refresh_from_db()
    correct(entry, on="2026-04-02", today="2026-04-02")
    assert ask(statement).statement.state == "reconciled"
    assert LineMark.objects.get().line_id == line_of(entry, accounts.checking)


def test_of_two_equal_lines_each_keeps_its_own_mark(book, state, owner, accounts):
    def lines(category):
        return [LineDraft(account_id=category.pk, amount=10_00), LineDraft(account_id=accounts.checking.pk, amount=-5_00),
                LineDraft(account_id=accounts.checking.pk, amount=-5_00)]  # fmt: skip

    entry = ledger.post_entry(book=book, actor=owner, date=day("2026-03-10"), lines=lines(accounts.groceries))
    both = list(JournalLine.objects.filter(entry=entry, account=accounts.checking).values_list("pk", flat=True))
    statement = state(0, -10_00)
    services.tick(statement=statement, actor=owner, line_ids=both)
    services.reconcile(statement=statement, actor=owner)
    ledger.correct_entry(
        entry=entry, actor=owner, date=entry.date, payee="", description="", on=entry.date, lines=lines(accounts.rent)
    )
    assert ask(statement).sums.count == 2
    assert ask(statement).statement.state == "reconciled"


def test_a_cleared_mark_follows_and_goes_with_its_entry(spend, owner, accounts, correct):
    entry = spend(40_00, on=day("2026-03-10"))
    services.mark_cleared(
        account=accounts.checking, actor=owner, line_ids=[line_of(entry, accounts.checking)], cleared=True
    )
    replacement = correct(entry)
    line = line_of(replacement, accounts.checking)
    assert marks_of(line_ids=[line]) == {line: "cleared"}
    ledger.reverse_entry(entry=replacement, actor=owner, on=day("2026-03-20"))
    assert not LineMark.objects.exists()


def test_an_entry_that_nothing_follows_costs_no_query_more(spend, owner, monkeypatch):
    first, second = spend(1_00), spend(1_00)
    ledger.reverse_entry(entry=spend(1_00), actor=owner, on=day("2026-03-20"))
    with CaptureQueriesContext(connection) as watched:
        ledger.reverse_entry(entry=first, actor=owner, on=day("2026-03-20"))
    monkeypatch.setattr(replacements, "_watchers", {})
    with CaptureQueriesContext(connection) as unwatched:
        ledger.reverse_entry(entry=second, actor=owner, on=day("2026-03-20"))
    assert len(watched) == len(unwatched)
