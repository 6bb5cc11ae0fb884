"""The sentence on top of a report: the answer, before the table."""

import datetime

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.formatting import date_text
from finance import figures
from finance.period_texts import period_text
from finance.periods import days_between
from finance.reports.columns import Column
from finance.reports.definition import By, Compare, Kind
from finance.reports.figures import Cell, Report, Row, Section


def sentence_of(report: Report, *, today: datetime.date) -> str:
    """What the report says, with its main figures; amounts of a whole unit and more are rounded to units."""
    kind = report.definition.kind
    if kind in (Kind.SPENDING, Kind.INCOME):
        return _spending(report, report.sections[0])
    if kind is Kind.TRIAL_BALANCE:
        return _trial_balance(report)
    if kind is Kind.INCOME_STATEMENT:
        facts = {
            "when": within_text(report.scope.first, report.scope.last),
            "earned": _money(report, report.section("income").total),
            "spent": _money(report, report.section("expenses").total),
            "left": _money(report, report.row("left").cells, size=True),
        }
        if report.row("left").cells[report.main].amount < 0:
            return capfirst(
                _("%(when)s, %(earned)s came in and %(spent)s was spent, %(left)s more than came in.") % facts
            )
        return capfirst(_("%(when)s, %(earned)s came in and %(spent)s was spent: %(left)s was left.") % facts)
    if kind is Kind.CASH_FLOW:
        change = report.row("change").cells
        facts = {"when": within_text(report.scope.first, report.scope.last), "size": _money(report, change, size=True)}
        facts["end"] = _money(report, report.row("closing").cells)
        if change[report.main].amount < 0:
            return _("Our money fell by %(size)s %(when)s, to %(end)s.") % facts
        return _("Our money grew by %(size)s %(when)s, to %(end)s.") % facts
    return _worth(report, today=today)


def _worth(report: Report, *, today: datetime.date) -> str:
    day = report.columns[report.main].last or report.scope.last
    facts = {
        "day": date_text(day),
        "worth": _money(report, report.row("net_worth").cells),
        "owned": _money(report, report.section("assets").total),
        "owed": _money(report, report.section("liabilities").total, size=True),
    }
    if report.definition.kind is Kind.NET_WORTH and report.main > 0:
        cells = report.row("net_worth").cells
        change = cells[report.main].amount - cells[0].amount
        facts["since"] = date_text(report.columns[0].last or day)
        facts["change"] = figures.about_text(abs(change), currency=report.currency)
        if change < 0:
            return _("We were worth %(worth)s on %(day)s, %(change)s less than on %(since)s.") % facts
        return _("We were worth %(worth)s on %(day)s, %(change)s more than on %(since)s.") % facts
    if not report.section("liabilities").total[report.main].amount:
        said = (
            _("We own %(owned)s and owe nothing.")
            if day >= today
            else _("On %(day)s we owned %(owned)s and owed nothing.")
        )
        return said % facts
    if day >= today:
        return _("We own %(owned)s and owe %(owed)s: net worth %(worth)s.") % facts
    return _("On %(day)s we owned %(owned)s and owed %(owed)s: net worth %(worth)s.") % facts


def _spending(report: Report, section: Section) -> str:
    is_income = report.definition.kind is Kind.INCOME
    facts = {"when": within_text(report.scope.first, report.scope.last), "amount": _money(report, section.total)}
    if report.compared is None:
        said = _("You received %(amount)s %(when)s.") if is_income else _("You spent %(amount)s %(when)s.")
        return said % facts
    difference = section.total[report.compared + 1].amount
    facts["size"] = figures.about_text(abs(difference), currency=report.currency)
    facts["than"] = compared_text(report, report.columns[report.compared])
    if not difference:
        said = (
            _("You received %(amount)s %(when)s, as much as %(than)s.")
            if is_income
            else _("You spent %(amount)s %(when)s, as much as %(than)s.")
        )
        return said % facts
    if is_income:
        said = (
            _("You received %(amount)s %(when)s, %(size)s more than %(than)s%(cause)s.")
            if difference > 0
            else _("You received %(amount)s %(when)s, %(size)s less than %(than)s%(cause)s.")
        )
    else:
        said = (
            _("You spent %(amount)s %(when)s, %(size)s more than %(than)s%(cause)s.")
            if difference > 0
            else _("You spent %(amount)s %(when)s, %(size)s less than %(than)s%(cause)s.")
        )
    return said % {**facts, "cause": _cause(report, section.rows, rising=difference > 0)}


