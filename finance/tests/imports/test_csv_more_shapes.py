# ruff: noqa: E501
"""More shapes of real banks, from all over the world; each must be read without help."""

import pytest

from finance.imports.parsers.csv import read_csv
from finance.tests.imports.test_csv_shapes import rows_of

SHAPES = {
    "barclays": (
        """
        Number,Date,Account,Amount,Subcategory,Memo
        \t,05/03/2021,20-00-00 12345678,-9.99,DIRECTDEBIT,"SPOTIFY \tON 04 MAR"
        \t,04/03/2021,20-00-00 12345678,1500.00,FT,"ACME LTD \tSALARY"
        """,
        [("2021-03-05", "-9.99", "SPOTIFY ON 04 MAR"), ("2021-03-04", "1500.00", "ACME LTD SALARY")],
    ),
    "lloyds": (
        """
        Transaction Date,Transaction Type,Sort Code,Account Number,Transaction Description,Debit Amount,Credit Amount,Balance
        05/03/2021,DEB,'30-00-00,12345678,TESCO STORES,12.30,,487.70
        01/03/2021,FPI,'30-00-00,12345678,J SMITH,,500.00,500.00
        """,
        [("2021-03-05", "-12.30", "TESCO STORES"), ("2021-03-01", "500.00", "J SMITH")],
    ),
    "natwest": (
        """
        Date, Type, Description, Value, Balance, Account Name, Account Number

        05/03/2021,D/D,"'COUNCIL TAX",-120.00,380.00,"'SMITH J","'600000-12345678",
        01/03/2021,BAC,"'EMPLOYER, SALARY",500.00,500.00,"'SMITH J","'600000-12345678",
        """,
        [("2021-03-05", "-120.00", "'COUNCIL TAX"), ("2021-03-01", "500.00", "'EMPLOYER, SALARY")],
    ),
    "hsbc_uk_headerless": (
        """
        05/03/2021,TESCO PAY AT PUMP,-40.00
        04/03/2021,ACME SALARY,"1,500.00"
        """,
        [("2021-03-05", "-40.00", "TESCO PAY AT PUMP"), ("2021-03-04", "1500.00", "ACME SALARY")],
    ),
    "nationwide": (
        """
        "Account Name:","FlexAccount ****12345"
        "Account Balance:","£487.70"
        "Available Balance: ","£487.70"

        "Date","Transaction type","Description","Paid out","Paid in","Balance"
        "05 Mar 2021","Visa purchase","TESCO","£12.30","","£487.70"
        "01 Mar 2021","Bank credit","J SMITH","","£500.00","£500.00"
        """,
        [("2021-03-05", "-12.30", "TESCO"), ("2021-03-01", "500.00", "J SMITH")],
    ),
    "chase_card": (
        """
        Transaction Date,Post Date,Description,Category,Type,Amount,Memo
        03/03/2021,03/05/2021,COFFEE ROASTER,Food & Drink,Sale,-4.50,
        03/01/2021,03/01/2021,Payment Thank You-Mobile,,Payment,200.00,
        """,
        [("2021-03-05", "-4.50", "COFFEE ROASTER"), ("2021-03-01", "200.00", "Payment Thank You-Mobile")],
    ),
    "discover": (
        """
        Trans. Date,Post Date,Description,Amount,Category
        03/03/2021,03/15/2021,BOOK STORE,25.00,Merchandise
        03/02/2021,03/02/2021,INTERNET PAYMENT - THANK YOU,-100.00,Payments and Credits
        03/01/2021,03/01/2021,GROCER,30.10,Supermarkets
        """,
        [
            ("2021-03-15", "-25.00", "BOOK STORE"),
            ("2021-03-02", "100.00", "INTERNET PAYMENT - THANK YOU"),
            ("2021-03-01", "-30.10", "GROCER"),
        ],
    ),
    "citi": (
        """
        Status,Date,Description,Debit,Credit
        Cleared,03/13/2021,"PHARMACY",12.00,
        Cleared,03/01/2021,"ONLINE PAYMENT, THANK YOU",,-150.00
        Pending,03/14/2021,"CAFE",5.00,
        """,
        [("2021-03-13", "-12.00", "PHARMACY"), ("2021-03-01", "150.00", "ONLINE PAYMENT, THANK YOU")],
    ),
    "venmo": (
        """
        Account Statement - (@jane),,,,,,,,,,
        Account Activity,,,,,,,,,,
        ,ID,Datetime,Type,Status,Note,From,To,Amount (total),Funding Source,Destination
        ,3112345678901234567,2021-03-05T18:01:02,Payment,Complete,pizza,Jane,Bob,- $15.00,Venmo balance,
        ,3112345678901234568,2021-03-06T10:01:02,Payment,Complete,rent,Carl,Jane,"+ $1,200.00",,Venmo balance
        """,
        [("2021-03-05", "-15.00", "pizza"), ("2021-03-06", "1200.00", "rent")],
    ),
    "mint": (
        """
        "Date","Description","Original Description","Amount","Transaction Type","Category","Account Name","Labels","Notes"
        "3/15/2021","Starbucks","STARBUCKS 123","4.50","debit","Coffee Shops","Checking","",""
        "3/01/2021","Acme","ACME PAYROLL","1500.00","credit","Paycheck","Checking","",""
        """,
        [("2021-03-15", "-4.50", "Starbucks"), ("2021-03-01", "1500.00", "Acme")],
    ),
    "rbc": (
        """
        "Account Type","Account Number","Transaction Date","Cheque Number","Description 1","Description 2","CAD$","USD$"
        Chequing,01234-1234567,3/15/2021,,"INTERAC PURCHASE","GROCER",-20.15,,
        Chequing,01234-1234567,3/1/2021,,"PAYROLL DEPOSIT","ACME",900.00,,
        """,
        [("2021-03-15", "-20.15", "INTERAC PURCHASE"), ("2021-03-01", "900.00", "PAYROLL DEPOSIT")],
    ),
    "westpac": (
        """
        Bank Account,Date,Narrative,Debit Amount,Credit Amount,Balance,Categories,Serial
        032000123456,15/03/2021,"EFTPOS COLES",55.20,,944.80,PAYMENT,
        032000123456,01/03/2021,"SALARY",,1000.00,1000.00,DEP,
        """,
        [("2021-03-15", "-55.20", "EFTPOS COLES"), ("2021-03-01", "1000.00", "SALARY")],
    ),
    "nab": (
        """
        Date,Amount,Account Number,,Transaction Type,Transaction Details,Balance
        15 Mar 21,-12.00,012345678,,EFTPOS DEBIT,CAFE SYDNEY,988.00
        01 Mar 21,1000.00,012345678,,INTER-BANK CREDIT,EMPLOYER,1000.00
        """,
        [("2021-03-15", "-12.00", "CAFE SYDNEY"), ("2021-03-01", "1000.00", "EMPLOYER")],
    ),
    "asb_nz": (
        """
        Created date / time : 16 March 2021 / 10:11:12
        Bank 12; Branch 3456; Account 0123456-50 (Streamline)
        From date 20210301
        To date 20210316
        Avail Bal : 500.00 as of 20210316
        Ledger Balance : 500.00 as of 20210316
        Date,Unique Id,Tran Type,Cheque Number,Payee,Memo,Amount

        2021/03/15,2021031501,EFTPOS,,"COUNTDOWN","1234",-35.00
        2021/03/02,2021030201,D/C,,"EMPLOYER","WAGES",600.00
        """,
        [("2021-03-15", "-35.00", "COUNTDOWN"), ("2021-03-02", "600.00", "EMPLOYER")],
    ),
    "icici": (
        """
        DETAILED STATEMENT
        Transactions List -,,,,,,,
        S No.,Value Date,Transaction Date,Cheque Number,Transaction Remarks,Withdrawal Amount (INR ),Deposit Amount (INR ),Balance (INR )
        1,15/03/2021,15/03/2021,-,UPI/SHOP,250.00,0.00,"99,750.00"
        2,28/03/2021,28/03/2021,-,NEFT/SALARY,0.00,"1,00,000.00","1,99,750.00"
        """,
        [("2021-03-15", "-250.00", "UPI/SHOP"), ("2021-03-28", "100000.00", "NEFT/SALARY")],
    ),
    "dbs": (
        """
        Account Details For:,POSB Savings 123-45678-9
        Statement as at:,16 Mar 2021
        Available Balance:,500.00
        Ledger Balance:,500.00

        Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3
        15 Mar 2021,POS,12.30, ,KOPITIAM,TO: 1234,,
        01 Mar 2021,SAL, ,1000.00,ACME PTE LTD,,,
        """,
        [("2021-03-15", "-12.30", "POS"), ("2021-03-01", "1000.00", "SAL")],
    ),
    "smbc_japan": (
        """
        年月日,お引出し,お預入れ,お取り扱い内容,残高
        2021/3/15,"1200",,"カ)スーパー","98800"
        2021/3/1,,"100000","給料","100000"
        """,
        [("2021-03-15", "-1200", "カ)スーパー"), ("2021-03-01", "100000", "給料")],
    ),
    "santander_es": (
        """
        Fecha Operación;Fecha Valor;Concepto;Importe;Divisa;Saldo
        15/03/2021;15/03/2021;COMPRA MERCADONA;-23,10;EUR;976,90
        01/03/2021;01/03/2021;NOMINA;1.000,00;EUR;1.000,00
        """,
        [("2021-03-15", "-23.10", "COMPRA MERCADONA"), ("2021-03-01", "1000.00", "NOMINA")],
    ),
    "caixabank": (
        """
        Concepto;Fecha;Importe;Saldo
        COMPRA;15/03/2021;-12,34EUR;987,66EUR
        NOMINA;01/03/2021;1.000,00EUR;1.000,00EUR
        """,
        [("2021-03-15", "-12.34", "COMPRA"), ("2021-03-01", "1000.00", "NOMINA")],
    ),
    "boursorama": (
        """
        dateOp;dateVal;label;category;categoryParent;supplierFound;amount;comment;accountNum;accountLabel;accountbalance
        2021-03-15;2021-03-15;"CARTE 14/03/21 MONOPRIX";"Alimentation";"Vie quotidienne";"monoprix";-12,34;;00012345678;"BOURSORAMA";987.66
        2021-03-01;2021-03-01;"VIR SALAIRE";"Salaire";"Revenus";"acme";1 000,00;;00012345678;"BOURSORAMA";987.66
        """,
        [("2021-03-15", "-12.34", "monoprix"), ("2021-03-01", "1000.00", "acme")],
    ),
    "credit_agricole": (
        """
        Téléchargement du 16/03/2021;

        M. JEAN DUPONT
        Compte de dépôt carte n° 12345678901;
        Solde au 16/03/2021 987,66 €

        Liste des opérations du compte entre le 01/03/2021 et le 16/03/2021;

        Date;Libellé;Débit euros;Crédit euros;
        15/03/2021;"PAIEMENT PAR CARTE
        MONOPRIX PARIS 14/03";12,34;;
        01/03/2021;"VIREMENT EN VOTRE FAVEUR
        ACME SALAIRE";;1 000,00;
        """,
        [
            ("2021-03-15", "-12.34", "PAIEMENT PAR CARTE MONOPRIX PARIS 14/03"),
            ("2021-03-01", "1000.00", "VIREMENT EN VOTRE FAVEUR ACME SALAIRE"),
        ],
    ),
    "intesa": (
        """
        Data contabile;Data valuta;Addebiti;Accrediti;Descrizione;Descrizione estesa
        15/03/2021;15/03/2021;-12,34;;POS;CONAD ROMA
        01/03/2021;01/03/2021;;1.000,00;STIPENDIO;ACME SPA
        """,
        [("2021-03-15", "-12.34", "POS"), ("2021-03-01", "1000.00", "STIPENDIO")],
    ),
    "cgd_portugal": (
        """
        Consultar saldos e movimentos à ordem - 16-03-2021
        Conta ;0123456789012 - EUR - Conta Extracto

        Data mov. ;Data-valor ;Descrição ;Débito ;Crédito ;Saldo contabilístico ;Saldo disponível ;Categoria ;
        15-03-2021;15-03-2021;COMPRA CONTINENTE;12,34;;987,66;987,66;Compras;
        01-03-2021;01-03-2021;TRANSF SALARIO;;1.000,00;1.000,00;1.000,00;Rendimentos;
         ; ; ; ;Saldo contabilístico;987,66 EUR; ; ;
        """,
        [("2021-03-15", "-12.34", "COMPRA CONTINENTE"), ("2021-03-01", "1000.00", "TRANSF SALARIO")],
    ),
    "fio": (
        """
        "Výpis č. 3/2021 z účtu 2000000000/2010"
        "Majitel účtu: Jan Novák"
        "Období: 01.03.2021 - 31.03.2021"
        "Počáteční stav účtu k 01.03.2021: 0,00 CZK"
        "Koncový stav účtu k 31.03.2021: 876,00 CZK"

        "ID operace";"Datum";"Objem";"Měna";"Protiúčet";"Název protiúčtu";"Kód banky";"Název banky";"KS";"VS";"SS";"Poznámka";"Zpráva pro příjemce";"Typ";"Provedl";"Upřesnění"
        "23456789012";"01.03.2021";"1000,00";"CZK";"1234567890";"Zaměstnavatel";"0100";"KB";"";"";"";"";"Mzda";"Bezhotovostní příjem";"";""
        "23456789013";"15.03.2021";"-124,00";"CZK";"";"";"";"";"";"1234";"";"Nákup: ALBERT, Praha";"";"Platba kartou";"";""
        """,
        [("2021-03-01", "1000.00", "Zaměstnavatel"), ("2021-03-15", "-124.00", "Nákup: ALBERT, Praha")],
    ),
    "ing_pl": (
        """
        "Lista transakcji";;;;;"ING Bank Śląski S.A."
        "Dokument nr";;;;;"1"

        "Data transakcji";"Data księgowania";"Dane kontrahenta";"Tytuł";"Nr rachunku";"Nazwa banku";"Szczegóły";"Nr transakcji";"Kwota transakcji (waluta rachunku)";"Waluta";"Kwota blokady/zwolnienie blokady";"Waluta";"Kwota płatności w walucie";"Waluta";"Konto";"Saldo po transakcji";"Waluta"
        2021-03-15;2021-03-16;" BIEDRONKA ";" Płatność kartą ";'';"";"TR.KART";'202107512345';-23,10;PLN;;;;;"Konto";976,90;PLN
        2021-03-01;2021-03-01;" ACME SP ";" Wynagrodzenie ";'11222233334444555566667777';"";"PRZELEW";'202106012345';1000,00;PLN;;;;;"Konto";1000,00;PLN
        """,
        [("2021-03-16", "-23.10", "BIEDRONKA"), ("2021-03-01", "1000.00", "ACME SP")],
    ),
    "nordea_fi": (
        """
        Kirjauspäivä;Määrä;Maksaja;Maksunsaaja;Nimi;Otsikko;Viitenumero;Saldo;Valuutta
        2021/03/15;-12,34;FI2112345600000785;;K-Market;Korttiosto;;987,66;EUR
        2021/03/01;1000,00;;FI2112345600000785;Työnantaja;Palkka;;1000,00;EUR
        """,
        [("2021-03-15", "-12.34", "K-Market"), ("2021-03-01", "1000.00", "Työnantaja")],
    ),
    "op_fi": (
        """
        "Kirjauspäivä";"Arvopäivä";"Määrä EUROA";"Laji";"Selitys";"Saaja/Maksaja";"Saajan tilinumero";"Viite";"Viesti";"Arkistointitunnus"
        "2021-03-15";"2021-03-15";"-12,34";"162";"PKORTTIMAKSU";"PRISMA";"";"";"";"20210315/593619/123456"
        "2021-03-01";"2021-03-01";"1000,00";"710";"PALKKA";"ACME OY";"";"";"";"20210301/593619/123457"
        """,
        [("2021-03-15", "-12.34", "PRISMA"), ("2021-03-01", "1000.00", "ACME OY")],
    ),
    "dnb_no": (
        """
        "Dato";"Forklaring";"Rentedato";"Ut fra konto";"Inn på konto"
        "15.03.2021";"Varekjøp REMA 1000";"15.03.2021";"123,40";""
        "01.03.2021";"Lønn ACME";"01.03.2021";"";"25.000,00"
        """,
        [("2021-03-15", "-123.40", "Varekjøp REMA 1000"), ("2021-03-01", "25000.00", "Lønn ACME")],
    ),
    "george_at": (
        """
        Buchungsdatum,Partnername,Partner IBAN,BIC/SWIFT,Partner Kontonummer,Bankleitzahl,Betrag,Währung,Buchungs-Details,Buchungsreferenz
        15.03.2021,BILLA,,,,,"-12,34",EUR,BILLA DANKT 1234,201112103151ABC-0012345
        01.03.2021,ACME GmbH,AT611904300234573201,BKAUATWW,,,"1.000,00",EUR,Gehalt,201112103011ABC-0012346
        """,
        [("2021-03-15", "-12.34", "BILLA"), ("2021-03-01", "1000.00", "ACME GmbH")],
    ),
    "bawag_headerless": (
        """
        AT611904300234573201;Bezahlung Karte BILLA;15.03.2021;14.03.2021;-12,34;EUR
        AT611904300234573201;Gehalt ACME;01.03.2021;01.03.2021;+1.000,00;EUR
        """,
        [("2021-03-15", "-12.34", "Bezahlung Karte BILLA"), ("2021-03-01", "1000.00", "Gehalt ACME")],
    ),
    "commerzbank": (
        """
        Buchungstag;Wertstellung;Umsatzart;Buchungstext;Betrag;Währung;IBAN Kontoinhaber;Kategorie
        15.03.2021;15.03.2021;Lastschrift;"Telefon AG Rechnung";-30,00;EUR;DE02120300000000202051;Sonstiges
        01.03.2021;01.03.2021;Gutschrift;"ACME Gehalt";1000,00;EUR;DE02120300000000202051;Einkommen
        """,
        [("2021-03-15", "-30.00", "Telefon AG Rechnung"), ("2021-03-01", "1000.00", "ACME Gehalt")],
    ),
    "postbank": (
        """
        Umsatzauskunft - gebuchte Umsätze
        Name;Muster, Erika
        BLZ;10010010
        Kontonummer;123456789
        Aktueller Kontostand;970,00 EUR
        Summe vorgemerkter Umsätze;0,00 EUR

        "Buchungsdatum";"Wertstellung";"Umsatzart";"Buchungsdetails";"Auftraggeber";"Empfänger";"Betrag (€)";"Saldo (€)"
        "15.03.2021";"15.03.2021";"Lastschrift";"Rechnung";"Muster, Erika";"Telefon AG";"-30,00 €";"970,00 €"
        "01.03.2021";"01.03.2021";"Gutschrift";"Gehalt";"ACME GmbH";"Muster, Erika";"1.000,00 €";"1.000,00 €"
        """,
        [("2021-03-15", "-30.00", "Telefon AG"), ("2021-03-01", "1000.00", "ACME GmbH")],
    ),
    "zkb": (
        """
        "Datum";"Buchungstext";"Whg";"Betrag Detail";"ZKB-Referenz";"Referenznummer";"Belastung CHF";"Gutschrift CHF";"Valuta";"Saldo CHF"
        "15.03.2021";"Einkauf Coop";"";"";"Z210741234567";"";"45.60";"";"15.03.2021";"954.40"
        "01.03.2021";"Gutschrift ACME";"";"";"Z210601234567";"";"";"1000.00";"01.03.2021";"1000.00"
        """,
        [("2021-03-15", "-45.60", "Einkauf Coop"), ("2021-03-01", "1000.00", "Gutschrift ACME")],
    ),
    "ubs_card_sep": (
        """
        sep=;
        Kontonummer;Kartennummer;Konto-/Karteninhaber;Einkaufsdatum;Buchungstext;Branche;Betrag;Originalwährung;Kurs;Währung;Belastung;Gutschrift;Buchung
        1234;5411;ERIKA MUSTER;15.03.2021;COOP ZUERICH;Grocery;45.60;CHF;;CHF;45.60;;16.03.2021
        1234;5411;ERIKA MUSTER;10.03.2021;GUTSCHRIFT SHOP;Shop;20.00;CHF;;CHF;;20.00;11.03.2021
        """,
        [("2021-03-16", "-45.60", "COOP ZUERICH"), ("2021-03-11", "20.00", "GUTSCHRIFT SHOP")],
    ),
    "lunar_quoted_lines": (
        """
        Date,Time,Text,Amount,Balance,Category
        2021-03-15,10:11,"Netto, København","-45,00","955,00",Groceries
        2021-03-01,08:00,Løn,"1.000,00","1.000,00",Income
        """,
        [("2021-03-15", "-45.00", "Netto, København"), ("2021-03-01", "1000.00", "Løn")],
    ),
    "bunq_semicolon": (
        """
        "Date";"Interest Date";"Amount";"Account";"Counterparty";"Name";"Description"
        "2021-03-15";"2021-03-15";"-1.234,56";"NL26BUNQ2025126409";"NL02ABNA0123456789";"Landlord";"Rent"
        "2021-03-01";"2021-03-01";"2.000,00";"NL26BUNQ2025126409";"NL02ABNA0123456789";"ACME";"Salary"
        """,
        [("2021-03-15", "-1234.56", "Landlord"), ("2021-03-01", "2000.00", "ACME")],
    ),
    "abn_amro_tab": (
        "123456789\tEUR\t20210315\t1000,00\t987,66\t20210315\t-12,34\tBEA   NR:12345   15.03.21/10.11 ALBERT HEIJN\n"
        "123456789\tEUR\t20210316\t987,66\t1987,66\t20210316\t1000,00\tSEPA Overboeking ACME\n",
        [
            ("2021-03-15", "-12.34", "BEA NR:12345 15.03.21/10.11 ALBERT HEIJN"),
            ("2021-03-16", "1000.00", "SEPA Overboeking ACME"),
        ],
    ),
    "argenta": (
        """
        Rekening;Boekdatum;Valutadatum;Referentie;Beschrijving;Bedrag;Munt;Verrichtingsdatum;Rekening tegenpartij;Naam tegenpartij;Mededeling
        BE68 5390 0754 7034;15-03-2021;15-03-2021;C1C15AB01A2B3C4D;Betaling;-12,34;EUR;15-03-2021;BE71 0961 2345 6769;Bakker;brood
        BE68 5390 0754 7034;01-03-2021;01-03-2021;C1C01AB01A2B3C4E;Storting;1.000,00;EUR;01-03-2021;BE71 0961 2345 6770;ACME;loon
        """,
        [("2021-03-15", "-12.34", "Bakker"), ("2021-03-01", "1000.00", "ACME")],
    ),
    "belfius": (
        """
        Boekingsdatum vanaf;01/03/2021
        Boekingsdatum tot en met;31/03/2021
        Laatste saldo;987,66 EUR
        Datum/uur van het laatste saldo;16/03/2021 10:11:12

        Rekening;Boekingsdatum;Rekeninguittrekselnummer;Transactienummer;Rekening tegenpartij;Naam tegenpartij bevat;Straat en nummer;Postcode en plaats;Transactie;Valutadatum;Bedrag;Devies;BIC;Landcode;Mededelingen
        BE68 5390 0754 7034;15/03/2021;00003;00012;;BAKKER;;;KAARTBETALING BAKKER;15/03/2021;-12,34;EUR;;;
        BE68 5390 0754 7034;01/03/2021;00003;00011;BE71 0961 2345 6769;ACME;;;LOON;01/03/2021;1000,00;EUR;;;loon maart
        """,
        [("2021-03-15", "-12.34", "BAKKER"), ("2021-03-01", "1000.00", "ACME")],
    ),
    "ing_be": (
        """
        Rekeningnummer;Naam van de rekening;Rekening tegenpartij;Omzetnummer;Boekingsdatum;Valutadatum;Bedrag;Munteenheid;Omschrijving;Detail van de omzet;Bericht
        BE68539007547034;Peeters;;00012;15/03/2021;15/03/2021;-12,34;EUR;Betaling Bancontact BAKKER;Betaling;
        BE68539007547034;Peeters;BE71096123456769;00011;01/03/2021;01/03/2021;1000,00;EUR;Overschrijving ACME;Loon;
        """,
        [("2021-03-15", "-12.34", "Betaling Bancontact BAKKER"), ("2021-03-01", "1000.00", "Overschrijving ACME")],
    ),
    "n26_like_us_dates_with_time": (
        """
        Date and time,Merchant,Amount,Currency,Status
        03/15/2021 10:11 PM,Deli,-$12.50,USD,Completed
        03/01/2021 09:00 AM,ACME Payroll,"$1,000.00",USD,Completed
        """,
        [("2021-03-15", "-12.50", "Deli"), ("2021-03-01", "1000.00", "ACME Payroll")],
    ),
    "apple_card": (
        """
        Transaction Date,Clearing Date,Description,Merchant,Category,Type,Amount (USD),Purchased By
        03/15/2021,03/16/2021,"CAFE 123","Cafe","Restaurants","Purchase","4.50","Jane"
        03/01/2021,03/02/2021,"ACH DEPOSIT INTERNET TRANSFER THANK YOU","Ach Deposit","Payment","Payment","-100.00","Jane"
        02/28/2021,03/01/2021,"GROCER","Grocer","Grocery","Purchase","30.00","Jane"
        """,
        [("2021-03-16", "-4.50", "Cafe"), ("2021-03-02", "100.00", "Ach Deposit"), ("2021-03-01", "-30.00", "Grocer")],
    ),
    "tangerine": (
        """
        Date,Transaction,Name,Memo,Amount
        3/15/2021,DEBIT,INTERAC e-Transfer To: Bob,Transferred,-20
        3/1/2021,CREDIT,EFT Deposit from ACME,,900.5
        """,
        [("2021-03-15", "-20", "INTERAC e-Transfer To: Bob"), ("2021-03-01", "900.5", "EFT Deposit from ACME")],
    ),
    "unknown_language": (
        """
        Fecha-x,Zprx,Kwx,Abx
        2021-03-15,obchod jedna,-12.34,a
        2021-03-01,plat,1000.00,b
        """,
        [("2021-03-15", "-12.34", "obchod jedna"), ("2021-03-01", "1000.00", "plat")],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shape_is_read_without_help(shape):
    text, expected = SHAPES[shape]
    assert rows_of(text) == expected


def test_lines_that_are_in_quotes_as_a_whole():
    text = '"Date;Text;Amount"\n"05.01.2026;Card ""Gold"";-3,50"\n"06.01.2026;Bar;-4,50"\n'
    (statement,) = read_csv(text.encode()).statements
    assert [(row.number, row.payee, str(row.amount)) for row in statement.rows] == [
        (2, 'Card "Gold"', "-3.50"),
        (3, "Bar", "-4.50"),
    ]
