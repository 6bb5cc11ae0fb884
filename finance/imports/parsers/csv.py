"""CSV files of banks: detect how the columns are to be read, and read them."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from core.texts import number as number_of
from finance.errors import StatementUnreadable
from finance.imports.parsers.amounts import (
    common_currency,
    infer_decimal_mark,
    looks_like_amount,
    shared_by,
    shared_sign,
    signed_value,
    take_apart,
    undecided_decimals,
    value_of,
)
from finance.imports.parsers.cells import money_reader
from finance.imports.parsers.column import Column, Roles, columns_of
from finance.imports.parsers.columns import find_roles, is_balance_line
from finance.imports.parsers.counted_days import count_of, counted_day
from finance.imports.parsers.date_order import DateOrder, resolve_order
from finance.imports.parsers.dates import describe, looks_like_date
from finance.imports.parsers.encoding import decode, other_reading, words_under
from finance.imports.parsers.profile import DECIMAL_MARKS, MARK_OR_SIGN, SIGNS, CsvProfile
from finance.imports.parsers.row_reader import RowReader
from finance.imports.parsers.rows import read_statements
from finance.imports.parsers.running import balances_fit
from finance.imports.parsers.statement import ParsedFile
from finance.imports.parsers.table import (
    Record,
    find_delimiter,
    find_header,
    looks_like_transaction,
    quotes_are_sound,
    read_records,
    unwrapped,
)
from finance.imports.parsers.words import currency_code, currency_in_header, is_card_payment, plain
from finance.money import exponent

_SAMPLE_ROWS = 400
# Words that name the kind of a row as often as its direction.
_KINDS = {"payment", "deposit", "withdrawal", "expense", "income", "lastschrift", "gutschrift", "belastung"}
# Rows whose balances are asked which reading is right.
_WITNESSES = 2_000
_NO_SIGNS = gettext_noop(
    "No amount in this file has a sign, so all are read as money in. Change the signs under Columns if that is wrong."
)
_UNMARKED_IS_OUT = gettext_noop("Amounts without a mark are read as money out; marked ones (+ or CR) as money in.")
_PLAIN_IS_OUT = gettext_noop("Charges are written without a minus in this file: plain amounts are read as money out.")
_SETTLED = gettext_noop("Signs and decimals are read as the column of balances asks for: only so it adds up.")
# Currencies of countries that write the month first.
_MONTH_FIRST = {"USD", "PHP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How a file seems to be meant: a profile, what was assumed on the way, and its records."""

    profile: CsvProfile
    notes: tuple[str, ...]
    records: list[Record]
    first: int  # index of the first record after the header


