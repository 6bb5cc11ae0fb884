# ruff: noqa: E501, SIM905
"""The words by which banks name columns, states and directions, without accents and in lower case."""

import re
from functools import lru_cache

from core.words import plain as plain
from finance.money import known_currencies

_LONGEST_NAME = 120  # of a column
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
# What banks write for a currency beside its code. Only names of the same unit: an old lira is not a new one.
_CURRENCY_NAMES = {
    "RUR": "RUB", "RMB": "CNY", "CNH": "CNY", "NIS": "ILS", "TL": "TRY", "YTL": "TRY", "SFR": "CHF", "EURO": "EUR",
    "KC": "CZK", "ZL": "PLN",
}  # fmt: skip


def _any(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\s)(?:{words})(?:$|\s)")


def _whole(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})")


# Beginnings of the words for money out and money in, where a heading says more than one word ("Belastungsbetrag",
# "Montant débité", "Bedrag af") in the languages of the banks we know of.
_OUT_STEMS = (
    r"belast|abbuch|abgang|auszahl|ausgab|lastschr|debit|debet|dbit|prelev|retrait|sortie|depens|cargo|adeud|retiro"
    r"|salid|gasto|addebit|uscit|prelie|saida|levantam|afschrijv|uitgav|bedrag af|obciaz|wyplat|wydat|odeslan|vydaj"
    r"|terhel|kiad|zaduzen|isplat|odliv|uttag|utbetal|utgift|haevet|udbetal|veloit|otto|panot ulos|islaid|nurasyt"
    r"|islaido|izmaks|norakst|valjamin|valjamaks|platit|iesir|cikan|borc|списан|расход|дебет|видат|χρεωσ|αναληψ|支出|出金|お支払"
    r"|出金額|支払|출금|withdraw|paid out|money out|outflow|spent"
)
_IN_STEMS = (
    r"gutschr|zugang|einzahl|eingang|einnahm|credit|kredit|crdit|versement|encaiss|entree|recett|abono|ingres|deposit"
    r"|haber|accredit|entrat|versament|entrada|bijschrijv|ontvangst|ontvangen|bedrag bij|uznan|wplat|wplyw|prijem(?!c)|prichoz|pripsan"
    r"|jovair|bevetel|priliv|uplat|odobren|insattn|inbetal|inkomst|indsat|indbetal|hyvit|panot|talletus|ieskait|iemaks"
    r"|laekum|sissetulek|pajam|gaunam|incasar|giren|alacak|зачисл|приход|кредит|надход|πιστωσ|καταθεσ|収入|入金|お預|預入|입금"
    r"|paid in|money in|inflow|received"
)

