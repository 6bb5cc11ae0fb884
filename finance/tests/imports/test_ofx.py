# ruff: noqa: E501
"""OFX 1 and 2 as banks write them, and the answers that hold nothing to import."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.ofx import read_ofx
from finance.imports.parsers.recognise import read_statement

HEADER = (
    "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
    "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n"
)
XML_HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
SIGNON = "<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20240101<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>"


def bank(rows, *, currency="<CURDEF>EUR", tail="<LEDGERBAL><BALAMT>90.00<DTASOF>20240131</LEDGERBAL>", account="123"):
    return (
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS>{currency}"
        f"<BANKACCTFROM><BANKID>9<ACCTID>{account}<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20240101<DTEND>20240131{rows}</BANKTRANLIST>{tail}</STMTRS></STMTTRNRS></BANKMSGSRSV1>"
    )


def row(date="20240105", amount="-10.00", fitid="A1", name="Shop", more=""):
    return f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{date}<TRNAMT>{amount}<FITID>{fitid}<NAME>{name}{more}</STMTTRN>\n"


def read(body, header=HEADER):
    return read_ofx(f"{header}<OFX>{SIGNON}{body}</OFX>".encode())


def test_sgml_without_closing_tags_is_read_with_period_and_closing_balance():
    (statement,) = read(bank(row() + row(date="20240107", amount="+5.5", fitid="A2", name="Refund"))).statements
    assert (statement.account, statement.currency, statement.label) == ("123", "EUR", "Checking")
    assert (statement.start, statement.end) == (datetime.date(2024, 1, 1), datetime.date(2024, 1, 31))
    assert (statement.closing, statement.closing_on) == (Decimal("90.00"), datetime.date(2024, 1, 31))
    assert [(r.number, r.date.isoformat(), r.amount, r.payee, r.bank_id) for r in statement.rows] == [
        (1, "2024-01-05", Decimal("-10.00"), "Shop", "A1"),
        (2, "2024-01-07", Decimal("5.5"), "Refund", "A2"),
    ]


def test_the_day_is_the_banks_own_and_the_timestamp_is_kept():
    (statement,) = read(bank(row(date="20240105233000.000[-5:EST]"))).statements
    assert statement.rows[0].date == datetime.date(2024, 1, 5)
    assert statement.rows[0].raw_date == "20240105233000.000[-5:EST]"


def test_empty_elements_do_not_lose_the_rest():
    rows = row(fitid="\n", name="\n<MEMO>CBA:Transfer<CHECKNUM>\n<CURRENCY><CURRATE>1.0<CURSYM>AUD</CURRENCY>")
    (statement,) = read(
        bank(rows, currency="<CURDEF></CURDEF>", tail="<LEDGERBAL><BALAMT></BALAMT><DTASOF></DTASOF></LEDGERBAL>")
    ).statements
    assert statement.currency == "AUD"
    assert statement.closing is None
    assert (statement.rows[0].payee, statement.rows[0].bank_id) == ("CBA:Transfer", "")


def test_several_accounts_of_all_kinds_become_statements():
    card = (
        "<CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>USD<CCACCTFROM><ACCTID>4111</CCACCTFROM>"
        f"<BANKTRANLIST>{row(fitid='C1')}</BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1>"
    )
    broker = (
        "<INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS><CURDEF>USD<INVACCTFROM><BROKERID>b<ACCTID>X1</INVACCTFROM><INVTRANLIST>"
        f"<INVBANKTRAN>{row(fitid='I1', amount='-00000197.1063')}<SUBACCTFUND>CASH</INVBANKTRAN></INVTRANLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1>"
    )
    found = read(bank(row()) + bank("", account="456") + card + broker)
    assert [(s.account, s.label, len(s.rows)) for s in found.statements] == [
        ("123", "Checking", 1), ("456", "Checking", 0), ("4111", "Creditcard", 1), ("X1", "Investment", 1),
    ]  # fmt: skip
    assert found.statements[3].rows[0].amount == Decimal("-197.1063")
    assert any("456" in note for note in found.notes)


def test_ofx_2_with_cdata_and_entities_is_read():
    rows = "<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20240105</DTPOSTED><TRNAMT>-1.00</TRNAMT><FITID>Z9Z9Z9</FITID><NAME><![CDATA[A & <B>]]></NAME><MEMO>x &amp; y</MEMO></STMTTRN>"
    (statement,) = read(bank(rows), XML_HEADER).statements
    assert (statement.rows[0].payee, statement.rows[0].description) == ("A & <B>", "x & y")


@pytest.mark.parametrize(
    "header", ["", "\n\n\n\n\n" + HEADER, "OFXHEADER:100\nDATA:OFXSGML\nVERSION:oops\n", HEADER.replace("\r\n", " ")]
)
def test_missing_and_malformed_headers_do_not_matter(header):
    assert len(read(bank(row()), header).statements[0].rows) == 1


def test_a_sign_that_contradicts_the_type_is_believed_and_told():
    rows = read(bank(row(amount="10.00") + row(amount="-1.00", fitid="A2"))).statements[0].rows
    assert [each.amount for each in rows] == [Decimal("10.00"), Decimal("-1.00")]
    assert ("DEBIT, but its sign says otherwise" in rows[0].note, rows[1].note) == (True, "")


def test_lower_case_tags_and_a_broken_download_are_read():
    text = (HEADER + "<OFX>" + SIGNON + bank(row() + row(fitid="A2"))).lower().replace("</banktranlist>", "")
    found = read_ofx(text.split("<ledgerbal>")[0].encode())
    assert len(found.statements[0].rows) == 2


def test_a_30_february_and_a_missing_amount_are_errors_of_their_rows():
    (statement,) = read(bank(row(date="20240230") + row(amount="") + row(fitid="A3"))).statements
    assert [bool(r.problem) for r in statement.rows] == [True, True, False]
    assert "20240230" in statement.rows[0].problem


def test_latin_letters_follow_the_header():
    text = HEADER + "<OFX>" + SIGNON + bank(row(name="Café Zoë")) + "</OFX>"
    assert read_ofx(text.encode("cp1252")).statements[0].rows[0].payee == "Café Zoë"


@pytest.mark.parametrize("amount", ["-1234,56", "-1,234.56", "-1.234,56", "-1234.5600"])
def test_amounts_with_any_mark_are_read(amount):
    assert read(bank(row(amount=amount))).statements[0].rows[0].amount == Decimal("-1234.56")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<BANKMSGSRSV1><STMTTRNRS><STATUS><CODE>2000<SEVERITY>ERROR<MESSAGE>General Server Error</STATUS></STMTTRNRS></BANKMSGSRSV1>", "General Server Error"),
        ("<SIGNUPMSGSRSV1><ACCTINFOTRNRS><ACCTINFORS><ACCTINFO><DESC>A</ACCTINFO><ACCTINFO><DESC>B</ACCTINFO></ACCTINFORS></ACCTINFOTRNRS></SIGNUPMSGSRSV1>", "lists 2 accounts but holds no transactions"),
        ("", "empty"),
        (bank("", tail=""), "names an account but holds no transactions"),
    ],
)  # fmt: skip
def test_files_without_transactions_are_explained(body, words):
    with pytest.raises(StatementUnreadable) as caught:
        read(body)
    assert words in caught.value.detail


def cash_and_trades(cash=""):
    trade = (
        "<BUYSTOCK><INVBUY><INVTRAN><FITID>T1<DTTRADE>20240110</INVTRAN><SECID><UNIQUEID>US0378<UNIQUEIDTYPE>CUSIP</SECID>"
        "<UNITS>10<UNITPRICE>100<TOTAL>-1000.00</INVBUY><BUYTYPE>BUY</BUYSTOCK>"
    )
    return (
        "<INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS><CURDEF>USD<INVACCTFROM><BROKERID>b<ACCTID>X1</INVACCTFROM>"
        f"<INVTRANLIST><DTSTART>20240101<DTEND>20240131{trade}{cash}</INVTRANLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1>"
        "<SECLISTMSGSRSV1><SECLIST><STOCKINFO><SECINFO><SECID><UNIQUEID>US0378<UNIQUEIDTYPE>CUSIP</SECID><SECNAME>Apple Inc</SECINFO></STOCKINFO></SECLIST></SECLISTMSGSRSV1>"
    )


@pytest.mark.parametrize("cash", ["", f"<INVBANKTRAN>{row(fitid='I1')}<SUBACCTFUND>CASH</INVBANKTRAN>"])
def test_trades_are_left_out_by_name_and_cash_movements_are_rows(cash):
    parsed = read(cash_and_trades(cash))
    assert [r.bank_id for r in parsed.statements[0].rows] == (["I1"] if cash else [])
    assert parsed.notes == (
        "Left out: “2024-01-10 buystock Apple Inc -1000.00”. It is a transaction in securities; those are not imported.",
    )
    assert [each.payee for each in parsed.left_out] == ["2024-01-10 buystock Apple Inc -1000.00"]


FULL = "Verkehrsbetriebe der Stadt Musterhausen am See"


@pytest.mark.parametrize(
    ("name", "memo", "expected"),
    [
        (FULL[:32], FULL[32:], (FULL, "")),
        (FULL[:32], FULL, (FULL, "")),
        (FULL[:32], "Monthly ticket", (FULL[:32], "Monthly ticket")),
        ("Gemeinschaftspraxis Zahnheilkund", "e Dr. Muster", ("Gemeinschaftspraxis Zahnheilkunde Dr. Muster", "")),
        ("Shop", "Shop", ("Shop", "")),
        ("Shop", "Shop in Bern", ("Shop", "Shop in Bern")),
    ],
)
def test_a_name_that_is_cut_off_goes_on_in_the_memo(name, memo, expected):
    (found,) = read(bank(row(name=f"{name}<MEMO>{memo}"))).statements[0].rows
    assert (found.payee, found.description) == expected


def test_transactions_without_a_frame_are_read():
    for body in (f"<BANKTRANLIST>{row()}</BANKTRANLIST>", row()):
        (statement,) = read(body).statements
        assert (statement.account, [r.amount for r in statement.rows]) == ("", [Decimal("-10.00")])


def test_loan_statements_are_read():
    body = (
        "<LOANMSGSRSV1><LOANSTMTTRNRS><LOANSTMTRS><CURDEF>EUR<LOANACCTFROM><LOANACCTID>L7</LOANACCTFROM><LOANTRANLIST>"
        "<LOANSTMTTRN><DTPOSTED>20240105<TRNAMT>250.00<FITID>L1<NAME>Instalment</LOANSTMTTRN></LOANTRANLIST></LOANSTMTRS>"
        "</LOANSTMTTRNRS></LOANMSGSRSV1>"
    )
    (statement,) = read(body).statements
    assert (statement.account, statement.label, statement.rows[0].amount) == ("L7", "Loan", Decimal("250.00"))


@pytest.mark.parametrize(("code", "account", "found"), [("RUR", "RUB", "RUB"), ("ANG", "XCG", "XCG"), ("ANG", "ANG", "ANG"), ("TRL", "TRY", "TRL"), ("DEM", "EUR", "DEM")])  # fmt: skip
def test_a_former_code_of_the_same_unit_is_the_accounts_currency(code, account, found):
    data = f"{HEADER}<OFX>{SIGNON}{bank(row(), currency=f'<CURDEF>{code}')}</OFX>".encode()
    parsed = read_statement(data, currency=account)
    assert parsed.statements[0].currency == found
    assert bool(parsed.notes) == (code != found)
