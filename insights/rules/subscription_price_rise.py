"""A payment in a steady rhythm whose steady amount went up."""

import datetime
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from insights.rules.cadence import CADENCES, Cadence
from insights.rules.facts import Facts, Movement
from insights.rules.findings import (
    Evidence,
    EvidenceRole,
    Finding,
    Severity,
    day,
    dedup_key,
    figure,
    payee_scope,
)
from insights.rules.history import by_currency, charges
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "subscription_price_rise"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    months_of_history: ClassVar[int] = 26

    minimum_payments: int = whole(
        3, least=2, most=24, says=gettext_noop("equal payments before the rise (two for yearly ones)")
    )
    minimum_rise_percent: int = whole(2, least=1, most=100, says=gettext_noop("percent more, at least"))
    maximum_rise_percent: int = whole(
        100, least=2, most=1000, says=gettext_noop("percent more, at most; beyond it is no price")
    )
    minimum_rise: AmountPerCurrency = amounts(
        {"EUR": "0.50", "USD": "0.50", "GBP": "0.50", "CHF": "0.50", "JPY": "50"}, says=gettext_noop("more, at least")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """Equal payments in a rhythm, oldest first; a payee may have several (two contracts)."""

    cadence: Cadence
    payments: Sequence[Movement]

    @property
    def price(self) -> int:
        return self.payments[-1].paid


class _Timeline:
    """Payments of one payee in one currency, oldest first, with quick access by date."""

    def __init__(self, payments: Sequence[Movement]) -> None:
        self.payments = payments
        self._dates = [payment.date for payment in payments]

    def between(self, window: tuple[datetime.date, datetime.date]) -> Sequence[Movement]:
        """Payments from the first to the last day."""
        first, last = window
        return self.payments[bisect_left(self._dates, first) : bisect_right(self._dates, last)]


def subscription_price_rise(facts: Facts, settings: Settings) -> list[Finding]:
    """The first payment at a higher price in place of the one that was due."""
    return [
        finding
        for payee_key in sorted(facts.payees)
        for payments in by_currency(charges(facts.payees[payee_key])).values()
        for finding in _findings(facts, _Timeline(payments), settings)
    ]


def _findings(facts: Facts, timeline: _Timeline, settings: Settings) -> Iterator[Finding]:
    for payment in timeline.between((facts.since, facts.until)):
        streams = [
            stream for cadence in CADENCES for stream in _streams_replaced_by(payment, timeline, cadence, settings)
        ]
        if streams:
            yield _finding(payment, max(streams, key=lambda stream: stream.price))


def _streams_replaced_by(
    payment: Movement, timeline: _Timeline, cadence: Cadence, settings: Settings
) -> Iterator[_Stream]:
    """Steady streams at a lower price whose next payment was due about when `payment` came, and did not come."""
    due_before = [
        earlier
        for earlier in timeline.between(cadence.window(payment.date, -1))
        if cadence.follows(earlier.date, payment.date)
    ]
    if any(earlier.paid == payment.paid for earlier in due_before):
        return  # a stream at this price goes on
    latest_at = {earlier.paid: earlier for earlier in due_before if _is_rise(earlier.paid, payment, settings)}
    for _price, latest in sorted(latest_at.items()):
        if _goes_on(latest, timeline, cadence) or _rose_before(latest, payment, timeline, cadence):
            continue
        steady = _steady_until(latest, timeline, cadence)
        needed = cadence.minimum if cadence.per_year == 1 else settings.minimum_payments
        if len(steady) >= needed:
            yield _Stream(cadence=cadence, payments=steady)


def _is_rise(price: int, payment: Movement, settings: Settings) -> bool:
    rise = payment.paid - price
    return (
        price * settings.minimum_rise_percent <= rise * 100 <= price * settings.maximum_rise_percent
        and rise >= settings.amount("minimum_rise", payment.currency)
    )


def _goes_on(latest: Movement, timeline: _Timeline, cadence: Cadence) -> bool:
    """Whether the old price was paid once more when it was due: then the dearer payment is something else."""
    return any(
        each.paid == latest.paid and each.order > latest.order and cadence.follows(latest.date, each.date)
        for each in timeline.between(cadence.window(latest.date))
    )


def _rose_before(latest: Movement, payment: Movement, timeline: _Timeline, cadence: Cadence) -> bool:
    """Whether the higher price was paid between the two already: a monthly rise looks quarterly three months on."""
    return cadence.per_year < 12 and any(
        each.paid == payment.paid and latest.order < each.order < payment.order
        for each in timeline.between((latest.date, payment.date))
    )


def _steady_until(latest: Movement, timeline: _Timeline, cadence: Cadence) -> list[Movement]:
    """The run of payments at the price of `latest`, each one step after the one before, oldest first."""
    run = [latest]
    while before := [
        each
        for each in timeline.between(cadence.window(run[0].date, -1))
        if each.paid == latest.paid and cadence.follows(each.date, run[0].date)
    ]:
        run.insert(0, before[-1])
    return run


def _finding(payment: Movement, stream: _Stream) -> Finding:
    old, new = stream.price, payment.paid
    yearly = (new - old) * stream.cadence.per_year
    compared = reversed(stream.payments[-6:])
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.INFO,
        template=f"{KIND}_{stream.cadence.name}",
        params={
            "payee": payment.payee,
            "old": figure(old, payment.currency),
            "new": figure(new, payment.currency),
            "percent": (new - old) * 100 // old,
            "yearly": figure(yearly, payment.currency),
            "date": day(payment.date),
        },
        evidence=(
            _cite(payment, EvidenceRole.SUBJECT),
            *(_cite(each, EvidenceRole.COMPARED) for each in compared),
        ),
        scope=payee_scope(payment.payee_key),
        dedup_key=dedup_key(KIND, payment.payee_key, payment.currency, payment.date, old, new),
        subject_date=payment.date,
        payee=payment.payee,
        payee_key=payment.payee_key,
    )


def _cite(payment: Movement, role: EvidenceRole) -> Evidence:
    return Evidence(entry_id=payment.entry_id, role=role, amount=payment.paid, currency=payment.currency)
