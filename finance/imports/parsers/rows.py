"""Records of a CSV file → transactions, by a given profile."""

import dataclasses
import datetime
import html
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from finance.errors import StatementUnreadable
from finance.imports.parsers.amounts import signed_value, take_apart
from finance.imports.parsers.columns import is_balance_line
from finance.imports.parsers.dates import looks_like_date, parse_date
from finance.imports.parsers.limits import check_statements
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.running import follow_balances
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.imports.parsers.table import Record
from finance.imports.parsers.words import (
    balance_kind,
    currency_code,
    direction_of,
    is_pending,
    is_plain_total,
    is_void,
    looks_like_account,
    party,
    plain,
)
from finance.money import known_currencies

_LONGEST_PAYEE = 200
_LONGEST_DESCRIPTION = 500
_MOST_TOLD = 20
# "-3" and "50" side by side: "-3,50" in a file whose cells a comma divides.
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_TWO = re.compile(r"\d{2}")


def read_statements(
    profile: CsvProfile, records: Sequence[Record], first: int, *, notes: Iterable[str] = ()
) -> ParsedFile:
    """One statement per account and currency of the file. Raises StatementUnreadable when nothing is left to read."""
    reader = RowReader(profile, records[first:])
    reader.read_preamble(records[:first])
    reader.read()
    if not reader.rows:
        raise StatementUnreadable(reason="The file holds no transactions; there is nothing to import.")
    _refuse_wrong_reading(reader.rows)
    # Rows per account and currency, each in the file's order; broken ones stay with the first.
    groups: dict[tuple[str, str], list[ParsedRow]] = {}
    for row, own in zip(reader.rows, reader.accounts, strict=True):
        if row.date is None and row.amount is None and groups:
            next(iter(groups.values())).append(row)
        else:
            groups.setdefault((own, row.currency or reader.profile.currency), []).append(row)
    check_statements(len(groups))
    notes = [*notes, *_told_of(reader.left_out)]
    fees = _fees(reader)
    statements, more = [], []
    for (account, currency), rows in groups.items():
        statement, note = _statement(reader, account, currency, rows, fees=fees)
        statements.append(statement)
        more += note
    return ParsedFile(
        format="csv",
        statements=tuple(statements),
        profile=profile,
        left_out=tuple(reader.left_out),
        notes=(*notes, *dict.fromkeys(more)),
    )


