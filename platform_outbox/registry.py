"""Which handlers run for which event."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from platform_outbox.envelope import Event

Function = TypeVar("Function", bound=Callable[..., Any])

_handlers: dict[str, "Handler"] = {}
_by_event: dict[str, tuple["Handler", ...]] = {}


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may want to know about the delivery beside the event itself."""

    event_id: int
    handler: str
    attempt: int  # 1 for the first
    emitted_at: datetime.datetime
    replay: bool = False  # run again by an operator's replay, not for the first time

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
    batch: bool


def on(*events: type[Event], name: str, batch: bool = False) -> Callable[[Function], Function]:
    """Run the decorated function for each of the given event types, exactly once per event.

    The function is called as `f(event, context)`, or with `batch` as `f(events, contexts)`: two lists of equal
    length, oldest first. It runs inside the transaction that also marks the event as done, so everything it writes
    to this database happens exactly once; effects outside the database may happen again after a failure.
    `name` ("insights.observe") is stored with deliveries: changing it makes it another handler.
    """
    if not events:
        raise TypeError(f"The handler {name} names no event.")

    def register(function: Function) -> Function:
        _add(Handler(name=name, function=function, events=events, batch=batch))
        return function

    return register


def handlers_of(event_type: str) -> tuple[Handler, ...]:
    """The handlers of an event type, by name."""
    return _by_event.get(event_type, ())


def all_handlers() -> list[Handler]:
    """Every registered handler, by name."""
    return [_handlers[name] for name in sorted(_handlers)]


def _add(handler: Handler) -> None:
    there = _handlers.get(handler.name)
    if there is not None and _place(there) != _place(handler):
        raise TypeError(f"Two handlers are called {handler.name}: {_place(there)} and {_place(handler)}.")
    _handlers[handler.name] = handler
    _by_event.clear()
    for each in all_handlers():
        for event in each.events:
            _by_event[event.name] = (*_by_event.get(event.name, ()), each)


def _place(handler: Handler) -> str:
    return f"{handler.function.__module__}.{handler.function.__qualname__}"
