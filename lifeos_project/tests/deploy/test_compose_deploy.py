"""deploy.sh with DRIVER=compose by its defaults: docker-compose 1.29 and docker as they are, before an engine in memory.

Tests come in any order: those of `installed` begin with v1 in use and leave it so.

Which containers a deploy of v2 over v1 replaces: lifeos-migrate and lifeos-backup-dir, every lifeos-worker, every
lifeos-web (the new ones beside the old ones), lifeos-nginx. lifeos-db and lifeos-redis stay. A plain `docker-compose
up -d` afterwards makes none.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.deploy.engine import Engine, engine
from lifeos_project.tests.services import QUICK_COMPOSE, bare_environment, program, wait_until

ROOT = Path(settings.BASE_DIR)
DATA = [("lifeos-db", "postgres:16.10-bookworm"), ("lifeos-redis", "redis:7.4.5-bookworm")]
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


def is_free(lock: Path) -> bool:
    with lock.open() as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def running(release: str, *, web: int = 2) -> list[tuple[str, str]]:
    """What runs when `release` does, as the engine tells it."""
    ours = [(name, f"lifeos-web:{release}") for name in ["lifeos-web"] * web + ["lifeos-worker"]]
    return sorted([*DATA, ("lifeos-nginx", f"lifeos-nginx:{release}"), *ours])


def made_anew(release: str) -> list[tuple[str, str]]:
    """The containers that a deploy of `release` over another one makes."""
    app = ("lifeos-migrate", "lifeos-backup-dir", "lifeos-web", "lifeos-web", "lifeos-worker")
    return sorted([("lifeos-nginx", f"lifeos-nginx:{release}"), *((name, f"lifeos-web:{release}") for name in app)])


class Machine:
    """A checkout with its engine; v1, v2 and v3 are tags of it."""

    def __init__(self, directory: Path, *, state: Engine, socket: Path, health_url: str):
        self.engine = state
        self.directory = directory / "lifeos"
        self.directory.mkdir()
        for name in ("deploy", "compose"):
            shutil.copytree(ROOT / name, self.directory / name, ignore=shutil.ignore_patterns("tls", "acme", "state"))
        for name in (
            "docker-compose.yml",
            "docker-compose.monitoring.yml",
            ".env.example",
            ".dockerignore",
            ".gitignore",
        ):
            shutil.copy(ROOT / name, self.directory)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        for tag in ("v1", "v2", "v3"):
            self.git("commit", "--quiet", "--allow-empty", "--message", tag)
            self.git("tag", tag)
        # Waiting for nobody; what is not named here is as documented.
        configuration = directory / "production.conf"
        configuration.write_text(f"HEALTH_URL={health_url}\nDRAIN_SECONDS=0\nREADY_SECONDS=5\n")
        self.variables = {
            **QUICK_COMPOSE, "DOCKER_HOST": f"unix://{socket}", "LIFEOS_DEPLOY_CONFIG": str(configuration)
        }  # fmt: skip

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *AUTHOR, *arguments], cwd=self.directory, check=True, capture_output=True)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=bare_environment(**self.variables, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def deploy_sh(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("deploy/scripts/deploy.sh", *arguments, **variables)

    def init(self) -> None:
        made = self.deploy_sh("init", "production", "--host", "books.example.org", "--email", "anna@example.org")
        assert made.returncode == 0, made.stderr

    def deploy(self, release: str, *options: str) -> subprocess.CompletedProcess[str]:
        self.git("checkout", "--quiet", release)
        return self.deploy_sh("deploy", "production", *options)

    def up(self) -> list[tuple[str, str]]:
        """Containers that a plain `docker-compose up -d` makes."""
        mark = len(self.engine.events)
        done = self.run("docker-compose", "up", "-d")
        assert done.returncode == 0, done.stderr
        return self.engine.since(mark, "created")

    def env(self) -> dict[str, str]:
        lines = (self.directory / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@contextmanager
def health(state: Engine) -> Iterator[str]:
    """The site's /health, as far as the containers say whether it would answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if state.answers_health() else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/health"
        finally:
            server.shutdown()


