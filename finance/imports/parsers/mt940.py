"""MT940 (statements) and MT942 (reports within the day) of SWIFT, in the dialects of banks.

Source of the format: SWIFT's Category 9 message reference (fields 20, 25, 28C, 60a, 61, 86, 62a; 34F and 90 in MT942).
"""

import dataclasses
import datetime
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.joining import join_statements
from finance.imports.parsers.limits import believable_day, check_rows, check_statements
from finance.imports.parsers.mt940_details import Details, read_details, read_non_swift
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.money import known_currencies

_TAG = re.compile(r":(940|13D?|20|21|25P?|28C?|34F|60[FM]?|61|62[FM]?|64|65|86|90[CD]|NS):")
_TAG_BYTES = re.compile(rb"^[ \t]{0,8}:(20|25P?|28C?|60[FM]|61|62[FM]|34F|86):", re.MULTILINE)
_BROKEN_TAG = re.compile(r"^:\n(?=\d\d[A-Z]?:)", re.MULTILINE)
# Value date, entry date, mark, funds code, amount, the rest. RC takes back money that came in, RD money that went out.
_LINE = re.compile(
    r"(\d{6})(\d{4}| {4})?(E?[CD]|R[CD])([A-Z])?[ \n]?(\d{1,18}(?:[,.]\d{0,6})?)(?![\d,.])([A-Z][A-Z0-9 ]{3})?(.*)",
    re.ASCII,
)
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,18}(?:[,.]\d{0,6})?)(?![\d,.])", re.ASCII)
_NO_REFERENCE = {"NONREF", "NOTPROVIDED", ""}
_OUT = {"D", "RC", "ED"}
_HEAD = 20_000


