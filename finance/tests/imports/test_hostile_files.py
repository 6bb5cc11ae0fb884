"""Files made to hurt: work grows no faster than the bytes, and nothing but a sentence ever comes out."""

import datetime
import gc
import importlib
import pkgutil
import random
import re
import time

import pytest

from finance import figures, money
from finance.errors import AmountInvalid, Invalid, StatementUnreadable
from finance.imports import matching, parsers
from finance.imports.matching import Candidate, IncomingRow, KnownRow, identity_of, judge
from finance.imports.parsers import (
    amounts,
    counted_days,
    dates,
    east_asian,
    encoding,
    limits,
    months,
    ofx,
    ofx_tree,
    role_words,
    words,
)
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.reading import Question, read_file
from finance.imports.parsers.recognise import read_statement
from finance.tests.imports.conftest import CSV
from finance.tests.imports.workbooks import Day, xls, xlsx

OFX = (
    "OFXHEADER:100\nDATA:OFXSGML\nCHARSET:1252\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM>"
    "<ACCTID>DE02</BANKACCTFROM><BANKTRANLIST><DTSTART>20260301<DTEND>20260331<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260302"
    "<TRNAMT>-35.50<FITID>TX-1<NAME>Rewe</STMTTRN></BANKTRANLIST><LEDGERBAL><BALAMT>64.50<DTASOF>20260331</LEDGERBAL>"
    "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)
CAMT = (
    '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>'
    "DE02</IBAN></Id></Acct><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>64.50</Amt><CdtDbtInd>CRDT"
    "</CdtDbtInd><Dt><Dt>2026-03-31</Dt></Dt></Bal><Ntry><Amt Ccy='EUR'>35.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>"
    "<BookgDt><Dt>2026-03-02</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>Rewe</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    "</Stmt></BkToCstmrStmt></Document>"
)
MT940 = (
    ":20:STARTUMS\n:25:DE02\n:28C:1/1\n:60F:C260301EUR100,00\n:61:2603020302D35,50NTRFNONREF//TX-1\n:86:166?00KARTE?20SVWZ+Rewe"
    "?32Shop\n:62F:C260331EUR64,50\n-\n"
)
QIF = "!Account\nNGiro\nTBank\n^\n!Type:Bank\nD3/2'26\nT-35.50\nPRewe\nLFood\nSFood\n$-35.50\n^\nD13/3/2026\nT1\n^\n"
# Pieces that are repeated, alone and with an end that keeps a pattern from matching.
PIECES = [
    " ", "\n", "\t ", "0", "9", "0,", "1.", "a", "A", "T ", " ,", "<", "<a", "<OFX ", "<!--", "<![CDATA[", "<Document ",
    "<A>", "{", "[", "!Type", ":20", "12:30 ", "1 jan ", "AB12 ", "A0", "de ", "1,000", "old ", "opening", "end ", "total ",
    "CHARSET: ", "[ ", "-", ".", "MSGSRSV", "TRNRS", "(", "é", "a\u0301\u0323",
]  # fmt: skip
ENDS = ["", "!", "x", "\n", ">"]


# How the patterns are used; those of words, dates and amounts meet a cell only behind a limit of its length.
USED = {
    "recognise._TEXT": ("search",),
    "ofx._CHARSET": ("search",),
    "ofx._NOT_DIGITS": ("sub",),
    "ofx_tree._START": ("search",),
    "ofx_tree._STRAY": ("sub",),
    "ofx_builder._TOKEN": ("findall",),
    "ofx_builder._AGGREGATE": ("fullmatch",),
    "encoding._DOUBLE_ENCODED": ("findall",),
    "encoding._WORDS": ("findall",),
    "encoding._TEXT_WORDS": ("findall",),
    "encoding._PAGE_OF_WORDS": ("search",),
    "counted_days._EXCEL": ("fullmatch",),
    "counted_days._SECONDS": ("fullmatch",),
    "counted_days._MILLISECONDS": ("fullmatch",),
    "limits._YEAR": ("findall",),
    "limits._ISO_DAY": ("match",),
    "xml_tree._DECLARED": ("match",),
    "camt._CAMT": ("search",),
    "camt_entries._AMOUNT": ("fullmatch",),
    "mt940._TAG": ("match",),
    "mt940._TAG_BYTES": ("findall",),
    "mt940._BROKEN_TAG": ("sub",),
    "mt940._LINE": ("match",),
    "mt940._BALANCE": ("match",),
    "qif._HEADER": ("search",),
    "qif._DATE": ("fullmatch",),
    "sheets._FILLED": ("findall",),
    "sheets._REPEATED": ("findall",),
    "sheets._NEVER_CALCULATED": ("findall",),
    "sheets._COMMA_AMOUNT": ("fullmatch",),
    "mt940_details._SUBFIELDS": ("match",),
    "mt940_details._SEPA_WORD": ("findall",),
    "mt940_details._SLASH_WORD": ("findall",),
    "mt940_details._POLISH_WORD": ("findall",),
    "mt940_details._NS_LINE": ("match",),
    "matching._WEAK_ID": ("fullmatch",),
    "money._PLAIN_DECIMAL": ("fullmatch",),
    "figures._NUMBER": ("fullmatch",),
    "figures._TOKEN": ("match",),
}
BEHIND_A_LIMIT = {"words", "role_words", "dates", "months", "amounts", "row_reader"}


def patterns():
    """Every compiled pattern of the modules that a stranger's bytes or fields meet, by module and name."""
    names = [f"{parsers.__name__}.{each.name}" for each in pkgutil.iter_modules(parsers.__path__)]
    modules = [importlib.import_module(name) for name in names] + [matching, money, figures]
    found = {}
    for module in modules:
        for name, value in vars(module).items():
            short = f"{module.__name__.rpartition('.')[2]}.{name}"
            if inside := list(_inside(value)):
                found[short] = inside
    return found


def _inside(value):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _inside(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _inside(inner)


def hostile(size):
    for piece in PIECES:
        for end in ENDS:
            yield (piece * (size // len(piece) + 1))[:size] + end


def seconds_of(call, *, times=3):
    """CPU time, the best of several: neither other processes nor the collector of garbage count."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(times):
            began = time.process_time()
            call()
            best = min(best, time.process_time() - began)
    finally:
        gc.enable()
    return best


def grows_too_fast(work, *, size):
    """The input for which work of four times the length takes far more than four times as long, or None."""
    for short, long in zip(hostile(size // 2), hostile(2 * size), strict=True):
        if seconds_of(lambda text=long: work(text), times=1) < 0.05:
            continue  # far below anything that hurts, and below what a busy machine lets us compare
        if seconds_of(lambda text=long: work(text)) > 9 * seconds_of(lambda text=short: work(text)):
            return short[:20]
    return None


def test_the_sweep_knows_every_pattern_and_how_it_is_used():
    found = {name for name in patterns() if name.split(".")[0] not in BEHIND_A_LIMIT}
    assert found == set(USED)
    assert sum(len(inside) for inside in patterns().values()) > 40


def test_the_measure_notices_a_quadratic_pattern():
    assert grows_too_fast(re.compile(r"^(?:a|\s*b)", re.MULTILINE).search, size=8_000) is not None


@pytest.mark.parametrize("name", sorted(USED))
def test_patterns_take_time_in_proportion(name):
    for pattern in patterns()[name]:
        is_bytes = isinstance(pattern.pattern, bytes)

        def work(text, pattern=pattern, is_bytes=is_bytes):
            given = text.encode() if is_bytes else text
            for use in USED[name]:
                arguments = (given[:0], given) if use == "sub" else (given,)
                getattr(pattern, use)(*arguments)

        assert grows_too_fast(work, size=10_000) is None


FUNCTIONS = {
    "bare_date": dates.bare_date,
    "looks_like_date": dates.looks_like_date.__wrapped__ if hasattr(dates.looks_like_date, "__wrapped__") else dates.looks_like_date,
    "take_apart": amounts.take_apart.__wrapped__,
    "plain": words.plain.__wrapped__,
    "role_score": lambda text: [role_words.role_score.__wrapped__(text, role) for role in role_words._ROLES],
    "balance_kind": words.balance_kind,
    "looks_like_account": words.looks_like_account,
    "decode": lambda text: encoding.decode(text.encode()),
    "parse_tree": lambda text: ofx_tree.parse_tree(f"<OFX>{text}"),
    "words_under": lambda text: encoding.words_under(text.encode(), "cp1252"),
    "east_asian_page": lambda text: east_asian.east_asian_page(text.encode("utf-16-le")),
    "value_date_in": lambda text: dates.value_date_in(f"1/2/2026 as of {text}", "dmy"),
    "month_of": months.month_of,
    "counted_day": lambda text: [counted_days.counted_day(text, count) for count in counted_days.COUNTS],
    "shared_sign": lambda text: amounts.shared_sign([text]),
    "OFX amount": ofx._number,
    "parse_amount": lambda text: _refused(lambda: money.parse_amount(text, currency="EUR")),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_time_in_proportion(name):
    assert grows_too_fast(FUNCTIONS[name], size=10_000) is None


WRAPPINGS = {
    "file": "{}",
    "OFX": "OFXHEADER:100\n<OFX>{}",
    "CAMT": CAMT[: CAMT.index("<Ntry>")] + "{}",
    "details": MT940.replace("Rewe", "{}"),
    "QIF": QIF + "{}",
    "cell": "Date,Payee,Amount\n2026-03-01,{},-1.00\n",
    "date": "Date,Payee,Amount\n2026-03-01,x,1\n{},a,-1.00\n",
    "amount": "Date,Payee,Amount\n2026-03-01,x,1\n2026-03-01,a,{}\n",
}


@pytest.mark.parametrize("kind", WRAPPINGS)
def test_hostile_files_are_done_with_in_a_moment(kind):
    """Quadratic work would take hours for all of these, and many seconds for the one that is to blame."""
    for text in hostile(10_000):
        data = WRAPPINGS[kind].format(text).encode()
        assert seconds_of(lambda data=data: _sentence(data), times=1) < 5, text[:20]


@pytest.mark.parametrize(
    "data",
    [
        b"\n" * 20_000 + b"x",
        b" " * 200_000 + b"x",
        b"OFXHEADER:100\n<OFX>" + b"<!--" * 50_000,
        b"OFXHEADER:100\n<OFX>" + b"<![CDATA[" * 50_000,
        b"OFXHEADER:100\n<OFX>" + b"<A>" * 40_000 + b"</B>" * 40_000 + b"<B></A>",
        b"OFXHEADER:100\n<OFX>" + b"<BANKTRANLISTP>" * 3_000 + b"<STMTTRN>" * 3_000,
        b"OFXHEADER:100\n<OFX>" + b"<STMTRS>" * 5_000,
        b"Date,Payee,Amount\n" + b"2026-03-01 " + b" 12:30" * 30_000 + b",a,-1.00\n",
        b"\n".join(b",".join(b"%d" % n for n in range(3_000)) for _ in range(300)),
        ("Date,Payee,Amount\n2026-03-01," + "a\u0301\u0323" * 40_000 + ",-1.00\n").encode(),
    ],
    ids=lambda data: f"{data[:40]!r}",
)  # fmt: skip
def test_files_that_took_minutes_take_seconds(data):
    assert seconds_of(lambda: _sentence(data), times=1) < 5


def test_thousands_of_equal_rows_are_matched_in_proportion():
    day = datetime.date(2026, 3, 1)

    def run(count):
        rows = [IncomingRow(position=n, date=day, amount=-1, text="kiosk", balance=n) for n in range(count)]
        identity = identity_of(rows[0])
        known = [
            KnownRow(row_id=n, date=day, amount=-1, text="kiosk", identity=identity, occurrence=n + 1, balance=-n - 1)
            for n in range(count)
        ]
        entries = [Candidate(entry_id=n, date=day, amount=-1, text="kiosk") for n in range(count)]
        assert {verdict.fate for verdict in judge(rows, known, [])} == {"question"}
        assert len({verdict.entry_id for verdict in judge(rows, [], entries)} - {None}) == count

    assert seconds_of(lambda: run(8_000), times=1) < 5


HEAD = "Date,Payee,Amount\n2026-03-01,a,-1"
TOO_MUCH = [
    (f"{HEAD}\n2026-03-01,{'x' * 140_000},-1.00\n", "Line 3 cannot be read: one of its cells is too long."),
    (
        f"{HEAD}\n2026-03-01,{'x' * 10_001},-1.00\n",
        "Line 3 cannot be read: one of its cells has 10,001 characters; 10,000 are read at most.",
    ),
    (f"{HEAD}{',x' * 300}\n", "Line 2 has 303 columns; statements of banks have 200 at most."),
    (HEAD + "\n2026-03-01,a,-1" * 200_001, "The file holds more than 200,000 rows. Please export a shorter period."),
    (
        OFX.replace("<BANKTRANLIST>", "</STMTRS><STMTRS><CURDEF>EUR" * 100 + "<BANKTRANLIST>"),
        "The file holds more than 100 statements; 100 can be imported at once. Please export fewer accounts.",
    ),
]


@pytest.mark.parametrize(("data", "said"), TOO_MUCH, ids=["endless", "cell", "columns", "rows", "statements"])
def test_too_much_is_told_with_its_place(data, said):
    with pytest.raises(StatementUnreadable) as refused:
        read_statement(data.encode())
    assert refused.value.detail == said


@pytest.mark.parametrize("text", ["1E+999999", "9" * 1_000_000, "1E-999999", "NaN", "Infinity", "9" * 25, "1e30", "²"])
def test_ofx_amounts_that_are_none_make_error_rows(text):
    more = OFX.replace("</BANKTRANLIST>", f"<STMTTRN><DTPOSTED>20260303<TRNAMT>{text}<FITID>2</STMTTRN></BANKTRANLIST>")
    (_good, bad) = read_statement(more.encode()).statements[0].rows
    assert (bad.amount, bad.problem) == (None, f"“{text[:40]}” is not an amount.")


@pytest.mark.parametrize("written", ["9999-12-31", "0001-01-01", "1899-12-31", "2200-01-01"])
def test_days_that_no_bank_means_make_error_rows(written):
    parsed = read_statement(f"Date,Payee,Amount\n2026-01-05,c,-3.00\n{written},a,-1.00\n".encode())
    bad = parsed.statements[0].rows[1]
    assert (bad.date, bad.problem) == (None, f"“{written}” is not a day from 1900 to 2199.")
    day = written.replace("-", "")
    more = OFX.replace("</BANKTRANLIST>", f"<STMTTRN><DTPOSTED>{day}<TRNAMT>-1<FITID>2</STMTTRN></BANKTRANLIST>")
    bad = read_statement(more.encode()).statements[0].rows[1]
    assert (bad.date, bad.problem) == (None, f"“{day}” is not a day from 1900 to 2199.")


def test_odd_currencies_make_error_rows():
    text = "Date,Payee,Amount,Currency\n" + "2026-03-01,a,-1.00,EUR\n" * 20 + "2026-03-02,b,-1.00,EUR’S AND MORE\n"
    bad = [row for statement in read_statement(text.encode()).statements for row in statement.rows if row.problem]
    assert [(row.currency, row.problem) for row in bad] == [("", "“EUR’S AND ” is not a currency.")]


def test_long_numbers_are_refused_exactly():
    for text in ("9" * 1_000_000, "0." + "0" * 50 + "1", "12.3400000000000000000000000000000000001"):
        with pytest.raises(AmountInvalid) as refused:
            money.parse_amount(text, currency="EUR")
        assert len(refused.value.detail) < 200
    assert money.parse_amount("12.3400000000000000000000000000000000000", currency="EUR") == 12_34


SEEDS = {
    "csv": CSV,
    "german csv": "Buchungstag;Empfänger;Betrag;Saldo\n01.03.2026;Müller;-1.234,50;10,00\n02.03.2026;Rewe;-3,00;7,00\n".encode("cp1252"),
    "ofx": OFX.encode(),
    "camt": CAMT.encode(),
    "mt940": MT940.encode(),
    "qif": QIF.encode(),
    "xlsx": xlsx({"S": [["Date", "Payee", "Amount"], [Day(46086), "Rewe", -35.5], [Day(46087), "Inn", -1.25]]}),
    "xls": xls([["Date", "Payee", "Amount"], [Day(46086), "Rewe", -35.5], [Day(46087), "Inn", -1.25]]),
    "xml": ('<?xml version="1.0"?><?OFX OFXHEADER="200"?>' + OFX[OFX.index("<OFX>") :]).encode(),
}  # fmt: skip
BITS = [
    b"\x00",
    b"\xff",
    b'"',
    b"\n",
    b"<",
    b">",
    b"&#99999;",
    b"&#xD800;",
    b"-",
    b"9999",
    b"0000",
    b";",
    b",",
    b"E+99",
]
BITS += [b"\xc3", b" ", b"<![CDATA["]


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("seed", range(6))
def test_mutated_files_end_in_a_result_or_a_sentence(kind, seed):
    dice = random.Random(f"{kind} {seed}")
    for _ in range(40):
        data = bytearray(SEEDS[kind])
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[at] = dice.randrange(256)
                case 1:
                    data[at:at] = dice.choice(BITS) * dice.choice((1, 1, 30))
                case 2:
                    del data[at : at + dice.randint(1, 12)]
                case _:
                    data += data[at : at + dice.randint(1, 60)]
        _sentence(bytes(data))


@pytest.mark.parametrize("name", ["utf-7", "idna", "punycode", "base64", "unicode_escape", "utf-16", "nonsense", "hex"])
def test_any_encoding_ends_in_a_result_or_a_sentence(name):
    profile = CsvProfile(encoding=name, header=("Date", "Payee", "Description", "Amount", "Balance"), amount_column=3)
    parsed = _sentence(CSV + b"2026-03-05,\\ud800 +2AA-,x,-1.00,1\n", profile=profile)
    if parsed is not None:
        "".join(row.payee for statement in parsed.statements for row in statement.rows).encode()


def test_limits_leave_room_for_what_banks_write():
    assert limits.is_believable(money.Decimal("12345678901.123456789"))
    assert dates.parse_date("Wednesday, 30 September 2026, 12:30:45.123456 PM +02:00", "dmy") == datetime.date(
        2026, 9, 30
    )


def _sentence(data, *, profile=None):
    """The result, or None after a refusal in words; anything else is raised."""
    try:
        return read_file(data, Question(currency="EUR", profile=profile.to_dict() if profile else None))
    except (StatementUnreadable, Invalid) as refused:
        told = refused.detail
    assert 10 < len(told) < 500
    return None


def _refused(call):
    with pytest.raises(AmountInvalid):
        call()
