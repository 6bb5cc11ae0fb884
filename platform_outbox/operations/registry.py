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
from typing import Any, TypeVar

from platform_outbox.discovery import discover
from platform_outbox.operations.runs import Run
from platform_outbox.registry import refuse_namesake

Function = TypeVar("Function", bound=Callable[..., Any])
Scalar = int | str | bool | datetime.date | None

_operations: dict[str, "Operation"] = {}
_FLAGS = {True: True, False: False, "true": True, "false": False, "yes": True, "no": False, "on": True}


@dataclasses.dataclass(kw_only=True)
class Operation:
    """A function that takes long, and what people must know of it before they start it; as a decorator, `operation`.

    The decorated `f(parameters, run) -> result` works in steps, each a transaction of its own, and calls `run.advance()`
    between them: there it learns that it shall stop. `run.keep(...)` stores where to continue, `run.kept` is what was
    stored before a stop or a crash. The result is a dict of figures and short texts, shown to people and stored.
    """

    name: str = dataclasses.field(kw_only=False)
    title: Any
    help_text: Any
    parameters: type[Any]
    permission: str  # Django's: "finance.add_ledgercheck"
    # What a run works on ("book:3"), from its parameters: at most one run of an operation is open per scope.
    scope: Callable[[Any], str] = lambda parameters: ""
    # Whether it honours `run.dry_run`: it then tells what it would do and changes nothing.
    dry_run: bool = False
    # False for what cannot stop half-way.
    cancel: bool = True
    function: Callable[[Any, Run], dict[str, Any]] = lambda parameters, run: {}

    do_not_call_in_templates = True  # called as a decorator only

    def __call__(self, function: Function) -> Function:
        refuse_namesake("operation", self.name, _operations, function)
        self.function = function
        _operations[self.name] = self
        return function


operation = Operation


def operation_named(name: str) -> Operation | None:
    discover("operations")
    return _operations.get(name)


def all_operations() -> list[Operation]:
    discover("operations")
    return [_operations[name] for name in sorted(_operations)]


class ParametersInvalid(ValueError):
    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One field of an operation's parameters, as forms and commands want to know it."""

    label: Any
    help_text: Any
    choices: Sequence[str]
    file: bool
    default: Scalar = None
    required: bool
    name: str = ""
    kind: type = str  # int, str, bool or datetime.date


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
    required = default is dataclasses.MISSING
    known = Parameter(
        label=label, help_text=help_text, choices=tuple(choices), file=file,
        default=None if required else default, required=required,
    )  # fmt: skip
    return dataclasses.field(default=default, metadata={"parameter": known})


def parameters_of(cls: type[Any]) -> list[Parameter]:
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if isinstance(kind, types.UnionType):
            (kind,) = (each for each in typing.get_args(kind) if each is not types.NoneType)
        if kind not in (int, str, bool, datetime.date):
            raise TypeError(f"Operations cannot be given a {kind}.")
        found.append(dataclasses.replace(field.metadata["parameter"], name=field.name, kind=kind))
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
