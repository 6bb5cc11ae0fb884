"""A report as the table of a page: finished texts, and for each figure the address of the rows that make it."""

import datetime
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from finance.figures import amount_text, money_text
from finance.models import Book
from finance.reports.columns import Column
from finance.reports.definition import Kind
from finance.reports.figures import Cell, Report, Row, Section
from finance.reports.sentences import column_text
from finance.web.periods import rows_query


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure as the table shows it."""

    text: str
    url: str = ""
    unvalued: tuple[str, ...] = ()
    is_zero: bool = False
    is_derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A row of the table; `url` leads on from its name, to a report of what is inside."""

    label: str
    depth: int
    cells: list[Shown]
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    title: str
    currency: str
    rows: list[ShownRow]
    total: ShownRow


class Table:
    """The report's table with its links.

    Without `own_lists` figures lead to registers alone: the report is of a day before, and its own lists are of today.
    """

    def __init__(self, report: Report, *, book: Book, own_lists: bool = True) -> None:
        self.report, self.book, self.own_lists = report, book, own_lists
        self.width = len(report.columns) + 1
        self.heads = [(column_text(report, column), column.role) for column in report.columns]
        self.sections = [self._section(section) for section in report.sections]
        self.summary = [self._row(row, currency=report.currency) for row in report.summary]

    def _section(self, section: Section) -> ShownSection:
        key = f"section-{section.key}"
        has_rows = self.report.definition.kind is not Kind.TRIAL_BALANCE and section.key != "equity"
        cells = [
            self._cell(cell, column, currency=section.currency, url=self._behind(key, index) if has_rows else "")
            for index, (cell, column) in enumerate(zip(section.total, self.report.columns, strict=True))
        ]
        return ShownSection(
            title=section.title,
            currency=section.currency,
            rows=[self._row(row, currency=section.currency) for row in section.rows],
            total=ShownRow(label=section.total_label, depth=0, cells=cells),
        )

    def _row(self, row: Row, *, currency: str) -> ShownRow:
        cells = [
            self._cell(cell, column, currency=currency, url=self._url(row, index))
            for index, (cell, column) in enumerate(zip(row.cells, self.report.columns, strict=True))
        ]
        return ShownRow(label=row.label, depth=min(row.depth, 6), cells=cells, url=self._inside(row))

    def _cell(self, cell: Cell, column: Column, *, currency: str, url: str) -> Shown:
        is_change = column.role == "difference"
        return Shown(
            text=amount_text(cell.amount, currency=currency, plus=is_change),
            url=url if cell and len(column.spans) == 1 else "",
            unvalued=tuple(money_text(amount, currency=code, plus=is_change) for code, amount in cell.unvalued.items()),
            is_zero=not cell,
            is_derived=column.role in ("compared", "difference"),
        )

    def _url(self, row: Row, index: int) -> str:
        """The register where it shows exactly these lines, else the report's own list of them."""
        definition, column = self.report.definition, self.report.columns[index]
        if len(column.spans) != 1 or (row.account is None and row.group is None):
            return ""
        (span,) = column.spans
        if definition.kind is Kind.TRIAL_BALANCE:
            return self._trial_url(row, column.role, span.first, span.last)
        if row.account is None or definition.known_at is not None or definition.kind is Kind.CASH_FLOW:
            return self._behind(row.key, index)
        first = None if definition.is_of_holdings else span.first
        return self._register(row, rows_query(first, span.last, below=row.below))

    def _trial_url(self, row: Row, role: str, first: datetime.date, last: datetime.date) -> str:
        """Balances lead to the register; debits and credits have no list of their own."""
        if self.report.definition.known_at is not None or role in ("debit", "credit"):
            return ""
        return self._register(row, rows_query(None, last if role == "closing" else first - datetime.timedelta(days=1)))

    def _register(self, row: Row, query: str) -> str:
        assert row.account is not None
        return reverse("web:register", args=[self.book.pk, row.account.pk]) + query

    def _behind(self, key: str, index: int) -> str:
        if not self.own_lists:
            return ""
        definition = self.report.definition
        asked = {**definition.parameters(), "row": key, "column": str(index)}
        return f"{reverse('web:report_rows', args=[self.book.pk, definition.kind.value])}?{urlencode(asked)}"

    def _inside(self, row: Row) -> str:
        """Of a category its payees, of a payee or member nothing more."""
        definition = self.report.definition
        kinds = {Kind.SPENDING: "expense", Kind.INCOME: "income"}
        if row.account is None or row.account.type != kinds.get(definition.kind):
            return ""
        asked = {**definition.parameters(), "by": "payee", "account": str(row.account.pk)}
        asked.pop("depth", None)
        return f"?{urlencode(asked)}"
