"""Erasing removes all rows of one book and none of any other, in every table."""

import datetime
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone

from finance.events.books import BookErased, BookRenamed
from finance.events.records import ImportReceived
from finance.ledger import services
from finance.ledger.integrity import verify_ledger
from finance.ledger.posting import LineDraft
from finance.ledger.services import erasing
from finance.ledger.services.erasing import erase_book, models_of_books
from finance.models import Book, BookDeletion, JournalEntry, JournalLine, Membership
from finance.tests.ledger.filling import fill, grace_ends
from identity.models import AuditRecord, IdempotencyRecord
from platform_outbox.emit import emit
from platform_outbox.models import Attempt, OutboxMessage
from platform_outbox.operations import runs
from platform_outbox.operations.models import OperationRun

pytestmark = pytest.mark.django_db

MARK = "Quittungszettel"
# They are to remember it.
REMEMBERS = {"finance_bookdeletion", "identity_auditrecord"}


@pytest.fixture
def other(stranger):
    return services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="Europe/Berlin")


def tables():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'book_id')"
            " FROM pg_class AS c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition"
        )
        return dict(cursor.fetchall())


def rows(table, where="true"):
    """Every row as text, whatever is in it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} AS t WHERE {where} ORDER BY 1")
        return [text for (text,) in cursor.fetchall()]


def deleted(book, owner):
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    grace_ends(book)


def test_all_tables_with_rows_of_books_are_known_and_go_before_what_they_refer_to():
    known = [model._meta.db_table for model in models_of_books()]
    assert sorted(known) == sorted(table for table, has_book in tables().items() if has_book)
    place = {table: number for number, table in enumerate(known)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        )
        keys = [(table, target) for table, target in cursor.fetchall() if {table, target} <= place.keys()]
    assert len(keys) > 30
    assert [(table, target) for table, target in keys if place[table] > place[target]] == []


def test_each_step_finds_the_rows_of_its_book_by_an_index():
    """Only answers to requests have none: they are kept for a day, and no book would be quicker to find than all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indrelid::regclass::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
            " AND attnum = indkey[0] WHERE attname = 'book_id' AND indpred IS NULL"
        )
        found = {table for (table,) in cursor.fetchall()}
    assert {model._meta.db_table for model in models_of_books()} - found == {"finance_idempotencyrecord"}


