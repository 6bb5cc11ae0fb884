"""What a change did besides the journal (tags, payees), taken back by the slice that did it.

`Change.beside` holds a part for each such slice, under the slice's name. A slice registers a function when the app starts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from finance.ledger.models import Book
from identity.models import User

# Takes back what a part says, in the transaction of the undo; returns the part with which that can be undone as well.
TakeBack = Callable[[Book, User | None, Mapping[str, Any]], dict[str, Any]]
_slices: dict[str, TakeBack] = {}


def undo_beside(*, name: str, take_back: TakeBack) -> None:
    """Call `take_back` for the part `name` of a change that is undone. A second one of a name replaces the first."""
    _slices[name] = take_back


def take_back_beside(*, book: Book, actor: User | None, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Take back all parts, in the order of their names; returns the undo's own. Raises what the slices raise."""
    return {name: _slices[name](book, actor, beside[name]) for name in sorted(beside)}
