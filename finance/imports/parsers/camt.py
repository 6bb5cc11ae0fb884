"""CAMT.052, .053 and .054 (ISO 20022 XML, versions 2 to 12): account report, statement and notification.

Source of the format: the ISO 20022 message definitions "Bank-to-Customer Cash Management"; the versions differ in their
namespaces and in a few names, so elements are read by local name and both ways of writing are known.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from xml.etree.ElementTree import Element

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.camt_entries import REVERSAL, amount_of, rows_of, signed
from finance.imports.parsers.joining import join_statements
from finance.imports.parsers.limits import check_rows, check_statements, iso_day
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.imports.parsers.xml_tree import read_xml, text_at
from finance.money import known_currencies

_CAMT = re.compile(rb"camt\.05[234]\.001|BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)")
# The messages by how much they say of an account: a statement is final, a report runs through the day.
_MESSAGES = ("BkToCstmrStmt", "BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn")
_HOLDERS = frozenset(["Stmt", "Rpt", "Ntfctn"])


def looks_like_camt(data: bytes) -> bool:
    """Whether the bytes begin like a CAMT.052, .053 or .054 message."""
    return _CAMT.search(data[:4000].replace(b"\x00", b"")) is not None


def read_camt(files: Sequence[bytes]) -> ParsedFile:
    """The statements of one CAMT file, or of the several that a bank delivers together; one for each account.

    Raises StatementUnreadable when there is nothing to import, or a file is not sound.
    """
    readers = [_Reader() for _file in files]
    for reader, data in zip(readers, files, strict=True):
        read_xml(data, holders=_HOLDERS, on_open=reader.open, on_child=reader.child)
        check_rows(sum(each.rows for each in readers))
    found = [(reader.message, part) for reader in readers for part in reader.statements()]
    if not found:
        raise StatementUnreadable(
            reason=_("This CAMT file holds no statement, report or notification. Please export it again.")
        )
    kept, notes = _without_repeats(found)
    # Daily statements of some years are joined before they are counted.
    statements, more = join_statements(kept)
    check_statements(len(statements))
    if not any(statement.rows or statement.closing is not None for statement in statements):
        raise StatementUnreadable(reason=_("The file names an account but holds no transactions."))
    return ParsedFile(format="camt", statements=statements, notes=(*notes, *more))


class _Reader:
    """What one file says: the accounts with their balances and rows."""

    def __init__(self) -> None:
        self.message = ""
        self.found: list[_Account] = []
        self.rows = 0

    def open(self, tag: str) -> None:
        if tag in _MESSAGES:
            self.message = tag
        elif tag in _HOLDERS:
            self.found.append(_Account())

    def child(self, element: Element) -> None:
        account = self.found[-1]
        match element.tag:
            case "Acct":
                account.head = element
            case "Bal":
                account.balances.append(element)
            case "FrToDt":
                account.period = element
            case "Ntry":
                rows = [
                    dataclasses.replace(row, number=len(account.rows) + place)
                    for place, row in enumerate(rows_of(element, owner=text_at(account.head, "Ownr/Nm")), 1)
                ]
                account.rows += rows
                self.rows += len(rows)
                check_rows(self.rows)

    def statements(self) -> list[ParsedStatement]:
        is_final = self.message == "BkToCstmrStmt"
        return [account.statement(is_final=is_final) for account in self.found]


class _Account:
    """One Stmt, Rpt or Ntfctn."""

    def __init__(self) -> None:
        self.head: Element | None = None
        self.period: Element | None = None
        self.balances: list[Element] = []
        self.rows: list[ParsedRow] = []

    def statement(self, *, is_final: bool) -> ParsedStatement:
        # The account's; where it is not said, the one of the balances, or else of most rows.
        amounts = [each.find("Amt") for each in self.balances]
        codes = [each.get("Ccy", "").upper() for each in amounts if each is not None]
        codes = codes or [row.currency for row in self.rows if row.currency]
        currency = text_at(self.head, "Ccy").upper() or (Counter(codes).most_common(1)[0][0] if codes else "")
        currency = currency if currency in known_currencies() else ""
        opening = self._balance("OPBD", currency) or self._balance("PRCD", currency)
        closing = self._balance("CLBD", currency, last=True) or self._balance("ITBD", currency, last=True)
        rows = self.rows
        if opening and closing and opening[0] + _moved(rows) != closing[0]:
            # Some banks state the direction of the entry that is taken back; the balances tell.
            note = _("%(reversal)s Only with its direction turned round do the balances add up.") % {
                "reversal": _(REVERSAL)
            }
            turned = [
                dataclasses.replace(row, amount=-row.amount, note=note)
                if row.amount is not None and row.note.startswith(_(REVERSAL))
                else row
                for row in rows
            ]
            if opening[0] + _moved(turned) == closing[0]:
                rows = turned
            elif not is_final:
                # A report may list only what is new since the one before it.
                opening = None
        days = [row.date for row in rows if row.date and row.state is RowState.BOOKED]
        start = iso_day(text_at(self.period, "FrDtTm", "FrDt")) or min(days, default=None)
        end = iso_day(text_at(self.period, "ToDtTm", "ToDt")) or max(days, default=None)
        return ParsedStatement(
            account=text_at(self.head, "Id/IBAN", "Id/Othr/Id", "Id/PrtryAcct/Id", "Id/BBAN").replace(" ", "")[:64],
            label=text_at(self.head, "Nm")[:64],
            currency=currency,
            rows=tuple(rows),
            start=start,
            end=end,
            opening=opening[0] if opening else None,
            closing=closing[0] if closing else None,
            closing_on=(iso_day(closing[1]) or end) if closing else None,
            oldest_first=days == sorted(days) or days != sorted(days, reverse=True),
        )

    def _balance(self, code: str, currency: str, *, last: bool = False) -> tuple[Decimal, str] | None:
        """The earliest or latest balance of the kind (OPBD, PRCD, CLBD, ITBD), and its day as written."""
        found = []
        for element in self.balances:
            value, own = amount_of(element.find("Amt"))
            amount = signed(value, text_at(element, "CdtDbtInd"))
            if text_at(element, "Tp/CdOrPrtry/Cd", "Tp/Cd") == code and amount is not None and own in ("", currency):
                found.append((text_at(element, "Dt/Dt", "Dt/DtTm"), amount))
        if not found:
            return None
        day, amount = max(found, key=lambda each: each[0][:10]) if last else min(found, key=lambda each: each[0][:10])
        return amount, day


def _moved(rows: Sequence[ParsedRow]) -> Decimal:
    return sum((row.amount for row in rows if row.amount is not None and row.state is RowState.BOOKED), Decimal(0))


def _without_repeats(found: Sequence[tuple[str, ParsedStatement]]) -> tuple[list[ParsedStatement], list[str]]:
    """Statements first; of reports and notifications beside them, only the rows that they alone know."""
    kept: list[ParsedStatement] = []
    notes: list[str] = []
    known: dict[str, Counter[tuple[object, ...]]] = {}
    for message in _MESSAGES:
        seen: dict[str, Counter[tuple[object, ...]]] = {}
        for part in (part for own, part in found if own == message):
            before = known.get(part.account, Counter())
            rows = []
            for row in part.rows:
                key = (row.bank_id, row.date, row.amount) if row.bank_id else (row.payee, row.date, row.amount)
                seen.setdefault(part.account, Counter())[key] += 1
                if before[key] > 0:
                    before[key] -= 1
                else:
                    rows.append(row)
            if repeated := len(part.rows) - len(rows):
                notes.append(
                    _(
                        "%(repeated)s rows of %(account)s are in a statement of this file and again in a "
                        "report or notification beside it; they are read once."
                    )
                    % {"repeated": repeated, "account": part.account or _("the account")}
                )
                # What is left is no longer what the balances of the part speak of.
                part = dataclasses.replace(part, rows=tuple(rows), opening=None, closing=None, closing_on=None)
            if rows or not repeated:
                kept.append(part)
        for account, counted in seen.items():
            known[account] = known.get(account, Counter()) + counted
    return kept, notes
