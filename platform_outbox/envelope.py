"""What an event is: a frozen, versioned dataclass with a dotted name and an ordering key."""

import dataclasses
import datetime
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Subclasses add fields of JSON-able types, dates, or tuples of them."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def ordering_key(self) -> str:
        """Events with equal keys are handled in the order in which they were emitted."""
        raise NotImplementedError


def payload_of(event: Event) -> dict[str, Any]:
    """The event's fields as JSON-able values."""
    return {field.name: _encode(getattr(event, field.name)) for field in dataclasses.fields(event)}


def _encode(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value
