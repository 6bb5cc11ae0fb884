"""GnuCash: its XML file, compressed or not, and its SQLite file.

Schemas: libgnucash/doc/xml/gnucash-v2.rnc and the tables of libgnucash/backend/sql in GnuCash's repository. A split has
a value in the transaction's currency and a quantity in its account's commodity; balances are sums of quantities, and
debits are positive as here. Template transactions (of scheduled ones) are no transactions.
"""

import datetime
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any
from xml.parsers import expat

from finance.book_import.model import (
    ASSET,
    EQUITY,
    EXPENSE,
    INCOME,
    LIABILITY,
    OPENING,
    Question,
    SourceAccount,
    SourceBook,
    SourceEntry,
    SourceLine,
    Sums,
    Tally,
    check_entries,
    uid_of,
)
from finance.book_import.readers.archive import gunzip
from finance.book_import.readers.fields import believable, day
from finance.book_import.readers.sqlite import MAGIC, Tables, opened
from finance.errors import BookUnreadable

_TYPES = {
    "ASSET": (ASSET, ""), "BANK": (ASSET, "checking"), "CASH": (ASSET, "cash"), "STOCK": (ASSET, "investment"),
    "MUTUAL": (ASSET, "investment"), "CURRENCY": (ASSET, ""), "RECEIVABLE": (ASSET, "receivable"),
    "CREDIT": (LIABILITY, "card"), "LIABILITY": (LIABILITY, ""), "PAYABLE": (LIABILITY, "payable"),
    "INCOME": (INCOME, ""), "EXPENSE": (EXPENSE, ""), "EQUITY": (EQUITY, ""), "TRADING": (EQUITY, ""),
}  # fmt: skip
_CURRENCIES = ("CURRENCY", "ISO4217")
_OPENING = re.compile(r"opening balances?", re.I)
_FRACTION = re.compile(r"(-?\d{1,25})/(\d{1,25})", re.ASCII)
_EXACT = Context(prec=60)
_PLACES = Decimal("1E-12")
_PLANNING = (
    ("schedxactions", "gnc:schedxaction", "scheduled transaction", "LifeOS does not take over schedules"),
    ("budgets", "gnc:budget", "budget", "LifeOS does not take over budgets"),
    ("prices", "price", "price", "LifeOS keeps money only"),
    ("invoices", "gnc:GncInvoice", "invoice", "only its postings come along"),
    ("customers", "gnc:GncCustomer", "customer", "business partners do not come along"),
    ("vendors", "gnc:GncVendor", "vendor", "business partners do not come along"),
    ("employees", "gnc:GncEmployee", "employee", "business partners do not come along"),
)
# GnuCash stores days as noon-like moments (10:59 UTC) that no time zone moves to another day.
_NEUTRAL = "10:59"
_DEEPEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    account: str
    value: Decimal
    quantity: Decimal
    memo: str
    state: str


def read(data: bytes, question: Question) -> SourceBook:
    """The book. Raises BookUnreadable."""
    books = _Books(question)
    if data.startswith(MAGIC):
        with opened(data) as tables:
            _read_tables(tables, books)
    else:
        _read_xml(gunzip(data) if data.startswith(b"\x1f\x8b") else data, books)
    return books.book()