@contextmanager
def new_machine(directory: Path) -> Iterator[Machine]:
    program("docker-compose", package="docker-compose")
    program("docker", package="docker.io")
    with engine(directory / "engine") as state, health(state) as url:
        yield Machine(directory, state=state, socket=directory / "engine", health_url=url)


@pytest.fixture
def machine(tmp_path_factory):
    with new_machine(tmp_path_factory.mktemp("m")) as found:
        yield found


@pytest.fixture(scope="module")
def first_release(tmp_path_factory):
    with new_machine(tmp_path_factory.mktemp("m")) as found:
        found.init()
        first = found.deploy("v1")
        assert first.returncode == 0, first.stderr
        assert found.up() == []
        yield found


@pytest.fixture
def installed(first_release):
    """With v1 running, and nothing broken."""
    first_release.engine.broken = set()
    first_release.engine.ends_with = lambda image, command: 0
    first_release.engine.fewest_web = 100
    assert first_release.engine.services() == running("v1")
    return first_release


def go_back(machine: Machine) -> None:
    back = machine.deploy_sh("rollback", "production")
    assert back.returncode == 0, back.stderr
    assert machine.engine.services() == running("v1")


def test_a_deploy_and_a_rollback_make_the_containers_of_their_release_once_and_a_plain_up_makes_none(installed):
    mark = len(installed.engine.events)
    second = installed.deploy("v2")
    assert second.returncode == 0, second.stderr
    assert installed.engine.services() == running("v2")
    assert sorted(installed.engine.since(mark, "created")) == made_anew("v2")
    assert sorted(installed.engine.since(mark, "removed")) == made_anew("v1")
    # Never fewer than two that could answer.
    assert installed.engine.fewest_web == 2
    (image, chown), *commands = installed.engine.commands(mark)
    assert (image, chown.split(" && ")[0]) == ("lifeos-web:v2", "chown 10001:10001 /backups")
    assert commands == [
        ("lifeos-web:v2", "preflight"),
        ("lifeos-web:v1", "backup --before-deploy"),
        ("lifeos-web:v2", "migrate --noinput"),
    ]
    named = {name: installed.env()[name] for name in ("LIFEOS_IMAGE", "LIFEOS_NGINX_IMAGE", "LIFEOS_WEB_REPLICAS")}
    assert named == {
        "LIFEOS_IMAGE": "lifeos-web:v2",
        "LIFEOS_NGINX_IMAGE": "lifeos-nginx:v2",
        "LIFEOS_WEB_REPLICAS": "2",
    }
    assert (installed.directory / ".env").stat().st_mode & 0o777 == 0o600
    assert installed.up() == []
    again = installed.deploy("v2")
    assert (again.returncode, "nothing to do" in again.stderr) == (0, True), again.stderr

    mark = len(installed.engine.events)
    go_back(installed)
    assert sorted(installed.engine.since(mark, "created")) == made_anew("v1")
    assert installed.engine.fewest_web == 2
    assert installed.env()["LIFEOS_IMAGE"] == "lifeos-web:v1"
    assert installed.up() == []


@pytest.mark.parametrize("service", ["lifeos-worker", "lifeos-web"])
def test_a_release_that_does_not_get_well_leaves_the_one_before_in_place(installed, service):
    mark = len(installed.engine.events)
    replicas = {c.id for c in installed.engine.of("lifeos-web")}
    installed.engine.broken = {(service, "lifeos-web:v2")}
    failed = installed.deploy("v2")
    assert failed.returncode == 1
    assert "going back to lifeos-web:v1" in failed.stderr
    assert "lifeos-web:v1 runs again" in failed.stderr
    assert (service, "lifeos-web:v2") in installed.engine.since(mark, "created")
    assert installed.engine.services() == running("v1")
    # The replicas that served before never stopped.
    assert {c.id for c in installed.engine.of("lifeos-web")} == replicas
    assert installed.engine.fewest_web == 2
    assert "lifeos-nginx" not in {name for name, _ in installed.engine.since(mark, "created")}
    assert installed.env()["LIFEOS_IMAGE"] == "lifeos-web:v1"
    assert installed.up() == []


