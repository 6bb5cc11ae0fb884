"""What the outbox promises, kept by real worker processes on the in-process broker, on Redis and on RabbitMQ."""

import datetime
import signal
import threading
import time

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from platform_outbox.emit import emit, emit_many, health
from platform_outbox.models import Attempt, OutboxMessage, Worker
from platform_outbox.operators import actions
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Crawled, Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

NEVER = 600


def effects():
    return Effect.objects.count()


def statuses():
    return sorted(OutboxMessage.objects.values_list("status", flat=True).distinct())


def numbers(key, handler="probe.tick"):
    return list(Effect.objects.filter(key=key, handler=handler).order_by("id").values_list("number", flat=True))


def emit_from_a_thread(keys, count):
    for number in range(count):
        for key in keys:
            with transaction.atomic():
                emit(Ticked(key=key, number=number))
    connections.close_all()


def test_nothing_is_lost_nothing_happens_twice_and_keys_keep_their_order(pool):
    pool.start(2, WORKER_BATCH_SIZE=7)
    groups = [[f"k{group}-{n}" for n in range(4)] for group in range(4)]
    threads = [threading.Thread(target=emit_from_a_thread, args=(keys, 20)) for keys in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The unique key of the effects would have stopped a second run, and left a failed event behind.
    wait_for(lambda: health().pending == 0, what="the queue's end")
    assert statuses() == ["sent"]
    assert not Attempt.objects.exists()
    for keys in groups:
        for key in keys:
            assert numbers(key) == list(range(20))


def test_the_effect_follows_the_commit_without_waiting_for_a_poll(pool):
    pool.start(1, WORKER_POLL_INTERVAL=NEVER)
    for number in range(5):
        with transaction.atomic():
            emit(Ticked(key="a", number=number))
        wait_for(lambda: effects() == number + 1)  # noqa: B023
        time.sleep(0.1)


def test_a_lost_ring_costs_one_poll_interval(pool):
    pool.start(1, WORKER_POLL_INTERVAL=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)"
            """ VALUES ('probe.clock.ticked', 1, 'a', 3, '{"key": "a", "number": 1}', now(), now())"""
        )
    wait_for(lambda: effects() == 1, what="the poll")


def test_failures_are_retried_with_back_off_die_and_can_be_requeued(pool):
    pool.start(1, WORKER_BACKOFF_SECONDS=0.1, WORKER_MAX_ATTEMPTS=3, WORKER_POLL_INTERVAL=NEVER)
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=2)
    Fault.objects.create(handler="probe.tick", key="bad", number=1, times=-1)
    with transaction.atomic():
        recovers, dies, *_ = emit_many(
            [
                Ticked(key="a", number=1),
                Ticked(key="bad", number=1),
                Ticked(key="a", number=2),
                Ticked(key="b", number=1),
            ]
        )
    wait_for(lambda: health().pending == 0, what="the last attempt")
    assert numbers("a") == [1, 2]
    assert numbers("b") == [1]
    assert OutboxMessage.objects.get(pk=recovers).status == "sent"
    assert OutboxMessage.objects.get(pk=dies).status == "dead"
    times = list(Attempt.objects.filter(message=dies).order_by("number").values_list("at", flat=True))
    assert len(times) == 3
    assert (times[1] - times[0]).total_seconds() >= 0.05
    assert (times[2] - times[1]).total_seconds() >= 0.1

    Fault.objects.all().delete()
    actions.requeue(ids=[dies], by="test")
    wait_for(lambda: numbers("bad") == [1], what="the requeued event")


def test_two_handlers_of_one_event_fail_independently(pool):
    pool.start(1, WORKER_BACKOFF_SECONDS=0.2)
    Fault.objects.create(handler="probe.left", key="a", number=1, times=1)
    with transaction.atomic():
        emit_many([Forked(key="a", number=1), Forked(key="a", number=2)])
    wait_for(lambda: numbers("a", "probe.right") == [1, 2], what="the healthy handler")
    wait_for(lambda: numbers("a", "probe.left") == [1, 2], what="the sick handler")
    wait_for(lambda: statuses() == ["sent"])


def test_sigkill_in_a_batch_loses_nothing_and_doubles_nothing(pool):
    victim, _ = pool.start(2, WORKER_POLL_INTERVAL=NEVER)
    with transaction.atomic():
        emit_many([Crawled(key=f"k{n % 6}", number=n) for n in range(400)])
    wait_for(lambda: Effect.objects.filter(worker_pid=victim.pid).exists(), what="the victim's first batch")
    victim.kill()
    victim.wait()
    wait_for(lambda: health().pending == 0, seconds=60, what="the survivor's work")
    assert effects() == 400
    assert statuses() == ["sent"]
    assert not Attempt.objects.exists()
    for key in range(6):
        assert numbers(f"k{key}", "probe.crawl") == list(range(key, 400, 6))


def test_sigterm_under_load_ends_the_worker_soon_and_cleanly(pool):
    process = pool.start_command()
    with transaction.atomic():
        emit_many([Crawled(key=f"k{n % 6}", number=n) for n in range(2000)])
    wait_for(lambda: effects() > 20, what="work")
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert time.monotonic() - started < 20
    done = effects()
    assert done < 2000
    assert OutboxMessage.objects.filter(status="sent").count() == done
    assert not Attempt.objects.exists()
    assert not Worker.objects.exists()


def test_the_worker_survives_the_end_of_all_its_connections(pool):
    (process,) = pool.start(1, WORKER_POLL_INTERVAL=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with transaction.atomic():
        emit_many([Poured(key="a", number=n) for n in range(10)])
    wait_for(lambda: numbers("a", "probe.pour") == list(range(10)), what="the reconnected worker")
    assert process.poll() is None
    assert "The database is away, trying again" in pool.log()
    assert "Traceback" not in pool.log(), pool.log()


def statements_of_an_idle_while(*, seconds):
    """How many statements of other processes a look every 20 ms finds; those at the same moment count as one."""
    found, until = set(), time.monotonic() + seconds
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            found.update(cursor.fetchall())
        time.sleep(0.02)
    return len(found)


@pytest.mark.parametrize("kind", ["in-process"])
def test_an_idle_worker_asks_at_most_once_a_second(pool):
    pool.start(1, WORKER_POLL_INTERVAL=1)
    time.sleep(4)  # its first periodic jobs
    # Six polls and a heartbeat, what the periodic jobs ask for, and on each connection what was asked before.
    assert any(statements_of_an_idle_while(seconds=6) <= 15 for _ in range(3))


def test_events_of_unknown_type_become_dead_letters(pool):
    pool.start(1)
    with transaction.atomic():
        event_id = emit(Ticked(key="a", number=1), available_at=None)
        long_ago = timezone.now() - datetime.timedelta(hours=1)
        OutboxMessage.objects.filter(pk=event_id).update(event_version=7, created_at=long_ago)
        emit(Ticked(key="a", number=2))
    wait_for(lambda: health().dead == 1, what="the dead letter")
    wait_for(lambda: numbers("a") == [2])
    assert "known here up to version 1, not in version 7" in OutboxMessage.objects.get(pk=event_id).error
