# ruff: noqa: E501, SIM905
"""The words by which banks name states, directions and balances, without accents and in lower case."""

import re
from functools import lru_cache

from core.words import plain as plain
from finance.money import known_currencies

# What banks write for a currency beside its code. Only names of the same unit: an old lira is not a new one.
_CURRENCY_NAMES = {
    "RUR": "RUB", "RMB": "CNY", "CNH": "CNY", "NIS": "ILS", "TL": "TRY", "YTL": "TRY", "SFR": "CHF", "EURO": "EUR",
    "KC": "CZK", "ZL": "PLN",
}  # fmt: skip


def any_of(words: str) -> re.Pattern[str]:
    """One of the words (patterns of `plain` text), between blanks."""
    return re.compile(rf"(?:^|\s)(?:{words})(?:$|\s)")


def anywhere(words: str) -> re.Pattern[str]:
    """One of the words, also inside others: for languages that glue words together."""
    return re.compile(rf"(?:{words})")


_FLAGS_OUT = frozenset(
    "out outflow debit dr d db dbit s soll af debet terheles t kiadas cargo debe dare uscita addebito obciazenie wn vydaj odchozi"
    " withdrawal uttag otto saida debito expense расход дебет списание neg minus lastschrift belastung debitering deebet payment 支出"
    " wydatek o dt χ wyplata isplata odliv cikis χρεωση 출금 出金 支払".split()
)
_FLAGS_IN = frozenset(
    "in inflow credit cr c crdt h haben bij jovairas j bevetel abono haber avere entrata accredito uznanie ma prijem prichozi deposit"
    " insattning pano entrada credito income приход кредит зачисление pos plus gutschrift kredit k kreedit kreditering 收入 wplyw i ct π wplata uplata priliv giris πιστωση 입금 入金".split()
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
        " zurzeit_vorgemerkt umsatz_noch_nicht_gebucht noch_nicht_gebucht nicht_gebucht uncleared awaiting blokada в_обработке ожидание vantande avvaktar ventende paventende odottava menunggu tertunda diproses"
        " dang_cho cho_xu_ly ממתין בהמתנה معلق قيد_الانتظار در_انتظار رอดำเนินการ รอดำเนินการ обработва_се чакащо i_bidstodu 보류"
    ).split()
)
_VOID = frozenset(
    "declined refused refuse refusee rejected reverted failed cancelled canceled annullato annulle odmitnuta odrzucona expired denied"
    " voided deleted abgelehnt zuruckgewiesen geweigerd avvist avvisad annullerad fehlgeschlagen annulliert rechazado rifiutato"
    " zamitnuta неуспешно отклонено 交易关闭".split()
)
_SETTLED = frozenset(
    "verified completed complete success successful succeeded approved posted settled executed booked cleared done ok yes no paid"
    " processed confirmed active valid true false authorised unverified gebucht ausgefuhrt erledigt abgeschlossen ja"
    " nein verifiziert bestatigt effectue execute comptabilise valide verifie oui non ejecutado completado contabilizado si"
    " verificado eseguito completato contabilizzato verwerkt geboekt voltooid zaksiegowana zrealizowana wykonana zauctovano"
    " provedeno konyvelt teljesitett genomford bokford gennemfort bogfort gjennomfort bokfort kirjattu suoritettu concluido"
    " efetuado tamamlandi исполнено выполнено проведено завершено успешно проведена 已完成 交易成功 支付成功 完了 완료".split()
)
_OPENING = anywhere(
    r"^(?:opening|beginning|starting|previous|old|brought forward|alter|anfangs|begin|eroffnungs|start|initial|beg)\w*?(?:\s\w*?)?"
    r"(?:balance|bal|saldo|kontostand)|^(?:saldo (?:inicial|iniziale|poczatkowe|vorher)|solde (?:initial|precedent)|anfangssaldo"
    r"|anfangsbestand|algsaldo|ingaende saldo|inngaende saldo|pocatecni zustatek|nyito egyenleg|sakuma atlikums|balance brought forward"
    r"|alter kontostand|alter saldo|входящии остаток|начальныи остаток|остаток на начало|вхіднии залишок|начално салдо|likutis pradzioje"
    r"|balance forward|saldovortrag|saldoubertrag|ubertrag|saldo anterior|saldo precedente|saldo riportato|saldo apertura|solde reporte"
    r"|report de solde|ancien solde|vorig saldo|saldo poprzednie|pociatocny zostatok|sold initial|sold precedent|prethodno stanje"
    r"|pocetno stanje|zacetno stanje|saldo primo|primosaldo|ingaende balans|alkusaldo|algjaak|devreden bakiye|acilis bakiyesi"
    r"|αρχικο υπολοιπο|προηγουμενο υπολοιπο|前月繰越|前期繰越|繰越残高|이월잔액|이월금액|期初余额|上期余额|期初餘額|承前)(?:\b|$)"
)
_CLOSING = anywhere(
    r"^(?:closing|ending|end|final|new|current|neuer|end|schluss|slut|eind)\w*?(?:\s\w*?)?(?:balance|bal|saldo|kontostand)"
    r"|^(?:saldo (?:final|finale|koncowe|nachher)|solde (?:final|actuel)|endsaldo|lopsaldo|loppsaldo|utgaende saldo|konecny zustatek"
    r"|zaro egyenleg|beigu atlikums|balance carried forward|neuer kontostand|исходящии остаток|конечныи остаток|остаток на конец"
    r"|вихіднии залишок|краино салдо|ledger balance|kontostand|endbestand|nouveau solde|saldo actual|nuevo saldo|saldo nuevo|nuovo saldo"
    r"|saldo contabile|saldo chiusura|konecny zostatok|sold final|zavrsno stanje|krajnje stanje|novo stanje|koncno stanje|saldo ultimo"
    r"|ultimosaldo|utgaende balans|loppusaldo|loppjaak|likutis pabaigoje|kapanis bakiyesi|τελικο υπολοιπο|νεο υπολοιπο|次月繰越|次期繰越"
    r"|期末余额|本期余额|期末餘額|기말잔액)(?:\b|$)"
)
_TURNOVER = anywhere(
    r"^(?:turnover|kaive|apgrozijums|apyvarta|total credits|total debits|summe|total|totals|totali|suma|sum)\b"
)
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){2,32}[ ]?|[\d \-/.]{8,}")
# Cheap test before the others: nearly no cell of a file speaks of balances.
_BALANCE_HINT = re.compile(
    r"bal|sal[dg]|sold|stand|tot|sum|turn|k[äa]ive|apgr|apyv|остат|st[áa]t[eo][kg]|egyenleg|liku|bestand|[üu]bertrag|stanj|j[äa][äa]k"
    r"|bakiye|υπόλ|υπολ|салд|залиш|繰越|이월|잔액|余额|餘額|承前",
    re.IGNORECASE,
)
_TITLE = 3  # words
_LONGEST_TITLE, _DIGITS = 120, 3
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
# "Konto: 12345", "Account Savings", "Compte n° 123".
_ACCOUNT_TITLE = re.compile(
    r"\s*(?:account|konto|kontonummer|compte|cuenta|conta|conto|rekening|rachunek|účet|ucet|tili|számla|račun|sąskaita"
    r")(?: ?(?:(?:number|name|no|nr|nummer|číslo)\b|n°))?([ .:;,#°|\t]{1,5})(\S.{1,60})",
    re.IGNORECASE,
)
# Words for pending that a title may have for another reason: "Open Bank", "Holding account".
_ALSO_NAMES = frozenset("open offen hold holding waiting processing".split())
_FIGURES = frozenset("0123456789+-")
_CODES = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_PAYMENT = any_of(
    r"payment received|payment thank you|thank you|thank you for your payment|autopay|auto ?pay payment|automatic payment"
    r"|zahlung erhalten|ihre zahlung|paiement recu|betaling ontvangen|refund|payment received thank you"
)
_TURNOVER_ALWAYS = frozenset({"turnover", "kaive", "apgrozijums", "apyvarta"})


