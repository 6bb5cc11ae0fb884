"""Reading a book's pay period and saved views."""

from django.db.models import Q, QuerySet

from finance.errors import Forbidden, NotFound
from finance.ledger.models import Book, Role
from finance.ledger.selectors import role_of
from finance.periods import PayRule
from finance.preferences.models import PayPeriod, SavedView
from identity.models import User


def pay_rule_of(*, book: Book) -> PayRule | None:
    """When the book's pay period begins; None where that was not set."""
    found = PayPeriod.objects.filter(book=book).first()
    return found.rule() if found else None


def views_of(*, book: Book, user: User) -> QuerySet[SavedView]:
    """The person's own views of the book, and those that others share."""
    return SavedView.objects.filter(Q(owner_id=user.pk) | Q(shared=True), book=book)


def view_for(*, book: Book, user: User, view_id: int, to_change: bool = False) -> SavedView:
    """The view. `to_change`: it is the person's own, or shared and the person owns the book.

    Raises NotFound, and Forbidden where it may be seen and not changed.
    """
    view = views_of(book=book, user=user).filter(pk=view_id).first()
    if view is None:
        raise NotFound(thing="saved view")
    if to_change and view.owner_id != user.pk and role_of(user=user, book=book) != Role.OWNER:
        raise Forbidden()
    view.book = book
    return view
