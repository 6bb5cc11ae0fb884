"""This month's income and spending by category, with the average of the six months before."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from dateutil.relativedelta import relativedelta

from finance.ledger.selectors import months_of
from finance.models import Account, AccountType, Book
from finance.money import divided
from finance.periods import month_end
from finance.valuation.changes import ValuedSum, changes_of_accounts, sums_by_month
from finance.valuation.rates import half_away
from finance.valuation.valuer import valuer_between

AVERAGED_MONTHS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFlow:
    """One category with all below it; minor units of the base currency, positive as it is usual for its type.

    `converted` is the part of the amount that was spent in other currencies; `mixed` says whether any of it ever was.
    """

    account: Account
    amount: int
    average: int
    parts: list["CategoryFlow"]
    converted: int = 0
    mixed: bool = False

    def all_accounts(self) -> list[Account]:
        """The category and those below it that moved."""
        return [self.account, *(account for part in self.parts for account in part.all_accounts())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Income or spending of a month; `averaged` says how many months the averages span.

    What was spent in other currencies is valued day by day; `unvalued` holds what had no rate on its day.
    """

    rows: list[CategoryFlow]
    total: int
    average: int
    averaged: int
    unvalued: dict[str, int]

    @property
    def converted(self) -> int:
        """The part of the total that was spent in other currencies."""
        return sum(row.converted for row in self.rows)


def flow(
    *,
    book: Book,
    accounts: list[Account],
    type: str,
    month: datetime.date,
    nets: Mapping[int, Mapping[datetime.date, int]],
    valued: Mapping[tuple[int, datetime.date], ValuedSum] | None = None,
) -> Flow:
    """What `nets` (from `category_months`) and `valued` (from `valued_months`) say about one type, largest first."""
    mine = [account for account in accounts if account.type == type]
    sign = -1 if type == AccountType.INCOME else 1
    # A book of two months is averaged over two, not six.
    earlier = (day for by_month in nets.values() for day in by_month if day < month)
    apart = relativedelta(month, min(earlier, default=month))
    averaged = apart.years * 12 + apart.months
    amounts, averages, converted = {}, {}, {}
    unvalued: dict[str, int] = {}
    for account in mine:
        by_month = nets.get(account.pk, {})
        if account.currency != book.base_currency:
            months = {
                day: (valued or {}).get((account.pk, day), ValuedSum(unvalued=net)) for day, net in by_month.items()
            }
            if month in months and months[month].unvalued:
                unvalued[account.currency] = unvalued.get(account.currency, 0) + sign * months[month].unvalued
            by_month = {day: half_away(valued_sum.value) for day, valued_sum in months.items()}
            converted[account.pk] = sign * by_month.get(month, 0)
        amounts[account.pk] = sign * by_month.get(month, 0)
        past = sum(net for day, net in by_month.items() if day < month)
        averages[account.pk] = divided(sign * past, averaged) if averaged else 0
    rows = _rows(mine, amounts, averages, converted)
    return Flow(
        rows=rows,
        total=sum(row.amount for row in rows),
        average=sum(row.average for row in rows),
        averaged=averaged,
        unvalued=unvalued,
    )


def category_months(*, book: Book, month: datetime.date) -> dict[int, dict[datetime.date, int]]:
    """Net change per category and month, for the month and the averaged ones before it. One query."""
    first = month - relativedelta(months=AVERAGED_MONTHS)
    return months_of(book=book, first=first, last=month, types=[AccountType.INCOME, AccountType.EXPENSE])


def valued_months(
    *, book: Book, accounts: list[Account], month: datetime.date, nets: Mapping[int, Mapping[datetime.date, int]]
) -> dict[tuple[int, datetime.date], ValuedSum]:
    """The same in the base currency for categories in other currencies, each day at its rate: three queries, if any moved."""
    others = [a.pk for a in accounts if a.pk in nets and a.currency != book.base_currency]
    if not others:
        return {}
    first, last = month - relativedelta(months=AVERAGED_MONTHS), month_end(month)
    valuer = valuer_between(book=book, first=first, last=last)
    changes = changes_of_accounts(book=book, account_ids=others, target=book.base_currency, first=first, last=last)
    return sums_by_month(changes, valuer=valuer)


def _rows(
    accounts: list[Account], amounts: Mapping[int, int], averages: Mapping[int, int], converted: Mapping[int, int]
) -> list[CategoryFlow]:
    """The tree of categories below the type's root groups, without what is zero in both."""
    children: dict[int | None, list[Account]] = {}
    for account in accounts:
        children.setdefault(account.parent_id, []).append(account)

    def grow(account: Account) -> CategoryFlow:
        parts = _largest_first([grow(child) for child in children.get(account.pk, [])])
        return CategoryFlow(
            account=account,
            amount=amounts.get(account.pk, 0) + sum(part.amount for part in parts),
            average=averages.get(account.pk, 0) + sum(part.average for part in parts),
            parts=parts,
            converted=converted.get(account.pk, 0) + sum(part.converted for part in parts),
            mixed=account.pk in converted or any(part.mixed for part in parts),
        )

    rows: list[CategoryFlow] = []
    for root in (grow(account) for account in children.get(None, [])):
        own = root.amount - sum(part.amount for part in root.parts)
        rows.extend(root.parts if root.parts and not own else [root])
    return _largest_first(rows)


def _largest_first(rows: list[CategoryFlow]) -> list[CategoryFlow]:
    return sorted((row for row in rows if row.amount or row.average), key=lambda row: (-row.amount, -row.average))
