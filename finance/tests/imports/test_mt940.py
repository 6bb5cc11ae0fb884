# ruff: noqa: E501
"""MT940 and MT942: the standard, and what banks make of it."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.recognise import read_statement

HEAD = ":20:STARTUMS\r\n:25:12345678/0012345678\r\n:28C:00001/001\r\n"


def message(*rows, opening="C260301EUR100,00", closing="C260331EUR90,00", head=HEAD, end="-"):
    first = f":60F:{opening}\r\n" if opening else ""
    last = f":62F:{closing}\r\n" if closing else ""
    return f"{head}{first}{''.join(rows)}{last}{end}\r\n"


def line(field="2603050305D10,00NTRFNONREF//B1", details="166?00UEBERWEISUNG?20SVWZ+Invoice 1?32Shop"):
    return f":61:{field}\r\n" + (f":86:{details}\r\n" if details else "")


def read(*messages, encoding="utf-8"):
    return read_statement("".join(messages).encode(encoding))


def rows(*lines):
    return read(message(*lines)).statements[0].rows


def row(**named):
    return rows(line(**named))[0]


def test_a_statement_has_its_account_balances_and_rows():
    parsed = read(message(line()))
    (statement,) = parsed.statements
    assert (parsed.format, statement.account, statement.currency) == ("mt940", "12345678/0012345678", "EUR")
    assert (statement.opening, statement.closing) == (Decimal("100.00"), Decimal("90.00"))
    assert statement.closing_on == datetime.date(2026, 3, 31)
    (found,) = statement.rows
    assert (found.number, found.date, found.amount) == (1, datetime.date(2026, 3, 5), Decimal("-10.00"))
    assert (found.payee, found.description, found.bank_id) == ("Shop", "Invoice 1", "B1")


@pytest.mark.parametrize(
    ("mark", "amount", "state"),
    [("C", 10, "booked"), ("D", -10, "booked"), ("RC", -10, "booked"), ("RD", 10, "booked"), ("EC", 10, "pending"), ("ED", -10, "pending")],
)  # fmt: skip
@pytest.mark.parametrize("funds", ["", "R"])
def test_marks_tell_the_direction_and_what_is_taken_back(mark, funds, amount, state):
    found = row(field=f"2603050305{mark}{funds}10,00NTRFNONREF")
    assert (found.amount, found.state) == (amount, state)
    assert ("reversal" in found.note) == mark.startswith("R")


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("2601020102", "2026-01-02"), ("2512311231", "2025-12-31"), ("2512310102", "2026-01-02"), ("2601021231", "2025-12-31"),
        ("260305", "2026-03-05"), ("260305    ", "2026-03-05"), ("9912310101", "2000-01-01"), ("2602300301", "2026-03-01"),
    ],
)  # fmt: skip
def test_the_entry_date_is_of_the_year_nearest_to_the_value_date(field, day):
    assert row(field=f"{field}C1,00NMSC").date.isoformat() == day


def test_a_day_that_is_none_is_an_error():
    assert row(field="2613450000C1,00NMSC").problem == "“2613450000” is not a day of the calendar."


def test_a_row_that_cannot_be_read_is_an_error_and_the_others_stay():
    good, bad = rows(line(), line(field="what is this"))
    assert (good.problem, bad.problem) == ("", "“what is this” is not a row of a statement (field 61).")


@pytest.mark.parametrize("figure", ["1234567890123456789,00", "NaN", ",50", "1e5"])
def test_amounts_that_are_none_are_errors_or_what_is_written(figure):
    found = row(field=f"2603050305C{figure}NTRF")
    assert bool(found.problem) or found.amount == 1


def test_pages_of_a_statement_become_one():
    first = message(line(), opening="C260301EUR100,00", closing="").replace("-\r\n", ":62M:C260315EUR90,00\r\n-\r\n")
    last = f"{HEAD}:60M:C260315EUR90,00\r\n{line(field='2603200320D5,00NTRFNONREF//B2')}:62F:C260331EUR85,00\r\n-\r\n"
    parsed = read(first, last)
    (statement,) = parsed.statements
    assert (statement.opening, statement.closing, len(statement.rows), parsed.notes) == (100, 85, 2, ())


def test_leading_zeros_of_a_balance_do_not_hide_it():
    (statement,) = read(message(line(), opening="C260301EUR0000000000000100,00")).statements
    assert statement.opening == 100


def test_accounts_of_a_file_stay_apart():
    other = message(line(), head=HEAD.replace("0012345678", "99"))
    assert [each.account for each in read(message(line()), other).statements] == ["12345678/0012345678", "12345678/99"]


def test_more_than_a_hundred_daily_statements_of_one_account_are_read():
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(days=n) for n in range(150)]
    each = [
        message(line(f"{d:%y%m%d%m%d}D1,00NMSC//N{n:06}"), opening=f"C{d:%y%m%d}EUR{200 - n},00", closing=f"C{d:%y%m%d}EUR{199 - n},00")
        for n, d in enumerate(days)
    ]  # fmt: skip
    (statement,) = read(*each).statements
    assert (statement.opening, statement.closing, len(statement.rows)) == (200, 50, 150)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: "{1:F01INGBNL2ABXXX0000000000}{2:I940INGBNL2AXXXN}{4:\r\n" + text.replace("-\r\n", "-}{5:}\r\n"),
        lambda text: "ABNANL2A\r\n940\r\nABNANL2A\r\n" + text,
        lambda text: ":940:\r\n" + text,
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.removesuffix("-\r\n"),
        lambda text: "\r\n" + text + "\r\n\r\n",
    ],
    ids=["swift", "abn", "rabobank", "unix", "no end", "blank lines"],
)
def test_what_stands_around_a_message_is_no_part_of_it(wrap):
    (statement,) = read_statement((wrap(message(line())) * 2).encode()).statements
    assert {(each.payee, each.amount) for each in statement.rows} == {("Shop", -10)}
    assert statement.closing == 90


DETAILS = {
    "german": ("166?00GUTSCHRIFT?109310?20EREF+A-1?21SVWZ+Rent March?30BANKDEFF?31DE02?32Ann Exa\r\nmple?33 and Bob", ("Ann Example and Bob", "Rent March")),
    "cut after 27": ("105?20SVWZ+1234567890123456789012?21345 and more?32X", ("X", "1234567890123456789012345 and more")),
    "ultimate": ("105?20ABWE+Music shop?21SVWZ+Song?32PayPal", ("Music shop", "Song")),
    "question mark": ("105?20SVWZ+Why? Because?32X", ("X", "Why? Because")),
    "abn": ("/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/BIC/ABNANL2A/NAME/J. JANSEN/REMI/FACTUUR\r\n 12/EREF/NOTPROVIDED", ("J. JANSEN", "FACTUUR 12")),
    "ing": ("/EREF/E1//CNTP/NL02INGB0001/INGBNL2A/ING Test/AMSTERDAM///REMI/USTD//text of it/", ("ING Test", "text of it")),
    "rabobank": ("/ORDP//NAME/Stichting X/REMI/Gift/ISDT/2026-03-05", ("Stichting X", "Gift")),
    "mbank": ("911 PRZELEW; Z RACH.: 12; OD: JAN NOWAK  \r\nUL. X; TYT.: FAKTURA 7; TNR: 1", ("JAN NOWAK UL. X", "FAKTURA 7")),
    "pko": ("020~00C020~20FAKTURA 7~21 MARZEC~32JAN NOWAK~33WARSZAWA", ("JAN NOWAK WARSZAWA", "FAKTURA 7 MARZEC")),
    "plain": ("BEA   NR:XX1234   05.03.26/10.00 SHOP,PAS123", ("BEA NR:XX1234 05.03.26/10.00 SHOP,PAS123", "")),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DETAILS)
def test_payee_and_text_are_read_from_the_dialects_of_field_86(dialect):
    details, expected = DETAILS[dialect]
    found = row(details=details)
    assert (found.payee, found.description) == expected


def test_text_below_field_61_names_the_payee_where_field_86_names_nobody():
    found = row(field="2603050305D10,00NTRFNONREF\r\nhr Jansen", details="Payment of rent")
    assert (found.payee, found.description) == ("hr Jansen", "Payment of rent")


def test_hungarian_fields_ns_name_the_other_party():
    found = rows(line(details="") + ":NS:01526715\r\n09Insurance\r\n15ERGO Biztosito\r\n16Zrt.\r\n")[0]
    assert (found.payee, found.description) == ("ERGO Biztosito Zrt.", "Insurance")


def test_details_of_the_statement_are_not_those_of_its_last_row():
    text = message(line()).replace("-\r\n", ":86:SUMMARY OF THE MONTH\r\n-\r\n")
    assert read(text).statements[0].rows[0].payee == "Shop"


def test_rows_of_a_report_within_the_day_are_pending():
    text = f":20:X\r\n:25:DE02\r\n:28C:1\r\n:34F:EUR0,\r\n:13D:2603051200+0100\r\n{line()}:90D:1EUR10,00\r\n-\r\n"
    (found,) = read(text).statements[0].rows
    assert (found.state, found.amount) == ("pending", -10)


def test_the_break_within_a_row_that_some_banks_write_is_mended():
    found = row(field="2603050305CR\r\n30,00N062NONREF", details="")
    assert found.amount == 30


def test_a_balance_that_follows_with_a_gap_is_told():
    later = message(line(field="2604050405D1,00NTRF"), opening="C260401EUR50,00", closing="C260430EUR49,00")
    assert "ends with 90.00 and the next one" in read(message(line()), later).notes[0]


def test_code_pages_are_decoded():
    assert read(message(line(details="166?20SVWZ+Grüße?32Bäckerei Müller")), encoding="cp1252").statements[0].rows[0].payee == "Bäckerei Müller"  # fmt: skip


def test_a_message_without_rows_and_balances_is_refused():
    with pytest.raises(StatementUnreadable, match="MT940"):
        read(HEAD)


@pytest.mark.parametrize(
    "details",
    [
        "166?00GUTSCHRIFT?20SVWZ+Rent?30SOLADEST600?31DE75512108001245126199?32Ann Example",
        "166?00GUTSCHRIFT?20SVWZ+Rent?21IBAN+DE75512108001245126199?22BIC+SOLADEST600?32Ann Example",
        "/TRTP/SEPA/IBAN/DE75512108001245126199/BIC/SOLADEST600/NAME/Ann Example/REMI/Rent",
        "/TRTP/SEPA/CNTP/DE75512108001245126199/SOLADEST600/Ann Example///REMI/USTD//Rent/",
    ],
)
def test_account_and_bank_of_the_other_side_are_kept(details):
    found = row(details=details)
    assert (found.counterparty_account, found.counterparty_bank) == ("DE75512108001245126199", "SOLADEST600")
