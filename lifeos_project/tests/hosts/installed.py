"""LifeOS on several machines: commands, variables and configuration files of the compose files, as shipped."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifeos_project.tests import services
from lifeos_project.tests.hosts.switched import ADDRESSES
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.network import Network
from lifeos_project.tests.stack.running import CONFIGURATION, POSTGRES, make_certificate, render, succeeds

AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
EMAIL, PASSWORD = "anna@example.org", "a-long-enough-Passphrase-7"
SITE = f"https://{ADDRESSES['lb']}:8443"
SEVERAL = "postgresql://lifeos_app@db,db2/lifeos?target_session_attrs=read-write"
PATIENCE = 240


@dataclass(slots=True, kw_only=True)
class Installation:
    """Everything that runs, and how to start each part of it again."""

    machines: dict[str, Network]
    directory: Path
    services: dict[str, Any] = field(default_factory=dict)

    def environment(self, service: str, **changes: str) -> dict[str, str]:
        return {**compose.environment(self.services[service]), **changes}

    def sql(self, statement: str, *, on: str) -> str:
        """What the database of a machine answers, asked on that machine."""
        command = [f"{POSTGRES}/psql", "-XAtq", "-h", str(self.directory / on / "socket"), "-U", "lifeos"]
        return self.machines[on].run([*command, "-c", statement, "lifeos"]).strip()

    def is_ready(self, machine: str) -> None:
        """Wait until a web process takes requests."""
        ready = "http://127.0.0.1:8000/health/ready"
        services.wait_until(
            lambda: self.machines[machine].get(ready).status == 200, seconds=PATIENCE, what=f"{machine} to be ready"
        )


def prepare(directory: Path) -> None:
    """What has to be there before the machines are: PgBouncer's directory is one of the shipped files."""
    services.program("pgbouncer", package="pgbouncer")
    shutil.copytree(CONFIGURATION / "pgbouncer", directory / "pgbouncer")
    (directory / "compose").mkdir()


def install(directory: Path, machines: dict[str, Network]) -> Installation:
    """Start everything, on an empty database, with a superuser who may sign in."""
    found = Installation(machines=machines, directory=directory)
    found.services = compose.stack(
        directory / "compose", files=compose.SCALED, DB_SHARED_BUFFERS="32MB", DATABASE_DIRECT_URL=SEVERAL
    )["services"]
    _make_database(found)
    start_redis(found)
    start_pgbouncer(found)
    _migrate(found)
    start_web(found, "web1")
    _make_replica(found)
    _start_nginx(found)
    found.is_ready("web1")
    start_web(found, "web2")
    for worker in ("worker1", "worker2"):
        start_worker(found, worker)
    secret = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    manage(found, "createsuperuser", "--noinput", "--email", EMAIL, **secret)
    found.is_ready("web2")
    # From here on a commit is acknowledged when the replica has it on its disk too.
    found.sql("ALTER SYSTEM SET synchronous_standby_names = 'db2'", on="db")
    found.sql("SELECT pg_reload_conf()", on="db")
    synchronous = "SELECT sync_state FROM pg_stat_replication"
    services.wait_until(lambda: found.sql(synchronous, on="db") == "sync", seconds=60, what="the synchronous replica")
    return found


def manage(found: Installation, *arguments: str, **variables: str) -> str:
    """A command of manage.py on the first worker's machine."""
    environment = _app_environment(found, "worker1", "lifeos-worker", **variables)
    return found.machines["worker1"].run(
        [str(CONFIGURATION / "entrypoint.sh"), "manage.py", *arguments], environment=environment
    )


def _migrate(found: Installation) -> None:
    """As the owner, who makes the role that everything else serves as."""
    environment = _app_environment(found, "web1", "lifeos-migrate")
    command = [str(CONFIGURATION / "entrypoint.sh"), *compose.command(found.services["lifeos-migrate"])]
    found.machines["web1"].run(command, environment=environment)


def start_web(found: Installation, name: str) -> None:
    _start_app(found, name, "lifeos-web")


def start_worker(found: Installation, name: str) -> None:
    _start_app(found, name, "lifeos-worker")


def _start_app(found: Installation, name: str, service: str) -> None:
    command = [str(CONFIGURATION / "entrypoint.sh"), *compose.command(found.services[service])]
    found.machines[name].start(name, command, environment=_app_environment(found, name, service))


def _app_environment(found: Installation, name: str, service: str, **variables: str) -> dict[str, str]:
    home = found.directory / name
    home.mkdir(exist_ok=True)
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LIFEOS_VAR_DIR": str(home / "files"),
        "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
        "GUNICORN_WORKERS": "1",
        "GUNICORN_THREADS": "4",
        "WORKER_POLL_INTERVAL": "1",
        "DATABASE_REPLICA_URL": "postgresql://lifeos_app@db2/lifeos",
        "BACKUP_NIGHTLY": "false",
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_NETWORKS": "10.77.0.0/24",
    }
    return found.environment(service, **own, **variables)