def detect(
    data: bytes,
    *,
    currency: str = "",
    card: bool = False,
    encoding: str = "",
    delimiter: str = "",
    own_accounts: Collection[str] = (),
) -> Detection:
    """Find the profile of a CSV file.

    `currency` (of the account that the file is for) breaks ties of day and month and tells the places of amounts;
    `card` says that the account is a card or loan; a given `encoding` or `delimiter` is believed. `own_accounts` are the
    numbers of the household's accounts, by which their column is told from the other side's.
    Raises StatementUnreadable when no column of dates or amounts can be found.
    """
    text, found_encoding = decode(data, encoding, currency=currency)
    other = "" if encoding else other_reading(data, found_encoding)
    text = unwrapped(text)
    delimiter, quoted = (delimiter, quotes_are_sound(text, delimiter=delimiter)) if delimiter else find_delimiter(text)
    records = read_records(text, delimiter=delimiter, quoted=quoted)
    header_at = find_header(records)
    header = records[header_at].cells if header_at is not None else []
    first = header_at + 1 if header_at is not None else _first_transaction(records)
    sample = _sample(records[first:])
    # A row with too many cells was split inside a text; its cells are in the wrong columns.
    whole = [record for record in sample if len(record.cells) <= len(header)]
    columns = columns_of(header, [record.cells for record in whole or sample])
    roles = find_roles(columns, currency=currency, own_accounts=own_accounts)
    if roles.unreadable is not None:
        column = columns[roles.unreadable]
        cell = next(text for text in column.filled if not looks_like_amount(text))
        raise StatementUnreadable(
            reason=_("The column “%(header)s” is named as the amounts, but “%(cell)s” in it is not an amount.")
            % {"header": column.header, "cell": cell[:40]}
        )
    _require(roles, columns, header)
    base = CsvProfile(
        delimiter=delimiter, encoding=found_encoding, quoted=quoted, header=tuple(header), **_places(roles)
    )
    profile, notes = _conventions(base, columns, roles, currency=currency, card=card, preamble=records[:first])
    if profile.flag_column is not None:
        read = money_reader(profile, sample)
        doubtful = sum(read(record).contradicts for record in sample)
        kinds = {plain(cell) for cell in columns[profile.flag_column].filled} <= _KINDS
        if 2 * doubtful >= len(sample) or (doubtful and kinds):
            name = columns[profile.flag_column].header or profile.flag_column + 1
            notes.append(
                _("The column “%(name)s” contradicts the signs of the amounts, so it is not used.") % {"name": name}
            )
            profile = dataclasses.replace(profile, flag_column=None)
    if (settled := _settled_by_balances(profile, records[first : first + _WITNESSES], card=card)) is not None:
        profile, notes = (
            settled,
            [*(note for note in notes if note not in (_(_PLAIN_IS_OUT), _(_UNMARKED_IS_OUT))), _(_SETTLED)],
        )
    if other:
        notes.append(
            _(
                "Letters beyond a to z can be read in two ways: %(words)s (%(encoding)s, "
                "as here) or %(other_words)s (%(other)s). Choose the encoding under Columns if the "
                "first is wrong."
            )
            % {
                "words": words_under(data, found_encoding),
                "encoding": found_encoding,
                "other_words": words_under(data, other),
                "other": other,
            }
        )
    return Detection(profile=profile, notes=tuple(roles.notes + notes), records=records, first=first)


def records_for(data: bytes, profile: CsvProfile) -> tuple[list[Record], int]:
    """The records of a file read with a given profile, and the index of the first one after its header."""
    text = unwrapped(decode(data, profile.encoding)[0])
    quoted = profile.quoted and quotes_are_sound(text, delimiter=profile.delimiter)
    records = read_records(text, delimiter=profile.delimiter, quoted=quoted)
    wanted = [plain(cell) for cell in profile.header]
    if not wanted:
        return records, _first_transaction(records)
    for index, record in enumerate(records):
        if [plain(cell) for cell in record.cells] == wanted:
            return records, index + 1
    raise StatementUnreadable(reason=_("The saved column settings are for files with another header."))


def _first_transaction(records: Sequence[Record]) -> int:
    return next((i for i, record in enumerate(records) if looks_like_transaction(record.cells)), 0)


