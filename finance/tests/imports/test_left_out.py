"""Lines that are no transactions: listed with the reason, and taken in where somebody knows better."""

import datetime

import pytest
from django.test import Client

from finance.errors import Invalid
from finance.imports.models import ImportRow
from finance.imports.parsers.csv import read_csv
from finance.imports.proof import proof_of
from finance.imports.selectors import counts_of, rows_page, statements_of
from finance.imports.services import decide_rows
from finance.ledger.models import JournalEntry

FILE = """Statement of account 4711
Date,Payee,Amount,Balance
2026-03-01,Opening balance,100.00,100.00
2026-03-02,Kiosk,-4.00,96.00
Date,Payee,Amount,Balance
2026-03-03,Bar,-6.00,90.00
Subject to the terms of the bank.
"""


@pytest.fixture
def lines():
    def run(batch):
        found = ImportRow.objects.filter(batch=batch).exclude(left_out="").order_by("number")
        return {row.number: row for row in found}

    return run


@pytest.fixture
def decide(owner):
    return lambda batch, row, decision: decide_rows(batch=batch, actor=owner, row_ids=[row.pk], decision=decision)


def test_each_line_of_the_file_is_a_row_or_has_a_reason(stage, lines):
    batch = stage(FILE)
    assert {number: row.reason for number, row in lines(batch).items()} == {
        1: "It stands above the column names.",
        3: "It reads like a balance or a sum, not like a transaction.",
        5: "It repeats the column names.",
        7: "It is a line of text, with neither a date nor an amount.",
    }
    counts = counts_of(batch=batch)
    assert (counts.total, counts.left_out, counts.to_post, batch.rows_total) == (2, 4, 2, 2)
    (statement,) = statements_of(batch=batch)
    proof = proof_of(statement)
    assert (proof.rows_count, proof.left_out, proof.left_out_readable) == (2, 4, 1)
    assert "1 of them has a date and an amount" in proof.left_out_told


def test_a_line_with_date_and_amount_is_taken_in_and_put_back(stage, lines, decide, confirm):
    batch = stage(FILE)
    line = lines(batch)[3]
    assert (line.date, line.amount, line.booked, line.plan) == (datetime.date(2026, 3, 1), 10000, False, "")
    decide(batch, line, "post")
    taken = lines(batch)[3]
    assert (taken.fate, taken.plan, taken.booked) == ("new", "post", True)
    assert counts_of(batch=batch).to_post == 3
    decide(batch, line, "leave")
    back = lines(batch)[3]
    assert (back.fate, back.plan, back.booked, back.reason) == ("left_out", "", False, line.reason)
    decide(batch, line, "post")
    confirm(batch)
    assert JournalEntry.objects.filter(payee="Opening balance").exists()


def test_a_line_left_out_is_never_posted(stage, confirm, lines):
    batch = stage(FILE)
    confirm(batch)
    assert not JournalEntry.objects.filter(payee="Opening balance").exists()
    assert {row.outcome for row in lines(batch).values()} == {"left"}


def test_a_line_taken_in_twice_is_known_the_second_time(stage, confirm, lines, decide):
    first = stage(FILE)
    decide(first, lines(first)[3], "post")
    confirm(first)
    second = stage(FILE)
    decide(second, lines(second)[3], "post")
    line = lines(second)[3]
    assert (line.fate, line.plan) == ("already_imported", "")


def test_a_line_without_date_or_amount_cannot_be_taken_in(stage, lines, decide):
    batch = stage(FILE)
    with pytest.raises(Invalid, match="Line 7 cannot be taken in"):
        decide(batch, lines(batch)[7], "post")


def test_lists_show_such_lines_last_or_alone(stage):
    batch = stage(FILE)
    assert [row.fate for row in rows_page(batch=batch).rows] == ["new"] * 2 + ["left_out"] * 4
    assert len(rows_page(batch=batch, left_out=False).rows) == 2
    assert len(rows_page(batch=batch, fate="left_out").rows) == 4


def test_the_page_shows_them_apart_and_takes_one_in(stage, book, owner, lines):
    batch = stage(FILE)
    client = Client()
    client.force_login(owner)
    url = f"/b/{book.pk}/imports/{batch.pk}/"
    page = " ".join(client.get(url).content.decode().split())
    assert "4 lines of the file that are no transactions" in page
    assert "Not a transaction 4" in page
    assert ">take in<" in page
    line = lines(batch)[3]
    answer = client.post(f"{url}rows/{line.pk}/", {"decision": "post", "category": ""}, headers={"HX-Request": "true"})
    assert ">not a transaction<" in answer.content.decode()
    assert lines(batch)[3].fate == "new"


