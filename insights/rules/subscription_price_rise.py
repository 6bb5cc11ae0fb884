"""A payment in a steady rhythm whose steady amount went up."""

import datetime
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from finance.periods import months_later
from finance.planning.recurrence import Rhythm, detect
from insights.rules.facts import Facts, Movement
from insights.rules.findings import EvidenceRole, Finding, Severity, cite, day, dedup_key, figure, payee_scope
from insights.rules.history import by_currency, charges
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "subscription_price_rise"
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    months_of_history: ClassVar[int] = 26

    minimum_payments: int = whole(3, least=2, most=24, says=gettext_noop("minimum previous payments"))
    minimum_rise_percent: int = whole(2, least=1, most=100, says=gettext_noop("minimum rise in percent"))
    maximum_rise_percent: int = whole(100, least=2, most=1000, says=gettext_noop("maximum rise in percent"))
    minimum_rise: AmountPerCurrency = amounts(
        {"EUR": "0.50", "USD": "0.50", "GBP": "0.50", "CHF": "0.50", "JPY": "50"}, says=gettext_noop("minimum rise")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """Equal payments in a rhythm, oldest first; a payee may have several (two contracts)."""

    rhythm: Rhythm
    payments: Sequence[Movement]

    @property
    def price(self) -> int:
        return self.payments[-1].paid


class _Prices:
    """Payments of one payee in one currency by price, oldest first, with quick access by date."""

    def __init__(self, payments: Sequence[Movement]) -> None:
        self._payments: dict[int, list[Movement]] = defaultdict(list)
        for payment in payments:
            self._payments[payment.paid].append(payment)
        self._dates = {price: [each.date for each in equal] for price, equal in self._payments.items()}
        self._rhythms: dict[tuple[int, datetime.date, int], Rhythm | None] = {}

    def between(self, price: int, first: datetime.date, last: datetime.date) -> Sequence[Movement]:
        """Payments at that price from the first to the last day."""
        dates = self._dates[price]
        return self._payments[price][bisect_left(dates, first) : bisect_right(dates, last)]

    def below(self, price: int) -> list[int]:
        return sorted(each for each in self._payments if each < price)

    def stream_before(self, payment: Movement, price: int, *, minimum: int) -> _Stream | None:
        """The steady stream at that price that was there before the payment; None where there is none."""
        first_day = months_later(payment.date, -Settings.months_of_history)
        before = [each for each in self.between(price, first_day, payment.date) if each.order < payment.order]
        if len(before) < 2:
            return None
        key = (price, before[-1].date, len(before))
        if key not in self._rhythms:
            self._rhythms[key] = detect((each.date for each in before), minimum=minimum)
        rhythm = self._rhythms[key]
        if rhythm is None:
            return None
        return _Stream(rhythm=rhythm, payments=[each for each in before if each.date >= rhythm.dates[0]])


def subscription_price_rise(facts: Facts, settings: Settings) -> list[Finding]:
    """The first payment at a higher price in place of the one that was due."""
    found = []
    for payee_key in sorted(facts.payees):
        for payments in by_currency(charges(facts.payees[payee_key])).values():
            prices = _Prices(payments)
            for payment in payments:
                if not facts.concerns(payment.date):
                    continue
                streams = [
                    stream
                    for price in prices.below(payment.paid)
                    if _is_rise(price, payment, settings)
                    and (stream := prices.stream_before(payment, price, minimum=settings.minimum_payments))
                    and _replaces(payment, stream, prices)
                ]
                if streams:
                    found.append(_finding(payment, max(streams, key=lambda stream: stream.price)))
    return found


def _is_rise(price: int, payment: Movement, settings: Settings) -> bool:
    rise = payment.paid - price
    return (
        price * settings.minimum_rise_percent <= rise * 100 <= price * settings.maximum_rise_percent
        and rise >= settings.amount("minimum_rise", payment.currency)
    )


def _replaces(payment: Movement, stream: _Stream, prices: _Prices) -> bool:
    """Whether the payment came when the stream's next one was due, which did not come, and has no stream of its own."""
    cadence, due = stream.rhythm.cadence, stream.rhythm.expected()
    if due is None or abs((payment.date - due).days) > cadence.tolerance:
        return False
    latest, slack = stream.payments[-1], datetime.timedelta(days=cadence.tolerance)
    old_price_paid_again = any(
        each.order > latest.order for each in prices.between(stream.price, due - slack, due + slack)
    )
    new_price_paid_before = any(
        cadence.follows(each.date, payment.date)
        for each in prices.between(payment.paid, datetime.date.min, payment.date)
    )
    return not old_price_paid_again and not new_price_paid_before


def _finding(payment: Movement, stream: _Stream) -> Finding:
    old, new = stream.price, payment.paid
    yearly = stream.rhythm.cadence.per_year * (new - old)
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.INFO,
        template=f"{KIND}_{stream.rhythm.cadence.name}",
        params={
            "payee": payment.payee,
            "old": figure(old, payment.currency),
            "new": figure(new, payment.currency),
            "percent": (200 * (new - old) + old) // (2 * old),
            "yearly": figure(int(yearly), payment.currency),
            "date": day(payment.date),
        },
        evidence=(
            cite(payment, EvidenceRole.SUBJECT),
            *(cite(each, EvidenceRole.COMPARED) for each in reversed(stream.payments)),
        ),
        scope=payee_scope(payment.payee_key),
        dedup_key=dedup_key(KIND, payment.payee_key, payment.currency, payment.date, old, new),
        subject_date=payment.date,
        payee=payment.payee,
        payee_key=payment.payee_key,
    )
