"""Series in a history: what comes again, how sure that is, and by which entries. Nothing here knows the database.

Entries of one payee and direction may hold several series (two contracts, a subscription among purchases), one whose
price rose, or none. The history is parted in a few ways; the parting whose series explain most is taken.

How sure: a series is weighed against payments that come by chance. Each payment on its day is so many bits of evidence
for the series, as many as chance would need luck for; steady amounts add some, and payments that failed to come or came
between take some away. The percentage is the probability that these bits make of a prior of few series among many payees.
The constants were chosen on the tuning seeds of bench/planning_detection.py, which measures on others.
"""

import datetime
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from finance.money import divided
from finance.periods import shifted
from finance.planning.detection.weekdays import weekday_rhythms
from finance.planning.recurrence import MAX_DATES, Cadence, Recurrence, Rhythm, detect

# The latest entries of a group that are looked at: two years of payments every few days.
MOST_ENTRIES = 200
# What is less sure is not offered.
OFFERED_FROM = 75
# Entries that are named as evidence.
MOST_EVIDENCE = 24
# A series is over when this many of its days in a row saw no payment.
_MISSES_IN_A_ROW = 2
# Of a hundred: what a payee must beat, and how often chance gets another look at it (rhythms, anchors, partings).
_PRIOR_BITS = -9.0
_MISS_BITS, _EXTRA_BITS, _DOUBLE_BITS, _OUTSIDE_BITS = -2.5, -2.5, -0.7, -0.5
_MOST_OUTSIDE_BITS, _MOST_AMOUNT_BITS = -6.0, 6.0
# Days of the month that vary are on one weekday of it by chance: one more look that chance gets.
_WEEKDAY_BITS = -3.0
# A payee of whom nothing else is known than payments a year apart.
_ALONE_BITS = 2.0
# Amounts further apart than so many hundredths are of different contracts.
_APART = 130
_STEADY = 3
_LONGEST_LATE = 45
_WORDS = re.compile(r"[^\W\d_]+")
_MOST_WORDS = 8


