"""`make run` as a person meets it: real processes in a copy of the checkout."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.local.embedded_postgres import DATABASE, SERVING_USER, USER, Cluster, program
from lifeos_project.local.supervisor import MOST_RESTARTS, ChildEnded, Supervisor
from lifeos_project.postgresql.database_settings import EMBEDDED_MAJOR
from lifeos_project.tests.services import bare_environment, free_port, listens, wait_until

pytestmark = pytest.mark.lifeos


@pytest.fixture
def checkout(tmp_path):
    """What a checkout holds of interest before there is an environment."""
    root = tmp_path / "lifeos"
    root.mkdir()
    shutil.copy(settings.BASE_DIR / "Makefile", root)
    shutil.copytree(settings.BASE_DIR / "requirements", root / "requirements")
    return root


class House:
    """A running `manage.py run_local` with its log."""

    def __init__(self, var: Path, log: Path, **variables):
        self.port = free_port()
        self.log = log
        self.var = var
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run_local", "--port", str(self.port), "--no-demo"],
                cwd=settings.BASE_DIR,
                env=bare_environment(LIFEOS_VAR_DIR=str(var), **variables),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text()

    def wait_until_greeting(self) -> float:
        started = time.monotonic()
        wait_until(
            lambda: "Sign in: operator@" in self.text() or self.process.poll() is not None, seconds=90, what=self.text()
        )
        assert self.process.poll() is None, self.text()
        return time.monotonic() - started

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read()

    def left_over(self) -> list[str]:
        """Command lines of processes that still belong to this house."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                told = (entry / "environ").read_bytes().decode(errors="replace") + line
            except OSError:
                continue
            if line and str(self.var) in told:
                found.append(line)
        return found


@pytest.fixture(scope="module")
def used_var(tmp_path_factory):
    """A var/ that the tests use one after the other: only its first start migrates.

    pytest's own directories are closed to others, which is what a checkout under /root looks like to root's server.
    """
    return tmp_path_factory.mktemp("house") / "var"


@pytest.fixture
def house(used_var, tmp_path):
    """Starts LifeOS."""
    started = []

    def start(**variables):
        started.append(House(used_var, tmp_path / f"house{len(started)}.log", **variables))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(40)


def password_in(text: str) -> str:
    return text.split("Sign in: demo@lifeos.example")[1].split()[0]


def test_a_first_start_serves_and_a_second_keeps_the_data(house, used_var):
    shutil.rmtree(used_var, ignore_errors=True)
    first = house()
    first.wait_until_greeting()
    assert b'"status": "ok"' in first.get("/health")
    text = first.text()
    assert f"LifeOS is at http://localhost:{first.port}" in text
    assert "migrations applied" in text
    secrets = first.var / "secrets"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in secrets.iterdir()}
    assert modes == dict.fromkeys(["SECRET_KEY", "JWT_SECRET_KEY", "demo-password", "operator-password"], "0o600")
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(40) == 0
    assert first.left_over() == []

    second = house()
    second.wait_until_greeting()
    assert "migrations applied" not in second.text()
    assert password_in(second.text()) == password_in(text)
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(40) == 0
    assert second.left_over() == []


def test_a_supervisor_killed_outright_takes_everything_along(house):
    one = house()
    one.wait_until_greeting()
    one.process.kill()
    one.process.wait()
    wait_until(lambda: one.left_over() == [], seconds=40, what="everything gone")


def children_of(process) -> dict[int, bytes]:
    """Process id → command line."""
    return {
        int(stat.parent.name): (stat.parent / "cmdline").read_bytes()
        for stat in Path("/proc").glob("[0-9]*/stat")
        if stat.read_text().rsplit(")", 1)[1].split()[1] == str(process.pid)
    }


def test_a_worker_that_dies_is_replaced_and_with_the_web_process_everything_stops(house):
    one = house()
    one.wait_until_greeting()
    (worker,) = [pid for pid, line in children_of(one.process).items() if b"outbox_worker" in line]
    os.kill(worker, signal.SIGKILL)
    wait_until(
        lambda: "Outbox worker" in one.text().partition("worker ended with code -9 and is started again")[2],
        seconds=40,
        what="another worker",
    )
    (web,) = [
        pid
        for pid, line in children_of(one.process).items()
        if b"outbox_worker" not in line and b"postgres" not in line
    ]
    os.kill(web, signal.SIGKILL)
    assert one.process.wait(40) == 1
    assert "LifeOS does not run: web ended with code -9" in one.text()
    assert one.left_over() == []


