"""The content of a message: the events that webhooks can receive, and the JSON for one."""

import datetime
import inspect
import json
import uuid
from dataclasses import dataclass
from typing import Any

from finance.events.base import BookEvent
from platform_outbox.events import Event, known_events, payload_of

# One name per event: the same message however often its event is handled, and another one in another installation.
_NAMESPACE = uuid.UUID("5d4f9d0a-7a63-4d6c-9a6e-0f2f0a1f7c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of a book with its number in the outbox and the moment of its emission."""

    event: BookEvent
    event_id: int
    at: datetime.datetime
    trace: str = ""  # the request that it came from


def announced_events() -> list[type[BookEvent]]:
    """The event types that webhooks can be told of: those of books, each in its newest version, by name."""
    newest = {cls.name: cls for cls in known_events() if issubclass(cls, BookEvent) and cls.announced}
    return [newest[name] for name in sorted(newest)]


def meaning_of(cls: type[Event]) -> str:
    """The first sentence that documents the event."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def message_id_of(happened: Happened) -> str:
    """A stable name of the event. The moment is in it because a restored database draws the same numbers again."""
    return f"msg_{uuid.uuid5(_NAMESPACE, f'{happened.event_id} {happened.at.isoformat()}').hex}"


def body_of(happened: Happened) -> str:
    """The JSON text of the message about an event; its data are the fields that docs/events.md names."""
    event = happened.event
    return written(
        message_id=message_id_of(happened),
        event_type=event.name,
        version=event.version,
        at=happened.at,
        book_id=event.book_id,
        data=payload_of(event),
    )


def written(
    *, message_id: str, event_type: str, version: int, at: datetime.datetime, book_id: int, data: dict[str, Any]
) -> str:
    """The JSON text of a message."""
    document = {
        "id": message_id,
        "type": event_type,
        "version": version,
        "timestamp": at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"),
        "book_id": book_id,
        "data": data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
