"""Erasing books whose grace is over: everything of theirs, in steps, each a transaction.

A step that was done has nothing left to do when the work begins again, so a stopped worker costs nothing. The database lets
a book's rows go only when its grace is over (migration 0019), and two who erase one book take turns there.
"""

import graphlib
from collections.abc import Callable
from itertools import chain as concatenated
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from finance.events.books import BookErased
from finance.ledger.deletion_models import BookDeletion
from finance.ledger.models import Account, Book, ChainHead, Invitation
from finance.ledger.services.deletion import note_deletion
from identity import audit
from identity.models import IdempotencyRecord
from platform_outbox import retention
from platform_outbox.emit import emit
from platform_outbox.operations import runs
from platform_outbox.operations.models import OperationRun

# Rows deleted in one go.
AT_ONCE = 5_000
# What people ask of a record of many tables.
COUNTED = {"entries": "finance_journalentry", "lines": "finance_journalline", "attachments": "finance_attachment"}


def erase_due_books(*, between: Callable[[], None] = lambda: None) -> int:
    """Erase every book whose grace is over; returns how many. `between` is called between two steps, and may end the work.

    Raises IntegrityError, when all others are erased, if rows came meanwhile that the next call takes along.
    """
    erased, refused = 0, None
    for book_id in Book.objects.to_be_erased().order_by("pk").values_list("pk", flat=True):
        try:
            erased += erase_book(book_id=book_id, between=between)
        except IntegrityError as error:
            refused = error
    if refused is not None:
        raise refused
    return erased


def erase_book(*, book_id: int, between: Callable[[], None] = lambda: None) -> bool:
    """Erase one book whose grace is over, and say in its BookDeletion what there was; False where there is no such book."""
    deletion = _begin(book_id)
    if deletion is None:
        return False
    _erase_operations(book_id, between=between)
    try:
        for model in models_of_books():
            while _erase_rows(book_id, model._meta.db_table):
                between()
    except IntegrityError:
        if Book.objects.filter(pk=book_id).exists():
            raise
        return False  # another worker was quicker
    retention.forget(
        keys=[f"book:{book_id}", *deletion.event_keys],
        carrying=[{"book_id": book_id}, {"scope": f"book:{book_id}"}],
        saying=[f"%/b/{book_id}/%"],
        destinations=[f"% for book {book_id}"],
        renew=between,
    )
    return _finish(book_id)


def models_of_books() -> list[type[models.Model]]:
    """Every model with rows of books, whichever app it is in: each before those that its rows refer to."""
    found = [
        model for model in apps.get_models() if any(field.column == "book_id" for field in model._meta.local_fields)
    ]
    order = graphlib.TopologicalSorter[type[models.Model]](dict.fromkeys(found, ()))
    for model in found:
        for field in model._meta.local_fields:
            # Without a key in the database, and meant to outlive what it names: no order between the two.
            is_loose = getattr(field.remote_field, "on_delete", None) is models.DO_NOTHING
            if field.related_model in found and field.related_model is not model and not is_loose:
                order.add(field.related_model, model)
    return list(order.static_order())


@transaction.atomic
def _begin(book_id: int) -> BookDeletion | None:
    """Note what could not be found out any more once rows are gone."""
    book = Book.objects.to_be_erased().select_for_update().filter(pk=book_id).first()
    if book is None:
        return None
    deletion = note_deletion(book, by="")
    if deletion.started_at is None:
        head = ChainHead.objects.filter(book=book).first()
        if head is not None:
            deletion.seals, deletion.head = head.seals, bytes(head.hash).hex()
        deletion.started_at = timezone.now()
        imports = apps.get_model("finance", "ImportBatch").objects.filter(book=book)
        deletion.event_keys = [
            *(f"invitation:{pk}" for pk in Invitation.objects.filter(book=book).values_list("pk", flat=True)),
            *(f"import:{pk}" for pk in imports.values_list("pk", flat=True)),
        ]
        deletion.save()
    return deletion


def _erase_operations(book_id: int, *, between: Callable[[], None]) -> None:
    """Runs of long operations on the book, with the files that they were given or left, such as exports."""
    scopes = [f"book:{book_id}"]
    scopes += [f"account:{pk}" for pk in Account.objects.filter(book=book_id).values_list("pk", flat=True)]
    applications = apps.get_model("finance", "RuleApplication").objects.filter(book=book_id)
    scopes += [f"application:{pk}" for pk in applications.values_list("pk", flat=True)]
    named = Q(scope__in=scopes) | Q(parameters__book=book_id) | Q(kept__book=book_id) | Q(result__book=book_id)
    found = list(OperationRun.objects.filter(named))
    # The dry run from which the book was created shows what is in it.
    reports = [run.kept["report"] for run in found if isinstance(run.kept.get("report"), int)]
    for run in concatenated(found, OperationRun.objects.filter(pk__in=reports)):
        runs.remove_files(run.pk, names=[value for value in [run.parameters.get("file")] if isinstance(value, str)])
        run.delete()
        between()


@transaction.atomic
def _erase_rows(book_id: int, table: str) -> int:
    """A step through one table, counted where it is done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT finance_erase_book(%s, %s, %s)", [book_id, table, AT_ONCE])
        erased = int(cursor.fetchone()[0])
    if erased:
        deletion = _standing(book_id)
        deletion.counts[table] = deletion.counts.get(table, 0) + erased
        deletion.save(update_fields=["counts"])
    return erased


@transaction.atomic
def _finish(book_id: int) -> bool:
    """The book itself, and the last word on it."""
    book = Book.objects.to_be_erased().select_for_update().filter(pk=book_id).first()
    if book is None:  # another worker was quicker
        return False
    # The answer to the request that began the book names none.
    begun = IdempotencyRecord.objects.filter(book_id=None, answer__id=book_id, answer__has_key="base_currency")
    begun.delete()
    # What came meanwhile: the database refuses to leave it, except in tables without a key to the book.
    for model in models_of_books():
        field = next(each for each in model._meta.local_fields if each.column == "book_id")
        if not getattr(field, "db_constraint", False):
            _erase_rows(book_id, model._meta.db_table)
    Book.objects.filter(pk=book_id)._raw_delete(using=connection.alias)
    deletion = _standing(book_id)
    deletion.erased_at, deletion.event_keys = timezone.now(), []
    deletion.save(update_fields=["erased_at", "event_keys"])
    facts: dict[str, Any] = {"book": book_id, "seals": deletion.seals, "head": deletion.head}
    facts |= {name: deletion.counts.get(table, 0) for name, table in COUNTED.items()}
    audit.record(action=audit.Action.BOOK_ERASED, actor=None, target=deletion.name, facts=facts)
    emit(BookErased(book_id=book_id))
    return True


def _standing(book_id: int) -> BookDeletion:
    return BookDeletion.objects.select_for_update().get(book_number=book_id, restored_at=None)
