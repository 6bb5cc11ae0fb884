"""Files that were once read wrongly without a word: each shape is read right now, or the doubt is told."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.csv import detect, read_csv
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.reading import Question, read_file
from finance.imports.parsers.recognise import read_statement
from finance.imports.parsers.statement import RowState


def read(text, **hints):
    return read_csv(text.encode(), **hints)


def amounts(text, **hints):
    return [row.amount for statement in read(text, **hints).statements for row in statement.rows]


def money(*texts):
    return [Decimal(text) for text in texts]


# Words of direction ------------------------------------------------------------------------------------------------

PAIRS = [
    ("Belastungsbetrag (CHF)", "Gutschriftsbetrag (CHF)"),
    ("Montant débité", "Montant crédité"),
    ("DebitAmount", "CreditAmount"),
    ("Abbuchung", "Einzahlung"),
    ("Importe cargo", "Importe abono"),
    ("Importo addebitato", "Importo accreditato"),
    ("Valor debitado", "Valor creditado"),
    ("Afgeschreven bedrag (afschrijving)", "Bijgeschreven bedrag (bijschrijving)"),
    ("Kwota obciążenia", "Kwota uznania"),
    ("Částka odeslaná", "Částka připsaná"),
    ("Výdaj v Kč", "Příjem v Kč"),
    ("Terhelés összege", "Jóváírás összege"),
    ("Iznos isplate", "Iznos uplate"),
    ("Odliv v EUR", "Priliv v EUR"),
    ("Suma debitată", "Suma creditată"),
    ("Uttagsbelopp", "Insättningsbelopp"),
    ("Utbetalt beløp", "Innbetalt beløp (inbetalt)"),
    ("Hævet beløb (udbetalt)", "Indsat beløb"),
    ("Veloitus euroina", "Hyvitys euroina"),
    ("Debeteeritud summa", "Krediteeritud summa"),
    ("Norakstītā summa", "Ieskaitītā summa"),
    ("Nurašyta suma", "Gauta suma (gaunama)"),
    ("Borç tutarı", "Alacak tutarı"),
    ("Сумма списания", "Сумма зачисления"),
    ("Ποσό χρέωσης", "Ποσό πίστωσης"),
    ("出金額(円)", "入金額(円)"),
    ("חובה", "זכות"),
    ("مدين", "دائن"),
    ("برداشت", "واریز"),
    ("提出", "存入"),
    ("Withdrawal amount", "Deposit amount"),
]


@pytest.mark.parametrize("headings", PAIRS)
def test_two_columns_of_opposite_direction(headings):
    out, into = headings
    text = f"Date;Text;{out};{into}\n2026-03-11;Kiosk;6.00;\n2026-03-12;Wages;;100.00\n2026-03-13;Market;4.00;\n"
    assert amounts(text) == money("-6", "100", "-4")


def test_a_column_of_recipients_without_names_is_no_money_that_came_in():
    text = "Datum;Příjemce;Výdaj;Částka\n2026-03-11;;6,00;-6,00\n2026-03-12;;7,00;-7,00\n"
    assert amounts(text) == money("-6", "-7")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        # A minus beside "money out" takes money out back.
        ("10.00;D 20.00;D 100.00;C -5.00;D", ("-10", "-20", "100", "5")),
        # Here each sign only repeats what the flag says.
        ("-10.00;D -20.00;D 100.00;C -5.00;D", ("-10", "-20", "100", "-5")),
        ("-10.00;S -20.00;S 100.00;H", ("-10", "-20", "100")),
        ("10.00;- 100.00;+", ("-10", "100")),
    ],
)
def test_a_flag_beside_amounts_with_and_without_signs(flags, expected):
    rows = "".join(f"{5 + day:02}.01.2026;Shop {day};{pair}\n" for day, pair in enumerate(flags.split()))
    assert amounts(f"Date;Text;Amount;D/C\n{rows}") == money(*expected)


# Balances ----------------------------------------------------------------------------------------------------------


def test_balances_outweigh_the_guess_that_cards_write_charges_plainly():
    text = "Datum;Text;Betrag;Saldo\n01.01.2026;Back;500,00;-9500,00\n01.02.2026;Back;500,00;-9000,00\n"
    text += "01.03.2026;Interest;-20,00;-9020,00\n"
    (statement,) = read(text, card=True).statements
    assert [row.amount for row in statement.rows] == money("500", "500", "-20")
    assert (statement.opening, statement.closing, statement.balance_break) == (Decimal(-10000), Decimal(-9020), None)


def test_a_proof_does_not_turn_time_against_the_dates():
    """Read from bottom to top these balances would add up; the dates say that the file runs from top to bottom."""
    text = "Date,Text,Amount,Balance\n2026-01-01,a,5.00,100.00\n2026-01-02,b,7.00,95.00\n2026-01-03,c,2.00,88.00\n"
    profile = detect(text.encode()).profile
    assert profile.sign == "inverted"
    (statement,) = read(text).statements
    assert statement.oldest_first
    assert [row.amount for row in statement.rows] == money("-5", "-7", "-2")


def test_balances_decide_between_decimals_and_thousands():
    text = "Date;Text;Amount;Balance\n2026-01-01;a;-1.234;8.766\n2026-01-02;b;-2.345;6.421\n"
    (statement,) = read(text, currency="EUR").statements
    assert statement.balance_break is None


def test_a_payee_called_like_a_balance_is_a_payee():
    text = "Date,Payee,Description,Amount,Balance\n2026-01-05,NEW BALANCE,shoes,-90.00,10.00\n"
    text += "2026-01-06,Kiosk,paper,-4.00,6.00\n"
    parsed = read(text)
    assert [row.payee for row in parsed.statements[0].rows] == ["NEW BALANCE", "Kiosk"]
    assert parsed.left_out == ()


def test_a_line_that_states_a_balance_is_left_out_with_a_word():
    text = "Date,Payee,Amount,Balance\n2026-01-04,Opening balance,,100.00\n2026-01-05,Kiosk,-4.00,96.00\n"
    parsed = read(text)
    assert len(parsed.statements[0].rows) == 1
    assert [(row.number, row.note) for row in parsed.left_out] == [
        (2, "It reads like a balance or a sum, not like a transaction.")
    ]


# Amounts -----------------------------------------------------------------------------------------------------------


def test_three_decimals_are_no_thousands():
    text = "Date,Merchant,Amount\n2025-10-01,Kiosk,-14.550\n2025-10-02,Shop,-8.400\n2025-10-03,Hotel,-156.960\n"
    parsed = read(text, currency="CHF")
    assert [row.amount for row in parsed.statements[0].rows] == money("-14.55", "-8.4", "-156.96")
    assert any("can be read with decimals or with thousands" in note for note in parsed.notes)


@pytest.mark.parametrize("currency", ["JPY", "EUR"])
def test_whole_thousands_stay_thousands(currency):
    text = "Date;Text;Amount\n2025-10-01;a;-1.200\n2025-10-02;b;-2.500\n2025-10-03;c;-3.000\n"
    assert amounts(text, currency=currency) == money("-1200", "-2500", "-3000")


def test_a_number_of_something_is_no_amount():
    text = "Data;Numero di ordine;Tipo;Importo CHF\n08.11.2025;123456789;Acquisto;12 circa\n"
    with pytest.raises(StatementUnreadable, match=r"Importo CHF.*12 circa.*is not an amount"):
        read(text, currency="CHF")


def test_a_decimal_comma_in_a_comma_file_is_an_error_and_no_smaller_amount():
    with pytest.raises(StatementUnreadable, match="4 cells and the header 3"):
        read("Date,Payee,Amount\n2026-01-05,Kiosk,-3,50\n2026-01-06,Shop,-4,20\n")


def test_a_row_that_a_comma_cuts_is_an_error_and_the_others_are_read():
    (statement,) = read("Date,Payee,Amount\n2026-01-05,Bar, Foo,-3.50\n2026-01-06,Shop,-4.20\n").statements
    assert [(row.amount, bool(row.problem)) for row in statement.rows] == [(None, True), (Decimal("-4.2"), False)]


def test_a_heading_that_misses_the_last_name_cuts_nothing():
    assert amounts("Date,Payee,Amount\n2026-01-05,Bar,-3.50,note\n2026-01-06,Shop,-4.20,more\n") == money(
        "-3.5", "-4.2"
    )


# Lines -------------------------------------------------------------------------------------------------------------


def test_text_below_the_table_joins_no_row():
    text = "Date;Purchase date;Details;Credit;Debit\n31.10.2025;30.10.2025;Chur;;-34\n21.10.2025;20.10.2025;Phone;;-104.00\n"
    text += "\nDisclaimer:;;;;\nThe document was made by a filter.;;;;\n"
    parsed = read(text)
    assert [row.payee for row in parsed.statements[0].rows] == ["Chur", "Phone"]
    assert [row.payee for row in parsed.left_out] == ["Disclaimer:", "The document was made by a filter."]


def test_second_lines_between_rows_are_still_joined():
    text = "Date;Text;Amount\n05.01.2026;Card payment;-3.50\n;Kiosk at the station;\n06.01.2026;Card payment;-4.50\n;Bar;\n"
    rows = read(text).statements[0].rows
    assert [row.description or row.payee for row in rows] == ["Card payment Kiosk at the station", "Card payment Bar"]


def test_a_second_line_below_a_balance_at_the_top_goes_with_no_row():
    text = "Date;Text;Amount\n04.01.2026;Opening balance;100.00\n;carried over;\n05.01.2026;Kiosk;-3.50\n;at the station;\n"
    text += "06.01.2026;Bar;-4.50\n;downtown;\n"
    parsed = read(text)
    rows = parsed.statements[0].rows
    assert [(row.amount, row.description) for row in rows] == [
        (Decimal("-3.5"), "Kiosk at the station"),
        (Decimal("-4.5"), "Bar downtown"),
    ]
    assert [(row.number, row.amount) for row in parsed.left_out] == [(2, Decimal(100)), (3, None)]


def test_a_quote_that_is_never_closed_swallows_nothing():
    text = 'Date,Payee,Memo,Amount\n2026-01-05,Kiosk,5" screen,-3.50\n2026-01-06,Shop,"unfinished,-4.50\n'
    text += '2026-01-07,Bar,"fine, thanks",-1.00\n2026-01-08,Bar,ok,-2.00\n'
    rows = read(text).statements[0].rows
    assert [(row.number, row.amount) for row in rows] == [
        (2, Decimal("-3.5")), (3, Decimal("-4.5")), (4, Decimal(-1)), (5, Decimal(-2)),
    ]  # fmt: skip
    assert rows[2].description == "fine, thanks"


def test_a_time_of_day_is_no_swift_statement():
    text = "Date;Time;Text;Amount\n2026-01-05;09:20:11;Kiosk;-3.50\n"
    assert len(read_statement(text.encode()).statements[0].rows) == 1
    with pytest.raises(StatementUnreadable, match="MT940"):
        read_statement(b":20:STARTUMS\r\n:25:10020030/1234567\r\n:28C:0\r\n")


# Columns -----------------------------------------------------------------------------------------------------------


def test_accounts_that_a_file_names_become_statements():
    text = "Date,Description,Amount,Transaction Type,Account Name\n6/13/2026,Coffee,3.00,debit,Checking\n"
    text += "6/14/2026,Shoes,80.00,debit,Visa Card\n6/15/2026,Tea,2.00,debit,Checking\n"
    statements = read(text, currency="USD").statements
    assert [(each.account, len(each.rows)) for each in statements] == [("Checking", 2), ("Visa Card", 1)]


def test_numbers_of_those_who_were_paid_are_no_accounts_of_ones_own():
    text = "Buchungsdatum;Zahlungsempfänger;Zweck;IBAN;Betrag\n"
    for day, (name, iban) in enumerate(
        [("Landlord", "DE00100200300400500601"), ("Power", "DE00100200300400500602")] * 2
    ):
        text += f"0{day + 1}.01.2026;{name};x;{iban};-60,00\n"
    (statement,) = read(text).statements
    assert (statement.account, len(statement.rows)) == ("", 4)


def test_ones_own_account_under_the_same_heading_is_kept():
    text = (
        "Date;IBAN;Payee;Amount\n01.01.2026;DE00100200300400500601;a;-1,00\n02.01.2026;DE00100200300400500601;b;-2,00\n"
    )
    assert read(text).statements[0].account == "DE00100200300400500601"


def test_headings_of_several_words_in_one():
    text = 'Date,Amount,CounterpartyName,Communication\n21-05-2026,"-7,00",Power Plc,123/456\n'
    assert read(text).statements[0].rows[0].payee == "Power Plc"


@pytest.mark.parametrize(("written", "code"), [("RUR", "RUB"), ("RMB", "CNY"), ("TL", "TRY"), ("NIS", "ILS")])
def test_names_that_banks_use_for_a_currency(written, code):
    assert read(f"Date;Text;Amount;Currency\n03.05.2026;a;-50;{written}\n").statements[0].currency == code


def test_characters_written_for_web_pages():
    text = 'Date,Payee,Amount\n2026-01-05,"Ben &amp; Jerry&#39;s",-3.50\n2026-01-06,AT&T,-1.00\n'
    assert [row.payee for row in read(text).statements[0].rows] == ["Ben & Jerry's", "AT&T"]


PENDING = """In sospeso|Reserviert|En cours|Pendiente|Em processamento|In behandeling|Oczekująca|Čeká na zpracování|Függőben
U obradi|Rezervacija|În așteptare|Väntar|Ikke bogført|Ikke bokført|Odottaa|Ootel|Laukiama|Rezervēts|Bekliyor|В ожидании
Очікується|Εκκρεμεί|未確定|处理中|대기|Pending
Väntande|Menunggu|בהמתנה|قيد الانتظار|Чакащо"""


@pytest.mark.parametrize("word", PENDING.replace("\n", "|").split("|"))
def test_rows_that_are_not_booked_yet(word):
    text = f"Datum;Text;Amount;Status\n05.01.2026;Kiosk;-3,50;{word}\n06.01.2026;Shop;-4,50;Done\n"
    states = [row.state for row in read(text).statements[0].rows]
    assert states == [RowState.PENDING, RowState.BOOKED]


# Doubts that are told ----------------------------------------------------------------------------------------------


def test_headings_in_unknown_words_above_columns_that_fill_each_other_up():
    text = "Date,Text,Foo,Bar\n2026-02-03,Shop,12.30,\n2026-02-04,Shop,4.50,\n2026-02-05,Pay,,90.00\n"
    parsed = read(text)
    assert [row.amount for row in parsed.statements[0].rows] == money("-12.30", "-4.50", "90.00")
    assert "Column 3 is taken as money out" in parsed.notes[0]
    # A known word on one of them settles the direction, however many rows there are of each.
    for header in ("Foo,Credit", "Debit,Bar"):
        known = read(f"Date,Text,{header}\n2026-02-03,Shop,12.30,\n2026-02-04,Pay,,4.50\n2026-02-05,Pay,,90.00\n")
        assert [row.amount for row in known.statements[0].rows] == money("-12.30", "4.50", "90.00")
        assert known.notes == ()


def test_another_currency_s_sign_beside_an_amount_is_never_taken_for_the_account_s():
    rows = read("Date,Text,Amount\n2026-02-03,Shop,-€1.00\n2026-02-04,Bar,-$2.00\n", currency="EUR").statements[0].rows
    assert [(row.amount, row.problem) for row in rows] == [
        (Decimal("-1.00"), ""),
        (None, "“$” is no sign of EUR, in which the other amounts are written."),
    ]
    assert amounts("Date,Text,Amount\n2026-02-03,A,-US$1.00\n2026-02-04,B,-$2.00\n") == money("-1.00", "-2.00")


def test_numbers_of_accounts_under_a_heading_that_does_not_say_whose():
    rows = "".join(f"DE0212030000000020205{n % 2};0{n}.02.2026;Shop {n};-{n},00\n" for n in range(1, 5))
    parsed = read("IBAN;Datum;Text;Betrag\n" + rows)
    assert len(parsed.statements) == 1
    assert any("The numbers in the column “IBAN” are taken for those of other people" in note for note in parsed.notes)


def test_amounts_without_any_sign_are_told():
    unsigned = "Date,Text,Amount\n2026-02-03,Shop,1.00\n2026-02-04,Bar,2.00\n"
    assert any("No amount in this file has a sign" in note for note in read(unsigned).notes)
    assert not any("has a sign" in note for note in read(unsigned.replace(",1.00", ",-1.00")).notes)


CARD = "Date,Text,Amount,Balance\n2026-02-03,Shop,{0},110.00\n2026-02-04,Pay,{1},60.00\n2026-02-05,Bar,{2},65.00\n"


@pytest.mark.parametrize("written", [("10.00", "-50.00", "5.00"), ("-10.00", "50.00", "-5.00")])
def test_balances_of_a_card_that_grow_with_what_is_spent_are_debts(written):
    parsed = read(CARD.format(*written), currency="USD", card=True)
    (statement,) = parsed.statements
    assert [row.amount for row in statement.rows] == money("-10.00", "50.00", "-5.00")
    assert (statement.opening, statement.closing, statement.balance_break) == (*money("-100.00", "-65.00"), None)
    assert any("are what is owed" in note for note in parsed.notes)


def test_balances_that_a_loan_states_with_a_minus_stay_as_they_are_and_credit_is_told():
    loan = "Datum;Text;Betrag;Saldo\n01.01.2026;Tilgung;500,00;-9500,00\n01.02.2026;Zinsen;-20,00;-9520,00\n"
    (statement,) = read(loan, card=True).statements
    assert [row.amount for row in statement.rows] == money("500.00", "-20.00")
    # Mostly money out, and balances above zero that add up: a prepaid card, or an owner's view of the bank's.
    prepaid = read(CARD.format("10.00", "-50.00", "5.00").replace("Bar,5.00,65.00", "Bar,-5.00,55.00"), card=True)
    assert any("are read as money that the account holds" in note for note in prepaid.notes)
    assert not read(CARD.format("10.00", "-50.00", "5.00")).statements[0].balance_break


@pytest.mark.parametrize(
    ("cell", "value"),
    [("$(12.34)", "-12.34"), ("(12.34) USD", "-12.34"), ("-١٢٫٥٠", "-12.50"), ("\u200e-12.50\u200f", "-12.50"), ("１２．５０", "12.50")],
)  # fmt: skip
def test_amounts_in_brackets_behind_a_sign_and_in_other_scripts(cell, value):
    assert amounts(f'Date,Text,Amount\n2026-02-03,Shop,"{cell}"\n2026-02-04,Bar,-1.00\n')[0] == Decimal(value)


FEES = "Date,Name,{0},Fee,{1}\n2026-02-03,Ann,100.00,-3.00,97.00\n2026-02-04,Bob,-20.00,0.00,-20.00\n"


@pytest.mark.parametrize("names", [("Gross", "Net"), ("Brutto", "Netto"), ("Total", "Amount")])
def test_a_fee_that_is_off_the_amount_already_is_not_taken_off_again(names):
    assert amounts(FEES.format(*names)) == money("97.00", "-20.00")


def test_a_fee_beside_the_only_amount_is_taken_off():
    text = "Date,Name,Amount,Fee\n2026-02-03,Ann,-100.00,0.50\n2026-02-04,Bob,-20.00,0.00\n"
    assert amounts(text) == money("-100.50", "-20.00")


def test_of_two_amounts_the_one_in_the_account_s_currency_is_read():
    text = "Date,Text,Amount,Currency,Amount in EUR\n2026-02-03,Bar,-3.00,USD,-2.00\n2026-02-04,Inn,-5.00,GBP,-4.00\n"
    (statement,) = read(text, currency="EUR").statements
    assert ([row.amount for row in statement.rows], statement.currency) == (money("-2.00", "-4.00"), "EUR")
    assert {each.currency for each in read(text, currency="USD").statements} == {"USD", "GBP"}


# Encodings ---------------------------------------------------------------------------------------------------------

PHRASES = {
    "de": (
        "cp1252 iso8859-15 mac-roman",
        "Kontoführungsgebühr Bäckerei",
        "Überweisung an Jörg Müller",
        "Straßenverkehrsamt",
    ),
    "fr": ("cp1252 iso8859-15 mac-roman", "Virement à Zoé", "Boulangerie Chez Irène", "Prélèvement électricité août"),
    "pt": ("cp1252 iso8859-15 mac-roman", "Pão e Açúcar", "Salário de março", "Transferência para José"),
    "es": ("cp1252 iso8859-15 mac-roman", "Panadería Muñoz", "Teléfono y jardín", "Nómina de señora Núñez"),
    "it": ("cp1252 iso8859-15 mac-roman", "Caffè di città", "Più servizi però", "Università libertà"),
    "sv": ("cp1252 iso8859-15", "Lön från Åkeri", "Överföring till Göran", "Hyra för våren"),
    "da": ("cp1252 iso8859-15", "Overførsel til Søren", "Køb i Ålborg", "Løn fra værksted"),
    "fi": ("cp1252 iso8859-15", "Sähkölasku Jyväskylä", "Ruokaostos Töölö", "Määräaika päättyy"),
    "pl": ("cp1250 iso8859-2", "Opłata za światło", "Wypłata z bankomatu Łódź", "Zakupy spożywcze żółty"),
    "cs": ("cp1250 iso8859-2", "Platba za elektřinu", "Výběr z bankomatu Plzeň", "Nákup potravin střední"),
    "sk": ("cp1250 iso8859-2", "Platba kartou Košice ľahko", "Výber z bankomatu deň", "Nájomné za apríl päť"),
    "hu": ("cp1250 iso8859-2", "Fizetés jóváírás időszak", "Készpénzfelvétel Győr", "Villanyszámla fűtés"),
    "hr": ("cp1250", "Plaćanje računa Šibenik", "Račun za struju đak", "Čekanje žičara"),
    "ro": ("cp1250", "Plată către Brăila", "Retragere numerar în Bucureşti", "Salariu pentru martie şi fără"),
    "tr": ("cp1254", "Maaş ödemesi Şubat", "Kira ödemesi için", "Alışveriş ığdır"),
    "lt": ("cp1257", "Mokėjimas už šildymą", "Pirkinys į Šiaulių miestą", "Atlyginimas už birželį ąžuolas"),
    "lv": ("cp1257", "Maksājums par šķērēm", "Pirkums Rīgā, Ģertrūdes ielā", "Alga par jūniju šķēres"),
    "et": ("cp1257 cp1252", "Sularaha väljavõtt Jõgeva", "Ülekanne Õie Pärnale", "Töötasu märts üür"),
    "uk": ("cp1251 koi8-u", "Переказ від Івана", "Покупка їжі в Києві", "Заробітна плата за березень"),
    "bg": ("cp1251", "Превод от Иван", "Покупка от магазин", "Заплата за март"),
    "ru": ("cp1251 koi8-r cp866 iso8859-5", "Перевод от Ивана", "Покупка в магазине", "Заработная плата за март"),
    "el": ("cp1253", "Πληρωμή λογαριασμού", "Μεταφορά χρημάτων", "Αγορά από κατάστημα"),
    "he": ("cp1255", "סופר מרקט", "משכורת חודשית", "חשבון חשמל", "העברה בנקאית"),
    "ar": ("cp1256", "راتب شهري", "سوبر ماركت الرياض", "تحويل بنكي"),
    "th": ("cp874", "เงินเดือน", "ร้านกาแฟ", "ค่าไฟฟ้า"),
    "ja": ("shift_jis euc_jp", "スーパーでの買い物", "給与の振込です", "電気料金の支払い"),
    "ja-names": ("shift_jis", "ｶ)ｽｰﾊﾟｰ", "コンビニ", "イオン銀行　普通預金"),
    "zh": ("gb18030", "超市购物消费记录", "工资收入转账", "支付电费账单", "手续费 张三"),
    "zh-tw": ("big5", "超商購物消費", "薪資轉帳", "電費帳單 台北市", "手續費"),
    "ko": ("euc_kr", "편의점 결제", "급여 이체", "전기요금 납부", "스타벅스 강남점", "수수료"),
}
CURRENCY = {"pl": "PLN", "cs": "CZK", "hu": "HUF", "ro": "RON", "tr": "TRY"}
SAMPLES = [
    pytest.param(phrase, page, CURRENCY.get(language, "EUR"), id=f"{language}-{page}-{number}")
    for language, (pages, *phrases) in PHRASES.items()
    for page in pages.split()
    for number, phrase in enumerate(phrases)
]


@pytest.mark.parametrize(("phrase", "page", "currency"), SAMPLES)
def test_short_statements_are_decoded_by_their_language(phrase, page, currency):
    text = f"Datum;Text;Amount\n01.02.2026;{phrase};-1,50\n02.02.2026;Shop;-2,50\n"
    assert decode(text.encode(page), currency=currency)[0] == text, decode(text.encode(page), currency=currency)[1]


@pytest.mark.parametrize(
    ("heading", "phrase", "page"),
    [
        ("Datum;Opis;Iznos", "Plaća", "cp1250"),
        ("Tarih;Metin;Tutar", "Maaş", "cp1254"),
        ("Datums;Teksts;Summa", "Rēzekne", "cp1257"),
    ],
)
def test_headings_tell_the_page_of_a_single_letter(heading, phrase, page):
    text = f"{heading}\n01.02.2026;{phrase};-1,50\n"
    assert decode(text.encode(page), currency="EUR") == (text, page)


@pytest.mark.parametrize(
    ("language", "page"), [("he", "cp1255"), ("ru", "koi8-r"), ("uk", "koi8-u"), ("ar", "cp1256"), ("el", "cp1253")]
)
def test_frequencies_of_letters_decide_between_pages_that_explain_a_longer_text_alike(language, page):
    lines = [f"01.02.2026;{phrase.lower()};-1,50\n" for phrase in PHRASES[language][1:] * 3]
    text = "Datum;Text;Amount\n" + "".join(lines)
    assert decode(text.encode(page), currency="EUR")[0] == text


def test_there_are_enough_samples():
    assert len(SAMPLES) >= 100
    assert len(PHRASES) >= 25


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["de", "ja", "ru", "ko", "el"])
def test_utf_16_without_a_mark_at_its_beginning(language, encoding):
    text = f"Datum;Text;Amount\n01.02.2026;{PHRASES[language][1]};-1,50\n02.02.2026;Shop;-2,50\n"
    assert decode(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize(
    "written",
    [
        b"Datum;Text\n01.02.2026;M\xfcller\n" + bytes(400),
        bytes(64) + "Datum;Text\n01.02.2026;Müller\n".encode() + bytes(4000),
        b"Datum" + bytes(27) + b";Text" + bytes(28) + b"\n01.02.2026;M\xfcller" + bytes(26) + b"\n",
    ],
)
def test_cells_and_files_padded_with_zeros(written):
    assert decode(written)[0] == "Datum;Text\n01.02.2026;Müller\n"


# What earlier files have settled -----------------------------------------------------------------------------------


def saved(text, **changes):
    profile = detect(text.encode(), currency="USD").profile
    return {profile.signature: {**profile.to_dict(), **changes}}


HEAD = "Date,Amount,Currency,Description\n"


def test_the_order_of_day_and_month_holds_for_the_next_file():
    earlier = saved(HEAD + "24-08-2025,-10.00,USD,Coffee\n23-08-2025,-11.00,USD,Lunch\n")
    text = HEAD + "05-09-2025,-10.00,USD,Coffee\n04-09-2025,-11.00,USD,Lunch\n"
    parsed = read_file(text.encode(), Question(currency="USD", saved=earlier))
    assert [row.date for row in parsed.statements[0].rows] == [datetime.date(2025, 9, 5), datetime.date(2025, 9, 4)]
    assert any("like those of the earlier files" in note for note in parsed.notes)


def test_a_file_that_contradicts_the_earlier_ones_is_read_by_itself_and_says_so():
    earlier = saved(HEAD + "24-08-2025,-10.00,USD,Coffee\n")
    text = HEAD + "09-24-2025,-10.00,USD,Coffee\n09-25-2025,-11.00,USD,Lunch\n"
    parsed = read_file(text.encode(), Question(currency="USD", saved=earlier))
    assert [row.date for row in parsed.statements[0].rows] == [datetime.date(2025, 9, 24), datetime.date(2025, 9, 25)]
    assert any("contradicts how the earlier files" in note for note in parsed.notes)


def test_an_earlier_code_page_does_not_spoil_unicode():
    earlier = saved(HEAD + "24-08-2025,-10.00,USD,Cafe\n", encoding="cp1252")
    parsed = read_file((HEAD + "24-09-2025,-10.00,USD,Café\n").encode(), Question(currency="USD", saved=earlier))
    assert parsed.statements[0].rows[0].payee == "Café"


@pytest.mark.django_db
def test_confirming_settles_signs_for_the_next_file(stage, confirm, accounts):
    head = "Date,Description,Amount\n"
    first = stage(
        head + "01/15/2026,COFFEE,3.00\n01/16/2026,TEA,2.00\n01/20/2026,PAYMENT RECEIVED,-5.00\n", account=accounts.card
    )
    assert [row.amount for row in first.rows.order_by("pk")] == [-300, -200, 500]
    confirm(first)
    second = stage(head + "02/15/2026,PAYMENT RECEIVED,-25.00\n", account=accounts.card)
    assert [row.amount for row in second.rows.order_by("pk")] == [2500]
