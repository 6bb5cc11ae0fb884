"""The figures per minute: what is noted, how workers add up, what charts read."""

import datetime

import pytest
from django.db import connection, transaction

from platform_outbox import testing
from platform_outbox.emit import emit_many
from platform_outbox.models import Minute
from platform_outbox.monitoring import history
from platform_outbox.monitoring.history import BOUNDS, Minutes
from platform_outbox.scheduler import Run, all_jobs
from platform_outbox.tests.probe.events import Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Fault
from platform_outbox.timing import MINUTES_KEPT

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

NOON = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)


@pytest.fixture
def noted(monkeypatch):
    own = Minutes()
    monkeypatch.setattr(history, "minutes", own)
    return own


def flush(noted):
    with connection.cursor() as cursor:
        noted.flush(cursor.execute)


def note(noted, at=NOON, outcome="sent", latency=0.02, handler="a", seconds=0.5):
    noted.note(handler=handler, event_type="e", outcome=outcome, at=at, latencies=[latency], seconds=seconds)


def test_a_drain_notes_every_run_of_every_handler(noted):
    Fault.objects.create(handler="probe.left", key="a", number=1, times=1)
    with transaction.atomic():
        emit_many([Ticked(key="a", number=1), Poured(key="a", number=2), Forked(key="a", number=1)])
    testing.drain(raise_errors=False)
    flush(noted)
    found = {
        (row.handler, row.event_type): (row.sent, row.failed, row.dead, sum(row.latencies))
        for row in Minute.objects.all()
    }
    assert found == {
        ("probe.tick", Ticked.name): (1, 0, 0, 1),
        ("probe.pour", Poured.name): (1, 0, 0, 1),
        ("probe.left", Forked.name): (0, 1, 0, 0),
        ("probe.right", Forked.name): (1, 0, 0, 1),
    }
    assert all(row.minute.second == 0 and row.minute.tzinfo for row in Minute.objects.all())


def test_workers_add_up_in_one_row():
    first, second = Minutes(), Minutes()
    note(first)
    note(first, outcome="failed")
    note(second, latency=7200.0, at=NOON + datetime.timedelta(seconds=59))
    note(second, outcome="dead")
    flush(first)
    flush(second)
    flush(second)
    (row,) = Minute.objects.all()
    assert (row.minute, row.sent, row.failed, row.dead, row.seconds) == (NOON, 2, 1, 1, 2.0)
    assert row.latencies == [0, 0, 1] + [0] * (len(BOUNDS) - 3) + [1]


def test_figures_that_cannot_be_written_are_kept():
    noted = Minutes()
    note(noted)

    def away(statement, parameters):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        noted.flush(away)
    note(noted)
    flush(noted)
    assert Minute.objects.get().sent == 2
    assert not noted.waiting


def test_history_sums_steps_and_knows_quantiles(django_assert_num_queries):
    noted = Minutes()
    for minute, latency in ((0, 0.004), (1, 0.02), (1, 0.02), (1, 0.9), (7, 0.2)):
        note(noted, at=NOON + datetime.timedelta(minutes=minute), latency=latency)
    note(noted, at=NOON, handler="b", latency=2.0)
    flush(noted)
    until = NOON + datetime.timedelta(hours=1)
    with django_assert_num_queries(1):
        steps = history.history(since=NOON, until=until, step_seconds=300, handler="a")
    assert [(step.at, step.sent) for step in steps] == [(NOON, 4), (NOON + datetime.timedelta(minutes=5), 1)]
    # Half of the four is the first one in the bucket from 10 to 25 ms, which holds two.
    assert steps[0].quantile(0.5) == pytest.approx(0.0175)
    assert 0.5 < steps[0].quantile(0.99) <= 1.0
    assert history.history(since=NOON, until=until)[0].sent == 2
    assert history.history(since=until, until=until) == []


def test_old_minutes_are_pruned():
    noted = Minutes()
    note(noted)
    note(noted, at=NOON + datetime.timedelta(days=1))
    flush(noted)
    assert Minute.objects.count() == 2
    (job,) = (each for each in all_jobs() if each.name == "platform_outbox.forget_minutes")
    job.function(Run(job=job, now=NOON + datetime.timedelta(hours=1) + MINUTES_KEPT))
    assert Minute.objects.get().minute == NOON + datetime.timedelta(days=1)
