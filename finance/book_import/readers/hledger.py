"""hledger: `hledger print -O json`, and behind it, where names do not say the types, `hledger accounts --types`.

The format is hledger's own transactions as JSON (hledger-lib, Hledger.Data.Json; read from versions 1.25 to 1.50):
amounts as a mantissa with decimal places, costs as "aprice" or, since 1.40, "acost". One command writes a file that
needs no guess: (hledger print -O json; hledger accounts --types) > books.json
"""

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from babel import Locale

from core.texts import gettext as _
from finance import money
from finance.book_import.model import (
    ASSET,
    EQUITY,
    EXPENSE,
    INCOME,
    LIABILITY,
    MARK,
    NO_MARKS,
    OPENING,
    Question,
    SourceAccount,
    SourceBalance,
    SourceBook,
    SourceEntry,
    SourceLine,
    Sums,
    Tally,
    check_entries,
    uid_of,
)
from finance.book_import.readers.fields import believable, day, text_of, typed, with_parents
from finance.errors import BookUnreadable

_TYPES = {
    "A": ASSET, "C": ASSET, "L": LIABILITY, "E": EQUITY, "V": EQUITY, "R": INCOME, "X": EXPENSE, "G": INCOME,
}  # fmt: skip
# As hledger itself guesses from English names (its manual, "Account types").
_NAMES = (
    (re.compile(r"assets?(:|$)", re.I), ASSET),
    (re.compile(r"(debts?|liabilit(y|ies))(:|$)", re.I), LIABILITY),
    (re.compile(r"equity(:|$)", re.I), EQUITY),
    (re.compile(r"(income|revenue)s?(:|$)", re.I), INCOME),
    (re.compile(r"expenses?(:|$)", re.I), EXPENSE),
)
_CASH = re.compile(r"assets?(:.+)?:(cash|bank|che(ck|que?)(ing)?|savings?|current)(:|$)", re.I)
_OPENING = re.compile(r"equity:opening[ -_]?balances?$", re.I)
_DECLARED = re.compile(r"(?P<name>.+?)\s*;\s*type:\s*(?P<type>[A-Z]?)\s*$")
_MOST_PLACES = 18
# Marks that mean one currency wherever they stand. "$" and "¥" mean several.
_MARKS = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "zł": "PLN", "₿": "BTC"}


def read(data: bytes, question: Question) -> SourceBook:
    """The journal. Virtual postings that need not balance are left out. Raises BookUnreadable."""
    text = text_of(data)
    start = len(text) - len(text.lstrip())
    try:
        found, end = json.JSONDecoder(parse_float=Decimal).raw_decode(text, start)
    except ValueError as error:
        raise BookUnreadable(
            reason=_("The file does not begin with the output of hledger print -O json: %(error)s.") % {"error": error}
        ) from error
    typed(found, list, _("What the file begins with"))
    declared = {}
    for line in filter(str.strip, text[end:].splitlines()):
        match = _DECLARED.fullmatch(line) if len(line) < 2000 else None
        if match is None:
            raise BookUnreadable(
                reason=_("After the transactions comes “%(line)s”, which is no line of hledger accounts --types.")
                % {"line": line.strip()[:60]}
            )
        declared[match["name"].strip()] = match["type"]
    check_entries(len(found))
    reader = _Reader(question)
    entries = [reader.entry(each, _("transaction %(index)s") % {"index": index}) for index, each in enumerate(found, 1)]
    accounts = reader.accounts(declared)
    return SourceBook(
        format=question.format,
        accounts=tuple(accounts),
        entries=tuple(entry for entry in entries if entry.lines),
        balances=(*reader.sums.balances(), *reader.assertions()),
        left_out=reader.tally.told(),
        notes=tuple(reader.notes),
        base_currency=question.base_currency,
    )