def start_redis(found: Installation) -> None:
    services.program("redis-server", package="redis-server")
    (found.directory / "redis").mkdir(exist_ok=True)
    assert compose.command(found.services["lifeos-redis"]) == ["sh", "/usr/local/share/lifeos/start.sh"]
    command = ["sh", str(CONFIGURATION / "redis" / "start.sh"), "--bind", "0.0.0.0"]
    found.machines["redis"].start(
        "redis", command, environment=found.environment("lifeos-redis"), directory=found.directory / "redis"
    )


def start_pgbouncer(found: Installation) -> None:
    variables = found.environment("lifeos-pgbouncer", PATH=f"{os.environ['PATH']}:/usr/sbin")
    command = [*AS_POSTGRES, *found.services["lifeos-pgbouncer"]["entrypoint"]]
    found.machines["pgbouncer"].start(
        "pgbouncer", [*command, *compose.command(found.services["lifeos-pgbouncer"])], environment=variables
    )


# Another test's pgbouncer may run meanwhile; this machine's is the one in its network.
_RELOAD = """
for pid in $(pidof pgbouncer); do
  [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ] && kill -HUP "$pid" && found=1
done
[ -n "$found" ]
"""


def point_pgbouncer_at_the_new_primary(found: Installation) -> None:
    """What docs/scaling.md says: the other name in pgbouncer.ini, and a reload."""
    file = found.directory / "pgbouncer" / "pgbouncer.ini"
    file.write_text(file.read_text().replace("* = host=db ", "* = host=db2 "))
    found.machines["pgbouncer"].run(["sh", "-c", _RELOAD], environment={})


def _make_database(found: Installation) -> None:
    services.program("initdb", package="postgresql-15")
    variables, home = found.environment("lifeos-db"), found.directory / "db"
    _make_home(home)
    (home / "password").write_text(variables["POSTGRES_PASSWORD"])
    initdb = [f"{POSTGRES}/initdb", "-D", str(home / "data"), "-U", variables["POSTGRES_USER"], "--auth-local=trust"]
    arguments = [f"--pwfile={home / 'password'}", "--no-sync", *variables["POSTGRES_INITDB_ARGS"].split()]
    found.machines["db"].run([*AS_POSTGRES, *initdb, *arguments])
    with (home / "data" / "pg_hba.conf").open("a") as file:
        file.write("host all all 10.77.0.0/24 scram-sha-256\nhost replication all 10.77.0.0/24 scram-sha-256\n")
    start_postgres(found, "db")
    found.machines["db"].run(
        [f"{POSTGRES}/createdb", "-h", str(home / "socket"), "-U", "lifeos", variables["POSTGRES_DB"]]
    )


def _make_home(home: Path) -> None:
    home.mkdir()
    for name in ("data", "socket"):
        (home / name).mkdir(mode=0o700 if name == "data" else 0o755)
        shutil.chown(home / name, "postgres")


def start_postgres(found: Installation, name: str) -> None:
    home = found.directory / name
    program, *arguments = compose.command(found.services["lifeos-db"])
    # The replica is known to the primary by this name.
    own = ["-D", str(home / "data"), "-k", str(home / "socket"), "-h", "0.0.0.0", "-c", f"cluster_name={name}"]
    command = [*AS_POSTGRES, f"{POSTGRES}/{program}", *arguments, *own]
    found.machines[name].start(name, command, environment={}, directory=home / "data")
    ready = [f"{POSTGRES}/pg_isready", "-q", "-h", str(home / "socket")]
    services.wait_until(lambda: succeeds(found.machines[name], ready), seconds=PATIENCE, what=f"PostgreSQL on {name}")


def _make_replica(found: Installation) -> None:
    home = found.directory / "db2"
    _make_home(home)
    copy = [f"{POSTGRES}/pg_basebackup", "-h", "db", "-U", "lifeos", "-D", str(home / "data"), "-R", "-X", "stream"]
    found.machines["db2"].run(
        [*AS_POSTGRES, *copy, "-c", "fast", "--no-sync"],
        environment={"PGPASSWORD": compose.SECRETS["POSTGRES_PASSWORD"]},
    )
    start_postgres(found, "db2")


def promote_the_replica(found: Installation) -> None:
    command = [f"{POSTGRES}/pg_ctl", "promote", "-w", "-D", str(found.directory / "db2" / "data")]
    found.machines["db2"].run([*AS_POSTGRES, *command], directory=found.directory / "db2" / "data")


def _start_nginx(found: Installation) -> None:
    program, home = services.program("nginx", package="nginx-light"), found.directory
    make_certificate(home / "tls")
    (home / "nginx").mkdir()
    replicas = " ".join(f"server {ADDRESSES[name]}:8000 max_fails=1 fail_timeout=2s;" for name in ("web1", "web2"))
    variables = found.environment(
        "lifeos-nginx",
        NGINX_UPSTREAM=replicas,
        NGINX_RATE="1000r/s",
        NGINX_RUN_DIR=str(home / "nginx"),
        NGINX_STATIC_ROOT=str(home / "srv"),
        NGINX_ACME_ROOT=str(home / "acme"),
        NGINX_TLS_DIR=str(home / "tls"),
    )
    render(CONFIGURATION / "nginx" / "templates", home, variables=variables)
    command = [program, "-c", str(home / "nginx.conf"), "-g", "daemon off; user root;"]
    found.machines["lb"].start("nginx", command, environment={})
