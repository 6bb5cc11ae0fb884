"""Which long operations there are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from platform_outbox.operations.progress import Run

Function = TypeVar("Function", bound=Callable[..., Any])

_operations: dict[str, "Operation"] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A function that takes long, and what people must know of it before they start it.

    `scope` gives from the parameters what the run works on ("book:3"): at most one run of an operation is open per
    scope. `permission` is a Django permission ("finance.add_ledgercheck").
    """

    name: str
    title: Any
    says: Any
    function: Callable[[Any, Run], dict[str, Any]]
    parameters: type[Any]
    permission: str
    scope: Callable[[Any], str]
    dry_run: bool
    cancel: bool


def operation(
    name: str,
    *,
    title: Any,
    says: Any,
    parameters: type[Any],
    permission: str,
    scope: Callable[[Any], str] = lambda parameters: "",
    dry_run: bool = False,
    cancel: bool = True,
) -> Callable[[Function], Function]:
    """Register the decorated `f(parameters, run) -> result` as a long operation.

    It works in steps, each a transaction of its own, and calls `run.advance()` between them: there it learns that it
    shall stop. `run.keep(...)` stores where to go on, `run.kept` is what was stored before a stop or a crash. The
    result is a dict of figures and short texts, shown to people and stored. With `dry_run` it honours `run.dry_run`:
    it then tells what it would do and changes nothing. `cancel=False` is for what cannot stop half-way.
    """

    def register(function: Function) -> Function:
        there = _operations.get(name)
        if there is not None and _place(there.function) != _place(function):
            raise TypeError(f"Two operations are called {name}: {_place(there.function)} and {_place(function)}.")
        _operations[name] = Operation(
            name=name,
            title=title,
            says=says,
            function=function,
            parameters=parameters,
            permission=permission,
            scope=scope,
            dry_run=dry_run,
            cancel=cancel,
        )
        return function

    return register


def operation_named(name: str) -> Operation | None:
    """The operation of this name, if this installation has it."""
    return _operations.get(name)


def all_operations() -> list[Operation]:
    """Every operation, by name."""
    return [_operations[name] for name in sorted(_operations)]


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
