"""Tables as files: CSV and Excel sheets in which no text is run as a formula, and every amount keeps its digits."""

import csv
import datetime
import io
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from django.utils.translation import gettext as _

from finance import money
from finance.errors import Invalid

if TYPE_CHECKING:
    import xlsxwriter

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# A sheet is made as a whole before it is sent; CSV has no limit.
MOST_SHEET_ROWS = 50_000
# A number of more digits would be rounded by the program that opens the sheet.
_DIGITS_OF_SHEETS = 15
# A spreadsheet would run a text that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDE, _NARROW = 28, 12


class Amount(NamedTuple):
    """Signed minor units of a currency."""

    minor_units: int
    currency: str


Cell: TypeAlias = str | datetime.date | Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """Rows under heads, read once. Amounts in the column `total` are added up at the end of a sheet."""

    title: str
    notes: Sequence[str]
    heads: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    total: int


def safe(text: str) -> str:
    """The text as a spreadsheet shows it, without running it as a formula."""
    return f"'{text}" if text.lstrip()[:1] in _FORMULA or text[:1] in _FORMULA else text


def as_csv(table: FileTable) -> Iterator[str]:
    """RFC 4180, row by row. Amounts are plain decimals, days are as in 2026-03-31; titles and notes are left out."""
    yield csv_row(table.heads)
    for row in table.rows:
        yield csv_row([_plain(cell) for cell in row])


def _plain(cell: Cell) -> str:
    if isinstance(cell, Amount):
        return money.format_amount(cell.minor_units, currency=cell.currency)
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return safe(cell or "")


def csv_row(values: Sequence[str]) -> str:
    """One row of CSV with its line end."""
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


def as_sheet(table: FileTable) -> IO[bytes]:
    """A workbook of one sheet in a temporary file, at its beginning; its last rows are the totals per currency.

    Raises Invalid for more than MOST_SHEET_ROWS rows.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    import xlsxwriter  # only here: its dozens of modules are in no page's way

    try:
        with xlsxwriter.Workbook(target, options) as file:
            _fill(file, table)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def _fill(file: "xlsxwriter.Workbook", table: FileTable) -> None:
    shapes = _Shapes(file)
    sheet = file.add_worksheet()
    head = len(table.notes) + 2
    sheet.write_string(0, 0, table.title, shapes.of(bold=True))
    for number, note in enumerate(table.notes, start=1):
        sheet.write_string(number, 0, note)
    for place, text in enumerate(table.heads):
        sheet.set_column(place, place, _NARROW if place in (0, table.total) else _WIDE)
        sheet.write_string(head, place, text, shapes.of(bold=True))
    sheet.freeze_panes(head + 1, 0)
    totals: dict[str, int] = defaultdict(int)
    end = head + 1
    for row in table.rows:
        if end - head > MOST_SHEET_ROWS:
            most = f"{MOST_SHEET_ROWS:,}"
            raise Invalid(reason=_("A sheet holds at most %(most)s rows. Choose CSV, or fewer rows.") % {"most": most})
        for place, cell in enumerate(row):
            _write(sheet, end, place, cell, shapes)
        if isinstance(amount := row[table.total], Amount):
            totals[amount.currency] += amount.minor_units
        end += 1
    for number, (currency, total) in enumerate(sorted(totals.items()), start=end):
        sheet.write_string(number, 0, _("Total"), shapes.of(bold=True))
        write_amount(sheet, number, table.total, total, currency, shapes.of(currency=currency, bold=True))
        sheet.write_string(number, table.total + 1, currency, shapes.of(bold=True))


class _Shapes:
    """The formats of a workbook, each made once."""

    def __init__(self, file: "xlsxwriter.Workbook") -> None:
        self._file = file
        self._made: dict[tuple[str, bool, bool], Any] = {}

    def of(self, *, currency: str = "", bold: bool = False, day: bool = False) -> Any:
        key = currency, bold, day
        if key not in self._made:
            shown = amount_shape(currency) if currency else "yyyy-mm-dd" if day else "General"
            self._made[key] = self._file.add_format({"bold": bold, "num_format": shown})
        return self._made[key]


def _write(sheet: Any, row: int, column: int, cell: Cell, shapes: _Shapes) -> None:
    if isinstance(cell, Amount):
        write_amount(sheet, row, column, cell.minor_units, cell.currency, shapes.of(currency=cell.currency))
    elif isinstance(cell, datetime.date):
        # Sheets count days from 1900 on.
        if cell.year >= 1900:
            sheet.write_datetime(row, column, datetime.datetime(cell.year, cell.month, cell.day), shapes.of(day=True))  # noqa: DTZ001  # a day
        else:
            sheet.write_string(row, column, cell.isoformat())
    elif cell:
        sheet.write_string(row, column, cell)


def amount_shape(currency: str) -> str:
    """How a sheet shows amounts of the currency: "#,##0.00"."""
    places = money.exponent(currency)
    return f"#,##0{'.' if places else ''}{'0' * places}"


def write_amount(sheet: Any, row: int, column: int, amount: int, currency: str, shape: Any) -> None:
    """Write minor units as a number where the sheet keeps all its digits, else as text."""
    if len(str(abs(amount))) > _DIGITS_OF_SHEETS:
        sheet.write_string(row, column, money.format_amount(amount, currency=currency), shape)
    else:
        sheet.write_number(row, column, money.to_decimal(amount, currency=currency), shape)
