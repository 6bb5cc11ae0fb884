"""What a worker finds when the one before it died in the middle of a turn."""

import datetime
import threading
import time

import pytest
from django.db import connections, transaction
from django.utils import timezone

from platform_outbox.emit import emit, emit_many, shard_of
from platform_outbox.models import Attempt, CurrentTurn, Delivery, OutboxMessage, Quarantined, Tally
from platform_outbox.processing import process
from platform_outbox.processing.handlers import Batch
from platform_outbox.processing.inflight import InFlight, lives
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

SHARD = shard_of("a")
NEIGHBOUR = next(f"n{number}" for number in range(1000) if shard_of(f"n{number}") == SHARD)


def leave_behind(*ids, handler="", overran=False, at=None):
    """What a worker that died has told the database."""
    values = {"worker": "dead:1", "ids": ids, "handler": handler, "overran": overran, "at": at or timezone.now()}
    CurrentTurn.objects.update_or_create(shard=SHARD, defaults=values)


def emitted(*events):
    with transaction.atomic():
        return emit_many(events)


def turn(**options):
    return process_batch(shard=SHARD, **options)


def effects():
    return [(effect.handler, effect.key, effect.number) for effect in Effect.objects.order_by("id")]


def crashes():
    return dict(Quarantined.objects.values_list("message_id", "crashes"))


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("status", flat=True))


def test_what_a_dead_worker_had_in_hand_runs_alone_once_and_is_cleared():
    first, second, third = emitted(*(Ticked(key="a", number=number) for number in range(3)))
    leave_behind(first, second)
    assert (turn().handled, effects(), crashes()) == (0, [], {first: 1, second: 1})
    assert Tally.objects.get(metric="crash_suspects").count == 2
    assert CurrentTurn.objects.get().ids == []
    assert (turn().handled, crashes()) == (1, {second: 1})
    assert (turn().handled, crashes()) == (1, {})
    assert turn().handled == 1
    assert states() == ["sent"] * 3
    assert not Attempt.objects.exists()
    assert third > second


def test_events_before_a_suspect_run_together_and_those_after_it_wait_for_it():
    ids = emitted(*(Ticked(key="a", number=number) for number in range(4)))
    leave_behind(ids[2])
    turn()
    assert [turn().handled for _ in range(3)] == [2, 1, 1]
    assert [number for *_, number in effects()] == [0, 1, 2, 3]


def test_an_event_that_killed_three_workers_is_given_up_and_the_others_go_on():
    killer, other = emitted(Ticked(key="a", number=1), Ticked(key=NEIGHBOUR, number=1))
    leave_behind(killer, other)
    turn()
    for _ in range(2):
        leave_behind(killer, handler="probe.tick")
        turn()
    assert crashes() == {killer: 3, other: 1}
    assert (turn().handled, turn().handled) == (1, 1)
    assert effects() == [("probe.tick", NEIGHBOUR, 1)]
    assert states() == ["dead", "sent"]
    assert crashes() == {}
    dead = OutboxMessage.objects.get(pk=killer)
    assert dead.error == "KilledItsWorker: It killed its worker: 3 of them died with this event in hand."
    history = [(attempt.outcome, attempt.handler, attempt.worker) for attempt in Attempt.objects.order_by("id")[:2]]
    assert history == [("failed", "probe.tick", "dead:1")] * 2
    assert Attempt.objects.get(outcome="dead").handler == "probe.tick"


def test_of_two_handlers_only_the_one_that_kills_is_given_up():
    (event,) = emitted(Forked(key="a", number=1))
    leave_behind(event)
    turn()
    assert turn().handled == 1
    assert effects() == [("probe.left", "a", 1)]
    assert states() == ["pending"]
    for _ in range(2):
        leave_behind(event, handler="probe.right")
        turn()
    assert crashes() == {event: 3}
    turn()
    assert effects() == [("probe.left", "a", 1)]
    assert dict(Delivery.objects.values_list("handler", "status")) == {"probe.left": "sent", "probe.right": "dead"}
    assert states() == ["dead"]
    assert crashes() == {}


def test_a_healthy_sibling_still_runs_after_the_killer_was_given_up():
    (event,) = emitted(Forked(key="a", number=1))
    Quarantined.objects.create(
        message_id=event, shard=SHARD, crashes=3, handler="probe.left", overran=False, worker="w", at=timezone.now()
    )
    assert (turn().handled, turn().handled) == (1, 1)
    assert effects() == [("probe.right", "a", 1)]
    assert (states(), crashes()) == (["dead"], {})


def test_a_server_that_was_restarted_since_makes_no_suspects():
    ids = emitted(Ticked(key="a", number=1), Ticked(key="a", number=2))
    leave_behind(*ids, at=timezone.now() - datetime.timedelta(days=900))
    turn()
    assert crashes() == {}
    assert turn().handled == 2