def looks_like_mt940(data: bytes) -> bool:
    """Whether the beginning holds at least two different fields of MT940 or MT942 at the start of lines."""
    head = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").replace(b"{4:", b"\n")
    return len({match[1] for match in _TAG_BYTES.finditer(head)}) >= 2


def read_mt940(files: Sequence[bytes]) -> ParsedFile:
    """The statements of one file, or of the several that a bank delivers together; one for each account.

    Raises StatementUnreadable when there is neither a row nor a balance.
    """
    found: list[ParsedStatement] = []
    rows = 0
    for data in files:
        text, _encoding = decode(data)
        for message in _messages(text):
            found.append(message.statement())
            rows += len(message.rows)
            check_rows(rows)
    # Daily statements of some years are joined before they are counted.
    statements, notes = join_statements([each for each in found if each.rows or each.closing is not None])
    check_statements(len(statements))
    if not statements:
        raise StatementUnreadable(
            reason=_("This MT940 file holds no transactions and no balance. Please export it again.")
        )
    return ParsedFile(format="mt940", statements=statements, notes=tuple(notes))


def _messages(text: str) -> "Iterator[_Message]":
    """Messages, which begin at field 20, or at an account or opening balance where one is there already."""
    message = _Message()
    for tag, lines in _fields(text):
        if message.ends_before(tag):
            yield message
            message = _Message()
        message.read(tag, lines)
    if message.tags:
        yield message


def _fields(text: str) -> Iterator[tuple[str, list[str]]]:
    """Fields with their lines; what stands between messages (headers, "-}") is no field's."""
    tag = ""
    lines: list[str] = []
    # Some banks break the line within the name of a field.
    for raw in _BROKEN_TAG.sub(":", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n"):
        line = raw
        if line.startswith("{"):
            line = line.rpartition("{4:")[2] if "{4:" in line else "-"
        match = _TAG.match(line.lstrip() if line.lstrip().startswith(":") else line)
        ends = line.strip() == "-" or line.startswith("-}")
        if (match or ends) and tag:
            yield tag, lines
            tag = ""
        if match:
            tag, lines = match[1], [line.lstrip()[match.end() :]]
        elif tag and not ends:
            lines.append(line)
    if tag:
        yield tag, lines


class _Message:
    """One message: account, balances and rows as they come."""

    def __init__(self) -> None:
        self.tags: set[str] = set()
        self.account = ""
        self.opening: tuple[Decimal, datetime.date | None, str] | None = None
        self.closing: tuple[Decimal, datetime.date | None, str] | None = None
        self.rows: list[ParsedRow] = []
        self._last = ""

    def ends_before(self, tag: str) -> bool:
        family = tag[:2]
        return (family == "20" and bool(self.tags)) or (family in ("25", "60") and family in self.tags)

    def read(self, tag: str, lines: list[str]) -> None:
        """One field. What follows a closing balance describes the statement, not the last row."""
        family = tag[:2]
        match family:
            case "25":
                self.account = "".join(lines).replace(" ", "")
            case "60":
                self.opening = _balance(lines)
            case "62":
                self.closing = _balance(lines)
            case "61":
                self.rows.append(_row(len(self.rows) + 1, lines))
            case "86" if self._last in ("61", "NS") and self.rows:
                self._describe(read_details(lines))
            case "NS" if self._last in ("61", "86") and self.rows:
                self._describe(read_non_swift(lines))
        self.tags.add(family)
        self._last = family

    def _describe(self, details: Details) -> None:
        row = self.rows[-1]
        # Where field 86 names nobody, the text below field 61 often does.
        payee = details.payee or row.payee or row.description or details.kind or details.text
        text = next((each for each in (details.text, row.description) if each and each != payee), "")
        original = _("Original amount: %(original)s.") % {"original": details.original} if details.original else ""
        self.rows[-1] = dataclasses.replace(
            row,
            payee=payee[:200],
            description=text[:500],
            bank_id=(row.bank_id or details.reference)[:120],
            counterparty_account=(details.account or row.counterparty_account)[:64],
            counterparty_bank=(details.bank or row.counterparty_bank)[:64],
            note=" ".join(filter(None, [row.note, original]))[:200],
        )

    def statement(self) -> ParsedStatement:
        currency = next((stated[2] for stated in (self.opening, self.closing) if stated), "")
        account = self.account
        if currency and account.endswith(currency) and account[:2].isalpha():
            account = account.removesuffix(currency)
        rows = self.rows
        if not self.opening and not self.closing and self.tags & {"34", "13", "90"}:
            note = _("The bank reports this row within the day (MT942): it is not booked yet.")
            rows = [dataclasses.replace(row, state=RowState.PENDING, note=note) for row in rows]
        days = [row.date for row in rows if row.date]
        closing_on = (self.closing[1] or max(days, default=None)) if self.closing else None
        return ParsedStatement(
            account=account[:64],
            currency=currency if currency in known_currencies() else "",
            rows=tuple(row if row.payee else dataclasses.replace(row, payee=row.description[:200]) for row in rows),
            start=min(days, default=self.opening[1] if self.opening else None),
            end=max(filter(None, [*days, closing_on]), default=None),
            opening=self.opening[0] if self.opening else None,
            closing=self.closing[0] if self.closing else None,
            closing_on=closing_on,
        )


def _balance(lines: Sequence[str]) -> tuple[Decimal, datetime.date | None, str] | None:
    match = _BALANCE.match("".join(lines).strip())
    if match is None:
        return None
    value = Decimal(match[4].replace(",", "."))
    return (-value if match[1] == "D" else value), _day(match[2]), match[3]


def _row(number: int, lines: Sequence[str]) -> ParsedRow:
    """Field 61. Its first line may break before the amount; what follows the first line is text."""
    at = 1
    match = _LINE.match(lines[0])
    if match is None and len(lines) > 1:
        at, match = 2, _LINE.match(f"{lines[0].rstrip()}\n{lines[1]}")
    if match is None:
        seen = " ".join(lines[0].split())[:40]
        return ParsedRow(
            number=number,
            date=None,
            amount=None,
            payee=seen,
            problem=_("“%(seen)s” is not a row of a statement (field 61).") % {"seen": seen},
        )
    value_date, entry_date, mark, _funds, figure, _kind, rest = match.groups()
    amount = Decimal(figure.replace(",", "."))
    day, note = _booked_on(value_date, entry_date or "")
    mine, _slashes, bank = rest.partition("//")
    reference = next((each.strip() for each in (bank, mine) if each.strip().upper() not in _NO_REFERENCE), "")
    notes = [_("The bank marks this row as the reversal of an earlier one.")] if mark.startswith("R") else []
    state = RowState.VOID if amount == 0 else RowState.PENDING if mark.startswith("E") else RowState.BOOKED
    if state is RowState.VOID:
        notes = [_("The amount is zero: no money moved.")]
    elif state is RowState.PENDING:
        notes = [_("The bank expects this row: it is not booked yet.")]
    written = value_date + (entry_date or "").strip()
    return ParsedRow(
        number=number,
        date=day,
        amount=-amount if mark in _OUT else amount,
        description=" ".join(" ".join(lines[at:]).split())[:500],
        bank_id=reference[:120],
        raw_date=written,
        state=state,
        problem="" if day else _("“%(text)s” is not a day of the calendar.") % {"text": written},
        note=" ".join([*notes, note]).strip(),
    )


def _day(text: str) -> datetime.date | None:
    year = int(text[:2])
    try:
        return believable_day(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def _booked_on(value_date: str, entry_date: str) -> tuple[datetime.date | None, str]:
    """The entry date in the year that brings it closest to the value date: it is written without one.

    Value dates such as 30 February are those of interest, which is reckoned in months of 30 days.
    """
    valued = _day(value_date)
    if not entry_date.strip():
        return valued, ""
    year = int(value_date[:2])
    about = valued or _day(f"{value_date[:4]}28")
    days = [_day(f"{other % 100:02}{entry_date}") for other in (year, year - 1, year + 1)]
    known = [day for day in days if day is not None]
    if not known or about is None:
        return valued, ""
    told = (
        ""
        if valued
        else _("The value date %(value_date)s is not in the calendar; the booking date is used.")
        % {"value_date": value_date}
    )
    return min(known, key=lambda day: abs(day - about)), told
