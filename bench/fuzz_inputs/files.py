"""Bank files in every format that the importer reads, and ways to damage them. A new format is one line in FORMATS."""

import datetime
import hashlib
import io
import json
import random
import re
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from fuzz_inputs import hostile
from fuzz_inputs.trees import broken, written

DAY = datetime.date(2026, 3, 17)


def comma_separated(day: datetime.date = DAY, *, payee: str = "Corner shop") -> bytes:
    rows = [f"{day - datetime.timedelta(days=n)},{payee} {n},Card payment,-{n + 1}.25,{900 - n}.00" for n in range(8)]
    return "\n".join(["Date,Payee,Description,Amount,Balance", *rows, ""]).encode()


def _german() -> bytes:
    head = '"Kontonummer:";"DE02120300000000202051"\r\n"Zeitraum:";"01.03.2026 - 31.03.2026"\r\n\r\n'
    names = '"Buchungstag";"Wertstellung";"Auftraggeber / Empfänger";"Verwendungszweck";"Betrag (EUR)"\r\n'
    rows = "".join(
        f'"{n:02}.03.2026";"{n:02}.03.2026";"Bäckerei {n}";"Rechnung ""{n}"" vom März";"-1.{n:03},50"\r\n'
        for n in range(1, 10)
    )
    return (head + names + rows).encode("cp1252")


def _two_columns() -> bytes:
    rows = "".join(
        f"03/{n:02}/2026\tStore {n}\t{n}.10\t\t\r\n03/{n:02}/2026\tPay\t\t{n}00.00\tP\r\n" for n in range(1, 9)
    )
    return ("Posted\tMerchant\tDebit\tCredit\tStatus\r\n" + rows).encode("utf-16")


def _without_header() -> bytes:
    return b"".join(
        b"2026/03/%02d|-%d.99|EUR|Caf\xc3\xa9 %d, \xe2\x82\xac|ref%d\n" % (n, n, n, n) for n in range(1, 12)
    )


def _ofx_body(*, closed: bool, card: bool) -> str:
    def leaf(name: str, value: object) -> str:
        return f"<{name}>{value}</{name}>\n" if closed else f"<{name}>{value}\n"

    def branch(name: str, *parts: str) -> str:
        return f"<{name}>\n{''.join(parts)}</{name}>\n"

    account, message = ("CCACCTFROM", "CREDITCARDMSGSRSV1") if card else ("BANKACCTFROM", "BANKMSGSRSV1")
    status = branch("STATUS", leaf("CODE", 0), leaf("SEVERITY", "INFO"))
    transactions = [
        branch(
            "STMTTRN", leaf("TRNTYPE", "DEBIT"), leaf("DTPOSTED", f"202603{n:02}120000.000[-5:EST]"),
            leaf("TRNAMT", f"-{n}.25"), leaf("FITID", f"id{n}"), leaf("NAME", f"Shop &amp; Co {n}"), leaf("MEMO", "Thanks"),
        )
        for n in range(1, 9)
    ]  # fmt: skip
    statement = branch(
        "CCSTMTRS" if card else "STMTRS",
        leaf("CURDEF", "EUR"),
        branch(
            account, leaf("BANKID", "123") if not card else "", leaf("ACCTID", "987654"), leaf("ACCTTYPE", "CHECKING")
        ),
        branch("BANKTRANLIST", leaf("DTSTART", "20260301"), leaf("DTEND", "20260331"), *transactions),
        branch("LEDGERBAL", leaf("BALAMT", "1234.56"), leaf("DTASOF", "20260331")),
    )
    answer = branch("CCSTMTTRNRS" if card else "STMTTRNRS", leaf("TRNUID", 1), status, statement)
    sign_on = branch(
        "SIGNONMSGSRSV1",
        branch("SONRS", status, leaf("DTSERVER", "20260401"), leaf("LANGUAGE", "ENG"), leaf("INTU.BID", "3000")),
    )
    return branch("OFX", sign_on, branch(message, answer))


_SGML_HEAD = (
    "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
    "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n"
)
_XML_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)


@dataclass(frozen=True, slots=True)
class Format:
    """Files of one format: their usual name, and small sound ones to begin with; `program` is whose whole books they are."""

    file_name: str
    seeds: tuple[bytes, ...]
    program: str = ""


