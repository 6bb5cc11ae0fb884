"""Periodic jobs: one worker at a time, missed runs made up for once, failures seen and tried again."""

import datetime
import os
import socket
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from platform_outbox import scheduler
from platform_outbox.models import Periodic
from platform_outbox.scheduler import LeaseLost, every
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.models import Effect
from platform_outbox.timing import LONGEST_JOB_RETRY

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


@pytest.fixture(autouse=True)
def only_ours(monkeypatch):
    monkeypatch.setattr(scheduler, "_jobs", {})


@pytest.fixture
def start():
    return timezone.now() + datetime.timedelta(seconds=1)


def declare(function, *, seconds=60, lease_seconds=None):
    every("test.job", seconds=seconds, lease_seconds=lease_seconds)(function)
    scheduler.introduce()
    return scheduler.all_jobs()[0]


def write(run, number=0):
    Effect.objects.create(handler="job", key="a", number=number, worker_pid=1)


def after(start, seconds):
    return start + datetime.timedelta(seconds=seconds)


def row():
    return Periodic.objects.get(name="test.job")


def test_a_new_job_runs_at_once_and_then_in_its_rhythm(start):
    seen = []
    job = declare(lambda run: seen.append(run.now))
    wait = scheduler.run_job(job, now=start)
    assert 58 < wait < 60
    assert scheduler.run_job(job, now=after(start, 30)) == pytest.approx(29, abs=1)
    scheduler.run_job(job, now=after(start, 61))
    assert seen == [start, after(start, 61)]
    assert row().failures == 0
    assert row().due_at > after(start, 61)


def test_what_was_missed_is_made_up_for_by_one_run(start):
    seen = []
    job = declare(lambda run: seen.append(run.now))
    scheduler.run_job(job, now=start)
    rhythm = row().due_at
    scheduler.run_job(job, now=after(start, 3600 * 5 + 7))
    assert len(seen) == 2
    # The rhythm is kept: the next round is a whole number of intervals after the missed one.
    assert row().due_at - rhythm == datetime.timedelta(seconds=60) * 300
    assert row().due_at > after(start, 3600 * 5 + 7)
    scheduler.run_job(job, now=after(start, 3600 * 5 + 8))
    assert len(seen) == 2


def test_the_rhythm_changes_with_the_code(start):
    seen = []
    scheduler.run_job(declare(lambda run: None, seconds=86_400), now=start)
    scheduler._jobs.clear()
    scheduler.run_job(declare(lambda run: seen.append(1), seconds=60), now=after(start, 100))
    assert seen == [1]


def test_a_clock_that_was_wrong_does_not_silence_a_job(start):
    seen = []
    job = declare(lambda run: seen.append(1))
    Periodic.objects.update(due_at=after(start, 10**8))
    scheduler.run_job(job, now=start)
    assert seen == [1]
    assert row().due_at == after(start, 60)


def test_a_failure_undoes_the_work_shows_itself_and_waits_longer_each_time(start):
    def fail(run):
        write(run)
        raise ValueError("no luck\x00")

    job = declare(fail)
    waits = [scheduler.run_job(job, now=after(start, 1000 * n)) for n in range(4)]
    assert not Effect.objects.exists()
    assert waits == sorted(waits)
    assert 2.5 <= waits[0] <= 5
    assert 20 <= waits[3] <= 40
    assert row().failures == 4
    assert "ValueError: no luck" in row().error
    assert row().last_done_at is None


def test_a_failing_job_is_never_left_alone_for_long(start):
    job = declare(lambda run: 1 / 0, seconds=5)
    Periodic.objects.update(failures=30)
    assert scheduler.run_job(job, now=start) <= LONGEST_JOB_RETRY


def test_success_forgets_the_failures(start):
    luck = [False, True]
    job = declare(lambda run: write(run) if luck.pop(0) else 1 / 0)
    scheduler.run_job(job, now=start)
    assert row().failures == 1
    scheduler.run_job(job, now=after(start, 100))
    assert (row().failures, row().error) == (0, "")
    assert Effect.objects.count() == 1


def test_two_jobs_of_one_name_are_refused():
    every("test.job", seconds=1)(write)
    every("test.job", seconds=1)(write)
    with pytest.raises(TypeError, match=r"Two jobs are called test\.job"):
        every("test.job", seconds=1)(row)


def test_a_leased_job_is_left_alone_until_its_lease_has_passed(start):
    seen = []

    def crash(run):
        seen.append(run.lease)
        raise KeyboardInterrupt  # stands for a killed worker: nothing is marked

    job = declare(crash, lease_seconds=100)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run_job(job, now=start)
    assert scheduler.run_job(job, now=after(start, 99)) == pytest.approx(1, abs=0.1)
    assert len(seen) == 1
    with pytest.raises(KeyboardInterrupt):
        scheduler.run_job(job, now=after(start, 101))
    assert len(set(seen)) == 2


def test_a_run_whose_lease_was_taken_over_ends_and_marks_nothing(start):
    def slow(run):
        run.renew()
        Periodic.objects.update(leased_by="another")
        with pytest.raises(LeaseLost):
            run.renew()
        run.renew()
        write(run)

    job = declare(slow, lease_seconds=100)
    scheduler.run_job(job, now=start)
    assert not Effect.objects.exists()
    assert row().leased_by == "another"
    assert row().last_done_at is None


def test_a_worker_that_has_to_end_gives_a_long_job_back_at_once(start):
    steps = []

    def long(run):
        steps.append(run.lease)
        run.renew()
        write(run)

    job = declare(long, lease_seconds=100)
    scheduler.run_job(job, now=start, should_stop=lambda: True)
    assert not Effect.objects.exists()
    assert (row().leased_until, row().failures, row().last_done_at) == (None, 0, None)
    scheduler.run_job(job, now=after(start, 1))
    assert len(steps) == 2
    assert Effect.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lease_seconds", [None, 60])
def test_of_many_workers_one_runs_the_job_and_nobody_waits(lease_seconds):
    inside, go_on, runs = threading.Event(), threading.Event(), []

    def busy(run):
        runs.append(threading.current_thread().name)
        inside.set()
        go_on.wait(10)

    job = declare(busy, lease_seconds=lease_seconds)

    def work():
        scheduler.run_job(job)
        connections.close_all()

    holder = threading.Thread(target=work, name="holder")
    holder.start()
    assert inside.wait(10)
    others = [threading.Thread(target=work) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join(10)
    assert holder.is_alive()
    go_on.set()
    holder.join(10)
    assert runs == ["holder"]
    assert row().last_done_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_job_that_loses_its_connection_says_so_in_one_line(start, caplog):
    def cut_off(run):
        with socket.socket(fileno=os.dup(connection.connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        write(run)

    scheduler.run_job(declare(cut_off), now=start)
    assert row().failures == 1
    (record,) = (each for each in caplog.records if each.name == "platform_outbox.jobs")
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "lost its connection" in record.getMessage()


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_survives_the_end_of_its_connection():
    seen = []
    every("test.job", seconds=0.05)(lambda run: seen.append(run.now))
    keeper = scheduler.Scheduler(worker="test")
    thread = threading.Thread(target=keeper.run)
    thread.start()
    try:
        wait_for(lambda: len(seen) >= 2, what="the first runs")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        there = len(seen)
        wait_for(lambda: len(seen) >= there + 2, what="runs after the reconnect")
    finally:
        keeper.stop()
        thread.join(10)
    assert not thread.is_alive()
    assert row().worker == "test"
