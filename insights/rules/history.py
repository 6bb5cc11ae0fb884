"""Arithmetic that several rules share: robust statistics on whole numbers, payments without refunded ones."""

import datetime
from collections import defaultdict
from collections.abc import Sequence

from insights.rules.facts import Movement

# A refund takes back a payment of the same amount when it comes within these days.
REFUND_DAYS = 60


def median(values: Sequence[int]) -> int:
    """The middle of sorted or unsorted whole numbers, rounded down between two. Needs at least one."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2


def spread(values: Sequence[int], *, around: int) -> int:
    """Median distance from `around`, scaled so that it equals a standard deviation for normal values."""
    return median([abs(value - around) for value in values]) * 14826 // 10000


def charges(movements: Sequence[Movement]) -> list[Movement]:
    """Payments to the outside that were not refunded in full, oldest first.

    A refund (same payee, currency and amount, money in) cancels the latest payment before it.
    """
    open_payments: list[Movement] = []
    refunded: set[int] = set()
    for movement in sorted(movements, key=lambda each: each.order):
        if movement.transfer:
            continue
        if movement.amount < 0:
            open_payments.append(movement)
            continue
        earliest = movement.date - datetime.timedelta(days=REFUND_DAYS)
        for payment in reversed(open_payments):
            if payment.date < earliest:
                break
            same = payment.paid == movement.amount and payment.currency == movement.currency
            if same and id(payment) not in refunded:
                refunded.add(id(payment))
                break
    return [payment for payment in open_payments if id(payment) not in refunded]


def by_currency(payments: Sequence[Movement]) -> dict[str, list[Movement]]:
    """The payments of each currency, in their order."""
    found: dict[str, list[Movement]] = defaultdict(list)
    for payment in payments:
        found[payment.currency].append(payment)
    return dict(sorted(found.items()))
