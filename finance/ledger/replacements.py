"""Callbacks for entries that are reversed or replaced, in the transaction that does it.

A slice that keeps something about an entry or a line registers a function when the app starts. It is called once the
reversals and replacements are written; an exception that it raises undoes them all.
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
# A text, or what gives it when it is first needed.
Condition = str | Callable[[], str]
_watchers: dict[str, tuple[Watcher, Condition]] = {}


def watch_replacements(*, name: str, watcher: Watcher, concerns: Condition = "true") -> None:
    """Call `watcher` for all entries that are reversed or replaced from now on. A second one of a name replaces the first.

    `concerns` is an SQL condition on the row `entry` of the book %(book)s, without which the watcher has nothing to do: an
    entry that concerns nobody is taken back by one statement.
    """
    _watchers[name] = watcher, concerns


def concerns() -> str:
    """The SQL condition that an entry concerns one watcher at least."""
    texts = [condition if isinstance(condition, str) else condition() for _, condition in _watchers.values()]
    return " OR ".join(f"({text})" for text in texts) or "false"


def tell_replaced(*, book: Book, replaced: Sequence[Replaced]) -> None:
    """Call all watchers, in the order of their names. Raises what they raise."""
    if replaced:
        for name in sorted(_watchers):
            watcher, _ = _watchers[name]
            watcher(book, replaced)
