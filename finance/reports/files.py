"""A report as data, as CSV and as an Excel sheet: the same rows and figures as on the page."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from finance import money
from finance.ledger.models import Book
from finance.reports.definition import By
from finance.reports.figures import Cell, Report, Row
from finance.reports.sentences import column_text, title_of
from finance.sheets import amount_shape, safe, write_amount

if TYPE_CHECKING:
    import xlsxwriter


def as_data(report: Report, *, sentence: str) -> dict[str, Any]:
    """The report as JSON can hold it; amounts are decimal strings of their section's currency."""
    definition, scope = report.definition, report.scope
    return {
        "kind": definition.kind.value,
        "title": title_of(definition.kind, definition.by),
        "sentence": sentence,
        "first": scope.first.isoformat(),
        "last": scope.last.isoformat(),
        "known_at": definition.known_at.isoformat() if definition.known_at else None,
        "currency": report.currency,
        "columns": [
            {
                "role": column.role,
                "title": column_text(report, column),
                "first": column.first.isoformat() if column.first else None,
                "last": column.last.isoformat() if column.last else None,
                "periods": len(column.spans),
            }
            for column in report.columns
        ],
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "currency": section.currency,
                "rows": [_row_data(row, currency=section.currency) for row in section.rows],
                "total": _cells_data(section.total, currency=section.currency),
            }
            for section in report.sections
        ],
        "summary": [_row_data(row, currency=report.currency) for row in report.summary],
        "not_valued": [_amount(amount, currency) for currency, amount in report.not_valued.items()],
        "rates": [
            {
                "currency": rate.currency,
                "on": rate.on.isoformat(),
                "rate": rate.rate,
                "date": rate.date.isoformat() if rate.date else None,
                "note": rate.note,
            }
            for rate in report.rates
        ],
    }


def _row_data(row: Row, *, currency: str) -> dict[str, Any]:
    return {
        "key": row.key,
        "title": row.label,
        "depth": row.depth,
        "account": row.account.pk if row.account else None,
        "with_inside": row.below,
        "cells": _cells_data(row.cells, currency=currency),
    }


def _cells_data(cells: Sequence[Cell], *, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "amount": money.format_amount(cell.amount, currency=currency),
            "not_valued": [_amount(amount, code) for code, amount in cell.unvalued.items()],
        }
        for cell in cells
    ]


def _amount(amount: int, currency: str) -> dict[str, str]:
    return {"amount": money.format_amount(amount, currency=currency), "currency": currency}


def _lines(report: Report) -> Iterator[tuple[str, str, Sequence[Cell], int, bool]]:
    """Currency, label, cells, depth and whether it is a sum, of every line of the table in its order."""
    for section in report.sections:
        yield section.currency, section.title, (), 0, True
        for row in section.rows:
            yield section.currency, row.label, row.cells, row.depth + 1, False
        yield section.currency, section.total_label, section.total, 0, True
    for row in report.summary:
        yield report.currency, row.label, row.cells, 0, True


def as_csv(report: Report) -> str:
    """The table with a head; amounts are plain decimals, what is not valued is in the last column."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    heads = [column_text(report, column) for column in report.columns]
    writer.writerow([_("Row"), _("Currency"), *heads, _("Not valued")])
    for currency, label, cells, depth, _is_sum in _lines(report):
        amounts = [money.format_amount(cell.amount, currency=currency) for cell in cells] or [""] * len(heads)
        # Blanks show the tree, and keep a name from being read as a formula.
        writer.writerow([safe("  " * depth + label), currency, *amounts, _unvalued_text(cells)])
    return target.getvalue()


def _unvalued_text(cells: Sequence[Cell]) -> str:
    """ "100.00 USD" of each column that has such, or nothing."""
    found = [
        ", ".join(f"{money.format_amount(amount, currency=code)} {code}" for code, amount in cell.unvalued.items())
        for cell in cells
    ]
    return " | ".join(found) if any(found) else ""


def as_xlsx(report: Report, *, book: Book, sentence: str) -> bytes:
    """One sheet: title, sentence, the table with numbers as numbers, and what is not valued."""
    import xlsxwriter  # only here, as in finance/sheets.py

    target = io.BytesIO()
    with xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as file:
        formats = _formats(file, {report.currency, *(section.currency for section in report.sections)})
        sheet = file.add_worksheet(title_of(report.definition.kind, By.CATEGORY)[:31])
        sheet.write_string(
            0, 0, f"{title_of(report.definition.kind, report.definition.by)} · {book.name}", formats["title"]
        )
        sheet.write_string(1, 0, sentence)
        heads = [column_text(report, column) for column in report.columns]
        for place, head in enumerate([_("Row"), *heads, _("Not valued")]):
            sheet.write_string(3, place, head, formats["head"])
        number = 4
        for currency, label, cells, depth, is_sum in _lines(report):
            sheet.write_string(number, 0, "   " * depth + label, formats["sum" if is_sum else "text"])
            for place, cell in enumerate(cells, start=1):
                write_amount(sheet, number, place, cell.amount, currency, formats[currency, is_sum])
            sheet.write_string(number, len(heads) + 1, _unvalued_text(cells))
            number += 1
        sheet.freeze_panes(4, 1)
        sheet.set_column(0, 0, 40)
        sheet.set_column(1, len(heads) + 1, 16)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
    return target.getvalue()


def _formats(file: "xlsxwriter.Workbook", currencies: set[str]) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {
        "title": file.add_format({"bold": True, "font_size": 14}),
        "head": file.add_format({"bold": True, "bottom": 1, "align": "right"}),
        "text": file.add_format(),
        "sum": file.add_format({"bold": True}),
    }
    for currency in currencies:
        shape = amount_shape(currency)
        found[currency, False] = file.add_format({"num_format": shape})
        found[currency, True] = file.add_format({"num_format": shape, "bold": True, "top": 1})
    return found
