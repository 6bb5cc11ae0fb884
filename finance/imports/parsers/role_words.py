# ruff: noqa: E501
"""The words by which banks name columns: what a heading says about the role of its column."""

import re
from functools import lru_cache

from finance.imports.parsers.words import any_of, anywhere, plain

_LONGEST_NAME = 120  # of a column
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


# Beginnings of the words for money out and money in, where a heading says more than one word ("Belastungsbetrag",
# "Montant débité", "Bedrag af") in the languages of the banks we know of.
_OUT_STEMS = (
    r"belast|vyber|duguj|breme|platiti|\bplati\b|дебит|uttekt|ghi no\b|abbuch|abgang|auszahl|ausgab|lastschr|debit|debet|dbit|prelev|retrait|sortie|depens|cargo|adeud|retiro"
    r"|salid|gasto|addebit|uscit|prelie|saida|levantam|afschrijv|uitgav|bedrag af|obciaz|wyplat|wydat|odeslan|vydaj"
    r"|terhel|kiad|zaduzen|isplat|odliv|uttag|utbetal|utgift|haevet|udbetal|veloit|otto|panot ulos|islaid|nurasyt"
    r"|islaido|izmaks|norakst|valjamin|valjamaks|platit|iesir|cikan|borc|списан|расход|дебет|видат|χρεωσ|αναληψ|支出|出金|お支払"
    r"|出金額|支払|출금|지급금액|찾으신|ถอน|提出|提款|חובה|مدين|سحب|برداشت|بدهکار|withdraw|paid out|money out|outflow|spent"
)
_IN_STEMS = (
    r"gutschr|sissemaks|\bvklad|potraz|\bdobro|innlegg|ghi co\b|zugang|einzahl|eingang|einnahm|credit|kredit|crdit|versement|encaiss|entree|recett|abono|ingres|deposit"
    r"|haber|accredit|entrat|versament|entrada|bijschrijv|ontvangst|ontvangen|bedrag bij|uznan|wplat|wplyw|prijem(?!c)|prichoz|pripsan"
    r"|jovair|bevetel|priliv|uplat|odobren|insattn|inbetal|inkomst|indsat|indbetal|hyvit|panot|talletus|ieskait|iemaks"
    r"|laekum|sissetulek|pajam|gaunam|incasar|giren|alacak|зачисл|приход|кредит|надход|πιστωσ|καταθεσ|収入|入金|お預|預入|입금|맡기신|ฝาก|存入|存款|זכות|دائن|ايداع|واریز|بستانکار"
    r"|paid in|money in|inflow|received"
)

# Who is at the other end, and the words for an account, as beginnings of words.
_OTHER_SIDE = (
    r"counter|gegen|tegen|protiuc|protistran|contrapart|contrepart|controparte|kontrahent|odbiorc|nadawc|empf|begunst|beguenst"
    r"|zahlungspfl|zahlungsbet|payee|benefi|partner|recipient|receiver|sender|destinat|ordenant|mottag|modtag|afsend|avsand"
    r"|avsend|mottak|saaja|maksaja|получат|отправ|контрагент|плательщ|одержувач|kedvezmeny|ellenoldal|primatelj|platitelj|prijemc"
    r"|auftraggeber|相手|对方|對方|상대"
)
_ACCOUNT = (
    r"iban|account|acct|konto|cuenta|conto|compte|conta\b|rachun|uctu|ucet|szamla|tili|saskait|счет|рахун|hesap|λογαριασμ|rekening"
    r"|number|nummer|numer|口座|계좌|账号|账户|帳號"
)

