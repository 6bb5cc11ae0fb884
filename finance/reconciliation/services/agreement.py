"""Whether the person who changes an entry has agreed that a reconciled statement is opened again by it.

Set around the call of any service of the ledger, which knows nothing of statements (docs/adr/0014).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_agreed: ContextVar[bool] = ContextVar("reopening_agreed", default=False)


@contextmanager
def reopening(*, agreed: bool) -> Iterator[None]:
    """Inside, changes of reconciled rows reopen their statements; without agreement they are refused, as outside."""
    token = _agreed.set(agreed)
    try:
        yield
    finally:
        _agreed.reset(token)


def is_agreed() -> bool:
    """Whether reconciled statements may be reopened here."""
    return _agreed.get()