def test_a_broken_connection_of_our_own_is_no_crash():
    (event,) = emitted(Ticked(key="a", number=1))
    leave_behind(event)
    assert turn(worker="dead:1").handled == 1
    assert crashes() == {}


@pytest.fixture
def colleague():
    """A worker of its own, with a connection of its own; `turn` is its turn at the shard, in another thread."""
    found = InFlight(worker="colleague:1")

    def turn():
        def run():
            results.append(process_batch(shard=SHARD, worker=found.worker, inflight=found))
            connections.close_all()

        results = []
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return results[0]

    yield turn
    found.forget()


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_about_to_run_in_halves_is_nobodys_crash(monkeypatch, colleague):
    """Between the two runs the shard is free, and a reader sees a turn that has not ended."""
    Fault.objects.create(handler="probe.tick", key="a", number=0, times=-1)
    emitted(Ticked(key="a", number=0))
    visits = []

    def visited(options):
        if options.worker == "mine:1" and not visits:
            visits.append(None)  # before the first run
        elif options.worker == "mine:1":
            visits.append(colleague())
        return Batch(options)

    monkeypatch.setattr(process, "Batch", visited)
    mine = InFlight(worker="mine:1")
    try:
        assert turn(worker="mine:1", inflight=mine).handled == 1
    finally:
        mine.forget()
    assert [visit.busy for visit in visits[1:]] == [True]
    assert not Quarantined.objects.exists()
    (attempt,) = Attempt.objects.all()
    assert attempt.error_class.endswith("ProbeError")


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lives_and_does_not_come_back_is_waited_for_a_moment_and_not_accused(monkeypatch, colleague):
    monkeypatch.setattr("platform_outbox.processing.inflight.STALE_BATCH_GRACE", 0.05)
    (event,) = emitted(Ticked(key="a", number=0))
    other = InFlight(worker="dead:1")
    try:
        other.begin(shard=SHARD, ids=[event])
        assert colleague().busy
        time.sleep(0.05)
        assert colleague().handled == 1
    finally:
        other.forget()
    assert (crashes(), states()) == ({}, ["sent"])


@pytest.mark.django_db(transaction=True)
def test_a_worker_lives_as_long_as_it_is_connected():
    assert not lives("w:1")
    one, again = InFlight(worker="w:1"), InFlight(worker="w:1")
    one.begin(shard=SHARD, ids=[])
    again.begin(shard=SHARD, ids=[])
    one.forget()
    assert lives("w:1")
    assert not lives("w:2")
    again.forget()
    wait_for(lambda: not lives("w:1"), seconds=60, what="the server to see that it hung up")


def test_an_event_that_took_too_long_is_charged_an_attempt_and_tried_again_alone():
    slow, next_one = emitted(Ticked(key="a", number=1), Ticked(key=NEIGHBOUR, number=1))
    leave_behind(slow, handler="probe.tick", overran=True)
    turn()
    assert turn().handled == 1
    assert effects() == []
    row = OutboxMessage.objects.get(pk=slow)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.error == "TookTooLong: It did not end within 120 s (WORKER_TIME_LIMIT)."
    assert turn().handled == 1
    assert crashes() == {slow: 1}
    turn(now=timezone.now() + datetime.timedelta(hours=2))
    assert effects() == [("probe.tick", NEIGHBOUR, 1), ("probe.tick", "a", 1)]
    assert crashes() == {}
    assert next_one > slow


def test_an_event_that_is_always_too_slow_ends_as_a_dead_letter(settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    (slow,) = emitted(Ticked(key="a", number=1))
    for hours in (2, 4):
        leave_behind(slow, handler="probe.tick", overran=True)
        turn()
        turn(now=timezone.now() + datetime.timedelta(hours=hours))
    assert states() == ["dead"]
    assert "TookTooLong" in OutboxMessage.objects.get().error
    assert [attempt.outcome for attempt in Attempt.objects.order_by("id")] == ["failed", "dead"]
    assert crashes() == {}


def test_of_a_batch_that_took_too_long_no_event_is_charged_before_it_is_known_which():
    ids = emitted(*(Poured(key="a", number=number) for number in range(3)))
    leave_behind(*ids, handler="probe.pour", overran=True)
    turn()
    assert crashes() == dict.fromkeys(ids, 1)
    assert [turn().handled for _ in ids] == [1, 1, 1]
    assert not Attempt.objects.exists()


def test_a_suspect_that_fails_by_an_error_has_not_killed_anybody():
    from platform_outbox.tests.probe.models import Fault

    (event,) = emitted(Ticked(key="a", number=1))
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1)
    leave_behind(event)
    turn()
    assert turn().handled == 1
    assert (states(), crashes()) == (["failed"], {})


def test_what_was_already_done_makes_no_suspect():
    (event,) = emitted(Ticked(key="a", number=1))
    turn()
    leave_behind(event)
    emit_now = emit(Ticked(key="a", number=2))
    turn()
    assert crashes() == {}
    assert turn().handled == 1
    assert OutboxMessage.objects.get(pk=emit_now).status == "sent"
