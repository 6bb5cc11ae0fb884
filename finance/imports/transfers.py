"""Sides of one transfer whose amounts differ, by a fee or by an exchange. Pure: rows and sides in, proposals out.

Amounts alone prove nothing here, so the words have to say it as well, and every proposal is a question.
"""

import datetime
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.texts import gettext as _
from core.words import plain
from finance import money
from finance.imports.matching import TRANSFER_DAYS, IncomingRow, when

# A fee is at most five percent of what was sent, or 5.00 where that is more, and never more than a quarter of it.
_FEE_PERCENT, _FEE_QUARTER = 5, 4
# 5.00 in minor units, by the decimals of the currency; of yen and other money without decimals it is 500.
_SMALL_FEE = {0: 500, 2: 500, 3: 5000}
_SHORTEST_NAME = 4
_MOST_SIDES = 50
# What banks call a transfer, or a change of money, in their languages.
TRANSFER_WORDS = (
    "transfer", "transferred", "umbuchung", "überweisung", "übertrag", "dauerauftrag", "virement", "transferencia",
    "traspaso", "bonifico", "giroconto", "trasferimento", "transferência", "overboeking", "overschrijving", "överföring",
    "overførsel", "overføring", "tilisiirto", "siirto", "przelew", "převod", "prevod", "átutalás", "transferul", "virare",
    "prijenos", "nakazilo", "превод", "перевод", "переказ", "μεταφορά", "havale", "virman", "ülekanne", "pārskaitījums",
    "pavedimas", "振込", "振替", "转账", "轉帳", "이체", "exchange", "exchanged", "wechsel", "change", "cambio", "wymiana",
)  # fmt: skip
_WORDS = frozenset(word for each in TRANSFER_WORDS for word in plain(each).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An entry with one side without a category: what its bank row says, and of which account.

    `amount` (minor units of `currency`) is what a row of the other side would have if nothing were lost on the way.
    `text` is normalised; `numbers` are those that the account has at its bank, bare.
    """

    entry_id: int
    date: datetime.date
    amount: int
    currency: str
    text: str
    account: str
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The entry that may be the row's other side, and the question as a sentence."""

    entry_id: int
    reason: str


def speaks_of_transfer(text: str) -> bool:
    """Whether normalised text holds a word for a transfer."""
    return not _WORDS.isdisjoint(text.split())


def could_be_fee(*, sent: int, received: int, currency: str) -> bool:
    """Whether the difference between two positive amounts in minor units can be a bank's fee."""
    fee = sent - received
    most = max(sent * _FEE_PERCENT // 100, _SMALL_FEE.get(money.exponent(currency), 0))
    return 0 < fee <= min(most, sent // _FEE_QUARTER)


def could_be_one(amount: int, other: int, *, currency: str, other_currency: str) -> bool:
    """Whether a row of `amount` can be the other side of an entry in which it should have been `other`."""
    if not amount or not other or (amount > 0) != (other > 0):
        return False
    if currency != other_currency:
        return True
    # What was sent is on the paying side, whichever of the two came first.
    sent, received = (abs(other), amount) if amount > 0 else (abs(amount), abs(other))
    return could_be_fee(sent=sent, received=received, currency=currency)


def unlike_sides(
    rows: Sequence[IncomingRow], sides: Sequence[Side], *, account: str, currency: str, numbers: frozenset[str]
) -> dict[int, Proposal]:
    """By position: rows of the account `account` (a name) that may be the other side of one of the entries."""
    ordered = sorted(sides, key=lambda side: (side.date, side.entry_id))
    window = datetime.timedelta(days=TRANSFER_DAYS)
    fitting: dict[int, list[tuple[Side, str]]] = {}
    for row in rows:
        low = bisect_left(ordered, row.date - window, key=lambda side: side.date)
        high = bisect_right(ordered, row.date + window, key=lambda side: side.date)
        found = [
            (side, why)
            for side in ordered[low:high]
            if (why := _evidence(row, side, account=account, currency=currency, numbers=numbers))
        ]
        if found:
            near = [
                (abs(abs(row.amount) - abs(side.amount)), abs((row.date - side.date).days), side.entry_id, side, why)
                for side, why in found
            ]
            fitting[row.position] = [
                (side, why) for *_far, side, why in sorted(near, key=lambda pair: pair[:3])[:_MOST_SIDES]
            ]
    wanted = Counter(side.entry_id for some in fitting.values() for side, _why in some)
    proposals = {}
    for row in rows:
        if some := fitting.get(row.position):
            side, why = some[0]
            more = " " + _("%(count)s entries fit this row.") % {"count": len(some)} if len(some) > 1 else ""
            more = more or (" " + _("Other rows fit it as well.") if wanted[side.entry_id] > 1 else "")
            reason = f"{_question(row, side, currency=currency)} {why}{more}"
            proposals[row.position] = Proposal(entry_id=side.entry_id, reason=reason)
    return proposals


def _evidence(row: IncomingRow, side: Side, *, account: str, currency: str, numbers: frozenset[str]) -> str:
    """What in the words says that both are one transfer, as a sentence; "" where nothing does or the amounts forbid it."""
    if not could_be_one(row.amount, side.amount, currency=currency, other_currency=side.currency):
        return ""
    if row.counterparty and row.counterparty in side.numbers:
        return _("The row names the number of “%(account)s”.") % {"account": side.account}
    for text, name in ((row.text, side.account), (side.text, account)):
        if len(name) >= _SHORTEST_NAME and f" {plain(name)} " in f" {text} ":
            return _("The text names “%(name)s”.") % {"name": name}
    if any(
        number in text.replace(" ", "")
        for text, own in ((row.text, side.numbers), (side.text, numbers))
        for number in own
    ):
        return _("The text names the other account's number.")
    if side.currency == currency:
        spoken = speaks_of_transfer(row.text) or speaks_of_transfer(side.text)
        return _("The text speaks of a transfer.") if spoken else ""
    for text, amount, code in ((row.text, side.amount, side.currency), (side.text, row.amount, currency)):
        written = plain(money.format_amount(abs(amount), currency=code))
        if f" {written} " in f" {text} " and f" {code.lower()} " in f" {text} ":
            return _("The text states the other amount.")
    return ""


def _question(row: IncomingRow, side: Side, *, currency: str) -> str:
    here = f"{money.format_amount(abs(row.amount), currency=currency)} {currency}"
    there = f"{money.format_amount(abs(side.amount), currency=side.currency)} {side.currency}"
    came_in = row.amount > 0
    what = _("an exchange")
    if side.currency == currency:
        fee = abs(abs(side.amount) - abs(row.amount))
        what = _("a fee of %(amount)s") % {"amount": f"{money.format_amount(fee, currency=currency)} {currency}"}
    if came_in:
        text = _("“%(account)s” sent %(there)s %(when)s, and %(here)s came in here: is it one transfer with %(what)s?")
    else:
        text = _(
            "“%(account)s” received %(there)s %(when)s, and %(here)s went out here: is it one transfer with %(what)s?"
        )
    return text % {
        "account": side.account, "there": there, "when": when(row.date, side.date), "here": here, "what": what,
    }  # fmt: skip
