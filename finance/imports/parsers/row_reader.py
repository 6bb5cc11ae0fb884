"""Records of a CSV file → transactions and lines that are none, by a given profile."""

import dataclasses
import datetime
import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.imports.parsers.amounts import shared_by, signed_value, take_apart
from finance.imports.parsers.cells import NO_AMOUNT, cell_of, money_columns, money_reader
from finance.imports.parsers.columns import is_balance_line
from finance.imports.parsers.counted_days import counted_day
from finance.imports.parsers.dates import looks_like_date, parse_date, value_date_in
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.role_words import party
from finance.imports.parsers.running import balances_fit
from finance.imports.parsers.statement import ParsedRow, RowState
from finance.imports.parsers.table import Record
from finance.imports.parsers.words import (
    account_in_title,
    balance_kind,
    currency_code,
    is_pending,
    is_plain_total,
    is_void,
    looks_like_account,
    names_pending,
    plain,
)
from finance.money import known_currencies

_LONGEST_PAYEE = 200
_LONGEST_DESCRIPTION = 500
# "-3" and "50" side by side: "-3,50" in a file whose cells a comma divides.
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_TWO = re.compile(r"\d{2}")
_BALANCE = gettext_noop("It reads like a balance or a sum, not like a transaction.")
_ABOVE = gettext_noop("It stands above the column names.")
_BELOW = gettext_noop("It stands below the last transaction, with neither a date nor an amount.")
_NAMES = gettext_noop("It repeats the column names.")
_ACCOUNT = gettext_noop("It names an account.")
_STATES = gettext_noop("It states a balance and moves nothing.")
_TEXT = gettext_noop("It is a line of text, with neither a date nor an amount.")
_MARKS = gettext_noop("It holds no words and no figures.")


class Break(NamedTuple):
    """A line below which rows of another account may begin; `title` is the account that it names, or ""."""

    line: int
    title: str


