"""Which long operations there are, and what each is given.

    @operation("ledger.verify", title=…, help_text=…, parameters=OneOrAllBooks, permission="finance.add_ledgercheck")
    def verify(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]: ...

Parameters are a frozen dataclass of `parameter` fields, read strictly from texts (command line, form) or JSON (a stored
run). The same function serves the admin, the worker and `manage.py operation`.
"""

import dataclasses
import datetime
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from platform_outbox.operations.runs import Run

Function = TypeVar("Function", bound=Callable[..., Any])
Scalar = int | str | bool | datetime.date | None

_operations: dict[str, "Operation"] = {}
_FLAGS = {True: True, False: False, "true": True, "false": False, "yes": True, "no": False, "on": True}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A function that takes long, and what people must know of it before they start it.

    `scope` gives from the parameters what the run works on ("book:3"): at most one run of an operation is open per
    scope. `permission` is a Django permission ("finance.add_ledgercheck").
    """

    name: str
    title: Any
    help_text: Any
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
    help_text: Any,
    parameters: type[Any],
    permission: str,
    scope: Callable[[Any], str] = lambda parameters: "",
    dry_run: bool = False,
    cancel: bool = True,
) -> Callable[[Function], Function]:
    """Register the decorated `f(parameters, run) -> result` as a long operation.

    It works in steps, each a transaction of its own, and calls `run.advance()` between them: there it learns that it
    shall stop. `run.keep(...)` stores where to continue, `run.kept` is what was stored before a stop or a crash. The
    result is a dict of figures and short texts, shown to people and stored. With `dry_run` it honours `run.dry_run`:
    it then tells what it would do and changes nothing. `cancel=False` is for what cannot stop half-way.
    """

    def register(function: Function) -> Function:
        there = _operations.get(name)
        if there is not None and _place(there.function) != _place(function):
            raise TypeError(f"Two operations are called {name}: {_place(there.function)} and {_place(function)}.")
        _operations[name] = Operation(
            name=name, title=title, help_text=help_text, function=function, parameters=parameters,
            permission=permission, scope=scope, dry_run=dry_run, cancel=cancel,
        )  # fmt: skip
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


class ParametersInvalid(ValueError):
    """Parameter → what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One field of an operation's parameters, as forms and commands want to know it."""

    name: str
    kind: type  # int, str, bool or datetime.date
    required: bool
    default: Scalar
    label: str
    help_text: str
    choices: Sequence[str]
    file: bool


def parameter(
    label: Any,
    *,
    help_text: Any = "",
    default: Any = dataclasses.MISSING,
    choices: Sequence[str] = (),
    file: bool = False,
) -> Any:
    """A field of a parameters class: its label and explanation, both translatable, and the texts it may take.

    A text with `file` names a file, which the operation reads with `run.read`.
    """
    metadata = {"label": label, "help_text": help_text, "choices": tuple(choices), "file": file}
    return dataclasses.field(default=default, metadata=metadata)


def parameters_of(cls: type[Any]) -> list[Parameter]:
    """The fields of a parameters class, in their order."""
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if isinstance(kind, types.UnionType):
            (kind,) = (each for each in typing.get_args(kind) if each is not types.NoneType)
        if kind not in (int, str, bool, datetime.date):
            raise TypeError(f"Operations cannot be given a {kind}.")
        required = field.default is dataclasses.MISSING
        texts = {name: str(field.metadata[name]) for name in ("label", "help_text")}
        found.append(
            Parameter(
                name=field.name, kind=kind, required=required, default=None if required else cast(Scalar, field.default),
                choices=field.metadata["choices"], file=field.metadata["file"], **texts,
            )
        )  # fmt: skip
    return found


def read(cls: type[Any], given: Mapping[str, Any]) -> Any:
    """An instance of the class from texts or JSON values; empty and missing mean the default.

    Raises ParametersInvalid with every problem at once, also for names that the class does not have.
    """
    known = {each.name: each for each in parameters_of(cls)}
    problems = dict.fromkeys(given.keys() - known.keys(), "there is no such parameter")
    values: dict[str, Any] = {}
    for name, wanted in known.items():
        value = given.get(name)
        if value is None or value == "":
            if wanted.required:
                problems[name] = "it is needed"
            continue
        try:
            values[name] = _read_one(wanted, value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ParametersInvalid(dict(sorted(problems.items())))
    return cls(**values)


def _read_one(wanted: Parameter, value: Any) -> Scalar:
    if wanted.kind is bool:
        if value not in _FLAGS:
            raise ValueError("it must be true or false")
        return _FLAGS[value]
    if wanted.kind is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.lstrip("-").isdecimal() and len(value) < 19:
            return int(value)
        raise ValueError("it must be a whole number")
    if wanted.kind is datetime.date:
        try:
            return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValueError("it must be a day such as 2026-03-31") from None
    if not isinstance(value, str):
        raise ValueError("it must be a text")
    if wanted.choices and value not in wanted.choices:
        raise ValueError(f"it must be one of {', '.join(wanted.choices)}")
    return value


def written(parameters: Any) -> dict[str, Any]:
    """The parameters as JSON values, from which `read` makes them again."""
    values = {field.name: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}
    return {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in values.items()}