# Per role: (pattern, score), tried from the top; the first hit counts. A pattern without blanks at its ends is a
# whole word; `_whole` patterns match anywhere, for languages that glue words together.
_ROLES: dict[str, list[tuple[re.Pattern[str], int]]] = {
    "date": [
        (any_of(r"time|uhrzeit|time ?zone|abschlusszeit"), 0),
        (
            any_of(
                r"buchungstag|buchungsdatum|buchung|bookings? date|booked|booking|posting date|post date|posted date"
                r"|date posted|posted|date processed|process(?:ed|ing) date|completed date|clearing date|settlement date"
                r"|date d ?execution|date comptable|date de comptabilisation|dateop|datum zauctovani|zauctovani"
                r"|bokforingsdag|bokforingsdatum|bokfort dato|bokforingsdato|bokfort|bogforingsdato|bogfort"
                r"|kirjauspaiva|data ksiegowania|data contabile|data registrazione|data operazione|fecha contable"
                r"|fecha (?:de )?operacion|f operacion|boekingsdatum|boekdatum|konyveles datuma|konyvelesi datum"
                r"|konyveles|data lancamento|data mov|data movimento|data do movimento|дата проводки|дата платежа"
                r"|取引日|年月日|ご利用日|利用日|entry date|date de l ?ecriture|date of entry|islem tarihi"
            ),
            100,
        ),
        (
            any_of(
                r"valuta|valutadatum|wertstellung|wertstellung valuta|wert|value dat|value|dateval|date valeur|ertektknap"
                r"|erteknap|valutadag|valutadato|rentedatum|rentedato|interest date|arvopaiva|vardedag|valeur|вальор|валютирования"
            ),
            40,
        ),
        (
            any_of(
                r"transaction date|trans date|transaktionsdatum|transaktionsdag|transaktionsdato|transactiedatum"
                r"|date de transaction|datum provedeni|data operacji|data transakcji|tranzakcio datuma|started date"
                r"|run date|purchase date|kaufdatum|belegdatum|txn date|date operation|date de l ?operation"
                r"|дата операции"
            ),
            80,
        ),
        (
            any_of(
                r"date|datum|dato|data|fecha|paiva|pvm|paivays|paivamaara|kuupaev|datums|tarih|дата|日期|日付|交易时间"
                r"|ημερομηνια|ημ νια|dagsetning|ngay giao dich|ngay|tanggal|tarikh|timestamp|created at|created on|unixtime|epoch|วันที|거래일|거래일자|거래일시|거래날짜|fecha hora"
            ),
            60,
        ),
        (anywhere(r"dat(?:e|um|a|o)|fecha|дата|datum|paiva|kuupaev|tarih|日"), 50),
    ],
    "amount": [
        # Beside "сумма платежа" that of the purchase, in the shop's currency.
        (any_of(r"сумма операции"), 60),
        (
            any_of(
                r"original\w*|orig|foreign\w*|fremd\w*|local|exchange|wechselkurs|kurs|rate|fees?|gebuhr\w*|poplatek|charges?"
                r"|commission|vat|tax|mwst|cashback|ursprungs\w*|lastschrift ursprungsbetrag|auslagenersatz\w*|puvodni"
                r"|povodna|limit|blokady\w*|eredeti|instructed|source|target|tip|rewards?|points|remaining|available"
                r"|bonus|einzelbetrag|category|number|nummer|anzahl|quantity|price|shares|count|nr|id|code|mcc|kategorie"
                r"|einkaufs\w*|utlandsk\w*|valutakurs|umrechnungskurs|devise etrangere|кэшбэк|бонусы|commissione|abgeltung"
            ),
            0,
        ),
        (
            any_of(
                r"amount|betrag|buchungsbetrag|montant|bedrag|belopp|belob|beloeb|belop|importe|importo|kwota|castka"
                r"|zauctovana castka|objem|osszeg|сумма|monto|valor|umsatz|maara|iznos|suma|summa|summe|tutar|tutari|金額"
                r"|montante|ciastka|znesek|valoare|стоиност|ποσο|ποσου|upphaed|jumlah|so tien|จ\u0e4d\u0e32นวนเง\u0e34น|入出金\w*|거래금액|금액|入出金 円|quantia|cantidad|transaction amount|amt|umsatz in|net amount|net|netto|金额|tranzakcio osszege"
                r"|kwota transakcji|kwota operacji|сумма платежа|сумма операции|ご利用金額|利用金額|сума|bedrag eur|visszeg"
            ),
            100,
        ),
        (any_of(r"value|gross|brutto|total|sum|cad|usd|eur|gbp|chf"), 60),
        (anywhere(r"betrag|amount|belopp|castka|osszeg|сумм|umsatz$"), 50),
    ],
    "debit": [
        (any_of(r"direct debit|mandate|mandats\w*|card|original|number|account|date|datum|balance|saldo"), 0),
        (
            any_of(
                r"debits?|debet|debito|debitos|soll|belastung|lastschrift|withdrawals?|withdrawal amt|paid out|money out|out"
                r"|outflows?|ausgang|ausgaben?|auszahlung|cargos?|debe|dare|uscite|uscita|addebit[io]|depenses?|retraits?"
                r"|obciazeni[ae]|wydatki|terheles|kiadas|vydaj|vydaje|spent|spend|uttag|utgift|udgift|ut fra konto|ut|otto"
                r"|saidas?|дебет|расход|списание|お引出し|お支払金額|出金|出金額|支払い金額|支出|af|expenses?|gider|borc|deebet|debit amount|belast\w*"
            ),
            100,
        ),
        (anywhere(_OUT_STEMS), 80),
    ],
    "credit": [
        (
            any_of(r"credit card|card|creditor|kreditkarte|original|number|account|date|datum|balance|saldo|limit|id"),
            0,
        ),
        (
            any_of(
                r"credits?|credito|creditos|haben|gutschrift|deposits?|deposit amt|paid in|money in|in|inflows?|eingang"
                r"|einnahmen?|einzahlung|abonos?|haber|avere|entrate|entrata|accredit[io]|uznani[ae]|wplywy|jovairas|bevetel"
                r"|prijem|prijmy|received|insattning|inn pa konto|inn|inntekt|indtaegt|pano|entradas?|кредит|приход|зачисление|お預入れ"
                r"|お預り金額|入金|入金額|預かり金額|收入|kredit|kreedit|bij|bijschrijving|income|gelir|alacak|credit amount|recettes?|versements?"
            ),
            100,
        ),
        (anywhere(_IN_STEMS), 80),
    ],
    "balance": [
        (any_of(r"available|opening|verfugbar\w*|overdraft"), 20),
        (
            any_of(
                r"balance|bal|running bal|saldo|solde|kontostand|egyenleg|zustatek|zostatok|остаток|残高|残高 円|差引残高|stand|tegoed"
                r"|jaak|atlikums|likutis|sold|bakiye|behallning|behollning|stanje|залишок|салдо|υπολοιπο|stada|余额|餘額|結餘|结余|잔액|잔고|거래후잔액|거래후 잔액|ยอดคงเหลือ|คงเหลือ|so du|accountbalance|runningbalance|saldo na trn|saldo na mutatie|buchungssaldo"
            ),
            100,
        ),
        (anywhere(r"saldo|balance|kontostand|残高"), 80),
    ],
    "currency": [
        (any_of(r"валюта операции"), 60),
        (
            any_of(r"original\w*|foreign\w*|fremd\w*|local|puvodni|eredeti|exchange|source|target|from|to|instructed"),
            10,
        ),
        (
            any_of(
                r"currency|ccy|curr|wahrung|waehrung|whrung|buchungswahrung|kontowahrung|devise|munt|muntsoort|valuta|mena"
                r"|mena uctu|devizanem|tranzakcio devizaneme|waluta|moneda|divisa|moeda|валюта|valuutta|valuuta|valutta|valiuta|penznem|doviz cinsi|νομισμα|mynt|币种|幣別|통화|สก\u0e38ลเง\u0e34น|通貨|para birimi"
                r"|devise du compte|валюта операции|валюта платежа"
            ),
            100,
        ),
    ],
    "payee": [
        (
            any_of(
                r"iban\w*|bic|swift|number|nummer|no|nr|szamla\w*|account\w*|konto\w*|rekening\w*|tegenrekening|holder|card"
                r"|bank|blz|address|adres|email|uctu|cislo|kontoinhaber|szamla neve|rubrieknaam|own|account name|type|code|id"
                r"|pays|country|land|kod|category|kategorie|mcc|city|state|postcode|zip|strasse|ort|emoji|phone|bankname"
            ),
            0,
        ),
        (any_of(r"naam omschrijving|name description|naam omschrijving"), 100),
        (
            any_of(
                r"payee|payee name|counterparty|counter party|counterparty name|merchant|merchant name|partner ?name|partner"
                r"|empfanger|beguenstigter|begunstigter|beguenstigter zahlungspflichtiger|zahlungspflichtiger\w*"
                r"|zahlungspflichtige r|zahlungsempfanger\w*|auftraggeber|payer|payer name|empfm|beneficiary|beneficiary payer|naam tegenpartij|nazev protiuctu"
                r"|partner neve|nadawca odbiorca|nadawca|odbiorca|dane kontrahenta|kontrahent|contrepartie"
                r"|nom de la contrepartie|beneficiario|ordenante|destinatario|mottagare|modtager|saaja maksaja|saaja|maksaja"
                r"|saaja maksaja|получатель|контрагент|取引先|거래처|보낸분 받는분|supplierfound|vendor|shop|beneficiaire|gavejas|moketojas|gavejas moketojas|sanemejs|maksatajs|sanemejs maksatajs|prijemce|prijemca|kedvezmenyezett"
                r"|kedvezmenyezett neve|primatelj|platitelj|primatelj platitelj|prejemnik|placnik|prejemnik placnik|beneficiar|platitor|alici"
                r"|gonderen|musteri|отримувач|отримувач платежу|получател|наредител|контрагенти|δικαιουχοσ|収款人|收款人|付款人|对方户名|对方名称|받는분|보낸분"
                r"|contrapartida|controparte|vidtakandi|tegenpartij|protistrana|plnc|gegenpartei"
                r"|zahlungsbeteiligter|name zahlungsbeteiligter|mottaker|avsender|avsandare|afsender|nimi|saaja tai maksaja"
                r"|recipient|sender|supplier|交易对方|ご利用店名|利用店名|ご利用店名 海外利用都市名|beguenstigter auftraggeber|begunstigter auftraggeber"
            ),
            100,
        ),
        (any_of(r"name|naam|navn|namn|nombre|nom|nazwa|nazev"), 50),
    ],
    "description": [
        (
            any_of(
                r"type|tipo|typ|категорія|категория|категории|typ transakce|typ transakcji|category|kategorie|kategoria|kategorie transakce|code"
            ),
            10,
        ),
        (
            any_of(r"iban|bic|number|nummer|nr|id|account|konto|kontonummer|date|datum|emoji|currency|url|logo"),
            0,
        ),
        (
            any_of(
                r"descriptions?|details|detail|memo|narrative|narration|text|tekst|verwendungszweck|zweck|buchungszweck|verwendung|vorgang verwendungszweck"
                r"|buchungsdetails|omschrijving\w*|omschrijving \d|mededeling|mededelingen|vrije mededeling|libelle"
                r"|gestructureerde mededeling|label|communication|communications|concepto|observaciones|descripcion|descrizione"
                r"|descrizione completa|causale|opis|opis operacji|opis transakcji|tytul|zprava|zprava pro prijemce|zprava pro me"
                r"|poznamka|kozlemeny|beskrivning|beskrivelse|rubrik|melding|meddelande|selite|viesti|selgitus|назначение|описание|descricao"
                r"|historico|paskirtis|mokejimo paskirtis|aprasymas|apraksts|maksajuma merkis|namen|detalii|detalii tranzactie|призначення|призначення платежу"
                r"|опис|опис операції|основание|αιτιολογια|περιγραφη|skyring|dien giai|keterangan|摘要|商品说明|备注|備註|用途|お取り扱い内容|적요|내용|거래내용|รายการ|รายละเอียด|noi dung|取引内容|入出金先内容|particulars|notes|note|notes and tags|purpose|payment reference|reference"
                r"|avisierungstext|transaktionsbeschreibung|beschreibung\d?|description \d|transaction description|transaction details|title|商品"
                r"|details of payment|remittance information|remarks|aciklama|action|original description|extended details|booking text|libelle operation"
            ),
            100,
        ),
        (
            any_of(
                r"buchungstext|umsatzart|mutatiesoort|vorgang|bankovni spojeni|polozka|umsatztyp|verwendungszweck \d|subject|message"
            ),
            60,
        ),
        (anywhere(r"beschreib|descri|opis|omschrijv|verwend|libell|kozlem|popis"), 80),
    ],
    "bank_id": [
        (
            any_of(
                r"transaction id|transactionid|transferwise id|id transakce|transaktions nr|transaktionsnummer|transaktionsid"
                r"|transactie id|transaktions id|unique id|id operace|id pohybu|identificador|referencni cislo transakce|volgnr"
                r"|numero de sequence|n de sequence|no de sequence|fitid|tran id|trans id|trx id|transaction number|transaction no"
                r"|arkistointitunnus|arhiveerimistunnus|buchungsreferenz|transaktionsreferenz|transaction reference number|transfer reference|operation id"
                r"|identyfikator transakcji|nr transakcji|id operazione|payment id|entry id|external id|bank reference|archive id"
                r"|archival identifier|交易号|交易订单号|订单号|uuid|id transaction|radnummer id|identifiant|transaction unique id"
            ),
            100,
        ),
        (any_of(r"id"), 60),
    ],
    "status": [
        (
            any_of(
                r"status|state|stato|statut|stav|info|tila|estado|estatus|статус|booking status|umsatzstatus|durum|stan|交易状态|storno"
            ),
            100,
        ),
    ],
    "account": [
        (any_of(r"type|category|typ|art"), 0),
        (anywhere(_OTHER_SIDE), 0),
        # A household's own names for its accounts, as programs that gather several banks write them.
        (
            re.compile(
                r"^(?:account name|kontoname|kontobezeichnung|nom du compte|nombre de (?:la )?cuenta|nome (?:del )?conto)$"
            ),
            60,
        ),
        (any_of(r"name|naam|neve|holder"), 0),
        # Without "own" or a holder beside it, the other side's as often as one's own.
        (
            re.compile(
                r"^(?:iban|konto|account|kontonummer|account number|rekening|iban bic|rachunek|numer konta|nr konta|cuenta"
                r"|numero de cuenta|conto|numero conto|compte|numero compte|szamla|racun|konts|saskaita|tili|tilinumero|счет"
                r"|рахунок|ucet|hesap no|konto nr|kontonr|kto|acct|acct no|口座番号|계좌번호|账号|账户)$"
            ),
            50,
        ),
        (
            any_of(
                r"auftragskonto|iban bban|client account|rekeningnummer|rekening|account|account number|bank account|accountnum"
                r"|cislo uctu|szamlaszam|iban kontoinhaber|konto|iban auftragskonto|numero de compte|kontonummer|iban|own account"
                r"|nr rachunku|номер счета|account no|bezeichnung auftragskonto|product account|numer rachunku"
            ),
            100,
        ),
    ],
    "counterparty_account": [
        (any_of(r"name|naam|type|bank|bic|swift|blz|currency|wahrung|date|datum|betrag|amount"), 0),
        (
            anywhere(
                rf"(?:{_OTHER_SIDE}).*(?:{_ACCOUNT})|(?:{_ACCOUNT}).*(?:{_OTHER_SIDE})|protiuc|gegenkonto|tegenrekening"
            ),
            100,
        ),
        (
            any_of(
                r"konto|iban|account|kontonummer|account number|rekening|iban bic|kontonummer iban|to account|from account|numer konta|nr konta|rachunek|cuenta|conto|compte|szamla|racun|konts|saskaita|tili|счет|рахунок|ucet"
            ),
            50,
        ),
    ],
    "counterparty_bank": [
        (any_of(r"name|naam|bankname|amount|betrag|date|own|auftragskonto|country|land"), 0),
        (any_of(r"bic|swift|bic swift|swift bic|bic code|swift code|bic swift code"), 100),
        (
            any_of(
                r"blz|bankleitzahl|kod banky|kod banku|bank code|sort code|sortcode|banka|routing number|ifsc|clearing"
            ),
            80,
        ),
        (anywhere(rf"(?:{_OTHER_SIDE}).*(?:bic|swift|bankleitzahl|blz)|(?:bic|swift).*(?:{_OTHER_SIDE})"), 100),
    ],
    "fee": [
        (any_of(r"total fees|fee currency|fee type|fees total"), 0),
        (re.compile(r"^(?:fees?|fee amount|poplatek|gebuhr|avgift)$"), 100),
    ],
    "time": [(re.compile(r"^(?:time|uhrzeit|abschlusszeit|time zone|timezone|hora|heure|ora)$"), 100)],
    "flag": [
        (
            any_of(
                r"debit credit|credit debit|af bij|soll haben|direction|d c|c d|dc|dr cr|cr dr|bevetel kiadas|s h|transaction type"
                r"|in out|out in|i o|o i|money in out|debit credit indicator|crdr|drcr|입출금구분|借贷|借贷标志|smer|kierunek|sens|segno|signo|credit debit indicator|προσημο|προσημο ποσου|richtung|indicator|umsatzart|type|details|debit or credit|deebet kreedit d c|debit credit d c"
                r"|sign|vorzeichen|soll haben kennung|收 支"
            ),
            100,
        ),
    ],
}