BALANCES = """Opening balance|Saldovortrag|Übertrag|Solde reporté|Ancien solde|Saldo anterior|Saldo precedente|Vorig saldo
Saldo początkowe|Počáteční zůstatek|Pociatočný zostatok|Nyitó egyenleg|Sold inițial|Početno stanje|Začetno stanje|Ingående saldo
Saldo primo|Alkusaldo|Algjääk|Sākuma atlikums|Likutis pradžioje|Devreden bakiye|Входящий остаток|Вхідний залишок|Начално салдо
Αρχικό υπόλοιπο|前月繰越|이월잔액|期初余额|Closing balance|Endbestand|Nouveau solde|Nuevo saldo|Eindsaldo|Saldo końcowe|Konečný zůstatek
Záró egyenleg|Završno stanje|Saldo ultimo|Lõppjääk|Beigu atlikums|Likutis pabaigoje|Исходящий остаток|Τελικό υπόλοιπο|次月繰越|期末余额"""


@pytest.mark.parametrize("words", BALANCES.replace("\n", "|").split("|"))
def test_balances_by_name_in_many_languages(words):
    text = f"Date;Text;Amount\n2026-03-01;{words};100,00\n2026-03-02;Kiosk;-4,00\n2026-03-03;Bar;-6,00\n"
    parsed = read_csv(text.encode())
    assert [(row.number, row.amount) for row in parsed.left_out] == [(2, 100)]
    assert [row.payee for row in parsed.statements[0].rows] == ["Kiosk", "Bar"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2026-03-02;Xyz;;90.00", "It states a balance and moves nothing."),
        ("Card 1234;;;", "It is a line of text, with neither a date nor an amount."),
        ("******;**;**;**", "It holds no words and no figures."),
        ("2026-03-02;Total;-4.00;", ""),
        ("2026-03-03;Total;-10.00;", "It reads like a balance or a sum, not like a transaction."),
    ],
)
def test_lines_that_move_nothing(line, why):
    text = f"Date;Text;Amount;Balance\n2026-03-01;Kiosk;-4.00;96.00\n2026-03-02;Bar;-6.00;90.00\n{line}\n2026-03-03;Shop;-1.00;89.00\n"
    parsed = read_csv(text.encode())
    assert [row.note for row in parsed.left_out] == ([why] if why else [])
    assert not any(row.problem for row in parsed.statements[0].rows)


def test_names_of_columns_that_come_again_are_told():
    parsed = read_csv(b"Date,Text,Amount\n2026-03-01,a,-1.00\nSavings,,\nDate,Text,Amount\n2026-03-02,b,-2.00\n")
    assert any("come again in line 4" in note for note in parsed.notes)


@pytest.mark.parametrize("turned", [False, True])
def test_a_row_without_an_amount_is_an_error_where_its_balance_moved(turned):
    lines = [
        "2026-03-01;Xyz;;100.00",
        "2026-03-02;Kiosk;-4.00;96.00",
        "2026-03-03;Shop;-6.00;90.00",
        "2026-03-04;Wages;;1090.00",
    ]
    text = "\n".join(["Date;Text;Amount;Balance", *(lines[::-1] if turned else lines)])
    parsed = read_csv(text.encode())
    assert [(row.payee, row.balance) for row in parsed.left_out] == [("Xyz", 100)]
    (broken,) = [row for row in parsed.statements[0].rows if row.problem]
    assert (broken.payee, broken.problem) == ("Wages", "The row has no amount.")


@pytest.mark.parametrize(
    ("pending", "booked"),
    [
        ("Pending transactions", "Posted transactions"),
        ("Vorgemerkte Umsätze", "Gebuchte Umsätze"),
        ("Opérations en attente", "Opérations comptabilisées"),
        ("Movimientos pendientes", "Movimientos"),
        ("Prenotazioni in sospeso", "Movimenti"),
    ],
)
def test_rows_below_a_title_of_pending_ones_are_not_booked(pending, booked):
    head = "Date;Text;Amount\n"
    rows = "2026-03-07;Shop;-7.00\n", "2026-03-05;Bar;-5.00\n"
    for text in (
        f"{head}{pending};;\n{rows[0]}{booked};;\n{rows[1]}",
        f"{pending}\n{head}{rows[0]}{booked}\n{head}{rows[1]}",
    ):
        (statement,) = read_csv(text.encode()).statements
        assert [(row.payee, row.state) for row in statement.rows] == [("Shop", "pending"), ("Bar", "booked")]


def test_a_sentence_about_pending_rows_is_no_title():
    text = (
        "Date;Text;Amount\nPending transactions are not in this list;;\n2026-03-07;Shop;-7.00\n2026-03-05;Bar;-5.00\n"
    )
    assert {row.state for row in read_csv(text.encode()).statements[0].rows} == {"booked"}
