"""Statements and ticks; field cases REC-* with their figures."""

import pytest

from finance import errors
from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.reconciliation import services
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reconciliation.selectors import candidates, marks_of, statements_page, suggested_next
from finance.tests.reconciliation.conftest import ask, day, line_of, rows_of

pytestmark = pytest.mark.django_db


def test_rows_after_the_statement_day_are_outside(state, spend, owner, accounts):
    # REC-01: the ledger shows 7,506.37 with a row of tomorrow in it; the bank's 7,606.37 is of today.
    ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=7_606_37, on=day("2023-06-30"))
    tomorrow = spend(100_00, on=day("2023-07-21"))
    assert balance_of(account=accounts.checking) == 7_506_37
    statement = state(7_606_37, 7_606_37, "2023-07-01", "2023-07-20")
    assert ask(statement).difference == 0
    assert rows_of(statement).rows == []
    with pytest.raises(errors.Conflict, match="after the statement's last day"):
        services.tick(statement=statement, actor=owner, line_ids=[line_of(tomorrow, accounts.checking)])
    assert services.reconcile(statement=statement, actor=owner).state == "reconciled"


def test_the_closing_balance_is_that_of_the_end_of_its_day(state, spend, owner, accounts):
    # REC-05: what happens on 31 January is in the balance of 31 January.
    line = line_of(spend(40_00, on=day("2026-01-31")), accounts.checking)
    statement = state(100_00, 60_00, "2026-01-01", "2026-01-31")
    services.tick(statement=statement, actor=owner, line_ids=[line])
    assert ask(statement).difference == 0
    other = state(100_00, 60_00, "2025-12-31", "2026-01-30")
    with pytest.raises(errors.Conflict, match="after the statement's last day"):
        services.tick(statement=other, actor=owner, line_ids=[line])


def test_three_old_months_stand_each_alone(state, spend, owner, accounts):
    # REC-02: closings 1,000.00, 1,150.00, 990.00; February begins with 1,020.00, which January did not end with.
    january = state(900_00, 1_000_00, "2026-01-01", "2026-01-31")
    february = state(1_020_00, 1_150_00, "2026-02-01", "2026-02-28")
    march = state(1_150_00, 990_00, "2026-03-01", "2026-03-31")
    entries = {}
    for statement, amount in ((january, -100_00), (february, -130_00), (march, 160_00)):
        entries[statement.pk] = spend(amount, on=statement.start)
        services.tick(statement=statement, actor=owner, line_ids=[line_of(entries[statement.pk], accounts.checking)])
        services.reconcile(statement=statement, actor=owner)
    page = statements_page(account=accounts.checking)
    assert [(view.statement.closing, view.difference, view.join.jump) for view in page.views] == [
        (990_00, 0, 0), (1_150_00, 0, 20_00), (1_000_00, 0, None),
    ]  # fmt: skip
    with services.reopening(agreed=True):
        ledger.reverse_entry(entry=entries[february.pk], actor=owner, on=day("2026-03-31"))
    states = AccountStatement.objects.order_by("start").values_list("state", flat=True)
    assert list(states) == ["reconciled", "open", "reconciled"]


def test_each_side_of_a_transfer_is_reconciled_by_itself(book, state, owner, accounts):
    # REC-07
    entry = ledger.post_entry(
        book=book, actor=owner, date=day("2026-03-05"),
        lines=[LineDraft(account_id=accounts.savings.pk, amount=50_00),
               LineDraft(account_id=accounts.checking.pk, amount=-50_00)],
    )  # fmt: skip
    statement = state(50_00, 0)
    ours, theirs = line_of(entry, accounts.checking), line_of(entry, accounts.savings)
    with pytest.raises(errors.NotFound):
        services.tick(statement=statement, actor=owner, line_ids=[theirs])
    services.tick(statement=statement, actor=owner, line_ids=[ours])
    services.reconcile(statement=statement, actor=owner)
    assert marks_of(line_ids=[ours, theirs]) == {ours: "reconciled"}