_NUMBER = any_of(
    r"number|nummer|numero|num|nr|no|id|ref|reference|referenz|code|kod|kodas|order|ordine|auftrag|pedido|card|karte|karta|carte"
    r"|tarjeta|carta|kort|cislo|numer|szam|numara|номер|код|番号|编号|check|cheque|invoice|rechnung|facture|factura|fattura"
)
_RECIPIENT = anywhere(r"empf|beneficiar|mottag|modtag|mottak|saaja|odbiorca|recipient|payee|receiver|destinat")
_SENDER = anywhere(r"pflicht|auftraggeber|avsand|afsend|avsend|sender|payer|ordenante|nadawca|maksaja")


@lru_cache(maxsize=4096)
def role_score(header: str, role: str) -> int:
    """How well a header cell names the role: 0 (not at all) to 100. "CounterpartyName" is read as two words as well."""
    texts = {plain(text)[:_LONGEST_NAME] for text in (header, _HUMP.sub(" ", header[:_LONGEST_NAME]))} - {""}
    found = (next((score for pattern, score in _ROLES[role] if pattern.search(text)), 0) for text in texts)
    return max(found, default=0)


def is_header_word(cell: str) -> bool:
    """Whether the cell names any column."""
    return any(role_score(cell, role) >= 40 for role in _ROLES)


def names_a_number(header: str) -> bool:
    """Whether the heading speaks of a number that counts or identifies something."""
    return bool(_NUMBER.search(plain(header)))


def party(header: str) -> str:
    """ "recipient", "sender" or "" (either) for the header of a column of names."""
    text = plain(header)
    receives, sends = _RECIPIENT.search(text), _SENDER.search(text)
    if receives and sends:
        # "Auftraggeber/Zahlungsempfänger" beside "Empfänger/Zahlungspflichtiger": the first word tells them apart.
        return "recipient" if receives.start() < sends.start() else "sender"
    return "recipient" if receives else "sender" if sends else ""
