"""The database goes away, comes back and runs out of room."""

import contextlib
import random
import signal
import time

import pytest
from django.db import OperationalError, connection, transaction

from platform_outbox.emit import emit_many, health
from platform_outbox.models import OutboxMessage
from platform_outbox.tests.conftest import Pool, wait_for
from platform_outbox.tests.faults.books import KEYS, assert_the_books_are_right, emitted, make_sources
from platform_outbox.tests.probe.events import Swarmed
from platform_outbox.tests.probe.models import Source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


@pytest.fixture
def server(own_postgres, transactional_db):
    with own_postgres.in_use():
        yield own_postgres


@pytest.fixture
def crew(server, tmp_path, nurseries):
    """Workers and web processes of that server."""
    pool = Pool(kind="in-process", url="", directory=tmp_path, nurseries=nurseries)
    yield pool
    pool.stop()


def terminate_all_backends():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def restart(server, number):
    server.stop(number)
    connection.close()
    time.sleep(0.3)  # long enough for everybody to notice
    server.start()


def test_restarts_crashes_and_terminated_backends_cost_no_event_and_no_attempt(server, crew):
    make_sources()
    workers = crew.start(2, WORKER_POLL_INTERVAL=1)
    web = [crew.launch("platform_outbox.tests.faults.roles:produce", seed, KEYS, 40, 0.02) for seed in (1, 2)]
    crew.processes += web
    luck = random.Random(15)
    for trouble in ("terminate", "restart", "terminate", "crash", "terminate", "restart", "terminate"):
        there = emitted()
        wait_for(lambda: emitted() > there + 150, what="the next changes")  # noqa: B023
        if trouble == "terminate":
            for _ in range(5):
                terminate_all_backends()
                time.sleep(luck.uniform(0, 0.1))
        else:
            restart(server, signal.SIGINT if trouble == "restart" else signal.SIGQUIT)
    for process in web:
        process.kill()
        process.wait()
    wait_for(lambda: health().pending == 0, seconds=60, what="the queue's end")
    assert emitted() > 1000
    assert_the_books_are_right()
    assert [worker.poll() for worker in workers] == [None, None]


def test_a_full_disk_refuses_changes_cleanly_and_the_queue_goes_on_when_there_is_room(
    own_postgres, transactional_db, tmp_path, nurseries
):
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(own_postgres.tiny_disk(megabytes=80))
        except OSError as error:
            pytest.skip(str(error))
        own_postgres.psql(f"CREATE TABLESPACE tiny LOCATION '{disk}'".encode())
        stack.callback(own_postgres.psql, b"DROP DATABASE full_disk WITH (FORCE); DROP TABLESPACE tiny")
        own_postgres.psql(b"CREATE DATABASE full_disk TEMPLATE lifeos TABLESPACE tiny")
        stack.enter_context(own_postgres.in_use(NAME="full_disk"))
        pool = Pool(kind="in-process", url="", directory=tmp_path, nurseries=nurseries)
        stack.callback(pool.stop)
        _fill_and_clear(disk, pool)


def fill(directory):
    """Take all the room that is left; returns the file whose deletion gives it back."""
    filler = directory / "filler"
    for size in (65536, 512):
        with filler.open("ab", buffering=0) as output, contextlib.suppress(OSError):
            while True:
                output.write(b"x" * size)
    return filler


def change(key):
    with transaction.atomic():
        source = Source.objects.select_for_update().get(key=key)
        emit_many([Swarmed(key=key, number=source.last + n) for n in range(1, 101)])
        source.last += 100
        source.save(update_fields=["last"])


def _fill_and_clear(disk, pool):
    make_sources()
    (worker,) = pool.start(1, WORKER_POLL_INTERVAL=1, WORKER_BACKOFF_SECONDS=0.1)
    worker.send_signal(signal.SIGSTOP)
    for key in KEYS:
        change(key)
    filler = fill(disk)
    refused = 0
    for _ in range(40):
        for key in KEYS:
            try:
                change(key)
            except OperationalError as error:
                assert "No space left on device" in str(error)  # noqa: PT017
                refused += 1
        if refused > len(KEYS):
            break
    assert refused > len(KEYS)
    # What was refused left nothing behind, and what was not is complete.
    assert OutboxMessage.objects.count() == emitted()
    worker.send_signal(signal.SIGCONT)
    wait_for(lambda: "No space left on device" in pool.log(), what="the worker's trouble")
    time.sleep(1)
    filler.unlink()
    wait_for(lambda: health().pending == 0, seconds=60, what="the queue's end")
    change(KEYS[0])
    wait_for(lambda: health().pending == 0, what="the change after the trouble")
    assert_the_books_are_right()
    assert worker.poll() is None
