"""What an event is: a frozen, versioned dataclass with a dotted name and an ordering key.

The payload is JSON; the fields' types say how each value is written and read back, so that a date comes out as a
date and a tuple as a tuple. Reading is strict: a field too many, too few or of another type is an error, because a
handler that runs on half an event does quiet damage.
"""

import dataclasses
import datetime
import decimal
import hashlib
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeAlias, TypeVar

Convert: TypeAlias = Callable[[Any], Any]

LONGEST_KEY = 120  # characters
LONGEST_TRACE = 64

# After its emission an event may wait so long for a worker that knows it. Then it becomes a dead letter.
UPGRADE_PATIENCE = datetime.timedelta(minutes=15)

# A payload as it was stored → as the next version has it.
Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
AnyUpcaster = TypeVar("AnyUpcaster", bound=Upcaster)

# Imports the events of every app, where that has not been done (apps.py): this module knows of no apps.
import_all: Callable[[], object] = bool
# (event name, version) → class. Filled when the classes are defined.
_known: dict[tuple[str, int], type["Event"]] = {}
_newest: dict[str, type["Event"]] = {}
# (event name, version) → what makes the next version of its payload.
_upcasters: dict[tuple[str, int], Upcaster] = {}


class EnvelopeError(ValueError):
    """Base of everything that keeps a stored event from becoming an object again."""


class UnknownEvent(EnvelopeError):
    """No code here can read this event type in this version."""


class NotYetKnown(UnknownEvent):
    """The event type, or its version, is none that this code has heard of; a newer release may.

    While two releases run side by side such an event is left to the newer one, for at most UPGRADE_PATIENCE.
    """


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
        if "name" not in cls.__dict__:
            return
        # The dataclass decorator builds a class with slots a second time, under the same name.
        there = _known.setdefault((cls.name, cls.version), cls)
        if (there.__module__, there.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.name} version {cls.version} is defined by {there!r} and by {cls!r}.")
        _known[cls.name, cls.version] = cls
        if cls.name not in _newest or _newest[cls.name].version <= cls.version:
            _newest[cls.name] = cls

    @property
    def ordering_key(self) -> str:
        """Events with equal keys are handled in the order in which they were emitted."""
        raise NotImplementedError


# What `current_trace` tells.
TRACE: ContextVar[str] = ContextVar("platform_outbox_trace", default="")


def current_trace() -> str:
    """The request that this thread is working for, as the logs name it; empty for what no request began.

    An event carries the trace of its change, and what a handler emits carries that of the event that it handles.
    """
    return TRACE.get()


@contextmanager
def traced(trace: str) -> Iterator[None]:
    token = TRACE.set(trace[:LONGEST_TRACE])
    try:
        yield
    finally:
        TRACE.reset(token)


