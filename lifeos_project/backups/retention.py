"""Which backups are kept: the last few, and the newest of each of the last days, weeks and months that have one."""

import datetime
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How many backups stay as the last ones, and how many days, ISO weeks and months keep one."""

    last: int
    daily: int
    weekly: int
    monthly: int


def kept(times: Iterable[datetime.datetime], *, policy: Policy) -> set[datetime.datetime]:
    """The times whose backups stay. The newest always does, whatever the policy says."""
    newest_first = sorted(times, reverse=True)
    found = set(newest_first[: max(policy.last, 1)])
    found |= _newest_per(lambda time: time.date(), newest_first, periods=policy.daily)
    found |= _newest_per(lambda time: time.isocalendar()[:2], newest_first, periods=policy.weekly)
    found |= _newest_per(lambda time: (time.year, time.month), newest_first, periods=policy.monthly)
    return found


def _newest_per(
    period: Callable[[datetime.datetime], Hashable], newest_first: list[datetime.datetime], *, periods: int
) -> set[datetime.datetime]:
    newest: dict[Hashable, datetime.datetime] = {}
    for time in newest_first:
        newest.setdefault(period(time), time)
    return set(list(newest.values())[:periods])
