"""Is this row of a bank file new? Identity of rows, twins, overlaps, entries made by hand.

Pure: rows and entries in, verdicts out; `services.matching` asks the database for them. Nothing is decided silently:
every verdict carries a sentence with its reason.
"""

import datetime
import hashlib
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.texts import gettext as _
from core.texts import ngettext
from finance.imports.parsers.words import plain

# How far a bank's date may lie from the day on which somebody wrote the entry down.
MATCH_DAYS = 5
# How far apart two banks book the sides of one transfer.
TRANSFER_DAYS = 4
# Entries over one amount that are looked at for a transfer: with more than that it is a question anyway.
_MOST_SIDES = 50
# Rows × entries over the same amount that are compared each with each.
_MOST_PAIRS = 100_000
_WEAK_ID = re.compile(r"\D{0,2}0*\d{0,4}")


class RowStatus(StrEnum):
    """What will happen to a row when the import is confirmed."""

    NEW = "new"
    ALREADY_IMPORTED = "already_imported"
    PROBABLE_MATCH = "probable_match"
    # Nothing happens to the row until somebody has answered.
    QUESTION = "question"
    PENDING = "pending"
    ERROR = "error"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRow:
    """A booked row of the file; amounts in minor units, `text` from `normalise_text`."""

    position: int
    date: datetime.date
    amount: int
    text: str
    bank_id: str = ""
    balance: int | None = None
    # The other side's account number, bare.
    counterparty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """A row of an earlier file that was posted, linked or ignored; `occurrence` counts equals from 1."""

    row_id: int
    date: datetime.date
    amount: int
    text: str
    identity: str
    occurrence: int
    bank_id: str = ""
    balance: int | None = None
    entry_id: int | None = None
    seen_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A line in the books that a row of the file may stand for; `amount` as the row would have it.

    It is on the same account, and no bank row vouches for it yet; or, where `other_account` names one, the bank row of
    that account brought it in without a category, so that both rows may be the two sides of one transfer.
    """

    entry_id: int
    date: datetime.date
    amount: int
    text: str
    title: str = ""
    other_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The status of one row, why, its identity, and the entry that it seems to be."""

    position: int
    fate: RowStatus
    reason: str
    identity: str
    occurrence: int
    entry_id: int | None = None


def normalise_text(payee: str, description: str = "") -> str:
    """Words and numbers only: what is left of a text when banks change spacing, case and punctuation."""
    return plain(f"{payee} {description}")[:400]


def is_weak_id(bank_id: str) -> bool:
    """Short counts ("1", "0042") name a place in the file rather than a transaction."""
    return _WEAK_ID.fullmatch(bank_id) is not None


def identity_of(row: IncomingRow) -> str:
    """What makes a row itself: the bank's id, date and amount (ids get reused), or else text, date, amount."""
    if row.bank_id and not is_weak_id(row.bank_id):
        return _digest("id", row.bank_id, row.date, row.amount)
    return content_identity(date=row.date, amount=row.amount, text=row.text)


def content_identity(*, date: datetime.date, amount: int, text: str) -> str:
    """Identity of a row without an id of the bank."""
    return _digest("row", text, date, amount)


def judge(
    rows: Sequence[IncomingRow],
    known: Sequence[KnownRow],
    candidates: Sequence[Candidate],
    *,
    days: int = MATCH_DAYS,
) -> list[Verdict]:
    """A verdict per row, in the order of `rows`. Each known row and each candidate serves one row at most."""
    return with_matches(rows, recognise(rows, known), candidates, days=days)


def recognise(rows: Sequence[IncomingRow], known: Sequence[KnownRow]) -> list[Verdict]:
    """What is known of the rows from earlier files. Rows of different days have nothing to do with each other here."""
    identities = {row.position: identity_of(row) for row in rows}
    pool = _Pool(known)
    same: dict[int, _Same] = {}
    days = {seen.date for seen in known}
    asked = [row for row in rows if row.date in days]
    # By identity and text, then identity alone, then by content where an id is missing, then by day and amount alone.
    for take in (_exact, _same_identity, _same_content, _same_weak_id, _same_amount):
        for row in asked:
            if row.position not in same and (found := take(pool, row, identities[row.position])):
                pool.used.add(found.known.row_id)
                same[row.position] = found
    highest: Counter[str] = Counter()
    for seen in known:
        highest[seen.identity] = max(highest[seen.identity], seen.occurrence)
    new = _("Not seen before.")
    return [_verdict(row, identities[row.position], same.get(row.position), highest, new) for row in rows]