class RowReader:
    """Walks the records once; keeps the rows and the balances that lines of the file state."""

    def __init__(self, profile: CsvProfile, records: Sequence[Record]) -> None:
        self.profile = profile
        self.records = records
        self.rows: list[ParsedRow] = []
        self.accounts: list[str] = []
        self.stated: dict[str, Decimal] = {}
        self._remarks: list[ParsedRow] = []
        # Lines that are not transactions, each with the reason in its note.
        self.left_out: list[ParsedRow] = []
        self._money = self._money_reader()
        self._continued = self._second_lines()
        self._width = self._usual_width()
        self._parties = {i: party(cell) for i, cell in enumerate(profile.header)}

    def read_preamble(self, records: Sequence[Record]) -> None:
        """Balances above the header, as in "Beginning balance as of 01/01/2020,,1,234.56"."""
        for record in records:
            filled = [cell.strip() for cell in record.cells if cell.strip()]
            if len(filled) >= 2:
                self._keep_balance(balance_kind(filled[0].rstrip(":")), filled[1:])

    def read(self) -> None:
        """Fill `rows`. Text after the last transaction is the bank's small print, not a broken row."""
        for record in self.records:
            if not record.is_blank:
                self._read_record(record)
        self.left_out += [
            dataclasses.replace(
                row, note="It stands below the last transaction, with neither a date nor an amount.", problem=""
            )
            for row in self._remarks
        ]

    def _read_record(self, record: Record) -> None:
        date_text = self._cell(record, self.profile.date_column)
        has_money = any(self._cell(record, column) for column in self._money_columns())
        kind = is_balance_line(record.cells)
        if kind and not self._moves_money(record, date_text, kind):
            self._keep_balance(
                kind,
                [self._cell(record, c) for c in [self.profile.balance_column, *self._money_columns()]] + record.cells,
            )
            self.left_out.append(
                dataclasses.replace(
                    self._broken(record, ""), note="It reads like a balance or a sum, not like a transaction."
                )
            )
        elif record.line in self._continued and self.rows:
            # Some banks write the shop on a second line without date and amount.
            last = self.rows[-1]
            more = _joined([last.description or last.payee, *record.cells])
            payee = last.payee if self.profile.payee_columns else _joined(record.cells) or last.payee
            self.rows[-1] = dataclasses.replace(
                last, payee=payee[:_LONGEST_PAYEE], description=more[:_LONGEST_DESCRIPTION]
            )
        elif not has_money and not looks_like_date(date_text) and not is_pending(date_text):
            self._remarks.append(
                self._broken(record, "This line has neither a date nor an amount; it is not a transaction.")
            )
        else:
            self.rows += [*self._remarks, self._transaction(record, date_text)]
            self.accounts += [*("" for _ in self._remarks), self._cell(record, self.profile.account_column)]
            self._remarks = []

    def _moves_money(self, record: Record, date_text: str, kind: str) -> bool:
        """Whether a line whose text reads like a balance is a transaction all the same, of a payee so named."""
        text = next(cell for cell in record.cells if balance_kind(cell))
        if date_text and is_plain_total(text):
            return True
        amounts = [self._cell(record, column) for column in self._money_columns()]
        money = next((value for cell in amounts if (value := signed_value(cell, self.profile.decimal_mark))), None)
        balance = signed_value(self._cell(record, self.profile.balance_column), self.profile.decimal_mark)
        if not looks_like_date(date_text) or money is None:
            return False
        if balance is not None:
            # A line that states a balance says it once, or the same twice.
            return abs(balance) != abs(money)
        # "NEW BALANCE" is a maker of shoes; nobody is called "Closing balance".
        return kind == "closing" and plain(text) == "new balance" and bool(self.rows)

    def _usual_width(self) -> int:
        """How many cells a row has: as many as the header, or more where all rows agree and no amount is cut in two."""
        named = len(self.profile.header)
        rows = [record.cells for record in self.records if self._cell(record, self.profile.date_column)]
        widths = {len(cells) for cells in rows}
        if not named or len(widths) != 1 or max(widths) <= named:
            return named
        place = self.profile.amount_column
        if place is not None and self.profile.delimiter == ",":
            pairs = [(cells[place].strip(), cells[place + 1].strip()) for cells in rows if place + 1 < len(cells)]
            if pairs and all(_WHOLE.fullmatch(whole) and _TWO.fullmatch(cents) for whole, cents in pairs):
                return named
        return max(widths)

    def _extra_cells(self, record: Record) -> str:
        """What is wrong with a row of more cells than the header has names: a mark inside a text or an amount cut it."""
        width = self._width
        if not width or not any(cell.strip() for cell in record.cells[width:]):
            return ""
        return (
            f"The line has {len(record.cells)} cells and the header {width}: a “{self.profile.delimiter}” inside a text or "
            "an amount cuts it in two."
        )

    def _second_lines(self) -> set[int]:
        """Lines that go on with the row above: without date and amount, as some banks write the shop.

        Text below the table is none of them: such lines follow at least half of the transactions.
        """
        follow, last, moving, above = [], 0, 0, False
        for record in self.records:
            bare = not self._cell(record, self.profile.date_column) and not any(
                self._cell(record, column) for column in self._money_columns()
            )
            if record.is_blank:
                above = False
            elif not bare:
                moving, last, above = moving + 1, record.line, True
            elif above and not is_balance_line(record.cells):
                follow.append(record.line)
                above = False
        # The one below the last transaction proves nothing.
        proven = sum(line < last for line in follow)
        return set(follow) if proven and 2 * proven >= moving - 1 else set()

    def _money_columns(self) -> list[int | None]:
        return [self.profile.amount_column, self.profile.debit_column, self.profile.credit_column]

    def _cell(self, record: Record, column: int | None) -> str:
        return record.cells[column].strip() if column is not None and column < len(record.cells) else ""

    def _keep_balance(self, kind: str, cells: Iterable[str]) -> None:
        values = (signed_value(cell, self.profile.decimal_mark) for cell in cells if not looks_like_date(cell))
        value = next((value for value in values if value is not None), None)
        if kind in {"opening", "closing"} and value is not None:
            self.stated[kind] = value

    def _broken(self, record: Record, problem: str) -> ParsedRow:
        return ParsedRow(
            number=record.line,
            date=None,
            amount=None,
            payee=_joined(record.cells)[:_LONGEST_PAYEE],
            problem=problem,
        )

    def _transaction(self, record: Record, date_text: str) -> ParsedRow:
        amount, problem = self._money(record)
        if extra := self._extra_cells(record):
            amount, problem = None, extra
        state, note = self._state(record, date_text, amount)
        date, date_problem = self._date(record, date_text)
        if state is RowState.PENDING and date is None:
            date_problem = ""
        currency = currency_code(self._cell(record, self.profile.currency_column))
        if currency and currency not in known_currencies():
            problem = " ".join(filter(None, [problem, f"“{currency[:10]}” is not a currency."]))
            currency = ""
        payee, description = self._texts(record, amount)
        return ParsedRow(
            number=record.line,
            date=date,
            amount=amount,
            payee=payee,
            description=description,
            bank_id=self._cell(record, self.profile.bank_id_column)[:120],
            balance=signed_value(self._cell(record, self.profile.balance_column), self.profile.decimal_mark),
            currency=currency,
            raw_date=f"{date_text} {self._cell(record, self.profile.time_column)}".strip()[:64],
            state=state,
            problem=" ".join(filter(None, [date_problem, problem])),
            note=note,
        )

    def _date(self, record: Record, text: str) -> tuple[datetime.date | None, str]:
        text = text if looks_like_date(text) else self._cell(record, self.profile.value_date_column) or text
        if not text:
            return None, "The row has no date."
        try:
            return parse_date(text, self.profile.date_order), ""
        except ValueError as error:
            return None, str(error)

    def _state(self, record: Record, date_text: str, amount: Decimal | None) -> tuple[RowState, str]:
        status = self._cell(record, self.profile.status_column)
        if is_void(status):
            return RowState.VOID, f"The bank marks this row as “{status[:40]}”: no money moved."
        if is_pending(status) or is_pending(date_text):
            word = status if is_pending(status) else date_text
            return RowState.PENDING, f"The bank marks this row as “{word[:40]}”: it is not booked yet."
        if not date_text and amount is not None:
            return RowState.PENDING, "The row has no booking date: the bank has not booked it yet."
        if amount == 0:
            return RowState.VOID, "The amount is zero: no money moved."
        return RowState.BOOKED, ""

    def _texts(self, record: Record, amount: Decimal | None) -> tuple[str, str]:
        texts = {i: _joined([self._cell(record, i)]) for i in self.profile.payee_columns}
        names = {i: text for i, text in texts.items() if not looks_like_account(text)} or texts
        wanted = "recipient" if amount is not None and amount < 0 else "sender"
        chosen = [name for i, name in names.items() if name and self._parties.get(i) == wanted]
        payee = next(iter([*chosen, *filter(None, names.values())]), "")
        cells = [self._cell(record, i) for i in self.profile.description_columns]
        description = _joined(cell for cell in cells if _joined([cell]) != payee)
        if not payee:
            payee = next((text for cell in cells if (text := _joined([cell]))), "")
            description = "" if description == payee else description
        return payee[:_LONGEST_PAYEE], description[:_LONGEST_DESCRIPTION]

    def _money_reader(self) -> Callable[[Record], tuple[Decimal | None, str]]:
        if self.profile.amount_column is None:
            signs = {column: self._usual_sign(column) for column in self._money_columns() if column is not None}
            return lambda record: self._from_pair(record, signs)
        flagged = self.profile.flag_column is not None and not self._signs_repeat_flags()
        return lambda record: self._from_amount(record, flagged=flagged)

    def _signs_repeat_flags(self) -> bool:
        """Whether amounts bear the sign that the flag beside them says once more.

        So they do where both signs are written, or a minus before most of what goes out.
        """
        signs: dict[str, list[str]] = {"out": [], "in": [], "": []}
        for record in self.records:
            cell = take_apart(self._cell(record, self.profile.amount_column))
            if cell is not None:
                signs[direction_of(self._cell(record, self.profile.flag_column))].append(cell.sign)
        every = [sign for each in signs.values() for sign in each]
        if "+" in every and "-" in every:
            return True
        return 2 * signs["out"].count("-") > len(signs["out"]) or (not signs["out"] and "-" in signs["in"])

    def _usual_sign(self, column: int) -> int:
        """Some banks write a minus into the column of money out (or even of money in) as well."""
        values = [signed_value(self._cell(record, column), self.profile.decimal_mark) for record in self.records]
        known = [value for value in values if value]
        return -1 if sum(value < 0 for value in known) * 2 > len(known) else 1

    def _from_pair(self, record: Record, signs: dict[int, int]) -> tuple[Decimal | None, str]:
        total, seen = Decimal(0), False
        for column, direction in ((self.profile.debit_column, -1), (self.profile.credit_column, 1)):
            text = self._cell(record, column)
            if not text or column is None or text in {"-", "--"}:
                continue
            value = signed_value(text, self.profile.decimal_mark)
            if value is None:
                return None, _unreadable(text)
            total, seen = total + value * direction * signs[column], True
        return (total, "") if seen else (None, "The row has no amount.")

    def _from_amount(self, record: Record, *, flagged: bool) -> tuple[Decimal | None, str]:
        text = self._cell(record, self.profile.amount_column)
        value = signed_value(text, self.profile.decimal_mark)
        if value is None:
            return None, _unreadable(text) if text else "The row has no amount."
        direction = direction_of(self._cell(record, self.profile.flag_column)) if flagged else ""
        if direction:
            return (value if direction == "in" else -value), ""
        if self.profile.sign == "unmarked_out":
            cell = take_apart(text)
            return (value if cell is not None and cell.sign == "+" else -value), ""
        return (-value if self.profile.sign == "inverted" else value), ""


