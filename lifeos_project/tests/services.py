"""Real servers for tests: found, started on a free port with a temporary directory, stopped at the end."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from django.conf import settings

from lifeos_project.local import embedded_postgres_user

# Debian keeps these off the PATH of ordinary users, PostgreSQL's even off root's.
EXTRA_PATHS = ("/usr/sbin", "/usr/lib/rabbitmq/bin", "/usr/lib/postgresql/15/bin")


# docker-compose 1.29 loads all of setuptools at each start unless it is told to take Python's own distutils, which halves
# what a start costs. It is started hundreds of times. A Python without distutils would say so at once.
QUICK_COMPOSE = {"SETUPTOOLS_USE_DISTUTILS": "stdlib"}


def bare_environment(**variables: str) -> dict[str, str]:
    """What a shell without any of our variables has."""
    return {**{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}, **variables}


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str, package: str) -> str:
    """Path of the first program found; without one the test is skipped, or fails where services are required."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *EXTRA_PATHS])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    return missing(names[0], package=package)


def missing(name: str, *, package: str) -> NoReturn:
    """Skip the test, or fail it where services are required."""
    reason = f"{name} is not installed (Debian package {package})"
    if os.environ.get("LIFEOS_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return when `condition` holds; fail the test when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.05)
    pytest.fail(f"{what} not within {seconds:.0f} s")


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


@contextlib.contextmanager
def running(
    command: list[str], *, log: Path, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process for the length of the block; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def redis_server(directory: Path, *, port: int = 0) -> Iterator[str]:
    """URL of a redis-server that keeps nothing."""
    port = port or free_port()
    command = [program("redis-server", package="redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(directory)]
    with running(command, log=directory / "redis.log"):
        wait_until(lambda: listens(port), seconds=60, what="redis-server")
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def rabbitmq_server(directory: Path, *, port: int = 0) -> Iterator[str]:
    """URL of a RabbitMQ node with its own name, cookie, ports and database; in the same place it finds its queues."""
    port, distribution = port or free_port(), free_port()
    script = program("rabbitmq-server", package="rabbitmq-server")
    real = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's wrapper insists on its own user
    (directory / "enabled_plugins").write_text("[].\n")
    environment = {
        "PATH": os.environ["PATH"] + ":/usr/sbin:/usr/lib/rabbitmq/bin",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"lifeos{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
        "RABBITMQ_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    command = [str(real) if real.exists() else script]
    # Started by the node itself, the name server would outlive it.
    epmd = [program("epmd", package="erlang-base"), "-port", environment["ERL_EPMD_PORT"], "-address", "127.0.0.1"]
    with (
        running(epmd, log=directory / "epmd.log"),
        running(command, log=directory / "rabbitmq.log", environment=environment) as process,
    ):
        wait_until(lambda: _greets(port) or process.poll() is not None, seconds=90, what="rabbitmq-server")
        assert process.poll() is None, (directory / "rabbitmq.log").read_text()
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


def _greets(port: int) -> bool:
    """RabbitMQ opens its port last; a wrong header is answered with the right one."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.settimeout(2)
        connection.sendall(b"HELLO!!!")
        return connection.recv(4) == b"AMQP"


@contextlib.contextmanager
def postgres_server(
    directory: Path, *, programs: Path, configuration: str = "", user: str = "lifeos", passwords: bool = False
) -> Iterator[str]:
    """URL of a PostgreSQL of the given programs with a superuser `user`; its data are in `directory`/data.

    With `passwords` it asks everybody but the superuser for one.
    """
    port = free_port()
    prepare_server_directory(directory, programs)
    start = [str(programs / "initdb"), "-D", str(directory / "data"), "-U", user, "--auth=trust", "-E", "UTF8"]
    start += ["--locale=C.UTF-8", "--no-sync"]
    subprocess.run(start, check=True, capture_output=True, cwd=directory, **embedded_postgres_user.identity())
    with (directory / "data" / "postgresql.conf").open("a") as file:
        file.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n")
        file.write(configuration)
    if passwords:
        rules = f"host all {user} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (directory / "data" / "pg_hba.conf").write_text(rules)
    with serving(directory, programs=programs, port=port, user=user):
        yield f"postgresql://{user}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def serving(directory: Path, *, programs: Path, port: int, user: str = "lifeos") -> Iterator[None]:
    """The server of `directory`/data for the length of the block."""
    command = [str(programs / "postgres"), "-D", str(directory / "data")]
    with (directory / "server.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, **embedded_postgres_user.identity())
    try:
        wait_until(lambda: _accepts(port, user=user) or server.poll() is not None, seconds=60, what="PostgreSQL")
        assert server.poll() is None, (directory / "server.log").read_text()
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _accepts(port: int, *, user: str) -> bool:
    """The port opens while the server still starts up."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="postgres").close()
        return True
    return False


def prepare_server_directory(directory: Path, programs: Path) -> None:
    """Let the user that may run PostgreSQL reach its programs and own the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    embedded_postgres_user.prepare(directory=directory, programs=programs.parent)


@contextlib.contextmanager
def s3_server(directory: Path) -> Iterator[str]:
    """Address of a server that speaks S3 and keeps everything in memory."""
    found = Path(settings.BASE_DIR / ".venv-s3" / "bin" / "moto_server")
    command = str(found) if found.exists() else program("moto_server", package="none: make .venv-s3/.installed")
    port = free_port()
    with running([command, "--host", "127.0.0.1", "--port", str(port)], log=directory / "s3.log"):
        wait_until(lambda: listens(port), seconds=60, what="the S3 server")
        yield f"http://127.0.0.1:{port}"