def test_a_deploy_that_was_killed_is_finished_by_the_next_one(installed):
    mark = len(installed.engine.events)
    installed.git("checkout", "--quiet", "v2")
    command = ["deploy/scripts/deploy.sh", "deploy", "production"]
    environment = bare_environment(**installed.variables)
    with subprocess.Popen(
        command, cwd=installed.directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as killed:  # fmt: skip
        new = ("lifeos-web", "lifeos-web:v2")
        wait_until(lambda: new in installed.engine.since(mark, "started"), seconds=120, what="a replica of v2")
        os.killpg(killed.pid, signal.SIGKILL)
    # What it had started dies a moment later, and holds the lock until then.
    wait_until(
        lambda: is_free(installed.directory / "deploy/state/production/deploy.lock"), seconds=30, what="the lock"
    )
    assert {*running("v1", web=2)} & {*installed.engine.services()} >= {("lifeos-web", "lifeos-web:v1"), *DATA}
    finished = installed.deploy("v2")
    assert finished.returncode == 0, finished.stderr
    assert installed.engine.services() == running("v2")
    assert installed.engine.fewest_web == 2
    assert installed.up() == []
    go_back(installed)


def test_what_a_command_refuses_replaces_no_container(installed):
    for step in ("preflight", "migrate"):
        mark = len(installed.engine.events)
        installed.engine.ends_with = lambda image, command, step=step: int(step in command and image == "lifeos-web:v2")
        refused = installed.deploy("v2")
        assert refused.returncode == 1
        assert installed.engine.since(mark, "created") == []
        assert installed.engine.services() == running("v1")
    assert installed.up() == []


def test_a_restart_replaces_web_and_workers_and_takes_changed_settings(installed):
    file = installed.directory / ".env"
    file.write_text(file.read_text() + "WORKER_BATCH_SIZE=7\n")
    before = {c.id for name in ("lifeos-web", "lifeos-worker") for c in installed.engine.of(name)}
    again = installed.deploy_sh("restart", "production")
    assert again.returncode == 0, again.stderr
    after = [c for name in ("lifeos-web", "lifeos-worker") for c in installed.engine.of(name)]
    assert len(after) == 3
    assert before.isdisjoint({c.id for c in after})
    assert all("WORKER_BATCH_SIZE=7" in c.config["Env"] for c in after)
    assert installed.engine.fewest_web == 2
    assert installed.up() == []
    # Also where nothing was changed.
    assert installed.deploy_sh("restart", "production").returncode == 0
    assert {c.id for c in after}.isdisjoint({c.id for c in installed.engine.of("lifeos-web")})


def test_everything_is_stopped_and_started(installed):
    assert installed.deploy_sh("stop").returncode == 0
    assert installed.engine.services() == sorted([*DATA, ("lifeos-nginx", "lifeos-nginx:v1")])
    started = installed.deploy_sh("start")
    assert started.returncode == 0, started.stderr
    assert installed.engine.services() == running("v1")
    assert installed.up() == []


def test_more_replicas_are_added_to_those_that_run(installed):
    file = installed.directory / ".env"
    file.write_text(file.read_text().replace("LIFEOS_WEB_REPLICAS=2", "LIFEOS_WEB_REPLICAS=3"))
    assert installed.up() == [("lifeos-web", "lifeos-web:v1")]
    assert installed.deploy("v2").returncode == 0
    assert installed.engine.services() == running("v2", web=3)
    assert installed.env()["LIFEOS_WEB_REPLICAS"] == "3"
    file.write_text(file.read_text().replace("LIFEOS_WEB_REPLICAS=3", "LIFEOS_WEB_REPLICAS=2"))
    assert installed.up() == []
    go_back(installed)


def test_the_monitoring_of_the_installation_is_part_of_a_deploy(machine):
    made = machine.deploy_sh("init", "--host", "books.example.org", "--email", "anna@example.org", "--monitoring")
    assert made.returncode == 0, made.stderr
    done = machine.deploy("v1")
    assert done.returncode == 0, done.stderr
    assert {*running("v1")} <= {*machine.engine.services()}
    assert {"grafana", "prometheus", "alertmanager"} <= {service for service, _ in machine.engine.services()}
    assert machine.up() == []


def test_the_example_starts_everything_and_is_the_release_before_the_first_deploy(machine):
    """cp .env.example .env && docker-compose up -d on a machine that has no image yet."""
    shutil.copy(machine.directory / ".env.example", machine.directory / ".env")
    machine.up()
    assert machine.engine.services() == running("latest")
    # Web and workers run the one image that lifeos-migrate has the recipe of.
    assert sorted(machine.engine.builds) == ["lifeos-nginx:latest", "lifeos-web:latest"]
    told = [c.config["Env"] for c in machine.engine.containers.values() if c.service != "lifeos-backup-dir"]
    assert all("APP_ENV=development" in variables for variables in told)
    assert machine.up() == []

    mark = len(machine.engine.events)
    assert machine.deploy("v1").returncode == 0
    assert ("lifeos-web:latest", "backup --before-deploy") in machine.engine.commands(mark)
    assert machine.engine.services() == running("v1")
    assert machine.deploy_sh("rollback").returncode == 0
    assert machine.engine.services() == running("latest")


def test_an_image_of_a_registry_is_pulled_with_its_nginx_and_no_database_is_started_where_it_is_elsewhere(machine):
    machine.init()
    with (machine.directory / ".env").open("a") as file:
        file.write("LIFEOS_DB_REPLICAS=0\nDATABASE_URL=postgresql://lifeos_app@db.internal/lifeos\n")
        file.write("LIFEOS_REDIS_REPLICAS=0\nREDIS_URL=redis://redis.internal:6379/0\n")
    configuration = Path(machine.variables["LIFEOS_DEPLOY_CONFIG"])
    configuration.write_text(configuration.read_text() + "IMAGE=ghcr.io/example/lifeos-web\n")
    unnamed = machine.deploy_sh("deploy")
    assert (unnamed.returncode, "Name a version" in unnamed.stderr) == (1, True)
    done = machine.deploy_sh("deploy", "--ref", "v1.4.0")
    assert done.returncode == 0, done.stderr
    assert machine.engine.builds == []
    web = "ghcr.io/example/lifeos-web:v1.4.0"
    assert machine.engine.services() == [
        ("lifeos-nginx", "ghcr.io/example/lifeos-nginx:v1.4.0"),
        ("lifeos-web", web), ("lifeos-web", web), ("lifeos-worker", web),
    ]  # fmt: skip
    # 1.29 takes a service without containers for a new one, and replaces the commands that depend on it.
    assert sorted(machine.up()) == [("lifeos-backup-dir", web), ("lifeos-migrate", web)]


def test_what_is_built_is_the_checkout_and_no_other_tag(installed):
    installed.git("checkout", "--quiet", "v1")
    builds = list(installed.engine.builds)
    elsewhere = installed.deploy_sh("deploy", "production", "--ref", "v3")
    assert elsewhere.returncode == 1
    assert "git checkout v3" in elsewhere.stderr
    assert installed.engine.builds == builds
    # A change that nobody has named is a release of its own.
    file = installed.directory / "compose" / "Dockerfile"
    file.write_text(file.read_text() + "# changed\n")
    changed = installed.deploy_sh("deploy", "production")
    installed.git("checkout", "--quiet", ".")
    assert changed.returncode == 0, changed.stderr
    (release,) = {image for service, image in installed.engine.services() if service == "lifeos-web"}
    assert release.startswith("lifeos-web:v1-20")
    go_back(installed)


def test_the_plugin_is_used_where_it_is_installed(installed, tmp_path):
    """`docker compose`: here a program that hands everything to docker-compose and writes down that it was asked."""
    script = tmp_path / "docker"
    real, log = program("docker", package="docker.io"), tmp_path / "asked"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = compose ] || exec {real} "$@"\nshift\necho "$*" >> {log}\n'
        '[ "$1" = version ] || exec docker-compose "$@"\n'
    )
    script.chmod(0o755)
    done = installed.deploy_sh("restart", "production", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    asked = log.read_text().splitlines()
    assert "up --detach --no-recreate --scale lifeos-web=4 lifeos-web" in asked
    assert asked[-1].startswith("ps ")
    assert installed.up() == []