class RowReader:
    """Walks the records once; keeps the rows, the lines that are none, and the balances that lines of the file state."""

    def __init__(self, profile: CsvProfile, records: Sequence[Record], *, card: bool = False) -> None:
        self.profile = profile
        self.records = records
        self.card = card  # the file is for a card or a loan
        # Its balances are what is owed, written without a minus; or what it holds.
        self.owed = self.held = False
        self.rows: list[ParsedRow] = []
        # Line, kind and value of each balance that is stated beside the rows.
        self.stated: list[tuple[int, str, Decimal]] = []
        # Where rows of another account may begin: lines that repeat the names of the columns, or name an account.
        self.breaks: list[Break] = []
        # Lines that are not transactions, each with the reason in its note.
        self.left_out: list[ParsedRow] = []
        self._remarks: list[ParsedRow] = []
        self._pending = False  # below a title that says so, until the next one
        self._money = money_reader(profile, records)
        self._money_columns = money_columns(profile)
        self._continued = self._second_lines()
        self._width = self._usual_width()
        self._parties = {i: party(cell) for i, cell in enumerate(profile.header)}
        self._header = [plain(cell) for cell in profile.header]

    def read_preamble(self, records: Sequence[Record]) -> None:
        """Lines above the header, among them balances: "Beginning balance as of 01/01/2020,,1,234.56"."""
        for record in records:
            filled = [cell.strip() for cell in record.cells if cell.strip()]
            if len(filled) >= 2:
                self._keep_balance(record, balance_kind(filled[0].rstrip(":")), filled[1:])
            if 1 <= len(filled) <= 2 and (title := account_in_title(": ".join(filled))):
                self.breaks.append(Break(record.line, title))
            self._pending = names_pending(filled[0]) if len(filled) == 1 else self._pending
            if filled and not self._is_header(record):
                self.left_out.append(self._left_out(record, _ABOVE))

    def read(self) -> None:
        """Fill `rows`. Text after the last transaction is the bank's small print, not a broken row."""
        for record in self.records:
            if not record.is_blank:
                self._read_record(record)
        self._leave_out_statements()
        if self.card:
            self._turn_what_is_owed()
        self.left_out += [
            dataclasses.replace(row, state=RowState.LEFT_OUT, note=_(_BELOW), problem="") for row in self._remarks
        ]

    def _turn_what_is_owed(self) -> None:
        """Balances of a card that grow with what is spent are debts: turned where only so all of them add up."""
        stated = [row.balance for row in self.rows if row.balance]
        if 2 * sum(balance > 0 for balance in stated) <= len(stated):
            return
        turned = [
            dataclasses.replace(row, balance=-row.balance) if row.balance is not None else row for row in self.rows
        ]
        (hits, _checks), (fitting, asked) = balances_fit(self.rows), balances_fit(turned)
        if fitting == asked and fitting > hits:
            self.rows, self.owed = turned, True
        else:
            self.held = hits > 0

    def _leave_out_statements(self) -> None:
        """Rows without an amount whose balance is that of the rows beside them: they state it and move nothing.

        With another balance, the row has moved money that was not read, and stays an error.
        """
        moved = [i for i, row in enumerate(self.rows) if row.amount is not None and row.balance is not None]
        days = [row.date for row in self.rows if row.date is not None]
        turned = len(days) > 1 and days[-1] < days[0]
        stating = []
        for i, row in enumerate(self.rows):
            if row.problem != _(NO_AMOUNT) or row.balance is None or not moved:
                continue
            place = bisect_left(moved, i)
            above = self.rows[moved[place - 1]] if place else None
            below = self.rows[moved[place]] if place < len(moved) else None
            older, newer = (below, above) if turned else (above, below)
            before = older.balance if older is not None else row.balance
            after = row.balance
            if newer is not None and newer.balance is not None and newer.amount is not None:
                after = newer.balance - newer.amount
            if before == row.balance == after:
                stating.append(i)
        self.left_out += [
            dataclasses.replace(self.rows[i], amount=None, state=RowState.LEFT_OUT, problem="", note=_(_STATES))
            for i in stating
        ]
        gone = set(stating)
        self.rows = [row for i, row in enumerate(self.rows) if i not in gone]

    def _read_record(self, record: Record) -> None:
        date_text = cell_of(record, self.profile.date_column)
        has_money = any(cell_of(record, column) for column in self._money_columns)
        kind = is_balance_line(record.cells)
        filled = [cell for cell in record.cells if cell.strip()]
        if self._is_header(record):
            self.left_out.append(self._left_out(record, _NAMES))
            if self.rows:
                self.breaks.append(Break(record.line, ""))
        elif not any(character.isalnum() for cell in filled for character in cell):
            self.left_out.append(self._left_out(record, _MARKS))
        elif kind and not self._moves_money(record, date_text, kind):
            places = [self.profile.balance_column, *self._money_columns]
            self._keep_balance(record, kind, [cell_of(record, place) for place in places] + record.cells)
            self.left_out.append(self._left_out(record, _BALANCE))
        elif record.line in self._continued and self.rows:
            # Some banks write the shop on a second line without date and amount.
            last = self.rows[-1]
            more = _joined([last.description or last.payee, *record.cells])
            payee = last.payee if self.profile.payee_columns else _joined(record.cells) or last.payee
            self.rows[-1] = dataclasses.replace(
                last, payee=payee[:_LONGEST_PAYEE], description=more[:_LONGEST_DESCRIPTION]
            )
        elif not has_money and not self._is_date(date_text):
            problem = _("This line has neither a date nor an amount; it is not a transaction.")
            title = (
                account_in_title(": ".join(filled)) if len(filled) <= 2 and self.profile.account_column is None else ""
            )
            if title:
                self.left_out.append(self._left_out(record, _ACCOUNT))
                self.breaks.append(Break(record.line, title))
            elif len(filled) == 1 and signed_value(filled[0], self.profile.decimal_mark) is None:
                self.left_out.append(self._left_out(record, _TEXT))
                self._pending = names_pending(filled[0])
            else:
                self._remarks.append(_text_row(record, problem=problem))
        else:
            self.rows += [*self._remarks, self._transaction(record, date_text)]
            self._remarks = []

    def _is_header(self, record: Record) -> bool:
        cells = record.cells
        # Asked of every row: nearly all differ in their first cell.
        if len(cells) != len(self._header) or not cells or plain(cells[0]) != self._header[0]:
            return False
        return [plain(cell) for cell in cells] == self._header

    def _left_out(self, record: Record, why: str) -> ParsedRow:
        """The line with all that can be read of it: people may take it in where it has a date and an amount."""
        row = _text_row(record)
        if any(cell_of(record, column) for column in self._money_columns):
            found = self._transaction(record, cell_of(record, self.profile.date_column))
            row = row if found.problem or found.date is None or not found.amount else found
        return dataclasses.replace(row, state=RowState.LEFT_OUT, note=_(why))

    def _moves_money(self, record: Record, date_text: str, kind: str) -> bool:
        """Whether a line whose text reads like a balance is a transaction all the same, of a payee so named."""
        text = next(cell for cell in record.cells if balance_kind(cell))
        if self._is_date(date_text) and is_plain_total(text):
            # A shop may be called "Total"; but not where it took what all rows above make together.
            above = [row.amount for row in self.rows if row.amount is not None]
            return len(above) < 2 or self._money(record).amount != sum(above)
        amounts = [cell_of(record, column) for column in self._money_columns]
        money = next((value for cell in amounts if (value := signed_value(cell, self.profile.decimal_mark))), None)
        balance = self._value(record, self.profile.balance_column)
        if not self._is_date(date_text) or money is None:
            return False
        if balance is not None:
            # A line that states a balance says it once, or the same twice.
            return abs(balance) != abs(money)
        # "NEW BALANCE" is a maker of shoes; nobody is called "Closing balance".
        return kind == "closing" and plain(text) == "new balance" and bool(self.rows)

    def _is_date(self, text: str) -> bool:
        return looks_like_date(text) or counted_day(text, self.profile.date_order) is not None

    def _usual_width(self) -> int:
        """How many cells a row has: as many as the header, or more where all rows agree and no amount is cut in two."""
        named = len(self.profile.header)
        rows = [record.cells for record in self.records if cell_of(record, self.profile.date_column)]
        widths = {len(cells) for cells in rows}
        if not named or len(widths) != 1 or max(widths) <= named:
            return named
        place = self.profile.amount_column
        if place is not None and self.profile.delimiter == ",":
            pairs = [(cells[place].strip(), cells[place + 1].strip()) for cells in rows if place + 1 < len(cells)]
            if pairs and all(_WHOLE.fullmatch(whole) and _TWO.fullmatch(cents) for whole, cents in pairs):
                return named
        return max(widths)

    def _second_lines(self) -> set[int]:
        """Lines that continue the row above: without date and amount, as some banks write the shop.

        Text below the table is none of them: such lines follow at least half of the transactions.
        """
        follow, last, moving, above = [], 0, 0, False
        for record in self.records:
            bare = not cell_of(record, self.profile.date_column) and not any(
                cell_of(record, column) for column in self._money_columns
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

    def _value(self, record: Record, column: int | None) -> Decimal | None:
        return signed_value(cell_of(record, column), self.profile.decimal_mark)

    def _keep_balance(self, record: Record, kind: str, cells: Iterable[str]) -> None:
        values = (signed_value(cell, self.profile.decimal_mark) for cell in cells if not looks_like_date(cell))
        value = next((value for value in values if value is not None), None)
        if kind in {"opening", "closing"} and value is not None:
            self.stated.append((record.line, kind, value))

    def _transaction(self, record: Record, date_text: str) -> ParsedRow:
        profile = self.profile
        money = self._money(record)
        amount, problem = money.amount, money.problem
        if self._width and any(cell.strip() for cell in record.cells[self._width :]):
            amount = None
            problem = _(
                "The line has %(count)s cells and the header %(width)s: a “%(delimiter)s” inside a "
                "text or an amount cuts it in two."
            ) % {"count": len(record.cells), "width": self._width, "delimiter": profile.delimiter}
        state, note = self._state(record, date_text, amount)
        date, date_problem, date_note = self._date(record, date_text)
        if state is RowState.PENDING and date is None:
            date_problem = ""
        currency, currency_problem = currency_code(cell_of(record, profile.currency_column)), ""
        if profile.currency_column is None:
            # From a sign beside the amount.
            cells = (take_apart(cell_of(record, column)) for column in self._money_columns)
            signs = [cell for cell in cells if cell is not None]
            currency = next((cell.currency for cell in signs if cell.currency), "")
            shared = next((cell.shared for cell in signs if cell.shared), "")
            if not currency and shared and profile.currency and profile.currency not in shared_by(shared):
                currency_problem = _("“%(sign)s” is no sign of %(currency)s, in which the other amounts are written.") % {
                    "sign": shared, "currency": profile.currency,
                }  # fmt: skip
                amount = None
        elif currency and currency not in known_currencies():
            currency, currency_problem = "", _("“%(currency)s” is not a currency.") % {"currency": currency[:10]}
        payee, description = self._texts(record, amount)
        return ParsedRow(
            number=record.line,
            date=date,
            amount=amount,
            payee=payee,
            description=description,
            bank_id=cell_of(record, profile.bank_id_column)[:120],
            balance=self._value(record, profile.balance_column),
            currency=currency,
            account=cell_of(record, profile.account_column).strip("'")[:64],
            counterparty_account=cell_of(record, profile.counterparty_account_column).strip("' ")[:64],
            counterparty_bank=cell_of(record, profile.counterparty_bank_column)[:64],
            raw_date=f"{date_text} {cell_of(record, profile.time_column)}".strip()[:64],
            state=state,
            problem=" ".join(filter(None, [date_problem, problem, currency_problem])),
            note=" ".join(filter(None, [note, money.note, date_note])),
        )

    def _date(self, record: Record, text: str) -> tuple[datetime.date | None, str, str]:
        """The day, why there is none, and a note of a second day that the same cell names."""
        text = text if self._is_date(text) else cell_of(record, self.profile.value_date_column) or text
        if not text:
            return None, _("The row has no date."), ""
        try:
            date = parse_date(text, self.profile.date_order)
        except ValueError as error:
            return None, str(error), ""
        value_date = value_date_in(text, self.profile.date_order)
        return (
            date,
            "",
            _("Value date %(value_date)s.") % {"value_date": value_date.isoformat()}
            if value_date is not None and value_date != date
            else "",
        )

    def _state(self, record: Record, date_text: str, amount: Decimal | None) -> tuple[RowState, str]:
        status = cell_of(record, self.profile.status_column)
        if is_void(status):
            return RowState.VOID, _("The bank marks this row as “%(status)s”: no money moved.") % {
                "status": status[:40]
            }
        if is_pending(status) or is_pending(date_text):
            word = status if is_pending(status) else date_text
            return RowState.PENDING, _("The bank marks this row as “%(word)s”: it is not booked yet.") % {
                "word": word[:40]
            }
        if self._pending:
            return RowState.PENDING, _("It stands below a title that says: not booked yet.")
        if not date_text and amount is not None:
            return RowState.PENDING, _("The row has no booking date: the bank has not booked it yet.")
        if amount == 0:
            return RowState.VOID, _("The amount is zero: no money moved.")
        return RowState.BOOKED, ""

    def _texts(self, record: Record, amount: Decimal | None) -> tuple[str, str]:
        texts = {i: _joined([cell_of(record, i)]) for i in self.profile.payee_columns}
        names = {i: text for i, text in texts.items() if not looks_like_account(text)} or texts
        wanted = "recipient" if amount is not None and amount < 0 else "sender"
        chosen = [name for i, name in names.items() if name and self._parties.get(i) == wanted]
        payee = next(iter([*chosen, *filter(None, names.values())]), "")
        cells = [cell_of(record, i) for i in self.profile.description_columns]
        description = _joined(cell for cell in cells if _joined([cell]) != payee)
        if not payee:
            payee = next((text for cell in cells if (text := _joined([cell]))), "")
            description = "" if description == payee else description
        return payee[:_LONGEST_PAYEE], description[:_LONGEST_DESCRIPTION]


def _text_row(record: Record, *, problem: str = "") -> ParsedRow:
    """A line as it is written, for people to look at."""
    text = _joined(record.cells)[:_LONGEST_PAYEE]
    return ParsedRow(number=record.line, date=None, amount=None, payee=text, problem=problem)


def _joined(cells: Iterable[str]) -> str:
    """Texts in one line, each once; characters that were written for a web page ("&amp;") as themselves."""
    parts = dict.fromkeys(" ".join((html.unescape(cell) if "&" in cell else cell).split()) for cell in cells)
    return " ".join(part for part in parts if part).replace("\ufffd", "?")
