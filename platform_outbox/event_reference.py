"""The reference of all events, as Markdown."""

import inspect
from collections.abc import Iterable

from platform_outbox.events import Event, known_events, type_names
from platform_outbox.registry import handlers_of

HEAD = """\
# Events

Written by `manage.py events_docs` from the code; do not edit.

Every change emits its event in the transaction of the change. Handlers run after the commit, exactly once each, and in
the order of emission for events with the same ordering key. A payload carries ids and dates; read the rest from the
books. Fields are closed: an event with a field too many, too few, or of another type is set aside as a dead letter.
"""


def released_events() -> list[type[Event]]:
    """Every event type in its newest version, but for those of tests and benchmarks."""
    return [cls for cls in known_events() if not _is_test(cls.__module__)]


def catalogue() -> str:
    """The text of docs/events.md. Event types and handlers of test packages are left out."""
    events = released_events()
    return "\n".join([HEAD, *_overview(events), *(line for cls in events for line in _entry(cls))])


def _overview(events: Iterable[type[Event]]) -> Iterable[str]:
    yield "| event | version | when | handled by |"
    yield "|---|---|---|---|"
    for cls in events:
        yield f"| [`{cls.name}`](#{_anchor(cls)}) | {cls.version} | {_meaning(cls)} | {_handlers(cls)} |"
    yield ""


def _entry(cls: type[Event]) -> Iterable[str]:
    yield f"## {cls.name}"
    yield ""
    yield f"{_meaning(cls)} Version {cls.version}, `{cls.__module__}.{cls.__qualname__}`."
    yield ""
    yield "| field | type |"
    yield "|---|---|"
    for field, kind in type_names(cls).items():
        yield f"| `{field}` | {kind} |"
    yield ""


def _handlers(cls: type[Event]) -> str:
    names = [handler.name for handler in handlers_of(cls.name) if not _is_test(handler.function.__module__)]
    return ", ".join(f"`{name}`" for name in names) or "–"


def _meaning(cls: type[Event]) -> str:
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def _anchor(cls: type[Event]) -> str:
    return cls.name.replace(".", "")


def _is_test(module: str) -> bool:
    return ".tests." in module or module.startswith("bench")
