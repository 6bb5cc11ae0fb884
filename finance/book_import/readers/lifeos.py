"""LifeOS's own exports: the archive of everything (`finance.book_archive.writing`), and its JSON alone.

`finance.exports.formats.as_json` writes the latter.
"""

import dataclasses
import hashlib
import uuid
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
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
from finance.book_import.readers.archive import is_zip, members
from finance.book_import.readers.fields import day, decimal, json_of, text_of, typed
from finance.errors import BookUnreadable

FORMAT, VERSION = "lifeos-book", 1
ARCHIVE, ARCHIVE_VERSION = "lifeos-archive", 1
_LEFT = (
    (gettext_noop("members"), gettext_noop("invite them again; the book belongs to the person who imports it")),
    (
        gettext_noop("bank files and their rows"),
        gettext_noop("the export holds the entries that were posted from them"),
    ),
    (
        gettext_noop("who did what"),
        gettext_noop("what you did stays yours; names of other people leave with no export"),
    ),
    (gettext_noop("webhooks"), gettext_noop("they hold secrets; set them up again")),
    (
        gettext_noop("seals"),
        gettext_noop(
            "the new book starts a chain of its own; the old one can be proven with the export of format “proof”"
        ),
    ),
)


def read(data: bytes, question: Question) -> SourceBook:
    """The book with uids, reversals, corrections and closings exactly as exported. Raises BookUnreadable."""
    if not is_zip(data):
        return _read_book(data, question)
    found = members(data, suffixes=("",))
    manifest = typed(
        json_of(text_of(found.get("manifest.json", b"")), _("an archive of LifeOS")), dict, "manifest.json"
    )
    if (manifest.get("format"), manifest.get("version")) != (ARCHIVE, ARCHIVE_VERSION):
        raise BookUnreadable(reason=_("The file is not an archive of LifeOS, or of a version that is not known here."))
    hashes = typed(manifest.get("members"), dict, "manifest.json: “members”")
    for name, content in found.items():
        if name != "manifest.json" and hashes.get(name) != hashlib.sha256(content).hexdigest():
            raise BookUnreadable(
                reason=_("The archive is damaged: %(name)s is not what its manifest says.") % {"name": name[:80]}
            )
    if missing := [name for name in hashes if name not in found]:
        raise BookUnreadable(reason=_("The archive is damaged: %(missing)s is missing.") % {"missing": missing[0][:80]})
    parts = {name: content for name, content in found.items() if name.startswith("parts/")}
    return dataclasses.replace(
        _read_book(found.get("book.json", b""), question),
        parts=tuple(
            (name.removeprefix("parts/").removesuffix(".json"), text_of(content)) for name, content in parts.items()
        ),
        files=tuple((hashes[name], content) for name, content in found.items() if name.startswith("files/")),
        digest=typed(manifest.get("entries"), str, "manifest.json: “entries”"),
    )


def _read_book(data: bytes, question: Question) -> SourceBook:
    document = typed(json_of(text_of(data), _("an export of LifeOS")), dict, _("The file"))
    if document.get("format") != FORMAT:
        raise BookUnreadable(reason=_("The file is not an export of LifeOS made as an archive or with --format json."))
    if document.get("version") != VERSION:
        raise BookUnreadable(
            reason=_("The export is of version %(get)s; this LifeOS reads %(version)s.")
            % {"get": document.get("version"), "version": VERSION}
        )
    head = typed(document.get("book"), dict, "“book”")
    accounts = []
    for number, found in enumerate(_list(document, "accounts"), 1):
        where = _("account %(number)s") % {"number": number}
        closed = typed(found, dict, where).get("closed_on")
        texts = {
            name: typed(found.get(name), str, f"{where}: “{name}”") for name in ("name", "type", "kind", "currency")
        }
        accounts.append(
            SourceAccount(
                key=str(typed(found.get("id"), int, f"{where}: “id”")),
                parent=str(found["parent"]) if found.get("parent") is not None else "",
                closed_on=day(closed, where) if closed else None,
                **texts,
            )
        )
    currencies = {account.key: account.currency for account in accounts}
    listed = _list(document, "entries")
    check_entries(len(listed))
    sums = Sums()
    entries = [
        _entry(found, _("entry %(number)s") % {"number": number}, currencies, sums)
        for number, found in enumerate(listed, 1)
    ]
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
        name=typed(head.get("name"), str, _("The name of the book")),
        base_currency=typed(head.get("base_currency"), str, _("The currency of the book")),
        time_zone=typed(head.get("time_zone"), str, _("The time zone of the book")),
        closed_through=day(closed_through, "closed_through") if closed_through else None,
        exact=True,
    )


def _list(value: dict[str, Any], name: str, where: str = "") -> list[Any]:
    found: list[Any] = typed(value.get(name), list, f"{where or _('The file')}: “{name}”")
    return found


def _entry(found: Any, where: str, currencies: dict[str, str], sums: Sums) -> SourceEntry:
    def uid(name: str) -> uuid.UUID | None:
        try:
            return uuid.UUID(found[name]) if found.get(name) else None
        except (ValueError, AttributeError, TypeError) as error:
            raise BookUnreadable(
                reason=_("%(where)s: “%(name)s” is not a uid.") % {"where": where, "name": name}
            ) from error

    lines = []
    for line in _list(typed(found, dict, where), "lines", where):
        key = str(typed(line, dict, f"{where}: a line").get("account"))
        currency = line.get("currency")
        if currencies.get(key) != currency:
            raise BookUnreadable(
                reason=_("%(where)s: account %(key)s is not kept in %(currency)s.")
                % {"where": where, "key": key[:20], "currency": str(currency)[:20]}
            )
        amount = decimal(line.get("amount"), where)
        # Exact or not at all: this is our own format.
        money.to_minor_units(amount, currency=currencies[key])
        sums.add(key, currencies[key], amount)
        memo = typed(line.get("memo"), str, f"{where}: “memo”")
        lines.append(SourceLine(account=key, currency=currencies[key], amount=amount, memo=memo))
    own, date = uid("uid"), day(found.get("date"), where)
    if own is None:
        raise BookUnreadable(reason=_("%(where)s has no uid.") % {"where": where})
    return SourceEntry(
        date=date,
        payee=typed(found.get("payee"), str, f"{where}: “payee”"),
        description=typed(found.get("description"), str, f"{where}: “description”"),
        uid=own,
        source=typed(found.get("source"), str, f"{where}: “source”"),
        reverses=uid("reverses"),
        corrects=uid("corrects"),
        where=where,
        lines=tuple(lines),
    )
