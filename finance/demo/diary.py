"""What a household did, recorded before any account exists: pure data, the same for the same seed."""

import calendar
import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

# Accounts of the story by the path that they have in the household template, or get when they are opened.
CHECKING = "Assets:Checking account"
SAVINGS = "Assets:Savings account"
CASH = "Assets:Cash"
DOLLARS = "Assets:Dollar account"
FRIEND = "Assets:Lent to Tom"
CAR = "Assets:Car"
CARD = "Liabilities:Credit card"
LOAN = "Liabilities:Car loan"
TRANSLATIONS = "Income:Translations"
TRAVEL_USD = "Expenses:Leisure:Travel in dollars"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryEntry:
    """An entry to post: (account path, signed minor units, memo) per line."""

    date: datetime.date
    payee: str
    lines: tuple[tuple[str, int, str], ...]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryExchange:
    """Positive minor units given on one account for minor units of another currency."""

    date: datetime.date
    source: str
    given: int
    target: str
    received: int
    payee: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """An entry and what replaced it, in the order in which it was corrected."""

    wrong: DiaryEntry
    replacements: tuple[DiaryEntry, ...]


@dataclass(slots=True, kw_only=True)
class Diary:
    """The days from `start` to `today`, and what happened on them; later and earlier days are dropped."""

    start: datetime.date
    today: datetime.date
    seed: int
    postings: list[DiaryEntry] = field(default_factory=list)
    exchanges: list[DiaryExchange] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)

    def chance(self, story: str) -> Random:
        """The story's own source of chance, so that changing one story leaves the others as they were."""
        return Random(f"{self.seed}:{story}")  # noqa: S311 - a demonstration, not a secret

    def holds(self, date: datetime.date) -> bool:
        return self.start <= date <= self.today

    def spend(
        self, date: datetime.date, payee: str, category: str, amount: int, *, by: str = CARD, memo: str = ""
    ) -> None:
        """A purchase, or a refund where the amount is negative."""
        self.write(date, payee, (f"Expenses:{category}", amount, memo), (by, -amount, ""))

    def earn(self, date: datetime.date, payee: str, category: str, amount: int, *, on: str = CHECKING) -> None:
        self.write(date, payee, (on, amount, ""), (f"Income:{category}", -amount, ""))

    def write(self, date: datetime.date, payee: str, *lines: tuple[str, int, str], description: str = "") -> None:
        if self.holds(date):
            self.postings.append(DiaryEntry(date=date, payee=payee, lines=lines, description=description))

    def months(self) -> Iterator[datetime.date]:
        """The first day of each month, including the current one."""
        month = self.start
        while month <= self.today:
            yield month
            month = next_month(month)

    def weeks(self) -> Iterator[datetime.date]:
        """The Mondays of all weeks that the diary touches."""
        monday = self.start - datetime.timedelta(days=self.start.weekday())
        while monday <= self.today:
            yield monday
            monday += datetime.timedelta(days=7)


def next_month(month: datetime.date) -> datetime.date:
    return (month.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)


def months_back(month: datetime.date, count: int) -> datetime.date:
    """The first day of the month, that many months earlier."""
    index = month.year * 12 + month.month - 1 - count
    return datetime.date(index // 12, index % 12 + 1, 1)


def day_of(month: datetime.date, day: int) -> datetime.date:
    """That day of the month, or its last one."""
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))


def banking_day(month: datetime.date, day: int) -> datetime.date:
    """When a bank books what is due on that day: weekends wait for Monday."""
    due = day_of(month, day)
    return due + datetime.timedelta(days=max(0, 7 - due.weekday()) if due.weekday() > 4 else 0)
