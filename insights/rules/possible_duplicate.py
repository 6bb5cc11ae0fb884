"""The same amount to the same payee from the same account within a few days."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from finance.periods import months_later
from insights.rules.facts import Facts, Movement
from insights.rules.findings import (
    EvidenceRole,
    Finding,
    Severity,
    cite,
    day,
    dedup_key,
    figure,
    payee_scope,
)
from insights.rules.history import charges
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "possible_duplicate"
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    months_of_history: ClassVar[int] = 12

    days: int = whole(3, least=0, most=6, says=gettext_noop("days between payments (at most)"))
    usual_pairs: int = whole(2, least=1, most=50, says=gettext_noop("earlier pairs that count as normal"))
    minimum_amount: AmountPerCurrency = amounts(
        {"EUR": "5", "USD": "5", "GBP": "5", "CHF": "5", "JPY": "800"},
        says=gettext_noop("minimum amount"),
    )


def possible_duplicate(facts: Facts, settings: Settings) -> list[Finding]:
    """Groups of equal payments close to each other, unless such groups came up before and so are a habit."""
    found: list[Finding] = []
    for payee_key in sorted(facts.payees):
        # Payments of one amount from one account, oldest first.
        equal: dict[tuple[int, int], list[Movement]] = defaultdict(list)
        for payment in charges(facts.payees[payee_key]):
            equal[payment.account_id, payment.paid].append(payment)
        for key in sorted(equal):
            payments = equal[key]
            if payments[0].paid < settings.amount("minimum_amount", payments[0].currency):
                continue
            earlier: list[datetime.date] = []
            for group in _groups(payments, days=settings.days):
                last = group[-1].date
                year_before = months_later(last, -Settings.months_of_history)
                habit = sum(date >= year_before for date in earlier) >= settings.usual_pairs
                if facts.concerns(last) and not habit:
                    found.append(_finding([payment for payment in group if payment.date >= year_before]))
                earlier.append(last)
    return found


def _groups(payments: Sequence[Movement], *, days: int) -> Iterator[list[Movement]]:
    """Runs of at least two payments, each at most `days` after the one before."""
    run = [payments[0]]
    for payment in payments[1:]:
        if (payment.date - run[-1].date).days > days:
            if len(run) > 1:
                yield run
            run = []
        run.append(payment)
    if len(run) > 1:
        yield run


def _finding(group: Sequence[Movement]) -> Finding:
    first, last = group[0], group[-1]
    same_day = first.date == last.date
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.WARNING,
        template=f"{KIND}_{'same_day' if same_day else 'within_days'}",
        params={
            "payee": last.payee,
            "amount": figure(last.paid, last.currency),
            "account": last.account,
            "times": len(group),
            "date": day(last.date),
            "first_date": day(first.date),
        },
        evidence=tuple(
            cite(payment, EvidenceRole.COMPARED if payment is first else EvidenceRole.SUBJECT) for payment in group
        ),
        scope=payee_scope(last.payee_key),
        dedup_key=dedup_key(KIND, last.payee_key, last.account_id, last.paid, first.date, len(group)),
        subject_date=last.date,
        payee=last.payee,
        payee_key=last.payee_key,
    )
