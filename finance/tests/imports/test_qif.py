# ruff: noqa: E501
"""QIF: styles of dates, splits, transfers, several accounts, and what is not imported."""

from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.recognise import read_statement


def record(date="01/31/2026", amount="-10.00", payee="Shop", more=""):
    return f"D{date}\nT{amount}\nP{payee}\n{more}^\n"


def read(body, *, head="!Type:Bank\n", currency=""):
    return read_statement((head + body).encode(), currency=currency)


def rows(body, **named):
    return read(body, **named).statements[0].rows


def test_a_register_is_read():
    parsed = read(record(more="MMarch rent\nN1042\nLHome:Rent\n"))
    (statement,) = parsed.statements
    assert (parsed.format, statement.label, parsed.notes) == ("qif", "Bank", ())
    (row,) = statement.rows
    assert (row.number, row.date.isoformat(), row.amount, row.payee) == (1, "2026-01-31", Decimal("-10.00"), "Shop")
    assert (row.description, row.note) == ("March rent", "Category in the file: Home:Rent.")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("12/31'26", "2026-12-31"), ("12/31' 6", "2006-12-31"), (" 1/31/98", "1998-01-31"), ("31.01.26", "2026-01-31"),
        ("31/01/2026", "2026-01-31"), ("2026-01-31", "2026-01-31"), ("1-31-2026", "2026-01-31"), ("31 January 2026", "2026-01-31"),
    ],
)  # fmt: skip
def test_styles_of_dates(written, day):
    (row,) = rows(record(written))
    assert (row.date.isoformat(), row.problem) == (day, "")


def test_one_date_decides_for_all():
    assert [row.date.isoformat() for row in rows(record(" 2/ 3'26") + record("2/13'26"))] == [
        "2026-02-03",
        "2026-02-13",
    ]


@pytest.mark.parametrize(("currency", "day"), [("EUR", "2026-03-02"), ("USD", "2026-02-03")])
def test_an_order_that_the_file_leaves_open_is_told(currency, day):
    parsed = read(record("2/3/2026"), currency=currency)
    assert parsed.statements[0].rows[0].date.isoformat() == day
    assert parsed.notes[0].startswith(
        "Every date in this file can be read with the day or with the month first; it is read as"
    )


@pytest.mark.parametrize(
    ("amounts", "values"),
    [(["-1,234.56", "7.5"], ["-1234.56", "7.5"]), (["-1.234,56", "7,5"], ["-1234.56", "7.5"]), (["+3", "1'234.50"], ["3", "1234.50"])],
)  # fmt: skip
def test_decimal_marks_are_decided_over_the_file(amounts, values):
    assert [row.amount for row in rows("".join(record(amount=a) for a in amounts))] == [Decimal(v) for v in values]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (record(amount="abc"), "“abc” is not an amount."),
        (record(amount="9" * 60), f"“{'9' * 40}” is not an amount."),
        (record("13/32/2026"), "“13/32/2026” is not a day of the calendar."),
        ("PNobody\n^\n", "The transaction has no date. The transaction has no amount."),
    ],
)
def test_records_that_cannot_be_read_are_errors(bad, said):
    good, broken = rows(record() + bad)
    assert (good.problem, broken.problem) == ("", said)


def test_splits_and_transfers_are_told_and_the_amount_is_the_whole():
    split = record(amount="-30.00", more="SFood\nEMilk\n$-10.00\nSHousehold\n$-20.00\n")
    first, second = rows(split + record(more="L[Savings]\n"))
    assert (first.amount, first.note) == (-30, "Split in the file: Food -10.00; Household -20.00.")
    assert second.note == "Transfer in the file: Savings."


def test_accounts_of_a_file_become_statements():
    body = (
        "!Option:AutoSwitch\n!Account\nNGiro\nTBank\n^\nNVisa\nTCCard\n^\n!Clear:AutoSwitch\n"
        f"!Account\nNGiro\nTBank\n^\n!Type:Bank\n{record()}!Account\nNVisa\nTCCard\n^\n!Type:CCard\n{record(payee='Inn')}"
        f"!Account\nNGiro\nTBank\n^\n!Type:Bank\n{record(payee='Again')}"
    )
    found = read(body, head="").statements
    assert [(s.account, s.label, [r.payee for r in s.rows]) for s in found] == [
        ("Giro", "Bank", ["Shop", "Again"]),
        ("Visa", "Credit card", ["Inn"]),
    ]


def test_investments_and_lists_are_told_as_left_out():
    parsed = read(record() + "!Type:Cat\nNFood\nE\n^\n!Account\nNDepot\n^\n!Type:Invst\nD1/1'26\nNBuy\nYACME\n^\n")
    assert len(parsed.statements[0].rows) == 1
    assert parsed.notes == ("1 categories in the file are not imported.", "1 investment transactions of Depot in the file are not imported.")  # fmt: skip


def test_a_file_without_registers_says_what_it_holds():
    with pytest.raises(StatementUnreadable, match="holds categories and no transactions"):
        read("NFood\nE\n^\n", head="!Type:Cat\n")


def test_the_opening_balance_of_a_register_is_none_of_its_transactions():
    parsed = read(record(amount="100.00", payee="Opening Balance", more="L[Giro]\n") + record())
    (statement,) = parsed.statements
    assert (statement.account, statement.opening, len(statement.rows)) == ("Giro", 100, 1)
    assert "begins with an opening balance of 100.00" in parsed.notes[0]


def test_the_last_record_may_lack_its_end():
    assert len(rows(record() + "D02/01/2026\nT-1\nPCafé")) == 2