def with_matches(
    rows: Sequence[IncomingRow], verdicts: Sequence[Verdict], candidates: Sequence[Candidate], *, days: int = MATCH_DAYS
) -> list[Verdict]:
    """The verdicts, those of new rows with the entries of the books that they seem to be."""
    fresh = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.fate is RowStatus.NEW]
    own = [candidate for candidate in candidates if not candidate.other_account]
    found = _match_entries(fresh, own, days=days)
    fresh = [row for row in fresh if row.position not in found]
    found |= _match_transfers(fresh, [candidate for candidate in candidates if candidate.other_account])
    return [
        replace(verdict, fate=match.fate, reason=match.reason, entry_id=match.candidate.entry_id)
        if (match := found.get(verdict.position))
        else verdict
        for verdict in verdicts
    ]


@dataclass(frozen=True, slots=True)
class _Same:
    known: KnownRow
    sure: bool
    reason: str


class _Pool:
    """Known rows, in a queue for each way to ask for one; each is given away once.

    Thousands of equal rows must not be looked through for every row of a file, so the queues are as fine as the
    questions, and what was given away is dropped from their heads.
    """

    def __init__(self, known: Sequence[KnownRow]) -> None:
        self.used: set[int] = set()
        self._queues: dict[Hashable, deque[KnownRow]] = defaultdict(deque)
        for row in sorted(known, key=lambda row: row.occurrence):
            content = content_identity(date=row.date, amount=row.amount, text=row.text)
            self._queues["identity", row.identity].append(row)
            self._queues["text", row.identity, row.text].append(row)
            self._queues["balance", row.identity, row.text, row.balance].append(row)
            self._queues["content", content].append(row)
            if row.bank_id:
                self._queues["id", row.identity, row.text, row.bank_id].append(row)
            else:
                self._queues["content without id", content].append(row)
            self._queues["amount", row.date, row.amount].append(row)
            if row.bank_id and is_weak_id(row.bank_id):
                self._queues["weak id", row.bank_id, row.date, row.amount].append(row)

    def first(self, *keys: Hashable) -> KnownRow | None:
        """The free row with the lowest occurrence in any of the queues."""
        heads = []
        for key in keys:
            queue = self._queues.get(key, deque())
            while queue and queue[0].row_id in self.used:
                queue.popleft()
            heads += [queue[0]] if queue else []
        return min(heads, key=lambda row: row.occurrence, default=None)


def _exact(pool: _Pool, row: IncomingRow, identity: str) -> _Same | None:
    """Same identity, same text, and the balances (where both state one) agree."""
    if row.balance is None:
        found = pool.first(("text", identity, row.text))
    else:
        balances = [("balance", identity, row.text, balance) for balance in (row.balance, None)]
        ids = [("id", identity, row.text, row.bank_id)] if row.bank_id else []
        found = pool.first(*balances, *ids)
    return _Same(found, True, _already(found, row)) if found else None


def _same_identity(pool: _Pool, row: IncomingRow, identity: str) -> _Same | None:
    found = pool.first(("identity", identity))
    if found is None:
        return None
    if row.bank_id and not is_weak_id(row.bank_id):
        return _Same(found, True, _already(found, row))
    return _Same(
        found,
        False,
        _(
            "Same day, amount and text as a row%(origin)s, but the bank shows another balance after it: "
            "it may be a second transaction."
        )
        % {"origin": _from(found)},
    )


def _same_content(pool: _Pool, row: IncomingRow, _identity: str) -> _Same | None:
    """The same bank's other export, with ids where there were none or without ids where there were."""
    content = content_identity(date=row.date, amount=row.amount, text=row.text)
    has_id = row.bank_id and not is_weak_id(row.bank_id)
    found = pool.first(("content without id" if has_id else "content", content))
    return _Same(found, True, _already(found, row)) if found else None


