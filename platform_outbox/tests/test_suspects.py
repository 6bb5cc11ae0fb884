"""What a worker finds when the one before it died in the middle of a turn."""

import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from platform_outbox.dispatch import drain_once
from platform_outbox.metrics import CRASH_SUSPECTS
from platform_outbox.models import Attempt, CurrentTurn, Delivery, OutboxMessage, Suspect
from platform_outbox.outbox import emit, emit_many, shard_of
from platform_outbox.tests.probe.events import Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Effect

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

SHARD = shard_of("a")
NEIGHBOUR = next(f"n{number}" for number in range(1000) if shard_of(f"n{number}") == SHARD)


def leave_behind(*ids, handler="", overran=False, at=None):
    """What the logbook of a worker that died has told the database."""
    values = {"worker": "dead:1", "ids": ids, "handler": handler, "overran": overran, "at": at or timezone.now()}
    CurrentTurn.objects.update_or_create(shard=SHARD, defaults=values)


def emitted(*events):
    with transaction.atomic():
        return emit_many(events)


def turn(**options):
    return drain_once(shard=SHARD, **options)


def effects():
    return [(effect.handler, effect.key, effect.number) for effect in Effect.objects.order_by("id")]


def crashes():
    return dict(Suspect.objects.values_list("message_id", "crashes"))


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("status", flat=True))


def test_what_a_dead_worker_had_in_hand_runs_alone_once_and_is_cleared():
    first, second, third = emitted(*(Ticked(key="a", number=number) for number in range(3)))
    before = CRASH_SUSPECTS._value.get()
    leave_behind(first, second)
    assert (turn().handled, effects(), crashes()) == (0, [], {first: 1, second: 1})
    assert CRASH_SUSPECTS._value.get() == before + 2
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
    Suspect.objects.create(
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
