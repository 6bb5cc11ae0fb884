"""Firefly III: transactions as CSV (Options, Export data), with accounts.csv beside it in an archive where there is one,
or the transactions of its JSON API (/api/v1/transactions).

Columns and words are those of firefly-iii's ExportDataGenerator: amounts are negative for withdrawals and positive for
all others, so the type of a row and its two accounts say where the money went, not the sign. A split is several rows
of one group_id. Expense and revenue accounts are payees; what they are in LifeOS, the categories, become accounts.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from core.texts import number as number_of
from finance.book_import.model import (
    ASSET,
    EQUITY,
    EXPENSE,
    INCOME,
    LIABILITY,
    MARK,
    MAX_ENTRIES,
    NO_MARKS,
    OPENING,
    Question,
    SourceAccount,
    SourceBook,
    SourceEntry,
    SourceLine,
    Sums,
    Tally,
)
from finance.book_import.readers.archive import is_zip, members
from finance.book_import.readers.fields import day, decimal, json_of, rows_of, text_of, typed
from finance.book_import.readers.firefly_plans import Payment, bills_of, budgets_of, goals_of, recurring_of
from finance.errors import BookUnreadable
from finance.tags.names import tag_name

_COLUMNS = (
    "group_id", "journal_id", "type", "currency_code", "amount", "foreign_currency_code", "foreign_amount",
    "description", "date", "source_name", "source_type", "destination_name", "destination_type",
)  # fmt: skip
_NEEDS = dict.fromkeys(_COLUMNS, gettext_noop("Export the transactions in Firefly III under Options, Export data."))
_MONEY = {
    "asset account": (ASSET, ""),
    "default account": (ASSET, ""),
    "loan": (LIABILITY, "loan"),
    "debt": (LIABILITY, "loan"),
    "mortgage": (LIABILITY, "loan"),
    "credit card": (LIABILITY, "card"),
}
_NAMED_BY_PAYEE = ("expense account", "revenue account", "beneficiary account", "cash account")
_TYPES = ("withdrawal", "deposit", "transfer", "opening balance", "reconciliation", "liability credit")
_ROLES = {
    "ccasset": (LIABILITY, "card"), "savingasset": (ASSET, "savings"), "cashwalletasset": (ASSET, "cash"),
    "defaultasset": (ASSET, "checking"), "sharedasset": (ASSET, "checking"),
}  # fmt: skip


# A word in a file's name → what it holds.
_FILES = {
    "transaction": "transactions", "account": "accounts", "recurr": "recurring", "bill": "bills",
    "subscription": "bills", "budget": "budgets", "pigg": "piggies",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    where: str
    group: str
    type: str
    date: datetime.date
    currency: str
    amount: Decimal
    foreign_currency: str
    foreign_amount: Decimal
    source: tuple[str, str]  # (type in lower case, name)
    destination: tuple[str, str]
    description: str
    group_title: str
    category: str
    budget: str
    bill: str
    tags: tuple[str, ...]
    notes: str
    reconciled: bool


def read(data: bytes, question: Question) -> SourceBook:
    """The transactions. Raises BookUnreadable."""
    tables = _tables(data)
    if "transactions" in tables:
        rows = [
            _row(cells, where, [tag for tag in cells.get("tags", "").split(",") if tag])
            for where, cells in rows_of(tables["transactions"], needs=_NEEDS, limit=MAX_ENTRIES)
        ]
    else:
        rows = list(_rows_of_api(data))
    if not rows:
        raise BookUnreadable(reason=_("The export has no transactions."))
    # Rows of accounts.csv by (type, name): their currency, role, and whether they are still active.
    details = {}
    if tables.get("accounts"):
        needs = dict.fromkeys(("type", "name", "currency_code"), _("This is not Firefly III's accounts.csv."))
        for _where, cells in rows_of(tables["accounts"], needs=needs, limit=MAX_ENTRIES):
            details[cells["type"].lower(), cells["name"].strip()] = cells
    books = _Books(rows, tally=Tally(), details=details)
    entries = [books.entry(list(parts)) for _key, parts in groupby(rows, key=lambda row: (row.group, row.date))]
    for name in tables.keys() - set(_FILES.values()):
        books.tally.add(_("file %(name)s.csv") % {"name": name}, _("it is not read"))
    schedules = [
        *recurring_of(tables, lines_of=books.lines_of, tally=books.tally),
        *bills_of(tables, payments=books.payments(rows), tally=books.tally),
    ]
    return SourceBook(
        format=question.format,
        accounts=tuple(books.accounts.values()),
        entries=tuple(entries),
        balances=books.sums.balances(),
        schedules=tuple(schedules),
        budgets=tuple(budgets_of(tables, tag_of=books.budget_tag, tally=books.tally)),
        goals=tuple(goals_of(tables, key_of=lambda kind, name: f"m:{kind}:{name}", tally=books.tally)),
        left_out=books.tally.told(),
        notes=(
            _(
                "Firefly III exports the period that was chosen there. Balances are summed from the "
                "exported rows; compare them with Firefly III's own."
            ),
        ),
        base_currency=question.base_currency or Counter(row.currency for row in rows).most_common(1)[0][0],
    )


def _tables(data: bytes) -> dict[str, str]:
    """The CSV files by what they hold; Firefly III begins their names with a date."""
    if not is_zip(data):
        return {} if data.lstrip()[:1] in (b"{", b"[") else {"transactions": text_of(data)}
    found = members(data, suffixes=(".csv",))
    tables = {}
    for name, content in found.items():
        stem = name.rpartition("/")[2].lower().removesuffix(".csv")
        kind = next((kind for word, kind in _FILES.items() if word in stem), stem)
        if kind in tables:
            raise BookUnreadable(reason=_("The archive holds two files of %(kind)s.") % {"kind": kind})
        tables[kind] = text_of(content)
    if "transactions" not in tables:
        raise BookUnreadable(reason=_("The archive holds no file of transactions."))
    return tables


def _rows_of_api(data: bytes) -> Iterator[_Row]:
    document = json_of(text_of(data), _("CSV or JSON of Firefly III"))
    pages = document if isinstance(document, list) else [document]
    number = 0
    for page in pages:
        number += len(typed(typed(page, dict, "A page").get("data"), list, "“data”"))
    total = ((pages[0].get("meta") or {}).get("pagination") or {}).get("total") if pages else 0
    if isinstance(total, int) and total != number:
        raise BookUnreadable(
            reason=_("The file holds %(number)s of %(total)s transactions. Put all pages into one list.")
            % {"number": number_of(number), "total": number_of(total)}
        )
    for page in pages:
        for group in page["data"]:
            told = typed(typed(group, dict, "A transaction").get("attributes"), dict, "“attributes”")
            for part in typed(told.get("transactions"), list, "“transactions”"):
                cells = {name: "" if value is None else value for name, value in typed(part, dict, "A split").items()}
                cells |= {
                    "group_id": str(group.get("id")), "group_title": told.get("group_title") or "",
                    "category": cells.get("category_name", ""), "budget": cells.get("budget_name", ""),
                    "bill": cells.get("bill_name", ""),
                }  # fmt: skip
                yield _row(cells, _("transaction %(id)s") % {"id": group.get("id")}, cells.get("tags") or [])


def _row(cells: dict[str, Any], where: str, tags: Sequence[Any]) -> _Row:
    def text(name: str) -> str:
        value: str = typed(cells.get(name, ""), str, f"{where}: “{name}”")
        return value.strip()

    kind = text("type").lower()
    if kind not in _TYPES:
        raise BookUnreadable(
            reason=_("%(where)s: “%(kind)s” is no type of transaction that Firefly III has.")
            % {"where": where, "kind": kind[:40]}
        )
    foreign = text("foreign_currency_code") if text("foreign_amount") else ""
    return _Row(
        where=where,
        group=text("group_id"),
        type=kind,
        date=day(text("date"), where),
        currency=text("currency_code"),
        amount=abs(decimal(text("amount"), where)),
        foreign_currency=foreign,
        foreign_amount=abs(decimal(text("foreign_amount"), where)) if foreign else Decimal(0),
        source=(text("source_type").lower(), text("source_name")),
        destination=(text("destination_type").lower(), text("destination_name")),
        description=text("description"),
        group_title=text("group_title"),
        category=text("category"),
        budget=text("budget"),
        bill=text("bill"),
        tags=tuple(str(tag) for tag in tags),
        notes=text("notes"),
        reconciled=str(cells.get("reconciled")).lower() in ("1", "true"),
    )


class _Books:
    def __init__(self, rows: Sequence[_Row], *, tally: Tally, details: dict[tuple[str, str], dict[str, str]]) -> None:
        self.tally, self.details = tally, details
        self.sums = Sums()
        self.accounts: dict[str, SourceAccount] = {}
        self.kept_in = {side: cells["currency_code"] for side, cells in details.items() if cells["currency_code"]}
        # Without accounts.csv the currency of an account is that of the rows which it alone decides.
        used: dict[tuple[str, str], Counter[str]] = {}
        for row in rows:
            own = row.destination if row.type == "deposit" else row.source
            for side in [row.source, row.destination] if row.type == "opening balance" else [own]:
                used.setdefault(side, Counter())[row.currency] += 1
        for side, counted in used.items():
            self.kept_in.setdefault(side, counted.most_common(1)[0][0])
        self.tags = {tag_name(tag).casefold() for row in rows for tag in row.tags}

    def budget_tag(self, budget: str) -> str:
        """The tag that a budget becomes: Firefly III puts transactions into budgets one by one, as tags do."""
        name = tag_name(budget) or _("Budget")
        return f"{name[:50]} (budget)" if name.casefold() in self.tags else name

    def lines_of(self, cells: dict[str, str], where: str) -> list[SourceLine]:
        """The lines of a row of a recurring transaction, the account that pays or is paid first."""
        lines = list(self._lines(_row(cells, where, ())))
        return sorted(lines, key=lambda line: not line.account.startswith("m:"))

    def payments(self, rows: Sequence[_Row]) -> dict[str, Payment]:
        """The latest transaction of each bill."""
        latest: dict[str, _Row] = {}
        for row in rows:
            if row.bill and row.type == "withdrawal" and (row.bill not in latest or latest[row.bill].date <= row.date):
                latest[row.bill] = row
        found = {}
        for bill, row in latest.items():
            own, other = self._lines(row)
            found[bill] = Payment(
                account=own.account, currency=own.currency, other=other.account, payee=row.destination[1]
            )
        return found

    def entry(self, parts: list[_Row]) -> SourceEntry:
        """One entry of the rows of a group: the money account once, one line for each part on the other side."""
        first = parts[0]
        held: dict[tuple[str, str], Decimal] = {}
        others = []
        for row in parts:
            for line in self._lines(row):
                if line.account.startswith("m:"):
                    # Independent of which line it will be part of: the proof's sum.
                    self.sums.add(line.account, line.currency, line.amount)
                    held[line.account, line.currency] = (
                        held.get((line.account, line.currency), Decimal(0)) + line.amount
                    )
                else:
                    others.append(replace(line, memo=row.description if len(parts) > 1 else ""))
            self._tell(row)
        payees = dict.fromkeys(
            name for row in parts for kind, name in (row.destination, row.source)
            if kind in _NAMED_BY_PAYEE and kind != "cash account" and name
        )  # fmt: skip
        told = (first.group_title or first.description) if len(parts) > 1 else first.description
        notes = dict.fromkeys(row.notes for row in parts if row.notes)
        budgets = dict.fromkeys(row.budget for row in parts if row.budget)
        if len({row.budget for row in parts}) > 1:
            why = _("tags are those of the whole entry, so each of its budgets counts all of it")
            self.tally.add(_("split over several budgets"), why, example=f"{first.where}: {told[:60]}")
        return SourceEntry(
            date=first.date,
            payee=next(iter(payees), ""),
            description=" – ".join([told, *notes]),
            tags=tuple(dict.fromkeys([*(tag for row in parts for tag in row.tags), *map(self.budget_tag, budgets)])),
            where=f"{first.where} ({told[:40]})",
            lines=(
                *(SourceLine(account=key, currency=code, amount=amount) for (key, code), amount in held.items()),
                *others,
            ),
        )

    def _lines(self, row: _Row) -> Iterator[SourceLine]:
        for side, sign in ((row.source, -1), (row.destination, 1)):
            currency, amount = row.currency, row.amount
            if row.foreign_currency and row.foreign_currency != row.currency and side[0] in _MONEY:
                # The foreign amount is what an account kept in that currency moved; elsewhere it is a remark.
                other = row.destination if side == row.source else row.source
                known = self.kept_in.get(side, "")
                foreign_here = known == row.foreign_currency or (
                    not known and sign > 0 and row.type == "transfer" and self.kept_in.get(other) == row.currency
                )
                if foreign_here:
                    currency, amount = row.foreign_currency, row.foreign_amount
            kind, name = side
            if kind in _MONEY:
                details = self.details.get(side, {})
                type, usual = _ROLES.get(details.get("role", "").lower().replace("_", ""), _MONEY[kind])
                account = SourceAccount(
                    key=f"m:{kind}:{name}", name=name, type=type, kind=usual, currency=self.kept_in.get(side, ""),
                    closed=details.get("active", "1").lower() in ("0", "false"),
                )  # fmt: skip
            elif kind == "initial balance account" or row.type == "opening balance":
                account = SourceAccount(key="opening", name=_("Opening balances"), type=EQUITY, kind=OPENING)
            elif kind == "reconciliation account" or row.type == "reconciliation":
                account = SourceAccount(key="reconciliation", name=_("Reconciliation"), type=EQUITY)
            elif kind == "liability credit account" or row.type == "liability credit":
                account = SourceAccount(key="credit", name=_("Liability credit"), type=EQUITY)
            elif kind in _NAMED_BY_PAYEE:
                type = EXPENSE if sign > 0 else INCOME
                account = SourceAccount(
                    key=f"{type}:{row.category}", name=row.category or _("Uncategorised"), type=type
                )
            else:
                raise BookUnreadable(
                    reason=_("%(where)s: “%(kind)s” is no type of account that is known here.")
                    % {"where": row.where, "kind": kind[:40]}
                )
            self.accounts.setdefault(account.key, account)
            yield SourceLine(account=account.key, currency=currency, amount=sign * amount)

    def _tell(self, row: _Row) -> None:
        where = f"{row.where}: {row.description[:60]}"
        remark = row.foreign_currency and row.foreign_currency != row.currency and row.type != "transfer"
        if remark and row.foreign_currency not in (self.kept_in.get(row.source), self.kept_in.get(row.destination)):
            told = f"{where} ({row.foreign_amount:f} {row.foreign_currency})"
            self.tally.add(_("foreign amount beside an amount"), _("the account moved the other one"), example=told)
        if row.reconciled:
            self.tally.add(MARK, NO_MARKS)
        if row.budget:
            self.tally.add(_("budget of a transaction"), _("it became a tag"), example=row.budget)
        if row.bill:
            self.tally.add(_("bill of a transaction"), _("which entries paid a bill is not kept"), example=row.bill)
        if row.category and row.source[0] in _MONEY and row.destination[0] in _MONEY:
            self.tally.add(_("category of a transfer"), _("a transfer has none here"), example=where)
