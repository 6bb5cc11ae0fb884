"""The accounts that pages offer first."""

from collections.abc import Iterable

from finance.models import Account, AccountKind
from finance.valuation.net_worth import HOLDINGS

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
