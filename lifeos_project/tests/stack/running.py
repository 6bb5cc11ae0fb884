"""The whole stack as plain processes: the commands, variables and configuration files of the compose files.

What differs from a container is named here and nowhere else: paths, an address per replica instead of a network
interface, and Debian's programs instead of the images'.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.network import ADDRESSES, Answer, Network, network

ROOT = compose.ROOT
CONFIGURATION = ROOT / "compose"
POSTGRES = "/usr/lib/postgresql/15/bin"
REPLICAS = 10
# Seconds; a busy machine takes its time.
PATIENCE = 400
STAND_INS = Path(__file__).with_name("stand_ins.py")


@dataclass(slots=True, kw_only=True)
class Stack:
    """A running installation."""

    network: Network
    services: dict[str, Any]
    web: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    others: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    # Outputs of the ten commands that met the empty database at the same time.
    migrations: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.network.directory

    def get(self, url: str, **options: Any) -> Answer:
        return self.network.get(url, **options)

    def sql(self, statement: str) -> str:
        command = [f"{POSTGRES}/psql", "-XAtq", "-h", str(self.directory / "socket"), "-U", "lifeos", "-c", statement]
        return self.network.run([*command, "lifeos"]).strip()

    def environment(self, service: str, **changes: str) -> dict[str, str]:
        return {**compose.environment(self.services[service]), **changes}


@contextlib.contextmanager
def stack(directory: Path) -> Iterator[Stack]:
    """Database, Redis, ten replicas' migrations, then two web replicas, a worker and nginx."""
    services_ = compose.stack(directory, DB_SHARED_BUFFERS="32MB", PROMETHEUS_RETENTION="1d")["services"]
    with network(directory) as net:
        found = Stack(network=net, services=services_)
        with _static_files(net):
            _start_database(found)
            _start_redis(found)
            _start_replicas(found)
            _start_worker(found)
            _start_nginx(found)
            yield found


@contextlib.contextmanager
def _static_files(net: Network) -> Iterator[None]:
    """What the image's build does: collect the files under hashed names."""
    there = (ROOT / "staticfiles").exists()
    throw_away = {"APP_ENV": "production", "DATABASE_URL": "postgresql://nobody@nowhere/none", **compose.SECRETS}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    net.run(command, environment=throw_away, directory=ROOT)
    try:
        yield
    finally:
        if not there:
            shutil.rmtree(ROOT / "staticfiles", ignore_errors=True)


def _start_database(found: Stack) -> None:
    """PostgreSQL with the options of the compose file, set up as the image's own script does it."""
    services.program("initdb", package="postgresql-15")
    service, home = found.services["lifeos-db"], found.directory
    variables = found.environment("lifeos-db")
    for name in ("data", "socket"):
        (home / name).mkdir()
        shutil.chown(home / name, "postgres")
    (home / "password").write_text(variables["POSTGRES_PASSWORD"])
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    options = ["-D", str(home / "data"), "-U", variables["POSTGRES_USER"], "--no-sync", "--auth-local=trust"]
    initdb = [f"{POSTGRES}/initdb", *options, f"--pwfile={home / 'password'}"]
    found.network.run([*as_postgres, *initdb, *variables["POSTGRES_INITDB_ARGS"].split()])
    program, *arguments = compose.command(service)
    places = ["-D", str(home / "data"), "-k", str(home / "socket"), "-h", ADDRESSES["lifeos-db"][0], "-F"]
    found.network.start(
        "db", [*as_postgres, f"{POSTGRES}/{program}", *arguments, *places], environment={}, directory=home / "data"
    )
    ready = [f"{POSTGRES}/pg_isready", "-q", "-h", "lifeos-db"]
    services.wait_until(lambda: succeeds(found.network, ready), seconds=60, what="PostgreSQL")
    socket = {"PGHOST": str(home / "socket"), "PATH": f"{POSTGRES}:{os.environ['PATH']}"}
    found.network.run([f"{POSTGRES}/createdb", "-U", "lifeos", variables["POSTGRES_DB"]], environment=socket)
    found.network.run([str(CONFIGURATION / "postgres" / "10-monitoring-role.sh")], environment={**variables, **socket})


def succeeds(net: Network, command: list[str]) -> bool:
    return subprocess.run(net.command(command), capture_output=True, check=False).returncode == 0


def _start_redis(found: Stack) -> None:
    services.program("redis-server", package="redis-server")
    (found.directory / "redis").mkdir()
    variables = found.environment("lifeos-redis")
    assert compose.command(found.services["lifeos-redis"]) == ["sh", "/usr/local/share/lifeos/start.sh"]
    command = ["sh", str(CONFIGURATION / "redis" / "start.sh"), "--bind", ADDRESSES["lifeos-redis"][0]]
    found.others["redis"] = found.network.start(
        "redis", command, environment=variables, directory=found.directory / "redis"
    )
    ping = ["redis-cli", "-h", "redis", "-a", variables["REDIS_PASSWORD"], "ping"]
    services.wait_until(lambda: succeeds(found.network, ping), seconds=60, what="Redis")


