import datetime

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many, health, shard_of
from platform_outbox.models import Attempt, Delivery, OutboxMessage
from platform_outbox.processing import claim
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Forked, Poured, Ticked, Unheard
from platform_outbox.tests.probe.handlers import ProbeError
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def effects(handler="probe.tick"):
    return [(e.key, e.number) for e in Effect.objects.filter(handler=handler).order_by("id")]


def states():
    return dict(OutboxMessage.objects.order_by("id").values_list("id", "status"))


def later(seconds=4000):
    return timezone.now() + datetime.timedelta(seconds=seconds)


def emit_now(event):
    with transaction.atomic():
        return emit(event)


@pytest.mark.django_db(transaction=True)
def test_emit_outside_a_transaction_raises():
    with pytest.raises(transaction.TransactionManagementError):
        emit(Ticked(key="a", number=1))
    with pytest.raises(transaction.TransactionManagementError):
        emit_many([Ticked(key="a", number=1)])
    assert not OutboxMessage.objects.exists()


def test_a_rolled_back_change_emits_nothing():
    with transaction.atomic():
        emit(Ticked(key="a", number=1))
        transaction.set_rollback(True)
    assert testing.drain() == 0
    assert effects() == []


def test_an_event_is_handled_once_and_marked_sent():
    event_id = emit_now(Ticked(key="a", number=1))
    assert testing.drain() == 1
    assert testing.drain() == 0
    row = OutboxMessage.objects.get(pk=event_id)
    assert (row.status, row.attempts, row.error) == ("sent", 1, "")
    assert row.finished_at is not None
    assert effects() == [("a", 1)]
    assert not Delivery.objects.exists()


def test_many_events_keep_their_order():
    with transaction.atomic():
        ids = emit_many([Ticked(key="a", number=n) for n in range(120)])
    assert ids == sorted(ids)
    assert testing.drain() == 120
    assert effects() == [("a", n) for n in range(120)]


def test_batch_handlers_get_their_events_together():
    with transaction.atomic():
        emit_many([Poured(key="a", number=n) for n in range(7)])
    turn = process_batch(shard=shard_of("a"), batch_size=5)
    assert (turn.handled, turn.more) == (5, True)
    assert effects("probe.pour") == [("a", n) for n in range(5)]


def test_an_event_without_handlers_is_done():
    event_id = emit_now(Unheard(key="a", number=1))
    testing.drain()
    assert states() == {event_id: "sent"}


def test_a_poison_event_hurts_only_itself():
    Fault.objects.create(handler="probe.tick", key="bad", number=3, times=-1)
    shard = shard_of("bad")
    neighbour = next(f"n{n}" for n in range(1000) if shard_of(f"n{n}") == shard)
    with transaction.atomic():
        emit_many([Ticked(key="bad" if n == 3 else neighbour, number=n) for n in range(10)])
    turn = process_batch(shard=shard)
    assert turn.handled == 10
    assert [type(error) for error in turn.errors] == [ProbeError]
    assert effects() == [(neighbour, n) for n in range(10) if n != 3]
    failed = OutboxMessage.objects.get(payload__number=3)
    assert (failed.status, failed.attempts, failed.error) == ("failed", 1, "ProbeError: bad 3 must fail")


def test_younger_events_of_a_sick_key_wait_and_then_come_in_order():
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=2)
    for number in range(4):
        emit_now(Ticked(key="a", number=number))
    testing.drain(raise_errors=False)
    assert effects() == [("a", 0)]
    assert list(states().values()) == ["sent", "failed", "pending", "pending"]
    assert testing.drain() == 0
    testing.drain(now=later(), raise_errors=False)
    assert effects() == [("a", 0)]
    testing.drain(now=later(8000))
    assert effects() == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]
    assert set(states().values()) == {"sent"}
    assert Delivery.objects.get().attempts == 3


