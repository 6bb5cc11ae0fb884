"""The embedded server on real data directories: started once, shared, stopped by the last, never in the way."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import psycopg
import pytest
from django.conf import settings

from lifeos_project.local import embedded_postgres, embedded_postgres_user
from lifeos_project.local.embedded_postgres import Cluster, EmbeddedPostgresError
from lifeos_project.tests.services import wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def cluster(tmp_path):
    found = Cluster(directory=tmp_path / "data" / "18", durable=False)
    yield found
    found.leave()


def ask(cluster: Cluster, query: str):
    with psycopg.connect(
        host=str(cluster.socket_directory), user=embedded_postgres.USER, dbname=embedded_postgres.DATABASE
    ) as connection:
        return connection.execute(query).fetchone()


def in_another_process(cluster: Cluster, body: str) -> "subprocess.Popen[str]":
    code = (
        "import sys, time; from pathlib import Path; from lifeos_project.local.embedded_postgres import Cluster\n"
        f"cluster = Cluster(directory=Path({str(cluster.directory)!r}), durable=False)\n{body}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def start_patiently(cluster: Cluster) -> None:
    """The processes of a killed server notice within moments; until then the memory they share is in use."""
    for _ in range(20):
        with contextlib.suppress(EmbeddedPostgresError):
            return cluster.ensure_running()
        time.sleep(0.2)
    return cluster.ensure_running()


def test_a_killed_server_that_nobody_has_reaped_is_no_obstacle(cluster):
    """Its starter does nothing but wait, so the dead process keeps its number."""
    body = "cluster.ensure_running(); print(cluster._postmaster_pid(), flush=True); sys.stdin.readline()"
    starter = in_another_process(cluster, body)
    pid = int(starter.stdout.readline())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not cluster.is_running(), seconds=60, what="the killed server gone")
    start_patiently(cluster)
    assert ask(cluster, "SELECT 1") == (1,)
    starter.communicate("\n", timeout=30)
    assert cluster.is_running()


def test_it_starts_serves_and_stops(cluster):
    cluster.ensure_running()
    assert ask(cluster, "SHOW fsync") == ("off",)
    assert ask(cluster, "SHOW listen_addresses") == ("",)
    cluster.leave()
    assert not cluster.is_running()
    cluster.ensure_running()
    assert cluster.is_running()


def test_a_durable_cluster_waits_for_the_disk(tmp_path):
    cluster = Cluster(directory=tmp_path / "18", durable=True)
    cluster.ensure_running()
    try:
        assert ask(cluster, "SHOW fsync") == ("on",)
        assert ask(cluster, "SHOW synchronous_commit") == ("on",)
    finally:
        cluster.leave()


def test_only_its_own_user_may_look_inside(cluster):
    cluster.ensure_running()
    assert stat.S_IMODE(cluster.directory.stat().st_mode) == 0o700
    socket = cluster.socket_directory / ".s.PGSQL.5432"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_several_processes_that_start_it_at_once_share_one_server(cluster):
    body = "cluster.ensure_running(); print(cluster._postmaster_pid(), flush=True); sys.stdin.readline()"
    users = [in_another_process(cluster, body) for _ in range(4)]
    assert len({user.stdout.readline() for user in users}) == 1
    for user in users[:-1]:
        user.communicate("\n", timeout=30)
    assert cluster.is_running()
    users[-1].communicate("\n", timeout=30)
    assert not cluster.is_running()


def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over(cluster):
    user = in_another_process(cluster, "cluster.ensure_running(); print('up', flush=True); time.sleep(60)")
    assert user.stdout.readline() == "up\n"
    user.kill()
    user.communicate()
    assert cluster.is_running()
    cluster.ensure_running()
    assert ask(cluster, "SELECT 1") == (1,)
    cluster.leave()
    assert not cluster.is_running()


def test_a_forked_child_does_not_stop_its_parents_server(cluster):
    cluster.ensure_running()
    child = os.fork()
    if child == 0:
        cluster.leave()
        os._exit(0)
    os.waitpid(child, 0)
    assert cluster.is_running()


def test_a_server_killed_in_the_middle_comes_back_with_its_data(tmp_path):
    cluster = Cluster(directory=tmp_path / "18", durable=True)
    cluster.ensure_running()
    try:
        with psycopg.connect(
            host=str(cluster.socket_directory), user=embedded_postgres.USER, dbname=embedded_postgres.DATABASE
        ) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        os.kill(cluster._postmaster_pid(), signal.SIGKILL)
        wait_until(lambda: not cluster.is_running(), seconds=60, what="the killed server gone")
        start_patiently(cluster)
        assert ask(cluster, "SELECT count(*) FROM kept") == (0,)
    finally:
        cluster.leave()


def test_a_left_over_pid_file_that_names_a_strangers_process_is_no_obstacle(cluster):
    cluster.ensure_running()
    cluster.leave()
    stranger = f"{os.getpid()}\n{cluster.directory}\n1\n5432\n{cluster.directory}\n\n  5432001 1\nready   \n"
    (cluster.directory / "postmaster.pid").write_text(stranger)
    embedded_postgres_user.hand_over(cluster.directory / "postmaster.pid")
    assert not cluster.is_running()
    cluster.ensure_running()
    assert ask(cluster, "SELECT 1") == (1,)


def test_an_interrupted_first_run_is_begun_again(cluster):
    half = cluster.directory.with_name("18.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    cluster.ensure_running()
    assert ask(cluster, "SELECT current_database()") == ("lifeos",)
    assert not half.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_stand_in(tmp_path):
    cluster = Cluster(directory=tmp_path / ("long" * 30) / "18", durable=False)
    cluster.ensure_running()
    try:
        assert len(str(cluster.socket_directory)) < 60
        assert ask(cluster, "SELECT 1") == (1,)
    finally:
        cluster.leave()
        shutil.rmtree(cluster.socket_directory)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"cannot use .*: Not a directory"):
        Cluster(directory=tmp_path / "file" / "18").ensure_running()


def test_a_server_that_cannot_start_says_why(cluster):
    cluster.ensure_running()
    cluster.leave()
    with (cluster.directory / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = on\n")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start: .*(no_such_setting|configuration)"):
        cluster.ensure_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
def test_roots_server_passes_a_private_directory_that_stays_private(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    cluster = Cluster(directory=private / "18", durable=False)
    cluster.ensure_running()
    try:
        assert ask(cluster, "SELECT 1") == (1,)
        account = embedded_postgres_user._account()
        assert cluster.directory.stat().st_uid == account.pw_uid

        def may(*command: str, **who) -> bool:
            return not subprocess.run(command, check=False, cwd="/", capture_output=True, **who).returncode

        assert may("test", "-x", str(private), **embedded_postgres_user.identity())
        assert not may("ls", str(private), **embedded_postgres_user.identity())
        assert not may("test", "-x", str(private), user="nobody")
    finally:
        cluster.leave()


def test_the_wheels_programs_are_found():
    for name in ("postgres", "pg_dump", "pg_restore", "psql", "pgbench"):
        version = subprocess.run(
            [str(embedded_postgres.program(name)), "--version"], capture_output=True, text=True, check=True
        ).stdout
        assert "18." in version
