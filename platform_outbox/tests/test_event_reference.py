import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from platform_outbox import event_reference
from platform_outbox.event_reference import catalogue
from platform_outbox.tests.probe.events import Grown, Ticked

pytestmark = pytest.mark.outbox


def test_the_page_of_events_tells_what_the_code_does():
    call_command("events_docs", "--check")


def test_the_catalogue_names_fields_and_leaves_out_tests():
    text = catalogue()
    assert "| `entry_ids` | list of int |" in text
    assert "| `through` | date or null |" in text
    assert "probe." not in text


def test_events_of_every_released_version_can_still_be_read():
    assert event_reference.problems(Path(settings.BASE_DIR) / "docs" / "events") == []


@pytest.fixture
def house(monkeypatch, tmp_path):
    """A house with two events, both released."""
    monkeypatch.setattr(event_reference, "released_events", lambda: [Grown, Ticked])
    event_reference.write_missing(tmp_path)
    older = {"event": Grown.name, "version": 2, "fields": {}, "payload": {"key": "a", "number": 1, "size": 2}}
    (tmp_path / "probe.tree.grown.v2.json").write_text(json.dumps(older))
    assert event_reference.problems(tmp_path) == []
    return tmp_path


def test_a_sample_that_is_there_is_not_written_again(house):
    (house / "probe.clock.ticked.v1.json").unlink()
    before = (house / "probe.tree.grown.v3.json").read_text()
    assert [path.name for path in event_reference.write_missing(house)] == ["probe.clock.ticked.v1.json"]
    assert (house / "probe.tree.grown.v3.json").read_text() == before


def test_a_new_version_wants_a_sample(house):
    (house / "probe.tree.grown.v3.json").unlink()
    (told,) = event_reference.problems(house)
    assert told == (
        "probe.tree.grown version 3 has no sample. Run manage.py events_docs and commit probe.tree.grown.v3.json."
    )


def test_a_change_without_a_new_version_is_told_with_the_way_out(house):
    path = house / "probe.clock.ticked.v1.json"
    sample = json.loads(path.read_text())
    sample["fields"] = {"key": "str", "number": "decimal", "colour": "str"}
    path.write_text(json.dumps(sample))
    (told,) = event_reference.problems(house)
    assert "probe.clock.ticked has changed (number was decimal, colour was str)" in told
    assert "Give Ticked `version: ClassVar[int] = 2`" in told
    assert '`@upcast("probe.clock.ticked", from_version=1)`' in told


def test_an_old_payload_that_can_be_read_no_more_is_told(house):
    path = house / "probe.tree.grown.v2.json"
    path.write_text(path.read_text().replace("size", "length"))
    (told,) = event_reference.problems(house)
    assert told.startswith("probe.tree.grown.v2.json, as released, cannot be read any more: ")


def test_an_event_that_was_released_cannot_just_go(house, monkeypatch):
    monkeypatch.setattr(event_reference, "released_events", lambda: [Grown])
    (told,) = event_reference.problems(house)
    assert "probe.clock.ticked is defined no more" in told
