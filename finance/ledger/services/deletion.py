"""Deleting a book and taking that back. Erasing, which cannot be taken back, is in erasing.py.

From its deletion a book is hidden: pages and the API know no such book, webhooks and periodic jobs leave it out. Its owners
can restore it until its grace is over. A demo book has no grace.
"""

import contextlib
import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.clock import day_in
from finance.errors import Conflict, NotFound
from finance.events.books import BookDeleted, BookDeletionNotice, BookErasureDue, BookRestored
from finance.ledger.deletion_models import BookDeletion
from finance.ledger.models import Account, Book, Membership, Role
from finance.ledger.services.members import lock_for_owner
from identity import audit, mail
from identity.models import User
from platform_outbox.emit import emit, emit_many
from platform_outbox.operations import services as operations
from platform_outbox.operations.models import OPEN_RUNS, OperationRun


@transaction.atomic
def delete_book(*, book: Book, actor: User, base_url: str) -> Book:
    """Hide the book from everybody, to be erased after BOOK_GRACE_DAYS; a demo book as soon as a worker comes to it.

    For owners only. Members get a mail, whose link starts with `base_url`. Returns the book with `erase_at`. Raises
    Forbidden, and NotFound for strangers and for a book that is deleted already.
    """
    lock_for_owner(book=book, actor=actor)
    current = Book.objects.get(pk=book.pk)
    if current.deleted_at is not None:
        raise NotFound(thing="book")
    grace = datetime.timedelta(days=0 if current.is_demo else settings.BOOK_GRACE_DAYS)
    # By the database's clock, which guards the grace.
    Book.objects.filter(pk=current.pk).update(deleted_at=Now(), erase_at=Now() + grace)
    deleted = Book.objects.get(pk=book.pk)
    note_deletion(deleted, by=actor.email)
    _stop_operations(deleted, by=actor.email)
    _record(audit.Action.BOOK_DELETED, book=deleted, actor=actor)
    emit(BookDeleted(book_id=deleted.pk))
    if deleted.is_demo:
        emit(BookErasureDue(erase_id=deleted.pk))
    else:
        _tell_members(deleted, actor=actor, deleted=True, base_url=base_url)
    return deleted


def note_deletion(book: Book, *, by: str) -> BookDeletion:
    """The record of a deleted book, made unless it is there. `by` is empty for a book that was deleted in the database."""
    assert book.deleted_at is not None
    assert book.erase_at is not None
    known = {"name": book.name, "is_demo": book.is_demo, "deleted_at": book.deleted_at, "erase_at": book.erase_at}
    deletion, _made = BookDeletion.objects.get_or_create(
        book_number=book.pk, restored_at=None, defaults={**known, "deleted_by": by}
    )
    return deletion


@transaction.atomic
def restore_book(*, book_id: int, actor: User, base_url: str) -> Book:
    """Take a deletion back: everything is where it was. For owners only.

    Raises NotFound for everybody else, who are not told of the book, and Conflict when it is not deleted or its grace is over.
    """
    book = Book.objects.select_for_update().filter(pk=book_id).first()
    owns = Membership.objects.filter(book=book_id, user=actor, role=Role.OWNER).exists()
    if book is None or not owns:
        raise NotFound(thing="book")
    if book.erase_at is None:
        raise Conflict(reason=_("This book is not deleted."))
    if Book.objects.to_be_erased().filter(pk=book.pk).exists():
        raise Conflict(reason=_("This book cannot be restored any more: it is being erased."))
    Book.objects.filter(pk=book.pk).update(deleted_at=None, erase_at=None)
    book.refresh_from_db()
    standing = BookDeletion.objects.filter(book_number=book.pk, restored_at=None)
    standing.update(restored_at=timezone.now(), restored_by=actor.email)
    _record(audit.Action.BOOK_RESTORED, book=book, actor=actor)
    emit(BookRestored(book_id=book.pk))
    _tell_members(book, actor=actor, deleted=False, base_url=base_url)
    return book


def day_of_erasure(book: Book) -> datetime.date | None:
    """The day, in the book's time zone, from which a deleted book is erased; None for one that is not deleted."""
    return day_in(book.time_zone, at=book.erase_at) if book.erase_at is not None else None


def deletion_mail(event: BookDeletionNotice) -> EmailMultiAlternatives | None:
    """The mail about a deletion or a restoring; None where it is no longer true, or nobody's to read."""
    membership = (
        Membership.objects.select_related("book", "user").filter(book=event.book_id, user=event.user_id).first()
    )
    if membership is None or (membership.book.deleted_at is not None) != event.deleted or not membership.user.is_active:
        return None
    book = membership.book
    address = reverse("web:books") if event.deleted else reverse("web:overview", args=[book.pk])
    context = {
        "book": book,
        "actor": User.objects.get(pk=event.actor_id).get_full_name(),
        "day": day_of_erasure(book),
        "owns": membership.role == Role.OWNER,
        "link": f"{event.base_url}{address}",
    }
    template = "web/mail/book_deleted" if event.deleted else "web/mail/book_restored"
    return mail.compose(to=membership.user.email, template=template, context=context)


def _tell_members(book: Book, *, actor: User, deleted: bool, base_url: str) -> None:
    """One mail to each member, the actor too: someone who got into an account must not delete unnoticed."""
    members = Membership.objects.filter(book=book).order_by("pk").values_list("user_id", "user__language")
    emit_many(
        [
            BookDeletionNotice(
                book_id=book.pk,
                user_id=user_id,
                actor_id=actor.pk,
                deleted=deleted,
                base_url=base_url,
                language=language or get_language() or "",
            )
            for user_id, language in members
        ]
    )


def _stop_operations(book: Book, *, by: str) -> None:
    """Exports and the like end at their next step."""
    scopes = [f"book:{book.pk}"]
    scopes += [f"account:{pk}" for pk in Account.objects.filter(book=book).values_list("pk", flat=True)]
    for run in OperationRun.objects.filter(state__in=OPEN_RUNS).filter(
        Q(scope__in=scopes) | Q(parameters__book=book.pk)
    ):
        with contextlib.suppress(operations.OperationRefused):  # it cannot stop half-way, or is over by now
            operations.cancel(run_id=run.pk, by=by)


def _record(action: audit.Action, *, book: Book, actor: User) -> None:
    facts: dict[str, Any] = {"book": book.pk}
    if book.erase_at is not None:
        facts["erase_at"] = book.erase_at.isoformat()
    audit.record(action=action, actor=actor, target=book.name, facts=facts)
