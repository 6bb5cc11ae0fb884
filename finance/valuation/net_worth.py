"""What a book owns less what it owes, in its base currency, month by month and by the rates of each date."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dateutil.relativedelta import relativedelta

from finance.ledger.models import Account, AccountType, Book
from finance.ledger.selectors import balances_of, months_of
from finance.valuation.valuer import Total, Valuation, Valuer, valuer_at

HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Net worth at the end of a day, by the rates of that day; minor units of the base currency."""

    day: datetime.date
    total: Total

    @property
    def amount(self) -> int:
        return self.total.value

    @property
    def unvalued(self) -> dict[str, int]:
        """What had no rate on that day and is not part of the amount: minor units per currency."""
        return self.total.unvalued


@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """Net worth over the months, oldest first; the last point is today. `balances` are today's, per account id."""

    points: list[Point]
    balances: dict[int, int]

    @property
    def now(self) -> int:
        return self.points[-1].amount

    @property
    def unvalued(self) -> dict[str, int]:
        """What is not part of today's net worth, because no rate is known."""
        return self.points[-1].unvalued

    @property
    def converted(self) -> list[Valuation]:
        """What is part of it in other currencies, with the rates and their dates."""
        return self.points[-1].total.converted

    @property
    def change(self) -> int | None:
        """Since the end of last month; None where something had a rate then and has none now, or the other way round."""
        if len(self.points) < 2:
            return self.now
        before, now = self.points[-2:]
        held = {part.currency for part in now.total.parts if part.amount} & {
            part.currency for part in before.total.parts if part.amount
        }
        if any((currency in before.unvalued) != (currency in now.unvalued) for currency in held):
            return None
        return now.amount - before.amount

    @property
    def incomplete_until(self) -> datetime.date | None:
        """The latest of the past points that lacks something which is valued today; None: the line is of one kind."""
        for point in reversed(self.points[:-1]):
            if set(point.unvalued) - set(self.unvalued):
                return point.day
        return None


def wealth(*, book: Book, accounts: Iterable[Account], today: datetime.date, months: int = 12) -> Wealth:
    """Net worth at the ends of the last `months` months, the current one as of today.

    Amounts of one currency are added up first and valued as one. Three queries, and two more for other currencies.
    """
    holdings = [account for account in accounts if account.type in HOLDINGS]
    ids = [account.pk for account in holdings]
    first = today.replace(day=1) - relativedelta(months=months - 1)
    before = balances_of(account_ids=ids, as_of=first - datetime.timedelta(days=1))
    nets = months_of(book=book, first=first, last=today - relativedelta(months=1), types=list(HOLDINGS))
    now = balances_of(account_ids=ids, as_of=today)
    sums = _by_currency(holdings, before)
    held: list[tuple[datetime.date, dict[str, int]]] = []
    month = first
    while month < today.replace(day=1):
        for account in holdings:
            sums[account.currency] += nets.get(account.pk, {}).get(month, 0)
        month += relativedelta(months=1)
        held.append((month - datetime.timedelta(days=1), dict(sums)))
    held.append((today, dict(_by_currency(holdings, now))))
    valuer = _valuer(book, held)
    return Wealth(points=[Point(day=day, total=valuer.total(sums, on=day)) for day, sums in held], balances=now)


def worth_on(
    day: datetime.date, *, book: Book, accounts: Iterable[Account], held: dict[int, int]
) -> tuple[Total, Valuer]:
    """Net worth at the end of a day by the balances of that day; and what valued it, for parts of it."""
    sums = dict(_by_currency([account for account in accounts if account.type in HOLDINGS], held))
    valuer = _valuer(book, [(day, sums)])
    return valuer.total(sums, on=day), valuer


def _by_currency(accounts: Iterable[Account], held: dict[int, int]) -> defaultdict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for account in accounts:
        sums[account.currency] += held.get(account.pk, 0)
    return sums


def _valuer(book: Book, held: list[tuple[datetime.date, dict[str, int]]]) -> Valuer:
    """Rates are read only where something is held in another currency."""
    days = [day for day, _sums in held]
    if any(amount and currency != book.base_currency for _day, sums in held for currency, amount in sums.items()):
        return valuer_at(book=book, days=days)
    return Valuer([], target=book.base_currency, days=days)
