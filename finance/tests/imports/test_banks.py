# ruff: noqa: E501
"""The catalogue of banks: each file is sound, no two are taken for each other, and a statement of its shape reads right."""

import csv
import datetime
import io
from decimal import Decimal

import pytest

from finance.imports.parsers.banks import FOLDER, catalogue, find_bank
from finance.imports.parsers.profile import ENCODINGS
from finance.imports.parsers.reading import Question, read_file
from finance.imports.parsers.statement import RowState
from finance.imports.parsers.words import direction_of, is_pending
from finance.money import known_currencies
from finance.tests.imports.workbooks import Day, xlsx

LAYOUTS = {
    f"{each.country} {each.bank} {each.facts['header'][0]} {len(each.facts['header'])}": each for each in catalogue()
}
COLUMNS = ("date", "value_date", "time", "amount", "flag", "debit", "credit", "fee", "balance", "currency_column", "status", "bank_id", "account")  # fmt: skip
KEYS = {*COLUMNS, "header", "delimiter", "encoding", "date_format", "decimal_mark", "sign", "out", "into", "debit_has_minus", "currency", "pending", "payee", "description"}  # fmt: skip
# A day that only one order makes a date of, and one that fits several.
MOVES = [(datetime.date(2026, 3, 25), "-1234.50"), (datetime.date(2026, 4, 2), "-3.25"), (datetime.date(2026, 4, 5), "2000.00")]  # fmt: skip


def test_there_are_sixty_banks():
    assert len(list(FOLDER.glob("*.toml"))) >= 60
    assert len(LAYOUTS) == len(catalogue())


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_says_all_that_is_needed(name):
    layout, facts = LAYOUTS[name], LAYOUTS[name].facts
    assert layout.source.startswith("https://")
    assert layout.country in layout.told or "(" in layout.told
    assert not set(facts) - KEYS
    named = [facts[key] for key in COLUMNS if key in facts] + [*facts.get("payee", []), *facts.get("description", [])]
    assert {each.removesuffix("#2") for each in named} <= set(facts["header"])
    assert ("amount" in facts) != ("debit" in facts and "credit" in facts)
    assert facts["encoding"] in ENCODINGS
    assert layout.date_order in ("dmy", "mdy", "ymd")
    assert facts.get("currency", "EUR") in known_currencies()
    assert facts.get("payee") or facts.get("description")
    assert [direction_of(facts[key]) for key in ("out", "into") if key in facts] == (["out", "in"] if "flag" in facts else [])  # fmt: skip
    assert all(is_pending(word) for word in facts.get("pending", []))
    # A few everyday words would be found in the files of any bank.
    assert len(layout.names) >= 4


def test_no_layout_is_taken_for_another_banks():
    for layout in catalogue():
        inside = [other.bank for other in catalogue() if other is not layout and other.names <= layout.names]
        assert set(inside) <= {layout.bank}, layout.bank


def statement(layout, moves, *, pending=""):
    """A file as the bank writes it: a line above the header, a balance where it states one."""
    facts = layout.facts
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=facts["delimiter"])
    writer.writerow(["Export"])
    writer.writerow(facts["header"])
    balance = Decimal(5000)
    for number, (day, amount) in enumerate(moves):
        value = Decimal(amount)
        balance += value
        cells = dict.fromkeys(facts["header"], "")
        money = {key: _written(value * sign, facts["decimal_mark"]) for key, sign in _amounts(facts, value).items()}
        cells.update({facts[key]: text for key, text in money.items()})
        dated = [facts[key] for key in ("date", "value_date") if key in facts]
        cells.update(dict.fromkeys(dated, day.strftime(facts["date_format"])))
        if "balance" in facts:
            cells[facts["balance"]] = _written(balance, facts["decimal_mark"])
        if "flag" in facts:
            cells[facts["flag"]] = facts["out" if value < 0 else "into"]
        if "currency_column" in facts:
            cells[facts["currency_column"].removesuffix("#2")] = "EUR"
        for role, text in (("payee", f"Payee {number}"), ("description", f"Text {number}")):
            cells.update({name: f"{text} {place}" for place, name in enumerate(facts.get(role, []))})
        if "account" in facts:
            cells[facts["account"]] = "DE02120300000000202051"
        if pending and number == 0:
            cells[facts["status"]] = pending
        writer.writerow([cells[name] for name in facts["header"]])
    return target.getvalue().encode(facts["encoding"])


def _amounts(facts, value):
    if "amount" in facts:
        return {"amount": -1 if facts.get("sign") == "inverted" or ("flag" in facts and value < 0) else 1}
    if value > 0:
        return {"credit": 1}
    return {"debit": 1 if facts.get("debit_has_minus") else -1}


def _written(value, mark):
    return f"{value:.2f}".replace(".", mark)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_statement_of_the_shape_reads_right(name):
    layout = LAYOUTS[name]
    data = statement(layout, MOVES)
    found, profile = find_bank(data)
    assert (found.bank, found.country) == (layout.bank, layout.country)
    parsed = read_file(data, Question(currency="EUR"))
    assert parsed.notes[0] == f"Read as {layout.told}."
    (read,) = parsed.statements
    assert [(row.date, row.amount, row.problem) for row in read.rows] == [(d, Decimal(a), "") for d, a in MOVES]
    assert all(row.state is RowState.BOOKED for row in read.rows)
    assert all(row.payee.startswith(("Payee", "Text")) for row in read.rows)
    assert read.account == ("DE02120300000000202051" if "account" in layout.facts else "")
    assert profile.header == parsed.profile.header
    if "balance" in layout.facts:
        assert (read.opening, read.closing, read.balance_break) == (5000, Decimal("5762.25"), None)


