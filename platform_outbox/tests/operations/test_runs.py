"""Runs of operations: carried out by workers, one at a time per scope, stopped, crashed and gone on with."""

import dataclasses
import itertools
import signal

import pytest
from django.db import connection
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.models import OutboxMessage
from platform_outbox.operations import registry, services
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.registry import ParametersInvalid, operation_named
from platform_outbox.operations.runs import OperationInterrupted
from platform_outbox.operations.services import carry_out
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]


def start(key="a", **given):
    dry_run = given.pop("dry_run", False)
    return services.start(name="probe.count", given={"key": key, **given}, by="Olga", dry_run=dry_run)


def row(run):
    return OperationRun.objects.get(pk=run.pk)


def numbers(key="a"):
    return list(Effect.objects.filter(handler="probe.count", key=key).order_by("id").values_list("number", flat=True))


def asked(*answers):
    """Says whether the run goes on here: as answered, then always as the last time."""
    every = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda: next(every)


def test_a_worker_carries_it_out_and_writes_down_what_came_of_it():
    run = start(to=3)
    assert (run.state, run.scope, run.parameters) == ("requested", "a", {"key": "a", "to": 3, "pause": 0})

    testing.drain()

    done = row(run)
    assert (done.state, done.result, done.done, done.total, done.percent) == ("done", {"numbers": 3}, 3, 3, 100)
    assert done.log == "Counted.\n"
    assert done.by == "Olga"
    assert done.requested_at <= done.started_at <= done.finished_at
    assert numbers() == [1, 2, 3]
    assert OutboxMessage.objects.get().status == "sent"


def test_only_one_run_is_open_for_the_same_thing():
    first = start("a")
    with pytest.raises(services.OperationBusy, match=f"run {first.pk}, started by Olga") as refused:
        start("a")
    assert refused.value.run_id == first.pk
    assert OperationRun.objects.count() == 1
    assert OutboxMessage.objects.count() == 1

    start("b")
    testing.drain()
    start("a", to=0)


def test_what_makes_no_sense_is_not_started():
    with pytest.raises(ParametersInvalid, match="key: it is needed"):
        services.start(name="probe.count", given={}, by="Olga")
    with pytest.raises(services.OperationRefused, match=r"no operation called probe\.dance"):
        services.start(name="probe.dance", given={}, by="Olga")
    with pytest.raises(services.OperationRefused, match=r"probe\.echo has no dry run"):
        services.start(name="probe.echo", given={"file": "x"}, by="Olga", dry_run=True)
    assert not OperationRun.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_dry_run_changes_nothing():
    run = start(to=3, dry_run=True)
    testing.drain()
    assert (row(run).state, row(run).done) == ("done", 3)
    assert numbers() == []


def test_a_failure_is_told_with_its_traceback_and_the_run_goes_on_where_it_was():
    Fault.objects.create(handler="probe.count", key="a", number=3, times=-1)
    run = start(to=4)
    testing.drain()
    failed = row(run)
    assert (failed.state, failed.error, failed.done) == ("failed", "ValueError: 3 is not liked", 2)
    assert "Traceback" in failed.log
    assert OutboxMessage.objects.get().status == "sent"  # not tried again by itself

    Fault.objects.all().delete()
    services.resume(run_id=run.pk, by="Otto")
    testing.drain()
    done = row(run)
    assert (done.state, done.error, done.done, done.result) == ("done", "", 4, {"numbers": 4})
    assert "resumed by Otto" in done.log
    assert numbers() == [1, 2, 3, 4]


def test_a_run_that_has_begun_ends_at_its_next_step():
    run = start(to=5)
    steps = itertools.count()

    def cancel_after_two():
        if next(steps) == 1:
            services.cancel(run_id=run.pk, by="Otto")
        return True

    carry_out(run_id=run.pk, goes_on=cancel_after_two)
    cancelled = row(run)
    assert (cancelled.state, cancelled.kept["through"]) == ("cancelled", 3)
    assert "cancelled by Otto" in cancelled.log
    assert numbers() == [1, 2, 3]  # the step that was under way when it was asked is the last


