"""Excel and OpenDocument workbooks (XLSX, XLS, ODS): the sheet that is a statement becomes the table that CSV files are.

Cells are typed, so a date is a day without doubt about its order and a number has no grouping. Both are written out in a
form that the reader of CSV files can read in one way only.
"""

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.parsers import expat

from core.texts import gettext as _
from core.texts import number as number_of
from finance.errors import StatementUnreadable
from finance.imports.parsers.archive import check_unpacked, names_in
from finance.imports.parsers.limits import MAX_COLUMNS, MAX_ROWS, check_rows
from finance.imports.parsers.table import looks_like_transaction

Cell = int | float | str | bool | datetime.date | datetime.datetime | datetime.time | datetime.timedelta

_XLS = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
# Spreadsheets of 50 MB packed are far more than any bank's.
_MOST_UNPACKED = 200 * 1024 * 1024
_MOST_SHEETS = 50
_SAMPLE = 2000
_TOLD_FROM = 3  # rows that look like transactions make another sheet worth a word
# A cell that holds something: its tag is not closed at once. Excel pads sheets with empty ones up to the last column.
# Only the beginning of a reference: one of a hundred digits is no cell, but the library would make room for it.
_FILLED = re.compile(rb"""<(?:\w{1,10}:)?c\s[^<>]{0,200}?\br=["']([A-Za-z]{1,4})(\d{1,8})[^<>/]*+>""")
_REPEATED = re.compile(rb"""number-columns-repeated=["'](\d{1,9})[^<>/]*+>""")
_ROW_DIGITS = 7  # of the last row that Excel has
_NEVER_CALCULATED = re.compile(rb"</(?:\w{1,10}:)?f>(?:<v></v>|<v ?/>)?</(?:\w{1,10}:)?c>")
_COMMA_AMOUNT = re.compile(r"[-+]?\d{1,3}(?:[. ]?\d{3}){0,5},\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet as comma-separated text; line n is its row n. `notes` tell what was left aside."""

    format: str
    text: bytes
    decimal_mark: str
    notes: tuple[str, ...]


def looks_like_workbook(data: bytes) -> bool:
    """Whether the bytes are an XLS, XLSX or ODS file."""
    return data.startswith(_XLS) or (data.startswith(_ZIP) and bool(_kind_of_archive(data)))


def _kind_of_archive(data: bytes) -> str:
    names = names_in(data)
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    return "ods" if "content.xml" in names else ""


def read_sheet(data: bytes) -> Sheet:
    """The sheet with the most transactions. Raises StatementUnreadable for what is no workbook, or too large a one."""
    kind = "xls" if data.startswith(_XLS) else _kind_of_archive(data)
    notes: list[str] = []
    if kind != "xls":
        check_unpacked(data, limit=_MOST_UNPACKED)
        notes += _look_inside(data)
    read = _tables(data, kind)
    tables = {name: rows for name, (rows, _mark) in read.items()}
    marks = {name: mark for name, (_rows, mark) in read.items()}
    scores = {name: sum(map(looks_like_transaction, rows[:_SAMPLE])) for name, rows in tables.items()}
    if not any(any(row) for rows in tables.values() for row in rows):
        raise StatementUnreadable(reason=_("The workbook is empty."))
    best = max(tables, key=lambda name: (scores[name], len(tables[name])))
    notes += [
        _("The sheet “%(name)s” looks like a statement as well and is not read; please import it as a file of its own.")
        % {"name": name[:60]}
        for name, score in scores.items()
        if name != best and score >= _TOLD_FROM
    ]
    if len(tables) > 1:
        notes.insert(0, _("The sheet “%(best)s” is read.") % {"best": best[:60]})
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\n").writerows(tables[best])
    return Sheet(format=kind, text=target.getvalue().encode(), decimal_mark=marks[best], notes=tuple(notes))


def _look_inside(data: bytes) -> list[str]:
    """Refuse a sheet that claims a cell where no statement has one: the reader would make room for all before it."""
    never_calculated = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not (name.startswith("xl/worksheets/") or name == "content.xml"):
                continue
            content = archive.read(name)
            if name == "content.xml":
                _check_whole(content)
            never_calculated += sum(1 for _each in _NEVER_CALCULATED.finditer(content))
            for match in _FILLED.finditer(content):
                # Columns beyond Z have two letters, beyond ZZ three.
                column = sum((letter - 64) * 26**place for place, letter in enumerate(reversed(match[1].upper())))
                if len(match[2]) > _ROW_DIGITS or int(match[2]) > MAX_ROWS + 1000 or column > MAX_COLUMNS:
                    where = (match[1] + match[2]).decode()
                    raise StatementUnreadable(
                        reason=_(
                            "The sheet has a cell in %(where)s; at most %(max_rows)s rows and %(max_columns)s "
                            "columns are read."
                        )
                        % {"where": where, "max_rows": number_of(MAX_ROWS), "max_columns": MAX_COLUMNS}
                    )
            if any(len(match[1]) > _ROW_DIGITS or int(match[1]) > MAX_COLUMNS for match in _REPEATED.finditer(content)):
                raise StatementUnreadable(
                    reason=_(
                        "The sheet repeats a cell more often than any statement does. Please export the "
                        "transactions as CSV."
                    )
                )
    if not never_calculated:
        return []
    return [
        _(
            "%(never_calculated)s cells hold formulas without a result, so they are read as "
            "empty. Open the file in a spreadsheet program and save it there."
        )
        % {"never_calculated": never_calculated}
    ]


def _check_whole(content: bytes) -> None:
    """Refuse an OpenDocument sheet that breaks off: the library would wait for the end of its table for ever."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise _damaged("ods") from error


def _refuse_doctype(*_declaration: object) -> None:
    raise _damaged("ods")


def _tables(data: bytes, kind: str) -> dict[str, tuple[list[list[str]], str]]:
    # Here, because only workbooks are worth loading it.
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            shown = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
            ]
            return {name: _table(book.get_sheet_by_name(name).iter_rows()) for name in shown[:_MOST_SHEETS]}
    except PasswordError as error:
        raise StatementUnreadable(
            reason=_("The workbook is protected with a password. Please save it without one and try again.")
        ) from error
    except (CalamineError, ValueError, OSError, OverflowError) as error:
        raise _damaged(kind) from error
    except BaseException as error:
        # The library is written in Rust; where it gives up, the exception is none of Python's.
        if type(error).__name__ != "PanicException":
            raise
        raise _damaged(kind) from error


def _damaged(kind: str) -> StatementUnreadable:
    what = (
        _("a document of an older Office, but no Excel workbook that can be read")
        if kind == "xls"
        else _("a damaged workbook")
    )
    return StatementUnreadable(
        reason=_("This is %(what)s. Please save it as XLSX or export the transactions as CSV.") % {"what": what}
    )


def _table(rows: Iterable[Sequence[Cell]]) -> tuple[list[list[str]], str]:
    """Texts of the cells, and their decimal mark: a comma where texts of the sheet have one, so that all agree."""
    kept: list[Sequence[Cell]] = []
    for number, row in enumerate(rows, 1):
        check_rows(number)
        if len(row) > MAX_COLUMNS and any(cell != "" for cell in row[MAX_COLUMNS:]):
            raise StatementUnreadable(
                reason=_("Row %(number)s has %(count)s columns; statements of banks have %(max_columns)s at most.")
                % {"number": number, "count": number_of(len(row)), "max_columns": MAX_COLUMNS}
            )
        kept.append(row[:MAX_COLUMNS])
    texts = (cell for row in kept[:_SAMPLE] for cell in row if isinstance(cell, str) and len(cell) < 40)
    mark = "," if any(_COMMA_AMOUNT.fullmatch(text.strip()) for text in texts) else "."
    return [[_text(cell, mark) for cell in row] for row in kept], mark


def _text(cell: Cell, mark: str) -> str:
    if isinstance(cell, str):
        return " ".join(cell.split())
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return _number(cell, mark)
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)


def _number(value: float, mark: str) -> str:
    """The decimal that the sheet shows: workbooks keep 15 digits, and a calculated 100.10000000000001 is 100.1 there.

    Never with three decimals, which would look like thousands.
    """
    number = Decimal(f"{value:.15g}")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        return str(value)
    whole, _point, decimals = f"{number:f}".partition(".")
    decimals = decimals.rstrip("0")
    if not decimals:
        return whole
    decimals = decimals.ljust(2, "0")
    return f"{whole}{mark}{decimals + '0' if len(decimals) == 3 else decimals}"
