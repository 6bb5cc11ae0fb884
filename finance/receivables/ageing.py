"""How long open amounts are overdue. Pure."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Bucket(StrEnum):
    """Days past the due day; the due day itself is not overdue."""

    NOT_DUE = "not_due"
    TO_30 = "1-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OVER_90 = "over_90"


def bucket_of(*, due: datetime.date, today: datetime.date) -> Bucket:
    """The bucket of something due on that day."""
    late = (today - due).days
    if late <= 0:
        return Bucket.NOT_DUE
    return next(
        (name for name, most in ((Bucket.TO_30, 30), (Bucket.TO_60, 60), (Bucket.TO_90, 90)) if late <= most),
        Bucket.OVER_90,
    )


def aged(*, open_amounts: Iterable[tuple[datetime.date, int]], today: datetime.date) -> dict[Bucket, int]:
    """Sum of (due day, open minor units) by bucket, all buckets named."""
    sums = dict.fromkeys(Bucket, 0)
    for due, amount in open_amounts:
        sums[bucket_of(due=due, today=today)] += amount
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An amount (positive minor units) that should be paid back by a day."""

    key: int
    due: datetime.date
    amount: int


def still_open(*, dues: Sequence[Due], balance: int) -> dict[int, int]:
    """What is still open of each due amount, by key, when `balance` (≥ 0) is owed in all.

    What was paid back covers the oldest first: a balance lower than all due amounts together leaves the youngest open.
    """
    left, found = max(balance, 0), {}
    for each in sorted(dues, key=lambda due: (due.due, due.key), reverse=True):
        found[each.key] = min(each.amount, left)
        left -= found[each.key]
    return found