def app_environment(found: Stack, name: str, *, service: str = "lifeos-web", **changes: str) -> dict[str, str]:
    """The variables of a web replica or worker, with a directory of its own for what a container has of its own."""
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LIFEOS_VAR_DIR": str(found.directory / "files"),
        "BACKUP_TARGET": str(found.directory / "files" / "backups"),
        "PROMETHEUS_MULTIPROC_DIR": str(found.directory / name / "metrics"),
        "GUNICORN_WORKERS": "1",
        "GUNICORN_THREADS": "4",
        "WORKER_POLL_INTERVAL": "1",
    }
    return {**found.environment(service), **own, **changes}


def start_web(found: Stack, number: int) -> "subprocess.Popen[bytes]":
    """One web replica, as its container starts it."""
    name, address = f"web-{number}", ADDRESSES["lifeos-web"][number - 1]
    (found.directory / name).mkdir(exist_ok=True)
    return found.network.start(
        name,
        [str(CONFIGURATION / "entrypoint.sh"), *compose.command(found.services["lifeos-web"])],
        environment=app_environment(found, name, GUNICORN_BIND=f"{address}:8000"),
    )


def _start_replicas(found: Stack) -> None:
    """Ten machines meet the empty database at once; when they have migrated, two web replicas start."""
    (found.directory / "files").mkdir()
    service = "lifeos-migrate"
    command = [str(CONFIGURATION / "entrypoint.sh"), *compose.command(found.services[service])]
    others = {
        f"replica-{number}": found.network.start(
            f"replica-{number}", command, environment=app_environment(found, f"replica-{number}", service=service)
        )
        for number in range(REPLICAS)
    }
    codes = [other.wait(PATIENCE) for other in others.values()]
    found.migrations = [found.network.log(name) for name in others]
    assert codes == [0] * len(others), found.migrations
    found.web = [start_web(found, 1), start_web(found, 2)]
    for address in ADDRESSES["lifeos-web"]:
        url = f"http://{address}:8000/health/ready"
        services.wait_until(lambda url=url: found.get(url).status == 200, seconds=PATIENCE, what=url)


def _start_worker(found: Stack) -> None:
    found.others["worker"] = found.network.start(
        "worker",
        [str(CONFIGURATION / "entrypoint.sh"), *compose.command(found.services["lifeos-worker"])],
        environment=app_environment(
            found,
            "worker",
            service="lifeos-worker",
            WORKER_METRICS_BIND=f"{ADDRESSES['lifeos-worker'][0]}:9101",
        ),
    )


def render(source: Path, target: Path, *, variables: dict[str, str]) -> None:
    """Fill in the templates as the nginx image does: envsubst, for NGINX_… only."""
    names = " ".join(f"${{{name}}}" for name in variables if name.startswith("NGINX_"))
    program = services.program("envsubst", package="gettext-base")
    for template in source.rglob("*.template"):
        made = target / template.relative_to(source).with_suffix("")
        made.parent.mkdir(parents=True, exist_ok=True)
        with template.open() as read, made.open("w") as written:
            subprocess.run([program, names], stdin=read, stdout=written, env=variables, check=True)


def nginx_variables(found: Stack) -> dict[str, str]:
    """Those of the compose file; Debian's nginx is too old to ask a name server again and again."""
    replicas = " ".join(f"server {address}:8000 max_fails=1 fail_timeout=2s;" for address in ADDRESSES["lifeos-web"])
    (found.directory / "nginx").mkdir(exist_ok=True)
    return found.environment(
        "lifeos-nginx",
        NGINX_UPSTREAM=replicas,
        NGINX_HTTP_LISTEN=f"{ADDRESSES['lifeos-nginx'][0]}:8080",
        NGINX_HTTPS_LISTEN=f"{ADDRESSES['lifeos-nginx'][0]}:8443",
        NGINX_LOCAL_LISTEN=f"{ADDRESSES['lifeos-nginx'][0]}:8000",
        NGINX_RUN_DIR=str(found.directory / "nginx"),
        NGINX_STATIC_ROOT=str(found.directory / "srv"),
        NGINX_ACME_ROOT=str(found.directory / "acme"),
        NGINX_TLS_DIR=str(found.directory / "tls"),
    )


def make_certificate(directory: Path) -> None:
    """A self-signed one, as docs/install.md makes it for a first look."""
    directory.mkdir(exist_ok=True)
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(directory / "privkey.pem"), "-out", str(directory / "fullchain.pem")]
    subprocess.run(["openssl", "req", "-x509", *keys, "-days", "30", *subject, *files], check=True, capture_output=True)


def _start_nginx(found: Stack) -> None:
    program = services.program("nginx", package="nginx-light")
    home = found.directory
    make_certificate(home / "tls")
    (home / "srv").mkdir()
    (home / "srv" / "static").symlink_to(ROOT / "staticfiles")
    render(CONFIGURATION / "nginx" / "templates", home, variables=nginx_variables(found))
    command = [program, "-c", str(home / "nginx.conf"), "-g", "daemon off; user root;"]
    found.others["nginx"] = found.network.start("nginx", command, environment={})
    url = "http://lifeos-nginx:8000/health/live"
    services.wait_until(lambda: found.get(url).status == 200, seconds=60, what="nginx")
