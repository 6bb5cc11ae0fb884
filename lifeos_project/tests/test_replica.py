"""A real primary with a streaming replica: what is read where, and what happens when the replica is not fit for it."""

import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from prometheus_client import REGISTRY

from finance import replica
from finance.models import Account
from lifeos_project.local import embedded_postgres_user
from lifeos_project.tests import services

pytestmark = pytest.mark.long

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    services.program("pg_basebackup", package="postgresql-15")
    directory = tmp_path_factory.mktemp("replicated") / "primary"
    with services.postgres_server(directory, programs=PROGRAMS) as url, psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE TABLE posting (amount int)")
        yield server


@pytest.fixture(scope="module")
def standby(primary):
    """Directory, port and a way to stop and start it."""
    directory, port = (
        Path(primary.execute("SHOW data_directory").fetchone()[0]).parents[1] / "standby",
        services.free_port(),
    )
    services.prepare_server_directory(directory, PROGRAMS)
    copy = [PROGRAMS / "pg_basebackup", "-D", directory / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync"]
    where = ["-h", "127.0.0.1", "-p", str(primary.info.port), "-U", "lifeos"]
    subprocess.run([*copy, *where], check=True, capture_output=True, cwd="/", **embedded_postgres_user.identity())
    with (directory / "data" / "postgresql.conf").open("a") as file:
        # A report that holds up the replay is ended at once.
        file.write(f"port = {port}\nmax_standby_streaming_delay = 0\n")
    return directory, port


@pytest.fixture(scope="module")
def replicated(primary, standby):
    directory, port = standby
    with services.serving(directory, programs=PROGRAMS, port=port):
        yield port


@pytest.fixture
def two_servers(primary, replicated, monkeypatch, settings, django_db_blocker):
    """Django's connections as in an installation with a replica, and an administrator on it."""
    settings.DATABASE_REPLICA_MAX_LAG_SECONDS = 20
    handler = ConnectionHandler({"default": place(primary.info.port), "replica": place(replicated)})
    monkeypatch.setattr(replica, "connections", handler)
    monkeypatch.setattr(replica, "_rest", replica._Rest())
    with django_db_blocker.unblock():
        yield handler
        handler.close_all()


def place(port):
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "lifeos",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "OPTIONS": {"connect_timeout": "2"},
    }


@pytest.fixture
def administrator(replicated):
    with psycopg.connect(host="127.0.0.1", port=replicated, user="lifeos", dbname="postgres", autocommit=True) as made:
        yield made
        if made.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
            made.execute("SELECT pg_wal_replay_resume()")


def report():
    """Where it was read, and how many postings there are."""
    with replica.reading().cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), (SELECT count(*) FROM posting)")
        return cursor.fetchone()


def counted(answered):
    return REGISTRY.get_sample_value("lifeos_report_reads_total", {"answered": answered}) or 0


def test_a_report_comes_from_the_replica_and_shows_what_was_committed_just_before(two_servers, primary):
    before = counted("replica")
    for _ in range(50):
        primary.execute("INSERT INTO posting VALUES (1)")
        (there,) = primary.execute("SELECT count(*) FROM posting").fetchone()
        assert replica.read(report) == (True, there)
    assert counted("replica") == before + 50


def test_outside_of_a_report_and_inside_of_a_transaction_the_primary_answers(two_servers):
    assert report()[0] is False
    two_servers["default"].in_atomic_block = True
    assert replica.read(report)[0] is False


def test_a_replica_that_stays_behind_is_waited_for_no_longer_than_allowed(
    two_servers, primary, administrator, settings
):
    settings.DATABASE_REPLICA_MAX_LAG_SECONDS = 0.05
    administrator.execute("SELECT pg_wal_replay_pause()")
    wait_for_pause(administrator)
    primary.execute("INSERT INTO posting VALUES (2)")
    before = counted("behind")
    (there,) = primary.execute("SELECT count(*) FROM posting").fetchone()
    assert replica.read(report) == (False, there)
    standing = replica.standing()
    assert (standing.state, standing.behind_bytes > 0) == ("behind", True)
    # For a while nobody waits again.
    settings.DATABASE_REPLICA_MAX_LAG_SECONDS = 60
    assert replica.read(report) == (False, there)
    assert counted("behind") == before + 2