# Per role: (pattern, score), tried from the top; the first hit counts. A pattern without blanks at its ends is a
# whole word; `_whole` patterns match anywhere, for languages that glue words together.
_ROLES: dict[str, list[tuple[re.Pattern[str], int]]] = {
    "date": [
        (_any(r"time|uhrzeit|time ?zone|abschlusszeit"), 0),
        (
            _any(
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
            _any(
                r"valuta|valutadatum|wertstellung|wertstellung valuta|wert|value dat|value|dateval|date valeur|ertektknap"
                r"|erteknap|valutadag|valutadato|rentedatum|rentedato|interest date|arvopaiva|vardedag|valeur|валютирования"
            ),
            40,
        ),
        (
            _any(
                r"transaction date|trans date|transaktionsdatum|transaktionsdag|transaktionsdato|transactiedatum"
                r"|date de transaction|datum provedeni|data operacji|data transakcji|tranzakcio datuma|started date"
                r"|run date|purchase date|kaufdatum|belegdatum|txn date|date operation|date de l ?operation"
                r"|дата операции"
            ),
            80,
        ),
        (
            _any(
                r"date|datum|dato|data|fecha|paiva|pvm|paivays|paivamaara|kuupaev|datums|tarih|дата|日期|日付|交易时间"
            ),
            60,
        ),
        (_whole(r"dat(?:e|um|a|o)|fecha|дата|datum|paiva|kuupaev|tarih|日"), 50),
    ],
    "amount": [
        (
            _any(
                r"original\w*|orig|foreign\w*|fremd\w*|local|exchange|wechselkurs|kurs|rate|fees?|gebuhr\w*|poplatek|charges?"
                r"|commission|vat|tax|mwst|cashback|ursprungs\w*|lastschrift ursprungsbetrag|auslagenersatz\w*|puvodni"
                r"|povodna|limit|blokady\w*|eredeti|instructed|source|target|tip|rewards?|points|remaining|available"
                r"|bonus|einzelbetrag|category|number|nummer|anzahl|quantity|price|shares|count|nr|id|code|mcc|kategorie"
                r"|einkaufs\w*|utlandsk\w*|valutakurs|umrechnungskurs|devise etrangere|кэшбэк|бонусы|commissione|abgeltung"
            ),
            0,
        ),
        (
            _any(
                r"amount|betrag|buchungsbetrag|montant|bedrag|belopp|belob|beloeb|belop|importe|importo|kwota|castka"
                r"|zauctovana castka|objem|osszeg|сумма|monto|valor|umsatz|maara|iznos|suma|summa|summe|tutar|tutari|金額"
                r"|入出金\w*|入出金 円|quantia|cantidad|transaction amount|amt|umsatz in|net amount|net|netto|金额|tranzakcio osszege"
                r"|kwota transakcji|kwota operacji|сумма платежа|сумма операции|ご利用金額|利用金額|сума|bedrag eur|visszeg"
            ),
            100,
        ),
        (_any(r"value|gross|brutto|total|sum|cad|usd|eur|gbp|chf"), 60),
        (_whole(r"betrag|amount|belopp|castka|osszeg|сумм|umsatz$"), 50),
    ],
    "debit": [
        (_any(r"direct debit|mandate|mandats\w*|card|original|number|account|date|datum|balance|saldo"), 0),
        (
            _any(
                r"debits?|debet|debito|debitos|soll|belastung|lastschrift|withdrawals?|withdrawal amt|paid out|money out|out"
                r"|outflows?|ausgang|ausgaben?|auszahlung|cargos?|debe|dare|uscite|uscita|addebit[io]|depenses?|retraits?"
                r"|obciazeni[ae]|wydatki|terheles|kiadas|vydaj|vydaje|spent|spend|uttag|utgift|udgift|ut fra konto|ut|otto"
                r"|saidas?|дебет|расход|списание|お引出し|お支払金額|出金|出金額|支払い金額|支出|af|expenses?|gider|borc|deebet|debit amount|belast\w*"
            ),
            100,
        ),
        (_whole(_OUT_STEMS), 80),
    ],
    "credit": [
        (
            _any(r"credit card|card|creditor|kreditkarte|original|number|account|date|datum|balance|saldo|limit|id"),
            0,
        ),
        (
            _any(
                r"credits?|credito|creditos|haben|gutschrift|deposits?|deposit amt|paid in|money in|in|inflows?|eingang"
                r"|einnahmen?|einzahlung|abonos?|haber|avere|entrate|entrata|accredit[io]|uznani[ae]|wplywy|jovairas|bevetel"
                r"|prijem|prijmy|received|insattning|inn pa konto|inn|inntekt|indtaegt|pano|entradas?|кредит|приход|зачисление|お預入れ"
                r"|お預り金額|入金|入金額|預かり金額|收入|kredit|kreedit|bij|bijschrijving|income|gelir|alacak|credit amount|recettes?|versements?"
            ),
            100,
        ),
        (_whole(_IN_STEMS), 80),
    ],
    "balance": [
        (_any(r"available|opening|verfugbar\w*|overdraft"), 20),
        (
            _any(
                r"balance|bal|running bal|saldo|solde|kontostand|egyenleg|zustatek|zostatok|остаток|残高|残高 円|差引残高|stand|tegoed"
                r"|jaak|atlikums|likutis|sold|bakiye|余额|accountbalance|runningbalance|saldo na trn|saldo na mutatie|buchungssaldo"
            ),
            100,
        ),
        (_whole(r"saldo|balance|kontostand|残高"), 80),
    ],
    "currency": [
        (
            _any(r"original\w*|foreign\w*|fremd\w*|local|puvodni|eredeti|exchange|source|target|from|to|instructed"),
            10,
        ),
        (
            _any(
                r"currency|ccy|curr|wahrung|waehrung|whrung|buchungswahrung|kontowahrung|devise|munt|muntsoort|valuta|mena"
                r"|mena uctu|devizanem|tranzakcio devizaneme|waluta|moneda|divisa|moeda|валюта|valuutta|valuuta|通貨|para birimi"
                r"|devise du compte|валюта операции|валюта платежа"
            ),
            100,
        ),
    ],
    "payee": [
        (
            _any(
                r"iban\w*|bic|swift|number|nummer|no|nr|szamla\w*|account\w*|konto\w*|rekening\w*|tegenrekening|holder|card"
                r"|bank|blz|address|adres|email|uctu|cislo|kontoinhaber|szamla neve|rubrieknaam|own|account name|type|code|id"
                r"|pays|country|land|kod|category|kategorie|mcc|city|state|postcode|zip|strasse|ort|emoji|phone|bankname"
            ),
            0,
        ),
        (_any(r"naam omschrijving|name description|naam omschrijving"), 100),
        (
            _any(
                r"payee|payee name|counterparty|counter party|counterparty name|merchant|merchant name|partner ?name|partner"
                r"|empfanger|beguenstigter|begunstigter|beguenstigter zahlungspflichtiger|zahlungspflichtiger\w*"
                r"|zahlungspflichtige r|zahlungsempfanger\w*|auftraggeber|payer|payer name|empfm|beneficiary|beneficiary payer|naam tegenpartij|nazev protiuctu"
                r"|partner neve|nadawca odbiorca|nadawca|odbiorca|dane kontrahenta|kontrahent|contrepartie"
                r"|nom de la contrepartie|beneficiario|ordenante|destinatario|mottagare|modtager|saaja maksaja|saaja|maksaja"
                r"|saaja maksaja|получатель|контрагент|取引先|supplierfound|vendor|shop|tegenpartij|protistrana|plnc|gegenpartei"
                r"|zahlungsbeteiligter|name zahlungsbeteiligter|mottaker|avsender|avsandare|afsender|nimi|saaja tai maksaja"
                r"|recipient|sender|supplier|交易对方|ご利用店名|利用店名|ご利用店名 海外利用都市名|beguenstigter auftraggeber|begunstigter auftraggeber"
            ),
            100,
        ),
        (_any(r"name|naam|navn|namn|nombre|nom|nazwa|nazev"), 50),
    ],
    "description": [
        (
            _any(r"type|tipo|typ|typ transakce|typ transakcji|category|kategorie|kategoria|kategorie transakce|code"),
            10,
        ),
        (
            _any(r"iban|bic|number|nummer|nr|id|account|konto|kontonummer|date|datum|emoji|currency|url|logo"),
            0,
        ),
        (
            _any(
                r"descriptions?|details|detail|memo|narrative|narration|text|tekst|verwendungszweck|vorgang verwendungszweck"
                r"|buchungsdetails|omschrijving\w*|omschrijving \d|mededeling|mededelingen|vrije mededeling|libelle"
                r"|gestructureerde mededeling|label|communication|communications|concepto|observaciones|descripcion|descrizione"
                r"|descrizione completa|causale|opis|opis operacji|opis transakcji|tytul|zprava|zprava pro prijemce|zprava pro me"
                r"|poznamka|kozlemeny|beskrivning|beskrivelse|rubrik|melding|meddelande|selite|viesti|selgitus|назначение|описание|descricao"
                r"|historico|摘要|お取り扱い内容|取引内容|入出金先内容|particulars|notes|note|notes and tags|purpose|payment reference|reference"
                r"|avisierungstext|transaktionsbeschreibung|beschreibung\d?|description \d|transaction description|transaction details|title|商品"
                r"|details of payment|remittance information|remarks|aciklama|action|original description|extended details|booking text|libelle operation"
            ),
            100,
        ),
        (
            _any(
                r"buchungstext|umsatzart|mutatiesoort|vorgang|bankovni spojeni|polozka|umsatztyp|verwendungszweck \d|subject|message"
            ),
            60,
        ),
        (_whole(r"beschreib|descri|opis|omschrijv|verwend|libell|kozlem|popis"), 80),
    ],
    "bank_id": [
        (
            _any(
                r"transaction id|transactionid|transferwise id|id transakce|transaktions nr|transaktionsnummer|transaktionsid"
                r"|transactie id|transaktions id|unique id|id operace|id pohybu|identificador|referencni cislo transakce|volgnr"
                r"|numero de sequence|n de sequence|no de sequence|fitid|tran id|trans id|trx id|transaction number|transaction no"
                r"|arkistointitunnus|buchungsreferenz|transaktionsreferenz|transaction reference number|transfer reference|operation id"
                r"|identyfikator transakcji|nr transakcji|id operazione|payment id|entry id|external id|bank reference|archive id"
                r"|archival identifier|交易号|uuid|id transaction|radnummer id|identifiant|transaction unique id"
            ),
            100,
        ),
        (_any(r"id"), 60),
    ],
    "status": [
        (
            _any(
                r"status|state|stato|statut|stav|info|tila|estado|estatus|статус|booking status|umsatzstatus|durum|stan|交易状态|storno"
            ),
            100,
        ),
    ],
    "account": [
        (_any(r"counter\w*|gegen\w*|tegen\w*|prot\w*|payee|beneficiary|partner|type|category"), 0),
        # A household's own names for its accounts, as programs that gather several banks write them.
        (
            re.compile(
                r"^(?:account name|kontoname|kontobezeichnung|nom du compte|nombre de (?:la )?cuenta|nome (?:del )?conto)$"
            ),
            60,
        ),
        (_any(r"name|naam|neve|holder"), 0),
        # Without "own" or a holder beside it, the other side's as often as one's own.
        (re.compile(r"^(?:iban|konto|account|kontonummer|account number|rekening|iban bic)$"), 50),
        (
            _any(
                r"auftragskonto|iban bban|client account|rekeningnummer|rekening|account|account number|bank account|accountnum"
                r"|cislo uctu|szamlaszam|iban kontoinhaber|konto|iban auftragskonto|numero de compte|kontonummer|iban|own account"
                r"|nr rachunku|номер счета|account no|bezeichnung auftragskonto|product account|numer rachunku"
            ),
            100,
        ),
    ],
    "fee": [
        (_any(r"total fees|fee currency|fee type|fees total"), 0),
        (re.compile(r"^(?:fees?|fee amount|poplatek|gebuhr|avgift)$"), 100),
    ],
    "time": [(re.compile(r"^(?:time|uhrzeit|abschlusszeit|time zone|timezone|hora|heure|ora)$"), 100)],
    "flag": [
        (
            _any(
                r"debit credit|credit debit|af bij|soll haben|direction|d c|c d|dc|dr cr|cr dr|bevetel kiadas|s h|transaction type"
                r"|credit debit indicator|richtung|indicator|umsatzart|type|details|debit or credit|deebet kreedit d c|debit credit d c"
                r"|sign|vorzeichen|soll haben kennung|收 支"
            ),
            100,
        ),
    ],
}

_FLAGS_OUT = frozenset(
    "out outflow debit dr d db dbit s soll af debet terheles t kiadas cargo debe dare uscita addebito obciazenie wn vydaj odchozi"
    " withdrawal uttag otto saida debito expense расход дебет списание neg minus lastschrift belastung debitering deebet payment 支出"
    " wydatek".split()
)
_FLAGS_IN = frozenset(
    "in inflow credit cr c crdt h haben bij jovairas j bevetel abono haber avere entrata accredito uznanie ma prijem prichozi deposit"
    " insattning pano entrada credito income приход кредит зачисление pos plus gutschrift kredit k kreedit kreditering 收入 wplyw".split()
)
_PENDING = frozenset(
    plain(word.replace("_", " ")).replace(" ", "_")
    for word in (
        "pending vorgemerkt umsatz_vorgemerkt reserved reserveret reserverat reservert venter authorised authorized authorization"
        " in_attesa en_attente pendiente offen unbooked not_booked in_behandeling oczekujaca oczekuje cekajici processing waiting holding"
        " in_sospeso sospeso reserviert reservierung en_cours en_traitement a_venir non_comptabilise pendiente_de_contabilizar en_proceso"
        " provisional em_processamento por_processar em_curso a_aguardar niet_verwerkt in_afwachting te_verwerken gereserveerd reservering"
        " niezaksiegowana niezaksiegowane w_realizacji w_toku blokada_srodkow nezauctovano nezauctovana ceka_na_zpracovani rezervace"
        " neuctovane rezervacia fuggoben fuggo zarolt konyveletlen foglalas u_obradi na_cekanju rezervirano rezervacija"
        " in_asteptare neprocesat nedecontata blocat vantar under_behandling preliminar preliminart reserverad pa_vej afventer ikke_bogfort"
        " under_behandling_av ikke_bokfort odottaa varattu kirjaamaton kasittelyssa broneeritud broneering ootel laukiama rezervuota"
        " neivykdyta gaida apstradei rezervets beklemede bekliyor provizyon onay_bekliyor в_ожидании не_проведено холд в_обработці очікується"
        " εκκρεμει δεσμευμενο 未確定 処理中 保留 处理中 待处理 대기 승인대기"
        " non_contabilizzato in_bearbeitung hold unposted open varaus katevaraus nebroknjizeno on_hold pending_posting pendente"
        " zurzeit_vorgemerkt umsatz_noch_nicht_gebucht noch_nicht_gebucht nicht_gebucht uncleared awaiting blokada в_обработке ожидание"
    ).split()
)
_VOID = frozenset(
    "declined refused refuse refusee rejected reverted failed cancelled canceled annullato annulle odmitnuta odrzucona expired denied"
    " voided deleted abgelehnt zuruckgewiesen geweigerd avvist avvisad annullerad fehlgeschlagen annulliert rechazado rifiutato"
    " zamitnuta неуспешно отклонено 交易关闭".split()
)
_OPENING = _whole(
    r"^(?:opening|beginning|starting|previous|old|brought forward|alter|anfangs|begin|eroffnungs|start|initial|beg)\w*?(?:\s\w*?)?"
    r"(?:balance|bal|saldo|kontostand)|^(?:saldo (?:inicial|iniziale|poczatkowe|vorher)|solde (?:initial|precedent)|anfangssaldo"
    r"|anfangsbestand|algsaldo|ingaende saldo|inngaende saldo|pocatecni zustatek|nyito egyenleg|sakuma atlikums|balance brought forward"
    r"|alter kontostand|alter saldo|входящий остаток|likutis pradzioje|balance forward)\b"
)
_CLOSING = _whole(
    r"^(?:closing|ending|end|final|new|current|neuer|end|schluss|slut|eind)\w*?(?:\s\w*?)?(?:balance|bal|saldo|kontostand)"
    r"|^(?:saldo (?:final|finale|koncowe|nachher)|solde (?:final|actuel)|endsaldo|lopsaldo|loppsaldo|utgaende saldo|konecny zustatek"
    r"|zaro egyenleg|beigu atlikums|balance carried forward|neuer kontostand|исходящий остаток|ledger balance|kontostand)\b"
)
_TURNOVER = _whole(
    r"^(?:turnover|kaive|apgrozijums|apyvarta|total credits|total debits|summe|total|totals|totali|suma|sum)\b"
)
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){2,32}[ ]?|[\d \-/.]{8,}")
# Cheap test before the others: nearly no cell of a file speaks of balances.
_BALANCE_HINT = re.compile(
    r"bal|sal[dg]|sold|stand|tot|sum|turn|k[äa]ive|apgr|apyv|остат|st[áa]te[kg]|egyenleg|liku|bestand", re.IGNORECASE
)
_CODES = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_PAYMENT = _any(
    r"payment received|payment thank you|thank you|thank you for your payment|autopay|auto ?pay payment|automatic payment"
    r"|zahlung erhalten|ihre zahlung|paiement recu|betaling ontvangen|refund|payment received thank you"
)
_NUMBER = _any(
    r"number|nummer|numero|num|nr|no|id|ref|reference|referenz|code|kod|kodas|order|ordine|auftrag|pedido|card|karte|karta|carte"
    r"|tarjeta|carta|kort|cislo|numer|szam|numara|номер|код|番号|编号|check|cheque|invoice|rechnung|facture|factura|fattura"
)
_RECIPIENT = _whole(r"empf|beneficiar|mottag|modtag|mottak|saaja|odbiorca|recipient|payee|receiver|destinat")
_SENDER = _whole(r"pflicht|auftraggeber|avsand|afsend|avsend|sender|payer|ordenante|nadawca|maksaja")
_TURNOVER_ALWAYS = frozenset({"turnover", "kaive", "apgrozijums", "apyvarta"})


