"""Money that is expected to move, as another slice tells it, to propose what a row of a bank file pays.

A slice registers a function when the app starts. It is asked once for each account that rows are proposed for.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finance.ledger.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An amount that should move on the account (minor units, money out negative), and what it would be booked to.

    A row pays it if `is_named` finds it in the row's text, or if the amount is the same and the payee has the name; with `days`
    only between these days. `parts` are (account, amount) with the row's sign, and sum to the amount; without them all of it
    goes to `account_id`. `other_parts` are those of another amount and what is said of it, None where it cannot be paid with
    that: it is asked only where `is_named` knows the payee, and nothing is expected with the very amount.
    """

    account_id: int
    amount: int
    is_named: Callable[[str], bool]
    name: str
    why: str
    days: tuple[datetime.date, datetime.date] | None = None
    parts: tuple[tuple[int, int], ...] = ()
    other_parts: Callable[[int], tuple[tuple[tuple[int, int], ...], str] | None] | None = None


Source = Callable[[Account], Sequence[Expected]]
_sources: dict[str, Source] = {}


def expect(*, name: str, source: Source) -> None:
    """Ask `source` what is expected on an account from now on. A second one of a name replaces the first."""
    _sources[name] = source


def expected_on(account: Account) -> list[Expected]:
    """All that is expected on the account."""
    return [each for name in sorted(_sources) for each in _sources[name](account)]


def paid_by(
    expected: Sequence[Expected], *, payee: str, description: str, amount: int, date: datetime.date
) -> Expected | None:
    """The one that a row pays; None if there is none, or more than one, or it would be more than is owed."""
    text, lowered = f"{payee} {description}", payee.casefold()
    asked = [
        each
        for each in expected
        if (each.amount > 0) == (amount > 0) and (each.days is None or each.days[0] <= date <= each.days[1])
    ]
    named = [each for each in asked if each.is_named(text)]
    fitting = [each for each in named if abs(amount) <= abs(each.amount) and each.other_parts is None]
    fitting = fitting or [each for each in asked if amount == each.amount and each.name.casefold() in lowered]
    fitting = fitting or [each for each in named if each.other_parts is not None and each.other_parts(amount)]
    return fitting[0] if len(fitting) == 1 else None
