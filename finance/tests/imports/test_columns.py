# ruff: noqa: E501
"""Which column is what: accounts of both sides, currencies, payees, and marks beside signed amounts."""

import pytest

from finance.errors import StatementUnreadable
from finance.imports.models import ImportRow, ImportStatement
from finance.imports.parsers.csv import read_csv
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.reading import Question, read_file
from finance.imports.parsers.role_words import role_score


def read(text, **hints):
    return read_csv(text.encode(), **hints)


def rows(text, **hints):
    return [row for statement in read(text, **hints).statements for row in statement.rows]


# Accounts ----------------------------------------------------------------------------------------------------------

OWN, SHOP, WORK = "DE02100500000024290661", "DE89370400440532013000", "DE12500105170648489890"


@pytest.mark.parametrize(
    "header",
    [
        "Auftragskonto;Buchungstag;Beguenstigter/Zahlungspflichtiger;Kontonummer/IBAN;BIC (SWIFT-Code);Betrag",
        "Rekening;Datum;Naam;Tegenrekening;BIC;Bedrag",
        "Rachunek;Data;Odbiorca;Rachunek odbiorcy;SWIFT;Kwota",
        "Číslo účtu;Datum;Název protiúčtu;Číslo protiúčtu;Kód banky;Částka",
        "IBAN;Date;Counterparty;Counterparty IBAN;Counterparty BIC;Amount",
        "Cuenta;Fecha;Beneficiario;Cuenta del beneficiario;BIC;Importe",
        "Account;Date;Payee;Payee account number;Sort code;Amount",
    ],
)
def test_both_sides_accounts(header):
    text = f"{header}\n{OWN};05.03.2026;Strom;{SHOP};COBADEFF;-50,00\n{OWN};06.03.2026;Lohn;{WORK};INGDDEFF;1500,00\n"
    (statement,) = read(text).statements
    assert statement.account == OWN
    found = [(row.payee, row.counterparty_account, row.counterparty_bank) for row in statement.rows]
    assert found == [("Strom", SHOP, "COBADEFF"), ("Lohn", WORK, "INGDDEFF")]


def test_accounts_that_the_book_knows_are_ones_own():
    text = f"Datum;IBAN;Text;Betrag\n05.03.2026;{SHOP};a;-1,00\n06.03.2026;{WORK};b;-2,00\n"
    (alone,) = read(text).statements
    assert [row.counterparty_account for row in alone.rows] == [SHOP, WORK]
    known = read_file(text.encode(), Question(own_accounts=(SHOP, "DE12 5001 0517 0648 4898 90")))
    assert [statement.account for statement in known.statements] == [SHOP, WORK]


def test_numbers_imported_before_are_known_to_the_next_file(stage, confirm):
    text = f"Datum;Auftragskonto;Text;Betrag\n05.03.2026;{OWN};a;-1,00\n"
    confirm(stage(text))
    other = f"Datum;IBAN;Text;Betrag\n07.03.2026;{OWN};b;-2,00\n08.03.2026;{OWN};c;-2,00\n"
    assert ImportStatement.objects.get(batch=stage(other)).external_account == OWN


def test_the_other_side_is_kept_on_the_row(stage):
    text = f"Datum;Empfänger;IBAN Empfänger;BIC;Betrag\n05.03.2026;Strom;{SHOP};COBADEFF;-50,00\n06.03.2026;x;{WORK};;-1,00\n"
    row = ImportRow.objects.filter(batch=stage(text)).order_by("pk").first()
    assert (row.counterparty_account, row.counterparty_bank) == (SHOP, "COBADEFF")


# Currencies --------------------------------------------------------------------------------------------------------


def test_each_row_has_its_own_currency_also_in_a_column_without_a_name(stage):
    text = "Datum;Text;Betrag;\n05.03.2026;Shop;-10,00;EUR\n06.03.2026;Amazon;-5,00;USD\n07.03.2026;Bar;-3,00;EUR\n"
    parsed = read(text, currency="EUR")
    assert [(s.currency, [row.payee for row in s.rows]) for s in parsed.statements] == [
        ("EUR", ["Shop", "Bar"]),
        ("USD", ["Amazon"]),
    ]
    dollars = stage(text).statements.get(currency="USD")
    assert dollars.account is None


def test_signs_beside_amounts_are_currencies_of_rows():
    found = rows("Date,Text,Amount\n2026-03-05,a,€-5.00\n2026-03-06,b,£-6.00\n2026-03-07,c,-7.00\n", currency="EUR")
    assert {row.number: (row.currency, row.amount) for row in found} == {2: ("EUR", -5), 3: ("GBP", -6), 4: ("", None)}
    assert any("does not say which one is meant" in row.problem for row in found)


