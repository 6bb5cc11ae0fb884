"""YNAB: the register as CSV, alone or in the archive that "Export plan" gives, with the plan (budget) beside it.

Columns: Account, Flag, Date, Payee, Category Group/Category, Category Group, Category, Memo, Outflow, Inflow, Cleared.
Dates and amounts are written as the budget's settings say, so both are judged over the whole file. A split is one row
per part, with "Split (1/3)" before the memo; a transfer is a row on either side, with the payee "Transfer : Savings".
"""

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from finance import money
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
from finance.book_import.readers.fields import rows_of, text_of
from finance.book_import.readers.ynab_plan import budget_of
from finance.errors import BookUnreadable
from finance.imports.parsers.limits import believable_day

_NEEDS = dict.fromkeys(
    ("Account", "Date", "Payee", "Category", "Memo", "Outflow", "Inflow"), gettext_noop("This is not YNAB's register.")
)
_SPLIT = re.compile(r"Split \((\d{1,4})/(\d{1,4})\) ?")
_TRANSFER = re.compile(r"Transfer ?: ?(?P<account>.+)")
_INFLOW = ("ready to assign", "to be budgeted", "available this month", "available next month")
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_DIGITS = re.compile(r"\d")
_STARTING, _LOOSE = "opening", "transfers"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    where: str
    number: int
    account: str
    date: datetime.date
    payee: str
    group: str
    category: str
    memo: str
    amount: Decimal
    split: tuple[int, int] | None
    flag: str
    marked: bool

    @property
    def other(self) -> str:
        """The account on the other side of a transfer, or ""."""
        match = _TRANSFER.fullmatch(self.payee)
        return match["account"] if match else ""


def read(data: bytes, question: Question) -> SourceBook:
    """The register, and the plan as a budget. Raises BookUnreadable."""
    currency = question.base_currency
    if not currency:
        raise BookUnreadable(reason=_("YNAB does not say the currency in its export. Choose the main currency."))
    register, plan = _files(data)
    tally = Tally()
    rows = _rows(register, currency)
    sums = Sums()
    for row in rows:
        sums.add(f"a:{row.account}", currency, row.amount)
    names = dict.fromkeys(row.account for row in rows)
    entries = _Pairing(rows, currency, tally).entries()
    used = {line.account for entry in entries for line in entry.lines}
    # What a plan shares out is own money: rows of other accounts ("tracking") have no category.
    own = dict.fromkeys(f"a:{row.account}" for row in rows if row.category)
    budget, planned, cards = (None, {}, set()) if plan is None else budget_of(
        plan, currency=currency, key_of=lambda group, category: f"c:{group}:{category}", own=own,
        amount_of=lambda text, where: _amount(text, currency, where), until=max(row.date for row in rows), tally=tally,
    )  # fmt: skip
    accounts = [
        SourceAccount(
            key=f"a:{name}", name=name, currency=currency, type=LIABILITY if name in cards else ASSET,
            kind="card" if name in cards else "checking" if f"a:{name}" in own else "",
        )
        for name in names
    ]  # fmt: skip
    accounts += _categories(rows, used, planned.values())
    accounts.append(
        SourceAccount(key=_STARTING, name=_("Opening balances"), type=EQUITY, kind=OPENING, currency=currency)
    )
    if _LOOSE in used:
        accounts.append(SourceAccount(key=_LOOSE, name=_("Transfers without another side"), type=EQUITY))
    return SourceBook(
        format=question.format,
        accounts=tuple(accounts),
        entries=tuple(entries),
        balances=sums.balances(),
        budgets=() if budget is None else (budget,),
        left_out=tally.told(),
        notes=(
            _(
                "YNAB's register does not say which accounts are debts. Credit cards are known from the plan; loans, "
                "and cards without it, are listed under Assets with their negative balance. The sum is right."
            ),
        ),
        base_currency=currency,
    )


def _files(data: bytes) -> tuple[str, str | None]:
    """The register, and the plan if it is there."""
    if not is_zip(data):
        return text_of(data), None
    found = members(data, suffixes=(".csv", ".tsv"))
    registers = [content for name, content in found.items() if "register" in name.lower()]
    plans = [content for name, content in found.items() if "register" not in name.lower()]
    if len(registers) != 1:
        raise BookUnreadable(
            reason=_("The archive holds %(count)s registers; one is needed. Export one plan at a time.")
            % {"count": len(registers)}
        )
    return text_of(registers[0]), text_of(plans[0]) if plans else None