class _Books:
    """What both kinds of file are put into."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.tally, self.sums = Tally(), Sums()
        self.accounts: dict[str, SourceAccount] = {}
        self.commodities: dict[str, str] = {}
        self.above: dict[str, str] = {}
        self.roots: set[str] = set()
        self.entries: list[SourceEntry] = []

    def account(
        self, *, id: str, name: str, type: str, space: str, mnemonic: str, parent: str, equity_type: str = ""
    ) -> None:
        if type == "ROOT":
            self.roots.add(id)
            return
        if type not in _TYPES:
            raise BookUnreadable(
                reason=f"The account “{name[:60]}” is of the type “{type[:20]}”, which GnuCash does not have."
            )
        if id in self.accounts:
            raise BookUnreadable(reason=f"Two accounts have the id {id[:40]}.")
        ours, kind = _TYPES[type]
        commodity = mnemonic if space in _CURRENCIES else f"{space}:{mnemonic}"
        if type == "EQUITY" and (equity_type == "opening-balance" or _OPENING.fullmatch(name.strip())):
            kind = OPENING
        if type == "TRADING" and space in _CURRENCIES and name == mnemonic:
            kind = "trading"
        self.commodities[id] = commodity
        self.accounts[id] = SourceAccount(
            key=id, name=name, type=ours, kind=kind, currency=commodity if mnemonic else "", parent=parent
        )

    def transaction(
        self, *, id: str, date: datetime.date, currency: str, number: str, description: str, notes: str,
        splits: Iterable[_Split],
    ) -> None:  # fmt: skip
        where = f"transaction of {date} ({description[:40] or id[:40]})"
        lines = []
        for split in splits:
            if split.account not in self.accounts:
                raise BookUnreadable(reason=f"{where}: there is no account {split.account[:40]} in the file.")
            commodity = self.commodities[split.account]
            lines.append(SourceLine(account=split.account, currency=commodity, amount=split.quantity, memo=split.memo))
            if ":" in commodity and split.quantity:
                each = abs(split.value / split.quantity)
                self.tally.add(
                    "cost of shares", "the money went to or came from the trading account",
                    example=f"{self.accounts[split.account].name}: {split.quantity:f} {commodity} for "
                    f"{abs(split.value):f} {currency} in all, {each:.4f} each",
                )  # fmt: skip
            if split.state in ("y", "c"):
                self.tally.add("mark of reconciled or cleared", "LifeOS compares with bank files instead")
        check_entries(len(self.entries) + 1)
        self.entries.append(
            SourceEntry(
                date=date,
                payee=description.strip(),
                description=" – ".join(filter(None, [notes.strip(), f"({number.strip()})" if number.strip() else ""])),
                uid=uid_of(id),
                where=where,
                lines=tuple(lines),
            )
        )

    def book(self) -> SourceBook:
        if not self.accounts:
            raise BookUnreadable(reason="The file has no accounts of GnuCash.")
        currencies = [code for code in self.commodities.values() if code and ":" not in code]
        return SourceBook(
            format=self.question.format,
            accounts=tuple(self.accounts.values()),
            entries=tuple(self.entries),
            balances=self.sums.balances(),
            left_out=self.tally.told(),
            base_currency=self.question.base_currency
            or (max(set(currencies), key=currencies.count) if currencies else ""),
        )


def _number(numerator: int, denominator: int, where: str) -> Decimal:
    """An exact decimal where there is one; a third of a share is cut after twelve places."""
    if not denominator:
        raise BookUnreadable(reason=f"{where}: an amount is divided by zero.")
    number = _EXACT.divide(Decimal(numerator), Decimal(denominator))
    exact = number if number * denominator == numerator else number.quantize(_PLACES, context=_EXACT)
    return believable(exact.normalize(_EXACT) if exact else Decimal(0), where)


# XML


@dataclass(slots=True)
class _Node:
    name: str
    text: list[str]
    children: list["_Node"]

    def all(self, name: str) -> Iterator["_Node"]:
        return (child for child in self.children if child.name == name)

    def find(self, *path: str) -> "_Node | None":
        at: _Node | None = self
        for name in path:
            at = next(at.all(name), None) if at is not None else None
        return at

    def said(self, *path: str) -> str:
        """The text at the path below, or ""."""
        found = self.find(*path)
        return "".join(found.text).strip() if found is not None else ""

    def slot(self, key: str) -> str:
        """The value of one of GnuCash's key-value pairs below this node of slots."""
        return next((each.said("slot:value") for each in self.all("slot") if each.said("slot:key") == key), "")


