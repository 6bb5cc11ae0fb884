"""What a goal still needs, by when, and at which pace it grows; without a database. Amounts are minor units."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from finance.periods import months_later
from finance.planning.recurrence import LAST_DAY, Recurrence, Unit

# The pace is measured over that many days at most.
PACE_DAYS = 182
# A goal that is so far away has no date that says anything.
_MAX_DAYS = 365 * 100


class Kind(StrEnum):
    """What a goal is for."""

    SAVE = "save"  # reach a target once, or save without one
    KEEP = "keep"  # keep up to an amount: what was spent of it is put back


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One payment into a goal that its plan asks for."""

    date: datetime.date
    amount: int


def month_ends(anchor: datetime.date) -> Recurrence:
    """The usual rhythm of contributions: the last day of each month, from the anchor's month on."""
    return Recurrence(anchor=anchor, unit=Unit.MONTH, days=(LAST_DAY,))


def shared_out(amount: int, parts: int) -> list[int]:
    """Whole units that sum to `amount` (>= 0); what is left over goes one unit each to the last parts."""
    share, left = divmod(amount, parts)
    return [share] * (parts - left) + [share + 1] * left


def contributions(*, missing: int, rule: Recurrence, after: datetime.date, by: datetime.date) -> list[Contribution]:
    """Equal payments on the rule's dates later than `after` through `by`, which close what is missing.

    None are left where nothing is missing. Where the rule has no date any more, all of it is due on `by`.
    """
    if missing <= 0:
        return []
    dates = rule.occurrences(after + datetime.timedelta(days=1), by) or [by]
    amounts = shared_out(missing, len(dates))
    return [Contribution(date=date, amount=amount) for date, amount in zip(dates, amounts, strict=True)]


def fed(*, missing: int | None, payments: Iterable[Contribution], most: int) -> list[Contribution]:
    """The payments of a schedule until nothing is missing (None: for ever), at most that many; the last one is cut."""
    found: list[Contribution] = []
    for each in payments:
        if len(found) == most or (missing is not None and missing <= 0):
            break
        amount = each.amount if missing is None else min(each.amount, missing)
        found.append(Contribution(date=each.date, amount=amount))
        missing = None if missing is None else missing - amount
    return found


def paid_through(*, rule: Recurrence, today: datetime.date, contributed: Sequence[datetime.date]) -> datetime.date:
    """The day after which the next payment is planned.

    A payment counts for the date at the end of the period in which it was made: one in December for 31 December. That
    is the end of the running period where something was paid in it, otherwise yesterday.
    """
    yesterday = today - datetime.timedelta(days=1)
    following = rule.next_after(yesterday)
    if following is None:
        return yesterday
    before = [date for date in rule.occurrences(months_later(following, -25), yesterday) if date < following]
    start = before[-1] if before else datetime.date.min
    return following if any(start < date <= today for date in contributed) else yesterday


def proposal(*, kind: Kind, target: int | None, saved: int, planned: Sequence[Contribution]) -> int:
    """What to put in next: all that is missing of an amount to keep, else the next planned payment; 0 when met."""
    if target is None or saved >= target:
        return 0
    if kind is Kind.KEEP:
        return target - saved
    return planned[0].amount if planned else 0


def pace(*, saved: int, moves: Sequence[tuple[datetime.date, int]], today: datetime.date) -> tuple[int, int] | None:
    """What was added over the last days, and over how many: up to PACE_DAYS. None for less than four weeks."""
    if not moves:
        return None
    first = max(min(date for date, _amount in moves), today - datetime.timedelta(days=PACE_DAYS))
    days = (today - first).days
    if days < 28:
        return None
    return sum(amount for date, amount in moves if first < date <= today), days


def reached_on(*, target: int, saved: int, pace: tuple[int, int] | None, today: datetime.date) -> datetime.date | None:
    """The day on which the target is reached at that pace; None where it never is, or in more than a century."""
    if saved >= target:
        return today
    if pace is None or pace[0] <= 0:
        return None
    amount, days = pace
    needed = -((saved - target) * days // amount)
    return today + datetime.timedelta(days=needed) if needed <= _MAX_DAYS else None


def should_have(*, target: int, start: datetime.date, opening: int, by: datetime.date, today: datetime.date) -> int:
    """What an even pace from `opening` on the day `start` to the target on `by` comes to today, rounded down."""
    whole = (by - start).days
    if whole <= 0 or today >= by:
        return target
    gone = max(0, (today - start).days)
    return opening + max(0, target - opening) * gone // whole
