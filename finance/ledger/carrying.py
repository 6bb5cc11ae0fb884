"""The history of changes, which Undo needs, templates of entries and fees of transfers in an export, and back."""

import dataclasses
import datetime
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.batches import in_batches
from finance import money
from finance.errors import AmountInvalid, BookUnreadable, Invalid
from finance.events.journal import EntryTemplateSaved, TransferFeeSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.fee_models import TransferFee
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.services.transfers import check_transfer_fee
from finance.ledger.transfer_fees import FeeRule
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1
_AT_ONCE = 5000
# Amounts of a transfer fee.
_FEES = ("fixed", "fixed_up_to", "minimum", "maximum")
# Texts and numbers of a change that mean the same in any book.
_AS_THEY_ARE = ("entry_count", "redated_count", "left", "left_count")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Changes in their order, each with its entries as [uid before, uid after]; templates with decimal amounts.

    `own`: the reader made the change.
    """
    pairs: dict[int, list[list[str | None]]] = defaultdict(list)
    changed = ChangedEntry.objects.filter(book=book).order_by("pk")
    for change, *uids in changed.values_list("change_id", "before__uid", "after__uid").iterator(chunk_size=_AT_ONCE):
        pairs[change].append([str(uid) if uid else None for uid in uids])
    changes = Change.objects.filter(book=book).order_by("pk")
    besides = [beside for beside in changes.values_list("beside", flat=True) if beside]
    uids_of = dict(JournalEntry.objects.filter(pk__in=_entries_beside(besides)).values_list("pk", "uid"))
    currencies = dict(Account.objects.filter(book=book).values_list("pk", "currency"))
    return {
        "version": VERSION,
        "changes": [
            {
                **{name: getattr(each, name) for name in _AS_THEY_ARE},
                "id": each.pk,
                "action": each.action,
                "asked": each.asked,
                "beside": each.beside and _beside(each.beside, entry=lambda pk: str(uids_of[pk])),
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
        "transfer_fees": [
            {
                "account": each.account_id,
                "category": each.category_id,
                "share": each.share,
                **{
                    name: None
                    if (value := getattr(each, name)) is None
                    else money.format_amount(value, currency=currencies[each.account_id])
                    for name in _FEES
                },
            }
            for each in TransferFee.objects.filter(book=book).order_by("pk")
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
        besides = [given["beside"] for given in document["changes"] if given.get("beside")]
        tagged = arrival.entries(uuid.UUID(uid) for uid in _entries_beside(besides))
        changes = {given["id"]: _change(arrival, given, tagged) for given in document["changes"]}
        undoes = {given["id"]: given["undoes"] for given in document["changes"] if given["undoes"] is not None}
        pairs = [(given["id"], before, after) for given in document["changes"] for before, after in given["entries"]]
        templates = [_template(arrival, given) for given in document["templates"]]
        # Archives of before have none.
        fees = [_transfer_fee(arrival, given) for given in document.get("transfer_fees", ())]
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
    except (KeyError, TypeError, ValueError, AttributeError, AmountInvalid, Invalid) as error:
        reason = _("The changes of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    EntryTemplate.objects.bulk_create(templates, batch_size=_AT_ONCE)
    emit_many([EntryTemplateSaved(book_id=arrival.book.pk, template_id=each.pk) for each in templates])
    TransferFee.objects.bulk_create(fees)
    emit_many([TransferFeeSaved(book_id=arrival.book.pk, account_id=each.account_id) for each in fees])
    return []


def _entries_beside(besides: Iterable[Any]) -> set[Any]:
    """The entries whose tags these parts of changes have changed, as they name them."""
    links = (links for beside in besides for links in beside.get("tags", {}).values())
    return {entry for each in links for entries in each.values() for entry in entries}


def _same(number: Any) -> Any:
    return number


def _beside(
    beside: Any,
    *,
    entry: Callable[[Any], Any],
    tag: Callable[[Any], Any] = _same,
    payee: Callable[[Any], Any] = _same,
    account: Callable[[Any], Any] = _same,
) -> dict[str, Any]:
    """`Change.beside` with its numbers replaced: of tags with entries, of the payee that others became, of categories."""
    told = dict(beside)
    if "tags" in told:
        told["tags"] = {
            done: {str(tag(number)): [entry(each) for each in entries] for number, entries in links.items()}
            for done, links in told["tags"].items()
        }
    if renamed := told.get("payees", {}).get("renamed"):
        told["payees"] = {**told["payees"], "renamed": {**renamed, "payee": payee(renamed["payee"])}}
    if joined := told.get("payees", {}).get("joined"):
        payees = [{**each, "account": each["account"] and account(each["account"])} for each in joined["payees"]]
        joined = {**joined, "into": joined["into"] and payee(joined["into"]), "payees": payees}
        if joined.get("account"):
            joined["account"] = account(joined["account"])
        told["payees"] = {**told["payees"], "joined": joined}
    return told


def _change(arrival: Arrival, given: Any, tagged: Mapping[uuid.UUID, int]) -> Change:
    asked = dict(given["asked"])
    if "account" in asked:
        asked["account"] = arrival.account(asked["account"]).pk
    return Change(
        book=arrival.book,
        action=Change.Action(given["action"]),
        asked=asked,
        # A tag or a payee that is gone has no number here either: Undo says so.
        beside=_beside(
            given["beside"],
            entry=lambda uid: tagged[uuid.UUID(uid)],
            tag=lambda number: arrival.numbers["tag"].get(int(number), 0),
            payee=lambda number: arrival.numbers["payee"].get(number, 0),
            account=lambda number: arrival.account(number).pk,
        )
        if given.get("beside")
        else None,
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


def _transfer_fee(arrival: Arrival, given: Any) -> TransferFee:
    account = arrival.account(given["account"])
    amounts = {
        name: None if given[name] is None else money.parse_amount(given[name], currency=account.currency)
        for name in _FEES
    }
    rule = FeeRule(share=None if given["share"] is None else int(given["share"]), **amounts)
    category = arrival.account(given["category"])
    check_transfer_fee(account=account, category=category, rule=rule)
    return TransferFee(
        book=arrival.book, account=account, category=category, saved_by=arrival.owner, **dataclasses.asdict(rule)
    )