def _sample(records: Sequence[Record]) -> list[Record]:
    """Transactions only, spread over the file; all records where none looks like one."""
    spread = records[:: max(1, len(records) // (5 * _SAMPLE_ROWS))]
    moving = [r for r in spread if looks_like_transaction(r.cells) and not is_balance_line(r.cells)]
    moving = moving or [r for r in spread if not r.is_blank]
    step = max(1, len(moving) // _SAMPLE_ROWS)
    return moving[::step]


def _require(roles: Roles, columns: Sequence[Column], header: Sequence[str]) -> None:
    if header and not any(column.filled for column in columns):
        raise StatementUnreadable(
            reason=_("The file has a header but holds no transactions; there is nothing to import.")
        )
    missing = [
        name
        for name, found in (
            (_("dates"), roles.date is not None),
            (_("amounts"), roles.amount is not None or roles.debit is not None or roles.credit is not None),
        )
        if not found
    ]
    if missing:
        raise StatementUnreadable(
            reason=_(
                "This looks like a text file, but no column of %(names)s can be found in it. Export "
                "the transactions of one account as CSV or OFX from your bank."
            )
            % {"names": _(" and no column of ").join(missing)}
        )


def _places(roles: Roles) -> dict[str, Any]:
    return {
        "date_column": roles.date,
        "value_date_column": roles.value_date,
        "time_column": roles.time,
        "amount_column": roles.amount,
        "debit_column": roles.debit,
        "credit_column": roles.credit,
        "flag_column": roles.flag,
        "fee_column": roles.fee,
        "balance_column": roles.balance,
        "currency_column": roles.currency,
        "status_column": roles.status,
        "bank_id_column": roles.bank_id,
        "account_column": roles.account,
        "counterparty_account_column": roles.counterparty_account,
        "counterparty_bank_column": roles.counterparty_bank,
        "payee_columns": roles.payees,
        "description_columns": roles.descriptions,
    }


def _conventions(
    profile: CsvProfile,
    columns: Sequence[Column],
    roles: Roles,
    *,
    currency: str,
    card: bool,
    preamble: Sequence[Record],
) -> tuple[CsvProfile, list[str]]:
    """Currency, decimal mark, order of dates and meaning of signs, with a note for every assumption."""
    notes: list[str] = []
    money = [columns[i] for i in (profile.amount_column, profile.debit_column, profile.credit_column) if i is not None]
    stated = _stated_currency(profile, columns, money, currency)
    cells = [text for column in money for text in column.filled]
    named = stated or any((cell := take_apart(text)) is not None and cell.currency for text in cells)
    sign = "" if named or not currency else shared_sign(cells)
    if sign and currency not in shared_by(sign):
        raise StatementUnreadable(
            reason=_(
                "The amounts are written with “%(sign)s”, but the account is kept in %(currency)s. "
                "Choose an account in the file's currency, or open one."
            )
            % {"sign": sign, "currency": currency}
        )
    code = stated or currency
    watched = [*money, *([columns[profile.balance_column]] if profile.balance_column is not None else [])]
    cores = [cell.core for column in watched for text in column.filled if (cell := take_apart(text))]
    mark = infer_decimal_mark(cores, places=exponent(code) if code else 2)
    example = undecided_decimals(cores, places=exponent(code) if code else 2)
    if example and (shown := value_of(example, mark)) is not None:
        notes.append(
            _(
                "“%(example)s” can be read with decimals or with thousands; it is read as %(shown)s. "
                "Change the decimal mark if that is wrong."
            )
            % {"example": example, "shown": number_of(shown)}
        )
    profile = dataclasses.replace(profile, currency=stated, decimal_mark=mark)
    booked = columns[profile.date_column]
    # Of purchase or value, where the file has a second date.
    other = columns[profile.value_date_column] if profile.value_date_column is not None else None
    dates = [*booked.filled, *(other.filled if other is not None else [])]
    order = resolve_order(
        [cell for cell in dates if looks_like_date(cell)],
        american=code in _MONTH_FIRST,
        pairs=list(zip(booked.cells, other.cells, strict=True)) if other is not None else [],
    )
    if not any(looks_like_date(cell) for cell in booked.filled):
        # Numbers in a column named after dates, or in a file that has no other dates.
        count = count_of(booked.filled)
        example = booked.filled[0]
        order = DateOrder(
            order=count,
            note=_(
                "“%(example)s” is read as %(order)s: %(day)s. Choose another column of "
                "dates under Columns if that is wrong."
            )
            % {
                "example": example[:40],
                "order": describe(count),
                "day": counted_day(example, count),
            },
        )
    notes += [order.note] if order.note else []
    profile = dataclasses.replace(profile, date_order=order.order)
    sign, note = _sign(profile, columns, card=card)
    return dataclasses.replace(profile, sign=sign), notes + note


def _settled_by_balances(profile: CsvProfile, records: Sequence[Record], *, card: bool) -> CsvProfile | None:
    """Another reading of signs, decimals or columns, where the balances contradict this one and bear that one out whole."""
    if profile.balance_column is None:
        return None
    hits, checks = _fit(profile, records, card=card)
    if hits == checks:
        return None
    others = [dataclasses.replace(profile, decimal_mark=mark, sign=sign) for mark in DECIMAL_MARKS for sign in SIGNS]
    if profile.flag_column is not None:
        others = [dataclasses.replace(profile, mark_or_sign=which) for which in MARK_OR_SIGN if which] + others
    if not profile.header and profile.debit_column is not None:
        others += [
            dataclasses.replace(other, debit_column=profile.credit_column, credit_column=profile.debit_column)
            for other in others
        ]
    found = [(*_fit(other, records, card=card), other) for other in others if other != profile]
    whole = [(fitting, other) for fitting, asked, other in found if fitting == asked and fitting > hits]
    return max(whole, key=lambda each: each[0])[1] if whole else None


def _fit(profile: CsvProfile, records: Sequence[Record], *, card: bool) -> tuple[int, int]:
    reader = RowReader(profile, records, card=card)
    reader.read()
    return balances_fit(reader.rows)


def _stated_currency(profile: CsvProfile, columns: Sequence[Column], money: Sequence[Column], currency: str) -> str:
    """The currency of most rows, where the file says it; the account's where it is among those of the rows."""
    if profile.currency_column is not None:
        codes = [currency_code(cell) for cell in columns[profile.currency_column].filled]
        return currency if currency in codes else max(codes, key=codes.count, default="")
    for column in money:
        if code := currency_in_header(column.header):
            return code
    return next((code for column in money if (code := common_currency(column.filled))), "")


def _sign(profile: CsvProfile, columns: Sequence[Column], *, card: bool) -> tuple[str, list[str]]:
    if profile.amount_column is None:
        return "as_written", []
    column = columns[profile.amount_column]
    cells = [cell for text in column.filled if (cell := take_apart(text))]
    minus, plus = (sum(cell.sign == sign for cell in cells) for sign in ("-", "+"))
    flags = columns[profile.flag_column] if profile.flag_column is not None else None
    if minus == 0 and flags is not None and flags.fill > 0.9:
        return "as_written", []
    if minus == 0 and (plus or flags is not None) and plus < len(cells):
        return "unmarked_out", [_(_UNMARKED_IS_OUT)]
    if _is_inverted(column, columns, profile, minus=minus, card=card):
        return "inverted", [_(_PLAIN_IS_OUT)]
    unsigned = minus == plus == 0 and len(cells) > 1 and profile.balance_column is None
    return "as_written", [_(_NO_SIGNS)] if unsigned else []


def _mostly_positive(columns: Sequence[Column], profile: CsvProfile) -> bool:
    """Whether there is a column of balances, and most of them have no minus."""
    if profile.balance_column is None:
        return False
    cells = [cell for text in columns[profile.balance_column].filled if (cell := take_apart(text)) is not None]
    return 2 * sum(cell.sign != "-" for cell in cells) > len(cells)


def _is_inverted(column: Column, columns: Sequence[Column], profile: CsvProfile, *, minus: int, card: bool) -> bool:
    """Card statements that list charges as plain numbers and payments with a minus."""
    total = len(column.filled)
    if minus * 2 > total:
        return False
    if card and (minus * 2 < total or _mostly_positive(columns, profile)):
        return True
    texts = [
        " ".join(columns[i].cells[row] for i in (*profile.payee_columns, *profile.description_columns))
        for row in range(len(column.cells))
    ]
    paid = [
        value
        for text, cell in zip(texts, column.cells, strict=True)
        if is_card_payment(text) and (value := signed_value(cell, profile.decimal_mark)) is not None
    ]
    return bool(paid) and minus * 2 < total and all(value < 0 for value in paid)


def read_csv(
    data: bytes,
    *,
    profile: CsvProfile | None = None,
    currency: str = "",
    card: bool = False,
    own_accounts: Collection[str] = (),
) -> ParsedFile:
    """The statements of a CSV file, read with the profile given or else with the one detected.

    Raises StatementUnreadable with a sentence for the customer of a bank.
    """
    if profile is None:
        found = detect(data, currency=currency, card=card, own_accounts=own_accounts)
        profile, notes, records, first = found.profile, found.notes, found.records, found.first
    else:
        records, first = records_for(data, profile)
        notes = ()
    return read_statements(profile, records, first, card=card, notes=notes)
