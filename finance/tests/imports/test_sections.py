"""Two accounts below one another in one CSV file, and pages of one account that look like it."""

import pytest

from finance.imports.models import ImportStatement
from finance.imports.parsers import sections
from finance.imports.parsers.recognise import read_statement
from finance.imports.parsers.running import balances_fit
from finance.imports.parsers.words import account_in_title

HEAD = "Date,Payee,Amount,Balance\n"
ONE = "2026-03-01,Shop,-5.00,95.00\n2026-03-02,Shop,-6.00,89.00\n2026-03-03,Pay,10.00,99.00\n"
OTHER = "2026-03-01,Rent,-50.00,950.00\n2026-03-02,Rent,-60.00,890.00\n2026-03-04,Pay,10.00,900.00\n"


def read(text):
    return read_statement(text.encode(), currency="EUR")


def shape(parsed):
    return [(statement.account, [row.number for row in statement.rows]) for statement in parsed.statements]


def test_a_title_above_each_part_names_its_account():
    parsed = read(f"Account: Giro 111\n{HEAD}{ONE}\nAccount: Giro 222\n{HEAD}{OTHER}")
    assert shape(parsed) == [("Giro 111", [3, 4, 5]), ("Giro 222", [9, 10, 11])]
    assert [statement.closing for statement in parsed.statements] == [99, 900]
    assert any("2 accounts" in note for note in parsed.notes)
    assert {row.note for row in parsed.left_out} >= {"It names an account.", "It repeats the column names."}


def test_an_iban_between_the_rows_is_enough():
    parsed = read(f"DE02 1203 0000 0000 2020 51\n{HEAD}{ONE}Konto,DE75512108001245126199\n{OTHER}")
    assert shape(parsed) == [("DE02120300000000202051", [3, 4, 5]), ("DE75512108001245126199", [7, 8, 9])]


def test_balances_tell_parts_under_repeated_names_apart():
    parsed = read(f"{HEAD}{ONE}{HEAD}{OTHER}")
    assert shape(parsed) == [("", [2, 3, 4]), ("", [6, 7, 8])]


@pytest.mark.parametrize("title", ["", "Account: Giro 111\n"])
def test_pages_of_one_account_stay_one(title):
    more = "2026-03-05,Shop,-9.00,90.00\n2026-03-06,Shop,-1.00,89.00\n"
    parsed = read(f"{title}{HEAD}{ONE}{title}{HEAD}{more}")
    assert [len(statement.rows) for statement in parsed.statements] == [5]
    assert not any("another account" in note for note in parsed.notes)


def test_without_titles_and_balances_the_doubt_is_told():
    head, one = "Date,Payee,Amount\n", "2026-03-01,Shop,-5.00\n2026-03-02,Shop,-6.00\n"
    parsed = read(f"{head}{one}{head}{one}")
    assert len(parsed.statements) == 1
    assert any("may be of another account" in note for note in parsed.notes)


def test_column_names_at_the_end_begin_nothing():
    parsed = read(f"{HEAD}{ONE}{HEAD}")
    assert shape(parsed) == [("", [2, 3, 4])]
    assert not any("accounts below" in note or "another account" in note for note in parsed.notes)


@pytest.mark.parametrize("line", ["2026-03-01,Shop,-5.00,", "2026-03-01,Shop,-5.00,7.00"])
def test_many_pages_are_added_up_once_and_told_in_one_note(line, monkeypatch):
    added = []

    def counted(rows):
        added.append(len(rows))
        return balances_fit(rows)

    monkeypatch.setattr(sections, "balances_fit", counted)
    parsed = read(f"{HEAD}{line}\n{line}\n" * 40)
    assert [len(statement.rows) for statement in parsed.statements] == [80]
    (note,) = (note for note in parsed.notes if "another account" in note)
    assert "in line 4, 7, 10, and 36 more:" in note
    assert sum(added) <= 80


def test_the_second_account_is_asked_for(stage, accounts):
    batch = stage(f"Account: Giro 111\n{HEAD}{ONE}Account: Giro 222\n{HEAD}{OTHER}")
    found = ImportStatement.objects.filter(batch=batch).order_by("position")
    assert [(each.external_account, each.account) for each in found] == [
        ("Giro 111", accounts.checking), ("Giro 222", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "account"),
    [("Account: Savings", "Savings"), ("Konto Nr. 123456", "123456"), ("Compte n° 77-1", "77-1"), ("Accounting", ""),
     ("Account holder: Olga", ""), ("Card payments", ""),
     ("Kontoauszug März", ""), ("Total", ""), ("x" * 200, ""), ("IBAN DE02 1203 0000 0000 2020 51", "DE02120300000000202051")],
)  # fmt: skip
def test_titles(text, account):
    assert account_in_title(text) == account


class TestEncodings:
    def notes(self, text, page):
        return [note for note in read_statement(text.encode(page), currency="EUR").notes if "two ways" in note]

    def test_one_letter_that_two_pages_explain_is_told(self):
        (note,) = self.notes(f"{HEAD}2026-03-01,Hauptstraße,-5.00,95.00\n", "cp850")
        assert "Hauptstraáe (cp1252, as here) or Hauptstraße (cp850)" in note

    def test_several_letters_decide(self):
        text = f"{HEAD}2026-03-01,Bäckerei Müller Größe,-5.00,95.00\n"
        parsed = read_statement(text.encode("cp850"), currency="EUR")
        assert parsed.statements[0].rows[0].payee == "Bäckerei Müller Größe"
        assert not self.notes(text, "cp1252")
        assert not self.notes(text, "utf-8")