def test_no_row_that_goes_makes_the_database_read_a_whole_table():
    """Each key is asked for by an index that begins with one of its columns; of the book's own row only once a book."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s) AND confrelid::regclass::text = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = ANY(conkey))",
            [[model._meta.db_table for model in models_of_books()]] * 2,
        )
        assert cursor.fetchall() == []


def test_nothing_of_the_book_is_left_and_nothing_of_another_is_touched(book, owner, other, stranger):
    filled = fill(book, user=owner, mark=MARK)
    fill(other, user=stranger, mark="Andere")
    assert {table: rows(table, f"book_id = {book.pk}") == [] for table in filled} == dict.fromkeys(filled, False)
    # What is not in a table of books.
    IdempotencyRecord.objects.create(
        user=owner, key="k", request_hash="x", answer={"id": book.pk, "name": MARK, "base_currency": "EUR"}
    )
    deleted(book, owner)
    of_others = {table: rows(table, f"book_id <> {book.pk}") for table, has_book in tables().items() if has_book}
    assert sum(map(len, of_others.values())) >= len(filled)

    assert erase_book(book_id=book.pk)

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    left = {table: rows(table, f"book_id = {book.pk}") for table, has_book in tables().items() if has_book}
    assert {table: found for table, found in left.items() if found} == {}
    assert not Book.objects.filter(pk=book.pk).exists()
    assert {table: rows(table, f"book_id <> {book.pk}") for table in of_others} == of_others
    told = {table for table in tables() if any(MARK in text for text in rows(table))}
    assert told <= REMEMBERS


def test_who_erased_what_is_remembered(book, owner, spend):
    entries = [spend(10_00), spend(20_00)]
    services.seal_entries(posted={book.pk: [entry.pk for entry in entries]})
    deleted(book, owner)

    erase_book(book_id=book.pk)

    kept = BookDeletion.objects.get()
    assert (kept.book_number, kept.name, kept.deleted_by) == (book.pk, "Home", owner.email)
    assert kept.started_at <= kept.erased_at
    assert (kept.seals, len(kept.head)) == (2, 64)
    assert (kept.counts["finance_journalentry"], kept.counts["finance_journalline"]) == (2, 4)
    record = AuditRecord.objects.get(action="book_erased")
    assert (record.target, record.facts["entries"], record.facts["head"]) == ("Home", 2, kept.head)


def test_erasing_goes_on_where_it_was_stopped_and_counts_each_row_once(book, owner, spend, monkeypatch):
    first = spend(10_00)
    for amount in range(1, 8):
        first = services.correct_entry(
            entry=first, actor=owner, date=first.date, payee="x", description="", on=first.date,
            lines=_lines(first, more=amount),
        )  # fmt: skip
    lines, entries = (model.objects.filter(book=book).count() for model in (JournalLine, JournalEntry))
    deleted(book, owner)
    monkeypatch.setattr(erasing, "AT_ONCE", 3)
    steps = Counter()

    def stop():
        steps["done"] += 1
        if steps["done"] % 5 == 0:
            raise InterruptedError

    for _turn in range(1_000):
        try:
            if not erase_book(book_id=book.pk, between=stop):
                break
        except InterruptedError:
            steps["stopped"] += 1

    assert steps["stopped"] > 3
    kept = BookDeletion.objects.get()
    assert (kept.counts["finance_journalline"], kept.counts["finance_journalentry"]) == (lines, entries)
    assert AuditRecord.objects.filter(action="book_erased").count() == 1


def _lines(entry, *, more):
    lines = entry.lines.order_by("position")
    return [
        LineDraft(account_id=one.account_id, amount=one.amount + (more if one.amount > 0 else -more)) for one in lines
    ]


def test_of_two_who_erase_a_book_one_is_done_and_the_other_finds_nothing(book, owner, spend):
    spend(10_00)
    deleted(book, owner)
    outcomes = []

    def quicker():
        if not outcomes:
            outcomes.append(None)
            outcomes[0] = erase_book(book_id=book.pk)

    outcomes.append(erase_book(book_id=book.pk, between=quicker))

    assert outcomes == [True, False]
    assert AuditRecord.objects.filter(action="book_erased").count() == 1


def test_events_and_what_is_known_about_them_go_too(book, owner, other):
    emit(BookRenamed(book_id=book.pk))
    failed = emit(ImportReceived(import_id=1))
    theirs = emit(BookRenamed(book_id=other.pk))
    emit_mail = OutboxMessage.objects.create(
        event_type="identity.mail.wanted", ordering_key="mail:x", shard=1, available_at=timezone.now(),
        created_at=timezone.now(), payload={"to": "x@example.org", "text": f"https://x/b/{book.pk}/webhooks/3/"},
    )  # fmt: skip
    Attempt.objects.create(
        message_id=failed, handler="finance.read_import", number=1, outcome="failed", worker="w", error_class="E",
        error_message="x", traceback="", at=timezone.now(),
    )  # fmt: skip
    deleted(book, owner)
    BookDeletion.objects.update(event_keys=["import:1"], started_at=timezone.now())

    erase_book(book_id=book.pk)

    left = list(OutboxMessage.objects.values_list("pk", "event_type", "ordering_key"))
    assert [row for row in left if row[2] == f"book:{book.pk}"] == [(left[-1][0], BookErased.name, f"book:{book.pk}")]
    assert {failed, emit_mail.pk}.isdisjoint(row[0] for row in left)
    assert theirs in [row[0] for row in left]
    assert not Attempt.objects.exists()


def test_exported_files_and_runs_go_too(book, owner, other, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    mine, theirs = (
        OperationRun.objects.create(
            operation="books.export", scope=f"book:{each.pk}", parameters={"book": each.pk}, dry_run=False,
            requested_at=timezone.now(), state="done",
        )
        for each in (book, other)
    )  # fmt: skip
    for run in (mine, theirs):
        runs.write_private(runs.directory_of(run.pk) / "home.zip", [b"PK"])
    given = runs.keep_given([b"x"], name="home.qif")
    OperationRun.objects.create(
        operation="books.move_in", scope="user:1", parameters={"file": given}, result={"book": book.pk}, dry_run=False,
        requested_at=timezone.now(), state="done",
    )  # fmt: skip
    deleted(book, owner)

    erase_book(book_id=book.pk)

    assert list(OperationRun.objects.all()) == [theirs]
    assert (runs.left_by(mine.pk), len(runs.left_by(theirs.pk))) == ([], 1)
    with pytest.raises(OSError, match="No such file"):
        runs.given(given)


def test_only_books_whose_grace_is_over_are_erased(book, owner, other):
    assert not erase_book(book_id=book.pk)
    services.delete_book(book=book, actor=owner, base_url="https://books.example.org")
    assert services.erase_due_books() == 0
    assert not erase_book(book_id=book.pk)

    grace_ends(book)

    assert services.erase_due_books() == 1
    assert list(Book.objects.all()) == [other]
    assert services.erase_due_books() == 0


def test_a_book_that_is_half_erased_breaks_no_promise_of_the_others(book, owner, other, spend, monkeypatch):
    entry = spend(10_00)
    services.seal_entries(posted={book.pk: [entry.pk]})
    verify_ledger(now=timezone.now())
    deleted(book, owner)
    for table in ("finance_journalline", "finance_seal"):
        erasing._erase_rows(book.pk, table)

    later = timezone.now() + datetime.timedelta(days=1)
    report = verify_ledger(now=later)

    assert (report.sound, report.warnings, report.books) == (True, [], 1)
    assert services.seal_missed() == 0


def test_members_stay_people(book, owner, editor):
    deleted(book, owner)
    erase_book(book_id=book.pk)
    owner.refresh_from_db()
    assert not Membership.objects.filter(user__in=[owner, editor]).exists()
