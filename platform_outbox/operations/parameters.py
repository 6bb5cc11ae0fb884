"""What an operation is given: a frozen dataclass, read strictly from texts (command line, form) or JSON (a stored run)."""

import dataclasses
import datetime
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

Scalar = int | str | bool | datetime.date | None


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
    says: str
    choices: Sequence[str]
    file: bool


def parameter(
    label: Any,
    *,
    says: Any = "",
    default: Any = dataclasses.MISSING,
    choices: Sequence[str] = (),
    file: bool = False,
) -> Any:
    """A field of a parameters class: its label and explanation, both translatable, and the texts it may take.

    A text with `file` names a file, which the operation reads with `run.read`.
    """
    metadata = {"label": label, "says": says, "choices": tuple(choices), "file": file}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parameters_of(cls: type[Any]) -> list[Parameter]:
    """The fields of a parameters class, in their order."""
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind, _optional = _kind_of(hints[field.name])
        required = field.default is dataclasses.MISSING
        found.append(
            Parameter(
                name=field.name,
                kind=kind,
                required=required,
                default=None if field.default is dataclasses.MISSING else field.default,
                label=str(field.metadata.get("label", field.name)),
                says=str(field.metadata.get("says", "")),
                choices=field.metadata.get("choices", ()),
                file=field.metadata.get("file", False),
            )
        )
    return found


def read(cls: type[Any], given: Mapping[str, Any]) -> Any:
    """An instance of the class from texts or JSON values; empty and missing mean the default.

    Raises ParametersInvalid with every problem at once, also for names that the class does not have.
    """
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    known = {each.name: each for each in parameters_of(cls)}
    for name in given.keys() - known.keys():
        problems[name] = "there is no such parameter"
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


def written(parameters: Any) -> dict[str, Any]:
    """The parameters as JSON values, from which `read` makes them again."""
    values = {field.name: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}
    return {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in values.items()}


def _kind_of(hint: Any) -> tuple[type, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [each for each in typing.get_args(hint) if each is not types.NoneType]
        if len(kinds) == 1:
            return _kind_of(kinds[0])[0], True
    if hint in (int, str, bool, datetime.date):
        return hint, False
    raise TypeError(f"Operations cannot be given a {hint}.")


def _read_one(wanted: Parameter, value: Any) -> Scalar:
    if wanted.kind is bool:
        return _flag(value)
    if wanted.kind is int:
        return _whole(value)
    if wanted.kind is datetime.date:
        return _day(value)
    if not isinstance(value, str):
        raise ValueError("it must be a text")
    if wanted.choices and value not in wanted.choices:
        raise ValueError(f"it must be one of {', '.join(wanted.choices)}")
    return value


def _flag(value: Any) -> bool:
    found = {True: True, False: False, "true": True, "false": False, "yes": True, "no": False, "on": True}.get(value)
    if found is None:
        raise ValueError("it must be true or false")
    return found


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdecimal() and len(value) < 19:
        return int(value)
    raise ValueError("it must be a whole number")


def _day(value: Any) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("it must be a day such as 2026-03-31") from None