class Amounts(StrEnum):
    """How the amounts of a series are; the words of a schedule's kind of amount."""

    FIXED = "fixed"
    RANGE = "range"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What one entry moved on one own account: signed minor units, negative when money left it.

    `key` is the payee as texts are compared, aliases resolved; empty where the entry names none. `counter_id` is the
    account on the other side, the largest of several; `transfer` says that it is an own one.
    """

    entry_id: int
    date: datetime.date
    account_id: int
    amount: int
    currency: str
    key: str
    payee: str = ""
    description: str = ""
    counter_id: int | None = None
    transfer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series and its proof. Amounts in minor units, least <= amount <= most; `confidence` is a percentage.

    `rule` begins at the next day that is due. `evidence` are the entries of the series, the latest ones; `hits` counts
    all of them, `misses` its days without a payment and `extras` payments between. `lasts_until`: with nothing by that
    day it is over.
    """

    group: str
    movement: Movement
    rhythm: Rhythm
    rule: Recurrence
    amounts: Amounts
    amount: int
    least: int
    most: int
    confidence: int
    evidence: tuple[int, ...]
    hits: int
    misses: int
    extras: int
    first: datetime.date
    last: datetime.date
    next_due: datetime.date
    lasts_until: datetime.date

    @property
    def per_year(self) -> int:
        """What a year of it comes to, in minor units."""
        yearly = self.amount * self.rhythm.cadence.per_year
        return divided(yearly.numerator, yearly.denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Movements that keep a rhythm, and how much speaks for it."""

    rhythm: Rhythm
    rule: Recurrence
    hits: tuple[tuple[datetime.date, Movement], ...]  # each with its nominal date
    misses: int
    extras: int
    bits: float

    @property
    def confidence(self) -> int:
        return round(100 / (1 + 2 ** -max(-30.0, min(self.bits, 30.0))))


def group_of(movement: Movement) -> str:
    """What movements are compared by: the payee, else the words of the description, else the two accounts.

    Empty where an entry says nothing at all. Numbers in a description are left out: they are references and dates.
    """
    if movement.key:
        return movement.key
    words = _WORDS.findall(movement.description.casefold())[:_MOST_WORDS]
    if words:
        return "~" + " ".join(words)
    return f"#{movement.account_id}>{movement.counter_id}" if movement.transfer else ""


def series_in(movements: Iterable[Movement], *, today: datetime.date) -> list[Series]:
    """Series that go on, the surest first; of each group the latest MOST_ENTRIES are looked at. Later days are not."""
    groups: dict[tuple[str, bool, str], list[Movement]] = defaultdict(list)
    for movement in movements:
        if movement.date <= today and (name := group_of(movement)):
            groups[name, movement.amount > 0, movement.currency].append(movement)
    found = []
    for (name, _is_income, _currency), group in sorted(groups.items()):
        ordered = sorted(group, key=lambda each: (each.date, each.entry_id))[-MOST_ENTRIES:]
        for one in _best_parting(ordered):
            series = _series(name, one, today=today)
            if series is not None:
                found.append(series)
    return sorted(found, key=lambda each: (-each.confidence, each.next_due, each.group))


def _best_parting(ordered: Sequence[Movement]) -> list[_Found]:
    """The series of the parting whose series have most evidence together."""
    best: list[_Found] = []
    most = 0.0
    for parting in _partings(ordered):
        found = [
            one
            for part in parting
            if (one := _found_in(part, alone=len(part) == len(ordered))) and one.confidence >= OFFERED_FROM
        ]
        bits = sum(one.bits for one in found)
        if bits > most + 1:  # the simpler one comes first, and stays unless another says clearly more
            best, most = found, bits
    return best


def _partings(ordered: Sequence[Movement]) -> Iterator[list[list[Movement]]]:
    """Ways to part the movements: not at all, by steady amounts, by how far amounts are apart, by account."""
    yield [list(ordered)]
    counts = Counter(each.amount for each in ordered)
    steady = {amount for amount, count in counts.items() if count >= _STEADY}
    if len(counts) > 1:
        if steady:
            parts = [[each for each in ordered if each.amount == amount] for amount in sorted(steady)]
            rest = [each for each in ordered if each.amount not in steady]
            yield [*_joined(parts), rest]
        by_size = sorted(ordered, key=lambda each: abs(each.amount))
        parts = [[by_size[0]]]
        for one, following in pairwise(by_size):
            if abs(following.amount) * 100 > abs(one.amount) * _APART:
                parts.append([])
            parts[-1].append(following)
        if len(parts) > 1:
            yield [sorted(part, key=lambda each: (each.date, each.entry_id)) for part in parts]
    by_account: dict[tuple[int, int | None], list[Movement]] = defaultdict(list)
    for each in ordered:
        by_account[each.account_id, each.counter_id].append(each)
    if 1 < len(by_account) <= 5:
        yield list(by_account.values())


def _joined(parts: list[list[Movement]]) -> list[list[Movement]]:
    """Parts that follow each other in time put together: a price that rose is one series."""
    joined: list[list[Movement]] = []
    for part in sorted(parts, key=lambda part: part[0].date):
        before = [one for one in joined if one[-1].date < part[0].date and _is_near(one[-1].amount, part[0].amount)]
        if before:
            max(before, key=lambda one: one[-1].date).extend(part)
        else:
            joined.append(list(part))
    return joined


def _is_near(one: int, other: int) -> bool:
    low, high = sorted((abs(one), abs(other)))
    return high * 100 <= low * 2 * (_APART - 30)


def _found_in(part: Sequence[Movement], *, alone: bool) -> _Found | None:
    """The rhythm that the movements keep best; `alone`: they are all that there is of their group."""
    if len(part) < 2:
        return None
    dates = sorted({each.date for each in part})
    rhythms: dict[tuple[object, ...], Rhythm] = {}
    for window in _windows(dates):
        rhythm = detect(window)
        if rhythm is not None:
            rhythms.setdefault((rhythm.cadence.name, rhythm.rule.days, rhythm.rule.at(1), rhythm.shift), rhythm)
    found = [_aligned(part, rhythm, alone=alone) for rhythm in (*rhythms.values(), *weekday_rhythms(dates))]
    return max(found, key=lambda one: one.bits, default=None)


def _windows(dates: Sequence[datetime.date]) -> Iterator[Sequence[datetime.date]]:
    """Stretches of the dates in which nothing seems to be missing or doubled; a rhythm is found in one without a gap."""
    latest = dates[-2 * MAX_DATES :]
    yield latest
    gaps = [(later - earlier).days for earlier, later in pairwise(latest)]
    if len(gaps) < 3:
        return
    usual = sorted(gaps)[len(gaps) // 2]
    thinned = [latest[0]]
    for date in latest[1:]:
        # So soon after another it is a second payment for the same day.
        if (date - thinned[-1]).days * 100 >= usual * 35:
            thinned.append(date)
    runs: list[list[datetime.date]] = [[thinned[0]]]
    for earlier, later in pairwise(thinned):
        if (later - earlier).days * 100 > usual * 160:
            runs.append([])
        runs[-1].append(later)
    if len(thinned) < len(latest):
        yield thinned
    long_enough = [run for run in runs if len(run) >= 3]
    if long_enough and len(runs) > 1:
        yield long_enough[-1]
        yield max(long_enough, key=len)
    yield latest[:-1]


def _aligned(part: Sequence[Movement], rhythm: Rhythm, *, alone: bool) -> _Found:
    """The movements laid upon the rule's days, from the latest back to where the series began."""
    cadence = rhythm.cadence
    rule = rhythm.rule.reaching_back(part[0].date - datetime.timedelta(days=cadence.gap[1] + cadence.tolerance))
    reach = datetime.timedelta(days=cadence.tolerance + 2)
    days = rule.occurrences(part[0].date - reach, part[-1].date + reach)
    shown = [shifted(day, rhythm.shift) for day in days]
    of_day: dict[int, list[Movement]] = defaultdict(list)
    nearest = 0
    for each in part:
        while nearest + 1 < len(shown) and abs(shown[nearest + 1] - each.date) < abs(shown[nearest] - each.date):
            nearest += 1
        if shown and abs((shown[nearest] - each.date).days) <= cadence.tolerance:
            of_day[nearest].append(each)
    hits: list[tuple[datetime.date, Movement]] = []
    first, misses, doubles, off = len(days), 0, 0, 0
    usual = _middle([abs(each.amount) for each in part])
    pending = 0
    for index in sorted(range(len(days)), reverse=True):
        there = of_day.get(index)
        if not there:
            pending += bool(hits)
            if pending >= _MISSES_IN_A_ROW + (cadence.per_year > 12):
                break
            continue
        misses, pending, first = misses + pending, 0, index
        best = min(there, key=lambda each: (abs((each.date - shown[index]).days), abs(abs(each.amount) - usual)))
        off += abs((best.date - shown[index]).days)
        doubles += sum(each is not best and each.amount == best.amount for each in there)
        hits.append((days[index], best))
    hits.reverse()
    if not hits:
        return _Found(rhythm=rhythm, rule=rule, hits=(), misses=0, extras=0, bits=-99.0)
    begin = min(shown[first], hits[0][1].date)
    within = sum(each.date >= begin for each in part)
    extras = within - len(hits)
    bits = (
        _PRIOR_BITS
        + (len(hits) - (2 if cadence.twice else 1)) * _bits_of_a_hit(cadence, off=off, hits=len(hits))
        + _bits_of_amounts([movement.amount for _day, movement in hits])
        + misses * _MISS_BITS
        + doubles * _DOUBLE_BITS
        + (extras - doubles) * _EXTRA_BITS
        + max(_MOST_OUTSIDE_BITS, (len(part) - within) * _OUTSIDE_BITS)
    )
    if rule.weekday is not None:
        bits += _WEEKDAY_BITS
    if alone and cadence.per_year <= 1 and len(hits) == len(part) and not misses:
        bits += _ALONE_BITS
    return _Found(rhythm=rhythm, rule=rule, hits=tuple(hits), misses=misses, extras=extras, bits=bits)


def _bits_of_a_hit(cadence: Cadence, *, off: int, hits: int) -> float:
    """How much luck chance needs for a payment as near its day as these are on average."""
    apart = float(365 / cadence.per_year)
    return max(0.6, math.log2(apart / (1 + 3 * off / hits)))


def _bits_of_amounts(amounts: Sequence[int]) -> float:
    """What the amounts say: steady ones are of a contract, those all over the place are not."""
    bits = 0.0
    for index in range(1, len(amounts)):
        near = min(abs(amounts[index] - before) * 100 for before in amounts[max(0, index - 3) : index])
        size = abs(amounts[index])
        if near == 0:
            bits += 3
        elif near <= 5 * size:
            bits += 1.5
        elif near <= 15 * size:
            bits += 0.5
        elif near > 40 * size:
            bits -= 1.0
    return min(bits, _MOST_AMOUNT_BITS)


def _series(group: str, found: _Found, *, today: datetime.date) -> Series | None:
    """The series as it is told; None where it is over, or has too few dates for its rhythm."""
    cadence = found.rhythm.cadence
    if len(found.hits) < cadence.minimum:
        return None
    last_day, latest = found.hits[-1]
    due = found.rule.next_after(last_day)
    if due is None:
        return None
    late = datetime.timedelta(days=cadence.tolerance + min(max(cadence.gap[1], 14), _LONGEST_LATE))
    lasts_until = shifted(due, found.rhythm.shift) + late
    if today > lasts_until:
        return None
    while due is not None and due < today - datetime.timedelta(days=cadence.tolerance + 2):
        due = found.rule.next_after(due)
    if due is None:
        return None
    kind, amount, least, most = _amounts([movement.amount for _day, movement in found.hits])
    return Series(
        group=group,
        movement=latest,
        rhythm=found.rhythm,
        rule=replace(found.rule, anchor=due),
        amounts=kind,
        amount=amount,
        least=least,
        most=most,
        confidence=min(found.confidence, 99),
        evidence=tuple(movement.entry_id for _day, movement in found.hits[-MOST_EVIDENCE:]),
        hits=len(found.hits),
        misses=found.misses,
        extras=found.extras,
        first=found.hits[0][1].date,
        last=latest.date,
        next_due=due,
        lasts_until=lasts_until,
    )


def _amounts(amounts: Sequence[int]) -> tuple[Amounts, int, int, int]:
    """The kind, the amount to expect, and its bounds.

    Fixed: the same as most of the time lately; a price that rose counts with its new amount once it came twice. Else
    the middle of the latest, within the range of the last ones; a range that is too wide to say anything is learned.
    """
    latest = list(amounts[-MAX_DATES:])
    newest = latest[-1]
    if len(latest) >= 2 and latest[-2] == newest:
        return Amounts.FIXED, newest, newest, newest
    common, count = Counter(latest[-6:]).most_common(1)[0]
    if count * 100 >= 60 * len(latest[-6:]):
        return Amounts.FIXED, common, common, common
    low, high = min(latest), max(latest)
    amount = _middle(latest[-6:])
    small, large = sorted((abs(low), abs(high)))
    kind = Amounts.RANGE if Fraction(large, small) <= Fraction(_APART, 100) else Amounts.LEARNED
    return kind, amount, low, high


def _middle(values: Sequence[int]) -> int:
    """The median in whole minor units, halves away from zero."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else divided(ordered[half - 1] + ordered[half], 2)
