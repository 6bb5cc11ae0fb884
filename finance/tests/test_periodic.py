import datetime

import pytest

from finance.ledger.models import LedgerCheck
from finance.periodic import verify_ledger
from platform_outbox import testing
from platform_outbox.operations.models import OperationRun

NOW = datetime.datetime(2026, 3, 15, 3, tzinfo=datetime.UTC)


class At:
    def __init__(self, now):
        self.now = now


@pytest.fixture
def proven_at():
    def prove(moment, book=None):
        LedgerCheck.objects.create(book=book, checked_at=moment, entries=0, lines=0, problems=[])

    return prove


def runs():
    return list(OperationRun.objects.values_list("operation", "by", "state"))


def test_all_books_are_verified_once_a_day(book, spend):
    spend(10_00)
    verify_ledger(At(NOW))
    verify_ledger(At(NOW))  # while the first still waits
    assert runs() == [("ledger.verify", "every day", "requested")]
    testing.drain()
    assert runs() == [("ledger.verify", "every day", "done")]
    assert LedgerCheck.objects.get(book=None).problems == []


def test_what_was_proven_today_is_not_proven_again(book, proven_at):
    proven_at(NOW - datetime.timedelta(hours=22))
    verify_ledger(At(NOW))
    assert runs() == []


def test_the_proof_of_one_book_is_none_of_all(book, proven_at):
    proven_at(NOW - datetime.timedelta(hours=1), book=book)
    proven_at(NOW - datetime.timedelta(hours=24))
    verify_ledger(At(NOW))
    assert len(runs()) == 1


@pytest.mark.django_db
def test_without_a_book_there_is_nothing_to_prove():
    verify_ledger(At(NOW))
    assert runs() == []
