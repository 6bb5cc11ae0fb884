"""Which request a change comes from: carried by its events, so that what follows from it can be found in the logs.

A trace is the id of a request as the logs have it, or empty for what no request began. Events that a handler emits
carry the trace of the event that it handles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 64

_current: ContextVar[str] = ContextVar("platform_outbox_trace", default="")


def current_trace() -> str:
    """The trace of what is being done at this moment in this thread."""
    return _current.get()


@contextmanager
def traced(trace: str) -> Iterator[None]:
    """Let everything inside be done under this trace."""
    token = _current.set(trace[:LONGEST])
    try:
        yield
    finally:
        _current.reset(token)