def test_a_sign_that_the_accounts_currency_is_not_written_with_is_refused():
    text = "Date,Text,Amount\n2026-03-05,a,$-5.00\n2026-03-06,b,$-6.00\n"
    assert len(rows(text, currency="CAD")) == 2
    with pytest.raises(StatementUnreadable, match=r"written with “\$”, but the account is kept in EUR"):
        read(text, currency="EUR")


def test_the_currency_of_the_purchase_abroad_is_not_the_rows():
    text = "Date,Text,Amount (EUR),Original Amount,Original Currency\n2026-03-05,a,-9.20,-10.00,USD\n2026-03-06,b,-5,-4,GBP\n"
    (statement,) = read(text, currency="EUR").statements
    assert (statement.currency, [str(row.amount) for row in statement.rows]) == ("EUR", ["-9.20", "-5"])


# Payees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [
        ("Payee status", "Verified", "Verified", "Not verified"),
        ("Payer", "me@example.org", "me@example.org", "me@example.org"),
        ("Name", "Max Muster", "Max Muster", "Max Muster"),
        ("Empfänger geprüft", "Completed", "Completed", "Declined"),
    ],
)
def test_a_column_that_tells_nobody_apart_is_no_payee(cells):
    name, *values = cells
    text = f"Date;{name};Text;Amount\n"
    text += "".join(f"2026-03-0{i};{value};Shop {i};-1.00\n" for i, value in enumerate(values, 1))
    assert [row.payee for row in rows(text)] == ["Shop 1", "Shop 2", "Shop 3"]


def test_one_payee_in_a_short_file_stays_the_payee():
    assert [row.payee for row in rows("Date;Payee;Note;Amount\n2026-03-05;Landlord;Rent;-900.00\n")] == ["Landlord"]


# Marks beside signs ------------------------------------------------------------------------------------------------


def marked(pairs, marks="D/C", **options):
    text = f"Date;Text;Amount;{marks}\n"
    text += "".join(f"2026-03-{i:02};Shop {i};{pair.replace(' ', ';')}\n" for i, pair in enumerate(pairs, 1))
    return text


@pytest.mark.parametrize(
    "marks", ["D C", "S H", "DR CR", "O I", "Debit Credit", "Soll Haben", "- +", "Af Bij", "T J", "출금 입금"]
)
def test_marks_of_direction(marks):
    out, into = marks.split()
    assert [row.amount for row in rows(marked([f"10.00 {out}", f"100.00 {into}"], "In/Out"))] == [-10, 100]


def test_a_row_whose_mark_contradicts_its_sign_is_asked_about():
    text = marked(["-10.00 D", "100.00 C", "-5.00 C", "7.00 D", "-3.00 D"])
    found = rows(text)
    assert [row.amount for row in found] == [-10, 100, None, None, -3]
    assert found[2].problem.startswith("The bank's mark “C” says money in, the sign of “-5.00” says money out.")
    assert found[3].problem.startswith("The bank's mark “D” says money out, the sign of “7.00” says money in.")


@pytest.mark.parametrize(("choice", "expected"), [("mark", [5, -7]), ("sign", [-5, 7])])
def test_the_choice_between_mark_and_sign(choice, expected):
    text = marked(["-10.00 D", "100.00 C", "-5.00 C", "7.00 D", "-3.00 D"])
    profile = read(text).profile.corrected({"mark_or_sign": choice})
    assert [row.amount for row in rows(text, profile=profile)] == [-10, 100, *expected, -3]
    assert CsvProfile.from_dict(profile.to_dict()) == profile


def test_balances_make_the_choice():
    text = "Date;Text;Amount;D/C;Balance\n2026-03-05;a;-10.00;D;90.00\n2026-03-06;b;-50.00;C;140.00\n2026-03-07;c;-20.00;D;120.00\n"
    parsed = read(text)
    assert [row.amount for row in parsed.statements[0].rows] == [-10, 50, -20]
    assert parsed.profile.mark_or_sign == "mark"


def test_a_minus_that_takes_back_what_the_mark_says_is_told():
    *_others, last = rows(marked(["10.00 D", "20.00 D", "100.00 C", "-5.00 D"]))
    assert (last.amount, "taken back" in last.note) == (5, True)


def test_a_column_of_kinds_that_contradicts_the_signs_is_no_mark():
    parsed = read("Date;Text;Type;Amount\n2026-03-05;a;Payment;-1.00\n2026-03-06;b;Payment;+5.00\n")
    assert [row.amount for row in parsed.statements[0].rows] == [-1, 5]
    assert any("“Type” contradicts the signs" in note for note in parsed.notes)