@lru_cache(maxsize=4096)
def role_score(header: str, role: str) -> int:
    """How well a header cell names the role: 0 (not at all) to 100. "CounterpartyName" is read as two words as well."""
    return max(_score(text, role) for text in {header, _HUMP.sub(" ", header[:_LONGEST_NAME])})


def _score(header: str, role: str) -> int:
    text = plain(header)[:_LONGEST_NAME]
    if not text:
        return 0
    return next((score for pattern, score in _ROLES[role] if pattern.search(text)), 0)


def currency_code(cell: str) -> str:
    """The code of the currency that a cell names, in capitals; as written where it names none that is known."""
    code = cell.strip().upper()
    return _CURRENCY_NAMES.get(code, code)


def is_header_word(cell: str) -> bool:
    """Whether the cell names any column."""
    return any(role_score(cell, role) >= 40 for role in _ROLES)


def direction_of(cell: str) -> str:
    """ "out", "in" or "" for a cell of a direction column."""
    text = plain(cell)
    if cell.strip() in {"+", "-", "\N{MINUS SIGN}"}:
        return "in" if cell.strip() == "+" else "out"
    return "out" if text in _FLAGS_OUT else "in" if text in _FLAGS_IN else ""


def names_a_number(header: str) -> bool:
    """Whether the heading speaks of a number that counts or identifies something."""
    return bool(_NUMBER.search(plain(header)))