def _camt(version: str, kind: str) -> bytes:
    message, holder = {"053": ("BkToCstmrStmt", "Stmt"), "052": ("BkToCstmrAcctRpt", "Rpt")}[kind]

    def balance(code: str, amount: str) -> str:
        return (
            f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            "<Dt><Dt>2026-03-31</Dt></Dt></Bal>\n"
        )

    payments = "".join(
        f'<TxDtls><Refs><EndToEndId>id{n}</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">{n}.25</Amt></TxAmt></AmtDtls>'
        f"<RltdPties><Cdtr><Nm>Shop {n}</Nm></Cdtr></RltdPties><RmtInf><Ustrd>Thanks</Ustrd></RmtInf></TxDtls>\n"
        for n in (1, 2)
    )
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">3.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>{status}</Sts><BookgDt><Dt>2026-03-0{n}</Dt></BookgDt>'
        f"<AcctSvcrRef>R{n}</AcctSvcrRef><NtryDtls>{payments}</NtryDtls></Ntry>\n"
        for n, status in enumerate(("BOOK", "<Cd>PDNG</Cd>", "BOOK", "INFO"), 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}">'
        f"<{message}><{holder}><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{balance('OPBD', '90.00')}"
        f"{balance('CLBD', '79.50')}{entries}</{holder}></{message}></Document>\n"
    ).encode()


def _mt940() -> bytes:
    rows = "".join(
        f":61:2603{n:02}03{n:02}D{n},25NTRFNONREF//B{n}\r\n:86:166?00KARTE?20SVWZ+Rechnung {n}?32Shop {n}\r\n"
        for n in range(1, 9)
    )
    return (
        f":20:STARTUMS\r\n:25:10020030/1234567\r\n:28C:1/1\r\n:60F:C260228EUR100,00\r\n{rows}:62F:C260331EUR62,00\r\n-\r\n"
    ).encode()


def _dutch() -> bytes:
    rows = "".join(
        f":61:2603{n:02}C{n},5N196NONREF\n:86:/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/NAME/Shop {n}/REMI/Thanks/EREF/id{n}\n"
        for n in range(1, 6)
    )
    return f"ABNANL2A\n940\nABNANL2A\n:20:ABN AMRO\n:25:123\n:28:1/1\n:60F:D260228EUR5,00\n{rows}:62F:C260331EUR17,5\n-\n".encode()


def _qif() -> bytes:
    rows = "".join(
        f"D{n}/{10 + n}'26\nT-1,{n}00.25\nPShop {n}\nMThanks\nLFood\nSFood\n$-1.00\nSRest\n$-2.00\n^\n"
        for n in range(1, 9)
    )
    return f"!Option:AutoSwitch\n!Account\nNGiro\nTBank\n^\n!Type:Bank\n{rows}!Type:Cat\nNFood\nE\n^\n".encode()


def zip_of(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def _xlsx() -> bytes:
    """A sheet with a date, a text and amounts in each row, and texts beside the sheet as Excel keeps them."""
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    link = f"{office}/officeDocument/2006/relationships"
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" s="1"><v>{46090 + n}</v></c><c r="B{n}" t="inlineStr"><is><t>Shop {n}</t></is></c>'
        f'<c r="C{n}"><v>-{n}.25</v></c><c r="D{n}"><f>D{n - 1}+C{n}</f><v>{900 - n}.5</v></c></row>\n'
        for n in range(2, 9)
    )
    heads = "".join(f'<c r="{"ABCD"[i]}1" t="s"><v>{i}</v></c>' for i in range(4))
    shared = "".join(f"<si><t>{name}</t></si>" for name in ("Date", "Payee", "Amount", "Balance"))
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    relations = f'<Relationships xmlns="{office}/package/2006/relationships">'
    texts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{content}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'{relations}<Relationship Id="rId1" Type="{link}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'{relations}<Relationship Id="rId1" Type="{link}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{link}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rId3" Type="{link}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}" count="4" uniqueCount="4">{shared}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1">{heads}</row>\n{rows}</sheetData></worksheet>',
    }
    return zip_of({name: text.encode() for name, text in texts.items()})


def _ods() -> bytes:
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="date" office:date-value="2026-03-0{n}"/>{text.format(f"Shop {n}")}'
        f'<table:table-cell office:value-type="currency" office:currency="EUR" office:value="-{n}.25"/></table:table-row>\n'
        for n in range(1, 9)
    )
    head = "".join(map(text.format, ("Date", "Payee", "Amount")))
    content = (
        f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="S"><table:table-row>{head}'
        f"</table:table-row>\n{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    return zip_of(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content.encode(),
            "META-INF/manifest.xml": b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        }
    )


