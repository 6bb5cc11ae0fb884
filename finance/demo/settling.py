"""Walks the diary day by day: decides what depends on the balances of that day."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator

from finance.demo.diary import CARD, CASH, CHECKING, SAVINGS, Diary, DiaryEntry, banking_day, day_of, months_back
from finance.demo.stories import OPENING, STORIES

WITHDRAWAL = 10_000
MONTHLY_SAVING = 60_000
# What stays on the checking account when the rest goes to savings at the end of a quarter ...
KEPT_PER_QUARTER = 450_000
# ... and what stayed after the last, too generous transfer, so that the coming bills are worth a warning.
KEPT_AT_LAST = 16_000


def household(*, months: int, seed: int, today: datetime.date) -> Diary:
    """The diary of `months` full months before the running one, and of the running one through `today`."""
    diary = Diary(start=months_back(today.replace(day=1), months), today=today, seed=seed)
    for story in STORIES:
        story(diary)
    diary.postings = list(_Walk(diary).postings())
    return diary


class _Walk:
    """Balances of the household's accounts as they were on each evening."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary
        self.held: dict[str, int] = defaultdict(int, OPENING)
        self.card_last_month = self.held[CARD]
        self.planned: dict[datetime.date, list[DiaryEntry]] = defaultdict(list)
        for posting in diary.postings:
            self.planned[posting.date].append(posting)
        self.elsewhere: dict[datetime.date, list[tuple[str, int]]] = defaultdict(list)
        for exchange in diary.exchanges:
            self.elsewhere[exchange.date] += [(exchange.source, -exchange.given), (exchange.target, exchange.received)]
        for correction in diary.corrections:
            last = correction.replacements[-1]
            self.elsewhere[last.date] += [(account, amount) for account, amount, _ in last.lines]

    def postings(self) -> Iterator[DiaryEntry]:
        """Everything to post, oldest first."""
        day = self.diary.start
        while day <= self.diary.today:
            if day.day == 1:
                self.card_last_month = self.held[CARD]
            for account, amount in self.elsewhere[day]:
                self.held[account] += amount
            for posting in (*self.planned[day], *self._orders(day)):
                # Cash is fetched when the purse does not hold enough.
                needed = -sum(amount for account, amount, _ in posting.lines if account == CASH)
                if needed > self.held[CASH]:
                    withdrawal = _transfer(posting.date, CHECKING, CASH, WITHDRAWAL, payee="Cash machine")
                    self._book(withdrawal)
                    yield withdrawal
                self._book(posting)
                yield posting
            for posting in self._sweep(day):
                self._book(posting)
                yield posting
            day += datetime.timedelta(days=1)

    def _book(self, posting: DiaryEntry) -> None:
        for account, amount, _ in posting.lines:
            self.held[account] += amount

    def _orders(self, day: datetime.date) -> Iterable[DiaryEntry]:
        """Last month's card bill, the monthly saving, the bank's interest."""
        month = day.replace(day=1)
        if day == banking_day(month, 20) and self.card_last_month < 0:
            yield _transfer(day, CHECKING, CARD, -self.card_last_month, payee="Credit card settlement")
        if day == day_of(month, 29):
            yield _transfer(day, CHECKING, SAVINGS, MONTHLY_SAVING, description="Monthly saving")
        if day == day_of(month, 31) and day.month % 3 == 0:
            interest = self.held[SAVINGS] * 2 // 400
            lines = ((SAVINGS, interest, ""), ("Income:Interest received", -interest, ""))
            yield DiaryEntry(date=day, payee="Bank of Dublin", lines=lines)

    def _sweep(self, day: datetime.date) -> Iterable[DiaryEntry]:
        """At the end of a quarter, and on the last evening, what is to spare goes to savings."""
        last = day == self.diary.today
        if not last and (day.month % 3 or day != day_of(day.replace(day=1), 30)):
            return
        spare = self.held[CHECKING] - (KEPT_AT_LAST if last else KEPT_PER_QUARTER)
        amount = spare // 5_000 * 5_000
        if amount > 0:
            reason = "For the new kitchen" if last else "What is left of the quarter"
            yield _transfer(day, CHECKING, SAVINGS, amount, description=reason)


def _transfer(
    date: datetime.date, source: str, target: str, amount: int, *, payee: str = "", description: str = ""
) -> DiaryEntry:
    return DiaryEntry(
        date=date, payee=payee, description=description, lines=((target, amount, ""), (source, -amount, ""))
    )
