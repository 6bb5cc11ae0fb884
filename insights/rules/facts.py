"""What the rules look at: plain figures of the books, already free of everything that was taken back."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that went into or out of one of the household's own accounts by one entry.

    `amount` is signed minor units of the account (in +, out −). `payee_key` is the payee as compared (lower case);
    `counter` names the accounts on the other side. A transfer only moves money between the household's own accounts.
    """

    entry_id: int
    date: datetime.date
    payee: str
    payee_key: str
    account_id: int
    account: str
    currency: str
    amount: int
    transfer: bool = False
    counter: tuple[int, ...] = ()

    @property
    def paid(self) -> int:
        """Minor units that left the account; negative when money came in."""
        return -self.amount

    @property
    def order(self) -> tuple[datetime.date, int]:
        return self.date, self.entry_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one entry put on a category: minor units, refunds negative."""

    entry_id: int
    date: datetime.date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryHistory:
    """Spending on one category: net minor units per month (its first day), and the entries of the latest months.

    The entries of a month add up to it.
    """

    account_id: int
    name: str
    currency: str
    months: Mapping[datetime.date, int]
    entries: Mapping[datetime.date, Sequence[Spending]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOutlook:
    """An account whose coming days are to be seen.

    `balance` is its minor units at the end of `on`; `movements` are those of the past two years, and those that are
    already written down for later days, oldest first.
    """

    account_id: int
    name: str
    currency: str
    on: datetime.date
    balance: int
    movements: Sequence[Movement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The input of every rule. Findings are wanted for subjects dated `since` to `until`; the rest is history.

    `on` is the present day in the book's time zone. `payees` holds the payments of each payee, oldest first.
    """

    on: datetime.date
    since: datetime.date
    until: datetime.date
    payees: Mapping[str, Sequence[Movement]] = field(default_factory=dict)
    categories: Sequence[CategoryHistory] = ()
    accounts: Sequence[AccountOutlook] = ()

    def concerns(self, date: datetime.date) -> bool:
        """Whether a subject of that date is asked for."""
        return self.since <= date <= self.until
