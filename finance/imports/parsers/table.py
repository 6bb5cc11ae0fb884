"""Text of a CSV file → its records, its delimiter, its header and where the transactions begin."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.texts import gettext as _
from core.texts import number as number_of
from finance.errors import StatementUnreadable
from finance.imports.parsers.amounts import looks_like_amount
from finance.imports.parsers.dates import looks_like_date
from finance.imports.parsers.limits import MAX_CELL, MAX_COLUMNS, check_rows
from finance.imports.parsers.profile import DELIMITERS
from finance.imports.parsers.role_words import is_header_word, role_score
from finance.imports.parsers.words import is_pending

_SAMPLE_LINES = 300
_HEADER_WITHIN = 60
_LONGEST_CELL_LINES = 30


@dataclass(frozen=True, slots=True)
class Record:
    """One record with the number of the line on which it begins, counted from 1."""

    line: int
    cells: list[str]

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


def read_records(text: str, *, delimiter: str, quoted: bool = True) -> list[Record]:
    """All records. A line that says `sep=;` (written for Excel) is left out.

    Raises StatementUnreadable, which names the line, for a cell, a row or a file that is too large.
    """
    records = list(_records(text, delimiter=delimiter, quoted=quoted))
    mark = text.split("\n", 1)[0].strip().strip('"').lower()
    return records[1:] if mark.startswith("sep=") and len(mark) <= 5 else records


def _records(text: str, *, delimiter: str, quoted: bool) -> Iterator[Record]:
    record: Record | None = None
    try:
        for number, record in enumerate((_cells if quoted else _lines)(text, delimiter), 1):
            check_rows(number)
            cells = record.cells
            if len(cells) > MAX_COLUMNS:
                raise StatementUnreadable(
                    reason=_("Line %(line)s has %(count)s columns; statements of banks have %(max_columns)s at most.")
                    % {"line": record.line, "count": number_of(len(cells)), "max_columns": MAX_COLUMNS}
                )
            if cells and (longest := max(map(len, cells))) > MAX_CELL:
                raise StatementUnreadable(
                    reason=_(
                        "Line %(line)s cannot be read: one of its cells has %(longest)s characters; "
                        "%(max_cell)s are read at most."
                    )
                    % {"line": record.line, "longest": number_of(longest), "max_cell": number_of(MAX_CELL)}
                )
            yield record
    except csv.Error as error:
        line = record.line + 1 + sum(cell.count("\n") for cell in record.cells) if record is not None else 1
        # The csv module has a limit of its own, for cells of more than 131,072 characters.
        why = (
            _("one of its cells is too long")
            if "field limit" in str(error)
            else _("it is no record (%(error)s)") % {"error": error}
        )
        raise StatementUnreadable(
            reason=_("Line %(line)s cannot be read: %(why)s.") % {"line": line, "why": why}
        ) from error


def _cells(text: str, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    for cells in reader:
        yield Record(line, cells)
        line = reader.line_num + 1


def _lines(text: str, delimiter: str) -> Iterator[Record]:
    """A record for each line, where quotes cannot be relied on: they enclose cells only on lines with pairs of them."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        bare = line.rstrip("\n")
        if bare.count('"') % 2:
            yield Record(number, [cell.strip().removeprefix('"').removesuffix('"') for cell in bare.split(delimiter)])
        else:
            yield Record(number, next(csv.reader([bare], delimiter=delimiter), []))


def unwrapped(text: str) -> str:
    """The text; where a program has put each line as a whole in quotes, the lines without them."""
    sample = [line for line in text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES] if line.strip()]
    wrapped = [line.strip() for line in sample if line.strip()[:1] == line.strip()[-1:] == '"']
    if len(wrapped) < 2 or len(wrapped) < 0.8 * len(sample):
        return text
    for line in wrapped:
        inside = line[1:-1].replace('""', "")
        if '"' in inside or not any(delimiter in inside for delimiter in DELIMITERS):
            return text
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line[1:-1].replace('""', '"') if line[:1] == line[-1:] == '"' else line for line in lines)


def quotes_are_sound(text: str, *, delimiter: str) -> bool:
    """Whether quotes enclose cells; an unmatched one would swallow the lines that follow it."""
    if '"' not in text:
        return True
    try:
        records = _records(text, delimiter=delimiter, quoted=True)
        for cell in (cell for record in records for cell in record.cells if "\n" in cell):
            lines = cell.split("\n")
            # Lines that are transactions by themselves: the quote in front of them was never closed.
            if len(lines) > _LONGEST_CELL_LINES or any(
                looks_like_date(cells[0]) or looks_like_transaction(cells)
                for line in lines[1:]
                if delimiter in line and (cells := line.split(delimiter))
            ):
                return False
    except StatementUnreadable:
        return False
    return True


def find_delimiter(text: str) -> tuple[str, bool]:
    """The delimiter under which most lines hold a date and an amount, and whether quotes enclose cells.

    Raises StatementUnreadable when no delimiter makes records of the first lines that are small enough.
    """
    sample = "\n".join(text.splitlines()[:_SAMPLE_LINES])
    best, best_score = (",", True), (-1.0, 0, 0)
    refusals: list[StatementUnreadable] = []
    for delimiter in DELIMITERS:
        quoted = quotes_are_sound(text, delimiter=delimiter)
        try:
            records = read_records(sample, delimiter=delimiter, quoted=quoted)
        except StatementUnreadable as error:
            refusals.append(error)
            continue
        transactions = sum(looks_like_transaction(record.cells) for record in records)
        header_words = max((_header_words(record.cells) for record in records[:_HEADER_WITHIN]), default=0)
        score = transactions, header_words, sum(len(record.cells) for record in records)
        if score > best_score:
            best, best_score = (delimiter, quoted), score
    if refusals and best_score[0] <= 0:
        raise refusals[0]
    return best


def looks_like_transaction(cells: Sequence[str]) -> bool:
    """Whether the record holds a date in one cell and an amount in another."""
    dates = [looks_like_date(cell) for cell in cells]
    return any(dates) and any(
        looks_like_amount(cell) for cell, is_date in zip(cells, dates, strict=True) if not is_date and cell.strip()
    )


def find_header(records: Sequence[Record]) -> int | None:
    """The index of the header, or None for a file without one."""
    first = next((i for i, record in enumerate(records) if looks_like_transaction(record.cells)), len(records))
    candidates = [(i, _header_score(records[i].cells)) for i in range(min(len(records), _HEADER_WITHIN))]
    scored = [(score, -i) for i, score in candidates if score >= 2]
    if scored:
        return -max(scored)[1]
    # A line of words in a language that we do not know, directly above the first transaction and as wide.
    if not 0 < first < len(records):
        return None
    above, below = records[first - 1].cells, records[first].cells
    filled = [cell.strip() for cell in above if cell.strip()]
    if len(filled) < 3 or abs(len(above) - len(below)) > 1 or len(filled) < len(above) * 0.6:
        return None
    is_caption = len(set(filled)) == len(filled) and not any(
        looks_like_date(cell) or looks_like_amount(cell) or is_pending(cell) or len(cell) > 60 for cell in filled
    )
    return first - 1 if is_caption else None


def _header_score(cells: Sequence[str]) -> int:
    """Distinct column names in the record; 0 when it holds dates or amounts or names no date."""
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) < 2 or any(
        looks_like_date(cell) or (looks_like_amount(cell) and not is_header_word(cell)) for cell in filled
    ):
        return 0
    if not any(role_score(cell, "date") >= 40 for cell in filled):
        return 0
    return _header_words(filled)


def _header_words(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip() and len(cell) <= 60 and is_header_word(cell))
