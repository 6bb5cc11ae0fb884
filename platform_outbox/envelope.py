"""What an event is: a frozen, versioned dataclass with a dotted name and an ordering key.

The payload is JSON; the fields' types say how each value is written and read back, so that a date comes out as a
date and a tuple as a tuple. Reading is strict: a field too many, too few or of another type is an error, because a
handler that runs on half an event does quiet damage.
"""

import dataclasses
import datetime
import decimal
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

Convert: TypeAlias = Callable[[Any], Any]

# (event name, version) → class. Filled when the classes are defined.
_known: dict[tuple[str, int], type["Event"]] = {}


class EnvelopeError(ValueError):
    """Base of everything that keeps a stored event from becoming an object again."""


class UnknownEvent(EnvelopeError):
    """No code here defines this event type in this version."""


class MalformedEvent(EnvelopeError):
    """The payload does not have the fields that the event type declares."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Subclasses add fields of JSON-able types, dates, or tuples of them."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Two-argument super() does not survive the class being rebuilt for slots.
        super(Event, cls).__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _remember(cls)

    @property
    def ordering_key(self) -> str:
        """Events with equal keys are handled in the order in which they were emitted."""
        raise NotImplementedError


def known_events() -> list[type[Event]]:
    """Every event class that has been defined, by name and version."""
    return [_known[key] for key in sorted(_known)]


def payload_of(event: Event) -> dict[str, Any]:
    """The event's fields as JSON-able values; raises MalformedEvent for a value that is not of its field's type."""
    payload = {}
    for field, codec in _codecs(type(event)).items():
        try:
            payload[field] = codec.encode(getattr(event, field))
        except (TypeError, ValueError, AttributeError) as error:
            raise MalformedEvent(f"{event.name}.{field}: {error}") from error
    return payload


def event_from(*, name: str, version: int, payload: Mapping[str, Any]) -> Event:
    """The event that was stored under this name and version; raises UnknownEvent or MalformedEvent."""
    cls = _known.get((name, version))
    if cls is None:
        raise UnknownEvent(_unknown(name, version))
    codecs = _codecs(cls)
    if payload.keys() - codecs.keys():
        raise MalformedEvent(f"{name} has no field {_listed(payload.keys() - codecs.keys())}.")
    if codecs.keys() - payload.keys():
        raise MalformedEvent(f"{name} lacks its field {_listed(codecs.keys() - payload.keys())}.")
    values = {}
    for field, codec in codecs.items():
        try:
            values[field] = codec.decode(payload[field])
        except (TypeError, ValueError, AttributeError) as error:
            raise MalformedEvent(f"{name}.{field}: {error}") from error
    return cls(**values)


def type_names(cls: type[Event]) -> dict[str, str]:
    """Field → type as a reader of the documentation wants to see it."""
    return {field: codec.label for field, codec in _codecs(cls).items()}


@dataclasses.dataclass(frozen=True, slots=True)
class _Codec:
    label: str
    encode: Convert
    decode: Convert


_codecs_by_class: dict[type[Event], dict[str, _Codec]] = {}


def _remember(cls: type[Event]) -> None:
    key = (cls.name, cls.version)
    there = _known.get(key)
    # The dataclass decorator builds a class with slots a second time, under the same name.
    if there is not None and (there.__module__, there.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(f"{cls.name} version {cls.version} is defined by {there!r} and by {cls!r}.")
    _known[key] = cls


def _unknown(name: str, version: int) -> str:
    versions = [str(known) for other, known in sorted(_known) if other == name]
    if not versions:
        return f"No event is called {name} here."
    return f"{name} is known here in version {', '.join(versions)}, not in version {version}."


def _listed(names: typing.Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _codecs(cls: type[Event]) -> dict[str, _Codec]:
    codecs = _codecs_by_class.get(cls)
    if codecs is None:
        hints = typing.get_type_hints(cls)
        codecs = {field.name: _codec_for(hints[field.name]) for field in dataclasses.fields(cls)}
        _codecs_by_class[cls] = codecs
    return codecs


def _codec_for(hint: Any) -> _Codec:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _tuple_of(_codec_for(arguments[0]))
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and types.NoneType in arguments:
        return _optional(_codec_for(next(argument for argument in arguments if argument is not types.NoneType)))
    raise TypeError(f"Events cannot carry fields of type {hint}.")


def _exactly(kind: type) -> Convert:
    def check(value: Any) -> Any:
        # bool is a subclass of int; True must not pass for an id.
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not of type {kind.__name__}.")
        return value

    return check


def _text(value: Any) -> str:
    """A member of a text enumeration is a str as well; what it stands for is what travels."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not of type str.")
    return str.__str__(value)


def _as_text(kind: type, write: Convert) -> Convert:
    def encode(value: Any) -> str:
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} is not of type {kind.__name__}.")
        text: str = write(value)
        return text

    return encode


def _plain(kind: type) -> _Codec:
    return _Codec(label=kind.__name__, encode=_exactly(kind), decode=_exactly(kind))


def _tuple_of(item: _Codec) -> _Codec:
    def encode(value: Any) -> list[Any]:
        if not isinstance(value, tuple):
            raise TypeError(f"{value!r} is not a tuple.")
        return [item.encode(each) for each in value]

    def decode(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is not a list.")
        return tuple(item.decode(each) for each in value)

    return _Codec(label=f"list of {item.label}", encode=encode, decode=decode)


def _optional(inner: _Codec) -> _Codec:
    return _Codec(
        label=f"{inner.label} or null",
        encode=lambda value: None if value is None else inner.encode(value),
        decode=lambda value: None if value is None else inner.decode(value),
    )


def _date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(_exactly(str)(text))


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(_exactly(str)(text))


def _decimal(text: str) -> decimal.Decimal:
    try:
        return decimal.Decimal(_exactly(str)(text))
    except decimal.InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number.") from None


_SIMPLE: dict[Any, _Codec] = {
    int: _plain(int),
    str: _Codec("str", _text, _exactly(str)),
    bool: _plain(bool),
    datetime.date: _Codec("date", _as_text(datetime.date, datetime.date.isoformat), _date),
    datetime.datetime: _Codec("date and time", _as_text(datetime.datetime, datetime.datetime.isoformat), _moment),
    decimal.Decimal: _Codec("decimal", _as_text(decimal.Decimal, str), _decimal),
    uuid.UUID: _Codec("uuid", _as_text(uuid.UUID, str), lambda text: uuid.UUID(_exactly(str)(text))),
}
