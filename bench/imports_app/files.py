"""Statements of any length in every format, the same rows in each."""

import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal

from finance.tests.imports.workbooks import Day, xlsx

FIRST_DAY = datetime.date(2025, 1, 1)
_EPOCH = datetime.date(1899, 12, 30)
_HEAD = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\nOLDFILEUID:NONE\n"
    "NEWFILEUID:NONE\n\n"
)


def _rows(count: int) -> Iterator[tuple[int, datetime.date, Decimal, str]]:
    """Number, day, amount and payee: one row in twenty is money in, and the days run over a year."""
    for number in range(count):
        day = FIRST_DAY + datetime.timedelta(days=number * 365 // count)
        cents = 1000 + number * 7919 % 90_000
        amount = Decimal(cents if number % 20 == 0 else -cents) / 100
        yield number, day, amount, f"Shop {number % 300}"


def _csv(count: int) -> bytes:
    balance, lines = Decimal(0), ["Date,Payee,Description,Amount,Balance"]
    for number, day, amount, payee in _rows(count):
        balance += amount
        lines.append(f"{day},{payee},Card payment {number},{amount},{balance}")
    return "\n".join(lines).encode()


def _ofx(count: int) -> bytes:
    rows = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>{day:%Y%m%d}</DTPOSTED><TRNAMT>{amount}</TRNAMT><FITID>N{number:08}</FITID>"
        f"<NAME>{payee}</NAME><MEMO>Card payment {number}</MEMO></STMTTRN>\n"
        for number, day, amount, payee in _rows(count)
    )
    return (
        f"{_HEAD}<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS><DTSERVER>20260101</DTSERVER>"
        "<LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>"
        "INFO</SEVERITY></STATUS><STMTRS><CURDEF>EUR</CURDEF><BANKACCTFROM><BANKID>1</BANKID><ACCTID>DE02</ACCTID><ACCTTYPE>CHECKING"
        f"</ACCTTYPE></BANKACCTFROM><BANKTRANLIST><DTSTART>20250101</DTSTART><DTEND>20251231</DTEND>{rows}</BANKTRANLIST>"
        "<LEDGERBAL><BALAMT>0.00</BALAMT><DTASOF>20251231</DTASOF></LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


def _camt(count: int) -> bytes:
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">{abs(amount)}</Amt><CdtDbtInd>{"CRDT" if amount > 0 else "DBIT"}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>N{number:08}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RltdPties><Dbtr><Nm>{payee}</Nm></Dbtr><Cdtr><Nm>{payee}</Nm></Cdtr></RltdPties><RmtInf><Ustrd>Card payment {number}"
        "</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        for number, day, amount, payee in _rows(count)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _mt940(count: int) -> bytes:
    rows = "".join(
        f":61:{day:%y%m%d%m%d}{'C' if amount > 0 else 'D'}{str(abs(amount)).replace('.', ',')}NTRFNONREF//N{number:08}\r\n"
        f":86:166?00KARTE?20SVWZ+Card payment {number}?32{payee}\r\n"
        for number, day, amount, payee in _rows(count)
    )
    total = sum((amount for _number, _day, amount, _payee in _rows(count)), Decimal(0))
    closing = f"{'C' if total >= 0 else 'D'}251231EUR{abs(total):.2f}".replace(".", ",")
    return f":20:X\r\n:25:DE02\r\n:28C:1/1\r\n:60F:C250101EUR0,00\r\n{rows}:62F:{closing}\r\n-\r\n".encode()


def _qif(count: int) -> bytes:
    rows = "".join(
        f"D{day:%m/%d/%Y}\nT{amount}\nP{payee}\nMCard payment {number}\n^\n"
        for number, day, amount, payee in _rows(count)
    )
    return f"!Type:Bank\n{rows}".encode()


def _xlsx(count: int) -> bytes:
    balance, rows = Decimal(0), [["Date", "Payee", "Description", "Amount", "Balance"]]
    for number, day, amount, payee in _rows(count):
        balance += amount
        rows.append([Day((day - _EPOCH).days), payee, f"Card payment {number}", float(amount), float(balance)])
    return xlsx({"Statement": rows})


FILES: dict[str, Callable[[int], bytes]] = {
    "csv": _csv, "xlsx": _xlsx, "ofx": _ofx, "camt": _camt, "mt940": _mt940, "qif": _qif,
}  # fmt: skip
SUFFIXES = {"camt": "xml", "mt940": "sta"}
