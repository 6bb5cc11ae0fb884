"""Payees are named, renamed, merged and removed.

A rename or a merge leaves past entries alone: the old name becomes an alias, and they are the payee's by it. On request
they are corrected, as one change that can be undone (ledger.services.changes).
"""

import datetime
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events import PayeeRemoved, PayeeSaved, PayeesMerged
from finance.ledger.change_models import Change
from finance.ledger.models import Account, AccountType, Book
from finance.ledger.revising import Edit
from finance.ledger.services import change_entries
from finance.payees.models import Payee, PayeeAlias
from finance.payees.selectors import entries_named, payee_for, texts_of
from identity.models import User
from platform_outbox.emit import emit

MOST_PAYEES = 5_000
MOST_ALIASES = 200
MOST_CORRECTED = 500
LONGEST_NAME = 200


@transaction.atomic
def save_payee(
    *,
    book: Book,
    payee: Payee | None = None,
    name: str | None = None,
    default_account: Account | None = None,
    aliases: Sequence[str] | None = None,
) -> Payee:
    """A new payee, or `payee` with another usual category and other aliases (None leaves them).

    Renaming is `rename_payee`. Raises Invalid (name, default_account, aliases), NotFound and Conflict.
    """
    _lock(book)
    if default_account is not None and default_account.type not in (AccountType.EXPENSE, AccountType.INCOME):
        raise Invalid(field="default_account", reason=_("Choose a category of income or spending."))
    if payee is None:
        if Payee.objects.filter(book=book).count() >= MOST_PAYEES:
            raise Conflict(reason=_("A book has at most %(most)d payees.") % {"most": MOST_PAYEES})
        payee = Payee(book=book, name=checked_name(name or ""))
        _refuse_taken(book, [payee.name], field="name")
    else:
        payee = payee_for(book=book, payee_id=payee.pk)
    payee.default_account = default_account
    payee.save()
    if aliases is not None:
        wanted = list({text.casefold(): text for text in map(checked_name, aliases)}.values())
        wanted = [text for text in wanted if text.casefold() != payee.name.casefold()]
        if len(wanted) > MOST_ALIASES:
            raise Invalid(field="aliases", reason=_("A payee has at most %(most)d aliases.") % {"most": MOST_ALIASES})
        _refuse_taken(book, wanted, field="aliases", but=payee)
        PayeeAlias.objects.filter(book=book, payee=payee).delete()
        PayeeAlias.objects.bulk_create([PayeeAlias(book=book, payee=payee, name=text) for text in wanted])
    emit(PayeeSaved(book_id=book.pk, payee_id=payee.pk))
    return payee


@transaction.atomic
def rename_payee(
    *, payee: Payee, actor: User | None, name: str, correct_past: bool, today: datetime.date
) -> Change | None:
    """Give the payee another name; the old one becomes an alias. Returns the change of past entries, if any changed.

    With `correct_past`, entries with any of its names get the new one; those in closed periods keep theirs and are the
    payee's by the alias. Raises Invalid (name), NotFound, Conflict (too many entries or aliases), and as change_entries.
    """
    book = payee.book
    _lock(book)
    payee = payee_for(book=book, payee_id=payee.pk)
    name, texts = checked_name(name), texts_of(payee=payee)
    _refuse_taken(book, [name], field="name", but=payee)
    PayeeAlias.objects.filter(book=book, payee=payee, name__iexact=name).delete()
    _add_aliases(payee, [text for text in texts if text.casefold() != name.casefold()])
    payee.name = name
    payee.save(update_fields=["name"])
    emit(PayeeSaved(book_id=book.pk, payee_id=payee.pk))
    return _correct(book, texts, name, actor, today, Change.Action.EDIT) if correct_past else None


@transaction.atomic
def merge_payee(
    *, payee: Payee, into: Payee, actor: User | None, correct_past: bool, today: datetime.date
) -> Change | None:
    """Make the payee's names aliases of `into`, and remove it. Returns the change of past entries, if any changed.

    Raises NotFound, Conflict for one and the same payee, too many aliases and too many entries, and as change_entries.
    """
    book = into.book
    if payee.pk == into.pk:
        raise Conflict(field="into", reason=_("Choose another payee to merge this one into."))
    _lock(book)
    payee, into = payee_for(book=book, payee_id=payee.pk), payee_for(book=book, payee_id=into.pk)
    texts, pk = texts_of(payee=payee), payee.pk
    payee.delete()
    _add_aliases(into, texts)
    emit(PayeesMerged(book_id=book.pk, payee_id=pk, into_id=into.pk))
    return _correct(book, texts, into.name, actor, today, Change.Action.MERGE_PAYEES) if correct_past else None


@transaction.atomic
def remove_payee(*, payee: Payee) -> None:
    """Remove the payee and its aliases; entries keep their payee's name. Raises NotFound."""
    _lock(payee.book)
    payee = payee_for(book=payee.book, payee_id=payee.pk)
    pk = payee.pk
    payee.delete()
    emit(PayeeRemoved(book_id=payee.book_id, payee_id=pk))


def _lock(book: Book) -> None:
    """One change of the book's payees at a time; read them after it."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)


def _add_aliases(payee: Payee, texts: Collection[str]) -> None:
    known = {alias.name.casefold() for alias in PayeeAlias.objects.filter(book_id=payee.book_id, payee=payee)}
    new = {text.casefold(): text for text in texts if text.casefold() not in known}
    if len(known) + len(new) > MOST_ALIASES:
        raise Conflict(reason=_("A payee has at most %(most)d aliases.") % {"most": MOST_ALIASES})
    PayeeAlias.objects.bulk_create([PayeeAlias(book_id=payee.book_id, payee=payee, name=text) for text in new.values()])


def _correct(
    book: Book, texts: list[str], name: str, actor: User | None, today: datetime.date, action: str
) -> Change | None:
    """Give the entries of open periods that have one of the names the new one."""
    found = entries_named(book=book, names=texts).exclude(payee=name)
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
    if closed is not None:
        found = found.filter(date__gt=closed)
    ids = list(found.values_list("pk", flat=True)[: MOST_CORRECTED + 1])
    if len(ids) > MOST_CORRECTED:
        reason = _("More than %(most)d entries have this name. Keep it as an alias instead: they are found by both.")
        raise Conflict(field="past", reason=reason % {"most": MOST_CORRECTED})
    if not ids:
        return None
    edit = Edit(payee=name)
    return change_entries(
        book=book, actor=actor, targets=dict.fromkeys(ids, ()), edit=edit, today=today, action=action
    ).change


def checked_name(name: str) -> str:
    """The name with single spaces. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        reason = _("Enter a name of at most %(longest)d characters.") % {"longest": LONGEST_NAME}
        raise Invalid(field="name", reason=reason)
    return name


def _refuse_taken(book: Book, names: list[str], *, field: str, but: Payee | None = None) -> None:
    """Raise Invalid where another payee has one of the names, as its own or as an alias."""
    for kind, owner in ((Payee, "pk"), (PayeeAlias, "payee")):
        named = kind.objects.filter(book=book).exclude(**{owner: but.pk if but else 0}).alias(key=Lower("name"))
        taken = named.filter(key__in=[Lower(Value(name)) for name in names]).values_list("name", flat=True).first()
        if taken is not None:
            reason = _("“%(name)s” is a payee already, or an alias of one.") % {"name": taken}
            raise Invalid(field=field, reason=reason)