class _Xml:
    """Takes accounts and transactions one by one from the stream: no tree of the whole file is held."""

    def __init__(self, books: _Books) -> None:
        self.books = books
        self.depth = 0
        self.hidden = 0  # inside of template transactions
        self.stack: list[_Node] = []
        self.counted = {name: (kind, why) for _table, name, kind, why in _PLANNING}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and name != "gnc-v2":
            raise BookUnreadable(
                reason=f"The file is XML, but begins with “{name[:40]}” instead of GnuCash's “gnc-v2”."
            )
        if self.depth > _DEEPEST:
            raise BookUnreadable(reason="The file is nested too deeply to be GnuCash's.")
        if self.hidden or name == "gnc:template-transactions":
            self.hidden += 1
        elif self.stack or name in ("gnc:account", "gnc:transaction"):
            node = _Node(name, [], [])
            if self.stack:
                self.stack[-1].children.append(node)
            self.stack.append(node)
        elif name in self.counted:
            self.books.tally.add(*self.counted[name])

    def text(self, text: str) -> None:
        if self.stack and not self.hidden:
            self.stack[-1].text.append(text)

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.hidden:
            self.hidden -= 1
        elif self.stack:
            node = self.stack.pop()
            if not self.stack:
                self._account(node) if name == "gnc:account" else self._transaction(node)

    def _account(self, node: _Node) -> None:
        slots = node.find("act:slots")
        self.books.account(
            id=node.said("act:id"),
            name=node.said("act:name"),
            type=node.said("act:type"),
            space=node.said("act:commodity", "cmdty:space"),
            mnemonic=node.said("act:commodity", "cmdty:id"),
            parent=node.said("act:parent"),
            equity_type=slots.slot("equity-type") if slots is not None else "",
        )

    def _transaction(self, node: _Node) -> None:
        told = node.said("trn:description")
        where = f"transaction {told[:40] or node.said('trn:id')[:40]}"
        splits = []
        held = node.find("trn:splits")
        for part in held.all("trn:split") if held is not None else ():
            split = _Split(
                account=part.said("split:account"),
                value=_fraction(part.said("split:value"), where),
                quantity=_fraction(part.said("split:quantity"), where),
                memo=part.said("split:memo"),
                state=part.said("split:reconciled-state"),
            )
            splits.append(split)
            self.books.sums.add(split.account, self.books.commodities.get(split.account, ""), split.quantity)
        slots = node.find("trn:slots")
        self.books.transaction(
            id=node.said("trn:id"),
            date=day(node.said("trn:date-posted", "ts:date"), where),
            currency=node.said("trn:currency", "cmdty:id"),
            number=node.said("trn:num"),
            description=told,
            notes=slots.slot("notes") if slots is not None else "",
            splits=splits,
        )


def _fraction(text: str, where: str) -> Decimal:
    match = _FRACTION.fullmatch(text)
    if match is None:
        raise BookUnreadable(reason=f"{where}: “{text[:40]}” is not an amount such as 1234/100.")
    return _number(int(match[1]), int(match[2]), where)


def _read_xml(data: bytes, books: _Books) -> None:
    reader = _Xml(books)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    # GnuCash writes neither, and both are how XML from strangers does harm (as the defusedxml package refuses them).
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BookUnreadable(reason=f"The file is neither XML nor a database of GnuCash: {error}.") from error
    # Roots are named only where they stand: accounts below them are at the top.
    for key, account in books.accounts.items():
        if account.parent and account.parent not in books.accounts and account.parent not in books.roots:
            raise BookUnreadable(
                reason=f"The account “{account.name[:60]}” is inside one that is not in the file: {key[:40]}."
            )


def _refuse(*_declaration: Any) -> None:
    raise BookUnreadable(reason="The file declares a document type or entities, which GnuCash never does.")


# SQLite


