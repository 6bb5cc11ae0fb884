"""Rows of a CSV file → statements: one per account and currency, with the balances that prove it."""

import dataclasses
from collections.abc import Iterable, Sequence
from decimal import Decimal

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.amounts import signed_value
from finance.imports.parsers.cells import cell_of
from finance.imports.parsers.limits import check_statements
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.row_reader import RowReader
from finance.imports.parsers.running import follow_balances
from finance.imports.parsers.sections import in_section, sections_of
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.imports.parsers.table import Record


def read_statements(
    profile: CsvProfile, records: Sequence[Record], first: int, *, card: bool = False, notes: Iterable[str] = ()
) -> ParsedFile:
    """One statement per account and currency of the file, which is for a card or a loan or not.

    Raises StatementUnreadable when nothing is left to read.
    """
    reader = RowReader(profile, records[first:], card=card)
    reader.read_preamble(records[:first])
    reader.read()
    if not reader.rows:
        raise StatementUnreadable(reason=_("The file holds no transactions; there is nothing to import."))
    if all(row.problem for row in reader.rows):
        # A file of which nothing can be read is not a file with many errors.
        worst = reader.rows[0]
        raise StatementUnreadable(
            reason=_("None of the %(count)s rows can be read. The first one, line %(number)s: %(problem)s")
            % {"count": len(reader.rows), "number": worst.number, "problem": worst.problem}
        )
    rows = _with_currencies(reader.rows, profile)
    # Rows per account and currency, each in the file's order; broken ones stay with the first.
    sections, told = sections_of(reader, rows)
    groups: dict[tuple[int, str, str], list[ParsedRow]] = {}
    for one in rows:
        place, row = in_section(one, sections)
        if row.date is None and row.amount is None and groups:
            own = (group for (section, *_rest), group in groups.items() if section == place)
            next(own, next(iter(groups.values()))).append(row)
        else:
            groups.setdefault((place, row.account, row.currency or profile.currency), []).append(row)
            check_statements(len(groups))
    fees = {
        record.line: abs(fee)
        for record in (reader.records if profile.fee_column is not None else ())
        if (fee := signed_value(cell_of(record, profile.fee_column), profile.decimal_mark))
    }
    statements, more = [], []
    if reader.owed:
        more.append(_("The balances of the file are what is owed, so they are read as negative."))
    elif reader.held:
        more.append(
            _(
                "The balances of the file are read as money that the account holds, not as what is owed. "
                "Change the signs under Columns if that is wrong."
            )
        )
    for (place, account, currency), group in groups.items():
        alone = len({name for section, name, _currency in groups if section == place} - {""}) <= 1
        stated = sections[place].stated if alone else {}
        statement, note = _statement(account, currency, group, fees=fees, stated=stated)
        statements.append(statement)
        more += note
    return ParsedFile(
        format="csv",
        statements=tuple(statements),
        profile=profile,
        left_out=tuple(sorted(reader.left_out, key=lambda row: row.number)),
        notes=(*notes, *told, *dict.fromkeys(more)),
    )


def _with_currencies(rows: Sequence[ParsedRow], profile: CsvProfile) -> list[ParsedRow]:
    """The rows; in a file of several currencies one that names none is an error, never taken for one of them."""
    named = {row.currency for row in rows} - {""}
    # A column's heading or the only currency of all signs speaks for the rows without one.
    if len(named) < 2 or (profile.currency_column is None and profile.currency):
        return list(rows)
    problem = _("The file holds several currencies, and the row does not say which one is meant.")
    return [
        row
        if row.currency or row.amount is None
        else dataclasses.replace(row, amount=None, problem=" ".join(filter(None, [row.problem, problem])))
        for row in rows
    ]


def _statement(
    account: str, currency: str, rows: list[ParsedRow], *, fees: dict[int, Decimal], stated: dict[str, Decimal]
) -> tuple[ParsedStatement, list[str]]:
    running, notes = follow_balances(rows, with_fees=fees)
    days = [row.date for row in running.rows if row.date is not None and row.state is RowState.BOOKED]
    return ParsedStatement(
        account=account,
        currency=currency,
        rows=tuple(running.rows),
        start=min(days, default=None),
        end=max(days, default=None),
        opening=running.opening if running.known else stated.get("opening"),
        closing=running.closing if running.known else stated.get("closing"),
        closing_on=max(days, default=None),
        oldest_first=running.oldest_first,
        balance_before=running.balance_before,
        balance_break=running.first_break,
    ), notes
