"""What the book owns, month by month, in its base currency. Reads monthly totals; no line is added up twice."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from dateutil.relativedelta import relativedelta

from finance.ledger.selectors import balances_of, months_of
from finance.models import Account, AccountKind, AccountType, Book

HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Net worth at the end of a day, minor units of the base currency."""

    day: datetime.date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """Net worth over the months, oldest first; the last point is today.

    `unvalued` holds what is kept in other currencies (today, minor units): no rate, so it is not part of the points.
    `balances` are today's, per account id.
    """

    points: list[Point]
    unvalued: dict[str, int]
    balances: dict[int, int]

    @property
    def now(self) -> int:
        return self.points[-1].amount

    @property
    def change(self) -> int:
        """Since the end of last month."""
        return self.points[-1].amount - self.points[-2].amount if len(self.points) > 1 else self.points[-1].amount


def wealth(*, book: Book, accounts: Iterable[Account], today: datetime.date, months: int = 12) -> Wealth:
    """Net worth at the ends of the last `months` months, the current one as of today."""
    holdings = [account for account in accounts if account.type in HOLDINGS]
    valued = [account.pk for account in holdings if account.currency == book.base_currency]
    first = today.replace(day=1) - relativedelta(months=months - 1)
    before = balances_of(account_ids=valued, as_of=first - datetime.timedelta(days=1))
    nets = months_of(book=book, first=first, last=today - relativedelta(months=1), types=list(HOLDINGS))
    now = balances_of(account_ids=[account.pk for account in holdings], as_of=today)
    by_account = [nets.get(pk, {}) for pk in valued]
    past: list[Point] = []
    month, amount = first, sum(before.values())
    while month < today.replace(day=1):
        amount += sum(by_month.get(month, 0) for by_month in by_account)
        month += relativedelta(months=1)
        past.append(Point(day=month - datetime.timedelta(days=1), amount=amount))
    total = sum(now.get(pk, 0) for pk in valued)
    sums: dict[str, int] = {}
    for account in holdings:
        if account.currency != book.base_currency and now.get(account.pk):
            sums[account.currency] = sums.get(account.currency, 0) + now[account.pk]
    return Wealth(
        points=[*past, Point(day=today, amount=total)],
        unvalued=dict(sorted(sums.items())),
        balances=now,
    )


# What people use most comes first.
_KIND_ORDER = [AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CASH, AccountKind.CARD]


def everyday_accounts(accounts: Iterable[Account]) -> list[Account]:
    """Open accounts that hold or owe money, groups left out, the most used kinds first."""
    usable = [
        account
        for account in accounts
        if account.type in HOLDINGS and account.kind != AccountKind.GROUP and account.closed_on is None
    ]
    return sorted(
        usable, key=lambda a: _KIND_ORDER.index(AccountKind(a.kind)) if a.kind in _KIND_ORDER else len(_KIND_ORDER)
    )
