"""A backlog stands back for what has just happened, and comes to its turn all the same."""

import threading
import time
from unittest.mock import patch

import pytest
from django.db import transaction

from platform_outbox.emit import emit_many, shard_of
from platform_outbox.processing.process import BatchResult
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect
from platform_outbox.timing import STAND_BACK
from platform_outbox.worker.executor import LEAST_EVENTS, Fairness, Schedule, WorkerThreads

LOUD, QUIET = 1, 2


def with_backlog(due=frozenset()):
    fairness = Fairness(due=lambda: set(due))
    fairness.begin(LOUD)
    fairness.end(LOUD, more=True)
    return fairness


def test_a_backlog_alone_is_never_asked_to_end():
    turn = with_backlog(due={LOUD}).begin(LOUD)
    assert not any(turn.makes_room() for _ in range(100))


def test_a_backlog_ends_for_a_fresh_shard_without_a_thread_but_not_before_it_has_done_something():
    turn = with_backlog(due={LOUD, QUIET}).begin(LOUD)
    assert [turn.makes_room() for _ in range(LEAST_EVENTS + 1)] == [False] * LEAST_EVENTS + [True]
    assert turn.made_room


def test_of_two_backlogs_none_ends_for_the_other():
    fairness = with_backlog(due={LOUD, QUIET})
    fairness.begin(QUIET)
    fairness.end(QUIET, more=True)
    turn = fairness.begin(LOUD)
    assert not any(turn.makes_room() for _ in range(100))


def test_a_fresh_turn_is_left_alone_and_a_shard_is_fresh_again_when_its_backlog_is_done():
    fairness = with_backlog(due={LOUD, QUIET})
    fairness.begin(LOUD)
    fairness.end(LOUD, more=False)
    turn = fairness.begin(LOUD)
    assert not any(turn.makes_room() for _ in range(100))


def test_a_backlog_that_another_worker_has_for_the_moment_is_still_one():
    fairness = with_backlog(due={LOUD, QUIET})
    fairness.begin(QUIET)
    fairness.end(QUIET, more=True)
    fairness.begin(QUIET)
    fairness.end(QUIET, more=None)
    turn = fairness.begin(LOUD)
    assert not any(turn.makes_room() for _ in range(100))


@pytest.mark.parametrize(("result", "fresh"), [(BatchResult(busy=True), False), (BatchResult(), True)])
def test_a_busy_turn_teaches_nothing(result, fresh):
    threads = WorkerThreads(schedule=Schedule(), worker="w", wake_external=lambda: None)
    threads.fairness.begin(QUIET)
    threads.fairness.end(QUIET, more=True)
    with patch("platform_outbox.worker.executor.process_batch", return_value=result):
        threads.run_batch(QUIET)
    threads.schedule.add(QUIET)
    assert threads.fairness.fresh_waits() is fresh


def test_a_turn_at_a_backlog_begins_when_a_fresh_one_has_ended():
    fairness, stood_back = with_backlog(), []
    fairness.begin(QUIET)
    with patch.object(fairness, "stand_back", stood_back.append):
        fairness.begin(LOUD)
    assert stood_back == [STAND_BACK]


def test_whoever_stands_back_goes_on_as_soon_as_the_fresh_turn_has_ended():
    fairness = with_backlog()
    fairness.begin(QUIET)
    threading.Timer(0.01, lambda: fairness.end(QUIET, more=False)).start()
    assert 0.005 < fairness.stand_back(60) < 60


def test_a_turn_at_a_backlog_begins_all_the_same_after_a_while():
    fairness = with_backlog()
    fairness.begin(QUIET)  # and does not end
    started = time.monotonic()
    fairness.begin(LOUD)
    assert time.monotonic() - started >= STAND_BACK * 0.9


def test_a_fresh_turn_begins_at_once_whatever_is_under_way():
    fairness = with_backlog(due={QUIET})
    fairness.begin(LOUD)
    assert fairness.fresh_waits()
    with patch.object(fairness, "stand_back", pytest.fail):
        fairness.begin(QUIET)
    assert not fairness.fresh_waits()


def test_a_backlog_has_patience_with_fresh_turns_once_and_not_for_each_event():
    fairness = with_backlog()
    turn = fairness.begin(LOUD)
    fairness.begin(QUIET)  # and does not end
    started = time.monotonic()
    assert not any(turn.makes_room() for _ in range(1000))
    assert time.monotonic() - started >= STAND_BACK * 0.9
    with patch.object(fairness, "stand_back", pytest.fail):
        turn.makes_room()


def test_a_thread_tells_its_batch_of_news_since_it_began():
    schedule = Schedule()
    threads = WorkerThreads(schedule=schedule, worker="w", wake_external=lambda: None)
    heard = []

    def turn(*, has_news, **_):
        heard.append(has_news())
        schedule.add(QUIET)
        heard.append(has_news())
        return BatchResult()

    schedule.add(QUIET)
    with patch("platform_outbox.worker.executor.process_batch", side_effect=turn):
        threads.run_batch(schedule.take())
    assert heard == [False, True]
    assert schedule.take() == QUIET


@pytest.mark.django_db(transaction=True)
@pytest.mark.outbox
def test_a_thread_leaves_a_backlog_for_a_fresh_event_keeps_what_is_done_and_comes_back():
    schedule = Schedule()
    threads = WorkerThreads(schedule=schedule, worker="w", wake_external=lambda: None)
    loud = shard_of("loud")
    with transaction.atomic():
        emit_many([Ticked(key="loud", number=number) for number in range(120)])
    threads.run_batch(loud)
    assert (Effect.objects.count(), schedule.due()) == (50, {loud})
    assert schedule.take() == loud
    schedule.add((loud + 1) % 64)
    threads.run_batch(loud)
    assert Effect.objects.count() == 50 + LEAST_EVENTS
    # The fresh one first; then the backlog goes on where it was.
    assert [schedule.take(), schedule.take()] == [(loud + 1) % 64, loud]
    threads.run_batch((loud + 1) % 64)
    threads.run_batch(loud)
    threads.run_batch(loud)
    numbers = list(Effect.objects.order_by("id").values_list("number", flat=True))
    assert numbers == list(range(120))
    threads.inflight.forget()
