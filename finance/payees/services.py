"""Payees are named, renamed, merged and removed.

A rename or a merge leaves past entries alone: the old name becomes an alias, and they are the payee's by it. Where it is
asked for, they are corrected, each by its reversal and a replacement.
"""

import datetime
from collections.abc import Collection, Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid, NotFound
from finance.events import PayeeRemoved, PayeeSaved, PayeesMerged
from finance.ledger.models import Account, AccountType, Book, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.services import correct_entry
from finance.payees.models import Payee, PayeeAlias
from finance.payees.selectors import entries_named, texts_of
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

    Renaming is `rename_payee`. Raises Invalid (name, default_account, aliases) and Conflict.
    """
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    if default_account is not None and default_account.type not in (AccountType.EXPENSE, AccountType.INCOME):
        raise Invalid(field="default_account", reason=_("Choose a category of income or spending."))
    if payee is None:
        if Payee.objects.filter(book=book).count() >= MOST_PAYEES:
            raise Conflict(reason=_("A book has at most %(most)d payees.") % {"most": MOST_PAYEES})
        payee = Payee(book=book, name=checked_name(name or ""))
        _refuse_taken(book, [payee.name], field="name")
    elif not Payee.objects.filter(book=book, pk=payee.pk).exists():
        raise NotFound(thing="payee")
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
def rename_payee(*, payee: Payee, actor: User | None, name: str, correct_past: bool, on: datetime.date) -> int:
    """Give the payee another name; the old one becomes an alias. Returns how many entries were corrected.

    With `correct_past`, entries that bear any of its texts get the new name; those in closed periods keep theirs and
    are the payee's by the alias. Raises Invalid (name) and Conflict (too many entries).
    """
    book = payee.book
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    name, texts = checked_name(name), texts_of(payee=payee)
    _refuse_taken(book, [name], field="name", but=payee)
    _add_aliases(payee, [text for text in texts if text.casefold() != name.casefold()])
    PayeeAlias.objects.filter(book=book, payee=payee, name__iexact=name).delete()
    payee.name = name
    payee.save(update_fields=["name"])
    emit(PayeeSaved(book_id=book.pk, payee_id=payee.pk))
    return _correct(book, texts, name, actor, on) if correct_past else 0


@transaction.atomic
def merge_payee(*, payee: Payee, into: Payee, actor: User | None, correct_past: bool, on: datetime.date) -> int:
    """Make the payee's name and aliases aliases of `into`, and remove it. Returns how many entries were corrected.

    Raises Conflict for one and the same payee, and for too many entries.
    """
    book = into.book
    if payee.pk == into.pk:
        raise Conflict(field="into", reason=_("Choose another payee to merge this one into."))
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    texts, pk = texts_of(payee=payee), payee.pk
    payee.delete()
    _add_aliases(into, texts)
    emit(PayeesMerged(book_id=book.pk, payee_id=pk, into_id=into.pk))
    return _correct(book, texts, into.name, actor, on) if correct_past else 0


@transaction.atomic
def remove_payee(*, payee: Payee) -> None:
    """Forget the payee and its aliases; entries keep their texts."""
    book_id, pk = payee.book_id, payee.pk
    payee.delete()
    emit(PayeeRemoved(book_id=book_id, payee_id=pk))


def _add_aliases(payee: Payee, texts: Collection[str]) -> None:
    known = {alias.name.casefold() for alias in PayeeAlias.objects.filter(book_id=payee.book_id, payee=payee)}
    new = {text.casefold(): text for text in texts if text.casefold() not in known}
    PayeeAlias.objects.bulk_create([PayeeAlias(book_id=payee.book_id, payee=payee, name=text) for text in new.values()])


def _correct(book: Book, texts: list[str], name: str, actor: User | None, on: datetime.date) -> int:
    """Correct the entries of open periods that bear one of the texts, so that they bear the name."""
    found = entries_named(book=book, names=texts).exclude(payee=name)
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
    if closed is not None:
        found = found.filter(date__gt=closed)
    entries = list(found[: MOST_CORRECTED + 1])
    if len(entries) > MOST_CORRECTED:
        reason = _("More than %(most)d entries bear this name. Keep it as an alias instead: they are found by both.")
        raise Conflict(field="past", reason=reason % {"most": MOST_CORRECTED})
    lines: dict[int, list[LineDraft]] = {entry.pk: [] for entry in entries}
    for line in JournalLine.objects.filter(entry__in=entries).order_by("entry_id", "position"):
        lines[line.entry_id].append(LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo))
    for entry in entries:
        entry.book = book
        correct_entry(
            entry=entry, actor=actor, date=entry.date, lines=lines[entry.pk], payee=name,
            description=entry.description, on=on,
        )  # fmt: skip
    return len(entries)


def checked_name(name: str) -> str:
    """The name with single spaces. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        reason = _("Enter a name of at most %(longest)d characters.") % {"longest": LONGEST_NAME}
        raise Invalid(field="name", reason=reason)
    return name


def _refuse_taken(book: Book, names: list[str], *, field: str, but: Payee | None = None) -> None:
    """Raise Invalid where another payee has one of the names, as its own or as an alias."""
    wanted = {name.casefold() for name in names}
    if not wanted:
        return
    taken = [
        *Payee.objects.filter(book=book).exclude(pk=but.pk if but else 0).values_list("name", flat=True),
        *PayeeAlias.objects.filter(book=book).exclude(payee=but.pk if but else 0).values_list("name", flat=True),
    ]
    for name in taken:
        if name.casefold() in wanted:
            reason = _("“%(name)s” is a payee already, or an alias of one.") % {"name": name}
            raise Invalid(field=field, reason=reason)
