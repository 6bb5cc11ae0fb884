"""The reference of all events, as Markdown, and one stored payload of every version that was ever released.

They are the proof that events of older releases can still be read, and what a reader of webhooks may expect.
`manage.py events_docs` writes a file for a version that has none, and never changes one that is there.
"""

import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from platform_outbox.events import EnvelopeError, Event, event_from, known_events, type_names
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


# By the name that type_names() gives a field's type.
_VALUES: dict[str, Any] = {
    "int": 1,
    "str": "text",
    "bool": True,
    "date": "2026-02-28",
    "date and time": "2026-02-28T23:59:00+00:00",
    "decimal": "12.30",
    "uuid": "00000000-0000-4000-8000-000000000007",
}


def write_missing(directory: Path) -> list[Path]:
    """Write a sample of each event's newest version that has none; returns the new files."""
    directory.mkdir(parents=True, exist_ok=True)
    new = [path for cls in released_events() if not (path := directory / _file_name(cls)).exists()]
    for cls in released_events():
        if directory / _file_name(cls) in new:
            text = json.dumps(_sample(cls), indent=2, ensure_ascii=False)
            (directory / _file_name(cls)).write_text(f"{text}\n", encoding="utf-8")
    return new


def problems(directory: Path) -> list[str]:
    """What keeps an event of a released version from being read, and what has been changed without a new version."""
    samples = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))}
    newest = {cls.name: cls for cls in released_events()}
    found = [_missing(cls) for cls in newest.values() if _file_name(cls) not in samples]
    for file_name, sample in samples.items():
        cls = newest.get(sample["event"])
        if cls is None:
            found.append(_gone(file_name, sample))
        elif sample["version"] == cls.version and sample["fields"] != type_names(cls):
            found.append(_changed(cls, sample))
        else:
            found += _unreadable(file_name, sample)
    return found


def _sample(cls: type[Event]) -> dict[str, Any]:
    fields = type_names(cls)
    payload = {field: _value(kind) for field, kind in fields.items()}
    return {"event": cls.name, "version": cls.version, "fields": fields, "payload": payload}


def _value(kind: str) -> Any:
    if kind.startswith("list of "):
        return [_value(kind.removeprefix("list of "))]
    return _VALUES[kind.removesuffix(" or null")]


def _file_name(cls: type[Event]) -> str:
    return f"{cls.name}.v{cls.version}.json"


def _missing(cls: type[Event]) -> str:
    return f"{cls.name} version {cls.version} has no sample. Run manage.py events_docs and commit {_file_name(cls)}."


def _gone(file_name: str, sample: dict[str, Any]) -> str:
    return (
        f"{sample['event']} is defined no more: events of it that still wait would become dead letters. Keep the class"
        f" until a release has gone by in which nobody emits it; then delete {file_name}."
    )


def _changed(cls: type[Event], sample: dict[str, Any]) -> str:
    now, then = type_names(cls), sample["fields"]
    told = [f"{name} was {kind}" for name, kind in then.items() if now.get(name) != kind]
    told += [f"{name} is new" for name in now if name not in then]
    version = cls.version
    return (
        f"{cls.name} has changed ({', '.join(told)}) but still calls itself version {version}, of which events may be"
        f" stored. Give {cls.__qualname__} `version: ClassVar[int] = {version + 1}`, write beside it"
        f' `@upcast("{cls.name}", from_version={version})`, a function that makes the new payload from the old one, and'
        f" run manage.py events_docs. If version {version} was never released, delete {_file_name(cls)} first instead."
    )


def _unreadable(file_name: str, sample: dict[str, Any]) -> list[str]:
    try:
        event_from(name=sample["event"], version=sample["version"], payload=sample["payload"])
    except EnvelopeError as error:
        return [f"{file_name}, as released, cannot be read any more: {error}"]
    return []