def is_pending(cell: str) -> bool:
    """Whether the bank says that the row is not booked yet."""
    text = plain(cell).replace(" ", "_")
    return text in _PENDING or text.startswith(("pending", "vorgemerkt", "umsatz_vorgemerkt"))


def is_void(cell: str) -> bool:
    """Whether the bank says that the row never moved money."""
    return plain(cell).replace(" ", "_") in _VOID


def balance_kind(cell: str) -> str:
    """ "opening", "closing", "turnover" or "" for the text of a line that states a balance instead of a movement."""
    if len(cell) > 80 or not _BALANCE_HINT.search(cell):
        return ""
    text = plain(cell)
    if _OPENING.search(text):
        return "opening"
    if _CLOSING.search(text):
        return "closing"
    return "turnover" if _TURNOVER.fullmatch(text) else ""


def is_plain_total(cell: str) -> bool:
    """Whether the text could also be a payee's name ("Total") and states a sum only on a line without a date."""
    return balance_kind(cell) == "turnover" and plain(cell) not in _TURNOVER_ALWAYS


def party(header: str) -> str:
    """ "recipient", "sender" or "" (either) for the header of a column of names."""
    text = plain(header)
    receives, sends = _RECIPIENT.search(text), _SENDER.search(text)
    if receives and sends:
        # "Auftraggeber/Zahlungsempfänger" beside "Empfänger/Zahlungspflichtiger": the first word tells them apart.
        return "recipient" if receives.start() < sends.start() else "sender"
    return "recipient" if receives else "sender" if sends else ""


def looks_like_account(cell: str) -> bool:
    """Whether the cell is an account number (an IBAN, or digits alone) rather than a name."""
    stripped = cell.strip().strip("'")
    return len(stripped) <= 64 and bool(_ACCOUNT.fullmatch(stripped))


def is_card_payment(text: str) -> bool:
    """Whether the text reads like a payment towards a card or a refund."""
    return bool(_PAYMENT.search(plain(text)))


@lru_cache(maxsize=1024)
def currency_in_header(header: str) -> str:
    """The currency that a header names, as in "Betrag (EUR)", "Částka CZK" or "Gutschrift in CHF"."""
    words = _CODES.findall(header)
    found = [word for word in words if word in known_currencies()]
    for sign, code in (("€", "EUR"), ("£", "GBP")):
        if sign in header:
            found.append(code)
    return found[-1] if found else ""
