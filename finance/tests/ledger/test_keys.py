"""No row points into another book, however it is written, and Django still uses ids as keys."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count

from finance.ledger import services
from finance.ledger.models import Account, JournalEntry
from finance.ledger.posting import LineDraft
from finance.models import ImportBatch, WebhookDelivery, WebhookEndpoint

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]


@pytest.fixture
def elsewhere(owner):
    return services.create_book(
        owner=owner, name="Elsewhere", base_currency="EUR", time_zone="Europe/Berlin", template="household"
    )


def refused(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            cursor.execute(statement, values)
    return caught.value.__cause__.diag.constraint_name


def test_an_account_hangs_below_no_account_of_another_book(book, accounts, elsewhere):
    parent = Account.objects.filter(book=elsewhere, kind="group").first()
    statement = "UPDATE finance_account SET parent_id = %s WHERE id = %s"
    assert refused(statement, parent.pk, accounts.groceries.pk) == "finance_account_parent_of_book"


def test_an_entry_reverses_no_entry_of_another_book(book, accounts, spend, elsewhere):
    spend(1_00)
    entry = JournalEntry.objects.get(book=book)
    statement = (
        "INSERT INTO finance_journalentry (book_id, uid, date, payee, description, source, line_count, reverses_id)"
        " VALUES (%s, gen_random_uuid(), %s, '', '', 'reversal', 2, %s)"
    )
    # The guard of reversals and the key both refuse it; whichever is asked first.
    assert refused(statement, elsewhere.pk, entry.date, entry.pk) in (
        "finance_journalentry_reverses_of_book", "finance_reversal_opposite", "finance_entry_complete",
    )  # fmt: skip


def test_an_import_names_no_account_of_another_book(book, accounts, elsewhere):
    batch = ImportBatch.objects.create(
        book=book, account=accounts.checking, file_name="a.csv", sha256="0" * 64, content=b"", size=0
    )
    stranger = Account.objects.filter(book=elsewhere, kind="checking").first()
    statement = "UPDATE finance_importbatch SET account_id = %s WHERE id = %s"
    assert refused(statement, stranger.pk, batch.pk) == "finance_importbatch_account_of_book"


def test_a_delivery_goes_to_no_webhook_of_another_book(book, elsewhere):
    webhook = WebhookEndpoint.objects.create(book=elsewhere, url="https://example.org/")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="finance_webhookdelivery_endpoint_of_book"), transaction.atomic():
        WebhookDelivery.objects.create(
            book=book, endpoint=webhook, message_id="m", event_type="t", occurred_at=book.created_at, body=""
        )


def test_the_same_outside_name_in_two_books_is_two_entries(book, accounts, owner, spend, elsewhere):
    """A uid that a client chose in one book is free in every other."""
    spend(1_00)
    entry = JournalEntry.objects.get(book=book)
    checking = Account.objects.get(book=elsewhere, kind="checking")
    groceries = Account.objects.filter(book=elsewhere, type="expense", kind="category").first()
    services.post_entry(
        book=elsewhere,
        actor=owner,
        date=entry.date,
        lines=[LineDraft(account_id=groceries.pk, amount=1_00), LineDraft(account_id=checking.pk, amount=-1_00)],
        uid=entry.uid,
    )
    assert JournalEntry.objects.filter(uid=entry.uid).count() == 2


def test_rows_of_a_book_can_be_counted_by_groups(book, accounts, spend):
    """Django would group by `id` alone, which is no key of the server's here."""
    spend(1_00)
    counted = Account.objects.filter(book=book).annotate(count=Count("lines")).get(pk=accounts.checking.pk)
    assert counted.count == 1
