"""The column of balances as a witness: which way the rows run, whether they add up, and where they stop doing so."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from core.texts import gettext as _
from finance.imports.parsers.statement import ParsedRow, RowState

# Below this share of rows that add up, the column is something else (an available balance, or the same on every row).
_BELIEVED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Rows in the file's order; `known` tells whether opening and closing were found in the balance column."""

    rows: list[ParsedRow]
    oldest_first: bool
    known: bool = False
    opening: Decimal | None = None
    closing: Decimal | None = None
    balance_before: bool = False
    first_break: int | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to understand the column: order of the rows, balance before or after the row; and how often it fits."""

    oldest_first: bool
    before: bool
    hits: int
    checks: int


def follow_balances(rows: Sequence[ParsedRow], *, with_fees: Mapping[int, Decimal]) -> tuple[Running, list[str]]:
    """Choose the reading under which most rows add up, and take a fee off the amount where that makes them add up."""
    plain_rows = list(rows)
    chosen, best = plain_rows, _best_reading(plain_rows)
    if with_fees:
        charged = [
            dataclasses.replace(
                row, amount=row.amount - with_fees[row.number], note=row.note or _("The fee is included in the amount.")
            )
            if row.amount is not None and row.number in with_fees
            else row
            for row in plain_rows
        ]
        other = _best_reading(charged)
        # Without balances to ask, a fee beside the amount is money out (Revolut's way).
        if best is None or other is None or other.hits > best.hits:
            chosen, best = charged, other
    if best is None or (best.checks >= 3 and best.hits < _BELIEVED * best.checks):
        up, down = _steps(_moved(chosen))
        oldest_first = down <= up
        if best is None:
            return Running(rows=chosen, oldest_first=oldest_first), []
        notes = [_("The balance column does not match the amounts, so it is not used.")]
        bare = [dataclasses.replace(row, balance=None) for row in chosen]
        return Running(rows=bare, oldest_first=oldest_first), notes
    return _summed(chosen, best), []


def _best_reading(rows: Sequence[ParsedRow]) -> _Reading | None:
    """None when fewer than one row states a balance."""
    moved = _moved(rows)
    if not any(row.balance is not None for row in moved):
        return None
    # Dates that run one way are believed: balances may turn the time only among rows of one day or of mixed order.
    up, down = _steps(moved)
    directions = (True,) if up and not down else (False,) if down and not up else (down <= up, down > up)
    candidates = [
        _Reading(oldest_first, before, sum(expected == stated for _row, expected, stated in links), len(links))
        for before in (False, True)
        for oldest_first in directions
        for links in [_links(moved if oldest_first else moved[::-1], before)]
    ]
    best = max(candidates, key=lambda reading: reading.hits)
    plain = candidates[0]
    # An unusual reading must fit everywhere before it is preferred to the usual one.
    return best if best.hits > plain.hits and (not best.before or best.hits == best.checks) else plain


def _moved(rows: Sequence[ParsedRow]) -> list[ParsedRow]:
    return [row for row in rows if row.state is RowState.BOOKED and row.amount is not None and row.date is not None]


def _steps(rows: Sequence[ParsedRow]) -> tuple[int, int]:
    """How often a row is of a later day than the one before it, and how often of an earlier one."""
    days = [row.date for row in rows if row.date is not None]
    up = sum(later > earlier for earlier, later in pairwise(days))
    return up, sum(later < earlier for earlier, later in pairwise(days))


def balances_fit(rows: Sequence[ParsedRow]) -> tuple[int, int]:
    """How many links between stated balances add up under the best reading, and how many there are."""
    best = _best_reading(rows)
    return (best.hits, best.checks) if best is not None else (0, 0)


def _links(rows: Sequence[ParsedRow], before: bool) -> list[tuple[ParsedRow, Decimal, Decimal]]:
    links, known = [], None
    for row in rows:
        amount = row.amount or Decimal(0)
        if known is not None and not before:
            known += amount
        if row.balance is not None:
            if known is not None:
                links.append((row, known, row.balance))
            known = row.balance
        if known is not None and before:
            known += amount
    return links


def _summed(rows: list[ParsedRow], reading: _Reading) -> Running:
    moved = _moved(rows)
    ordered = moved if reading.oldest_first else moved[::-1]
    first_break = next(
        (row.number for row, expected, stated in _links(ordered, reading.before) if expected != stated), None
    )
    # Balance before the first row and after the last, carried over rows that state none.
    stated = [i for i, row in enumerate(ordered) if row.balance is not None]
    first, last = stated[0], stated[-1]
    until = ordered[:first] if reading.before else ordered[: first + 1]
    after = ordered[last:] if reading.before else ordered[last + 1 :]
    opening = (ordered[first].balance or Decimal(0)) - sum((row.amount or Decimal(0) for row in until), Decimal(0))
    closing = (ordered[last].balance or Decimal(0)) + sum((row.amount or Decimal(0) for row in after), Decimal(0))
    return Running(
        rows=rows,
        oldest_first=reading.oldest_first,
        known=True,
        opening=opening,
        closing=closing,
        balance_before=reading.before,
        first_break=first_break,
    )