# Words of headings -------------------------------------------------------------------------------------------------

HEADINGS = {
    "date": "Datum|Dato|Fecha|Päivämäärä|Kuupäev|Datums|Tarih|Дата|Ημερομηνία|Ημ/νία|Dátum|Dagsetning|Ngày giao dịch|日期|取引日|거래일|วันที่",
    "amount": "Betrag|Montant|Importe|Importo|Montante|Bedrag|Belopp|Beløb|Määrä|Summa|Kwota|Částka|Čiastka|Összeg|Iznos|Znesek|Sumă|Valoare"
    "|Tutar|Сумма|Сума|Стойност|Ποσό|Upphæð|金額|金额|거래금액|จำนวนเงิน",
    "debit": "Soll|Débit|Cargo|Addebiti|Débito|Uttag|Hævet|Veloitus|Väljamakse|Debetas|Obciążenia|Výdaje|Výber|Terhelés|Isplata|Duguje|Breme"
    "|Plăți|Borç|Дебет|Дебит|Χρέωση|Úttekt|出金|支出|출금액|ถอน",
    "credit": "Haben|Crédit|Abono|Accrediti|Crédito|Insättning|Indsat|Hyvitys|Sissemakse|Kreditas|Uznania|Příjmy|Vklad|Jóváírás|Uplata"
    "|Potražuje|Dobro|Încasări|Alacak|Кредит|Надходження|Πίστωση|Innlegg|入金|收入|입금액|ฝาก",
    "balance": "Saldo|Kontostand|Solde|Behållning|Jääk|Likutis|Atlikums|Zůstatek|Zostatok|Egyenleg|Stanje|Sold|Bakiye|Остаток|Залишок|Салдо"
    "|Υπόλοιπο|Staða|残高|余额|餘額|잔액|ยอดคงเหลือ",
    "currency": "Währung|Devise|Divisa|Moeda|Munt|Valuutta|Valiuta|Valūta|Waluta|Měna|Devizanem|Pénznem|Monedă|Para Birimi|Валюта|Νόμισμα|通貨|币种|통화",
    "payee": "Empfänger|Bénéficiaire|Beneficiario|Beneficiário|Naam tegenpartij|Mottagare|Saaja|Gavėjas|Saņēmējs|Odbiorca|Příjemce|Príjemca"
    "|Kedvezményezett|Primatelj|Prejemnik|Beneficiar|Alıcı|Получатель|Отримувач|Δικαιούχος|收款人|取引先|받는분",
    "description": "Verwendungszweck|Zweck|Libellé|Concepto|Causale|Descrição|Omschrijving|Beskrivning|Selite|Selgitus|Paskirtis|Apraksts|Opis|Popis"
    "|Közlemény|Namen|Descriere|Açıklama|Назначение платежа|Призначення|Основание|Αιτιολογία|Skýring|摘要|적요|รายการ",
}


@pytest.mark.parametrize("role", HEADINGS)
def test_headings_in_many_languages_name_their_role(role):
    others = set(HEADINGS) - {role}
    for heading in HEADINGS[role].split("|"):
        score = role_score(heading, role)
        assert score >= 50, heading
        assert score >= max(role_score(heading, other) for other in others), heading


def test_counts_of_rows_and_papers_are_no_balance():
    text = "Row;Datum;Text;Paper;Xyz\n1;05.03.2026;a;1234567;-10,00\n2;06.03.2026;b;1234568;-20,00\n3;07.03.2026;c;1234569;-5,00\n"
    assert [(row.amount, row.balance) for row in rows(text)] == [(-10, None), (-20, None), (-5, None)]


def test_two_columns_of_which_a_row_fills_both_or_turns_the_sign():
    text = "Date;Text;Debit;Credit\n2026-03-05;a;10.00;0.00\n2026-03-06;b;;100.00\n2026-03-07;c;3.00;5.00\n2026-03-08;d;-4.00;\n"
    first, second, both, back = rows(text)
    assert (first.amount, second.amount, both.amount, back.amount) == (-10, 100, None, 4)
    assert "both money out and money in" in both.problem
    assert "taken back" in back.note


def test_an_iban_is_the_other_sides_account_without_a_heading_too():
    found = rows(f"05.03.2026;Strom;{SHOP};-50,00\n06.03.2026;Lohn;{WORK};1500,00\n")
    assert [(row.payee, row.counterparty_account) for row in found] == [("Strom", SHOP), ("Lohn", WORK)]
