"""QIF, Quicken's interchange format: registers of accounts, without balances and without the bank's ids.

Source of the format: Intuit's "Quicken Interchange Format (QIF)", and what programs since have made of its dates.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from core.texts import number as number_of
from finance.errors import StatementUnreadable
from finance.imports.parsers.amounts import infer_decimal_mark, signed_value, take_apart, undecided_decimals, value_of
from finance.imports.parsers.date_order import resolve_order
from finance.imports.parsers.dates import parse_date
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.limits import check_rows, check_statements, no_such_day
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.money import exponent

_HEADER = re.compile(rb"^[ \t]{0,8}!(?:Type:|Account|Option:|Clear:)", re.MULTILINE | re.IGNORECASE)
# 1/ 2'26, 01.02.26, 2026-02-01: an apostrophe stands before years from 2000 on.
_DATE = re.compile(r"(\d{1,4})[./\-' ]+(\d{1,2})[./\-' ]+(\d{1,4})", re.ASCII)
_REGISTERS = {"bank": "Bank", "ccard": "Credit card", "cash": "Cash", "oth a": "Asset", "oth l": "Liability"}
_MONTH_FIRST = {"USD", "PHP"}
_LISTS = {
    "cat": gettext_noop("categories"),
    "class": gettext_noop("classes"),
    "memorized": gettext_noop("memorized payments"),
    "prices": gettext_noop("prices"),
    "security": gettext_noop("securities"),
}
_LONGEST_LINE = 1000


@dataclass(slots=True)
class _Record:
    """The lines of one transaction, by their first letter; splits in the order in which they stand."""

    number: int
    fields: dict[str, str] = field(default_factory=dict)
    splits: list[dict[str, str]] = field(default_factory=list)

    def amount(self) -> str:
        return self.fields.get("T") or self.fields.get("U", "")

    def categories(self) -> str:
        """The category of the file, the other account of a transfer, or the parts of a split, as they are written."""
        parts = [
            f"{split.get('S') or split.get('E') or _('no category')} {split.get('$', '')}".strip()
            for split in self.splits
        ]
        if len(parts) > 1:
            return _("Split in the file: ") + "; ".join(parts) + "."
        category = self.fields.get("L", "") or (self.splits[0].get("S", "") if self.splits else "")
        if category.startswith("["):
            return _("Transfer in the file: %(category)s.") % {"category": category.strip("[]")}
        return _("Category in the file: %(category)s.") % {"category": category} if category else ""


def looks_like_qif(data: bytes) -> bool:
    """Whether the beginning holds a line such as !Type:Bank or !Account."""
    return _HEADER.search(data[:4000].removeprefix(b"\xef\xbb\xbf")) is not None


def read_qif(data: bytes, *, currency: str = "") -> ParsedFile:
    """The registers of the file, one statement for each account.

    `currency` is that of the account the file is for: it breaks ties of day and month. Raises StatementUnreadable when
    no register holds a transaction.
    """
    text, _encoding = decode(data, currency=currency)
    registers, others = _registers(text)
    records = [record for found in registers.values() for record in found]
    check_rows(len(records))
    if not records:
        lists = ", ".join(sorted(others)) or _("no transactions")
        raise StatementUnreadable(
            reason=_("This Quicken file (QIF) holds %(lists)s and no transactions of an account.") % {"lists": lists}
        )
    check_statements(len(registers))
    dates = [_comparable(record.fields.get("D", "")) for record in records]
    order = resolve_order([date for date in dates if date], american=currency in _MONTH_FIRST)
    cores = [cell.core for record in records if (cell := take_apart(record.amount()))]
    mark = infer_decimal_mark(cores, places=exponent(currency) if currency else 2)
    notes = [
        _("%(count)s %(what)s in the file are not imported.") % {"count": count, "what": what}
        for what, count in others.items()
    ]
    if order.note:
        # There are no columns to correct here.
        notes[:0] = [
            order.note,
            _("If that is wrong, discard this import and export the file with another format of dates, or as CSV."),
        ]
    example = undecided_decimals(cores, places=exponent(currency) if currency else 2)
    if example and (value := value_of(example, mark)) is not None:
        notes.insert(
            0,
            _("“%(example)s” can be read with decimals or with thousands; it is read as %(value)s.")
            % {"example": example, "value": number_of(value)},
        )
    statements, row_notes = [], []
    for (account, label), found in registers.items():
        statement, told = _statement(account, label, found, order=order.order, mark=mark)
        statements.append(statement)
        row_notes += told
    rows = [row for statement in statements for row in statement.rows]
    if rows and all(row.problem for row in rows):
        raise StatementUnreadable(
            reason=_(
                "None of the %(count)s transactions of this Quicken file (QIF) can be read. The first one: %(problem)s"
            )
            % {"count": len(rows), "problem": rows[0].problem}
        )
    return ParsedFile(format="qif", statements=tuple(statements), notes=(*notes, *row_notes))


def _registers(text: str) -> tuple[dict[tuple[str, str], list[_Record]], Counter[str]]:
    """Records by account and kind of register, and what else the file holds, counted."""
    registers: dict[tuple[str, str], list[_Record]] = {}
    others: Counter[str] = Counter()
    section, account, number = "bank", "", 0
    for header, record in _records(text):
        section = header or section
        if section == "account":
            account = record.fields.get("N", "")[:64]
        elif section in _REGISTERS:
            number += 1
            record.number = number
            registers.setdefault((account, _REGISTERS[section]), []).append(record)
        elif section == "invst":
            others[
                _("investment transactions of %(account)s") % {"account": account}
                if account
                else _("investment transactions")
            ] += 1
        else:
            others[_(_LISTS.get(section, gettext_noop("entries of a kind that is not known here")))] += 1
    return registers, others


def _records(text: str) -> Iterator[tuple[str, _Record]]:
    """Each record, with the header in front of it where there is one; the last may lack its end."""
    header, record, filled = "", _Record(0), False
    for raw in text.splitlines():
        line = raw.strip()[:_LONGEST_LINE]
        if line.startswith("!"):
            name = line[1:].strip().lower()
            # !Option and !Clear switch between lists of accounts and registers; headers say that themselves.
            header = name.removeprefix("type:").strip() if name.startswith(("type:", "account")) else header
        elif line.startswith("^"):
            if filled:
                yield header, record
                header = ""
            record, filled = _Record(0), False
        elif line:
            filled = True
            letter, value = line[0].upper(), line[1:].strip()
            if letter in "SE$%":
                if letter == "S" or not record.splits:
                    record.splits.append({})
                record.splits[-1][letter] = value
            else:
                record.fields.setdefault(letter, value)
    if filled:
        yield header, record


def _comparable(text: str) -> str:
    """The date with plain marks and a year of four digits, as the reader of dates knows it; "" for none."""
    match = _DATE.fullmatch(text)
    if match is None:
        return text if len(text) <= 40 else ""
    first, middle, last = match.groups()
    if len(first) == 4:
        return f"{first}-{middle}-{last}"
    year = int(last)
    if len(last) < 4:
        year += 2000 if "'" in text or year < 70 else 1900
    mark = "." if "." in text else "/"
    return f"{first}{mark}{middle}{mark}{year}"


def _statement(
    account: str, label: str, records: Sequence[_Record], *, order: str, mark: str
) -> tuple[ParsedStatement, list[str]]:
    rows: list[ParsedRow] = []
    notes: list[str] = []
    opening: Decimal | None = None
    for record in records:
        category = record.fields.get("L", "")
        value = signed_value(record.amount(), mark)
        opens = not rows and record.fields.get("P", "").lower() == "opening balance" and category.startswith("[")
        if opens and account in ("", category.strip("[]")[:64]):
            # Quicken begins a register with a transfer of the account to itself.
            account = account or category.strip("[]")[:64]
            opening = value
            notes.append(
                _("The register of %(account)s begins with an opening balance of %(amount)s; it is no transaction.")
                % {"account": account, "amount": record.amount()[:40]}
            )
        else:
            rows.append(_row(record, value, order))
    days = [row.date for row in rows if row.date]
    return ParsedStatement(
        account=account,
        label=label,
        rows=tuple(rows),
        start=min(days, default=None),
        end=max(days, default=None),
        opening=opening,
        oldest_first=days == sorted(days) or days != sorted(days, reverse=True),
    ), notes


def _row(record: _Record, amount: Decimal | None, order: str) -> ParsedRow:
    raw_date, raw_amount = record.fields.get("D", ""), record.amount()
    day, problems = None, []
    try:
        day = parse_date(_comparable(raw_date), order)
    except ValueError:
        problems.append(no_such_day(raw_date[:40]) if raw_date else _("The transaction has no date."))
    if amount is None:
        problems.append(
            _("“%(raw_amount)s” is not an amount.") % {"raw_amount": raw_amount[:40]}
            if raw_amount
            else _("The transaction has no amount.")
        )
    payee, memo = record.fields.get("P", ""), record.fields.get("M", "")
    check = record.fields.get("N", "")
    if not payee:
        payee, memo = (memo, "") if memo else (_("Check %(check)s") % {"check": check} if check else "", "")
    is_void = amount == 0
    return ParsedRow(
        number=record.number,
        date=day,
        amount=amount,
        payee=payee[:200],
        description=memo[:500],
        raw_date=raw_date[:64],
        state=RowState.VOID if is_void else RowState.BOOKED,
        problem=" ".join(problems),
        note=_("The amount is zero: no money moved.") if is_void else record.categories()[:200],
    )
