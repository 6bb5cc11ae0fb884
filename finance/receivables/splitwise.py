"""The CSV that Splitwise exports for a group, read and written. Pure.

Its columns are Date, Description, Category, Cost, Currency and one per person: what that person is up by the row
(paid − share), so they sum to zero. Payments have the category "Payment"; the last row, "Total balance", is none.
Format as of Splitwise's "Export as spreadsheet"; it says nothing of who paid what where several paid.
"""

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.texts import gettext as _
from finance import money
from finance.errors import FinanceError, Invalid

FIXED = ("Date", "Description", "Category", "Cost", "Currency")
PAYMENT = "Payment"
TOTAL = "Total balance"
LONGEST = 2_000_000
MOST_ROWS = 10_000
MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bill or payment. `nets` are minor units by name (paid − share), without those of zero."""

    line: int
    date: datetime.date
    description: str
    category: str
    currency: str
    cost: int
    nets: dict[str, int]

    @property
    def is_payment(self) -> bool:
        """Whether one person paid another, instead of a bill being shared."""
        return self.category == PAYMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The file: names in the order of its columns, rows, and what could not be read, as (line, reason)."""

    names: list[str]
    rows: list[Row] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def read(text: str) -> Read:
    """Read an export. Raises Invalid (csv) for what is none; rows that cannot be read are listed with the reason."""
    if len(text) > LONGEST or "\x00" in text:
        raise Invalid(field="csv", reason=_("The file is too long, or no text."))
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        header = [cell.strip() for cell in next(rows, [])]
        names = header[len(FIXED) :]
        if (
            tuple(header[: len(FIXED)]) != FIXED
            or not names
            or len(set(names)) < len(names)
            or len(names) > MOST_PEOPLE
        ):
            told = {"columns": ", ".join(FIXED)}
            raise Invalid(
                field="csv", reason=_("This is no export of Splitwise: its columns are %(columns)s and names.") % told
            )
        found = Read(names=names)
        for number, cells in enumerate(rows, start=2):
            if number > MOST_ROWS + 1:
                raise Invalid(field="csv", reason=_("The file has more than %(most)d rows.") % {"most": MOST_ROWS})
            if not any(cell.strip() for cell in cells) or (len(cells) > 1 and cells[1].strip() == TOTAL):
                continue
            try:
                found.rows.append(_row(number, cells, names))
            except FinanceError as error:
                found.refused.append((number, error.detail))
    except csv.Error as error:
        raise Invalid(field="csv", reason=_("This is no CSV file: %(error)s.") % {"error": str(error)[:80]}) from error
    return found


def _row(number: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    if len(cells) != len(FIXED) + len(names):
        raise Invalid(
            reason=_("It has %(count)d columns instead of %(wanted)d.")
            % {"count": len(cells), "wanted": len(FIXED) + len(names)}
        )
    day, description, category, cost, currency = (cell.strip() for cell in cells[: len(FIXED)])
    try:
        date = datetime.date.fromisoformat(day[:10])
    except ValueError as error:
        raise Invalid(reason=_("%(text)s is no date.") % {"text": repr(day[:20])}) from error
    total = money.parse_amount(cost, currency=currency)
    amounts = [money.parse_amount(cell.strip() or "0", currency=currency) for cell in cells[len(FIXED) :]]
    if sum(amounts):
        raise Invalid(reason=_("What people paid and owe does not sum to zero."))
    nets = {name: amount for name, amount in zip(names, amounts, strict=True) if amount}
    up = [amount for amount in nets.values() if amount > 0]
    if total <= 0 or not nets:
        raise Invalid(reason=_("Nobody owes anything by it."))
    if len(up) > 1:
        raise Invalid(reason=_("Several people paid, and the file does not say how much each; enter it by hand."))
    if up[0] > total:
        raise Invalid(reason=_("More is owed than it cost."))
    if category == PAYMENT and len(nets) != 2:
        raise Invalid(reason=_("A payment is between two people."))
    return Row(
        line=number, date=date, description=description[:200] or category or "Splitwise", category=category,
        currency=currency, cost=total, nets=nets,
    )  # fmt: skip


def write(*, names: Sequence[str], rows: Sequence[Row]) -> str:
    """The CSV of the rows, oldest first, with the total balance per currency at its end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*FIXED, *names])
    totals: dict[str, dict[str, int]] = {}
    last: Any = ""
    for row in rows:
        cells = [money.format_amount(row.nets.get(name, 0), currency=row.currency) for name in names]
        cost = money.format_amount(row.cost, currency=row.currency)
        writer.writerow([row.date.isoformat(), _safe(row.description), _safe(row.category), cost, row.currency, *cells])
        sums, last = totals.setdefault(row.currency, dict.fromkeys(names, 0)), row.date.isoformat()
        for name, amount in row.nets.items():
            sums[name] += amount
    writer.writerow([])
    for currency, sums in totals.items():
        cells = [money.format_amount(sums[name], currency=currency) for name in names]
        writer.writerow([last, TOTAL, " ", " ", currency, *cells])
    return out.getvalue()


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
