"""Events of other releases: older ones are raised to the newest version, newer ones wait for a worker that knows them."""

import datetime
import json

import pytest
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import events, testing
from platform_outbox.emit import emit, health, shard_of
from platform_outbox.events import MalformedEvent, NotYetKnown, UnknownEvent, event_from, upcast
from platform_outbox.models import Attempt, OutboxMessage
from platform_outbox.periodic import requeue_known
from platform_outbox.processing.claim import UnknownEvents
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Grown, Ticked
from platform_outbox.tests.probe.models import Effect

pytestmark = pytest.mark.outbox

NAME = Grown.name


def load(version, **payload):
    return event_from(name=NAME, version=version, payload={"key": "a", "number": 1, **payload})


def store(*, name=NAME, version, payload, key="a", age=0):
    """A row as another release has written it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)"
            " SELECT %s, %s, %s, %s, %s, at, at FROM (SELECT statement_timestamp() - %s * interval '1 s') AS t (at)"
            " RETURNING id",
            [name, version, key, shard_of(key), json.dumps({"key": key, **payload}), age],
        )
        return cursor.fetchone()[0]


def effects(key="a"):
    found = Effect.objects.filter(key=key).order_by("id")
    return [(effect.handler.removeprefix("probe."), effect.number) for effect in found]


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("status", flat=True))


def test_a_payload_of_any_older_version_becomes_an_event_of_the_newest():
    assert load(1) == Grown(key="a", number=1, centimetres=0)
    assert load(2, size=3) == Grown(key="a", number=1, centimetres=300)
    assert load(3, centimetres=7) == Grown(key="a", number=1, centimetres=7)


def test_the_stored_payload_is_not_changed_by_the_way_up():
    stored = {"key": "a", "number": 1, "size": 3}
    event_from(name=NAME, version=2, payload=stored)
    assert stored == {"key": "a", "number": 1, "size": 3}


def test_a_payload_that_does_not_fit_its_version_says_at_which_step():
    with pytest.raises(MalformedEvent, match=r"from version 2 into 3: KeyError: 'size'"):
        load(2)


def test_a_step_that_nobody_wrote_is_told():
    with pytest.raises(UnknownEvent, match="nothing turns its version 0 into version 1"):
        load(0)


@pytest.mark.parametrize(("name", "version"), [(NAME, 4), ("probe.never.heard", 1)])
def test_what_only_a_newer_release_can_know_is_told_apart(name, version):
    with pytest.raises(NotYetKnown):
        event_from(name=name, version=version, payload={})


@pytest.mark.parametrize("payload", [[], None, "text", 1])
def test_a_payload_that_is_no_object_is_malformed(payload):
    with pytest.raises(MalformedEvent, match="is not an object"):
        event_from(name=NAME, version=3, payload=payload)


def test_two_functions_cannot_raise_the_same_version(monkeypatch):
    monkeypatch.setattr(events, "_upcasters", dict(events._upcasters))
    with pytest.raises(TypeError, match="version 1 is turned into the next by"):

        @upcast(NAME, from_version=1)
        def another(payload):
            return payload


@pytest.mark.django_db
def test_handlers_get_the_newest_version_of_old_events():
    store(version=1, payload={"number": 1})
    store(version=2, payload={"number": 2, "size": 2})
    testing.drain()
    assert effects() == [("grow 0", 1), ("grow 200", 2)]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "version"), [(NAME, 4), ("probe.never.heard", 1)])
def test_an_event_of_a_newer_release_waits_and_its_key_behind_it(name, version):
    newer = store(name=name, version=version, payload={"number": 1, "depth": 5})
    with transaction.atomic():
        emit(Ticked(key="a", number=2))
        emit(Ticked(key="b", number=3))
    testing.drain()
    testing.drain(now=timezone.now() + datetime.timedelta(minutes=5))
    assert (effects("a"), effects("b")) == ([], [("tick", 3)])
    row = OutboxMessage.objects.get(pk=newer)
    assert (row.status, row.attempts, row.error) == ("pending", 0, "")
    assert not Attempt.objects.exists()
    # The upgraded worker reads it.
    OutboxMessage.objects.filter(pk=newer).update(
        event_type=NAME, event_version=3, payload={"key": "a", "number": 1, "centimetres": 5}
    )
    testing.drain()
    assert effects("a") == [("grow 5", 1), ("tick", 2)]
    assert states() == ["sent"] * 3


@pytest.mark.django_db
def test_events_of_a_newer_release_do_not_fill_the_batches():
    newer, shard = UnknownEvents(), shard_of("a")
    neighbour = next(f"n{number}" for number in range(1000) if shard_of(f"n{number}") == shard)
    for number in range(7):
        store(version=4, payload={"number": number})
    with transaction.atomic():
        emit(Ticked(key=neighbour, number=1))
    turns = [process_batch(shard=shard, batch_size=3, unknown_events=newer) for _ in range(3)]
    assert [(turn.handled, turn.more) for turn in turns] == [(1, True), (0, False), (0, False)]
    assert effects(neighbour) == [("tick", 1)]
    assert states() == ["pending"] * 7 + ["sent"]


@pytest.mark.django_db
def test_after_a_quarter_of_an_hour_nobody_waits_for_it_any_more_and_an_upgraded_worker_takes_it_up_again():
    newer = store(version=4, payload={"number": 1}, age=16 * 60)
    with transaction.atomic():
        emit(Ticked(key="a", number=2))
    testing.drain(raise_errors=False)
    assert effects() == [("tick", 2)]
    row = OutboxMessage.objects.get(pk=newer)
    assert row.error == "NotYetKnown: probe.tree.grown is known here up to version 3, not in version 4."
    assert row.status == "dead"
    requeue_known(None)
    assert states() == ["dead", "sent"]
    OutboxMessage.objects.filter(pk=newer).update(event_version=3, payload={"key": "a", "number": 1, "centimetres": 5})
    requeue_known(None)
    testing.drain()
    assert effects() == [("tick", 2), ("grow 5", 1)]
    assert states() == ["sent", "sent"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["in-process"])
def test_two_releases_at_work_side_by_side_lose_nothing_and_keep_the_order(pool):
    old = pool.start_command(PROBE_RELEASE="old", WORKER_POLL_INTERVAL=600)
    with transaction.atomic():
        for number in range(0, 30, 3):
            store(version=3, payload={"number": number, "centimetres": number})
            store(version=1, payload={"number": number + 1})
            emit(Ticked(key="a", number=number + 2))
            emit(Ticked(key="b", number=number + 2))
    wait_for(lambda: len(effects("b")) == 10, what="what the old release knows of another key")
    assert effects("a") == []
    assert health().dead == 0
    pool.start(1, WORKER_POLL_INTERVAL=600)
    wait_for(lambda: health().pending == 0, what="the end of the queue")
    assert old.poll() is None
    expected = []
    for number in range(0, 30, 3):
        expected += [number, number + 1, number + 2]
    assert [number for _, number in effects("a")] == expected
    assert set(states()) == {"sent"}
    assert not Attempt.objects.exists()
