"""Confirmations that race each other, with real connections."""

import threading

import pytest
from django.db import IntegrityError, connection

from finance.imports.models import ImportBatch, ImportRow
from finance.imports.services import confirm_import, stage_import
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import balance_of
from finance.tests.imports.conftest import CSV

pytestmark = pytest.mark.django_db(transaction=True)


def race(*batches, owner):
    """Confirm all at the same moment, each on a connection of its own; returns the errors."""
    barrier, errors = threading.Barrier(len(batches)), []

    def run(pk):
        try:
            barrier.wait(timeout=10)
            confirm_import(batch=ImportBatch.objects.get(pk=pk), actor=owner)
        except Exception as error:  # the test looks at what it was
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(batch.pk,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return errors


def test_a_double_click_posts_once(book, accounts, owner):
    batch = stage_import(book=book, account=accounts.checking, actor=owner, data=CSV, file_name="a.csv")
    assert race(batch, batch, batch, owner=owner) == []
    assert JournalEntry.objects.count() == 4
    assert balance_of(account=accounts.checking) == 1957_50


def test_two_files_with_the_same_rows_post_them_once(book, accounts, owner):
    batches = [
        stage_import(book=book, account=accounts.checking, actor=owner, data=CSV, file_name=f"{n}.csv")
        for n in range(3)
    ]
    assert race(*batches, owner=owner) == []
    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"confirmed"}
    assert JournalEntry.objects.count() == 4
    assert ImportRow.objects.filter(active=True).count() == 4


def test_the_database_refuses_a_second_row_of_the_same_identity(book, accounts, owner):
    batch = stage_import(book=book, account=accounts.checking, actor=owner, data=CSV, file_name="a.csv")
    confirm_import(batch=batch, actor=owner)
    other = stage_import(book=book, account=accounts.checking, actor=owner, data=CSV, file_name="b.csv")
    with pytest.raises(IntegrityError, match="finance_importrow_identity"):
        other.rows.update(active=True)
