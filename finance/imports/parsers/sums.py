"""Which columns are amounts and which one is the balance, told by arithmetic where the words of the header fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, permutations

from finance.imports.parsers.amounts import infer_decimal_mark, signed_value, take_apart

# Columns tried and rows asked: a hundred rows that add up are no accident.
_MOST_COLUMNS = 8
_MOST_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Positions in the list of columns that was asked: a balance, and one amount or a pair of them."""

    balance: int
    amount: int | None = None
    debit: int | None = None
    credit: int | None = None


def columns_that_add_up(columns: Sequence[Sequence[str]]) -> Sums | None:
    """The first choice of columns under which each balance is the one before it and the row's amount; None without any.

    `columns` are cells of consecutive rows, from old to new or from new to old; empty cells count as nothing.
    """
    if len(columns) < 2 or len(columns[0]) < 2:
        return None
    values = [_values(cells[:_MOST_ROWS]) for cells in columns[:_MOST_COLUMNS]]
    numbers = range(len(values))
    for balance in numbers:
        # What each row must have moved: with the rows from old to new, and from new to old; None for the oldest row.
        pairs = list(pairwise(values[balance]))
        later: list[Decimal | None] = [after - before for before, after in pairs]
        earlier: list[Decimal | None] = [after - before for after, before in pairs]
        steps = [[None, *later], [*earlier, None]]
        # To bear witness its steps must differ in size, or its figures have decimals, as counts have none.
        sizes = {abs(after - before) for before, after in pairs} - {Decimal(0)}
        if not sizes or (len(sizes) == 1 and not any("." in cell or "," in cell for cell in columns[balance])):
            continue
        for amount in numbers:
            # An amount in every row: where one is missing, another column has it.
            whole = all(cell for cell in columns[amount][:_MOST_ROWS])
            if (
                whole
                and amount != balance
                and any(_fits(step, values[amount], factor) for step in steps for factor in (1, -1))
            ):
                return Sums(balance=balance, amount=amount)
        if len(values[balance]) < 3:
            # One step proves no direction: the rows might run the other way.
            continue
        for debit, credit in permutations([number for number in numbers if number != balance], 2):
            # Money out is written with or without a minus.
            for factor in (1, -1):
                moved = [into - factor * out for out, into in zip(values[debit], values[credit], strict=True)]
                if any(_fits(step, moved, 1) for step in steps):
                    return Sums(balance=balance, debit=debit, credit=credit)
    return None


def _values(cells: Sequence[str]) -> list[Decimal]:
    parts = [cell for text in cells if (cell := take_apart(text)) is not None]
    mark = infer_decimal_mark([cell.core for cell in parts])
    return [signed_value(text, mark) or Decimal(0) for text in cells]


def _fits(steps: Sequence[Decimal | None], moved: Sequence[Decimal], factor: int) -> bool:
    return all(step is None or step == factor * value for step, value in zip(steps, moved, strict=True))