def test_a_failing_event_backs_off_and_ends_as_a_dead_letter(settings):
    settings.WORKER_MAX_ATTEMPTS = 3
    settings.WORKER_BACKOFF_SECONDS = 10
    settings.OUTBOX_BACKOFF_MULTIPLIER = 3
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1)
    event_id = emit_now(Ticked(key="a", number=1))
    emit_now(Ticked(key="a", number=2))
    now = timezone.now()
    for lowest, highest in ((5, 10), (15, 30)):
        assert testing.drain(now=now, raise_errors=False) == 1
        due = OutboxMessage.objects.get(pk=event_id).available_at
        assert lowest <= (due - now).total_seconds() <= highest
        assert testing.drain(now=due - datetime.timedelta(milliseconds=1), raise_errors=False) == 0
        now = due
    assert testing.drain(now=now, raise_errors=False) == 2
    row = OutboxMessage.objects.get(pk=event_id)
    assert (row.status, row.attempts) == ("dead", 3)
    history = Attempt.objects.filter(message=event_id).order_by("number")
    assert [(a.number, a.outcome, a.handler) for a in history] == [
        (1, "failed", "probe.tick"),
        (2, "failed", "probe.tick"),
        (3, "dead", "probe.tick"),
    ]
    assert history[0].error_class.endswith("handlers.ProbeError")
    assert "misbehave" in history[0].traceback
    assert effects() == [("a", 2)]
    assert health().dead == 1


def test_two_handlers_fail_independently():
    Fault.objects.create(handler="probe.left", key="a", number=1, times=1)
    emit_now(Forked(key="a", number=1))
    emit_now(Forked(key="a", number=2))
    testing.drain(raise_errors=False)
    assert effects("probe.right") == [("a", 1), ("a", 2)]
    assert effects("probe.left") == []
    assert list(states().values()) == ["failed", "pending"]
    assert testing.drain() == 0
    testing.drain(now=later())
    assert effects("probe.left") == [("a", 1), ("a", 2)]
    assert effects("probe.right") == [("a", 1), ("a", 2)]
    assert set(states().values()) == {"sent"}
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_a_dead_handler_does_not_take_its_sibling_along(settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.create(handler="probe.right", key="a", number=1, times=-1)
    event_id = emit_now(Forked(key="a", number=1))
    testing.drain(raise_errors=False)
    assert states() == {event_id: "dead"}
    assert dict(Delivery.objects.values_list("handler", "status")) == {"probe.left": "sent", "probe.right": "dead"}
    assert effects("probe.left") == [("a", 1)]


def test_no_event_pays_for_the_servers_trouble():
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1, kind="no room")
    emit_now(Ticked(key="a", number=1))
    with pytest.raises(OperationalError, match="No space left on device"):
        process_batch(shard=shard_of("a"))
    assert not Attempt.objects.exists()
    assert OutboxMessage.objects.get().attempts == 0
    Fault.objects.all().delete()
    assert testing.drain() == 1
    assert effects() == [("a", 1)]


@pytest.mark.parametrize("kind", ["swallow", "swallow in atomic"])
def test_a_handler_that_swallows_a_database_error_is_not_counted_as_done(kind):
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1, kind=kind)
    event_id = emit_now(Ticked(key="a", number=1))
    emit_now(Ticked(key="b", number=1))
    testing.drain(raise_errors=False)
    assert states()[event_id] == "failed"
    assert effects() == [("b", 1)]


def test_an_error_message_that_the_database_cannot_store_is_made_storable():
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1, kind="nul")
    emit_now(Ticked(key="a", number=1))
    testing.drain(raise_errors=False)
    assert Attempt.objects.get().error_message == "a \\0 and a \\udc80 in the message"


@pytest.mark.parametrize(
    ("event_type", "version", "payload", "error"),
    [
        (
            "probe.never.heard",
            1,
            '{"key": "a", "number": 1}',
            "NotYetKnown: No event is called probe.never.heard here.",
        ),
        (
            "probe.clock.ticked",
            9,
            '{"key": "a", "number": 1}',
            "NotYetKnown: probe.clock.ticked is known here up to version 1, not in version 9.",
        ),
        ("probe.clock.ticked", 1, '{"key": "a"}', "MalformedEvent: probe.clock.ticked lacks its field number."),
        (
            "probe.clock.ticked",
            1,
            '{"key": "a", "number": 1, "x": 2}',
            "MalformedEvent: probe.clock.ticked has no field x.",
        ),
        (
            "probe.clock.ticked",
            1,
            '{"key": "a", "number": "1"}',
            "MalformedEvent: probe.clock.ticked.number: '1' is not of type int.",
        ),
    ],
)
def test_an_event_that_cannot_be_read_becomes_a_dead_letter_that_says_why(event_type, version, payload, error):
    event_id = emit_now(Ticked(key="a", number=1))
    emit_now(Ticked(key="a", number=2))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE platform_outbox SET event_type = %s, event_version = %s, payload = %s,"
            # Younger ones could still be of a release that is just being rolled out.
            " created_at = now() - interval '1 hour', available_at = now() - interval '1 hour' WHERE id = %s",
            (event_type, version, payload, event_id),
        )
    testing.drain(raise_errors=False)
    row = OutboxMessage.objects.get(pk=event_id)
    assert (row.status, row.error) == ("dead", error)
    assert Attempt.objects.get().outcome == "dead"
    assert effects() == [("a", 2)]