def wait_for_pause(administrator):
    services.wait_until(
        lambda: administrator.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",),
        seconds=60,
        what="the pause",
    )


def test_a_report_that_is_ended_on_the_replica_is_begun_again_on_the_primary(two_servers, administrator):
    ran = []

    def long_report():
        ran.append(replica.alias())
        with replica.reading().cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            if ran == ["replica"]:
                administrator.execute("SELECT pg_terminate_backend(%s)", cursor.fetchone())
            cursor.execute("SELECT count(*) FROM posting")
        return report()[0]

    assert replica.read(long_report) is False
    assert ran == ["replica", "default"]
    assert replica._reading.get() is False


def test_a_report_in_the_way_of_the_replay_is_ended_and_begun_again(two_servers, primary):
    """The primary drops what a report on the replica still reads: the replica ends the report."""
    primary.execute("CREATE TABLE passing (x int)")
    ran = []

    def long_report():
        ran.append(replica.alias())
        with replica.reading().cursor() as cursor:
            cursor.execute("BEGIN")
            if ran == ["replica"]:
                cursor.execute("SELECT count(*) FROM passing")
                primary.execute("DROP TABLE passing")
                cursor.execute("SELECT pg_sleep(100)")
            cursor.execute("SELECT 1")
            cursor.execute("COMMIT")
        return ran[-1]

    started = time.monotonic()
    assert replica.read(long_report) == "default"
    assert time.monotonic() - started < 100


def test_a_report_cannot_change_anything_on_the_replica(two_servers):
    def careless():
        with replica.reading().cursor() as cursor:
            cursor.execute("INSERT INTO posting VALUES (3)")

    with pytest.raises(Exception, match="read-only transaction"):
        replica.read(careless)


def test_rows_are_read_by_the_report_and_written_by_the_primary():
    router = replica.ReplicaRouter()
    assert (router.db_for_read(Account), router.db_for_write(Account)) == ("default", "default")
    with replica._from_replica():
        assert (router.db_for_read(Account), router.db_for_write(Account)) == ("replica", "default")
    assert router.allow_relation(Account(), Account()) is True
    assert router.allow_migrate("replica", "finance") is False
    assert router.allow_migrate("default", "finance") is True


def test_other_threads_do_not_read_what_one_thread_reads():
    seen = []
    with replica._from_replica():
        thread = threading.Thread(target=lambda: seen.append(replica.alias()))
        thread.start()
        thread.join()
        assert (replica.alias(), seen) == ("replica", ["default"])


def test_a_replica_that_is_away_is_asked_again_only_after_a_rest(two_servers, primary, monkeypatch):
    there = two_servers["replica"].settings_dict["PORT"]
    two_servers["replica"].settings_dict["PORT"] = str(services.free_port())
    assert replica.read(report)[0] is False
    assert replica.standing() == replica.Standing(state="away")

    def nobody_asks(written):
        raise AssertionError("asked")

    with monkeypatch.context() as patched:
        patched.setattr(replica, "_compared", nobody_asks)
        assert replica.read(report)[0] is False
    two_servers["replica"].settings_dict["PORT"] = there
    assert replica.read(report)[0] is False
    replica._rest.until = 0.0
    assert replica.read(report)[0] is True


def test_an_error_of_the_primary_is_not_hidden(two_servers):
    two_servers["default"].settings_dict["PORT"] = str(services.free_port())
    with pytest.raises(OperationalError):
        replica.read(report)


def test_a_server_that_is_no_replica_of_this_primary_is_never_read(two_servers):
    two_servers["replica"].settings_dict["PORT"] = two_servers.settings["default"]["PORT"]
    before = counted("stranger")
    assert replica.read(report)[0] is False
    assert replica.standing().state == "stranger"
    assert counted("stranger") == before + 1


def test_without_a_replica_reports_ask_nobody_how_far_it_is(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert replica.read(lambda: 7) == 7
    assert replica.standing() is None
