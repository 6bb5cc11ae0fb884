"""LifeOS's own export (`export_book --format json`): `finance.exports.formats.as_json` writes it."""

import uuid
from typing import Any

from finance import money
from finance.book_import.model import (
    Question,
    SourceAccount,
    SourceBook,
    SourceEntry,
    SourceLine,
    Sums,
    Tally,
    check_entries,
)
from finance.book_import.readers.fields import day, decimal, json_of, text_of, typed
from finance.errors import BookUnreadable

FORMAT, VERSION = "lifeos-book", 1
_LEFT = (
    ("members", "invite them again; the book belongs to whoever moves in"),
    ("bank files and their rows", "the export holds the entries that were made of them"),
    ("seals", "the new book's chain begins anew; the old one can be proven with the export of format “proof”"),
)


def read(data: bytes, question: Question) -> SourceBook:
    """The book with uids, reversals, corrections and closings exactly as exported. Raises BookUnreadable."""
    document = typed(json_of(text_of(data), "an export of LifeOS"), dict, "The file")
    if document.get("format") != FORMAT:
        raise BookUnreadable(reason="The file is not an export of LifeOS made with --format json.")
    if document.get("version") != VERSION:
        raise BookUnreadable(reason=f"The export is of version {document.get('version')}; this LifeOS reads {VERSION}.")
    head = typed(document.get("book"), dict, "“book”")
    accounts = [_account(found, index) for index, found in enumerate(_list(document, "accounts"))]
    currencies = {account.key: account.currency for account in accounts}
    found = _list(document, "entries")
    check_entries(len(found))
    sums, entries = Sums(), []
    for index, entry in enumerate(found):
        where = f"entry {index + 1}"
        typed(entry, dict, where)
        for line in _list(entry, "lines", where):
            key = str(typed(line, dict, f"{where}: a line").get("account"))
            currency = line.get("currency")
            if currencies.get(key) != currency:
                raise BookUnreadable(reason=f"{where}: account {key[:20]} is not kept in {str(currency)[:20]}.")
            amount = decimal(line.get("amount"), where)
            # Exact or not at all: this is our own format.
            money.to_minor_units(amount, currency=currencies[key])
            sums.add(key, currencies[key], amount)
        entries.append(_entry(entry, where))
    closed_through = head.get("closed_through")
    tally = Tally()
    for kind, why in _LEFT:
        tally.add(kind, why)
    return SourceBook(
        format=question.format,
        accounts=tuple(accounts),
        entries=tuple(entries),
        balances=sums.balances(),
        left_out=tally.told(),
        name=typed(head.get("name"), str, "The name of the book"),
        base_currency=typed(head.get("base_currency"), str, "The currency of the book"),
        time_zone=typed(head.get("time_zone"), str, "The time zone of the book"),
        closed_through=day(closed_through, "closed_through") if closed_through else None,
        exact=True,
    )


def _list(value: dict[str, Any], name: str, where: str = "The file") -> list[Any]:
    found: list[Any] = typed(value.get(name), list, f"{where}: “{name}”")
    return found


def _account(found: Any, index: int) -> SourceAccount:
    where = f"account {index + 1}"
    typed(found, dict, where)
    closed: Any = found.get("closed_on")
    return SourceAccount(
        key=str(typed(found.get("id"), int, f"{where}: “id”")),
        name=typed(found.get("name"), str, f"{where}: “name”"),
        type=typed(found.get("type"), str, f"{where}: “type”"),
        kind=typed(found.get("kind"), str, f"{where}: “kind”"),
        currency=typed(found.get("currency"), str, f"{where}: “currency”"),
        parent=str(found["parent"]) if found.get("parent") is not None else "",
        closed_on=day(closed, where) if closed else None,
    )


def _entry(found: dict[str, Any], where: str) -> SourceEntry:
    def uid(name: str) -> uuid.UUID | None:
        try:
            return uuid.UUID(found[name]) if found.get(name) else None
        except (ValueError, AttributeError, TypeError) as error:
            raise BookUnreadable(reason=f"{where}: “{name}” is not a uid.") from error

    own, date = uid("uid"), day(found.get("date"), where)
    if own is None:
        raise BookUnreadable(reason=f"{where} has no uid.")
    return SourceEntry(
        date=date,
        payee=typed(found.get("payee"), str, f"{where}: “payee”"),
        description=typed(found.get("description"), str, f"{where}: “description”"),
        uid=own,
        source=typed(found.get("source"), str, f"{where}: “source”"),
        reverses=uid("reverses"),
        corrects=uid("corrects"),
        where=where,
        lines=tuple(
            SourceLine(
                account=str(line["account"]),
                currency=line["currency"],
                amount=decimal(line["amount"], where),
                memo=typed(line.get("memo"), str, f"{where}: “memo”"),
            )
            for line in found["lines"]
        ),
    )
