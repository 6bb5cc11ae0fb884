"""Closing the books through a date, and opening them again."""

import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict
from finance.events.journal import PeriodClosed, PeriodReopened
from finance.ledger.models import Book
from identity.models import User
from platform_outbox.emit import emit


@transaction.atomic
def close_period(*, book: Book, actor: User | None, through: datetime.date) -> Book:
    """Refuse postings dated on or before `through` from now on. Waits for postings under way. Raises Conflict."""
    locked = Book.objects.select_for_update().get(pk=book.pk)
    if locked.closed_through is not None and through <= locked.closed_through:
        raise Conflict(
            field="through",
            reason=_("The book is already closed through %(closed_through)s.")
            % {"closed_through": locked.closed_through},
        )
    locked.closed_through = through
    locked.save(update_fields=["closed_through"])
    emit(PeriodClosed(book_id=book.pk, through=through))
    return locked


@transaction.atomic
def reopen_period(*, book: Book, actor: User | None, through: datetime.date | None) -> Book:
    """Move the closing date back to `through`, or open the whole book with None. Raises Conflict."""
    locked = Book.objects.select_for_update().get(pk=book.pk)
    if locked.closed_through is None:
        raise Conflict(reason=_("The book is not closed."))
    if through is not None and through >= locked.closed_through:
        raise Conflict(
            field="through",
            reason=_("The book is closed only through %(closed_through)s.") % {"closed_through": locked.closed_through},
        )
    locked.closed_through = through
    locked.save(update_fields=["closed_through"])
    emit(PeriodReopened(book_id=book.pk, through=through))
    return locked
