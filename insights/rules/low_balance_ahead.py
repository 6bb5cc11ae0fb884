"""An account that is about to run below zero, given what is known to come in and go out."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from finance.planning.recurrence import Rhythm, detect
from insights.rules.facts import AccountOutlook, Facts, Movement
from insights.rules.findings import (
    Evidence,
    EvidenceRole,
    Finding,
    Severity,
    account_scope,
    cite,
    day,
    dedup_key,
    figure,
)
from insights.rules.history import median
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "low_balance_ahead"
VERSION = 2

# An amount is known when the latest ones stay within a quarter of their middle.
STEADY_PERCENT = 25
# The sentence names this many; the evidence has more.
NAMED_ITEMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    # Two payments of a yearly item.
    months_of_history: ClassVar[int] = 25

    days: int = whole(30, least=1, most=90, says=gettext_noop("days ahead"))
    minimum_payments: int = whole(3, least=2, most=24, says=gettext_noop("minimum previous payments"))
    floor: AmountPerCurrency = amounts({}, says=gettext_noop("warn below (zero if not set)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Something that will happen on the account: signed minor units on a day, and the entry that tells so.

    `told_by` are the movements from which a rhythm and its amount were told, oldest first; none where it is written
    down for that day already.
    """

    date: datetime.date
    amount: int
    name: str
    entry_id: int
    told_by: Sequence[Movement] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """An item in a rhythm: its movements, and the signed minor units that the next one is expected to have."""

    movements: Sequence[Movement]
    amount: int
    rhythm: Rhythm


def low_balance_ahead(facts: Facts, settings: Settings) -> list[Finding]:
    """Accounts whose balance at the end of some coming day is below the floor; the first such day is named."""
    findings = (_finding(outlook, settings) for outlook in facts.accounts)
    return [found for found in findings if found is not None and facts.concerns(found.subject_date)]


def expected(outlook: AccountOutlook, settings: Settings) -> list[Expected]:
    """What is known to come within the days ahead, in its order: written down already, or a steady rhythm."""
    horizon = outlook.on + datetime.timedelta(days=settings.days)
    found = [
        Expected(date=movement.date, amount=movement.amount, name=movement.payee, entry_id=movement.entry_id)
        for movement in outlook.movements
        if outlook.on < movement.date <= horizon
    ]
    tomorrow = outlook.on + datetime.timedelta(days=1)
    for stream in _streams(outlook.movements, settings):
        rhythm, latest = stream.rhythm, stream.movements[-1]
        # The due days after the latest movement. A missed one is believed to be late within the tolerance, then over.
        for step in count(1):
            due = rhythm.expected(step)
            if due is None or due > horizon or (step == 1 and (outlook.on - due).days > rhythm.cadence.tolerance):
                break
            found.append(
                Expected(
                    date=max(due, tomorrow),
                    amount=stream.amount,
                    name=latest.payee,
                    entry_id=latest.entry_id,
                    told_by=stream.movements,
                )
            )
    return sorted(found, key=lambda item: (item.date, item.amount, item.entry_id))


def _streams(movements: Sequence[Movement], settings: Settings) -> Iterator[_Stream]:
    """Movements that keep a rhythm: all of a payee, or else those of one exact amount."""
    # By payee (or other account, where no payee is known) and direction, oldest first.
    groups: dict[tuple[str, tuple[int, ...], bool], list[Movement]] = defaultdict(list)
    for movement in sorted(movements, key=lambda each: each.order):
        counter = () if movement.payee_key else movement.counter
        groups[movement.payee_key, counter, movement.amount > 0].append(movement)
    for group in [groups[key] for key in sorted(groups)]:
        found = _stream(group, settings)
        if found is not None:
            yield found
            continue
        by_amount: dict[int, list[Movement]] = defaultdict(list)
        for movement in group:
            by_amount[movement.amount].append(movement)
        for amount in sorted(by_amount):
            found = _stream(by_amount[amount], settings)
            if found is not None:
                yield found


def _stream(group: Sequence[Movement], settings: Settings) -> _Stream | None:
    """The group as a known item. Payments that vary much are not known; of varying income the least is counted on.

    Movements of one day add up (two contracts, a card and its partner card).
    """
    days: dict[datetime.date, int] = defaultdict(int)
    for movement in group:
        days[movement.date] += movement.amount
    rhythm = detect(days, minimum=settings.minimum_payments)
    if rhythm is None:
        return None
    movements = [movement for movement in group if movement.date >= rhythm.dates[0]]
    latest = [days[date] for date in rhythm.dates[-max(rhythm.cadence.minimum, 2) :]]
    middle = median(latest)
    if all(abs(amount - middle) * 100 <= abs(middle) * STEADY_PERCENT for amount in latest):
        return _Stream(movements=movements, amount=latest[-1], rhythm=rhythm)
    return _Stream(movements=movements, amount=min(latest), rhythm=rhythm) if middle > 0 else None


def _finding(outlook: AccountOutlook, settings: Settings) -> Finding | None:
    floor = settings.amount("floor", outlook.currency)
    if outlook.balance < floor:
        return None
    items = expected(outlook, settings)
    below = _first_day_below(outlook.balance, items, floor=floor)
    if below is None:
        return None
    date, shortfall = below
    due = [item for item in items if item.date <= date]
    payments = sorted((item for item in due if item.amount < 0), key=lambda item: (item.amount, item.date, item.name))
    named = sorted(payments[:NAMED_ITEMS], key=lambda item: (item.date, item.name))
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.WARNING,
        template=f"{KIND}_{'zero' if floor == 0 else 'floor'}",
        params={
            "account": outlook.name,
            "date": day(date),
            "balance": figure(outlook.balance, outlook.currency),
            "balance_then": figure(shortfall, outlook.currency),
            "floor": figure(floor, outlook.currency),
            "items": [
                {"name": item.name, "amount": figure(-item.amount, outlook.currency), "date": day(item.date)}
                for item in named
            ],
            "more": len(payments) - len(named),
        },
        evidence=tuple(_evidence(outlook, due)),
        scope=account_scope(outlook.account_id),
        dedup_key=dedup_key(KIND, outlook.account_id, date.replace(day=1)),
        subject_date=outlook.on,
        expires_on=date,
    )


def _first_day_below(balance: int, items: Sequence[Expected], *, floor: int) -> tuple[datetime.date, int] | None:
    """The first day that ends below the floor, with its balance."""
    changes: dict[datetime.date, int] = defaultdict(int)
    for item in items:
        changes[item.date] += item.amount
    for date in sorted(changes):
        balance += changes[date]
        if balance < floor:
            return date, balance
    return None


def _evidence(outlook: AccountOutlook, due: Sequence[Expected]) -> Iterator[Evidence]:
    """The balance; then each item, payments before income and the biggest first, with what it is told from below it."""
    yield Evidence(role=EvidenceRole.BALANCE, amount=outlook.balance, currency=outlook.currency, date=outlook.on)
    items: dict[int, list[Expected]] = defaultdict(list)
    for item in sorted(due, key=lambda item: (item.amount, item.date, item.entry_id)):
        items[item.entry_id].append(item)
    for times in items.values():
        for item in times:
            yield Evidence(
                role=EvidenceRole.EXPECTED,
                amount=-item.amount,
                currency=outlook.currency,
                entry_id=item.entry_id,
                expected_on=item.date,
            )
        told_by = next((item.told_by for item in times if item.told_by), ())
        for movement in reversed(told_by):
            yield cite(movement, EvidenceRole.COMPARED)
