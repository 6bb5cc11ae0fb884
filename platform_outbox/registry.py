"""Which handlers run for which event, and what they may say went wrong."""

import datetime
import smtplib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

import psycopg
from django.db import InterfaceError, OperationalError

from platform_outbox.discovery import discover
from platform_outbox.events import Event

Function = TypeVar("Function", bound=Callable[..., Any])

OnDeath: TypeAlias = Literal["skip", "halt"]

# What these say is about the way to somebody or about their state of health, not about the event.
_SIGNS_OF_AN_OUTAGE = (
    OperationalError,
    InterfaceError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    smtplib.SMTPConnectError,
    smtplib.SMTPServerDisconnected,
)

_handlers: dict[str, "Handler"] = {}
# Event type → its handlers, in their order (`all_handlers`); nothing where nobody listens.
LISTENING: dict[str, tuple["Handler", ...]] = {}


class DestinationUnavailable(Exception):
    """The destination cannot be reached or cannot answer now: a time-out, a refused connection, a 5xx or 429.

    The event is not to blame: the attempt does not count until the outage has lasted a day, and everything for this
    destination waits until a probe gets through. `retry_after` is the pause in seconds that it asked for.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Deferred(Exception):
    """The destination works and has deferred this call, such as a mail server with greylisting.

    The attempt does not count until it has gone on for a day; others for the same destination do not wait.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(Exception):
    """Trying again cannot help, such as a refused recipient: the event becomes a dead letter at once."""


class Interrupted(Exception):
    """A long call came back early because its worker is ending (`context.stopping()`): another one continues it.

    No attempt is charged. Whatever the next call needs to know is for the handler to have kept.
    """


def is_outage(error: BaseException) -> bool:
    """True when the error tells of a destination that is down, rather than of the event or of the handler."""
    # A statement that takes too long is the handler's.
    if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
        return False
    return isinstance(error, (DestinationUnavailable, *_SIGNS_OF_AN_OUTAGE))


def spares_attempts(error: BaseException) -> bool:
    """True when a failure says nothing against the event, so that trying again costs no attempt for a day."""
    return is_outage(error) or isinstance(error, Deferred)


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may want to know about the delivery beside the event itself."""

    event_id: int
    handler: str
    attempt: int  # 1 for the first
    emitted_at: datetime.datetime
    replay: bool = False  # run again by an operator's replay, not for the first time
    trace: str = ""  # the request that the change came from, see events.current_trace
    # For `io` calls that take long. False once the lease has been lost, as somebody else will do it: ask before each effect.
    still_mine: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)
    # True once the worker was asked to end: raise Interrupted soon.
    stopping: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt, and different for every event and handler."""
        return f"{self.event_id}:{self.handler}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A function that the outbox calls for some event types."""

    name: str
    function: Callable[..., Any]
    events: tuple[type[Event], ...]
    batch: bool = False
    io: bool = False
    ordered: bool = True
    lease_seconds: float = 60.0
    longest_seconds: float | None = None
    destination: Callable[[Any], str] | None = None
    on_death: OnDeath = "skip"

    def destination_of(self, event: Event) -> str:
        """Who is called for this event; the handler's own name where it always calls the same one."""
        return self.destination(event)[:200] if self.destination else self.name


def on(
    *events: type[Event],
    name: str,
    batch: bool = False,
    io: bool = False,
    ordered: bool = True,
    lease_seconds: float = 60.0,
    longest_seconds: float | None = None,
    destination: Callable[[Any], str] | None = None,
    on_death: OnDeath = "skip",
) -> Callable[[Function], Function]:
    """Run the decorated function for each of the given event types, exactly once per event.

    The function is called as `f(event, context)`, or with `batch` as `f(events, contexts)`: two lists of equal
    length, oldest first. It runs inside the transaction that also marks the event as done, so everything it writes
    to this database happens exactly once; effects outside the database may happen again after a failure.
    `name` ("insights.observe") is stored with deliveries: changing it makes it another handler.

    With `io` the function is for effects outside: it is called outside of any transaction, under a lease of
    `lease_seconds` that is renewed while it runs, at least once per event; `context.idempotency_key` is the same each
    time. It should give up by its own time-outs; a call that lasts longer than `longest_seconds` (ten leases by default)
    counts as hanging. `ordered` has one delivery per ordering key under way, oldest first;
    without it younger ones do not wait. `destination` names who an event calls: when one is down (`DestinationUnavailable`),
    only what calls that one waits. `on_death` says whether younger events of the key go on behind a dead letter
    ("skip") or wait until an operator has dealt with it ("halt").
    """
    if not events:
        raise TypeError(f"The handler {name} names no event.")
    if io and batch:
        raise TypeError(f"The handler {name} cannot be both io and batch: each effect outside succeeds by itself.")

    def register(function: Function) -> Function:
        refuse_namesake("handler", name, _handlers, function)
        _handlers[name] = Handler(
            name=name, function=function, events=events, batch=batch, io=io, ordered=ordered,
            lease_seconds=lease_seconds, longest_seconds=longest_seconds, destination=destination, on_death=on_death,
        )  # fmt: skip
        LISTENING.clear()
        for _name, handler in sorted(_handlers.items()):
            for event in handler.events:
                LISTENING[event.name] = (*LISTENING.get(event.name, ()), handler)
        return function

    return register


def refuse_namesake(kind: str, name: str, registered: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Raise TypeError if another function is registered under the name; the same one may come again."""
    if name in registered:
        old, new = (f"{each.__module__}.{each.__qualname__}" for each in (registered[name].function, function))
        if old != new:
            raise TypeError(f"Two {kind}s are called {name}: {old} and {new}.")


def handlers_of(event_type: str) -> tuple[Handler, ...]:
    discover("handlers")
    return LISTENING.get(event_type, ())


def handler_named(name: str) -> Handler | None:
    discover("handlers")
    return _handlers.get(name)


def all_handlers() -> list[Handler]:
    discover("handlers")
    return [_handlers[name] for name in sorted(_handlers)]
