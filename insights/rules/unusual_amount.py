"""A payment far above what this payee usually takes."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from finance.periods import months_later
from insights.rules.facts import Facts, Movement
from insights.rules.findings import (
    MAX_COMPARED,
    EvidenceRole,
    Finding,
    Severity,
    cite,
    day,
    dedup_key,
    figure,
    payee_scope,
)
from insights.rules.history import by_currency, charges, median, spread
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "unusual_amount"
VERSION = 2

# A payee that took as much twice before takes it now and then; a third time is no news.
SEEN_BEFORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    months_of_history: ClassVar[int] = 18

    minimum_history: int = whole(6, least=3, most=100, says=gettext_noop("minimum previous payments"))
    times_percent: int = whole(150, least=101, most=10_000, says=gettext_noop("minimum percentage of the usual amount"))
    spread: int = whole(
        4, least=0, most=100, says=gettext_noop("minimum difference, in multiples of the usual variation")
    )
    minimum_difference: AmountPerCurrency = amounts(
        {"EUR": "20", "USD": "20", "GBP": "20", "CHF": "20", "JPY": "3000"},
        says=gettext_noop("minimum difference from the usual amount"),
    )


def unusual_amount(facts: Facts, settings: Settings) -> list[Finding]:
    """Payments above median + variation of the payee's latest earlier payments in that currency."""
    found = []
    for payee_key in sorted(facts.payees):
        for payments in by_currency(charges(facts.payees[payee_key])).values():
            # Walks the payments once, with a sorted window of the amounts before each.
            amounts_before: list[int] = []
            oldest = 0
            for index, payment in enumerate(payments):
                first_day = months_later(payment.date, -Settings.months_of_history)
                while payments[oldest].date < first_day or index - oldest > MAX_COMPARED:
                    amounts_before.remove(payments[oldest].paid)
                    oldest += 1
                if facts.concerns(payment.date) and _is_unusual(payment, amounts_before, settings):
                    found.append(_finding(payment, payments[oldest:index], median(amounts_before)))
                insort(amounts_before, payment.paid)
    return found


def _is_unusual(payment: Movement, before: Sequence[int], settings: Settings) -> bool:
    """`before` is sorted."""
    if len(before) < settings.minimum_history or before[-SEEN_BEFORE] >= payment.paid:
        return False
    usual = median(before)
    difference = payment.paid - usual
    return (
        payment.paid * 100 >= usual * settings.times_percent
        and difference >= settings.amount("minimum_difference", payment.currency)
        and difference >= settings.spread * spread(before, around=usual)
    )


def _finding(payment: Movement, before: Sequence[Movement], usual: int) -> Finding:
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.NOTICE,
        template=KIND,
        params={
            "payee": payment.payee,
            "amount": figure(payment.paid, payment.currency),
            "usual": figure(usual, payment.currency),
            "date": day(payment.date),
            "payments": len(before),
        },
        evidence=(
            cite(payment, EvidenceRole.SUBJECT),
            *(cite(each, EvidenceRole.COMPARED) for each in reversed(before)),
        ),
        scope=payee_scope(payment.payee_key),
        dedup_key=dedup_key(KIND, payment.payee_key, payment.account_id, payment.date, payment.paid),
        subject_date=payment.date,
        payee=payment.payee,
        payee_key=payment.payee_key,
    )
