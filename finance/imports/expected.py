"""Money that is expected to come in, as another slice tells it, to propose what a row of a bank file pays.

A slice registers a function when the app starts. It is asked once for each account that rows are proposed for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finance.ledger.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An amount (positive minor units) that somebody owes, and the account that it is owed on.

    A row pays it if `is_named` finds it in the row's text, or if the amount is the same and the payee has the name.
    """

    account_id: int
    amount: int
    is_named: Callable[[str], bool]
    name: str
    why: str


Source = Callable[[Account], Sequence[Expected]]
_sources: dict[str, Source] = {}


def expect(*, name: str, source: Source) -> None:
    """Ask `source` what is expected on an account from now on. A second one of a name replaces the first."""
    _sources[name] = source


def expected_on(account: Account) -> list[Expected]:
    """All that is expected on the account."""
    return [each for name in sorted(_sources) for each in _sources[name](account)]


def paid_by(expected: Sequence[Expected], *, payee: str, description: str, amount: int) -> Expected | None:
    """The one that a row pays; None if there is none, or more than one, or it would be more than is owed."""
    text, lowered = f"{payee} {description}", payee.casefold()
    fitting = [each for each in expected if amount <= each.amount and each.is_named(text)]
    fitting = fitting or [each for each in expected if amount == each.amount and each.name.casefold() in lowered]
    return fitting[0] if len(fitting) == 1 else None