def _same_weak_id(pool: _Pool, row: IncomingRow, _identity: str) -> _Same | None:
    if not row.bank_id or not is_weak_id(row.bank_id):
        return None
    found = pool.first(("weak id", row.bank_id, row.date, row.amount))
    if found is None:
        return None
    return _Same(
        found,
        False,
        _("Same number, day and amount as a row%(origin)s, but with another text.") % {"origin": _from(found)},
    )


def _same_amount(pool: _Pool, row: IncomingRow, _identity: str) -> _Same | None:
    """Banks rewrite texts once a payment is settled, and some give a row another id with every download."""
    found = pool.first(("amount", row.date, row.amount))
    if found is None:
        return None
    if row.bank_id and found.bank_id and row.bank_id != found.bank_id:
        alike, unlike = _("the same text but another id of the bank"), _("another text and another id of the bank")
    else:
        alike, unlike = _("the same text"), _("another text")
    reason = _("Same day and amount as a row%(origin)s, with %(what)s: is it the same payment?")
    what = alike if found.text == row.text else unlike
    return _Same(found, False, reason % {"origin": _from(found), "what": what})


def _already(known: KnownRow, row: IncomingRow) -> str:
    nth = _(" (%(ordinal)s of that day)") % {"ordinal": _ordinal(known.occurrence)} if known.occurrence > 1 else ""
    where = _(" in %(file)s") % {"file": known.seen_in} if known.seen_in else ""
    if row.bank_id and row.bank_id == known.bank_id:
        text = _("The bank's id of this row came before%(where)s%(nth)s.")
    else:
        text = _("This day, amount and text came before%(where)s%(nth)s.")
    return text % {"where": where, "nth": nth}


def _from(known: KnownRow) -> str:
    return _(" of %(file)s") % {"file": known.seen_in} if known.seen_in else _(" that came before")


def _ordinal(number: int) -> str:
    named = {1: _("first"), 2: _("second"), 3: _("third")}
    return named.get(number) or _("%(number)sth") % {"number": number}


@dataclass(frozen=True, slots=True)
class _Match:
    candidate: Candidate
    reason: str
    fate: RowStatus = RowStatus.PROBABLE_MATCH


def _match_entries(rows: Sequence[IncomingRow], candidates: Sequence[Candidate], *, days: int) -> dict[int, _Match]:
    """The best pairs first, so that an entry goes to the row that fits it best."""
    by_amount: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda c: (c.date, c.entry_id)):
        by_amount[candidate.amount].append(candidate)
    wanted: dict[int, list[IncomingRow]] = defaultdict(list)
    for row in rows:
        wanted[row.amount].append(row)
    crowded = {amount for amount, some in by_amount.items() if len(wanted[amount]) * len(some) > _MOST_PAIRS}
    found: dict[int, _Match] = {}
    for amount in crowded:
        found |= _match_in_order(wanted[amount], by_amount[amount], days=days)
    pairs = []
    window = datetime.timedelta(days=days)
    for row in rows:
        same_amount = [] if row.amount in crowded else by_amount.get(row.amount, [])
        low = bisect_left(same_amount, row.date - window, key=lambda c: c.date)
        high = bisect_right(same_amount, row.date + window, key=lambda c: c.date)
        ours = set(row.text.split())
        for candidate in same_amount[low:high]:
            # Nearness in days counts most, then words in common.
            theirs = set(candidate.text.split())
            common = len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0
            score = 100.0 - 10.0 * abs((row.date - candidate.date).days) + 40.0 * common
            pairs.append((-score, row.position, candidate.entry_id, row, candidate))
    taken: set[int] = set()
    for _worse, position, entry_id, row, candidate in sorted(pairs, key=lambda pair: pair[:3]):
        if position not in found and entry_id not in taken:
            taken.add(entry_id)
            found[position] = _Match(candidate, _why(row, candidate))
    return found


