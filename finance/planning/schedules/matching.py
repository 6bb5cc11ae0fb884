"""Which occurrence an entry pays. Pure: occurrences and entries are given, and only what is beyond doubt is answered.

An entry and an occurrence belong together when they are on one account, the amount is within the bounds, and their days
are close. Days are compared as days between two dates, never as days of the month.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from finance.planning.schedules.definition import AmountKind

# Days between payment and due day: where payee or category are known, and by the amount alone.
KNOWN_DAYS = 10
UNKNOWN_DAYS = 3
# Of two schedules the one whose day is so much nearer has the entry.
CLEARLY_NEARER = 3
# A bill of a known payee may be so many hundredths dearer or cheaper.
_NEAR = 10
_NEAR_LEARNED = 30
# Shorter names are in too many words.
_SHORTEST_WORD = 4


class Claim(IntEnum):
    """What speaks for a pair, the best first."""

    PAYEE = 0
    CATEGORY = 1  # the schedule names no payee, and the entry is on one of its categories
    AMOUNT = 2  # the exact amount, and nothing speaks against it
    DOUBTFUL = 3  # the exact amount, but another payee or category: somebody has to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An open occurrence; bounds in minor units, least <= most. `gap` is the days to the next one, which bounds the search.

    `payees` are the texts that mean its payee, in lower case, `counters` the accounts on its other side. `slack` is how
    many hundredths the amount of a known payee may be off; None: any amount with that sign.
    """

    schedule_id: int
    nominal: datetime.date
    date: datetime.date
    account_id: int
    least: int
    most: int
    gap: int
    payees: frozenset[str] = frozenset()
    counters: frozenset[int] = frozenset()
    slack: int | None = _NEAR
    refused: frozenset[int] = frozenset()

    @property
    def place(self) -> tuple[int, datetime.date]:
        """Its identity."""
        return self.schedule_id, self.nominal


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an entry, known by its first version, moved on one account, and the other accounts that it touches.

    `counters` are without those for what has no category yet; none: not known.
    """

    entry_id: int
    account_id: int
    date: datetime.date
    amount: int
    payee: str
    counters: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fit:
    """How well the two go together: the lowest is best."""

    claim: Claim
    other_amount: bool
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry that pays an occurrence, or may pay it."""

    entry: Found
    expected: Expected
    fit: Fit


def slack_of(amount_kind: AmountKind) -> int | None:
    """The hundredths by which an amount of that kind may be off where the payee is known."""
    return {AmountKind.FIXED: _NEAR, AmountKind.RANGE: 0, AmountKind.LEARNED: _NEAR_LEARNED}.get(amount_kind)


def fit_of(expected: Expected, found: Found) -> Fit | None:
    """How the entry fits; None where it does not."""
    if found.account_id != expected.account_id or found.entry_id in expected.refused:
        return None
    if (found.amount > 0) != (expected.most > 0):
        return None
    text = found.payee.casefold()
    if any(_means(text, each) for each in expected.payees):
        claim = Claim.PAYEE
    elif not expected.payees and expected.counters & found.counters:
        claim = Claim.CATEGORY
    elif (expected.payees and text) or (found.counters and not expected.counters & found.counters):
        claim = Claim.DOUBTFUL
    else:
        claim = Claim.AMOUNT
    days = min(abs((found.date - expected.date).days), abs((found.date - expected.nominal).days))
    within = KNOWN_DAYS if claim in (Claim.PAYEE, Claim.CATEGORY) else UNKNOWN_DAYS
    if days > min(within, expected.gap // 2):
        return None
    is_exact = expected.slack is not None and expected.least <= found.amount <= expected.most
    if not is_exact and not (claim in (Claim.PAYEE, Claim.CATEGORY) and _is_near(expected, found.amount)):
        return None
    return Fit(claim=claim, other_amount=not is_exact, days=days)


def _is_near(expected: Expected, amount: int) -> bool:
    """Whether the amount is within the bounds and their slack."""
    if expected.slack is None:
        return True
    low, high = sorted((abs(expected.least), abs(expected.most)))
    return low * (100 - expected.slack) <= abs(amount) * 100 <= high * (100 + expected.slack)


def _means(text: str, payee: str) -> bool:
    """Whether the text names the payee: the same, or its words within what a bank writes."""
    return text == payee or (len(payee) >= _SHORTEST_WORD and f" {payee} " in f" {text} ")


def matches(expected: Sequence[Expected], found: Iterable[Found]) -> tuple[list[Match], list[list[Match]]]:
    """Pairs beyond doubt, and groups of pairs of which somebody has to choose.

    The best pair is taken first. In doubt is a pair where another schedule fits the entry as well, or another entry the
    occurrence; and one with the right amount and another payee or category.
    """
    by_account: dict[int, list[Expected]] = defaultdict(list)
    for each in expected:
        by_account[each.account_id].append(each)
    pairs = [
        Match(entry=entry, expected=each, fit=fit)
        for entry in found
        for each in by_account[entry.account_id]
        if (fit := fit_of(each, entry))
    ]
    pairs.sort(key=lambda pair: (pair.fit, pair.expected.nominal, pair.entry.date, pair.entry.entry_id))
    of_entry: dict[int, list[Match]] = defaultdict(list)
    of_place: dict[tuple[int, datetime.date], list[Match]] = defaultdict(list)
    for pair in pairs:
        of_entry[pair.entry.entry_id].append(pair)
        of_place[pair.expected.place].append(pair)
    entries_taken: set[int] = set()
    places_taken: set[tuple[int, datetime.date]] = set()
    sure: list[Match] = []
    doubts: list[list[Match]] = []
    for pair in pairs:
        if pair.entry.entry_id in entries_taken or pair.expected.place in places_taken:
            continue
        group = [pair]
        for other in (*of_entry[pair.entry.entry_id], *of_place[pair.expected.place]):
            is_free = other.entry.entry_id not in entries_taken and other.expected.place not in places_taken
            if is_free and _are_rivals(pair, other):
                group.append(other)
        if len(group) > 1 or pair.fit.claim is Claim.DOUBTFUL:
            doubts.append(group)
        else:
            sure.append(pair)
        entries_taken |= {each.entry.entry_id for each in group}
        places_taken |= {each.expected.place for each in group}
    return sure, doubts


def _are_rivals(pair: Match, other: Match) -> bool:
    """Whether the other pair wants the same entry or the same occurrence with as good a claim."""
    if (pair.fit.claim, pair.fit.other_amount) != (other.fit.claim, other.fit.other_amount):
        return False
    if pair.entry.entry_id == other.entry.entry_id:
        # Of one schedule the nearer date decides, the earlier of two.
        return (
            pair.expected.schedule_id != other.expected.schedule_id and other.fit.days - pair.fit.days < CLEARLY_NEARER
        )
    # Entries of one day and amount are as good as one another: the first is taken.
    alike = (pair.entry.date, pair.entry.amount) == (other.entry.date, other.entry.amount)
    return pair.fit.days == other.fit.days and not alike
