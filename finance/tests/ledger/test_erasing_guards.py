"""The database lets rows go only with a book whose grace is over, for the application's role and for the owner alike."""

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from finance.ledger import services
from finance.ledger.grants import grant_application_rights
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.tests.ledger.filling import grace_ends
from finance.tests.ledger.roles import REFUSALS, connect, made_role

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def application(db):
    with made_role(lambda name: grant_application_rights(role=name)) as connected:
        yield connected


@pytest.fixture
def owner_connection(db):
    settings = connection.settings_dict
    return lambda: connect(user=settings["USER"], password=settings["PASSWORD"])


KEPT = ["finance_journalline", "finance_seal", "finance_journalentry", "finance_accountmonth", "finance_chainhead",
        "finance_periodchange", "finance_notedhead"]  # fmt: skip


@pytest.mark.parametrize("role", ["application", "owner_connection"])
def test_nothing_goes_before_the_grace_is_over(request, role, book, owner, spend):
    entry = spend(10_00)
    services.seal_entries(posted={book.pk: [entry.pk]})
    services.close_period(book=book, actor=owner, through=entry.date.replace(day=1))
    verify(book)
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    connected = request.getfixturevalue(role)

    for table in KEPT:
        with pytest.raises(REFUSALS), connected() as raw:
            raw.execute(f"DELETE FROM {table} WHERE book_id = %s", [book.pk])
        with pytest.raises(psycopg.errors.CheckViolation), connected() as raw:
            raw.execute("SELECT finance_erase_book(%s, %s, 10)", [book.pk, table])
    assert JournalEntry.objects.filter(book=book).count() == 1


def verify(book):
    from django.utils import timezone

    from finance.ledger.integrity import verify_ledger

    verify_ledger(book=book, now=timezone.now())


def test_the_application_erases_by_the_function_only(application, book, owner, spend):
    spend(10_00)
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    grace_ends(book)

    with pytest.raises(psycopg.errors.InsufficientPrivilege), application() as raw:
        raw.execute("DELETE FROM finance_journalline WHERE book_id = %s", [book.pk])
    with application() as raw:
        erased = raw.execute("SELECT finance_erase_book(%s, 'finance_journalline', 10)", [book.pk]).fetchone()

    assert erased == (2,)
    assert not JournalLine.objects.filter(book=book).exists()


@pytest.mark.parametrize("table", ["finance_book", "identity_user", "pg_class", "x; DROP TABLE finance_book", ""])
def test_the_function_takes_tables_of_books_only(application, book, owner, table):
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    grace_ends(book)
    with pytest.raises(psycopg.Error) as refusal, application() as raw:
        raw.execute("SELECT finance_erase_book(%s, %s, 10)", [book.pk, table])
    assert refusal.value.sqlstate == "22023"


@pytest.mark.parametrize("role", ["application", "owner_connection"])
@pytest.mark.parametrize(
    "change",
    [
        "deleted_at = now() - interval '20 days', erase_at = now()",
        "deleted_at = now(), erase_at = now() + interval '1 hour'",
        "erase_at = '-infinity'",
        "is_demo = true",
    ],
)
def test_a_book_cannot_be_deleted_in_the_past_or_become_a_demo(request, role, change, book):
    with pytest.raises(psycopg.errors.CheckViolation), request.getfixturevalue(role)() as raw:
        raw.execute(f"UPDATE finance_book SET {change} WHERE id = %s", [book.pk])


def test_the_moment_of_deletion_is_the_databases(book):
    Book.objects.filter(pk=book.pk).update(deleted_at="2020-01-01T00:00Z", erase_at="2099-01-01T00:00Z")
    book.refresh_from_db()
    assert book.deleted_at.year > 2020
    with pytest.raises(IntegrityError, match="a day at least"), transaction.atomic():
        Book.objects.filter(pk=book.pk).update(erase_at="2098-01-01T00:00Z")


def test_after_its_grace_a_book_cannot_be_had_back(book, owner):
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    grace_ends(book)
    with pytest.raises(IntegrityError, match="grace of book"), transaction.atomic():
        Book.objects.filter(pk=book.pk).update(deleted_at=None, erase_at=None)


def test_a_book_does_not_begin_deleted():
    with pytest.raises(IntegrityError, match="does not begin deleted"), transaction.atomic():
        Book.objects.create(
            name="Old",
            base_currency="EUR",
            time_zone="UTC",
            deleted_at="2020-01-01T00:00Z",
            erase_at="2020-01-15T00:00Z",
        )
