"""A finished report: sections of rows, a cell for each column. Whatever shows it adds nothing up itself."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

from django.utils.translation import gettext as _

from finance.ledger.models import Account
from finance.money import divided
from finance.reports.columns import Column, main_column
from finance.reports.definition import Definition, Scope

_ALL_VALUED: Mapping[str, int] = {}


class Cell(NamedTuple):
    """An amount in minor units of the section's currency; what had no rate is in `unvalued`, per currency."""

    amount: int = 0
    unvalued: Mapping[str, int] = _ALL_VALUED

    def __bool__(self) -> bool:
        return bool(self.amount or self.unvalued)

    def __neg__(self) -> "Cell":
        return Cell(-self.amount, {currency: -amount for currency, amount in self.unvalued.items()})

    def __add__(self, other: "Cell") -> "Cell":  # type: ignore[override]
        if not other.unvalued and not self.unvalued:
            return Cell(self.amount + other.amount)
        sums = dict(self.unvalued)
        for currency, amount in other.unvalued.items():
            sums[currency] = sums.get(currency, 0) + amount
        return Cell(
            self.amount + other.amount, {currency: amount for currency, amount in sorted(sums.items()) if amount}
        )

    def __sub__(self, other: "Cell") -> "Cell":
        return self + -other

    def divided(self, count: int) -> "Cell":
        """Each amount by `count`, halves away from zero."""
        if count == 1:
            return self
        return Cell(
            amount=divided(self.amount, count),
            unvalued={currency: divided(amount, count) for currency, amount in self.unvalued.items()},
        )


NOTHING = Cell()
_new = tuple.__new__


def plain(amounts: Iterable[int]) -> list[Cell]:
    """Cells of amounts that are all valued; there can be ten thousand of them in a report."""
    return [_new(Cell, (amount, _ALL_VALUED)) for amount in amounts]


def added(rows: Iterable[Sequence[Cell]], *, columns: int) -> list[Cell]:
    """The sum of rows, column by column."""
    kept = [row for row in rows if any(row)]
    if len(kept) < 2:
        return list(kept[0]) if kept else [NOTHING] * columns
    if any(cell[1] for row in kept for cell in row):
        return [reduce(Cell.__add__, cells) for cells in zip(*kept, strict=True)]
    return plain(map(sum, zip(*[[cell[0] for cell in row] for row in kept], strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a report.

    `account` with `below` says that the row is that account with all inside it, `group` that it is a payee or a member;
    neither, that it is worked out from others. `key` is unique in its section.
    """

    key: str
    label: str
    cells: list[Cell]
    depth: int = 0
    account: Account | None = None
    below: bool = False
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows with their total; of a tree the total is that of its top rows."""

    key: str
    title: str
    currency: str
    rows: list[Row]
    total: list[Cell]
    total_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A definition and its result. `summary` follows the sections; `not_valued` is per currency, of `total`."""

    definition: Definition
    scope: Scope
    currency: str
    columns: list[Column]
    sections: list[Section]
    summary: list[Row]
    not_valued: Mapping[str, int]
    rates: list["RateUsed"] = field(default_factory=list)

    def figure(self, key: str, column: int) -> tuple[str, Cell] | None:
        """The currency and the cell of a row, or of the total of "section-…", in that column; None without such a row."""
        for section in self.sections:
            cells = section.total if key == f"section-{section.key}" else None
            cells = cells or next((row.cells for row in section.rows if row.key == key), None)
            if cells is not None and 0 <= column < len(cells):
                return section.currency, cells[column]
        return None

    @property
    def main(self) -> int:
        """The place of the column that the sentence is about."""
        return main_column(self.columns)

    @property
    def compared(self) -> int | None:
        """The place of the column that is compared with."""
        roles = [column.role for column in self.columns]
        return roles.index("compared") if "compared" in roles else None

    def row(self, key: str) -> Row:
        """The row of the summary with this key."""
        return next(row for row in self.summary if row.key == key)

    def section(self, key: str) -> Section:
        return next(section for section in self.sections if section.key == key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUsed:
    """A rate that valued something: one unit of `currency` was `rate` units of the report's currency.

    `date` is the rate's own day, None for a definition (pence), and `note` names a third currency or a source.
    """

    currency: str
    on: datetime.date
    rate: str
    date: datetime.date | None
    note: str = ""


def tree_rows(
    accounts: Sequence[Account],
    own: Mapping[int, Sequence[Cell]],
    *,
    columns: int,
    depth: int | None,
    empty: bool,
    largest_first: int | None = None,
) -> list[Row]:
    """The accounts (in tree order) as rows, each with all inside it; what is deeper than `depth` counts in the row above it.

    A single root that takes no postings itself is left out: the section says its name. Rows without any figure are
    left out unless `empty`. `largest_first` sorts siblings by the amounts of that column.
    """
    children = _children(accounts)
    nothing = [NOTHING] * columns
    sums: dict[int, list[Cell]] = {}
    for account in reversed(accounts):  # children before parents
        below = [sums[child.pk] for child in children.get(account.pk, [])]
        sums[account.pk] = added([own.get(account.pk, nothing), *below], columns=columns)

    def siblings(parent: int | None) -> list[Account]:
        found = [each for each in children.get(parent, []) if empty or any(sums[each.pk])]
        if largest_first is not None:
            found.sort(key=lambda each: -sums[each.pk][largest_first].amount)
        return found

    def grow(account: Account, level: int) -> Iterator[Row]:
        name, mine = account.name, own.get(account.pk, nothing)
        yield Row(
            key=f"account-{account.pk}",
            label=name,
            cells=sums[account.pk],
            depth=level,
            account=account,
            below=account.pk in children,
        )
        inside = siblings(account.pk)
        if not inside or (depth is not None and level + 1 >= depth):
            return
        if any(mine):
            label = _("%(name)s itself") % {"name": name}
            yield Row(key=f"own-{account.pk}", label=label, cells=list(mine), depth=level + 1, account=account)
        for child in inside:
            yield from grow(child, level + 1)

    roots = children.get(None, [])
    says_no_more = len(roots) == 1 and roots[0].pk in children and not any(own.get(roots[0].pk, nothing))
    top = siblings(roots[0].pk if says_no_more else None)
    return [row for root in top for row in grow(root, 0)]


def _children(accounts: Sequence[Account]) -> dict[int | None, list[Account]]:
    """Accounts by their parent, None where it is not among them."""
    known = {account.pk for account in accounts}
    children: dict[int | None, list[Account]] = {}
    for account in accounts:
        children.setdefault(account.parent_id if account.parent_id in known else None, []).append(account)
    return children
