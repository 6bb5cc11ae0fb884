"""What a bank file says, before any book has been looked at."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finance.imports.parsers.profile import CsvProfile


class RowState(StrEnum):
    """What the file itself says of a row: only BOOKED rows moved money. LEFT_OUT lines are no transactions."""

    BOOKED = "booked"
    PENDING = "pending"
    VOID = "void"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRow:
    """One transaction of the file; amounts are exact decimals, money out is negative.

    `number` is the line of a CSV file, or the position of the transaction in an OFX file, counted from 1.
    A row with a `problem` (a sentence) has no date or no amount that can be posted. `account` is one's own account as
    the row names it; `counterparty_account` and `counterparty_bank` (BIC or bank code) are the other side's.
    """

    number: int
    date: datetime.date | None
    amount: Decimal | None
    payee: str = ""
    description: str = ""
    bank_id: str = ""
    balance: Decimal | None = None
    currency: str = ""
    account: str = ""
    counterparty_account: str = ""
    counterparty_bank: str = ""
    raw_date: str = ""
    state: RowState = RowState.BOOKED
    problem: str = ""
    note: str = ""

    def __getstate__(self) -> tuple[Any, ...]:
        # Rows come out of the reader's process by the hundred thousand; what dataclasses do by themselves is slow.
        return _VALUES(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for put, value in zip(_PUTS, state, strict=True):
            put(self, value)


_NAMES = tuple(each.name for each in fields(ParsedRow))
_VALUES = attrgetter(*_NAMES)
_PUTS = tuple(getattr(ParsedRow, name).__set__ for name in _NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedStatement:
    """The rows of one account inside the file, in the file's order, with the balances that the file states.

    `account` is the bank's number of the account or "", `currency` an ISO code or "".
    `rows` run from old to new when `oldest_first`, which the running check of balances needs.
    """

    account: str = ""
    label: str = ""
    currency: str = ""
    rows: Sequence[ParsedRow] = ()
    start: datetime.date | None = None
    end: datetime.date | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None
    closing_on: datetime.date | None = None
    oldest_first: bool = True
    balance_before: bool = False
    balance_break: int | None = None  # number of the first row that the balance column contradicts


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A whole file: its format, its statements and, for CSV, how its columns were read."""

    format: str
    statements: tuple[ParsedStatement, ...]
    profile: "CsvProfile | None" = None
    # Lines of the file that are no transactions: `note` says why. Those with date and amount can still be taken in.
    left_out: Sequence[ParsedRow] = ()
    notes: tuple[str, ...] = field(default=())
    # For the page of columns: the beginning of a workbook's sheet as comma-separated text, and what each encoding makes
    # of the words of a text file.
    head: bytes = b""
    encodings: tuple[tuple[str, str], ...] = ()