FORMATS: dict[str, Format] = {
    "csv": Format("statement.csv", (comma_separated(), _german(), _two_columns(), _without_header())),
    "ofx1": Format(
        "statement.ofx", tuple((_SGML_HEAD + _ofx_body(closed=False, card=c)).encode() for c in (False, True))
    ),
    "ofx2": Format(
        "statement.ofx", tuple((_XML_HEAD + _ofx_body(closed=True, card=c)).encode() for c in (False, True))
    ),
    "qfx": Format(
        "statement.qfx", tuple((_SGML_HEAD + _ofx_body(closed=True, card=c)).encode() for c in (False, True))
    ),
    "camt": Format("statement.xml", (_camt("02", "053"), _camt("08", "052"))),
    "zip": Format("statements.zip", (zip_of({"1.xml": _camt("02", "053"), "2.xml": _camt("08", "053")}),)),
    "mt940": Format("statement.sta", (_mt940(), _dutch())),
    "qif": Format("statement.qif", (_qif(),)),
    "xlsx": Format("statement.xlsx", (_xlsx(),)),
    "ods": Format("statement.ods", (_ods(),)),
}

_RUNS = (
    b" ", b"\n", b"\r", b"\r\n", b"\t", b"0", b"9", b'"', b"'", b",", b";", b"<", b">", b"&", b"&#", b"&amp;", b"<!--",
    b"-->", b"<![CDATA[", b"]]>", b"<?", b"</", b"<STMTTRN>", b"</OFX>", b"<OFX>", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>",
    b"\x00", b"\xff", b"\xc3", b"\xe2\x80\xae", b"\xcc\x80", b"\xef\xbb\xbf", b"-", b"+", b".", b"1.", b"E9", b"{", b"[",
    b'","', b'";"', b"|", b":", b"/", b"\\", b"%", b"(", b"A", b"\xa0", b"\x1a", b"\x85", b"<A>", b"CHARSET:", b"2026",
)  # fmt: skip
_LENGTHS = (1, 2, 5, 40, 300, 300, 3000, 3000, 30_000, 150_000)
_ENCODINGS = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252", "cp437", "cp1251", "shift_jis", "gb18030",
)  # fmt: skip
_CHARSETS = (
    b"zip",
    b"UTF-16",
    b"idna",
    b"undefined",
    b"hex",
    b"rot13",
    b"klingon",
    b"\xff",
    b"unicode_escape",
    b"UTF-7",
)
_MARKS = (
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
)
_NUMBER = re.compile(rb"[-+]?\d[\d.,]*")
_DATE = re.compile(rb"\d{8}(?!\d)|\d{2,4}[-./]\d{2}[-./]\d{2,4}")
_ODD_DATES = (
    b"00000000",
    b"00010101",
    b"99991231",
    b"20260230",
    b"31.12.9999",
    b"01.01.0001",
    b"9999-12-31",
    b"99999999",
)
_CELL_LENGTHS = (115, 120, 121, 200, 201, 255, 256, 500, 501, 10_000, 131_072, 131_073, 400_000)


# Kinds of damage that repeat things repeat each other's.
_LARGE, _LARGEST = 500_000, 3_000_000


def mutated(form: Format, chance: random.Random) -> bytes:
    """A file of the format with one to four kinds of damage, mostly within what an archive holds."""
    return _damaged(chance.choice(form.seeds), chance)


def _damaged(data: bytes, chance: random.Random) -> bytes:
    if data.startswith(b"PK\x03\x04") and chance.random() < 0.8:
        return _damaged_inside(data, chance)
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        damages = _DAMAGES
        if data.startswith(b"SQLite format 3\x00"):
            # Mostly a sound database that holds odd things: few others can be opened.
            damages = (_odd_field, _odd_field, _odd_field, _odd_field, _flip, _flip, _truncate)
        elif data[:1] in b"{[" and chance.random() < 0.7:
            damages = (_odd_tree,)
        data = chance.choice(damages)(data, chance)[:_LARGEST]
        if len(data) > _LARGE:
            break
    return data


def _damaged_inside(data: bytes, chance: random.Random) -> bytes:
    """The archive with a damaged member; ours keeps its list of hashes true, or it would be refused unread."""
    files = members_of(data)
    name = chance.choice(sorted(files))
    files[name] = _damaged(files[name], chance)
    return zip_of(with_true_hashes(files))


def members_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def with_true_hashes(files: dict[str, bytes]) -> dict[str, bytes]:
    """The members of an archive, with the manifest of our own export (if it is one) telling their SHA-256."""
    try:
        manifest = json.loads(files["manifest.json"])
        for name in manifest["members"]:
            manifest["members"][name] = hashlib.sha256(files[name]).hexdigest()
    except (KeyError, TypeError, ValueError, RecursionError):
        return files
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def _odd_tree(data: bytes, chance: random.Random) -> bytes:
    """JSON with faults in it; what is none is damaged like any text."""
    try:
        return written(broken(json.loads(data), chance)).encode("utf-8", errors="surrogatepass")
    except (ValueError, RecursionError):
        return _odd_text(data, chance)