@pytest.mark.parametrize("name", [name for name in LAYOUTS if "pending" in LAYOUTS[name].facts])
def test_pending_words_keep_a_row_from_being_booked(name):
    layout = LAYOUTS[name]
    for word in layout.facts["pending"]:
        first, *rest = read_file(statement(layout, MOVES, pending=word), Question()).statements[0].rows
        assert (first.state, {row.state for row in rest}) == (RowState.PENDING, {RowState.BOOKED})


def test_a_sheet_with_the_columns_of_a_bank_is_known_as_well():
    layout = next(each for each in catalogue() if each.bank == "Argenta")
    cells = {"Boekdatum": Day(46086), "Bedrag": -125.5, "Munt": "EUR", "Naam tegenpartij": "Shop"}
    sheet = xlsx({"S": [layout.facts["header"], [cells.get(name, "") for name in layout.facts["header"]]]})
    parsed = read_file(sheet, Question(currency="EUR"))
    assert (parsed.format, parsed.notes) == ("xlsx", ("Read as Argenta (Belgium).",))
    (row,) = parsed.statements[0].rows
    assert (row.date, row.amount, row.payee) == (datetime.date(2026, 3, 5), Decimal("-125.5"), "Shop")


def test_a_long_file_is_known_by_its_head_wherever_that_is_cut():
    layout = next(each for each in catalogue() if each.bank == "Oberbank")
    rows = [(datetime.date(2026, 3, 25), "-1.00")] * 1500
    for more in range(3):
        data = (
            statement(layout, rows)
            .decode("cp1252")
            .encode()
            .replace(b"Text 700", b"Text " + b"x" * more + "ü".encode() * 3)
        )
        assert find_bank(data) is not None


def test_the_banks_order_of_dates_decides_where_the_file_leaves_it_open():
    layout = LAYOUTS["US Chase Transaction Date 7"]
    parsed = read_file(statement(layout, [(datetime.date(2026, 2, 3), "-1.00")]), Question(currency="EUR"))
    assert parsed.statements[0].rows[0].date == datetime.date(2026, 2, 3)
    assert parsed.notes == ("Read as Chase (United States).",)


def test_a_file_that_contradicts_its_bank_is_read_by_itself():
    layout = LAYOUTS["US Chase Transaction Date 7"]
    data = statement(layout, [(datetime.date(2026, 2, 25), "-1.00")] * 3).replace(b"02/25/2026", b"25/02/2026")
    parsed = read_file(data, Question(currency="EUR"))
    assert parsed.statements[0].rows[0].date == datetime.date(2026, 2, 25)
    assert parsed.notes[-1].startswith(
        "The columns are those of Chase (United States), but its way of writing does not fit"
    )


def test_balances_win_over_the_catalogue():
    """A file of the bank's columns whose balances only add up with the signs turned round."""
    layout = LAYOUTS["CA Wealthsimple date 5"]
    lines = ["date,transaction,description,amount,balance", "2026-03-01,x,Shop A,10.00,90.00", "2026-03-02,x,Shop B,5.00,85.00", "2026-03-03,x,Pay C,-20.00,105.00"]  # fmt: skip
    parsed = read_file("\n".join(lines).encode(), Question(currency="CAD"))
    assert [row.amount for row in parsed.statements[0].rows] == [-10, -5, 20]
    assert parsed.statements[0].balance_break is None
    assert layout.told in parsed.notes[-1]


def test_what_an_account_was_told_once_wins_over_the_catalogue():
    data = statement(LAYOUTS["US Chase Transaction Date 7"], [(datetime.date(2026, 2, 3), "-1.00")])
    profile = read_file(data, Question()).profile.corrected({"sign": "inverted"})
    parsed = read_file(data, Question(saved={profile.signature: profile.to_dict()}))
    assert parsed.statements[0].rows[0].amount == 1


def test_columns_beyond_those_known_of_a_bank_are_read_as_well():
    """A bank that begins to state the balance must not lose its proof because the catalogue does not know of it."""
    head = "Datum,Empfänger,Kontonummer,Transaktionstyp,Verwendungszweck,Kategorie,Betrag (EUR),Betrag (Fremdwährung),Fremdwährung,Wechselkurs,Kontostand"
    lines = ["2026-03-01,Shop A,,Karte,,Essen,-10.00,,,,90.00", "2026-03-02,Shop B,,Karte,,Reise,-5.00,,,,85.00"]
    parsed = read_file("\n".join([head, *lines]).encode(), Question(currency="EUR"))
    assert parsed.notes[0] == "Read as N26 (Germany)."
    assert [row.balance for row in parsed.statements[0].rows] == [90, 85]
    assert [row.payee for row in parsed.statements[0].rows] == ["Shop A", "Shop B"]
    assert (parsed.statements[0].opening, parsed.statements[0].closing) == (100, 85)