def test_a_failed_handler_that_is_gone_is_not_forgotten(settings):
    event_id = emit_now(Ticked(key="a", number=1))
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=1)
    testing.drain(raise_errors=False)
    Delivery.objects.update(handler="probe.removed")
    testing.drain(now=later(), raise_errors=False)
    assert states() == {event_id: "failed"}
    assert "No handler is called probe.removed" in OutboxMessage.objects.get().error
    assert effects() == [("a", 1)]


def test_a_scheduled_event_waits_for_its_time():
    with transaction.atomic():
        emit(Ticked(key="a", number=1), available_at=later(3600))
    assert testing.drain() == 0
    assert health().oldest_pending_seconds == 0
    assert testing.drain(now=later()) == 1


def test_a_turn_that_is_told_to_stop_keeps_what_is_finished():
    with transaction.atomic():
        emit_many([Ticked(key="a", number=n) for n in range(5)])
    answers = iter([False, False, True])
    turn = process_batch(shard=shard_of("a"), should_stop=lambda: next(answers))
    assert (turn.handled, turn.more) == (2, False)
    assert effects() == [("a", 0), ("a", 1)]
    assert list(states().values()) == ["sent", "sent", "pending", "pending", "pending"]


def test_a_turn_that_is_told_to_stop_keeps_the_finished_part_of_a_batch_for_batch_handlers_too():
    with transaction.atomic():
        emit_many([(Ticked if n % 2 else Poured)(key="a", number=n) for n in range(6)])
    # Asked at first, and whenever a handler has run meanwhile; those that pour run together in the end.
    answers = iter([False] * 2 + [True] * 9)
    turn = process_batch(shard=shard_of("a"), should_stop=lambda: next(answers))
    assert (turn.handled, turn.more) == (4, False)
    assert effects("probe.pour") == [("a", 0), ("a", 2)]
    assert effects("probe.tick") == [("a", 1), ("a", 3)]
    assert list(states().values()) == ["sent"] * 4 + ["pending"] * 2
    testing.drain()
    assert effects("probe.pour") == [("a", 0), ("a", 2), ("a", 4)]
    assert set(states().values()) == {"sent"}


def test_a_turn_that_is_told_to_stop_while_it_runs_a_batch_in_halves_keeps_what_is_finished():
    Fault.objects.create(handler="probe.tick", key="b", number=9, times=-1)
    shard = shard_of("b")
    with transaction.atomic():
        emit_many([Ticked(key="b", number=n) for n in range(8)] + [Ticked(key="b", number=9)])
    # Nine events together fail at the last; then it stops after three.
    answers = iter([False] * 12 + [True] * 9)
    turn = process_batch(shard=shard, should_stop=lambda: next(answers))
    assert (turn.handled, turn.more) == (3, False)
    assert effects() == [("b", 0), ("b", 1), ("b", 2)]


def test_health_tells_what_is_open():
    assert (health().pending, health().oldest_pending_seconds, health().dead) == (0, 0, 0)
    emit_now(Ticked(key="a", number=1))
    OutboxMessage.objects.update(created_at=timezone.now() - datetime.timedelta(seconds=90))
    assert health().pending == 1
    assert 89 < health().oldest_pending_seconds < 100


def test_draining_costs_a_fixed_number_of_queries(django_assert_max_num_queries):
    with transaction.atomic():
        emit_many([Poured(key="a", number=n) for n in range(50)])
    claim._looked_through.clear()
    # Savepoint twice, lock, standing, claim, others between two settings, mark; the probe's handler makes two per event.
    with django_assert_max_num_queries(9 + 2 * 50):
        process_batch(shard=shard_of("a"))
