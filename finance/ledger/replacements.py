"""Who wants to know of entries that are taken back or replaced, in the transaction that does it.

The ledger does not know who asks. A slice that keeps something about an entry or a line beside it registers a function
when the app starts; it is called once the reversals and replacements are written, and what it raises undoes them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finance.ledger.models import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """An entry that was just reversed, and the entry that takes its place; None: it was deleted."""

    entry_id: int
    replacement_id: int | None


Watcher = Callable[[Book, Sequence[Replaced]], None]
_watchers: dict[str, Watcher] = {}


def watch_replacements(*, name: str, watcher: Watcher) -> None:
    """Call `watcher` for all that is reversed or replaced from now on; a second one of the same name replaces the first."""
    _watchers[name] = watcher


def tell_replaced(*, book: Book, replaced: Sequence[Replaced]) -> None:
    """Tell everybody who watches, in the order of their names. Raises what they raise."""
    if replaced:
        for name in sorted(_watchers):
            _watchers[name](book, replaced)
