"""Workers whose clock jumps by days: the database's clock rules."""

import datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many
from platform_outbox.models import Attempt, OutboxMessage, Worker
from platform_outbox.operators import actions
from platform_outbox.tests.conftest import Pool, notifying, wait_for
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


def database_now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def done():
    return list(Effect.objects.order_by("id").values_list("number", flat=True))


def start_worker(pool, library, clock):
    return pool.start_command(
        LD_PRELOAD=library,
        FAKETIME_TIMESTAMP_FILE=clock,
        FAKETIME_NO_CACHE=1,
        FAKETIME_DONT_FAKE_MONOTONIC=1,
        WORKER_POLL_INTERVAL=1,
        WORKER_BACKOFF_SECONDS=1,
    )


def expect_one_failure_and_its_retry(number):
    """An event that fails once is tried again after half a second to a second of the database's clock."""
    Fault.objects.create(handler="probe.tick", key="a", number=number, times=1)
    with transaction.atomic():
        emit_many([Ticked(key="a", number=number), Ticked(key="a", number=number + 1)])
    wait_for(lambda: done()[-2:] == [number, number + 1], what="the retry")
    failed = Attempt.objects.get(message__payload__number=number).at
    assert failed <= database_now()
    taken = (OutboxMessage.objects.get(payload__number=number).finished_at - failed).total_seconds()
    assert taken >= 0.5


@pytest.mark.faketime
def test_a_workers_clock_may_jump_by_days_in_both_directions(transactional_db, tmp_path, nurseries, faketime_path):
    began, clock = database_now(), tmp_path / "clock"
    clock.write_text("+0")
    pool = Pool(kind="in-process", url="", directory=tmp_path, nurseries=nurseries)
    with notifying():
        try:
            start_worker(pool, faketime_path, clock)
            with transaction.atomic():
                emit(Ticked(key="later", number=99), available_at=began + datetime.timedelta(hours=1))
            expect_one_failure_and_its_retry(1)
            clock.write_text("+3d")
            expect_one_failure_and_its_retry(3)
            # Its clock is three days ahead from the beginning, and it lists both as alive and forgets neither.
            start_worker(pool, faketime_path, clock)
            clock.write_text("-3d")
            expect_one_failure_and_its_retry(5)
            assert done() == [1, 2, 3, 4, 5, 6]
            assert OutboxMessage.objects.get(ordering_key="later").status == "pending"
            times = OutboxMessage.objects.filter(status="sent").values_list("finished_at", flat=True)
            assert all(began <= at <= database_now() for at in times)
            beats = Worker.objects.values_list("heartbeat_at", flat=True)
            assert [began <= beat <= database_now() for beat in beats] == [True, True]
            years_and_days = {line[:10] for line in pool.log().splitlines() if line.startswith("2")}
            assert len(years_and_days) > 1, "The workers' clocks did not move."
        finally:
            pool.stop()


def test_what_an_operator_requeues_is_due_by_the_databases_clock(transactional_db, monkeypatch):
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1)
    with transaction.atomic():
        event_id = emit(Ticked(key="a", number=1))
    testing.drain(raise_errors=False)
    Fault.objects.all().delete()
    ahead = timezone.now() + datetime.timedelta(days=3)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert actions.requeue(ids=[event_id], by="test") == 1
    assert testing.drain() == 1
    assert done() == [1]
