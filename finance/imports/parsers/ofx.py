"""OFX and QFX files: bank, card, loan and investment accounts, one statement each."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.joining import join_statements
from finance.imports.parsers.limits import (
    LONGEST_NUMBER,
    check_rows,
    check_statements,
    is_believable,
    iso_day,
    no_such_day,
)
from finance.imports.parsers.ofx_tree import parse_tree, value
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.money import known_currencies

_STATEMENTS = ("STMTRS", "CCSTMTRS", "INVSTMTRS", "LOANSTMTRS")
_TRANSACTIONS = {"STMTTRN", "STMTTRNP", "LOANSTMTTRN"}
_PENDING = {"BANKTRANLISTP", "CCPENDINGTRANLIST", "STMTTRNP"}
_CHARSET = re.compile(r"CHARSET:\s{0,8}([\w-]+)")
_NOT_DIGITS = re.compile(r"[\s'$€£]")
_HEADER_CHARSETS = {
    "1252": "cp1252",
    "1250": "cp1250",
    "1251": "cp1251",
    "ISO-8859-1": "cp1252",
    "8859-1": "cp1252",
}
_LISTS = {"BANKTRANLIST", "INVTRANLIST", "LOANTRANLIST"}
_KINDS = {"CCSTMTRS": "CREDITCARD", "INVSTMTRS": "INVESTMENT", "LOANSTMTRS": "LOAN"}
# Types that a sign contradicts: (type, whether the amount is positive).
_OTHERWISE = {("DEBIT", True), ("CREDIT", False)}
# The longest NAME of the specification; banks continue in MEMO.
_LONGEST_NAME = 32
_MOST_TOLD = 20


def looks_like_ofx(data: bytes) -> bool:
    """Whether the bytes begin like an OFX file, with or without its header."""
    head = data[:4000].replace(b"\x00", b"").upper()
    return b"OFXHEADER" in head or b"<OFX>" in head or b"<?OFX" in head


def read_ofx(data: bytes) -> ParsedFile:
    """The statements of the file, in its order.

    Raises StatementUnreadable, with a sentence that names what was seen, when there is nothing to import: an error
    answer of the bank, a list of accounts, an empty file.
    """
    text, _encoding = decode(data, _encoding_of(data))
    root = parse_tree(text)
    if root is None:
        raise StatementUnreadable(
            reason=_("The file begins like an OFX file, but its content is missing. Please export it again.")
        )
    found = [element for element in root.iter() if element.tag in _STATEMENTS]
    if not found and any(element.tag in _TRANSACTIONS for element in root.iter()):
        # Some programs write the transactions without the frame that names the account.
        found = [root]
    if not found:
        raise StatementUnreadable(reason=_why_nothing(root))
    check_statements(len(found))
    statements, notes = join_statements([_statement(element) for element in found])
    check_rows(sum(len(statement.rows) for statement in statements))
    trades = _trades(root)
    if not trades and not any(statement.rows or statement.closing is not None for statement in statements):
        raise StatementUnreadable(
            reason=_why_nothing(root) if _error(root) else _("The file names an account but holds no transactions.")
        )
    notes += [
        _("Left out: “%(payee)s”. %(note)s") % {"payee": trade.payee[:100], "note": trade.note}
        for trade in trades[:_MOST_TOLD]
    ]
    if len(trades) > _MOST_TOLD:
        notes.append(_("%(count)s more transactions in securities are left out.") % {"count": len(trades) - _MOST_TOLD})
    empty = [statement.account or statement.label for statement in statements if not statement.rows]
    if empty and not trades:
        notes.append(
            _("No transactions are listed for %(names)s; only the balance is stated.") % {"names": ", ".join(empty)}
        )
    return ParsedFile(format="ofx", statements=statements, left_out=tuple(trades), notes=tuple(notes))


def _trades(root: Element) -> list[ParsedRow]:
    """What the lists of investment accounts hold beside movements of cash: trades, dividends, transfers of securities."""
    names = {
        value(info, "SECID/UNIQUEID"): value(info, "SECNAME") or value(info, "TICKER") for info in root.iter("SECINFO")
    }
    found: list[ParsedRow] = []
    for element in (element for listed in root.iter("INVTRANLIST") for element in listed):
        inner = next(element.iter("INVTRAN"), None)
        if inner is None or element.tag == "INVBANKTRAN":
            continue
        security = next((value(each, "UNIQUEID") for each in element.iter("SECID")), "")
        total = next((" ".join((each.text or "").split()) for each in element.iter("TOTAL")), "")
        day = iso_day(value(inner, "DTTRADE"))
        parts = [str(day or ""), element.tag.lower(), names.get(security) or security, total]
        found.append(
            ParsedRow(
                number=len(found) + 1,
                date=None,
                amount=None,
                payee=" ".join(filter(None, parts))[:200],
                state=RowState.LEFT_OUT,
                note=_("It is a transaction in securities; those are not imported."),
            )
        )
        check_rows(len(found))
    return found


def _encoding_of(data: bytes) -> str:
    """What the header says, unless the bytes are valid UTF-8: headers are often copied from elsewhere."""
    head = data[:1000].decode("latin-1").upper()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        match = _CHARSET.search(head)
        return _HEADER_CHARSETS.get(match[1], "") if match else ""
    return ""


def _error(root: Element) -> str:
    for status in root.iter("STATUS"):
        if value(status, "SEVERITY").upper() == "ERROR":
            return value(status, "MESSAGE")[:300] or _("code %(value)s") % {"value": value(status, "CODE")}
    return ""


def _why_nothing(root: Element) -> str:
    if message := _error(root):
        return _(
            "This file is an error message from the bank: %(message)s. It holds no transactions; "
            "please ask your bank for the file again."
        ) % {"message": message}
    accounts = sum(1 for element in root.iter() if element.tag == "ACCTINFO")
    if accounts:
        return _(
            "This file lists %(accounts)s accounts but holds no transactions. Please export the "
            "transactions of an account."
        ) % {"accounts": accounts}
    return _("This OFX file is empty: it holds neither an account nor a transaction. Please export it again.")


def _statement(element: Element) -> ParsedStatement:
    ledger = element.find(".//LEDGERBAL")
    rows = [_row(number, found) for number, found in enumerate(_transactions(element), 1)]
    code = value(element, "CURDEF").upper()
    named = {row.currency for row in rows if row.currency}
    currency = code if code in known_currencies() else next(iter(named)) if len(named) == 1 else ""
    listed = next((child for child in element.iter() if child.tag in _LISTS), None)
    closing, closing_on = _number(value(ledger, "BALAMT")), iso_day(value(ledger, "DTASOF"))
    days = [row.date for row in rows if row.date and row.state is RowState.BOOKED]
    kind = _KINDS.get(element.tag, value(element, ".//ACCTTYPE"))
    return ParsedStatement(
        account=(value(element, ".//ACCTID") or value(element, ".//LOANACCTID"))[:64],
        label=kind.capitalize(),
        currency=currency,
        rows=tuple(rows),
        start=iso_day(value(listed, "DTSTART")) or min(days, default=None),
        end=iso_day(value(listed, "DTEND")) or max(days, default=None),
        closing=closing,
        closing_on=closing_on if closing is not None else None,
        oldest_first=days == sorted(days) or days != sorted(days, reverse=True),
    )


def _transactions(element: Element) -> Iterator[tuple[Element, bool]]:
    """Every STMTTRN in the file's order, and whether it stands in a list of those that are not booked yet."""
    waiting = [(element, False)]
    while waiting:
        found, pending = waiting.pop()
        pending = pending or found.tag in _PENDING
        if found.tag in _TRANSACTIONS:
            yield found, pending
        waiting += [(child, pending) for child in reversed(found)]


