# ruff: noqa: E501
"""Small files in the shapes of real banks: each must be read without help."""

from textwrap import dedent

import pytest

from finance.imports.parsers.csv import read_csv


def rows_of(text, *, encoding="utf-8", **hints):
    """(date, amount, payee) of all booked rows without problems."""
    data = text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode(encoding)
    found = read_csv(data, **hints)
    return [
        (row.date.isoformat(), str(row.amount), row.payee)
        for statement in found.statements
        for row in statement.rows
        if row.state == "booked" and not row.problem
    ]


SHAPES = {
    "n26": (
        """
        "Datum","Empfänger","Kontonummer","Transaktionstyp","Verwendungszweck","Betrag (EUR)","Betrag (Fremdwährung)","Fremdwährung","Wechselkurs"
        "2021-03-01","Bäckerei Krume","","MasterCard Zahlung","","-4.20","-4.20","EUR","1.0"
        "2021-03-02","Lohn AG","DE02120300000000202051","Gutschrift","Gehalt März","2100.00","","",""
        """,
        [("2021-03-01", "-4.20", "Bäckerei Krume"), ("2021-03-02", "2100.00", "Lohn AG")],
    ),
    "n26_new": (
        """
        "Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name","Amount (EUR)","Original Amount","Original Currency","Exchange Rate"
        2024-05-06,2024-05-04,"Rose Cafe","",Presentment,"","Main Account",-7.5,8.10,USD,0.925926
        2024-05-07,2024-05-07,"J. Doe","DE02120300000000202051","Credit Transfer","Rent share","Main Account",400,,,
        """,
        [("2024-05-06", "-7.5", "Rose Cafe"), ("2024-05-07", "400", "J. Doe")],
    ),
    "ing_de": (
        """
        Umsatzanzeige;Datei erstellt am: 05.02.2022 10:11

        IBAN;DE02 1203 0000 0000 2020 51
        Kontoname;Girokonto
        Kunde;Erika Muster
        Zeitraum;01.01.2022 - 05.02.2022
        Saldo;1.084,50;EUR

        Buchung;Valuta;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung
        04.02.2022;04.02.2022;Stadtwerke;Lastschrift;Abschlag 02/22;1.084,50;EUR;-65,50;EUR
        01.02.2022;01.02.2022;Muster GmbH;Gehalt/Rente;Lohn 01/22;1.150,00;EUR;1.100,00;EUR
        """,
        [("2022-02-04", "-65.50", "Stadtwerke"), ("2022-02-01", "1100.00", "Muster GmbH")],
    ),
    "ing_nl": (
        """
        "Datum","Naam / Omschrijving","Rekening","Tegenrekening","Code","Af Bij","Bedrag (EUR)","Mutatiesoort","Mededelingen"
        "20200131","Bakker Bart","NL69INGB0123456789","","BA","Af","3,25","Betaalautomaat","Pasvolgnr: 001"
        "20200130","Werkgever BV","NL69INGB0123456789","NL44RABO0123456789","GT","Bij","1.950,00","Online bankieren","Salaris"
        """,
        [("2020-01-31", "-3.25", "Bakker Bart"), ("2020-01-30", "1950.00", "Werkgever BV")],
    ),
    "sparkasse_camt": (
        """
        "Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Lastschrift Ursprungsbetrag";"Auslagenersatz Ruecklastschrift";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";"Waehrung";"Info"
        "DE02120300000000202051";"14.06.23";"14.06.23";"KARTENZAHLUNG";"2023-06-13 Debitk.11";"";"";"7777";"";"";"";"REWE MARKT";"DE44500105175407324931";"INGDDEFF";"-23,41";"EUR";"Umsatz gebucht"
        "DE02120300000000202051";"13.06.23";"13.06.23";"GUTSCHR. UEBERWEISUNG";"Danke";"";"";"";"";"";"";"Max Muster";"DE44500105175407324931";"INGDDEFF";"50,00";"EUR";"Umsatz gebucht"
        """,
        [("2023-06-14", "-23.41", "REWE MARKT"), ("2023-06-13", "50.00", "Max Muster")],
    ),
    "dkb_old": (
        """
        "Kontonummer:";"DE02120300000000202051 / Girokonto";

        "Von:";"01.02.2020";
        "Bis:";"29.02.2020";
        "Kontostand vom 29.02.2020:";"1.234,56 EUR";

        "Buchungstag";"Wertstellung";"Buchungstext";"Auftraggeber / Begünstigter";"Verwendungszweck";"Kontonummer";"BLZ";"Betrag (EUR)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz";
        "28.02.2020";"28.02.2020";"Lastschrift";"Telefon AG";"Rechnung 1";"DE02";"DEUT";"-1.029,99";"DE99";"M1";"K1";
        "27.02.2020";"27.02.2020";"Gutschrift";"Arbeit GmbH";"Lohn";"DE03";"DEUT";"2.000,00";"";"";"";
        """,
        [("2020-02-28", "-1029.99", "Telefon AG"), ("2020-02-27", "2000.00", "Arbeit GmbH")],
    ),
    "dkb_new": (
        """
        "Girokonto";"DE02120300000000202051"
        "Kontostand vom 05.01.24:";"812,40 €"
        ""
        "Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz"
        "04.01.24";"04.01.24";"Gebucht";"Erika Muster";"Kaufhalle";"Einkauf";"Ausgang";"DE02";"-12,5";"";"";""
        "03.01.24";"03.01.24";"Gebucht";"Oma Muster";"Erika Muster";"Taschengeld";"Eingang";"DE03";"20";"";"";""
        "03.01.24";"";"Vorgemerkt";"Erika Muster";"Tankstelle";"";"Ausgang";"";"-40";"";"";""
        """,
        [("2024-01-04", "-12.5", "Kaufhalle"), ("2024-01-03", "20", "Oma Muster")],
    ),
    "volksbank_sh": (
        """
        "Volksbank Musterstadt eG"

        "Umsatzanzeige"

        "BLZ:";"12345678";;"Datum:";"05.01.2019"
        "Konto:";"1234567";;"Uhrzeit:";"12:13:14"

        "Buchungstag";"Valuta";"Auftraggeber/Zahlungsempfänger";"Empfänger/Zahlungspflichtiger";"Konto-Nr.";"IBAN";"BLZ";"BIC";"Vorgang/Verwendungszweck";"Kundenreferenz";"Währung";"Umsatz";" "
        "04.01.2019";"04.01.2019";"Erika Muster";"Supermarkt";;"DE02";;"GENO";"KARTENZAHLUNG
        EINKAUF 123";;"EUR";"17,80";"S"
        "03.01.2019";"03.01.2019";"Arbeit GmbH";"Erika Muster";;"DE03";;"GENO";"LOHN";;"EUR";"1.500,00";"H"

        "01.01.2019";;;;;;;;;"Anfangssaldo";"EUR";"100,00";"H"
        "04.01.2019";;;;;;;;;"Endsaldo";"EUR";"1.582,20";"H"
        """,
        [("2019-01-04", "-17.80", "Supermarkt"), ("2019-01-03", "1500.00", "Arbeit GmbH")],
    ),
    "comdirect": (
        """
        ;
        "Umsätze Girokonto";"Zeitraum: 30 Tage";

        "Buchungstag";"Wertstellung (Valuta)";"Vorgang";"Buchungstext";"Umsatz in EUR";
        "offen";"02.03.2020";"Kartenverfügung";"Buchungstext: Kino";"-11,00";
        "01.03.2020";"01.03.2020";"Lastschrift";"Auftraggeber: Strom AG Buchungstext: Abschlag";"-80,00";

        "Alter Kontostand";"1.080,00 EUR";
        """,
        [("2020-03-01", "-80.00", "Lastschrift")],
    ),
    "deutsche_bank": (
        """
        Umsätze Girokonto;;;Kundennummer: 123 4567890
        01.02.2021 - 28.02.2021
        Letzter Kontostand;;;;400,00;EUR
        Buchungstag;Wert;Umsatzart;Begünstigter / Auftraggeber;Verwendungszweck;IBAN;BIC;Kundenreferenz;Mandatsreferenz;Gläubiger ID;Fremde Gebühren;Betrag;Abweichender Empfänger;Anzahl der Aufträge;Anzahl der Schecks;Soll;Haben;Währung
        02.02.2021;02.02.2021;SEPA-Lastschrift;Versicherung;Beitrag;DE02;DEUT;;;;;;;;;-35,10;;EUR
        15.02.2021;15.02.2021;SEPA-Gutschrift;Finanzamt;Erstattung;DE03;DEUT;;;;;;;;;;120,00;EUR
        Kontostand;28.02.2021;;;484,90;EUR
        """,
        [("2021-02-02", "-35.10", "Versicherung"), ("2021-02-15", "120.00", "Finanzamt")],
    ),
    "revolut": (
        """
        Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance
        TOPUP,Current,2023-01-01 10:00:00,2023-01-01 10:00:05,Top-Up by *1234,100.00,0.00,EUR,COMPLETED,100.00
        TRANSFER,Current,2023-01-02 11:00:00,2023-01-03 08:00:00,To Ana,-10.00,0.50,EUR,COMPLETED,89.50
        CARD_PAYMENT,Current,2023-01-04 11:00:00,,Cafe,-3.00,0.00,EUR,PENDING,
        CARD_PAYMENT,Current,2023-01-04 12:00:00,,Shop,-5.00,0.00,EUR,REVERTED,
        """,
        [("2023-01-01", "100.00", "Top-Up by *1234"), ("2023-01-03", "-10.50", "To Ana")],
    ),
    "wise": (
        """
        "TransferWise ID",Date,Amount,Currency,Description,"Payment Reference","Running Balance","Exchange From","Exchange To","Exchange Rate","Payer Name","Payee Name","Payee Account Number",Merchant,"Total fees"
        CARD-123456,31-01-2022,-12.50,EUR,"Card transaction of EUR issued by Bistro",,187.50,,,,,,,Bistro,0.00
        TRANSFER-778899,30-01-2022,200.00,EUR,"Received money from Ana",,200.00,,,,Ana,,,,0.00
        """,
        [("2022-01-31", "-12.50", "Bistro"), ("2022-01-30", "200.00", "Ana")],
    ),
    "chase_checking": (
        """
        Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #
        DEBIT,01/31/2020,"GROCERY OUTLET 12",-45.67,DEBIT_CARD,954.33,,
        CREDIT,01/15/2020,"PAYROLL ACME",1000.00,ACH_CREDIT,1000.00,,
        """,
        [("2020-01-31", "-45.67", "GROCERY OUTLET 12"), ("2020-01-15", "1000.00", "PAYROLL ACME")],
    ),
    "bank_of_america": (
        """
        Description,,Summary Amt.
        Beginning balance as of 01/01/2020,,"1,234.56"
        Total credits,,"100.00"
        Total debits,,"-34.56"
        Ending balance as of 01/31/2020,,"1,300.00"

        Date,Description,Amount,Running Bal.
        01/01/2020,Beginning balance as of 01/01/2020,,"1,234.56"
        01/13/2020,"DEPOSIT","100.00","1,334.56"
        01/20/2020,"PHARMACY","-34.56","1,300.00"
        """,
        [("2020-01-13", "100.00", "DEPOSIT"), ("2020-01-20", "-34.56", "PHARMACY")],
    ),
    "capital_one": (
        """
        Transaction Date,Posted Date,Card No.,Description,Category,Debit,Credit
        2020-05-30,2020-06-01,1234,COFFEE BAR,Dining,4.75,
        2020-05-29,2020-05-29,1234,CAPITAL ONE MOBILE PYMT,Payment/Credit,,150.00
        """,
        [("2020-06-01", "-4.75", "COFFEE BAR"), ("2020-05-29", "150.00", "CAPITAL ONE MOBILE PYMT")],
    ),
    "capital_one_360": (
        """
        Account Number,Transaction Description,Transaction Date,Transaction Type,Transaction Amount,Balance
        1234,Deposit from ACME,01/31/24,Credit,500.00,700.00
        1234,Withdrawal to CARD,01/29/24,Debit,20.00,200.00
        """,
        [("2024-01-31", "500.00", "Deposit from ACME"), ("2024-01-29", "-20.00", "Withdrawal to CARD")],
    ),
    "monzo": (
        """
        Transaction ID,Date,Time,Type,Name,Emoji,Category,Amount,Currency,Local amount,Local currency,Notes and #tags,Address,Receipt,Description,Category split,Money Out,Money In
        tx_00009abc1,14/02/2021,10:11:12,Card payment,Pret,🥪,Eating out,-5.00,GBP,-5.00,GBP,,1 High St,,PRET A MANGER,,-5.00,
        tx_00009abc2,15/02/2021,00:01:02,Faster payment,Alice,,Income,25.00,GBP,25.00,GBP,lunch,,,lunch,,,25.00
        """,
        [("2021-02-14", "-5.00", "Pret"), ("2021-02-15", "25.00", "Alice")],
    ),
    "starling": (
        """
        Date,Counter Party,Reference,Type,Amount (GBP),Balance (GBP),Spending Category,Notes
        13/04/2021,Tesco,TESCO 1234,CONTACTLESS,-10.00,90.00,GROCERIES,
        14/04/2021,Bob,rent,FASTER PAYMENT,300.00,390.00,INCOME,
        """,
        [("2021-04-13", "-10.00", "Tesco"), ("2021-04-14", "300.00", "Bob")],
    ),
    "paypal": (
        """
        "Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address","To Email Address","Transaction ID","Balance"
        "01/13/2021","10:00:00","PST","Shop Inc","Express Checkout Payment","Completed","USD","-20.00","0.00","-20.00","a@example.org","b@example.org","1AB23456CD789012E","80.00"
        "01/14/2021","10:00:00","PST","Buyer","Mobile Payment","Completed","USD","50.00","-1.75","48.25","c@example.org","a@example.org","2AB23456CD789012E","128.25"
        """,
        [("2021-01-13", "-20.00", "Shop Inc"), ("2021-01-14", "48.25", "Buyer")],
    ),
    "amex_uk": (
        """
        Date,Description,Amount
        21/05/2021,BOOKSHOP LONDON,12.99
        20/05/2021,RAILWAY LONDON,45.10
        19/05/2021,PAYMENT RECEIVED - THANK YOU,-300.00
        18/05/2021,CAFE LONDON,3.20
        """,
        [
            ("2021-05-21", "-12.99", "BOOKSHOP LONDON"),
            ("2021-05-20", "-45.10", "RAILWAY LONDON"),
            ("2021-05-19", "300.00", "PAYMENT RECEIVED - THANK YOU"),
            ("2021-05-18", "-3.20", "CAFE LONDON"),
        ],
    ),
    "kbc": (
        """
        Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;rekeningnummer tegenpartij;BIC tegenpartij;Naam tegenpartij;Adres tegenpartij;gestructureerde mededeling;Vrije mededeling
        BE68539007547034;;PEETERS JAN;EUR;02020001;30/01/2020;BETALING;30/01/2020;-21,95;178,05;;-21,95;;;WINKEL NV;;;
        BE68539007547034;;PEETERS JAN;EUR;02020001;28/01/2020;OVERSCHRIJVING;28/01/2020;200,00;200,00;200,00;;BE71;;LOON BV;;;loon
        """,
        [("2020-01-30", "-21.95", "WINKEL NV"), ("2020-01-28", "200.00", "LOON BV")],
    ),
    "bnp_fortis": (
        """
        Nº de séquence;Date d'exécution;Date valeur;Montant;Devise du compte;Numéro de compte;Type de transaction;Contrepartie;Nom de la contrepartie;Communication;Détails;Statut;Motif du refus
        2023-00010;16/02/2023;16/02/2023;-15,40;EUR;BE68539007547034;Paiement par carte;;Librairie;;CARTE 1;Accepté;
        2023-00009;15/02/2023;15/02/2023;-99,00;EUR;BE68539007547034;Domiciliation;BE71;Gym;;DOM;Refusé;Solde insuffisant
        """,
        [("2023-02-16", "-15.40", "Librairie")],
    ),
    "rabobank": (
        """
        "IBAN/BBAN","Munt","BIC","Volgnr","Datum","Rentedatum","Bedrag","Saldo na trn","Tegenrekening IBAN/BBAN","Naam tegenpartij","Naam uiteindelijke partij","Naam initiërende partij","BIC tegenpartij","Code","Batch ID","Transactiereferentie","Machtigingskenmerk","Incassant ID","Betalingskenmerk","Omschrijving-1","Omschrijving-2","Omschrijving-3"
        "NL44RABO0123456789","EUR","RABONL2U","000000000000007213","2021-06-01","2021-06-01","-12,34","+987,66","NL69INGB0123456789","Energie NV","","","INGBNL2A","ei","","","","","","Termijn","juni",""
        "NL44RABO0123456789","EUR","RABONL2U","000000000000007214","2021-06-02","2021-06-02","+1.000,00","+1.987,66","NL69INGB0123456789","Werk BV","","","INGBNL2A","cb","","","","","","Salaris","",""
        """,
        [("2021-06-01", "-12.34", "Energie NV"), ("2021-06-02", "1000.00", "Werk BV")],
    ),
    "otp_headerless": (
        """
        "117730161111101800000000";"T";-1500;"HUF";20200131;20200130;98500;"";"Bolt";"";"";"VÁSÁRLÁS KÁRTYÁVAL"
        "117730161111101800000000";"J";100000;"HUF";20200129;20200129;100000;"";"Munkahely";"";"";"ÁTUTALÁS"
        """,
        [("2020-01-31", "-1500", "VÁSÁRLÁS KÁRTYÁVAL"), ("2020-01-29", "100000", "ÁTUTALÁS")],
    ),
    "ocbc_continuation": (
        """
        Account details for:,FRANK Account 123-456789-001
        Available Balance,"150.00"
        Ledger Balance,"150.00"

        Transaction History
        Transaction date,Value date,Description,Withdrawals (SGD),Deposits (SGD)
        18/04/2018,18/04/2018,DEBIT PURCHASE,6.50,
        ,,  15/04/18 NOODLE BAR
        17/04/2018,17/04/2018,GIRO,,"1,200.00"
        ,,SALARY ACME
        """,
        [("2018-04-18", "-6.50", "15/04/18 NOODLE BAR"), ("2018-04-17", "1200.00", "SALARY ACME")],
    ),
    "nordea_reserved": (
        """
        Bogføringsdato;Beløb;Afsender;Modtager;Navn;Beskrivelse;Saldo;Valuta;Afstemt
        Reserveret;-19,00;;;;Kiosk;;DKK;
        2022/03/04;-250,00;1234;;;Netto;1750,00;DKK;
        2022/03/01;2000,00;;1234;;Løn;2000,00;DKK;
        """,
        [("2022-03-04", "-250.00", "Netto"), ("2022-03-01", "2000.00", "Løn")],
    ),
    "swedbank_se": (
        """
        * Transaktioner Period 2020-01-01 - 2020-01-31 Skapad 2020-02-01 10:00 CET
        Radnummer,Clearingnummer,Kontonummer,Produkt,Valuta,Bokföringsdag,Transaktionsdag,Valutadag,Referens,Beskrivning,Belopp,Bokfört saldo
        1,80000,123456789,Privatkonto,SEK,2020-01-30,2020-01-29,2020-01-30,ICA,ICA NARA,-89.50,910.50
        2,80000,123456789,Privatkonto,SEK,2020-01-25,2020-01-25,2020-01-25,LÖN,LÖN,1000.00,1000.00
        """,
        [("2020-01-30", "-89.50", "ICA NARA"), ("2020-01-25", "1000.00", "LÖN")],
    ),
    "swedbank_ee": (
        """
        "Client account";"Row type";"Date";"Beneficiary/Payer";"Details";"Amount";"Currency";"Debit/Credit";"Transfer reference";"Transaction type";"Reference number";"Document number";
        "EE382200221020145685";"10";"01.01.2021";"";"Opening balance";"100,00";"EUR";"K";"";"AS";"";"";
        "EE382200221020145685";"20";"04.01.2021";"Pood";"Ost";"12,50";"EUR";"D";"2021010400123456";"K";"";"";
        "EE382200221020145685";"20";"05.01.2021";"Tööandja";"Palk";"900,00";"EUR";"K";"2021010500123457";"MK";"";"";
        "EE382200221020145685";"82";"31.01.2021";"";"Turnover";"900,00";"EUR";"K";"";"K2";"";"";
        "EE382200221020145685";"86";"31.01.2021";"";"closing balance";"987,50";"EUR";"K";"";"LS";"";"";
        """,
        [("2021-01-04", "-12.50", "Pood"), ("2021-01-05", "900.00", "Tööandja")],
    ),
    "danske": (
        """
        "Dato";"Tekst";"Beløb";"Saldo";"Status";"Afstemt"
        "01.03.2021";"Løn";"12.345,67";"12.345,67";"Udført";"Nej"
        "03.03.2021";"Husleje";"-6.000,00";"6.345,67";"Udført";"Nej"
        "04.03.2021";"Kortkøb";"-45,00";"";"Venter";"Nej"
        """,
        [("2021-03-01", "12345.67", "Løn"), ("2021-03-03", "-6000.00", "Husleje")],
    ),
    "mbank": (
        """
        mBank S.A. Bankowość Detaliczna;
        #Klient;
        JAN KOWALSKI;
        #Za okres:;
        01.01.2020;31.01.2020;

        #Data operacji;#Data księgowania;#Opis operacji;#Tytuł;#Nadawca/Odbiorca;#Numer konta;#Kwota;#Saldo po operacji;
        2020-01-10;2020-01-11;ZAKUP PRZY UŻYCIU KARTY;"SKLEP";"  ";'';-1 234,50;3 765,50;
        2020-01-15;2020-01-15;PRZELEW PRZYCHODZĄCY;"pensja";"FIRMA SP Z O O";'11222233334444555566667777';5 000,00;8 765,50;

        ;;;;;;#Saldo końcowe;8 765,50 PLN;
        """,
        [("2020-01-11", "-1234.50", "ZAKUP PRZY UŻYCIU KARTY"), ("2020-01-15", "5000.00", "FIRMA SP Z O O")],
    ),
    "fineco": (
        """
        Data;Entrate;Uscite;Descrizione;Descrizione_Completa;Stato
        31/01/2021;;-20,00;PagoBancomat;Pag. bar;Contabilizzato
        29/01/2021;1.500,00;;Stipendio;Stipendio gennaio;Contabilizzato
        """,
        [("2021-01-31", "-20.00", "PagoBancomat"), ("2021-01-29", "1500.00", "Stipendio")],
    ),
    "postfinance": (
        """
        Datum von:;2021-01-01
        Datum bis:;2021-01-31
        Konto:;CH9300762011623852957
        Währung:;CHF
        Buchungsdatum;Avisierungstext;Gutschrift in CHF;Lastschrift in CHF;Valuta;Saldo in CHF
        2021-01-29;EINKAUF COOP;;-45.60;2021-01-29;1954.40
        2021-01-25;LOHN;2000.00;;2021-01-25;2000.00

        Disclaimer:
        Der Dokumentinhalt wurde durch Filtereinstellungen der Kundschaft generiert.
        """,
        [("2021-01-29", "-45.60", "EINKAUF COOP"), ("2021-01-25", "2000.00", "LOHN")],
    ),
    "ubs_apostrophe": (
        """
        Abschlussdatum;Buchungsdatum;Valutadatum;Währung;Belastung;Gutschrift;Einzelbetrag;Saldo;Transaktions-Nr.;Beschreibung1;Beschreibung2
        2022-02-01;2022-02-01;2022-02-01;CHF;-1'250.00;;;8'750.00;1234567TO89;"Immobilien AG";"Miete"
        2022-01-25;2022-01-25;2022-01-25;CHF;;10'000.00;;10'000.00;1234568TO89;"Firma AG";"Lohn"
        """,
        [("2022-02-01", "-1250.00", "Immobilien AG"), ("2022-01-25", "10000.00", "Firma AG")],
    ),
    "commbank_headerless": (
        """
        31/01/2020,"-12.34","COFFEE SYDNEY AU","+987.66"
        30/01/2020,"+1000.00","Salary ACME","+1000.00"
        """,
        [("2020-01-31", "-12.34", "COFFEE SYDNEY AU"), ("2020-01-30", "1000.00", "Salary ACME")],
    ),
    "wells_fargo_headerless": (
        """
        "01/31/2020","-12.34","*","","COFFEE SHOP"
        "01/30/2020","1000.00","*","","PAYROLL"
        """,
        [("2020-01-31", "-12.34", "COFFEE SHOP"), ("2020-01-30", "1000.00", "PAYROLL")],
    ),
    "td_headerless_pair": (
        """
        01/28/2021,GROCER,45.00,,955.00
        01/27/2021,TRANSIT,3.25,,1000.00
        01/26/2021,PAY,,800.00,1003.25
        """,
        [("2021-01-28", "-45.00", "GROCER"), ("2021-01-27", "-3.25", "TRANSIT"), ("2021-01-26", "800.00", "PAY")],
    ),
    "hdfc_lakh": (
        """
        Date,Narration,Value Dat,Debit Amount,Credit Amount,Chq/Ref Number,Closing Balance
        01/04/21,UPI-SHOP,01/04/21,"1,250.00",0.00,0000111122223333,"1,48,750.00"
        28/04/21,SALARY,28/04/21,0.00,"1,23,456.78",0000111122224444,"2,72,206.78"
        """,
        [("2021-04-01", "-1250.00", "UPI-SHOP"), ("2021-04-28", "123456.78", "SALARY")],
    ),
    "seb_three_decimals": (
        """
        Bokföringsdatum;Valutadatum;Verifikationsnummer;Text/mottagare;Belopp;Saldo
        2021-02-03;2021-02-03;5490990007;HYRA;-5500.000;4500.000
        2021-02-01;2021-02-01;5490990006;LÖN;10000.000;10000.000
        """,
        [("2021-02-03", "-5500.000", "HYRA"), ("2021-02-01", "10000.000", "LÖN")],
    ),
    "schwab_dollar": (
        """
        "Date","Type","Check #","Description","Withdrawal (-)","Deposit (+)","RunningBalance"
        "01/31/2020","VISA","","DINER","$12.50","","$1,087.50"
        "01/15/2020","ACH","","PAYCHECK","","$1,100.00","$1,100.00"
        """,
        [("2020-01-31", "-12.50", "DINER"), ("2020-01-15", "1100.00", "PAYCHECK")],
    ),
    "bmo_flag_and_sign": (
        """
        Following data is valid as of 20200131100000 (Year/Month/Day/Hour/Minute/Second)

        First Bank Card,Transaction Type,Date Posted, Transaction Amount,Description

        '500766*********1234',DEBIT,20200130,-15.0,[PR]CORNER STORE
        '500766*********1234',CREDIT,20200129,120.0,[DN]EMPLOYER
        """,
        [("2020-01-30", "-15.0", "[PR]CORNER STORE"), ("2020-01-29", "120.0", "[DN]EMPLOYER")],
    ),
    "tinkoff": (
        """
        "Дата операции";"Дата платежа";"Номер карты";"Статус";"Сумма операции";"Валюта операции";"Сумма платежа";"Валюта платежа";"Кэшбэк";"Категория";"MCC";"Описание";"Бонусы (включая кэшбэк)"
        "31.01.2021 12:13:14";"31.01.2021";"*1234";"OK";"-150,00";"RUB";"-150,00";"RUB";"";"Фастфуд";"5814";"Кофейня";"1,00"
        "30.01.2021 10:00:00";"30.01.2021";"";"FAILED";"-99,00";"RUB";"-99,00";"RUB";"";"Связь";"4814";"Телефон";"0,00"
        """,
        [("2021-01-31", "-150.00", "Кофейня")],
    ),
    "nubank": (
        """
        Data,Valor,Identificador,Descrição
        15/03/2022,-45.90,62305f6e-1111-4222-8333-944455556666,Compra no débito - Padaria
        14/03/2022,1500.00,62305f6e-1111-4222-8333-944455556667,Transferência recebida
        """,
        [("2022-03-15", "-45.90", "Compra no débito - Padaria"), ("2022-03-14", "1500.00", "Transferência recebida")],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shape_is_read_without_help(shape):
    text, expected = SHAPES[shape]
    assert rows_of(text) == expected


def test_every_statement_with_a_balance_column_adds_up():
    for text, _expected in SHAPES.values():
        for statement in read_csv(dedent(text).lstrip("\n").encode()).statements:
            assert statement.balance_break is None


@pytest.mark.parametrize(("encoding", "shape"), [
    ("utf-8-sig", "ing_de"), ("cp1252", "dkb_old"), ("cp1250", "mbank"), ("utf-16", "danske"), ("cp1251", "tinkoff"),
    ("cp1252", "kbc"),
])  # fmt: skip
def test_encodings_are_found(encoding, shape):
    text, expected = SHAPES[shape]
    assert rows_of(text, encoding=encoding) == expected
