"""One column of a CSV file, measured, and the roles that columns can have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from finance.imports.parsers.amounts import looks_like_amount, take_apart
from finance.imports.parsers.dates import looks_like_date
from finance.imports.parsers.role_words import role_score
from finance.imports.parsers.words import looks_like_account


@dataclass
class Column:
    """One column of the sample: its header ("" without one) and its cells, stripped."""

    index: int
    header: str
    cells: list[str]

    @cached_property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    @cached_property
    def fill(self) -> float:
        return len(self.filled) / len(self.cells) if self.cells else 0.0

    def share(self, test: Callable[[str], object]) -> float:
        """Share of the filled cells that pass the test."""
        return sum(1 for cell in self.filled if test(cell)) / len(self.filled) if self.filled else 0.0

    @cached_property
    def dates(self) -> float:
        return self.share(looks_like_date)

    @cached_property
    def amounts(self) -> float:
        return self.share(lambda cell: looks_like_amount(cell) and not looks_like_date(cell))

    @cached_property
    def money_marks(self) -> float:
        """Share of cells that no account number would look like: with decimals, a sign or a currency."""
        return self.share(_is_money)

    @cached_property
    def negative(self) -> bool:
        return any((cell := take_apart(text)) is not None and cell.sign == "-" for text in self.filled)

    @cached_property
    def length(self) -> float:
        return sum(map(len, self.filled)) / len(self.filled) if self.filled else 0.0

    @cached_property
    def letters(self) -> float:
        return self.share(lambda cell: sum(c.isalpha() for c in cell) >= 2 and not looks_like_account(cell))

    def score(self, role: str) -> int:
        return role_score(self.header, role)


@dataclass
class Roles:
    """The columns chosen; None where there is none."""

    date: int | None = None
    value_date: int | None = None
    time: int | None = None
    amount: int | None = None
    debit: int | None = None
    credit: int | None = None
    flag: int | None = None
    fee: int | None = None
    balance: int | None = None
    currency: int | None = None
    status: int | None = None
    bank_id: int | None = None
    account: int | None = None
    counterparty_account: int | None = None
    counterparty_bank: int | None = None
    payees: tuple[int, ...] = ()
    descriptions: tuple[int, ...] = ()
    unreadable: int | None = None  # named as the amounts, and not to be read as such
    notes: list[str] = field(default_factory=list)


def columns_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """The columns of the sample rows, as many as the widest has."""
    width = max([len(header), *(len(row) for row in rows)], default=0)
    return [
        Column(
            index=index,
            header=header[index].strip() if index < len(header) else "",
            cells=[row[index].strip() if index < len(row) else "" for row in rows],
        )
        for index in range(width)
    ]


def _is_money(text: str) -> bool:
    """Whether the cell is surely an amount and not a number of something."""
    cell = take_apart(text)
    if cell is None or not looks_like_amount(text):
        return False
    return bool(cell.sign or cell.currency or "." in cell.core or "," in cell.core)