def test_a_split_is_one_row_of_the_bank(book, state, owner, accounts):
    # REC-08: nothing of a split can be uncleared once its row is cleared.
    entry = ledger.post_entry(
        book=book, actor=owner, date=day("2026-03-05"),
        lines=[LineDraft(account_id=accounts.groceries.pk, amount=5_00),
               LineDraft(account_id=accounts.restaurants.pk, amount=2_00),
               LineDraft(account_id=accounts.checking.pk, amount=-7_00)],
    )  # fmt: skip
    statement = state(7_00, 0)
    (row,) = rows_of(statement).rows
    assert (row.amount, row.others) == (-7_00, "Groceries, Restaurants")
    services.tick(statement=statement, actor=owner, line_ids=[line_of(entry, accounts.checking)])
    assert [each.mark for each in rows_of(statement).rows if each.mark != "cleared"] == []


def test_a_difference_of_nothing_posts_nothing(state, spend, owner, accounts):
    # REC-10: "0 HKD on 09-16", then 1,000 HKD on 11-02: nothing is padded in September.
    statement = state(0, 0, "2026-09-01", "2026-09-16")
    before = JournalEntry.objects.count()
    assert services.post_difference(statement=statement, actor=owner, against=accounts.groceries) is None
    assert JournalEntry.objects.count() == before
    spend(-1_000_00, on=day("2026-11-02"))
    assert ask(statement).difference == 0


def test_a_difference_is_posted_on_the_last_day_and_ticked(state, owner, accounts):
    statement = state(100_00, 97_50)
    entry = services.post_difference(statement=statement, actor=owner, against=accounts.groceries)
    assert (entry.date, ask(statement).difference) == (day("2026-03-31"), 0)
    assert balance_of(account=accounts.checking) == -2_50


def test_a_statement_that_does_not_add_up_is_not_reconciled(state, spend, owner, accounts):
    entry = spend(40_00, on=day("2026-03-10"))
    statement = state(100_00, 55_00)
    services.tick(statement=statement, actor=owner, line_ids=[line_of(entry, accounts.checking)])
    with pytest.raises(errors.Conflict, match=r"5\.00 are not explained by the 1 ticked row"):
        services.reconcile(statement=statement, actor=owner)
    assert ask(statement).statement.is_open


def test_a_row_stands_on_one_statement_only(state, spend, owner, accounts):
    line = line_of(spend(40_00, on=day("2026-03-10")), accounts.checking)
    first, second = state(0, -40_00), state(0, -40_00, "2026-03-05", "2026-04-04")
    services.tick(statement=first, actor=owner, line_ids=[line])
    with pytest.raises(errors.Conflict, match="is already on the statement of"):
        services.tick(statement=second, actor=owner, line_ids=[line])
    assert rows_of(second).rows == []
    assert services.tick(statement=first, actor=owner, line_ids=[line]) == 0


def test_a_reconciled_statement_stays_as_it_is_until_it_is_reopened(reconciled, owner, accounts):
    statement, entry = reconciled
    line = line_of(entry, accounts.checking)
    figures = {"start": statement.start, "end": statement.end, "opening": 1, "closing": 2}
    for attempt in (
        lambda: services.untick(statement=statement, actor=owner, line_ids=[line]),
        lambda: services.change_statement(statement=statement, actor=owner, version=None, **figures),
        lambda: services.remove_statement(statement=statement, actor=owner),
    ):
        with pytest.raises(errors.Conflict, match="Reopen it"):
            attempt()
    services.reopen_statement(statement=statement, actor=owner)
    assert services.untick(statement=statement, actor=owner, line_ids=[line]) == 1
    assert ask(statement).difference == -40_00


def test_what_another_person_changed_meanwhile_is_not_overwritten(state, owner):
    statement = state(100_00, 60_00)
    figures = {"start": statement.start, "end": statement.end, "opening": 100_00, "closing": 100_00}
    services.change_statement(statement=statement, actor=owner, version=1, **figures)
    with pytest.raises(errors.Conflict, match="in the meantime"):
        services.change_statement(statement=statement, actor=owner, version=1, **{**figures, "closing": 1})
    with pytest.raises(errors.Conflict, match="in the meantime"):
        services.reconcile(statement=statement, actor=owner, version=1)
    assert services.reconcile(statement=statement, actor=owner, version=2).version == 3