def currency_code(cell: str) -> str:
    """The code of the currency that a cell names, in capitals; as written where it names none that is known."""
    code = cell.strip().upper()
    return _CURRENCY_NAMES.get(code, code)


def direction_of(cell: str) -> str:
    """ "out", "in" or "" for a cell of a direction column."""
    text = plain(cell)
    if cell.strip() in {"+", "-", "\N{MINUS SIGN}"}:
        return "in" if cell.strip() == "+" else "out"
    return "out" if text in _FLAGS_OUT else "in" if text in _FLAGS_IN else ""


def is_pending(cell: str) -> bool:
    """Whether the bank says that the row is not booked yet."""
    text = plain(cell).replace(" ", "_")
    return text in _PENDING or text.startswith(("pending", "vorgemerkt", "umsatz_vorgemerkt"))


def names_pending(title: str) -> bool:
    """Whether a title of a few words says that the rows below it are not booked yet ("Pending transactions")."""
    words = plain(title).split()[: _TITLE + 1]
    if not words or len(words) > _TITLE:
        return False
    parts = {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    return any(is_pending(part) or is_pending(part.removesuffix("s")) for part in parts - _ALSO_NAMES)


def is_void(cell: str) -> bool:
    """Whether the bank says that the row never moved money."""
    return plain(cell).replace(" ", "_") in _VOID


def is_settled(cell: str) -> bool:
    """Whether the cell only says that all went well ("Completed", "Verified"), or that it did not."""
    return plain(cell) in _SETTLED or is_pending(cell) or is_void(cell)


def balance_kind(cell: str) -> str:
    """ "opening", "closing", "turnover" or "" for the text of a line that states a balance instead of a movement."""
    # Asked of every cell: dates and amounts begin with a figure or a sign, a balance with its name.
    if len(cell) > 80 or cell[:1] in _FIGURES or not _BALANCE_HINT.search(cell):
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


def bare_number(text: str) -> str:
    """The number of an account without blanks and punctuation, so that its spellings can be compared."""
    return "".join(character for character in text.casefold() if character.isalnum())


def looks_like_account(cell: str) -> bool:
    """Whether the cell is an account number (an IBAN, or digits alone) rather than a name."""
    stripped = cell.strip().strip("'")
    return len(stripped) <= 64 and bool(_ACCOUNT.fullmatch(stripped))


def account_in_title(text: str) -> str:
    """The account that a title line names, by its IBAN or after a word such as "Account:"; "" for other lines."""
    if len(text) > _LONGEST_TITLE:
        return ""
    if match := _IBAN.search(text):
        return match[0].replace(" ", "")
    match = _ACCOUNT_TITLE.match(text)
    if match is None or not (":" in match[1] or sum(character.isdigit() for character in match[2]) >= _DIGITS):
        # "Card payments" and "Account holder" name none.
        return ""
    return " ".join(match[2].split())[:64]


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
