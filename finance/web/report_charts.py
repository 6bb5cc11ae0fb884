"""What the charts of reports draw: plain decimals for positions, finished texts for people."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.figures import money_text
from finance.reports.definition import Kind
from finance.reports.figures import Cell, Report, Row
from finance.reports.flow_diagram import Diagram, Source, flow_diagram
from finance.reports.sentences import column_text

BARS = 10


def chart_of(report: Report) -> dict[str, Any] | None:
    """The chart of a report, None where its table says all there is to see."""
    kind = report.definition.kind
    periods = [index for index, column in enumerate(report.columns) if column.role == "period"]
    if kind in (Kind.SPENDING, Kind.INCOME):
        section = report.sections[0]
        return (
            _over_time(report, periods, [(section.title, section.total)]) if periods else _largest(report, section.rows)
        )
    if kind in (Kind.NET_WORTH, Kind.BALANCE_SHEET) and len(periods) > 1:
        return {**_over_time(report, periods, [(_("Net worth"), report.row("net_worth").cells)]), "type": "line"}
    if kind is Kind.INCOME_STATEMENT and periods:
        pairs = [(report.section(key).title, report.section(key).total) for key in ("income", "expenses")]
        return _over_time(report, periods, pairs)
    if kind is Kind.CASH_FLOW and periods:
        return _over_time(report, periods, [(_("Change of our money"), report.row("change").cells)])
    return None


def _over_time(report: Report, periods: Sequence[int], rows: list[tuple[str, list[Cell]]]) -> dict[str, Any]:
    return {
        "type": "bar",
        "axis": "x",
        "labels": [column_text(report, report.columns[index]) for index in periods],
        "sets": [_set(report, label, [cells[index] for index in periods]) for label, cells in rows],
    }


def _largest(report: Report, rows: list[Row]) -> dict[str, Any] | None:
    """The largest rows of the top level as bars, next to what they are compared with."""
    top = [row for row in rows if row.depth == 0 and row.cells[report.main].amount > 0][:BARS]
    if not top:
        return None
    sets = [_set(report, column_text(report, report.columns[report.main]), [row.cells[report.main] for row in top])]
    if report.compared is not None:
        place = report.compared
        sets.append(_set(report, column_text(report, report.columns[place]), [row.cells[place] for row in top]))
    return {"type": "bar", "axis": "y", "labels": [row.label for row in top], "sets": sets}


def _set(report: Report, label: str, cells: list[Cell]) -> dict[str, Any]:
    return {
        "label": label,
        "values": [money.format_amount(cell.amount, currency=report.currency) for cell in cells],
        "texts": [money_text(cell.amount, currency=report.currency) for cell in cells],
    }


def diagram_of(report: Report) -> Diagram | None:
    """Income to categories of an income statement without columns of periods."""
    if report.definition.kind is not Kind.INCOME_STATEMENT or report.columns[0].role == "period":
        return None

    def sources(key: str) -> list[Source]:
        rows = report.section(key).rows
        found = [row for row in rows if row.depth == 0]
        return [Source(key=row.key, label=row.label, amount=row.cells[report.main].amount) for row in found]

    return flow_diagram(
        sources("income"),
        sources("expenses"),
        rest=_("Other"),
        left_over=_("Left over"),
        savings=_("From earlier money"),
    )