def _row(number: int, found: tuple[Element, bool]) -> ParsedRow:
    element, pending = found
    raw_date = value(element, "DTPOSTED") or value(element, "DTTRAN")
    day, amount = iso_day(raw_date), _number(value(element, "TRNAMT"))
    name, memo = _names(element)
    state, note = RowState.BOOKED, ""
    if pending:
        state, note = RowState.PENDING, _("The bank lists this row as pending: it is not booked yet.")
    elif amount == 0:
        state, note = RowState.VOID, _("The amount is zero: no money moved.")
    elif amount is not None and (value(element, "TRNTYPE").upper(), amount > 0) in _OTHERWISE:
        note = _("The bank calls this row %(type)s, but its sign says otherwise: the sign is believed.") % {
            "type": value(element, "TRNTYPE").upper()
        }
    # The currency in which the amount is given, where a transaction names one (not the original one).
    code = value(element, "CURRENCY/CURSYM").upper()
    problems = []
    if day is None:
        problems.append(no_such_day(raw_date[:40]) if raw_date else _("The transaction has no date."))
    if amount is None:
        text = value(element, "TRNAMT")
        problems.append(
            _("“%(text)s” is not an amount.") % {"text": text[:40]} if text else _("The transaction has no amount.")
        )
    return ParsedRow(
        number=number,
        date=day,
        amount=amount,
        payee=name[:200],
        description=memo[:500],
        bank_id=value(element, "FITID")[:120],
        currency=code if code in known_currencies() else "",
        raw_date=raw_date[:64],
        state=state,
        problem=" ".join(problems),
        note=note,
    )


def _names(element: Element) -> tuple[str, str]:
    """Payee and text. A NAME that is cut off at 32 characters continues in MEMO, or MEMO repeats it in full."""
    name = value(element, "NAME") or value(element, "PAYEE/NAME")
    memo = value(element, "MEMO")
    check = value(element, "CHECKNUM").lstrip("0")
    if not name:
        name, memo = memo, ""
    if not name and check:
        name = _("Check %(check)s") % {"check": check}
    if memo.startswith(name):
        is_cut = len(name) in (_LONGEST_NAME - 1, _LONGEST_NAME)
        return (memo, "") if is_cut or memo == name else (name, memo)
    if len(name) in (_LONGEST_NAME - 1, _LONGEST_NAME) and memo and not (memo[0].isupper() or memo[0].isdigit()):
        # 31 where the cut fell behind a blank; a new text of its own would begin with a capital.
        return name + (" " if len(name) < _LONGEST_NAME else "") + memo, ""
    return name, memo


def _number(text: str) -> Decimal | None:
    """An OFX amount: a point or a comma before the decimals, no grouping; but some banks group anyway."""
    bare = _NOT_DIGITS.sub("", text[:LONGEST_NUMBER])
    if "," in bare and "." in bare:
        bare = bare.replace("," if bare.rfind(".") > bare.rfind(",") else ".", "")
    try:
        number = Decimal(bare.replace(",", "."))
    except InvalidOperation:
        return None
    return number if len(text) < LONGEST_NUMBER and is_believable(number) else None
