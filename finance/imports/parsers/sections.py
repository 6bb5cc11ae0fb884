"""Rows of several accounts below one another in a CSV file: by the titles above them, or by their balances."""

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.imports.parsers.row_reader import RowReader
from finance.imports.parsers.running import balances_fit
from finance.imports.parsers.statement import ParsedRow
from finance.imports.parsers.words import bare_number

_SPLIT = gettext_noop("The file holds %(number)s accounts below one another; each has become a statement of its own.")
_DOUBT = gettext_noop(
    "The column names come again in line %(lines)s: the rows below may be of another account. If they are, export each "
    "account into a file of its own."
)
_LINES_TOLD = 3
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

    A title that names another account begins one. Repeated column names begin one only where the balances below them do
    not continue those above, while both parts add up by themselves; pages of one account repeat the names too.
    """
    numbers = [row.number for row in rows]
    first = numbers[0] if numbers else 0
    account = next((each.title for each in reversed(reader.breaks) if each.line < first), "")
    starts, doubts = [(0, account)], []
    breaks = [each for each in reader.breaks if each.line >= first] if reader.profile.account_column is None else []
    # The first row of the latest part, and whether its balances add up so far: what does not is not added up again.
    begin, adds_up = 0, True
    for each, until in zip(breaks, [*(other.line for other in breaks[1:]), None], strict=False):
        here = bisect_left(numbers, each.line)
        if each.title:
            if bare_number(each.title) != bare_number(starts[-1][1]):
                starts.append((each.line, each.title))
                begin, adds_up = here, True
            continue
        below = rows[here : bisect_left(numbers, until) if until is not None else None]
        # Column names right below a title belong to its part; with no rows below them they begin nothing.
        if begin == here or not below or _continues(rows[here - 1], below[0]):
            continue
        if adds_up and rows[here - 1].balance is not None and below[0].balance is not None:
            (hits, checks), (hits_below, checks_below) = balances_fit(rows[begin:here]), balances_fit(below)
            adds_up = hits == checks
            # A part of one row has no link; the other one must prove itself.
            if adds_up and hits_below == checks_below and checks + checks_below >= _PROOF:
                starts.append((each.line, ""))
                begin = here
                continue
        doubts.append(str(each.line))
    lines = [line for line, _account in starts]
    stated: list[dict[str, Decimal]] = [{} for _start in starts]
    for line, kind, value in reader.stated:
        stated[bisect_right(lines, line) - 1][kind] = value
    found = [
        Section(start=line, account=account, stated=each) for (line, account), each in zip(starts, stated, strict=True)
    ]
    notes = []
    if doubts:
        more = [_("and %(count)s more") % {"count": len(doubts) - _LINES_TOLD}] if len(doubts) > _LINES_TOLD else []
        notes.append(_(_DOUBT) % {"lines": ", ".join([*doubts[:_LINES_TOLD], *more])})
    return found, [*notes, *([_(_SPLIT) % {"number": len(found)}] if len(found) > 1 else [])]


def in_section(row: ParsedRow, sections: Sequence[Section]) -> tuple[int, ParsedRow]:
    """The number of the row's section, and the row with the account that its title names."""
    place = bisect_right(sections, row.number, key=lambda section: section.start) - 1
    account = sections[place].account if len(sections) > 1 else ""
    return place, dataclasses.replace(row, account=account) if account and not row.account else row


def _continues(last: ParsedRow, first: ParsedRow) -> bool:
    """Whether the balances of two rows continue across the gap between them, in either direction of time."""
    if last.balance is None or first.balance is None or last.amount is None or first.amount is None:
        return False
    return first.balance == last.balance + first.amount or last.balance == first.balance + last.amount