def test_a_process_that_ends_again_and_again_is_not_started_for_ever():
    lines = []
    supervisor = Supervisor(write=lines.append)
    supervisor.keep_alive("job", [sys.executable, "-c", "raise SystemExit(75)"], environment=dict(os.environ))
    with pytest.raises(ChildEnded, match="job ended with code 75"):
        supervisor.watch()
    supervisor.stop()
    assert sum("is started again" in line for line in lines) == MOST_RESTARTS


@pytest.fixture
def refusal(tmp_path):
    """Starts LifeOS where it must refuse; returns what it says."""
    return lambda *arguments, **variables: refused(*arguments, **{"LIFEOS_VAR_DIR": str(tmp_path / "var"), **variables})


def refused(*arguments: str, **variables) -> str:
    """The output of a start that must fail."""
    done = subprocess.run(
        [sys.executable, "manage.py", "run_local", *arguments],
        cwd=settings.BASE_DIR,
        env=bare_environment(**variables),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return (done.stdout + done.stderr).strip()


def test_a_busy_port_is_one_sentence(refusal, live_port):
    text = refusal("--port", str(live_port))
    assert text == (
        f"LifeOS does not run: Port {live_port} is in use; choose another one: make run PORT={live_port + 1}"
    )


@pytest.fixture
def live_port():
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert listens(port)
        yield port


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody:secret@127.0.0.1:{port}/none", "DATABASE_URL cannot be used"),
        ("mysql://nobody:secret@127.0.0.1/none", "DATABASE_URL must begin with postgresql://"),
        ("postgresql://nobody:secret@127.0.0.1:port/none", "DATABASE_URL is not a URL"),
    ],
)
def test_a_broken_database_url_is_one_sentence(refusal, url, words):
    text = refusal("--port", str(free_port()), DATABASE_URL=url.format(port=free_port()))
    assert words in text
    assert len(text.splitlines()) == 1
    assert "secret" not in text


def test_a_disk_that_cannot_be_written_is_one_sentence(refusal):
    # Refused even to root, unlike a missing permission.
    text = refusal("--port", str(free_port()), LIFEOS_VAR_DIR="/proc/1/nothing")
    assert "/proc/1/nothing cannot be written" in text
    assert len(text.splitlines()) == 1


def test_production_is_not_run_this_way(refusal):
    from lifeos_project.tests.test_checks import SAFE

    text = refusal("--port", str(free_port()), **SAFE)
    assert text.endswith("`make run` is for development; in production start gunicorn and the worker themselves.")


def make(root: Path, *arguments: str):
    return subprocess.run(
        ["make", *arguments], cwd=root, env=bare_environment(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_a_too_old_python_is_one_sentence(checkout, tmp_path):
    old = tmp_path / "python3.8"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(checkout, "run", f"PYTHON={old}")
    assert done.returncode != 0
    sentences = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert sentences == [
        f"LifeOS needs Python 3.11 or newer; found none as: {old}. Name one: make run PYTHON=/path/to/python3"
    ]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_help_lists_every_target(checkout):
    listed = {line.split()[1] for line in make(checkout, "help").stdout.splitlines()}
    (phony,) = [line for line in (checkout / "Makefile").read_text().splitlines() if line.startswith(".PHONY:")]
    # These two serve the others.
    assert listed == set(phony.split()[1:]) - {"install", "install-dev"}
    assert {"run", "test", "lint", "docs", "security", "image", "clean"} <= listed


def test_data_of_an_older_release_gets_a_second_role(used_var, house):
    """As the release before left it: no role but the superuser's, tables that nobody else may read."""
    cluster = Cluster(directory=used_var / "postgres" / EMBEDDED_MAJOR)
    cluster.ensure_running()
    try:
        ask = [program("psql"), "-XAtq", "-h", str(cluster.socket_directory), "-U", USER, "-d", DATABASE, "-c"]
        drop = f"DROP OWNED BY {SERVING_USER}; DROP ROLE {SERVING_USER}"
        subprocess.run([*ask, drop], check=True, capture_output=True)
    finally:
        cluster.leave()
    running = house()
    running.wait_until_greeting()
    assert running.get("/health/ready")
    serving = (
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    told = subprocess.run([*ask, serving], check=True, capture_output=True, text=True).stdout
    assert told.split() == [SERVING_USER]