def kept_key(key: str) -> str:
    """An ordering key as the database keeps it: one that is too long for its column ends in a digest."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: LONGEST_KEY - len(digest) - 1]}~{digest}"


def upcast(name: str, *, from_version: int) -> Callable[[AnyUpcaster], AnyUpcaster]:
    """Let the decorated function turn a stored payload of `from_version` into one of the next version.

    It gets a dict that it may change, as JSON has it (dates are texts), and returns one. Each step is written once and
    stays: an event of version 1 goes through all of them, and handlers only ever see the newest version.
    """

    def register(function: AnyUpcaster) -> AnyUpcaster:
        there = _upcasters.setdefault((name, from_version), function)
        if (there.__module__, there.__qualname__) != (function.__module__, function.__qualname__):
            raise TypeError(f"{name} version {from_version} is turned into the next by {there!r} and by {function!r}.")
        return function

    return register


def known_events() -> list[type[Event]]:
    import_all()
    return [_newest[name] for name in sorted(_newest)]


def is_known(name: str, version: int) -> bool:
    """True unless `event_from` would raise NotYetKnown."""
    import_all()
    return name in _newest and version <= _newest[name].version


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
    """The event that was stored under this name and version, in its newest version; raises an EnvelopeError."""
    import_all()
    cls = _newest.get(name)
    if cls is None:
        raise NotYetKnown(f"No event is called {name} here.")
    if version > cls.version:
        raise NotYetKnown(f"{name} is known here up to version {cls.version}, not in version {version}.")
    if not isinstance(payload, Mapping):
        raise MalformedEvent(f"The payload of {name} is not an object.")
    for step in range(version, cls.version):
        payload = _raised(name, step, payload)
    codecs = _codecs_by_class.get(cls)
    if codecs is None:
        codecs = _codecs(cls)
    if payload.keys() != codecs.keys():
        strange, missing = payload.keys() - codecs.keys(), codecs.keys() - payload.keys()
        told = "has no field" if strange else "lacks its field"
        raise MalformedEvent(f"{name} {told} {', '.join(sorted(strange or missing))}.")
    values = {}
    for field, codec in codecs.items():
        value = payload[field]
        if type(value) is codec.exact:  # most fields: nothing to call for
            values[field] = value
            continue
        try:
            values[field] = codec.decode(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise MalformedEvent(f"{name}.{field}: {error}") from error
    return cls(**values)


def _raised(name: str, version: int, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    upcaster = _upcasters.get((name, version))
    if upcaster is None:
        raise UnknownEvent(f"{name} cannot be read: nothing turns its version {version} into version {version + 1}.")
    try:
        raised = upcaster(dict(payload))
    except Exception as error:
        raise MalformedEvent(
            f"{name} could not be turned from version {version} into {version + 1}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(raised, Mapping):
        raise MalformedEvent(f"What turns {name} from version {version} into {version + 1} returned no payload.")
    return raised


def type_names(cls: type[Event]) -> dict[str, str]:
    """Field → type as a reader of the documentation wants to see it."""
    return {field: codec.label for field, codec in _codecs(cls).items()}


@dataclasses.dataclass(frozen=True, slots=True)
class _Codec:
    label: str
    encode: Convert
    decode: Convert
    exact: type | None = None  # a value of this very type is read as it is


_codecs_by_class: dict[type[Event], dict[str, _Codec]] = {}


def _codecs(cls: type[Event]) -> dict[str, _Codec]:
    if cls not in _codecs_by_class:
        hints = typing.get_type_hints(cls)
        _codecs_by_class[cls] = {field.name: _codec_for(hints[field.name]) for field in dataclasses.fields(cls)}
    return _codecs_by_class[cls]


def _codec_for(hint: Any) -> _Codec:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        item, check = _codec_for(arguments[0]), _exactly(list)
        return _Codec(
            label=f"list of {item.label}",
            encode=_written(tuple, lambda value: [item.encode(each) for each in value]),
            decode=lambda value: tuple(item.decode(each) for each in check(value)),
        )
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and types.NoneType in arguments:
        inner = _codec_for(next(argument for argument in arguments if argument is not types.NoneType))
        return _Codec(
            label=f"{inner.label} or null",
            encode=lambda value: None if value is None else inner.encode(value),
            decode=lambda value: None if value is None else inner.decode(value),
        )
    raise TypeError(f"Events cannot carry fields of type {hint}.")


def _exactly(kind: type) -> Convert:
    def check(value: Any) -> Any:
        # bool is a subclass of int; True must not pass for an id.
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not of type {kind.__name__}.")
        return value

    return check


def _written(kind: type, write: Convert) -> Convert:
    def encode(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} is not of type {kind.__name__}.")
        return write(value)

    return encode


def _read(read: Convert) -> Convert:
    check = _exactly(str)
    return lambda value: read(check(value))


def _decimal(text: str) -> decimal.Decimal:
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number.") from None


_SIMPLE: dict[Any, _Codec] = {
    int: _Codec("int", _exactly(int), _exactly(int), int),
    # A member of a text enumeration is a str as well; what it stands for is what travels.
    str: _Codec("str", _written(str, str.__str__), _exactly(str), str),
    bool: _Codec("bool", _exactly(bool), _exactly(bool), bool),
    datetime.date: _Codec("date", _written(datetime.date, datetime.date.isoformat), _read(datetime.date.fromisoformat)),
    datetime.datetime: _Codec(
        "date and time",
        _written(datetime.datetime, datetime.datetime.isoformat),
        _read(datetime.datetime.fromisoformat),
    ),
    decimal.Decimal: _Codec("decimal", _written(decimal.Decimal, str), _read(_decimal)),
    uuid.UUID: _Codec("uuid", _written(uuid.UUID, str), _read(uuid.UUID)),
}
