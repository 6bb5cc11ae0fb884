"""What single cells, lines and columns of CSV files mean."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers.amounts import infer_decimal_mark, signed_value, take_apart
from finance.imports.parsers.csv import detect, read_csv
from finance.imports.parsers.date_order import resolve_order
from finance.imports.parsers.dates import parse_date
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.recognise import read_statement


def only(text, **hints):
    (statement,) = read_csv(text.encode(), **hints).statements
    return statement


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2019-04-19", "dmy", "2019-04-19"),
        ("2019.04.19.", "ymd", "2019-04-19"),
        ("2019. 04. 19.", "ymd", "2019-04-19"),
        ("10 Feb 18", "dmy", "2018-02-10"),
        ("12-Dec-2019", "dmy", "2019-12-12"),
        ("Dec 12, 2019", "dmy", "2019-12-12"),
        ("5. März 2021", "dmy", "2021-03-05"),
        ("1er", "dmy", None),
        ("20200131", "ymd", "2020-01-31"),
        ("31012020", "dmy", "2020-01-31"),
        ("01/02/20", "dmy", "2020-02-01"),
        ("01/02/20", "mdy", "2020-01-02"),
        ("1 02 2020", "dmy", "2020-02-01"),
        ("2020-01-31T23:59:59Z", "ymd", "2020-01-31"),
        ("2020-01-31 23:59:59.123+02:00", "ymd", "2020-01-31"),
        ("31/01/2020 11:05 PM", "dmy", "2020-01-31"),
        ("Fri, 31 Jan 2020", "dmy", "2020-01-31"),
        ("30.02.2020", "dmy", None),
        ("Pending", "dmy", None),
        ("", "dmy", None),
    ],
)
def test_dates_are_read_as_written(text, order, day):
    if day is None:
        with pytest.raises(ValueError, match="is not a d"):
            parse_date(text, order)
    else:
        assert parse_date(text, order) == datetime.date.fromisoformat(day)


@pytest.mark.parametrize(
    ("cells", "order", "ambiguous"),
    [
        (["01/02/2020", "13/02/2020"], "dmy", False),
        (["01/02/2020", "02/13/2020"], "mdy", False),
        (["2020/02/01"], "ymd", False),
        (["01.02.2020", "03.02.2020"], "dmy", False),
        (["01/02/2020", "02/02/2020"], "dmy", True),
        (["01/02/20", "01/05/20", "01/09/20", "02/01/20"], "mdy", True),
        (["05/05/2020"], "dmy", False),
        (["19-12-31", "20-01-01"], "ymd", False),
    ],
)
def test_the_whole_column_decides_between_day_and_month(cells, order, ambiguous):
    found = resolve_order(cells)
    assert (found.order, bool(found.note)) == (order, ambiguous)


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("1 234,56 zł", ",", "1234.56"),
        ("1\u00a0234,56", ",", "1234.56"),
        ("1'234.50", ".", "1234.50"),
        ("1,23,456.78", ".", "123456.78"),
        ("-12,34-", ",", "-12.34"),
        ("12,34-", ",", "-12.34"),
        ("(12.34)", ".", "-12.34"),
        ("£67.40", ".", "67.40"),
        ("+ £1,100.00", ".", "1100.00"),
        ("- $5.00", ".", "-5.00"),
        ("−5,00 €", ",", "-5.00"),
        ("EUR -5,00", ",", "-5.00"),
        ("12.34 DR", ".", "-12.34"),
        ("12.34 CR", ".", "12.34"),
        ("$1,000", ".", "1000"),
        (".50", ".", "0.50"),
        ("18.09.2017", ",", None),
        ("0,0625 % p.a.", ",", None),
        ("1.23.4", ".", None),
        ("abc", ".", None),
        ("", ".", None),
    ],
)
def test_amounts_are_read_exactly(text, mark, value):
    assert signed_value(text, mark) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("cells", "places", "mark"),
    [
        (["1.234,56", "7"], 2, ","),
        (["1,234", "5.00"], 2, "."),
        (["1.234", "2.500"], 2, ","),
        (["1.234", "2.500"], 3, "."),
        (["12345.678"], 2, "."),
        (["0.500"], 2, "."),
        (["100", "200"], 2, "."),
    ],
)
def test_the_column_decides_on_the_decimal_mark(cells, places, mark):
    assert infer_decimal_mark([take_apart(cell).core for cell in cells], places=places) == mark


def test_a_day_that_does_not_exist_is_an_error_with_its_line_number():
    statement = only("Date;Text;Amount\n28.02.2020;a;-1,00\n30.02.2020;b;-2,00\n")
    good, bad = statement.rows
    assert (good.number, good.problem) == (2, "")
    assert bad.number == 3
    assert bad.date is None
    assert "30.02.2020" in bad.problem


def test_an_unreadable_amount_is_an_error_and_the_other_rows_stay():
    statement = only(
        "Date,Text,Amount\n2020-01-01,a,-1.00\n2020-01-02,b,n/a\n2020-01-03,c,-3.00\n2020-01-04,c,-3.00\n2020-01-05,c,-3\n"
    )
    assert [row.problem for row in statement.rows] == ["", "“n/a” is not an amount.", "", "", ""]


def test_pending_rows_are_kept_apart_and_carry_no_problem():
    statement = only("Date,Description,Amount\nPending,Shop,-4.00\n12-Dec-2019,Shop,-4.00\n")
    assert [(row.state, row.problem) for row in statement.rows] == [("pending", ""), ("booked", "")]
    assert "not booked yet" in statement.rows[0].note


def test_a_broken_line_between_rows_is_an_error_and_small_print_at_the_end_is_not():
    statement = only("01.01.2020;a;-1,00\nA line without;meaning;\n02.01.2020;b;-2,00\nThank you for banking with us\n")
    assert [row.number for row in statement.rows] == [1, 2, 3]
    assert "neither a date nor an amount" in statement.rows[1].problem


def test_ambiguous_dates_are_reported():
    detection = detect(b"Date,Description,Amount\n01/02/2020,a,-1.00\n03/02/2020,b,-2.00\n", currency="EUR")
    assert detection.profile.date_order == "dmy"
    assert any("day or with the month first" in note for note in detection.notes)
    assert (
        detect(b"Date,Description,Amount\n01/02/2020,a,-1.00\n03/02/2020,b,-2.00\n", currency="USD").profile.date_order
        == "mdy"
    )


def test_a_break_in_the_balance_column_names_the_first_row():
    statement = only(
        "Date,Text,Amount,Balance\n2020-01-01,a,-1.00,99.00\n2020-01-02,b,-2.00,97.00\n2020-01-03,c,-3.00,90.00\n2020-01-04,d,-1.00,89.00\n"
    )
    assert statement.opening == Decimal("100.00")
    assert statement.closing == Decimal("89.00")
    assert statement.balance_break == 4


def test_a_balance_that_is_the_same_on_every_row_is_not_a_running_balance():
    found = read_csv(
        b"dateOp;label;amount;accountbalance\n2020-01-01;a;-1,00;50,00\n2020-01-02;b;-2,00;50,00\n2020-01-03;c;-3,00;50,00\n2020-01-04;c;-3,00;50,00\n"
    )
    assert found.statements[0].closing is None
    assert any("not used" in note for note in found.notes)


def test_a_card_account_takes_plain_charges_as_money_out():
    text = "Date,Description,Amount\n2021-05-21,BOOKS,12.99\n2021-05-20,TRAIN,45.10\n"
    assert [row.amount for row in only(text, card=True).rows] == [Decimal("-12.99"), Decimal("-45.10")]
    assert [row.amount for row in only(text).rows] == [Decimal("12.99"), Decimal("45.10")]


def test_rows_of_several_accounts_and_currencies_become_statements():
    found = read_csv(
        b'"IBAN/BBAN","Munt","Volgnr","Datum","Bedrag","Saldo na trn","Naam tegenpartij","Omschrijving-1"\n'
        b'"NL44RABO0123456789","EUR","0000000001","2021-06-01","-1,00","9,00","A","x"\n'
        b'"NL55RABO0987654321","EUR","0000000001","2021-06-01","-2,00","8,00","B","y"\n'
        b'"NL44RABO0123456789","EUR","0000000002","2021-06-02","-3,00","6,00","C","z"\n'
        b'"NL55RABO0987654321","EUR","0000000002","2021-06-02","-3,00","5,00","C","z"\n'
    )
    assert [(s.account, len(s.rows), s.closing) for s in found.statements] == [
        ("NL44RABO0123456789", 2, Decimal("6.00")),
        ("NL55RABO0987654321", 2, Decimal("5.00")),
    ]


def test_a_corrected_profile_reads_the_same_file_another_way():
    data = b"Date,Description,Amount\n01/02/2020,a,1.00\n03/02/2020,b,2.00\n"
    profile = detect(data).profile.corrected({"date_order": "mdy", "sign": "inverted"})
    (statement,) = read_csv(data, profile=profile).statements
    assert [(row.date, row.amount) for row in statement.rows] == [
        (datetime.date(2020, 1, 2), Decimal("-1.00")),
        (datetime.date(2020, 3, 2), Decimal("-2.00")),
    ]
    assert CsvProfile.from_dict(profile.to_dict()) == profile


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"date_column": "x"}, "date_column"),
        ({"date_column": -1}, "date_column"),
        ({"amount_column": None}, "amount_column"),
        ({"delimiter": "!"}, "delimiter"),
        ({"nonsense": 1}, "nonsense"),
        ({"payee_columns": 3}, "payee_columns"),
        ({"quoted": "yes"}, "quoted"),
        ({"sign": 5}, "sign"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_by_field(changes, field):
    with pytest.raises(Invalid) as caught:
        CsvProfile(amount_column=2).corrected(changes)
    assert field in caught.value.fields


def test_a_profile_made_for_another_header_is_refused():
    with pytest.raises(StatementUnreadable, match="header"):
        read_csv(b"Date,Text,Amount\n2020-01-01,a,1\n", profile=CsvProfile(header=("A", "B", "C"), amount_column=2))


def test_an_unmatched_quote_does_not_swallow_the_file():
    lines = (
        ['2020-01-01,"a 27 screen,-1.00']
        + [f"2020-01-{day:02},b,-2.00" for day in range(2, 29)]
        + [f"2020-02-{day:02},b,-2.00" for day in range(1, 20)]
    )
    assert len(only("Date,Text,Amount\n" + "\n".join(lines)).rows) == 47


def test_double_encoded_letters_are_mended():
    text, encoding = decode("Date;Empfänger;Größe\n".encode().decode("cp1252").encode())
    assert "Empfänger" in text
    assert encoding == "utf-8"


def test_a_stray_byte_does_not_change_the_encoding():
    text, encoding = decode("Überweisung Müller Straße größer für Köln".encode() + b"\xfc")
    assert encoding == "utf-8"
    assert text.startswith("Überweisung")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.4 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0........", "Excel"),
        (b"PK\x03\x04......", "ZIP"),
        (b":20:STARTUMSE\n:25:10020030/1234567\n:28C:00027/001\n", "MT940"),
        (b'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">', "breaks off"),
        (b"<html><body>Please log in</body></html>", "web page"),
        (b"!Type:Bank\nD01/02/2020\n", "QIF"),
        (b'{"a": 1}', "JSON"),
        (b"hello world, this is a letter\nwith two lines\n", "no column of dates"),
        (b"Date,Description,Amount\n", "no transactions"),
        (b"Date,Description\n2020-01-01,abc\n", "no column of amounts"),
        (b"Date,Text,Amount\n31.02.2020,a,1.00\n30.02.2020,a,1.00\n", "None of the 2 rows"),
    ],
)
def test_what_cannot_be_read_is_refused_in_plain_words(data, words):
    with pytest.raises(StatementUnreadable) as caught:
        read_statement(data)
    assert words in caught.value.detail