def _rows(text: str, currency: str) -> list[_Row]:
    found = list(rows_of(text, needs=_NEEDS, limit=MAX_ENTRIES))
    if not found:
        raise BookUnreadable(reason=_("The register has no rows."))
    parts: list[tuple[int, int, int]] = []
    marks = set()
    for where, cells in found:
        match = _DATE.fullmatch(cells["Date"].strip())
        if match is None:
            raise BookUnreadable(
                reason=_("%(where)s: “%(date)s” is not a date as YNAB writes it.")
                % {"where": where, "date": cells["Date"][:40]}
            )
        parts.append((int(match[1]), int(match[3]), int(match[4])))
        marks.add(match[2])
    order = _order(parts, slashes=marks == {"/"})
    rows = []
    for number, ((where, cells), written) in enumerate(zip(found, parts, strict=True)):
        try:
            year, month, day = (written[place] for place in order)
            date = believable_day(year, month, day)
        except ValueError as error:
            raise BookUnreadable(
                reason=_("%(where)s: “%(date)s” is not a day of the calendar.")
                % {"where": where, "date": cells["Date"][:40]}
            ) from error
        split = _SPLIT.match(cells["Memo"])
        amount = _amount(cells["Inflow"], currency, where) - _amount(cells["Outflow"], currency, where)
        rows.append(
            _Row(
                where=where,
                number=number,
                account=cells["Account"].strip(),
                date=date,
                payee=cells["Payee"].strip(),
                group=cells.get("Category Group", "").strip(),
                category=cells["Category"].strip(),
                memo=cells["Memo"][split.end() :].strip() if split else cells["Memo"].strip(),
                amount=amount,
                split=(int(split[1]), int(split[2])) if split else None,
                flag=cells.get("Flag", "").strip(),
                marked=cells.get("Cleared", "") in ("Cleared", "Reconciled"),
            )
        )
    return rows


def _order(parts: Sequence[tuple[int, int, int]], *, slashes: bool) -> tuple[int, int, int]:
    """Where year, month and day stand. Of YNAB's formats only those with slashes have either the day or the month first."""
    if all(first > 31 for first, _second, _third in parts):
        return 0, 1, 2
    if not slashes or any(first > 12 for first, _second, _third in parts):
        return 2, 1, 0
    if any(second > 12 for _first, second, _third in parts):
        return 2, 0, 1
    if all(first == second for first, second, _third in parts):
        return 2, 1, 0
    raise BookUnreadable(
        reason=_(
            "The dates can be read with the day or with the month first, and nothing in the file "
            "says which. Set YNAB's date format to year-month-day and export again."
        )
    )


def _amount(text: str, currency: str, where: str) -> Decimal:
    """An amount as YNAB writes it in any of its number formats: always with all decimals of the currency."""
    digits = "".join(_DIGITS.findall(text))
    if not digits:
        if text.strip():
            raise BookUnreadable(
                reason=_("%(where)s: “%(text)s” is not an amount.") % {"where": where, "text": text[:40]}
            )
        return Decimal(0)
    if not digits.strip("0"):
        return Decimal(0)
    places = money.exponent(currency)
    if len(digits) > 18 or len(text) > 60:
        raise BookUnreadable(reason=_("%(where)s: “%(text)s” is too large.") % {"where": where, "text": text[:40]})
    last = re.search(r"[.,·'٫](\d+)\D*$", text)
    behind = len(last[1]) if last else 0
    if places and behind != places:
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” does not have the %(places)s decimals of %(currency)s.")
            % {"where": where, "text": text[:40], "places": places, "currency": currency}
        )
    if not places and behind not in (0, 3):
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” has decimals, which %(currency)s does not.")
            % {"where": where, "text": text[:40], "currency": currency}
        )
    number = Decimal(digits).scaleb(-places)
    return -number if re.search(r"[-−(]", text) else number


def _is_inflow(row: _Row) -> bool:
    return row.category.lower() in _INFLOW or row.group.lower() in ("inflow", "income")


def _key(row: _Row) -> str:
    """The account on the other side of a row that is no transfer."""
    if row.payee == "Starting Balance":
        return _STARTING
    if _is_inflow(row):
        return "inflow:" + row.category
    if row.category and row.category.lower() != "uncategorized":
        return f"c:{row.group}:{row.category}"
    return "uncategorised:in" if row.amount > 0 else "uncategorised:out"


