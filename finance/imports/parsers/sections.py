"""Rows of several accounts below one another in a CSV file: by the titles above them, or by their balances."""

import dataclasses
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance.imports.parsers.row_reader import RowReader
from finance.imports.parsers.running import balances_fit
from finance.imports.parsers.statement import ParsedRow
from finance.imports.parsers.words import bare_number

_SPLIT = "The file holds {number} accounts below one another; each has become a statement of its own."
_DOUBT = (
    "The column names come again in line {line}: the rows below it may be of another account. If they are, export each "
    "account into a file of its own."
)
# Balances that prove a part of the file to be an account of its own.
_PROOF = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows of one account from line `start` on, with the account that a title names (or "") and the balances stated there."""

    start: int
    account: str
    stated: dict[str, Decimal]


def sections_of(reader: RowReader, rows: Sequence[ParsedRow]) -> tuple[list[Section], list[str]]:
    """The parts of the file that are accounts of their own, at least one, and notes about them.

    A title that names another account begins one. Names of columns that merely come again begin one where the balances
    below them do not go on with those above, while both parts add up by themselves; pages of one account repeat them too.
    """
    first = rows[0].number if rows else 0
    account = next((each.title for each in reversed(reader.breaks) if each.line < first), "")
    starts, notes = [(0, account)], []
    for each in reader.breaks if reader.profile.account_column is None else ():
        if each.line < first:
            continue
        if each.title:
            if bare_number(each.title) != bare_number(starts[-1][1]):
                starts.append((each.line, each.title))
        elif any(starts[-1][0] < row.number < each.line for row in rows):
            # Names of columns right below a title belong to its part.
            until = next((other.line for other in reader.breaks if other.line > each.line), None)
            above = [row for row in rows if starts[-1][0] < row.number < each.line]
            below = [row for row in rows if row.number > each.line and (until is None or row.number < until)]
            if _are_two(above, below):
                starts.append((each.line, ""))
            elif not _goes_on(above, below):
                notes.append(_DOUBT.format(line=each.line))
    lines = [line for line, _account in starts]
    stated: list[dict[str, Decimal]] = [{} for _start in starts]
    for line, kind, value in reader.stated:
        stated[bisect_right(lines, line) - 1][kind] = value
    found = [
        Section(start=line, account=account, stated=each) for (line, account), each in zip(starts, stated, strict=True)
    ]
    return found, [*notes, *([_SPLIT.format(number=len(found))] if len(found) > 1 else [])]


def in_section(row: ParsedRow, sections: Sequence[Section]) -> tuple[int, ParsedRow]:
    """The number of the row's section, and the row with the account that its title names."""
    place = bisect_right([section.start for section in sections], row.number) - 1
    account = sections[place].account if len(sections) > 1 else ""
    return place, dataclasses.replace(row, account=account) if account and not row.account else row


def _goes_on(above: Sequence[ParsedRow], below: Sequence[ParsedRow]) -> bool:
    """Whether the balances run on across the gap, in either direction of time."""
    if not above or not below:
        return False
    last, first = above[-1], below[0]
    if last.balance is None or first.balance is None or last.amount is None or first.amount is None:
        return False
    return first.balance == last.balance + first.amount or last.balance == first.balance + last.amount


def _are_two(above: Sequence[ParsedRow], below: Sequence[ParsedRow]) -> bool:
    if _goes_on(above, below):
        return False
    fits = [balances_fit(part) for part in (above, below)]
    # A part of one row has no link; the other one must prove itself.
    return (
        all(hits == checks for hits, checks in fits)
        and sum(checks for _hits, checks in fits) >= _PROOF
        and all(row.balance is not None for row in (*above[-1:], *below[:1]))
    )