def _cause(report: Report, rows: list[Row], *, rising: bool) -> str:
    """The row that changed most in the total's direction: ": Restaurants +€180"."""
    place = (report.compared or 0) + 1
    # A row with rows below it would name the same change twice.
    leaves = [
        row for row, after in zip(rows, [*rows[1:], None], strict=True) if after is None or after.depth <= row.depth
    ]
    leaves = [row for row in leaves if row.key != "others"]
    sign = 1 if rising else -1
    most = max(leaves, key=lambda row: sign * row.cells[place].amount, default=None)
    if most is None or sign * most.cells[place].amount <= 0:
        return ""
    text = figures.about_text(most.cells[place].amount, currency=report.currency)
    return f": {most.label} {'+' if rising else ''}{text}"


def _trial_balance(report: Report) -> str:
    unequal = [
        section.currency
        for section in report.sections
        if section.total[0].amount or section.total[3].amount or section.total[1] != section.total[2]
    ]
    if unequal:
        return _("Debits and credits differ in %(currencies)s.") % {"currencies": ", ".join(unequal)}
    if not report.sections:
        return _("Nothing was posted up to this day.")
    accounts = sum(len(section.rows) for section in report.sections)
    said = ngettext(
        "Debits equal credits: the books are in order. %(count)d account has a balance or moved.",
        "Debits equal credits: the books are in order. %(count)d accounts have a balance or moved.",
        accounts,
    )
    return said % {"count": accounts}


def within_text(first: datetime.date, last: datetime.date) -> str:
    """ "in October 2026", "on 5 Mar 2026", "from 5 Mar 2026 to 4 Apr 2026"."""
    period = days_between(first, last)
    if period.months:
        return _("in %(period)s") % {"period": period_text(period)}
    if first == last:
        return _("on %(day)s") % {"day": date_text(first)}
    return _("from %(first)s to %(last)s") % {"first": date_text(first), "last": date_text(last)}


def compared_text(report: Report, column: Column) -> str:
    """What a total is compared with, after "than": "usual", "from 1 to 15 Feb", "in February 2026"."""
    if report.definition.compare is Compare.AVERAGE:
        return _("usual")
    (span,) = column.spans
    return within_text(span.first, span.last)


def column_text(report: Report, column: Column) -> str:
    """The head of a column."""
    if column.role in ("opening", "debit", "credit", "closing"):
        return {"opening": _("Opening"), "debit": _("Debits"), "credit": _("Credits"), "closing": _("Closing")}[
            column.role
        ]
    if column.role == "difference":
        return _("Difference")
    if column.role == "compared" and report.definition.compare is Compare.AVERAGE:
        count = len(column.spans)
        return ngettext("Average of %(count)d period", "Average of %(count)d periods", count) % {"count": count}
    span = column.spans[-1]
    if report.definition.is_of_holdings:
        return date_text(span.last)
    if column.role == "period" and days_between(span.first, span.last).months == 1:
        return date_text(span.first, form="LLL y")
    if column.role == "total" and len(report.columns) > 1 and report.columns[0].role == "period":
        return _("Total")
    return period_text(days_between(span.first, span.last))


def title_of(kind: Kind, by: By = By.CATEGORY) -> str:
    """The report's name."""
    if by is not By.CATEGORY:
        return {
            (Kind.SPENDING, By.PAYEE): _("Spending by payee"),
            (Kind.SPENDING, By.TAG): _("Spending by tag"),
            (Kind.INCOME, By.TAG): _("Income by tag"),
            (Kind.SPENDING, By.MEMBER): _("Spending by member"),
            (Kind.INCOME, By.PAYEE): _("Income by payee"),
            (Kind.INCOME, By.MEMBER): _("Income by member"),
        }[kind, by]
    return {
        Kind.BALANCE_SHEET: _("Balance sheet"),
        Kind.INCOME_STATEMENT: _("Income statement"),
        Kind.CASH_FLOW: _("Cash flow"),
        Kind.NET_WORTH: _("Net worth"),
        Kind.SPENDING: _("Spending by category"),
        Kind.INCOME: _("Income by category"),
        Kind.TRIAL_BALANCE: _("Trial balance"),
    }[kind]


def _money(report: Report, cells: list[Cell], *, size: bool = False) -> str:
    amount = cells[report.main].amount
    return figures.about_text(abs(amount) if size else amount, currency=report.currency)
