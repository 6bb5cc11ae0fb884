"""Exports a book for other programs: hledger, beancount, CSV, JSON. Each is a stream of pieces of text."""

import json
from collections.abc import Callable, Iterator, Mapping

from core.clock import day_in
from finance import money
from finance.exports import names
from finance.exports.journal import ExportedAccount, ExportedEntry, accounts_with_spans, journal_of, snapshot
from finance.exports.proof import proof
from finance.exports.spreadsheet import as_csv
from finance.ledger import chain
from finance.ledger.models import AccountKind, AccountType, Book

JSON_FORMAT = "lifeos-book"
JSON_VERSION = 1

_HLEDGER_TYPES = {
    AccountType.ASSET: "A",
    AccountType.LIABILITY: "L",
    AccountType.EQUITY: "E",
    AccountType.INCOME: "R",
    AccountType.EXPENSE: "X",
}


def hledger(book: Book) -> Iterator[str]:
    """The book as a journal that `hledger --strict` accepts."""
    with snapshot():
        accounts = accounts_with_spans(book=book)
        paths = names.hledger_names([each.account for each in accounts])
        yield f"; {names.hledger_text(book.name)}\ndecimal-mark .\n\n"
        for currency in sorted({each.account.currency for each in accounts}):
            places = money.exponent(currency)
            yield f"commodity 1000.{'0' * places} {currency}\n"
        yield "\n"
        for each in accounts:
            account_type = _HLEDGER_TYPES[AccountType(each.account.type)]
            yield f"account {paths[each.account.pk]}  ; type:{account_type}, currency:{each.account.currency}\n"
        for entry in journal_of(book=book):
            payee, note = (names.hledger_text(text) for text in (entry.payee, entry.description))
            tags = ", ".join(f"{key}:{value}" for key, value in _facts(entry).items())
            told = f"{payee} | {note}" if note else payee
            lines = [f"\n{entry.date} * {told}".rstrip() + f"  ; {tags}\n"]
            for line in entry.lines:
                amount = money.format_amount(line.amount, currency=line.currency)
                memo = f"  ; memo:{names.hledger_text(line.memo, unsafe=':')}" if line.memo else ""
                lines.append(f"    {paths[line.account_id]}  {amount} {line.currency}{memo}\n")
            yield "".join(lines)


def beancount(book: Book) -> Iterator[str]:
    """The book as a file that bean-check accepts; full names of accounts stand beside the directives."""
    with snapshot():
        accounts = accounts_with_spans(book=book)
        own = [each.account for each in accounts]
        paths, full = names.beancount_names(own), names.full_names(own)
        yield f'option "title" {_quoted(book.name)}\noption "operating_currency" "{book.base_currency}"\n\n'
        for each in accounts:
            if each.account.kind != AccountKind.GROUP:
                name = paths[each.account.pk]
                created_on = day_in(book.time_zone, at=each.account.created_at)
                opened_on = each.first_posting or each.account.closed_on or created_on
                yield f"{opened_on.isoformat()} open {name} {each.account.currency}\n"
                yield f"  name: {_quoted(full[each.account.pk])}\n"
        for entry in journal_of(book=book):
            lines = [f"\n{entry.date} * {_quoted(entry.payee)} {_quoted(entry.description)}\n"]
            lines += [f'  {key}: "{value}"\n' for key, value in _facts(entry).items()]
            for line in entry.lines:
                amount = money.format_amount(line.amount, currency=line.currency)
                lines.append(f"  {paths[line.account_id]}  {amount} {line.currency}\n")
                if line.memo:
                    lines.append(f"    memo: {_quoted(line.memo)}\n")
            yield "".join(lines)
        for each in accounts:
            closed_on = each.account.closed_on
            if closed_on is not None and each.account.kind != AccountKind.GROUP:
                # A reversal may be posted to an account after its closing; beancount wants it before.
                last = max(closed_on, each.last_posting or closed_on)
                yield f"\n{last.isoformat()} close {paths[each.account.pk]}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def as_json(book: Book) -> Iterator[str]:
    """The book as one JSON document; amounts are decimal strings, debit positive."""
    with snapshot():
        accounts = accounts_with_spans(book=book)
        full = names.full_names([each.account for each in accounts])
        seal = chain.head_of(book=book)
        head = {
            "format": JSON_FORMAT,
            "version": JSON_VERSION,
            "book": {
                "name": book.name,
                "base_currency": book.base_currency,
                "time_zone": book.time_zone,
                "closed_through": book.closed_through.isoformat() if book.closed_through else None,
            },
            "chain": {"seals": seal.seals, "head": seal.hash, "entry": seal.entry_uid} if seal is not None else None,
        }
        head["accounts"] = [_json_account(each, full) for each in accounts]
        yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "entries": ['
        separator = "\n  "
        for entry in journal_of(book=book):
            document = {
                "date": entry.date,
                "payee": entry.payee,
                "description": entry.description,
                **_facts(entry),
                "lines": [
                    {
                        "account": line.account_id,
                        "currency": line.currency,
                        "amount": money.format_amount(line.amount, currency=line.currency),
                        "memo": line.memo,
                    }
                    for line in entry.lines
                ],
            }
            yield separator + json.dumps(document, ensure_ascii=False)
            separator = ",\n  "
        yield "\n ]\n}\n"


def _json_account(each: ExportedAccount, full: Mapping[int, str]) -> dict[str, object]:
    account = each.account
    return {
        "id": account.pk,
        "parent": account.parent_id,
        "name": account.name,
        "path": full[account.pk],
        "type": account.type,
        "kind": account.kind,
        "currency": account.currency,
        "closed_on": account.closed_on.isoformat() if account.closed_on else None,
    }


def _facts(entry: ExportedEntry) -> dict[str, str]:
    links = {"reverses": entry.reverses, "corrects": entry.corrects}
    return {"uid": entry.uid, "source": entry.source, **{key: uid for key, uid in links.items() if uid}}


FORMATS: dict[str, Callable[[Book], Iterator[str]]] = {
    "hledger": hledger,
    "beancount": beancount,
    "json": as_json,
    "csv": as_csv,
    "proof": proof,
}

# Everything, with what the slices keep: finance.book_archive writes it.
ARCHIVE = "archive"
CHOICES = [ARCHIVE, *sorted(FORMATS)]
# The long operation that exports.
OPERATION = "books.export"


def file_name(book: Book, format: str) -> str:
    """The name of the file in which a book leaves."""
    return f"book-{book.pk}.{'zip' if format == ARCHIVE else format}"