def test_a_failure_that_meets_a_cancel_is_written_down(monkeypatch):
    run = start()

    def fails(parameters, record):
        services.cancel(run_id=run.pk, by="Otto")
        raise ValueError("no such luck")

    failing = dataclasses.replace(operation_named("probe.count"), function=fails)
    monkeypatch.setitem(registry._operations, "probe.count", failing)
    monkeypatch.setattr(services, "REPORT_SECONDS", 0)
    carry_out(run_id=run.pk, goes_on=lambda: True)
    assert (row(run).state, row(run).error) == ("failed", "ValueError: no such luck")
    assert "Traceback" in row(run).log


def test_a_run_that_nobody_has_begun_is_cancelled_at_once_and_never_begins():
    run = start()
    assert services.cancel(run_id=run.pk, by="Otto").state == "cancelled"
    testing.drain()
    assert row(run).state == "cancelled"
    assert numbers() == []
    with pytest.raises(services.OperationRefused, match="Cancelled already"):
        services.cancel(run_id=run.pk, by="Otto")


def test_what_is_done_is_not_gone_on_with():
    run = start(to=0)
    testing.drain()
    with pytest.raises(services.OperationRefused, match="only a run that failed or was cancelled"):
        services.resume(run_id=run.pk, by="Otto")


def test_what_cannot_stop_half_way_is_not_cancelled_once_it_runs():
    run = services.start(name="probe.echo", given={"file": "x"}, by="Olga")
    OperationRun.objects.filter(pk=run.pk).update(state="running")
    with pytest.raises(services.OperationRefused, match="cannot stop half-way"):
        services.cancel(run_id=run.pk, by="Otto")


def test_a_worker_that_lost_the_run_stops_and_the_next_one_goes_on():
    run = start(to=4)
    with pytest.raises(OperationInterrupted):
        carry_out(run_id=run.pk, goes_on=asked(True, False))
    assert (row(run).state, numbers()) == ("running", [1, 2])

    carry_out(run_id=run.pk, goes_on=lambda: True)
    assert (row(run).state, numbers()) == ("done", [1, 2, 3, 4])


def test_a_worker_that_is_only_slow_is_fenced_off_by_the_next_one():
    run = start(to=3)
    second = []

    def taken_over_at_the_first_step():
        if not second:
            second.append(True)
            carry_out(run_id=run.pk, goes_on=lambda: True)
        return True

    with pytest.raises(OperationInterrupted):
        carry_out(run_id=run.pk, goes_on=taken_over_at_the_first_step)
    assert (row(run).state, row(run).result) == ("done", {"numbers": 3})
    assert numbers() == [1, 2, 3]


def test_an_operation_that_this_installation_does_not_know_fails_with_a_sentence():
    run = OperationRun.objects.create(
        operation="gone.away", parameters={}, dry_run=False, by="Olga", requested_at=timezone.now()
    )
    carry_out(run_id=run.pk, goes_on=lambda: True)
    assert (row(run).state, row(run).error) == (
        "failed",
        "LookupError: No operation is called gone.away in this worker.",
    )


def test_progress_survives_the_end_of_its_connection():
    run = start(to=3)
    killed = []

    def connection_dies():
        if not killed:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND query LIKE '%platform_operation_run%'"
                )
                killed.extend(cursor.fetchall())
        return True

    carry_out(run_id=run.pk, goes_on=connection_dies)
    assert killed
    assert (row(run).state, numbers()) == ("done", [1, 2, 3])


@pytest.mark.parametrize("kind", ["in-process"])
def test_sigterm_hands_a_run_over_to_another_worker(pool):
    first, second = pool.start(2)
    run = start(to=120, pause=50)
    began = wait_for(lambda: Effect.objects.filter(handler="probe.count").first(), what="the run's beginning")
    worker = {process.pid: process for process in (first, second)}[began.worker_pid]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(25) == 0
    wait_for(lambda: row(run).state == "done", seconds=60, what="the run's end")
    assert numbers() == list(range(1, 121))
    assert Effect.objects.values("worker_pid").distinct().count() == 2
