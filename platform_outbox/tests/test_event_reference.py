import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from platform_outbox.events import EnvelopeError, Event, event_from, type_names
from platform_outbox.management.commands import events_docs
from platform_outbox.management.commands.events_docs import catalogue, file_name
from platform_outbox.tests.probe.events import Grown, Ticked

pytestmark = pytest.mark.outbox


def problems(directory: Path) -> list[str]:
    """What keeps an event of a released version from being read, and what has been changed without a new version."""
    samples = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))}
    newest = {cls.name: cls for cls in events_docs.released_events()}
    found = [_missing(cls) for cls in newest.values() if file_name(cls) not in samples]
    for name, sample in samples.items():
        cls = newest.get(sample["event"])
        if cls is None:
            found.append(_gone(name, sample))
        elif sample["version"] == cls.version and sample["fields"] != type_names(cls):
            found.append(_changed(cls, sample))
        else:
            found += _unreadable(name, sample)
    return found


def _missing(cls: type[Event]) -> str:
    return f"{cls.name} version {cls.version} has no sample. Run manage.py events_docs and commit {file_name(cls)}."


def _gone(name: str, sample: dict[str, Any]) -> str:
    return (
        f"{sample['event']} is defined no more: events of it that still wait would become dead letters. Keep the class"
        f" until a release has gone by in which nobody emits it; then delete {name}."
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
        f" run manage.py events_docs. If version {version} was never released, delete {file_name(cls)} first instead."
    )


def _unreadable(name: str, sample: dict[str, Any]) -> list[str]:
    try:
        event_from(name=sample["event"], version=sample["version"], payload=sample["payload"])
    except EnvelopeError as error:
        return [f"{name}, as released, cannot be read any more: {error}"]
    return []


def test_the_page_of_events_tells_what_the_code_does():
    call_command("events_docs", "--check")


def test_the_catalogue_names_fields_and_leaves_out_tests():
    text = catalogue()
    assert "| `entry_ids` | list of int |" in text
    assert "| `through` | date or null |" in text
    assert "probe." not in text


def test_events_of_every_released_version_can_still_be_read():
    assert problems(Path(settings.BASE_DIR) / "docs" / "events") == []


@pytest.fixture
def house(monkeypatch, tmp_path):
    """A house with two events, both released."""
    monkeypatch.setattr(events_docs, "released_events", lambda: [Grown, Ticked])
    events_docs.write_missing(tmp_path)
    older = {"event": Grown.name, "version": 2, "fields": {}, "payload": {"key": "a", "number": 1, "size": 2}}
    (tmp_path / "probe.tree.grown.v2.json").write_text(json.dumps(older))
    assert problems(tmp_path) == []
    return tmp_path


def test_a_sample_that_is_there_is_not_written_again(house):
    (house / "probe.clock.ticked.v1.json").unlink()
    before = (house / "probe.tree.grown.v3.json").read_text()
    assert [path.name for path in events_docs.write_missing(house)] == ["probe.clock.ticked.v1.json"]
    assert (house / "probe.tree.grown.v3.json").read_text() == before


def test_a_new_version_wants_a_sample(house):
    (house / "probe.tree.grown.v3.json").unlink()
    (told,) = problems(house)
    assert told == (
        "probe.tree.grown version 3 has no sample. Run manage.py events_docs and commit probe.tree.grown.v3.json."
    )


def test_a_change_without_a_new_version_is_told_with_the_way_out(house):
    path = house / "probe.clock.ticked.v1.json"
    sample = json.loads(path.read_text())
    sample["fields"] = {"key": "str", "number": "decimal", "colour": "str"}
    path.write_text(json.dumps(sample))
    (told,) = problems(house)
    assert "probe.clock.ticked has changed (number was decimal, colour was str)" in told
    assert "Give Ticked `version: ClassVar[int] = 2`" in told
    assert '`@upcast("probe.clock.ticked", from_version=1)`' in told


def test_an_old_payload_that_can_be_read_no_more_is_told(house):
    path = house / "probe.tree.grown.v2.json"
    path.write_text(path.read_text().replace("size", "length"))
    (told,) = problems(house)
    assert told.startswith("probe.tree.grown.v2.json, as released, cannot be read any more: ")


def test_an_event_that_was_released_cannot_just_go(house, monkeypatch):
    monkeypatch.setattr(events_docs, "released_events", lambda: [Grown])
    (told,) = problems(house)
    assert "probe.clock.ticked is defined no more" in told