def _unreadable(text: str) -> str:
    return f"“{text[:40]}” is not an amount."


def _joined(cells: Iterable[str]) -> str:
    """Texts in one line, each once; characters that were written for a web page ("&amp;") as themselves."""
    parts = dict.fromkeys(" ".join((html.unescape(cell) if "&" in cell else cell).split()) for cell in cells)
    return " ".join(part for part in parts if part).replace("\ufffd", "?")


def _told_of(left_out: Sequence[ParsedRow]) -> list[str]:
    """A sentence for each line that became no row; a few of many."""
    told = [f"Line {row.number} is left out: “{row.payee[:80]}”. {row.note}" for row in left_out[:_MOST_TOLD]]
    if len(left_out) > _MOST_TOLD:
        told.append(f"{len(left_out) - _MOST_TOLD} more lines are left out for the same reasons.")
    return told


def _refuse_wrong_reading(rows: Sequence[ParsedRow]) -> None:
    """A file of which nothing can be read is not a file with many errors."""
    if all(row.problem for row in rows):
        first = rows[0]
        raise StatementUnreadable(
            reason=f"None of the {len(rows)} rows can be read. The first one, line {first.number}: {first.problem}"
        )


def _statement(
    reader: RowReader, account: str, currency: str, rows: list[ParsedRow], *, fees: dict[int, Decimal]
) -> tuple[ParsedStatement, list[str]]:
    running, notes = follow_balances(rows, with_fees=fees)
    days = [row.date for row in running.rows if row.date is not None and row.state is RowState.BOOKED]
    alone = len(set(reader.accounts) - {""}) <= 1
    stated = reader.stated if alone and not running.known else {}
    return ParsedStatement(
        account=account[:64],
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


def _fees(reader: RowReader) -> dict[int, Decimal]:
    """Fees by line, where the file has a column of them."""
    column = reader.profile.fee_column
    if column is None:
        return {}
    read = {
        record.line: signed_value(reader._cell(record, column), reader.profile.decimal_mark)
        for record in reader.records
    }
    return {line: abs(fee) for line, fee in read.items() if fee}