def _read_tables(tables: Tables, books: _Books) -> None:
    needed = {
        "accounts": "guid name account_type commodity_guid parent_guid",
        "commodities": "guid namespace mnemonic",
        "transactions": "guid currency_guid num post_date description",
        "splits": "guid tx_guid account_guid memo reconcile_state value_num value_denom quantity_num quantity_denom",
    }
    for table, columns in needed.items():
        missing = set(columns.split()) - tables.columns(table)
        if missing:
            raise BookUnreadable(reason=f"The database is not GnuCash's: {table} has no column {sorted(missing)[0]}.")
    check_entries(tables.count("transactions"))
    for table, _element, kind, why in _PLANNING:
        books.tally.add(kind, why, count=tables.count(table))
    commodities = {row["guid"]: row for row in tables.rows("commodities", needed["commodities"])}
    rows = list(tables.rows("accounts", needed["accounts"]))
    templates = _below([row["root_template_guid"] for row in tables.rows("books", "root_template_guid")], rows)
    equity_types, notes = _slots(tables)
    for row in rows:
        if row["guid"] not in templates:
            commodity = commodities.get(row["commodity_guid"], {})
            books.account(
                id=row["guid"],
                name=row["name"] or "",
                type=row["account_type"] or "",
                space=commodity.get("namespace") or "",
                mnemonic=commodity.get("mnemonic") or "",
                parent=row["parent_guid"] or "",
                equity_type=equity_types.get(row["guid"], ""),
            )
    for account, denominator, total in tables.asked(
        "SELECT account_guid, quantity_denom, sum(quantity_num) FROM splits GROUP BY account_guid, quantity_denom"
    ):
        if account in books.accounts and isinstance(total, int) and isinstance(denominator, int):
            books.sums.add(
                account, books.commodities[account], _number(total, denominator, books.accounts[account].name)
            )
    splits: dict[str, list[_Split]] = {}
    skipped: set[str] = set()
    for row in tables.rows("splits", needed["splits"]):
        if row["account_guid"] in templates:
            skipped.add(row["tx_guid"])
            continue
        where = f"split {str(row['guid'])[:40]}"
        numbers = [row[name] for name in ("value_num", "value_denom", "quantity_num", "quantity_denom")]
        if not all(isinstance(number, int) for number in numbers):
            raise BookUnreadable(reason=f"{where}: an amount is not a fraction of whole numbers.")
        splits.setdefault(row["tx_guid"], []).append(
            _Split(
                account=row["account_guid"] or "",
                value=_number(numbers[0], numbers[1], where),
                quantity=_number(numbers[2], numbers[3], where),
                memo=row["memo"] or "",
                state=row["reconcile_state"] or "",
            )
        )
    for row in tables.rows("transactions", needed["transactions"], order="post_date, rowid"):
        if row["guid"] in skipped:
            continue
        books.transaction(
            id=row["guid"],
            date=_posted(row["post_date"], books.question.time_zone, f"transaction {str(row['guid'])[:40]}"),
            currency=str(commodities.get(row["currency_guid"], {}).get("mnemonic") or ""),
            number=row["num"] or "",
            description=row["description"] or "",
            notes=notes.get(row["guid"], ""),
            splits=splits.get(row["guid"], []),
        )


def _below(roots: Iterable[str], rows: Iterable[dict[str, Any]]) -> set[str]:
    """The ids and everything below them, in one walk down."""
    children: dict[str, list[str]] = {}
    for row in rows:
        children.setdefault(row["parent_guid"], []).append(row["guid"])
    found: set[str] = set()
    waiting = [root for root in roots if root]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(children.get(at, ()))
    return found


def _slots(tables: Tables) -> tuple[dict[str, str], dict[str, str]]:
    """By id: what equity accounts are for, and the notes of transactions."""
    equity_types, notes = {}, {}
    if "slots" in tables:
        for row in tables.rows("slots", "obj_guid name string_val"):
            if row["name"] == "equity-type":
                equity_types[row["obj_guid"]] = row["string_val"] or ""
            elif row["name"] == "notes":
                notes[row["obj_guid"]] = row["string_val"] or ""
    return equity_types, notes


def _posted(value: Any, time_zone: str, where: str) -> datetime.date:
    """The day of a moment in UTC: as written where it is GnuCash's neutral time, else (files from before 2017) in the zone."""
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"\d{14}", text, re.ASCII):
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    written = day(text, where)
    if text[11:16] in (_NEUTRAL, "") or not time_zone:
        return written
    try:
        moment = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise BookUnreadable(reason=f"{where}: “{text[:30]}” is not a moment.") from error
    return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).date()
