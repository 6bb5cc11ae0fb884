"""The same made-up statement in every format that is measured: n rows over some years, each with its balance."""

import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from finance.tests.imports.workbooks import Day, xlsx

FIRST_DAY = datetime.date(2016, 1, 1)
EXCEL_EPOCH = datetime.date(1899, 12, 30)
SHOPS = [f"{kind} {number}" for kind in ("Market", "Bakery", "Cinema", "Pharmacy", "Garage") for number in range(60)]


@dataclass(frozen=True, slots=True)
class Row:
    """One transaction; amounts in cents."""

    number: int
    day: datetime.date
    payee: str
    amount: int
    balance: int


def rows(count: int, *, seed: int = 1) -> Iterator[Row]:
    """Oldest first; one in twenty is a salary."""
    chance = random.Random(seed)
    balance = 0
    for number in range(1, count + 1):
        amount = chance.randrange(150_000, 300_000) if number % 20 == 0 else -chance.randrange(100, 20_000)
        balance += amount
        day = FIRST_DAY + datetime.timedelta(days=number * 3000 // count)
        payee = "Employer" if amount > 0 else f"{chance.choice(SHOPS)} card {1000 + number % 9000}"
        yield Row(number, day, payee, amount, balance)


def money(cents: int) -> str:
    """As banks write it: a sign, a point, two places."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def csv_file(count: int) -> bytes:
    """With the columns that most banks have."""
    lines = ["Date,Description,Amount,Balance"]
    lines += [f"{row.day},{row.payee},{money(row.amount)},{money(row.balance)}" for row in rows(count)]
    return ("\n".join(lines) + "\n").encode()


def ofx_file(count: int) -> bytes:
    """OFX 1 (SGML), as most banks still write it."""
    body = "".join(
        f"<STMTTRN><TRNTYPE>{'CREDIT' if row.amount > 0 else 'DEBIT'}<DTPOSTED>{row.day:%Y%m%d}"
        f"<TRNAMT>{money(row.amount)}<FITID>TX{row.number:08}<NAME>{row.payee[:32]}</STMTTRN>\n"
        for row in rows(count)
    )
    *_, last = rows(count)
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
        "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>"
        "<DTSERVER>20260101<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0"
        "<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>DE02<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20160101<DTEND>{last.day:%Y%m%d}\n{body}</BANKTRANLIST><LEDGERBAL>"
        f"<BALAMT>{money(last.balance)}<DTASOF>{last.day:%Y%m%d}</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    ).encode()


def qif_file(count: int) -> bytes:
    """As old programs export it."""
    body = "".join(f"D{row.day:%d/%m/%Y}\nT{money(row.amount)}\nP{row.payee}\n^\n" for row in rows(count))
    return ("!Type:Bank\n" + body).encode()


def camt_file(count: int) -> bytes:
    """CAMT.053 version 8, one statement."""
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">{money(abs(row.amount))}</Amt><CdtDbtInd>{"CRDT" if row.amount > 0 else "DBIT"}</CdtDbtInd>'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{row.day}</Dt></BookgDt><AcctSvcrRef>TX{row.number:08}</AcctSvcrRef>"
        f"<NtryDtls><TxDtls><RltdPties>{_party(row)}</RltdPties></TxDtls></NtryDtls></Ntry>\n"
        for row in rows(count)
    )
    *_, last = rows(count)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
        "<BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id>"
        f"<Ccy>EUR</Ccy></Acct>{_balance('OPBD', FIRST_DAY, 0)}{_balance('CLBD', last.day, last.balance)}\n{entries}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _party(row: Row) -> str:
    name = f"<Nm>{row.payee}</Nm>"
    return f"<Dbtr><Pty>{name}</Pty></Dbtr>" if row.amount > 0 else f"<Cdtr><Pty>{name}</Pty></Cdtr>"


def _balance(code: str, day: datetime.date, cents: int) -> str:
    sign = "CRDT" if cents >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{money(abs(cents))}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def mt940_file(count: int) -> bytes:
    """One statement, texts in :86:."""
    *_, last = rows(count)
    body = "".join(
        f":61:{row.day:%y%m%d}{'C' if row.amount > 0 else 'D'}{money(abs(row.amount)).replace('.', ',')}NTRFNONREF//TX{row.number:08}\r\n"
        f":86:166?00TRANSFER?20Invoice {row.number}?32{row.payee[:27]}\r\n"
        for row in rows(count)
    )
    sign = "C" if last.balance >= 0 else "D"
    closing = money(abs(last.balance)).replace(".", ",")
    return (
        f":20:START\r\n:25:12030000/202051\r\n:28C:1/1\r\n:60F:C{FIRST_DAY:%y%m%d}EUR0,00\r\n{body}"
        f":62F:{sign}{last.day:%y%m%d}EUR{closing}\r\n-\r\n"
    ).encode()


def xlsx_file(count: int) -> bytes:
    """A sheet with typed cells."""
    head = ["Date", "Description", "Amount", "Balance"]
    cells = ([Day((row.day - EXCEL_EPOCH).days), row.payee, row.amount / 100, row.balance / 100] for row in rows(count))
    return xlsx({"Statement": [head, *cells]})


FORMATS: dict[str, Callable[[int], bytes]] = {
    "CSV": csv_file,
    "XLSX": xlsx_file,
    "OFX": ofx_file,
    "QIF": qif_file,
    "CAMT.053": camt_file,
    "MT940": mt940_file,
}
