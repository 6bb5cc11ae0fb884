"""A finished report as JSON, and back, without its definition: what a worker made is shown like any other report."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from finance.ledger.models import Account
from finance.ledger.turnovers import Span
from finance.reports.columns import Column
from finance.reports.definition import Definition, Scope
from finance.reports.figures import Cell, RateUsed, Report, Row, Section

VERSION = 1


def packed(report: Report) -> dict[str, Any]:
    """The report's columns, rows and rates; amounts are in minor units."""
    return {
        "version": VERSION,
        "currency": report.currency,
        "columns": [
            {"role": each.role, "spans": [[span.first.isoformat(), span.end.isoformat()] for span in each.spans]}
            for each in report.columns
        ],
        "sections": [
            {
                **{name: getattr(each, name) for name in ("key", "title", "currency", "total_label")},
                "rows": [_packed_row(row) for row in each.rows],
                "total": _packed_cells(each.total),
            }
            for each in report.sections
        ],
        "summary": [_packed_row(row) for row in report.summary],
        "not_valued": dict(report.not_valued),
        "rates": [
            asdict(each) | {"on": each.on.isoformat(), "date": each.date.isoformat() if each.date else None}
            for each in report.rates
        ],
    }


def _packed_row(row: Row) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in ("key", "label", "depth", "below", "group")}
    return {**kept, "account": row.account.pk if row.account else None, "cells": _packed_cells(row.cells)}


def _packed_cells(cells: Sequence[Cell]) -> list[Any]:
    return [[cell.amount, dict(cell.unvalued)] if cell.unvalued else cell.amount for cell in cells]


def unpacked(kept: Mapping[str, Any], *, definition: Definition, scope: Scope, tree: Sequence[Account]) -> Report:
    """The report that was packed. Raises KeyError or ValueError for what was packed by another release."""
    if kept["version"] != VERSION:
        raise ValueError("the report was made by another release")
    accounts = {account.pk: account for account in tree}

    def row(given: Mapping[str, Any]) -> Row:
        account = accounts[given["account"]] if given["account"] is not None else None
        return Row(**{**given, "account": account, "cells": _cells(given["cells"])})

    return Report(
        definition=definition,
        scope=scope,
        currency=kept["currency"],
        columns=[
            Column(role=each["role"], spans=tuple(Span(first=_day(one), end=_day(two)) for one, two in each["spans"]))
            for each in kept["columns"]
        ],
        sections=[
            Section(**{**each, "rows": [row(one) for one in each["rows"]], "total": _cells(each["total"])})
            for each in kept["sections"]
        ],
        summary=[row(one) for one in kept["summary"]],
        not_valued=kept["not_valued"],
        rates=[
            RateUsed(**{**each, "on": _day(each["on"]), "date": _day(each["date"]) if each["date"] else None})
            for each in kept["rates"]
        ],
    )


def _cells(given: Sequence[Any]) -> list[Cell]:
    return [Cell(each[0], each[1]) if isinstance(each, list) else Cell(each) for each in given]


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)
