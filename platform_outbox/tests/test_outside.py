"""What the outbox promises for effects outside the database, kept by real worker processes on all three brokers."""

import itertools
import signal
import time

import pytest
from django.db import transaction

from platform_outbox.emit import emit_many
from platform_outbox.models import Attempt, Delivery, OutboxMessage
from platform_outbox.tests.conftest import wait_for as wait_so_long
from platform_outbox.tests.probe.events import Posted, Shouted, Ticked
from platform_outbox.tests.probe.models import Call, Effect, Fault

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

NEVER = 600
# The broker has no part in these; on one host they prove as much.
IN_PROCESS = pytest.mark.parametrize("kind", ["in-process"])


def wait_for(condition, *, what):
    wait_so_long(condition, seconds=60, what=what)
    return condition()


def statuses():
    return sorted(OutboxMessage.objects.values_list("status", flat=True).distinct())


def all_sent():
    return statuses() == ["sent"]


def emit_now(*events):
    with transaction.atomic():
        return emit_many(events)


def test_calls_are_made_once_each_in_order_and_without_a_poll(pool):
    pool.start(2, WORKER_POLL_INTERVAL=NEVER)
    emit_now(*(Posted(key=f"k{n % 4}", number=n) for n in range(40)))
    wait_for(all_sent, what="the calls")
    for key in range(4):
        made = Call.objects.filter(key=f"k{key}").order_by("began_at")
        assert [call.number for call in made] == list(range(key, 40, 4))
        # One at a time: each began after the one before had ended.
        assert all(before.ended_at < after.began_at for before, after in itertools.pairwise(made))
    assert Effect.objects.count() == 40
    assert not Attempt.objects.exists()


def test_a_slow_neighbour_delays_neither_db_handlers_nor_other_neighbours(pool):
    pool.start(1, WORKER_POLL_INTERVAL=NEVER)
    for number in range(3):
        Fault.objects.create(handler="probe.post", key=f"slow {number}", number=1, times=1, kind="slow", seconds=5)
    emit_now(*(Posted(key=f"slow {number}", number=1) for number in range(3)))
    wait_for(lambda: Call.objects.count() == 2, what="the first calls")
    emit_now(Posted(key="quick", number=1), Ticked(key="a", number=1))
    wait_for(lambda: Call.objects.filter(key="quick", ended_at__isnull=False).exists(), what="the quick call")
    wait_for(lambda: Effect.objects.filter(key="a").exists(), what="the db handler")
    assert Call.objects.filter(ended_at=None).count() == 2
    wait_for(all_sent, what="the slow calls")


def test_a_call_whose_worker_is_killed_comes_back_when_its_lease_ends(pool):
    # Of a lease that runs out another worker learns by its poll.
    pool.start(2, WORKER_POLL_INTERVAL=1, WORKER_BACKOFF_SECONDS=0.1)
    Fault.objects.create(handler="probe.post", key="a", number=1, times=1, kind="slow", seconds=30)
    emit_now(Posted(key="a", number=1))
    first = wait_for(lambda: Call.objects.first(), what="the call")
    victim = next(process for process in pool.processes if process.pid == first.worker_pid)
    victim.kill()
    victim.wait()
    wait_for(all_sent, what="the second call")
    second = Call.objects.last()
    assert (second.attempt, second.idempotency_key) == (2, first.idempotency_key)
    assert second.worker_pid != first.worker_pid
    assert 2.5 < (second.began_at - first.began_at).total_seconds() < 60
    assert Attempt.objects.get().error_class == "platform_outbox.external.leases.LeaseExpired"
    assert Delivery.objects.get(handler="probe.post").attempts == 2


@IN_PROCESS
def test_a_long_call_keeps_its_lease(pool):
    pool.start(2, WORKER_POLL_INTERVAL=0.5)
    Fault.objects.create(handler="probe.shout", key="a", number=1, times=1, kind="slow", seconds=7)
    emit_now(Shouted(key="a", number=1))
    wait_for(all_sent, what="the call's end")
    assert Call.objects.get().still_mine
    assert not Attempt.objects.exists()


@IN_PROCESS
def test_sigterm_waits_for_a_short_call_and_gives_the_lease_of_a_long_one_back(pool):
    (process,) = pool.start(1, WORKER_POLL_INTERVAL=NEVER)
    Fault.objects.create(handler="probe.shout", key="long", number=1, times=1, kind="slow", seconds=60)
    Fault.objects.create(handler="probe.post", key="short", number=1, times=1, kind="slow", seconds=2)
    emit_now(Shouted(key="long", number=1), Posted(key="short", number=1))
    wait_for(lambda: Call.objects.count() == 2, what="the calls")
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert time.monotonic() - started < 20
    assert Call.objects.get(key="short").ended_at is not None
    given_back = Delivery.objects.get(handler="probe.shout")
    assert (given_back.status, given_back.attempts, given_back.lease_token) == ("pending", 0, None)


def test_while_a_neighbour_is_down_nothing_is_lost_and_others_are_called(pool):
    pool.start(2, WORKER_POLL_INTERVAL=NEVER, WORKER_BACKOFF_SECONDS=0.2, WORKER_MAX_ATTEMPTS=2)
    Fault.objects.create(handler="probe.post", key="down", number=-1, times=3, kind="down")
    emit_now(*(Posted(key=key, number=n) for n in range(3) for key in ("down", "up")))
    wait_for(all_sent, what="the end of the outage")
    assert [call.number for call in Call.objects.filter(key="up").order_by("id")] == [0, 1, 2]
    assert [call.number for call in Call.objects.filter(key="down").order_by("id")] == [0, 0, 0, 0, 1, 2]
    assert Delivery.objects.filter(handler="probe.post", attempts=1).count() == 6
