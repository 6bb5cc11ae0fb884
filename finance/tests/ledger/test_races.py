"""Threads that race each other through the services; each has its own connection, as two web requests have."""

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from finance import errors
from finance.ledger import services
from finance.ledger.models import Account, AccountMonth, Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.selectors import balances
from finance.tests.conftest import TODAY
from identity import idempotency

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]


def at_once(*jobs):
    """Run the jobs at the same moment; returns each one's result or the error it raised."""
    barrier = threading.Barrier(len(jobs))

    def run(job):
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            return job()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_postings_in_opposite_order_of_accounts_neither_deadlock_nor_lose_a_cent(book, owner, accounts):
    chosen = [accounts.checking, accounts.savings, accounts.cash, accounts.groceries]

    def poster(seed):
        def post():
            for round_ in range(15):
                first, second = chosen[(seed + round_) % 4], chosen[(seed + 3 * round_ + 1) % 4]
                if first == second:
                    second = chosen[(seed + 3 * round_ + 2) % 4]
                lines = [LineDraft(account_id=first.pk, amount=7), LineDraft(account_id=second.pk, amount=-7)]
                services.post_entry(book=book, actor=owner, date=TODAY, lines=lines)

        return post

    assert at_once(*[poster(seed) for seed in range(4)]) == [None] * 4

    sums = {}
    for account_id, amount in JournalLine.objects.values_list("account_id", "amount"):
        sums[account_id] = sums.get(account_id, 0) + amount
    assert balances(book=book) == sums
    assert JournalEntry.objects.count() == 60


def test_corrections_that_cross_do_not_wait_for_each_other_in_a_circle(book, owner, accounts, spend):
    entries = [spend(100, account=accounts.cash) for _ in range(6)] + [
        spend(100, category=accounts.rent, account=accounts.savings) for _ in range(6)
    ]

    def correct(chunk, category, account):
        def run():
            for entry in chunk:
                services.correct_entry(
                    entry=entry,
                    actor=owner,
                    date=TODAY,
                    payee="",
                    description="",
                    on=TODAY,
                    lines=[
                        LineDraft(account_id=category.pk, amount=5),
                        LineDraft(account_id=account.pk, amount=-5),
                    ],
                )

        return run

    results = at_once(
        correct(entries[:6], accounts.rent, accounts.savings), correct(entries[6:], accounts.groceries, accounts.cash)
    )

    assert results == [None, None]


def test_a_posting_either_precedes_the_close_or_is_refused(book, owner, accounts, spend):
    day = datetime.date(2026, 1, 20)

    def post():
        for _ in range(10):
            spend(100, on=day)

    def close():
        services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))

    results = at_once(post, post, close, post)

    assert results[2] is None
    closed_at = Book.objects.get(pk=book.pk)
    assert closed_at.closed_through == datetime.date(2026, 1, 31)
    assert all(result is None or isinstance(result, errors.PeriodClosedError) for result in results)
    month = AccountMonth.objects.filter(account=accounts.checking).first()
    assert (month.lines if month else 0) == JournalEntry.objects.count()
    with pytest.raises(errors.PeriodClosedError):
        spend(100, on=day)


def test_a_close_waits_for_a_posting_that_has_not_committed(book, owner, accounts, spend):
    """Without the lock, the close would return while the posting is still able to commit behind it."""
    from django.db import transaction

    posted, may_commit, closed = threading.Event(), threading.Event(), threading.Event()

    def post():
        with transaction.atomic():
            spend(100, on=datetime.date(2026, 1, 20))
            posted.set()
            assert may_commit.wait(10)

    def close_by_plain_update():
        assert posted.wait(10)
        Book.objects.filter(pk=book.pk).update(closed_through=datetime.date(2026, 1, 31))
        closed.set()

    def watch():
        assert posted.wait(10)
        stayed_open = not closed.wait(0.5)
        may_commit.set()
        return stayed_open

    assert at_once(post, close_by_plain_update, watch) == [None, None, True]
    assert closed.is_set()


def test_of_two_reversals_of_one_entry_one_wins(book, owner, spend):
    entry = spend(100)

    results = at_once(*[lambda: services.reverse_entry(entry=entry, actor=owner, on=TODAY)] * 3)

    assert sorted(type(result).__name__ for result in results) == [
        "AlreadyReversed", "AlreadyReversed", "JournalEntry",
    ]  # fmt: skip
    assert set(balances(book=book).values()) == {0}


def test_the_same_idempotency_key_posts_once(book, owner, spend):
    def request():
        return idempotency.remember_answer(
            user=owner, key="k-1", request_hash="a", run=lambda: (201, {"entry": str(spend(100).uid)})
        )

    results = at_once(request, request, request)

    assert JournalEntry.objects.count() == 1
    assert len({str(answer) for _, answer, _ in results}) == 1
    assert sorted(replayed for _, _, replayed in results) == [False, True, True]
    with pytest.raises(idempotency.IdempotencyMismatch):
        idempotency.remember_answer(user=owner, key="k-1", request_hash="b", run=lambda: (201, {}))


def test_a_failed_request_frees_its_idempotency_key(owner):
    def fail():
        raise errors.Conflict(reason="not now")

    with pytest.raises(errors.Conflict):
        idempotency.remember_answer(user=owner, key="k-2", request_hash="a", run=fail)

    assert idempotency.remember_answer(user=owner, key="k-2", request_hash="a", run=lambda: (201, {})) == (
        201,
        {},
        False,
    )


def test_first_exchanges_at_once_open_one_trading_account(book, owner, accounts):
    dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD"
    )

    def exchange():
        services.exchange(
            book=book,
            actor=owner,
            date=TODAY,
            source_account=accounts.checking,
            source_amount=100,
            target_account=dollars,
            target_amount=110,
        )

    assert at_once(exchange, exchange, exchange) == [None] * 3
    assert Account.objects.filter(book=book, kind="trading").count() == 2


def test_no_posting_slips_behind_the_closing_of_its_account(book, owner, accounts, spend):
    def close():
        return services.close_account(account=accounts.restaurants, actor=owner, on=TODAY)

    def post():
        return spend(100, category=accounts.restaurants)

    closed, posted = at_once(close, post)

    assert isinstance(closed, Account)
    assert isinstance(posted, JournalEntry | errors.AccountClosedError)
    with pytest.raises(errors.AccountClosedError):
        spend(100, category=accounts.restaurants)


def test_bulk_and_single_postings_race_without_deadlock(book, owner, accounts, spend):
    def draft(index):
        pair = (accounts.groceries, accounts.checking) if index % 2 else (accounts.rent, accounts.savings)
        return EntryDraft(
            date=TODAY - datetime.timedelta(days=index),
            lines=[LineDraft(account_id=pair[0].pk, amount=3), LineDraft(account_id=pair[1].pk, amount=-3)],
        )

    def bulk():
        for _ in range(3):
            services.post_entries(book=book, actor=owner, drafts=[draft(i) for i in range(60)], source="import")

    def single():
        for _ in range(20):
            spend(100, account=accounts.savings)

    assert at_once(bulk, single, bulk, single) == [None] * 4
    assert sum(balances(book=book).values()) == 0
