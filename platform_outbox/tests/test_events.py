import dataclasses
import datetime
import decimal
import uuid
from typing import ClassVar

import pytest

from platform_outbox.events import Event, MalformedEvent, event_from, known_events, payload_of, type_names
from platform_outbox.retry import delay_before
from platform_outbox.timing import LONGEST_RETRY

pytestmark = pytest.mark.outbox


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EverythingHappened(Event):
    name: ClassVar[str] = "probe.everything.happened"
    whole: int
    text: str
    flag: bool
    day: datetime.date
    moment: datetime.datetime
    amount: decimal.Decimal
    uid: uuid.UUID
    days: tuple[datetime.date, ...]
    maybe: int | None
    maybe_days: tuple[datetime.date, ...] | None


SAMPLE = EverythingHappened(
    whole=1,
    text="ä",
    flag=True,
    day=datetime.date(2026, 2, 28),
    moment=datetime.datetime(2026, 2, 28, 23, 59, tzinfo=datetime.UTC),
    amount=decimal.Decimal("12.30"),
    uid=uuid.UUID(int=7),
    days=(datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)),
    maybe=None,
    maybe_days=(datetime.date(2026, 1, 1),),
)


def load(payload):
    return event_from(name=EverythingHappened.name, version=1, payload=payload)


def test_an_event_comes_back_as_it_was_written():
    assert load(payload_of(SAMPLE)) == SAMPLE
    assert payload_of(SAMPLE)["days"] == ["2026-01-01", "2026-01-02"]


def test_every_event_of_the_code_has_fields_that_can_be_written():
    for cls in known_events():
        assert type_names(cls)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("whole", "1"),
        ("whole", True),
        ("whole", 1.0),
        ("text", None),
        ("flag", 1),
        ("day", "28.02.2026"),
        ("day", 20260228),
        ("amount", 12.3),
        ("amount", "twelve"),
        ("uid", "7"),
        ("days", "2026-01-01"),
        ("days", [None]),
        ("maybe", "x"),
    ],
)
def test_a_value_of_another_type_is_refused(field, value):
    with pytest.raises(MalformedEvent, match=field):
        load({**payload_of(SAMPLE), field: value})


def test_a_value_of_another_type_cannot_be_emitted():
    with pytest.raises(MalformedEvent, match=r"probe\.everything\.happened\.whole"):
        payload_of(dataclasses.replace(SAMPLE, whole="1"))


def test_two_classes_cannot_claim_one_name():
    with pytest.raises(TypeError, match=r"probe\.everything\.happened"):

        class Impostor(Event):
            name = "probe.everything.happened"


def test_waits_grow_and_end_at_an_hour(settings, monkeypatch):
    settings.WORKER_BACKOFF_SECONDS, settings.OUTBOX_BACKOFF_MULTIPLIER = 5, 2
    monkeypatch.setattr("random.uniform", lambda lowest, highest: highest)
    waits = [delay_before(attempt=n) for n in range(2, 40)]
    assert [round(wait) for wait in waits[:4]] == [5, 10, 20, 40]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY
    settings.OUTBOX_BACKOFF_MULTIPLIER = 10
    monkeypatch.setattr("random.uniform", lambda lowest, highest: lowest)
    assert delay_before(attempt=500) == LONGEST_RETRY / 2
