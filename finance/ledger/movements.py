"""What an entry moved, as a household sees it: the amount shown for an entry in lists."""

from collections.abc import Iterable
from dataclasses import dataclass

from finance.ledger.models import AccountKind, AccountType

# Accounts that hold the household's own money. What is lent out, invested or owed on a loan is not money in hand.
OWN_KINDS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CASH, AccountKind.CARD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A line of an entry with what matters of its account; minor units, debit +."""

    account: str
    kind: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Amounts as (currency, minor units), at least one, and the accounts that they left and reached.

    `signed`: the amounts are what came into (+) or left (−) the household's money. Otherwise that is unchanged, by a
    transfer between own accounts or because the entry touches none, and the amount is what was moved, without a sign.
    """

    amounts: list[tuple[str, int]]
    signed: bool
    accounts: str


def movement_of(sides: Iterable[Side]) -> Movement:
    """What the lines of one entry moved.

    Own money is bank accounts, cash and cards. Where it changes, the change counts, in each currency: of a split
    that is all of it, of an exchange what was given and then what was received. Else the sum of the debits counts,
    of the own accounts where the entry moves money between them, of all where it touches none (an opening balance
    of a house, a reclassification).
    """
    sides = list(sides)
    own = [side for side in sides if side.kind in OWN_KINDS]
    counted = own or [side for side in sides if side.kind not in (AccountKind.TRADING, AccountKind.VALUATION)]
    changes = _sums(own, debits_only=False)
    amounts = changes or _sums(counted, debits_only=True) or _sums(sides, debits_only=True)
    # "Checking account → Savings account", or only the one side that there is.
    given, taken = (
        ", ".join(dict.fromkeys(side.account for side in counted if (side.amount > 0) is is_debit))
        for is_debit in (False, True)
    )
    return Movement(
        amounts=sorted(amounts.items(), key=lambda item: (item[1] > 0, item[0])),
        signed=bool(changes),
        accounts=" → ".join(filter(None, (given, taken))),
    )


def _sums(sides: list[Side], *, debits_only: bool) -> dict[str, int]:
    """Per currency, without those that come to nothing."""
    sums: dict[str, int] = {}
    for side in sides:
        sums[side.currency] = sums.get(side.currency, 0) + (max(side.amount, 0) if debits_only else side.amount)
    return {currency: amount for currency, amount in sums.items() if amount}


def natural(minor_units: int, account_type: str) -> int:
    """With the sign that people expect: income is positive."""
    return -minor_units if account_type in (AccountType.INCOME, AccountType.EQUITY) else minor_units
