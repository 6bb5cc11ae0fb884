"""Payees are named, renamed, merged and removed.

A rename or a merge leaves past entries alone: the old name becomes an alias, and they are the payee's by it. On request
they are corrected, as one change that can be undone (ledger.services.changes). Undo brings their names back too.
"""

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.records import PayeeRemoved, PayeeSaved, PayeesMerged
from finance.ledger.change_models import Change
from finance.ledger.models import Account, AccountType, Book
from finance.ledger.revising import Edit
from finance.ledger.services import change_entries, record_change
from finance.ledger.services.changes import MOST_ENTRIES, Changed
from finance.payees.models import Payee, PayeeAlias
from finance.payees.selectors import MergePlan, entries_named, merge_plan, payee_for, texts_of
from identity.models import User
from platform_outbox.emit import emit

MOST_PAYEES = 5_000
MOST_ALIASES = 200
MOST_MERGED = 100
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
    """Give the payee another name; the old one becomes an alias. One change, and Undo brings name and aliases back.

    With `correct_past`, entries with any of its names get the new one; those in closed periods keep theirs and are the
    payee's by the alias. None for the name that it has. Raises Invalid (name), NotFound, Conflict (too many entries or
    aliases), and as change_entries.
    """
    book = payee.book
    _lock(book)
    payee = payee_for(book=book, payee_id=payee.pk)
    name, texts = checked_name(name), texts_of(payee=payee)
    _refuse_taken(book, [name], field="name", but=payee)
    became = PayeeAlias.objects.filter(book=book, payee=payee, name__iexact=name)
    renamed: dict[str, Any] = {
        "payee": payee.pk,
        "from": payee.name,
        "to": name,
        "lost": list(became.values_list("name", flat=True)),
    }
    became.delete()
    renamed["gained"] = _add_aliases(payee, [text for text in texts if text.casefold() != name.casefold()])
    payee.name = name
    payee.save(update_fields=["name"])
    emit(PayeeSaved(book_id=book.pk, payee_id=payee.pk))
    beside = {"payees": {"renamed": renamed}} if renamed["from"] != name else None
    action, asked = Change.Action.RENAME_PAYEE, {"payee": name, "renamed": renamed["from"]}
    ids = _to_correct(book, texts, name) if correct_past else []
    if ids:
        return change_entries(
            book=book, actor=actor, targets=dict.fromkeys(ids, ()), edit=Edit(payee=name), today=today,
            action=action, also_asked=asked, beside=beside,
        ).change  # fmt: skip
    return record_change(book=book, actor=actor, action=action, asked=asked, beside=beside) if beside else None


@transaction.atomic
def merge_payees(
    *, book: Book, actor: User | None, names: Sequence[str], into: str, correct_past: bool, today: datetime.date
) -> Changed:
    """Make these payees one: their names become aliases of the payee `into`, which is made if nobody named it yet.

    `names` and `into` are names or aliases of payees, or texts of entries, whatever their capitals. A named payee goes
    with all its names, and is removed. With `correct_past`, entries of open periods get the name of `into`. All of it is
    one change, and Undo takes all of it back; there is none (None) where no payee and no entry has one of the names.

    Raises Invalid (names, into), Conflict for one and the same payee, too many aliases, payees or entries, and as
    change_entries.
    """
    into = checked_name(into, field="into")
    wanted = {text.casefold(): text for text in names if text}
    if not wanted or len(wanted) > MOST_MERGED:
        reason = _("Choose payees to merge, at most %(most)d at once.") % {"most": MOST_MERGED}
        raise Invalid(field="names", reason=reason)
    _lock(book)
    plan = merge_plan(book=book, names=list(wanted.values()), into=into)
    if all(text in (plan.name, into) for text in wanted.values()):
        raise Conflict(field="into", reason=_("Choose another payee to merge this one into."))
    record = _join(book, plan)
    asked = {"payee": plan.name, "merged": plan.names}
    beside = {"payees": {"joined": record}} if record["payees"] or record["aliases"] else None
    action = Change.Action.MERGE_PAYEES
    ids = _to_correct(book, [*wanted.values(), *plan.texts, plan.name], plan.name) if correct_past else []
    if ids:
        return change_entries(
            book=book, actor=actor, targets=dict.fromkeys(ids, ()), edit=Edit(payee=plan.name), today=today,
            action=action, also_asked=asked, beside=beside,
        )  # fmt: skip
    if beside is None:
        return Changed(change=None)
    return Changed(change=record_change(book=book, actor=actor, action=action, asked=asked, beside=beside))


