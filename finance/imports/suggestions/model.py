"""How likely each account is for a row: naive Bayes over words, brought down to earth by how often it was right.

Without a database: the caller fills `Counts`. A word counts as far as it tells accounts apart. Words are not
independent, so what comes out is compared with what people did (`Calibration`): a stated 90 % is right in nine of ten.
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from finance.imports.suggestions.words import ACCOUNT, AMOUNT, EVERY, KEY, is_word

# Weight of what is known of an account at large against a feature's own counts.
_SMOOTHING = 1.0
# The payee as a whole counts in full: what was mixed stays mixed. Amount and account count for half.
_SIDE_WEIGHTS = {KEY: 1.0, AMOUNT: 0.5, ACCOUNT: 0.5}
# Share of what was never seen with any of the words.
_UNSEEN = 0.02
# Words seen with more accounts than this say little about which one it is.
_TELLING = 6
_NOTHING = (0, 0)
# Borders of the classes of stated probability; they lie closer where most suggestions are.
BORDERS = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
CLASSES = len(BORDERS) + 1
_MIDDLES = tuple((low + high) / 2 for low, high in zip((0.0, *BORDERS), (*BORDERS, 1.0), strict=True))
# As many tests of a class as its own middle counts for.
_TRUST = 6.0
TOP = 3

# account → [entries, weight]
Accounts = dict[int, list[int]]


class Counts:
    """How often each feature stood on money out (True) or in (False) per account."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, bool], Accounts] = defaultdict(dict)

    def add(self, words: Sequence[str], *, outgoing: bool, account_id: int, weight: int, entries: int = 1) -> None:
        for word in (EVERY, *words):
            found = self.of[word, outgoing].setdefault(account_id, [0, 0])
            found[0] += entries
            found[1] += weight


@dataclass(slots=True)
class Calibration:
    """Per class of stated probability: suggestions put to the test, and those that were right."""

    tried: list[int] = field(default_factory=lambda: [0] * CLASSES)
    right: list[int] = field(default_factory=lambda: [0] * CLASSES)

    def record(self, stated: float, *, right: bool) -> None:
        place = class_of(stated)
        self.tried[place] += 1
        self.right[place] += right

    def chances(self) -> list[float]:
        """What a stated probability of each class is worth: as often as it was right before, and no class less than a
        lower one (adjacent steps that contradict this are merged)."""
        pools: list[tuple[float, float, int]] = []  # right, tried, classes
        for tried, right, middle in zip(self.tried, self.right, _MIDDLES, strict=True):
            pool = (right + _TRUST * middle, tried + _TRUST, 1)
            while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
                below = pools.pop()
                pool = (pool[0] + below[0], pool[1] + below[1], pool[2] + below[2])
            pools.append(pool)
        return [right / tried for right, tried, classes in pools for _ in range(classes)]


def class_of(stated: float) -> int:
    """The class of a stated probability."""
    return bisect_right(BORDERS, stated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """An account with its probability, and the features that spoke for it most, each seen `times` of `total` with it."""

    account_id: int
    stated: float
    features: tuple[str, ...]
    times: int
    total: int


def rank(
    words: Sequence[str], *, outgoing: bool, counts: Counts, allowed: Collection[int] | None = None
) -> list[Ranked]:
    """The likeliest accounts, best first, at most three; empty where no word of the row is known."""
    known = [(word, found) for word in words if (found := counts.of.get((word, outgoing)))]
    told = [(word, found) for word, found in known if is_word(word)]
    # A word that goes with everything names no candidates, unless there are no others.
    telling = [found for _word, found in told if len(found) <= _TELLING] or [found for _word, found in told]
    candidates = {account for found in telling for account in found}
    if allowed is not None:
        candidates &= set(allowed)
    if not candidates:
        return []
    every = counts.of.get((EVERY, outgoing), {})
    whole = sum([weight for _entries, weight in every.values()]) + 0.5 * (len(every) + 1)
    sums = [(word, found, *_worth(word, found, every, whole), is_word(word)) for word, found in known]
    scores: dict[int, tuple[float, str]] = {}
    for account in candidates:
        base = (every.get(account, _NOTHING)[1] + 0.5) / whole
        score, best, spoke = math.log(base), -math.inf, ""
        for word, found, total, worth, is_told in sums:
            said = worth * math.log((found.get(account, _NOTHING)[1] + _SMOOTHING * base) / total / base)
            score += said
            if is_told and said > best:
                best, spoke = said, word
        scores[account] = score, spoke
    highest = max(score for score, _word in scores.values())
    odds = {account: math.exp(score - highest) for account, (score, _word) in scores.items()}
    whole_odds = sum(odds.values()) + _UNSEEN
    ordered = sorted(odds, key=lambda account: (-odds[account], account))[:TOP]
    return [_ranked(account, odds[account] / whole_odds, scores[account][1], told) for account in ordered]


def _worth(word: str, found: Accounts, every: Accounts, whole: float) -> tuple[float, float]:
    """The word's smoothed weight in all, and how much it counts: as far as it points to one account rather than to what
    money goes to anyway. Cities and small print count next to nothing."""
    top = max(found, key=lambda account: found[account][1])
    total = sum([weight for _entries, weight in found.values()])
    usual = (every.get(top, _NOTHING)[1] + 0.5) / whole
    points = max((found[top][1] / (total + 1) - usual) / (1 - usual), 0.0) if usual < 1 else 0.0
    return total + _SMOOTHING, _SIDE_WEIGHTS.get(word[0], points)


def _ranked(account: int, stated: float, spoke: str, known: Sequence[tuple[str, Accounts]]) -> Ranked:
    """With every word of the same figures: they speak together."""
    figures = {
        word: (found.get(account, [0, 0])[0], sum(entries for entries, _weight in found.values()))
        for word, found in known
    }
    together = [spoke] if spoke.startswith(KEY) else [word for word in figures if figures[word] == figures[spoke]]
    times, total = figures[spoke]
    return Ranked(account_id=account, stated=stated, features=tuple(together), times=times, total=total)
