"""What hangs on an entry stays there through corrections."""

import datetime

import pytest

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.ledger.revisions import current_of, root_of, roots_of

ON = datetime.date(2026, 3, 15)


@pytest.fixture
def correct(owner, accounts):
    """correct(entry, 5_00) → its replacement."""

    def run(entry, amount):
        lines = [
            LineDraft(account_id=accounts.groceries.pk, amount=amount),
            LineDraft(account_id=accounts.checking.pk, amount=-amount),
        ]
        return services.correct_entry(
            entry=entry, actor=owner, date=entry.date, lines=lines, payee=entry.payee, description="", on=ON
        )

    return run


def test_every_version_and_every_reversal_has_the_first_version_as_its_root(
    book, owner, spend, correct, django_assert_num_queries
):
    first, alone = spend(10_00), spend(1_00)
    second = correct(first, 11_00)
    third = correct(second, 12_00)
    gone = services.reverse_entry(entry=third, actor=owner, on=ON)
    ids = [first.pk, second.pk, third.pk, gone.pk, second.pk - 1, alone.pk]
    with django_assert_num_queries(1):
        roots = roots_of(book=book, entry_ids=ids)
    assert roots == {**dict.fromkeys(ids[:5], first.pk), alone.pk: alone.pk}
    assert root_of(entry=gone) == root_of(entry=third) == first.pk
    with django_assert_num_queries(0):
        assert root_of(entry=alone) == alone.pk
        assert roots_of(book=book, entry_ids=[]) == {}


def test_the_version_that_counts_is_found_from_the_root(book, owner, spend, correct, django_assert_num_queries):
    first, deleted, alone = spend(10_00), spend(2_00), spend(1_00)
    second = correct(first, 11_00)
    services.reverse_entry(entry=deleted, actor=owner, on=ON)
    with django_assert_num_queries(1):
        current = current_of(book=book, root_ids=[first.pk, deleted.pk, alone.pk])
    assert current == {first.pk: second.pk, alone.pk: alone.pk}


def test_another_books_entries_have_no_root_here(book, spend, stranger):
    entry = spend(1_00)
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    assert roots_of(book=other, entry_ids=[entry.pk]) == {}
    assert current_of(book=other, root_ids=[entry.pk]) == {}
