"""Handlers that fail for some events of a batch, and a handler that leaks; see also test_crashes.py."""

import pytest
from django.db import transaction

from platform_outbox.emit import emit_many, health
from platform_outbox.models import Attempt, OutboxMessage
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault
from platform_outbox.tests.test_crashes import supervise

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    # What happens inside a process does not depend on the broker.
    pytest.mark.parametrize("kind", ["in-process"]),
]

KEYS = 5


def emit_all(event, count):
    with transaction.atomic():
        return emit_many([event(key=f"k{number % KEYS}", number=number) for number in range(count)])


def assert_done_in_order(handler, numbers):
    for key in range(KEYS):
        done = Effect.objects.filter(handler=handler, key=f"k{key}").order_by("id").values_list("number", flat=True)
        assert list(done) == [number for number in numbers if number % KEYS == key]


def test_poison_in_a_batch_hurts_nobody_else(pool):
    poison, passing = {17, 120, 121}, 200
    for number in poison:
        Fault.objects.create(handler="probe.pour", key=f"k{number % KEYS}", number=number, times=-1)
    Fault.objects.create(handler="probe.pour", key=f"k{passing % KEYS}", number=passing, times=1)
    ids = emit_all(Poured, 300)
    pool.start(2, WORKER_MAX_ATTEMPTS=2, WORKER_BACKOFF_SECONDS=0.1)
    wait_for(lambda: health().pending == 0, seconds=60, what="the queue's end")
    assert_done_in_order("probe.pour", [number for number in range(300) if number not in poison])
    dead = OutboxMessage.objects.filter(status="dead").order_by("id").values_list("id", flat=True)
    assert list(dead) == [ids[number] for number in sorted(poison)]
    failures = Attempt.objects.order_by("message_id", "number").values_list("message__payload__number", "outcome")
    assert {*Attempt.objects.values_list("error_class", "error_message")} == {
        ("platform_outbox.tests.probe.handlers.ProbeError", f"k{number % KEYS} {number} must fail")
        for number in (*poison, passing)
    }
    assert list(failures) == [
        *((17, "failed"), (17, "dead"), (120, "failed"), (120, "dead"), (121, "failed"), (121, "dead")),
        (200, "failed"),
    ]


def test_a_handler_that_leaks_to_the_limit_has_its_worker_replaced_and_its_events_done(pool):
    Fault.objects.bulk_create(
        [
            Fault(handler="probe.tick", key=f"k{number % KEYS}", number=number, times=-1, kind="leak")
            for number in range(16)
        ]
    )
    emit_all(Ticked, 30)
    codes = supervise(pool, lambda: health().pending == 0, WORKER_MEMORY_LIMIT=400, WORKER_BATCH_SIZE=2)
    assert set(codes) == {75}
    assert_done_in_order("probe.tick", range(30))
    assert not Attempt.objects.exists()
    assert "(WORKER_MEMORY_LIMIT is 400) and is replaced" in pool.log()
