"""How a CSV file would be read under settings that nobody has saved yet: from its beginning alone, changing nothing."""

import dataclasses
from dataclasses import dataclass

from django.db.models.functions import Substr

from finance.errors import StatementUnreadable
from finance.imports.models import ImportBatch
from finance.imports.parsers.csv import detect, records_for
from finance.imports.parsers.encoding import words_under, words_under_each
from finance.imports.parsers.limits import PREVIEW_BYTES
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.rows import read_statements
from finance.imports.parsers.statement import ParsedRow
from finance.imports.parsers.words import plain
from finance.ledger.models import AccountType

# Lines that are shown, and records that are read for it.
SHOWN = 8
_READ = 500
_HEADER_WITHIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first lines of a file as they stand (`lines`: number and cells) and as they will be read (`rows`).

    `names` are those of the columns, "" where a column has none. `headers` are lines that may hold the names, each with
    its number, its cells and its text; `header_line` is the number of the one that does, 0 without one. `problem` says
    why nothing can be read.
    """

    names: list[str]
    lines: list[tuple[int, list[str]]]
    headers: list[tuple[int, list[str], str]]
    header_line: int
    rows: list[tuple[ParsedRow, str]]
    problem: str


def head_of(batch: ImportBatch) -> bytes:
    """The beginning of the file, up to the end of a line; of a workbook that of its sheet, as the reader left it."""
    if batch.format != ImportBatch.Format.CSV:
        return bytes(ImportBatch.objects.values_list("head", flat=True).get(pk=batch.pk))
    content = ImportBatch.objects.filter(pk=batch.pk).values_list(Substr("content", 1, PREVIEW_BYTES), flat=True)
    head = bytes(content.get())
    if len(head) < PREVIEW_BYTES:
        return head
    end = head.rfind(b"\n") + 1
    # In UTF-16 and UTF-32 a line ends at a multiple of two or four bytes.
    return head[: (end + 3) // 4 * 4] if b"\x00" in head[:64] else head[:end]


def detected(batch: ImportBatch, head: bytes, *, delimiter: str = "", encoding: str = "") -> CsvProfile:
    """The reading that the file itself suggests under a delimiter and an encoding. Raises StatementUnreadable."""
    card = batch.account.type == AccountType.LIABILITY
    return detect(head, currency=batch.account.currency, card=card, delimiter=delimiter, encoding=encoding).profile


def encodings_of(batch: ImportBatch, head: bytes, current: str) -> list[tuple[str, str]]:
    """The encodings to choose from, each with the words beyond a to z that it makes of the file.

    A sheet has none to choose. The reader has made the words; those of files from before an upgrade are made here.
    """
    if batch.format != ImportBatch.Format.CSV:
        return [(current, current)]
    words = dict(batch.encodings or words_under_each(head))
    if current and current not in words:
        words = {current: words_under(head, current), **words}
    return [(name, " · ".join(filter(None, [name, said]))) for name, said in words.items()]


def preview_of_sheet(profile: CsvProfile) -> Preview:
    """What is known of a workbook without opening it, which only the reader's process does: the names of its columns."""
    columns = [value for name, value in profile.to_dict().items() if name.endswith("_column") and value is not None]
    width = max(len(profile.header), *(column + 1 for column in columns))
    names = [(profile.header[i].strip() if i < len(profile.header) else "") for i in range(width)]
    headers = [(1, list(profile.header), " · ".join(filter(None, names))[:80])] if profile.header else []
    return Preview(names=names, lines=[], headers=headers, header_line=len(headers), rows=[], problem="")


def preview_of(head: bytes, profile: CsvProfile, *, card: bool) -> Preview:
    """What the profile makes of the file's beginning, for a card or a loan or another account."""
    problem, rows = "", []
    try:
        records, first = records_for(head, profile)
        parsed = read_statements(profile, records[: first + _READ], first, card=card)
    except StatementUnreadable as error:
        # A header that stands further down, or that the profile has wrong, leaves the first lines to look at.
        problem = error.detail
        try:
            records, first = records_for(head, dataclasses.replace(profile, header=()))
        except StatementUnreadable:
            records, first = [], 0
    else:
        found = [(row, statement.currency) for statement in parsed.statements for row in statement.rows]
        rows = sorted(found, key=lambda each: each[0].number)[:SHOWN]
    shown = [record for record in records[first:] if not record.is_blank][:SHOWN]
    width = max([len(profile.header), *(len(record.cells) for record in shown)])
    names = [(profile.header[i].strip() if i < len(profile.header) else "") for i in range(width)]
    lines = [(record.line, [*record.cells, *[""] * (width - len(record.cells))]) for record in shown]
    headers = [
        (record.line, record.cells, " · ".join(filter(None, map(str.strip, record.cells)))[:80])
        for record in records[:_HEADER_WITHIN]
        if sum(map(bool, record.cells)) > 1
    ]
    wanted = [plain(cell) for cell in profile.header]
    current = next((line for line, cells, _text in headers if wanted and [plain(cell) for cell in cells] == wanted), 0)
    return Preview(names=names, lines=lines, headers=headers, header_line=current, rows=rows, problem=problem)