def _categories(rows: Sequence[_Row], used: set[str], planned: Iterable[tuple[str, str]]) -> list[SourceAccount]:
    """Accounts of the categories that rows use, and of those (group, name) that only the plan has."""
    accounts: dict[str, SourceAccount] = {}

    def add(group: str, category: str) -> None:
        key = f"c:{group}:{category}"
        parent = ""
        if group:
            parent = f"g:{group}"
            accounts.setdefault("root", SourceAccount(key="root", name=_("Expenses"), type=EXPENSE))
            accounts.setdefault(parent, SourceAccount(key=parent, name=group, type=EXPENSE, parent="root"))
        accounts.setdefault(key, SourceAccount(key=key, name=category, type=EXPENSE, parent=parent))

    for row in rows:
        key = _key(row)
        if key not in used or key == _STARTING:
            continue
        if key.startswith("c:"):
            add(row.group, row.category)
        elif key.startswith("inflow:"):
            accounts.setdefault(key, SourceAccount(key=key, name=row.category or "Inflow", type=INCOME))
        else:
            type = INCOME if key.endswith(":in") else EXPENSE
            accounts.setdefault(key, SourceAccount(key=key, name=_("Uncategorised"), type=type))
    for group, category in planned:
        add(group, category)
    return list(accounts.values())


class _Pairing:
    """Makes entries: the parts of a split together, and each transfer with the one row on its other side."""

    def __init__(self, rows: Sequence[_Row], currency: str, tally: Tally) -> None:
        self.rows, self.currency, self.tally = rows, currency, tally
        self.used: set[int] = set()
        # Both sides of a transfer have the same day and opposite amounts; equal ones are taken in their order.
        self.waiting: dict[tuple[str, str, datetime.date, Decimal], list[_Row]] = defaultdict(list)
        for row in reversed(rows):
            if row.other:
                self.waiting[row.account, row.other, row.date, row.amount].append(row)

    def entries(self) -> list[SourceEntry]:
        # Rows one by one, the parts of a split together; a split that is not whole stays single rows.
        groups: list[list[_Row]] = []
        for row in self.rows:
            last = groups[-1] if groups else []
            if (
                row.split is not None
                and last
                and last[-1].split is not None
                and (last[-1].account, last[-1].date) == (row.account, row.date)
                and last[-1].split[1] == row.split[1]
                and abs(last[-1].split[0] - row.split[0]) == 1
                and len(last) < row.split[1]
            ):
                last.append(row)
            else:
                groups.append([row])
        # Splits choose first: the other side of one of their parts must not be taken for a transfer of its own.
        groups.sort(key=lambda group: (len(group) == 1, group[0].number))
        entries = []
        for group in groups:
            # Without rows that were the other side of an earlier group, as where both sides of a transfer are splits.
            rest = [row for row in group if row.number not in self.used]
            if rest:
                entries.append((rest[0].number, self._entry(rest)))
        return [entry for _number, entry in sorted(entries, key=lambda pair: (pair[1].date, pair[0]))]

    def _entry(self, group: list[_Row]) -> SourceEntry:
        first = group[0]
        total = sum((row.amount for row in group), Decimal(0))
        lines = [SourceLine(account=f"a:{first.account}", currency=self.currency, amount=total)]
        payee = next((row.payee for row in group if not row.other), first.payee)
        for row in group:
            self.used.add(row.number)
            memo = row.memo if len(group) > 1 else ""
            if (row.amount < 0 and _is_inflow(row)) or (
                row.amount > 0 and _key(row).startswith("c:") and not row.other
            ):
                self.tally.add(
                    _("refund?"), _("money came back to a category, or income was taken back; it is booked there"),
                    example=f"{row.where}: {row.payee} {row.amount} {row.category}",
                )  # fmt: skip
            lines.append(
                SourceLine(account=self._other_side(row), currency=self.currency, amount=-row.amount, memo=memo)
            )
        for row in group:
            if row.flag:
                self.tally.add(_("flag"), _("it became a tag"))
            if row.marked:
                self.tally.add(MARK, NO_MARKS)
        return SourceEntry(
            date=first.date,
            payee="" if first.payee == "Starting Balance" else payee,
            description=first.memo if len(group) == 1 else "",
            tags=tuple(dict.fromkeys(row.flag for row in group if row.flag)),
            where=first.where,
            lines=tuple(lines),
        )

    def _other_side(self, row: _Row) -> str:
        if not row.other:
            return _key(row)
        partners = self.waiting[row.other, row.account, row.date, -row.amount]
        while partners:
            partner = partners.pop()
            if partner.number not in self.used:
                self.used.add(partner.number)
                if partner.category or row.category:
                    self.tally.add(_("category of a transfer"), _("a transfer has none here"), example=row.where)
                return f"a:{partner.account}"
        self.tally.add(
            _("transfer without another side"), _("it is on an equity account of that name"),
            example=f"{row.where}: {row.payee} {row.amount}",
        )  # fmt: skip
        return _LOOSE