def take_back(book: Book, actor: User | None, part: Mapping[str, Any]) -> dict[str, Any]:
    """Undo a rename, or a merge: the payees are there again with their names and usual categories. Or undo that.

    Raises Invalid where another payee has taken one of the names since, Conflict where a renamed one is no longer
    called so, and as merge_payees.
    """
    _lock(book)
    if "renamed" in part:
        was = part["renamed"]
        payee = Payee.objects.filter(book=book, pk=was["payee"], name=was["to"]).first()
        if payee is None:
            reason = _("The payee “%(name)s” was renamed, merged or removed since.") % {"name": was["to"]}
            raise Conflict(reason=reason)
        _refuse_taken(book, [was["from"], *was["lost"]], field="name", but=payee)
        for text in was["gained"]:
            PayeeAlias.objects.filter(book=book, payee=payee, name=text).delete()
        payee.name = was["from"]
        payee.save(update_fields=["name"])
        _add_aliases(payee, was["lost"])
        emit(PayeeSaved(book_id=book.pk, payee_id=payee.pk))
        turned = {"from": was["to"], "to": was["from"], "lost": was["gained"], "gained": was["lost"]}
        return {"renamed": {"payee": payee.pk, **turned}}
    if "parted" in part:
        plan = merge_plan(book=book, names=part["parted"]["names"], into=part["parted"]["into"])
        return {"joined": _join(book, plan)}
    record = part["joined"]
    into = Payee.objects.filter(book=book, pk=record["into"]).first()
    names = [text for payee in record["payees"] for text in [payee["name"], *payee["aliases"]]]
    _refuse_taken(book, names, field="name", but=into)
    lowered = [Lower(Value(text)) for text in [*names, *record["aliases"]]]
    PayeeAlias.objects.filter(book=book, payee=into).alias(key=Lower("name")).filter(key__in=lowered).delete()
    if into and record["made"] and into.default_account_id == record["account"] and not into.aliases.exists():
        into.delete()
        emit(PayeeRemoved(book_id=book.pk, payee_id=record["into"]))
    elif into:
        emit(PayeeSaved(book_id=book.pk, payee_id=into.pk))
    for was in record["payees"]:
        account = Account.objects.filter(book=book, pk=was["account"]).first()
        save_payee(book=book, name=was["name"], default_account=account, aliases=was["aliases"])
    return {"parted": {"names": record["names"], "into": record["name"]}}


def _join(book: Book, plan: MergePlan) -> dict[str, Any]:
    """Carry the plan out; returns what that changed, for take_back."""
    record: dict[str, Any] = {"into": plan.into.pk if plan.into else None, "made": False, "aliases": [], "payees": []}
    record |= {"names": plan.names, "name": plan.name}
    if not plan.others and not plan.texts:
        return record
    for other in plan.others:
        name, *aliases = texts_of(payee=other)
        record["payees"].append({"name": name, "account": other.default_account_id, "aliases": aliases})
    into = plan.into
    gone = [other.pk for other in plan.others]
    Payee.objects.filter(pk__in=gone).delete()
    if into is None:
        category = next((other.default_account for other in plan.others if other.default_account), None)
        into = save_payee(book=book, name=plan.name, default_account=category)
        record |= {"into": into.pk, "made": True, "account": into.default_account_id}
    record["aliases"] = _add_aliases(into, plan.texts)
    for pk in gone:
        emit(PayeesMerged(book_id=book.pk, payee_id=pk, into_id=into.pk))
    if record["aliases"] and not gone:
        emit(PayeeSaved(book_id=book.pk, payee_id=into.pk))
    return record


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


def _add_aliases(payee: Payee, texts: Collection[str]) -> list[str]:
    """Those that are new."""
    known = {alias.name.casefold() for alias in PayeeAlias.objects.filter(book_id=payee.book_id, payee=payee)}
    new = {text.casefold(): text for text in texts if text.casefold() not in known}
    if len(known) + len(new) > MOST_ALIASES:
        raise Conflict(reason=_("A payee has at most %(most)d aliases.") % {"most": MOST_ALIASES})
    PayeeAlias.objects.bulk_create([PayeeAlias(book_id=payee.book_id, payee=payee, name=text) for text in new.values()])
    return list(new.values())


def _to_correct(book: Book, texts: list[str], name: str) -> list[int]:
    """The entries of open periods that have one of the texts and not yet the name. Raises Conflict for too many."""
    found = entries_named(book=book, names=texts).exclude(payee=name)
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
    if closed is not None:
        found = found.filter(date__gt=closed)
    ids = list(found.values_list("pk", flat=True)[: MOST_ENTRIES + 1])
    if len(ids) > MOST_ENTRIES:
        reason = _("More than %(most)d entries have this name. Keep it as an alias instead: they are found by both.")
        raise Conflict(field="past", reason=reason % {"most": MOST_ENTRIES})
    return ids


def checked_name(name: str, *, field: str = "name") -> str:
    """The name with single spaces. Raises Invalid for `field`."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        reason = _("Enter a name of at most %(longest)d characters.") % {"longest": LONGEST_NAME}
        raise Invalid(field=field, reason=reason)
    return name


def _refuse_taken(book: Book, names: list[str], *, field: str, but: Payee | None = None) -> None:
    """Raise Invalid where another payee has one of the names, as its own or as an alias."""
    for kind, owner in ((Payee, "pk"), (PayeeAlias, "payee")):
        named = kind.objects.filter(book=book).exclude(**{owner: but.pk if but else 0}).alias(key=Lower("name"))
        taken = named.filter(key__in=[Lower(Value(name)) for name in names]).values_list("name", flat=True).first()
        if taken is not None:
            reason = _("“%(name)s” is a payee already, or an alias of one.") % {"name": taken}
            raise Invalid(field=field, reason=reason)
