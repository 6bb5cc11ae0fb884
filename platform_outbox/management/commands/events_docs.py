"""docs/events.md, written from the code, and one stored payload of every version of an event that was ever released.

The stored payloads are the proof that events of older releases can still be read (tests/test_event_reference.py), and
what a reader of webhooks may expect. A file is written for a version that has none, and never changed.
"""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from platform_outbox.events import Event, known_events, type_names
from platform_outbox.registry import handlers_of

PAGE = "docs/events.md"
SAMPLES = "docs/events"
HEAD = """\
# Events

Written by `manage.py events_docs` from the code; do not edit.

Every change emits its event in the transaction of the change. Handlers run after the commit, exactly once each, and in
the order of emission for events with the same ordering key. A payload carries ids and dates; read the rest from the
books. Fields are closed: an event with a field too many, too few, or of another type is set aside as a dead letter.
"""


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


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Write docs/events.md from the event types and handlers of the code, and samples of new versions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help=_("Only tell whether the page is up to date."))

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.BASE_DIR) / PAGE
        text = catalogue()
        if not options["check"]:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")
            for path in write_missing(Path(settings.BASE_DIR) / SAMPLES):
                self.stdout.write(f"{SAMPLES}/{path.name}")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            raise CommandError(_("%s is out of date; run manage.py events_docs.") % PAGE)


def released_events() -> list[type[Event]]:
    """Every event type in its newest version, but for those of tests and benchmarks."""
    return [cls for cls in known_events() if not _is_test(cls.__module__)]


def _is_test(module: str) -> bool:
    return ".tests." in module or module.startswith("bench")


def catalogue() -> str:
    """The text of docs/events.md. Event types and handlers of test packages are left out."""
    return "\n".join([HEAD, *_lines(released_events())])


def _lines(events: list[type[Event]]) -> Iterator[str]:
    meanings = {cls: " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()) for cls in events}
    yield "| event | version | when | handled by |"
    yield "|---|---|---|---|"
    for cls in events:
        names = [handler.name for handler in handlers_of(cls.name) if not _is_test(handler.function.__module__)]
        handlers = ", ".join(f"`{name}`" for name in names) or "–"
        yield f"| [`{cls.name}`](#{cls.name.replace('.', '')}) | {cls.version} | {meanings[cls]} | {handlers} |"
    yield ""
    for cls in events:
        yield from (f"## {cls.name}", "")
        yield from (f"{meanings[cls]} Version {cls.version}, `{cls.__module__}.{cls.__qualname__}`.", "")
        yield from ("| field | type |", "|---|---|")
        yield from (f"| `{field}` | {kind} |" for field, kind in type_names(cls).items())
        yield ""


def file_name(cls: type[Event]) -> str:
    return f"{cls.name}.v{cls.version}.json"


def write_missing(directory: Path) -> list[Path]:
    """Write a sample of each event's newest version that has none; returns the new files."""
    directory.mkdir(parents=True, exist_ok=True)
    new = []
    for cls in released_events():
        path, fields = directory / file_name(cls), type_names(cls)
        if path.exists():
            continue
        payload = {field: _value(kind) for field, kind in fields.items()}
        sample = {"event": cls.name, "version": cls.version, "fields": fields, "payload": payload}
        path.write_text(f"{json.dumps(sample, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
        new.append(path)
    return new


def _value(kind: str) -> Any:
    if kind.startswith("list of "):
        return [_value(kind.removeprefix("list of "))]
    return _VALUES[kind.removesuffix(" or null")]