def _odd_field(data: bytes, chance: random.Random) -> bytes:
    """A database with another value in one field, a row less, or a row twice."""
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(data)
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = chance.choice(tables)
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        rows = [row[0] for row in database.execute(f'SELECT rowid FROM "{table}"')]
        column, place = chance.choice(columns), chance.choice(rows)
        dice = chance.random()
        if dice < 0.08:
            database.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (place,))
        elif dice < 0.14:
            database.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO other')
        else:
            value = chance.choice(
                (
                    None, 0, -1, 2**62, -(2**63), 2**63 - 1, 1e300, float("inf"), 0.5, b"\x00\xff", "", "x" * 10_000,
                    hostile.text(chance).replace("\ud800", "?"), chance.choice(hostile.AMOUNTS), chance.choice(hostile.DATES),
                    chance.choice(rows), 99991231, 20260230, 10101,
                )
            )  # fmt: skip
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, place))
        database.commit()
        return database.serialize()
    except (sqlite3.Error, IndexError, UnicodeError, OverflowError):
        return _flip(data, chance)
    finally:
        database.close()


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randrange(len(data) + 1)


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 20)) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] if chance.random() < 0.7 else data[place:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_place(data, chance), _place(data, chance)))
    return data[:end] + data[start:end] * chance.choice((1, 2, 30)) + data[end:]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_place(data, chance), _place(data, chance)))
    return data[:start] + data[min(end, start + chance.choice((1, 5, 60))) :]


def _run(data: bytes, chance: random.Random) -> bytes:
    """A run of something, or of two things in turn; sometimes at the very beginning."""
    run = chance.choice(_RUNS) + (chance.choice(_RUNS) if chance.random() < 0.3 else b"")
    place = 0 if chance.random() < 0.15 else _place(data, chance)
    return data[:place] + run * max(1, chance.choice(_LENGTHS) // len(run)) + data[place:]


def _swap_lines(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


def _width(data: bytes, chance: random.Random) -> bytes:
    """Another number of cells in one line, or in the header."""
    lines = data.split(b"\n")
    place = 0 if chance.random() < 0.3 else chance.randrange(len(lines))
    delimiter = chance.choice((b",", b";", b"\t", b"|"))
    lines[place] = chance.choice(
        (
            lines[place] + delimiter * chance.choice((1, 30, 2000)),
            lines[place].replace(delimiter, b"", 2),
            b"",
            delimiter,
        )
    )
    return b"\n".join(lines)


def _replaced(pattern: re.Pattern[bytes], data: bytes, value: bytes, chance: random.Random) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    match = chance.choice(found)
    return data[: match.start()] + value + data[match.end() :]


def _odd_number(data: bytes, chance: random.Random) -> bytes:
    value = chance.choice((*hostile.AMOUNTS, *hostile.NUMBERS)).encode()
    return _replaced(_NUMBER, data, value, chance)


def _odd_date(data: bytes, chance: random.Random) -> bytes:
    value = chance.choice((*_ODD_DATES, *(date.encode() for date in hostile.DATES)))
    return _replaced(_DATE, data, value, chance)


def _odd_text(data: bytes, chance: random.Random) -> bytes:
    value = hostile.text(chance).encode("utf-8", errors="surrogatepass")
    return _replaced(re.compile(rb"[A-Za-z]{3,}"), data, value, chance)


def _big_cell(data: bytes, chance: random.Random) -> bytes:
    return _replaced(
        re.compile(rb"Shop|Corner|Store|Caf|Rechnung|Thanks|id\d"), data, b"a" * chance.choice(_CELL_LENGTHS), chance
    )


def _encoding(data: bytes, chance: random.Random) -> bytes:
    return data.decode("utf-8", errors="replace").encode(chance.choice(_ENCODINGS), errors="replace")


def _mark(data: bytes, chance: random.Random) -> bytes:
    return chance.choice(_MARKS) + data


def _charset(data: bytes, chance: random.Random) -> bytes:
    """A header that names an odd encoding, over bytes that are no UTF-8."""
    named = re.sub(rb"(CHARSET:|encoding=\")[\w-]+", lambda match: match[1] + chance.choice(_CHARSETS), data)
    return named.replace(b"Shop", b"Caf\xe9")


def _many_rows(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    return b"\n".join([*lines[:place], *lines[place : place + 10] * 60, *lines[place:]])


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _flip, _truncate, _repeat, _cut_out, _run, _run, _swap_lines, _width, _odd_number, _odd_number, _odd_date,
    _odd_date, _odd_text, _big_cell, _encoding, _mark, _charset, _many_rows,
)  # fmt: skip
