"""Exports a book for other programs: hledger, beancount, CSV, JSON. Each is a stream of pieces of text."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring as _as_json

from core.clock import day_in
from finance.exports import names
from finance.exports.journal import ExportedAccount, accounts_with_spans, journal_of, snapshot
from finance.exports.proof import proof
from finance.exports.spreadsheet import as_csv
from finance.ledger import chain
from finance.ledger.models import AccountKind, AccountType, Book
from finance.money import exponent, pointed

JSON_FORMAT = "lifeos-book"
JSON_VERSION = 1
# Payees and memos repeat; this many are kept in their written form.
_REPEATED = 2_000

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
            places = exponent(currency)
            yield f"commodity 1000.{'0' * places} {currency}\n"
        yield "\n"
        for each in accounts:
            account_type = _HLEDGER_TYPES[AccountType(each.account.type)]
            yield f"account {paths[each.account.pk]}  ; type:{account_type}, currency:{each.account.currency}\n"
        written = _lines_of(accounts, paths, before="    ")
        clean = lru_cache(maxsize=_REPEATED)(names.hledger_text)
        for uid, date, payee, description, source, reverses, corrects, lines in journal_of(book=book):
            told = clean(payee)
            if description:
                told = f"{told} | {names.hledger_text(description)}"
            links = _links(reverses, corrects, written=", {}:{}") if reverses or corrects else ""
            pieces = [f"\n{date} *{' ' if told else ''}{told}  ; uid:{uid}, source:{source}{links}\n"]
            for account_id, amount, memo in lines:
                before, places, after = written[account_id]
                note = f"  ; memo:{clean(memo, unsafe=':')}" if memo else ""
                pieces.append(f"{before}{pointed(amount, places=places)}{after}{note}\n")
            yield "".join(pieces)


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
        written = _lines_of(accounts, paths, before="  ")
        for uid, date, payee, description, source, reverses, corrects, lines in journal_of(book=book):
            pieces = [f'\n{date} * {_quoted(payee)} {_quoted(description)}\n  uid: "{uid}"\n  source: "{source}"\n']
            if reverses or corrects:
                pieces.append(_links(reverses, corrects, written='  {}: "{}"\n'))
            for account_id, amount, memo in lines:
                before, places, after = written[account_id]
                pieces.append(f"{before}{pointed(amount, places=places)}{after}\n")
                if memo:
                    pieces.append(f"    memo: {_quoted(memo)}\n")
            yield "".join(pieces)
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
        written = {
            each.account.pk: (
                f'{{"account": {each.account.pk}, "currency": "{each.account.currency}", "amount": "',
                exponent(each.account.currency),
                '", "memo": ',
            )
            for each in accounts
        }
        for uid, date, payee, description, source, reverses, corrects, lines in journal_of(book=book):
            links = _links(reverses, corrects, written='"{}": "{}", ') if reverses or corrects else ""
            pieces = []
            for account_id, amount, memo in lines:
                before, places, after = written[account_id]
                pieces.append(f"{before}{pointed(amount, places=places)}{after}{_as_json(memo)}}}")
            yield (
                f'{separator}{{"date": "{date}", "payee": {_as_json(payee)}, "description": {_as_json(description)},'
                f' "uid": "{uid}", "source": "{source}", {links}"lines": [{", ".join(pieces)}]}}'
            )
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


def _links(reverses: str | None, corrects: str | None, *, written: str) -> str:
    """The uids of other entries that an entry has, each by the format of its name and the uid."""
    return "".join(written.format(name, uid) for name, uid in (("reverses", reverses), ("corrects", corrects)) if uid)


def _lines_of(
    accounts: list[ExportedAccount], paths: Mapping[int, str], *, before: str
) -> dict[int, tuple[str, int, str]]:
    """By account id, what stands around the amount of a line, and the decimal places of its currency."""
    return {
        each.account.pk: (
            f"{before}{paths[each.account.pk]}  ",
            exponent(each.account.currency),
            f" {each.account.currency}",
        )
        for each in accounts
    }


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