class _Reader:
    def __init__(self, question: Question) -> None:
        self.base = question.base_currency
        self.tally, self.sums = Tally(), Sums()
        self.notes: list[str] = []
        self.names: dict[str, None] = {}
        # (account, commodity) → the last posting of each day, with what was asserted there.
        self._days: dict[tuple[str, str], dict[Any, SourceBalance | None]] = {}
        self._commodities: dict[str, str] = {}
        # Accounts whose assertions also count what does not come, or comes on another day.
        self._uncertain: set[str] = set()

    def entry(self, found: Any, where: str) -> SourceEntry:
        typed(found, dict, where)
        date = day(found.get("tdate"), where)
        told = typed(found.get("tdescription"), str, f"{where}: “tdescription”")
        where = f"{where} ({date}, {told[:40]})"
        payee, bar, note = (part.strip() for part in told.partition("|"))
        lines: list[SourceLine] = []
        for posting in typed(found.get("tpostings"), list, f"{where}: “tpostings”"):
            lines.extend(self._lines(typed(posting, dict, where), date, where))
        if found.get("tdate2"):
            self.tally.add(_("secondary date"), _("an entry has one day"), example=where)
        if found.get("tstatus") in ("Pending", "Cleared"):
            self.tally.add(MARK, NO_MARKS)
        tags = [
            (str(pair[0]), str(pair[1]))
            for pair in typed(found.get("ttags") or [], list, f"{where}: “ttags”")
            if isinstance(pair, list) and len(pair) == 2
        ]
        own = dict(tags)
        comment = _comment(found.get("tcomment"), own)
        return SourceEntry(
            date=date,
            payee=payee,
            description=" ".join(
                filter(None, [note if bar else "", comment, f"({found['tcode']})" if found.get("tcode") else ""])
            ),
            tags=tuple(f"{name}:{value}" if value else name for name, value in tags if name not in ("uid", "source")),
            uid=uid_of(own.get("uid", "")),
            where=where,
            lines=tuple(lines),
        )

    def _lines(self, posting: dict[str, Any], date: Any, where: str) -> Iterator[SourceLine]:
        account = typed(posting.get("paccount"), str, f"{where}: “paccount”")
        kind = posting.get("ptype")
        if kind == "VirtualPosting":
            self._uncertain.add(account)
            self.tally.add(
                _("virtual posting"),
                _("it has no other side: (in brackets) it need not balance"),
                example=f"{where}: {account}",
            )
            return
        if kind not in ("RegularPosting", "BalancedVirtualPosting"):
            raise BookUnreadable(
                reason=_("%(where)s: a posting of the unknown type “%(kind)s”.")
                % {"where": where, "kind": str(kind)[:40]}
            )
        if posting.get("pdate") and posting["pdate"] != date.isoformat():
            self._uncertain.add(account)
            self.tally.add(_("posting on a day of its own"), _("an entry has one day"), example=f"{where}: {account}")
        memo = _comment(posting.get("pcomment"), {})
        self.names.setdefault(account)
        for amount in typed(posting.get("pamount"), list, f"{where}: “pamount”"):
            numbers = amount.get("aquantity") if isinstance(amount, dict) and amount.get("acommodity") == "" else None
            if isinstance(numbers, dict) and numbers.get("decimalMantissa") == 0:
                continue  # a 0 without a commodity, as after an assertion
            commodity, quantity = self._amount(amount, where)
            self.sums.add(account, commodity, quantity)
            self._days.setdefault((account, commodity), {})[date] = None
            yield SourceLine(account=account, currency=commodity, amount=quantity, memo=memo)
            cost = amount.get("acost") or amount.get("aprice")
            if cost and commodity not in money.known_currencies():
                currency, price = self._amount(typed(cost, dict, where).get("contents"), where)
                total = price * quantity if cost.get("tag") in ("UnitPrice", "UnitCost") else price
                self.tally.add_cost(account, quantity=quantity, commodity=commodity, total=total, currency=currency)
        stated = posting.get("pbalanceassertion")
        if stated:
            commodity, quantity = self._amount(typed(stated, dict, where).get("baamount"), where)
            if not stated.get("bainclusive"):
                self._days.setdefault((account, commodity), {})[date] = SourceBalance(
                    account=account, currency=commodity, amount=quantity, on=date, stated=True
                )

    def _amount(self, found: Any, where: str) -> tuple[str, Decimal]:
        typed(found, dict, _("%(where)s: an amount") % {"where": where})
        quantity = typed(found.get("aquantity"), dict, f"{where}: “aquantity”")
        mantissa = typed(quantity.get("decimalMantissa"), int, f"{where}: “decimalMantissa”")
        places = typed(quantity.get("decimalPlaces"), int, f"{where}: “decimalPlaces”")
        if not 0 <= places <= 255 or abs(mantissa) > 10**60:
            raise BookUnreadable(
                reason=_("%(where)s: an amount is too large, or has too many decimals.") % {"where": where}
            )
        number = Decimal(mantissa).scaleb(-places)
        if places > _MOST_PLACES:  # trailing zeros of a division
            number = number.quantize(Decimal(1).scaleb(-_MOST_PLACES))
        commodity = typed(found.get("acommodity"), str, f"{where}: “acommodity”")
        if commodity not in self._commodities:
            meant = _MARKS.get(commodity, commodity)
            if commodity == "":
                if not self.base:
                    raise BookUnreadable(
                        reason=_("%(where)s: an amount without currency. Choose the main currency for those.")
                        % {"where": where}
                    )
                self.notes.append(_("Amounts without a currency were read as %(base)s.") % {"base": self.base})
                meant = self.base
            elif commodity in ("$", "¥", "kr", "Kr", "Fr", "Fr."):
                symbol = Locale("en").currency_symbols.get(self.base, "")
                local = {"kr": ("SEK", "NOK", "DKK", "ISK"), "fr": ("CHF",)}.get(commodity.rstrip(".").lower(), ())
                if not (symbol.endswith(commodity) or self.base in local):
                    raise BookUnreadable(
                        reason=_(
                            "%(where)s: “%(commodity)s” can be several currencies. Choose the one meant as the "
                            "main currency, or write its code in the journal."
                        )
                        % {"where": where, "commodity": commodity}
                    )
                self.notes.append(
                    _("Amounts in %(commodity)s were read as %(base)s.") % {"commodity": commodity, "base": self.base}
                )
                meant = self.base
            self._commodities[commodity] = meant
        return self._commodities[commodity], believable(number, where)

    def assertions(self) -> Iterator[SourceBalance]:
        """Balance assertions that speak for the end of their day: another posting behind one makes it speak of noon."""
        for by_day in self._days.values():
            for stated in by_day.values():
                if stated is not None and stated.account not in self._uncertain:
                    yield stated

    def accounts(self, declared: dict[str, str]) -> list[SourceAccount]:
        names = with_parents(self.names)
        types: dict[str, str | None] = {}
        for name in names:
            # As declared for it or the nearest account above, else by hledger's English names.
            at = name
            while at and not declared.get(at):
                at = at.rpartition(":")[0]
            guessed = next((type for pattern, type in _NAMES if pattern.match(name)), None)
            types[name] = _TYPES.get(declared[at]) if at else guessed
        # A parent without a type of its own stands where its accounts do.
        for name in sorted(names, key=lambda each: -each.count(":")):
            above = name.rpartition(":")[0]
            if above and types[above] is None and above not in self.names:
                types[above] = types[name]
        unknown = [name for name in self.names if types[name] is None]
        if unknown:
            raise BookUnreadable(
                reason=_(
                    "The type of %(names)s is not known. Put the output of “hledger accounts --types” "
                    "behind the JSON, and declare types in the journal where it shows none."
                )
                % {"names": ", ".join(f"“{name[:60]}”" for name in unknown[:5])}
            )
        accounts = []
        for name in names:
            above, colon, last = name.rpartition(":")
            kind = OPENING if _OPENING.fullmatch(name) else ""
            if not kind and colon and (declared.get(name) == "C" or (not declared.get(name) and _CASH.match(name))):
                kind = {"cash": "cash", "savings": "savings", "saving": "savings"}.get(last.lower(), "checking")
            accounts.append(SourceAccount(key=name, name=last, type=types[name] or ASSET, parent=above, kind=kind))
        return accounts


def _comment(text: object, tags: dict[str, str]) -> str:
    """A comment without the tags in it, which are told apart."""
    lines: Iterable[str] = text.splitlines() if isinstance(text, str) else ()
    parts = [part.strip() for line in lines for part in line.split(",")]
    return ", ".join(part for part in parts if part and part.partition(":")[0] not in tags)
