"""What an account usually spends beside everything that is planned, learned from its past; without a database."""

import calendar
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from finance.periods import month_end, months_later
from finance.planning.upcoming import Layer, Upcoming

# Fewer whole months tell nothing; older ones tell of another life.
MIN_MONTHS = 3
MAX_MONTHS = 12
_ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What usually happens to an account in a month: `monthly` in minor units, negative for spending.

    The median of the totals of `months` whole months. `weekdays` are weights from Monday on: on which days of a month
    the account is used.
    """

    monthly: int
    weekdays: tuple[int, ...]
    months: int

    def days(self, first: datetime.date, last: datetime.date) -> Iterator[tuple[datetime.date, int]]:
        """The usual change of each day. Over a whole month these are whole units that sum to `monthly`."""
        weights = self.weekdays if any(self.weekdays) else (1,) * 7
        month = first.replace(day=1)
        while month <= last:
            start, length = month.weekday(), calendar.monthrange(month.year, month.month)[1]
            reached = list(accumulate(weights[(start + day) % 7] for day in range(length)))
            before = 0
            for day, weight in enumerate(reached):
                # Half a unit more, so that each day's running total is rounded to the nearest.
                total = (2 * abs(self.monthly) * weight + reached[-1]) // (2 * reached[-1])
                date = month + day * _ONE_DAY
                if first <= date <= last:
                    yield date, total - before if self.monthly >= 0 else before - total
                before = total
            month = months_later(month, 1)

    def total(self, first: datetime.date, last: datetime.date) -> int:
        """The usual change from `first` to `last`."""
        return sum(amount for _date, amount in self.days(first, last))

    def upcoming(
        self, *, account_id: int, currency: str, label: str, first: datetime.date, last: datetime.date
    ) -> list[Upcoming]:
        """The same as movements that are expected."""
        return [
            Upcoming(
                date=date,
                nominal=date,
                account_id=account_id,
                amount=amount,
                currency=currency,
                layer=Layer.HABIT,
                label=label,
            )
            for date, amount in self.days(first, last)
            if amount
        ]


def median(values: list[int]) -> int:
    """The middle value; of two the mean, rounded towards zero. Raises ValueError for none."""
    if not values:
        raise ValueError("There is no median of nothing.")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    total = ordered[middle - 1] + ordered[middle]
    return total // 2 if total >= 0 else -(-total // 2)


def learn(changes: Mapping[datetime.date, int], *, first: datetime.date, last: datetime.date) -> Habit | None:
    """The habit behind daily changes that are known from `first` to `last`.

    None with fewer than MIN_MONTHS whole months: a habit is not guessed from less. Months without any change count.
    """
    month = (first if first.day == 1 else month_end(first) + _ONE_DAY).replace(day=1)
    after = (last + _ONE_DAY).replace(day=1)
    month = max(month, months_later(after, -MAX_MONTHS))
    totals: list[int] = []
    weekdays = [0] * 7
    start = month
    while month < after:
        totals.append(0)
        month = months_later(month, 1)
    if len(totals) < MIN_MONTHS:
        return None
    for date, amount in changes.items():
        if start <= date < after:
            totals[(date.year - start.year) * 12 + date.month - start.month] += amount
            weekdays[date.weekday()] += max(0, -amount)
    return Habit(monthly=median(totals), weekdays=tuple(weekdays), months=len(totals))