def _match_in_order(rows: Sequence[IncomingRow], candidates: list[Candidate], *, days: int) -> dict[int, _Match]:
    """Hundreds of entries over one amount are paired off by date alone: comparing each with each would take too long."""
    window = datetime.timedelta(days=days)
    found: dict[int, _Match] = {}
    waiting = deque(candidates)
    for row in sorted(rows, key=lambda row: (row.date, row.position)):
        while waiting and waiting[0].date < row.date - window:
            waiting.popleft()
        if waiting and waiting[0].date <= row.date + window:
            candidate = waiting.popleft()
            found[row.position] = _Match(candidate, _why(row, candidate))
    return found


def _match_transfers(rows: Sequence[IncomingRow], candidates: Sequence[Candidate]) -> dict[int, _Match]:
    """The rows that may be the other side of an entry; where more than one fits, on either hand, it is a question."""
    by_amount: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda c: (c.date, c.entry_id)):
        by_amount[candidate.amount].append(candidate)
    window = datetime.timedelta(days=TRANSFER_DAYS)
    fitting = {}
    for row in rows:
        if some := by_amount.get(row.amount):
            low = bisect_left(some, row.date - window, key=lambda c: c.date)
            high = bisect_right(some, row.date + window, key=lambda c: c.date)
            fitting[row.position] = some[low : min(high, low + _MOST_SIDES)]
    wanted = Counter(candidate.entry_id for some in fitting.values() for candidate in some)
    found = {}
    for row in rows:
        if not (some := fitting.get(row.position)):
            continue
        best = min(some, key=lambda c: (abs(c.date - row.date), c.entry_id))
        facts = {"account": best.other_account, "when": when(row.date, best.date), "count": len(some)}
        if len(some) == 1 and wanted[best.entry_id] == 1:
            text = _("“%(account)s” has the opposite amount without a category %(when)s: both become one transfer.")
            found[row.position] = _Match(best, text % facts)
            continue
        if len(some) > 1:
            text = _(
                "“%(account)s” has the opposite amount without a category %(when)s, but %(count)s entries fit this row: "
                "is it this transfer?"
            )
        else:
            text = _(
                "“%(account)s” has the opposite amount without a category %(when)s, but other rows fit it as well: "
                "is it this transfer?"
            )
        found[row.position] = _Match(best, text % facts, RowStatus.QUESTION)
    return found


def _why(row: IncomingRow, candidate: Candidate) -> str:
    if candidate.title:
        text = _("The books hold an entry “%(title)s” of the same amount %(when)s, not linked to a bank row yet.")
    else:
        text = _("The books hold an entry of the same amount %(when)s, not linked to a bank row yet.")
    return text % {"title": candidate.title, "when": when(row.date, candidate.date)}


def when(day: datetime.date, other: datetime.date) -> str:
    """How far the other day is from the day, in words."""
    apart = (other - day).days
    if not apart:
        return _("on the same day")
    days = abs(apart)
    if apart > 0:
        return ngettext("%(days)d day later", "%(days)d days later", days) % {"days": days}
    return ngettext("%(days)d day earlier", "%(days)d days earlier", days) % {"days": days}


def _verdict(row: IncomingRow, identity: str, seen: _Same | None, number: Counter[str], new: str) -> Verdict:
    if seen and seen.sure:
        return Verdict(
            position=row.position,
            fate=RowStatus.ALREADY_IMPORTED,
            reason=seen.reason,
            identity=seen.known.identity,
            occurrence=seen.known.occurrence,
            entry_id=seen.known.entry_id,
        )
    number[identity] += 1
    nth = number[identity]
    if seen:
        fate, reason, entry_id = RowStatus.QUESTION, seen.reason, seen.known.entry_id
    else:
        fate, entry_id = RowStatus.NEW, None
        reason = new
        if nth > 1:
            reason = _("Not seen before: the %(ordinal)s equal row of that day.") % {"ordinal": _ordinal(nth)}
    return Verdict(
        position=row.position, fate=fate, reason=reason, identity=identity, occurrence=nth, entry_id=entry_id
    )


def _digest(kind: str, text: str, date: datetime.date, amount: int) -> str:
    return f"{kind}:{hashlib.sha256(f'{text}|{date.isoformat()}|{amount}'.encode()).hexdigest()[:40]}"
