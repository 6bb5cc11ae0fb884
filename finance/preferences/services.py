"""Everything that changes a book's pay period and saved views. Each function is one transaction and announces itself."""

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from finance.errors import Conflict, Forbidden, Invalid
from finance.events.reports import PayPeriodSet, ViewRemoved, ViewSaved
from finance.ledger.models import Account, Book, Role
from finance.ledger.selectors import role_of
from finance.periods import PayRule
from finance.preferences.models import MAX_QUERY, PayPeriod, SavedView
from identity.models import User
from platform_outbox.emit import emit

MOST_VIEWS = 100
# What the address of a register may ask for.
PARAMETERS = frozenset({
    "scope", "below", "period", "start", "end", "q", "amount", "min", "max", "payee", "category", "account", "accounts", "currency",
    "kind", "who", "source", "tag", "mark", "all", "without",
})  # fmt: skip


@transaction.atomic
def set_pay_period(*, book: Book, actor: User | None, rule: PayRule | None) -> None:
    """Give the book a pay period, another one, or none."""
    if rule is None:
        PayPeriod.objects.filter(book=book).delete()
    else:
        values = {"day": rule.day, "shift": rule.shift, "anchor": rule.anchor, "weeks": rule.weeks}
        PayPeriod.objects.update_or_create(book=book, defaults=values)
    emit(PayPeriodSet(book_id=book.pk))


@transaction.atomic
def save_view(
    *, book: Book, actor: User, name: str, query: str = "", account: Account | None = None, shared: bool = False
) -> SavedView:
    """Save a register with its filters, as in its address, under a name.

    Raises Invalid (name, query), Forbidden (viewers keep their views to themselves), Conflict (the name is taken, or
    there are too many).
    """
    if SavedView.objects.filter(book=book, owner=actor).count() >= MOST_VIEWS:
        raise Conflict(reason=_("You can save at most %(most)d views in a book.") % {"most": MOST_VIEWS})
    view = SavedView(book=book, owner=actor, account=account)
    return _store(view, actor=actor, name=name, query=query, shared=shared)


@transaction.atomic
def change_view(
    *, view: SavedView, actor: User, name: str | None = None, query: str | None = None, shared: bool | None = None
) -> SavedView:
    """Rename a view, give it other filters, share it or not. Raises as `save_view` does."""
    return _store(
        view,
        actor=actor,
        name=view.name if name is None else name,
        query=view.query if query is None else query,
        shared=view.shared if shared is None else shared,
    )


@transaction.atomic
def remove_view(*, view: SavedView, actor: User) -> None:
    """Remove a view; the rows that it showed stay what they are."""
    event = ViewRemoved(book_id=view.book_id, view_id=view.pk)
    view.delete()
    emit(event)


def _store(view: SavedView, *, actor: User, name: str, query: str, shared: bool) -> SavedView:
    view.name = name.strip()
    if not view.name or len(view.name) > 80 or "\x00" in view.name:
        raise Invalid(field="name", reason=_("A view needs a name of at most 80 characters."))
    if shared and not view.shared and role_of(user=actor, book=view.book) == Role.VIEWER:
        raise Forbidden()
    view.query, view.shared = checked_query(query), shared
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict(field="name", reason=_("You have a view of this name already.")) from error
    emit(ViewSaved(book_id=view.book_id, view_id=view.pk))
    return view


def checked_query(query: str) -> str:
    """The filters as in an address, without what is empty and without the place in the list. Raises Invalid."""
    if len(query) > MAX_QUERY or "\x00" in query:
        raise Invalid(field="query", reason=_("These are more filters than a view can hold."))
    asked = QueryDict(query.removeprefix("?"), mutable=True)
    asked.pop("after", None)
    unknown = sorted(set(asked) - PARAMETERS)
    if unknown:
        raise Invalid(field="query", reason=_("A register has no filter named “%(name)s”.") % {"name": unknown[0][:40]})
    for name, values in list(asked.lists()):
        asked.setlist(name, [value for value in values if value])
        if not asked.getlist(name):
            del asked[name]
    return asked.urlencode()