def test_rows_behind_an_earlier_last_day_leave_the_statement(state, spend, owner, accounts):
    line = line_of(spend(40_00, on=day("2026-03-30")), accounts.checking)
    statement = state(0, -40_00)
    services.tick(statement=statement, actor=owner, line_ids=[line])
    services.change_statement(
        statement=statement,
        actor=owner,
        version=None,
        start=statement.start,
        end=day("2026-03-29"),
        opening=0,
        closing=0,
    )
    assert ask(statement).sums.count == 0
    assert marks_of(line_ids=[line]) == {line: "cleared"}


def test_rows_of_a_removed_statement_stay_cleared(state, spend, owner, accounts):
    line = line_of(spend(40_00, on=day("2026-03-30")), accounts.checking)
    statement = state(0, -40_00)
    services.tick(statement=statement, actor=owner, line_ids=[line])
    services.remove_statement(statement=statement, actor=owner)
    assert marks_of(line_ids=[line]) == {line: "cleared"}


def test_marks_by_hand(state, spend, owner, accounts):
    line = line_of(spend(40_00, on=day("2026-03-30")), accounts.checking)
    mark = {"account": accounts.checking, "actor": owner, "line_ids": [line]}
    assert [services.mark_cleared(**mark, cleared=True) for _ in range(2)] == [1, 0]
    assert services.mark_cleared(**mark, cleared=False) == 1
    services.mark_cleared(**mark, cleared=True)
    services.tick(statement=state(0, -40_00), actor=owner, line_ids=[line])
    with pytest.raises(errors.Conflict, match="is on a statement"):
        services.mark_cleared(**mark, cleared=False)
    with pytest.raises(errors.NotFound):
        services.mark_cleared(account=accounts.savings, actor=owner, line_ids=[line], cleared=True)
    assert LineMark.objects.count() == 1


def test_what_is_no_statement_is_refused(state, accounts):
    with pytest.raises(errors.Invalid, match="before the first"):
        state(0, 0, "2026-03-31", "2026-03-01")
    with pytest.raises(errors.Invalid, match="hold money"):
        state(0, 0, account=accounts.groceries)
    state(0, 0)
    with pytest.raises(errors.Conflict, match="already"):
        state(1, 1)


def test_older_rows_are_offered_only_where_they_are_asked_for(state, spend, owner, accounts):
    old, new = (line_of(spend(1_00, on=day(on)), accounts.checking) for on in ("2026-02-27", "2026-03-02"))
    statement = state(0, -2_00)
    assert [row.line_id for row in rows_of(statement).rows] == [new]
    assert candidates(statement=statement) == [new]
    assert [row.line_id for row in rows_of(statement, earlier=True).rows] == [old, new]
    services.tick(statement=statement, actor=owner, line_ids=[old])
    assert [(row.line_id, row.linked) for row in rows_of(statement).rows] == [(old, True), (new, False)]


def test_rows_come_page_by_page_and_each_once(state, spend, owner, accounts):
    lines = [line_of(spend(1_00, on=day("2026-03-02")), accounts.checking) for _ in range(5)]
    statement = state(0, -5_00)
    found, cursor = [], None
    while True:
        page = rows_of(statement, after=cursor, limit=2)
        found += [row.line_id for row in page.rows]
        if (cursor := page.next_cursor) is None:
            break
    assert found == lines


def test_the_list_costs_two_queries_and_pages_keep_what_came_before(state, accounts, django_assert_num_queries):
    state(0, 10, "2025-12-01", "2026-03-31")  # a quarter and more, over the two after it
    state(10, 20, "2026-01-01", "2026-01-31")
    state(20, 30, "2026-05-01", "2026-05-31")
    with django_assert_num_queries(2):
        page = statements_page(account=accounts.checking)
    assert [(view.join.gap, view.join.overlap) for view in page.views] == [(30, 0), (0, 90), (0, 0)]
    first = statements_page(account=accounts.checking, limit=1)
    rest = statements_page(account=accounts.checking, after=first.next_cursor)
    assert [view.join for view in [*first.views, *rest.views]] == [view.join for view in page.views]
    assert [ask(view.statement).join for view in page.views] == [view.join for view in page.views]
    assert suggested_next(account=accounts.checking) == (day("2026-06-01"), 30)
