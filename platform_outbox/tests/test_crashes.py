"""Handlers that kill, hang or bloat their worker, in real processes, with a supervisor that starts the next one."""

import signal
import time

import pytest
from django.db import transaction

from platform_outbox.emit import emit_many, health
from platform_outbox.models import Attempt, CurrentTurn, OutboxMessage, Quarantined, Worker
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Crawled, Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.outbox,
    # What happens to a process does not depend on the broker.
    pytest.mark.parametrize("kind", ["in-process"]),
]

POISON = 17


def emit_ticks(count, event=Ticked):
    with transaction.atomic():
        return emit_many([event(key=f"k{number % 5}", number=number) for number in range(count)])


def poison(kind, handler="probe.tick"):
    Fault.objects.create(handler=handler, key=f"k{POISON % 5}", number=POISON, times=-1, kind=kind)


def supervise(pool, condition, *, seconds=60.0, **values):
    """Start a worker whenever none is there, as a supervisor would; returns the exit codes of those that ended."""
    deadline, codes, running = time.monotonic() + seconds, [], []
    while not condition():
        assert time.monotonic() < deadline, pool.log()
        if running and running[0].poll() is not None:
            pool.processes.remove(running[0])
            codes.append(running.pop().returncode)
        if not running:
            running = list(pool.start(1, **values))
        time.sleep(0.02)
    return codes


def numbers():
    return sorted(Effect.objects.values_list("number", flat=True))


def dead():
    return OutboxMessage.objects.get(status="dead")


@pytest.mark.parametrize(("fault", "code"), [("exit", 3), ("segfault", -signal.SIGSEGV)])
def test_an_event_that_kills_its_worker_is_given_up_after_three_and_everything_else_is_done(pool, fault, code):
    poison(fault)
    ids = emit_ticks(40)
    codes = supervise(pool, lambda: health().pending == 0)
    assert codes == [code] * 3
    assert numbers() == [number for number in range(40) if number != POISON]
    assert dead().pk == ids[POISON]
    assert "killed its worker: 3 of them died" in dead().error
    assert {attempt.message_id for attempt in Attempt.objects.all()} == {ids[POISON]}
    assert not Quarantined.objects.exists()
    assert not CurrentTurn.objects.exclude(ids=[]).exists()


def test_workers_killed_from_outside_condemn_nobody(pool):
    emit_ticks(300, Crawled)
    for killed in range(4):
        (victim,) = pool.start(1)
        wait_for(lambda: numbers() and len(numbers()) > killed * 30, what="work")  # noqa: B023
        victim.kill()
        victim.wait()
        pool.processes.remove(victim)
    supervise(pool, lambda: health().pending == 0)
    assert numbers() == list(range(300))
    assert not Attempt.objects.exists()
    assert not Quarantined.objects.exists()


@pytest.mark.parametrize(("event", "handler"), [(Ticked, "probe.tick"), (Poured, "probe.pour")])
def test_a_handler_that_hangs_costs_its_event_an_attempt_and_its_worker_is_replaced(pool, event, handler):
    poison("hang", handler)
    ids = emit_ticks(40, event)
    limits = {"WORKER_TIME_LIMIT": 1, "WORKER_MAX_ATTEMPTS": 2, "WORKER_BACKOFF_SECONDS": 0.1}
    codes = supervise(pool, lambda: health().pending == 0, **limits)
    assert set(codes) == {75}
    assert numbers() == [number for number in range(40) if number != POISON]
    assert dead().pk == ids[POISON]
    assert dead().error == "TookTooLong: It did not end within 1 s (WORKER_TIME_LIMIT)."
    assert [attempt.outcome for attempt in Attempt.objects.order_by("id")] == ["failed", "dead"]
    assert f"{handler} has not come to its end within 1 s (WORKER_TIME_LIMIT) for #" in pool.log()


def test_a_query_that_takes_too_long_fails_alone_and_the_worker_lives(pool):
    poison("slow query")
    emit_ticks(40)
    (worker,) = pool.start(1, WORKER_TIME_LIMIT=1, WORKER_MAX_ATTEMPTS=1)
    wait_for(lambda: health().pending == 0, what="the end of the queue")
    assert numbers() == [number for number in range(40) if number != POISON]
    assert "canceling statement due to statement timeout" in dead().error
    assert worker.poll() is None


def test_a_handler_that_keeps_the_interpreter_to_itself_is_ended_too(pool):
    poison("standstill")
    emit_ticks(20)
    codes = supervise(pool, lambda: health().pending == 0, WORKER_TIME_LIMIT=0.5)
    assert codes == [1] * 3
    assert numbers() == [number for number in range(20) if number != POISON]
    assert "spin_without_letting_go" in pool.log()


def test_a_worker_over_its_memory_limit_finishes_its_turn_and_is_replaced(pool):
    emit_ticks(30, Crawled)
    (worker,) = pool.start(1, WORKER_MEMORY_LIMIT=1)
    assert worker.wait(20) == 75
    pool.processes.remove(worker)
    assert "(WORKER_MEMORY_LIMIT is 1) and is replaced" in pool.log()
    assert not Worker.objects.exists()
    supervise(pool, lambda: health().pending == 0)
    assert numbers() == list(range(30))
    assert not Quarantined.objects.exists()
