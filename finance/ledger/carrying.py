"""The history of changes, which Undo needs, and templates of entries, in an export of the whole book, and back."""

import datetime
import uuid
from collections import defaultdict
from typing import Any

from django.utils.translation import gettext as _

from core.batches import in_batches
from finance import money
from finance.errors import AmountInvalid, BookUnreadable
from finance.events import EntryTemplateSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.models import Account, Book
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000
# Texts and numbers of a change that mean the same in any book.
_AS_THEY_ARE = ("entry_count", "redated_count", "left", "left_count")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Changes in their order, each with its entries as [uid before, uid after]; templates with decimal amounts.

    `own`: the reader made the change. What it did beside the journal, to tags and payees, stays behind: of that an Undo
    is refused, and the entries of merged payees go back by it.
    """
    pairs: dict[int, list[list[str | None]]] = defaultdict(list)
    changed = ChangedEntry.objects.filter(book=book).order_by("pk")
    for change, *uids in changed.values_list("change_id", "before__uid", "after__uid").iterator(chunk_size=_AT_ONCE):
        pairs[change].append([str(uid) if uid else None for uid in uids])
    changes = Change.objects.filter(book=book).order_by("pk")
    currencies = dict(Account.objects.filter(book=book).values_list("pk", "currency"))
    return {
        "version": VERSION,
        "changes": [
            {
                **{name: getattr(each, name) for name in _AS_THEY_ARE},
                "id": each.pk,
                "action": each.action,
                "asked": each.asked,
                "undoes": each.undoes_id,
                "redated_to": each.redated_to.isoformat() if each.redated_to else None,
                "made_at": each.made_at.isoformat(),
                "own": reader is not None and each.made_by_id == reader.pk,
                "entries": pairs[each.pk],
            }
            for each in changes.iterator(chunk_size=_AT_ONCE)
        ],
        "templates": [
            {
                "name": each.name,
                "payee": each.payee,
                "description": each.description,
                "lines": [
                    {**line, "amount": money.format_amount(line["amount"], currency=currencies[line["account"]])}
                    for line in each.lines
                ],
            }
            for each in EntryTemplate.objects.filter(book=book).order_by("pk")
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            reason = _("Changes of version %(version)s are not known here.") % {
                "version": str(document["version"])[:20]
            }
            raise BookUnreadable(reason=reason)
        changes = {given["id"]: _change(arrival, given) for given in document["changes"]}
        undoes = {given["id"]: given["undoes"] for given in document["changes"] if given["undoes"] is not None}
        pairs = [(given["id"], before, after) for given in document["changes"] for before, after in given["entries"]]
        templates = [_template(arrival, given) for given in document["templates"]]
        Change.objects.bulk_create(changes.values(), batch_size=_AT_ONCE)
        for number, undone in undoes.items():
            changes[number].undoes = changes[undone]
        Change.objects.bulk_update([changes[number] for number in undoes], ["undoes"], batch_size=_AT_ONCE)
        for some in in_batches(pairs, size=_AT_ONCE):
            named = arrival.entries(uuid.UUID(uid) for _number, *uids in some for uid in uids if uid is not None)
            entries: dict[str | None, int | None] = {None: None, **{str(uid): pk for uid, pk in named.items()}}
            ChangedEntry.objects.bulk_create(
                [
                    ChangedEntry(
                        book=arrival.book, change=changes[number], before_id=entries[before], after_id=entries[after]
                    )
                    for number, before, after in some
                ]
            )
    except (KeyError, TypeError, ValueError, AttributeError, AmountInvalid) as error:
        reason = _("The changes of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    EntryTemplate.objects.bulk_create(templates, batch_size=_AT_ONCE)
    emit_many([EntryTemplateSaved(book_id=arrival.book.pk, template_id=each.pk) for each in templates])
    return []


def _change(arrival: Arrival, given: Any) -> Change:
    asked = dict(given["asked"])
    if "account" in asked:
        asked["account"] = arrival.account(asked["account"]).pk
    return Change(
        book=arrival.book,
        action=Change.Action(given["action"]),
        asked=asked,
        redated_to=datetime.date.fromisoformat(given["redated_to"]) if given["redated_to"] else None,
        made_at=datetime.datetime.fromisoformat(given["made_at"]),
        made_by=arrival.owner if given["own"] is True else None,
        **{name: given[name] for name in _AS_THEY_ARE},
    )


def _template(arrival: Arrival, given: Any) -> EntryTemplate:
    lines = []
    for line in given["lines"]:
        account = arrival.account(line["account"])
        amount = money.parse_amount(line["amount"], currency=account.currency)
        lines.append({"account": account.pk, "amount": amount, "memo": str(line["memo"])[:200]})
    texts = {name: str(given[name]) for name in ("name", "payee", "description")}
    return EntryTemplate(book=arrival.book, created_by=arrival.owner, lines=lines, **texts)
