"""Days with what is coming on them, and what own money comes to at the end of each. Pure."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Generic[ItemT]):
    """Something on a day: what it is, and what it changes of own money, in minor units by currency."""

    date: datetime.date
    item: ItemT
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Generic[ItemT]):
    """A day with its items; `after` is own money by currency at its end, as far as anything on it changes that."""

    date: datetime.date
    items: list[ItemT]
    after: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Course:
    """How the money of one currency goes: now, at its lowest (the first such day), and at the end."""

    currency: str
    now: int
    lowest: int
    lowest_on: datetime.date
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda(Generic[ItemT]):
    """All days that have something, and the course of each currency."""

    days: list[Day[ItemT]] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)


def agenda(*, planned: Iterable[Planned[ItemT]], held: Mapping[str, int], today: datetime.date) -> Agenda[ItemT]:
    """The days in their order. `held` is own money by currency at the beginning, minor units."""
    by_day: dict[datetime.date, list[Planned[ItemT]]] = defaultdict(list)
    for each in planned:
        by_day[each.date].append(each)
    courses = {
        currency: Course(currency=currency, now=amount, lowest=amount, lowest_on=today, end=amount)
        for currency, amount in held.items()
    }
    days = []
    for date in sorted(by_day):
        moved: set[str] = set()
        for each in by_day[date]:
            for currency, change in each.changes.items():
                course = courses.setdefault(
                    currency, Course(currency=currency, now=0, lowest=0, lowest_on=today, end=0)
                )
                course.end += change
                moved.add(currency)
        for currency in moved:
            if courses[currency].end < courses[currency].lowest:
                courses[currency].lowest, courses[currency].lowest_on = courses[currency].end, date
        after = {currency: courses[currency].end for currency in sorted(moved)}
        days.append(Day(date=date, items=[each.item for each in by_day[date]], after=after))
    return Agenda(days=days, courses=[courses[currency] for currency in sorted(courses)])
