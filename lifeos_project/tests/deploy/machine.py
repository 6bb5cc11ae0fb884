"""One machine with an installation: a repository, a home, nginx, and deploy.sh to move it."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import global_settings, settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from lifeos_project.backups import servers
from lifeos_project.tests import copied_database
from lifeos_project.tests.services import bare_environment, free_port, listens, running, wait_until
from lifeos_project.tests.stack.running import make_certificate, render
from lifeos_project.tests.test_checks import SAFE

SCRIPT = Path(settings.BASE_DIR) / "deploy" / "scripts" / "deploy.sh"
IGNORED = shutil.ignore_patterns(
    "var", "staticfiles", ".venv*", ".git", "__pycache__", ".*_cache", ".hypothesis", "bench", "docs", "tests"
)
EMAIL = "demo@lifeos.example"
PASSWORD = "demo correct horse"


class Machine:
    """Its first release is tagged v1, and built as deploy.sh builds it by default."""

    def __init__(self, directory: Path, *, database: servers.Database, nginx: str):
        self.directory, self.database, self.nginx = directory, database, nginx
        self.role = f"lifeos_deploy_app_{secrets.token_hex(4)}"
        self.home, self.repository = directory / "home", directory / "repository"
        self.port, self.ports = free_port(), [free_port(), free_port()]
        self.base = f"http://127.0.0.1:{self.port}"
        self._write_settings()
        shutil.copytree(settings.BASE_DIR, self.repository, ignore=IGNORED)
        self.git("init", "--quiet", "--initial-branch=main")
        self.tag("v1")

    def _write_settings(self) -> None:
        command = f"{self.nginx} -c {self._configure_nginx()}"
        self.nginx_command = [*command.split(), "-g", "daemon off;"]
        configuration = {
            "DRIVER": "processes", "MANAGER": "pidfile", "LIFEOS_HOME": self.home, "SOURCE": f"file://{self.repository}",
            "WEB_PORTS": " ".join(map(str, self.ports)), "HEALTH_URL": f"{self.base}/health", "READY_SECONDS": "180",
            "NGINX_RELOAD": f"{command} -s reload", "DRAIN_SECONDS": "0.2",
            "KEPT_RELEASES": "2", "NGINX_TLS_DIR": self.directory / "nginx",
        }  # fmt: skip
        text = "".join(f"{name}='{value}'\n" for name, value in configuration.items())
        (self.directory / "production.conf").write_text(text)
        made = self.deploy_sh("init", "--host", "books.example.org", "--email", EMAIL)
        assert made.returncode == 0, made.stderr
        # The first deploy makes the role that serves.
        login = {"user": self.role, "password": secrets.token_hex(16)}
        serving = replace(self.database, parameters={**self.database.parameters, **login})
        (self.home / "shared" / "owner.env").write_text(f"DATABASE_OWNER_URL={self.database.url()}\n")
        (self.home / "shared" / "lifeos.env").unlink()
        self.configure(
            **SAFE | {"DATABASE_URL": serving.url()}, GUNICORN_WORKERS="1", GUNICORN_THREADS="4",
            BACKUP_NIGHTLY="false", BACKUP_SCRATCH_URL=self.database.named("postgres").url(),
        )  # fmt: skip

    def configure(self, **variables: str) -> None:
        """Write variables to the settings file, which processes read when they start."""
        file = self.home / "shared" / "lifeos.env"
        lines = file.read_text() if file.exists() else "# of the test\n\n"
        file.write_text(lines + "".join(f"{name}={value}\n" for name, value in variables.items()))

    def _configure_nginx(self) -> Path:
        """The files that containers run with, and the upstream that the script keeps."""
        run = self.directory / "nginx"
        run.mkdir()
        make_certificate(run)
        variables = {
            "NGINX_UPSTREAM": f"include {self.home}/run/upstream.conf;", "NGINX_RUN_DIR": str(run), "NGINX_ACCESS_LOG": "/dev/stdout",
            "NGINX_LOCAL_LISTEN": f"127.0.0.1:{self.port}", "NGINX_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
            "NGINX_HTTPS_LISTEN": f"127.0.0.1:{free_port()}", "NGINX_TLS_DIR": str(run), "NGINX_STATIC_ROOT": str(run),
            "NGINX_ACME_ROOT": str(run), "NGINX_TRUSTED_PROXY": "127.0.0.1/32", "NGINX_HSTS_SECONDS": "0",
            "NGINX_RATE": "100r/s", "NGINX_SIGN_IN_RATE": "30r/m",
        }  # fmt: skip
        render(Path(settings.BASE_DIR) / "compose" / "nginx" / "templates", run, variables=variables)
        return run / "nginx.conf"

    def git(self, *arguments: str) -> None:
        author = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *author, *arguments], cwd=self.repository, check=True, capture_output=True)

    def tag(self, name: str, *, on: str = "HEAD", **files: str) -> None:
        """Commit what is appended to files of `on` (`a/b.py` is written a__b__py) and give the commit a name."""
        if on != "HEAD":
            self.git("checkout", "--quiet", "--detach", on)
        for path, content in files.items():
            *parents, stem, ending = path.split("__")
            target = self.repository.joinpath(*parents) / f"{stem}.{ending}"
            target.write_text(target.read_text() + content if target.exists() else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", name)
        self.git("tag", name)

    def deploy_sh(self, *arguments: str) -> subprocess.CompletedProcess:
        configuration = str(self.directory / "production.conf")
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=configuration)
        # What is measured are the checkout's own files; counting in a release's copy would only make it slow.
        environment = {name: value for name, value in environment.items() if not name.startswith("COV")}
        command = ["bash", str(SCRIPT), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    def lend_environment(self) -> None:
        """Build later releases with the environment of the checkout: how one is made, the first has shown."""
        collect = ".venv/bin/python manage.py collectstatic --noinput --verbosity 0"
        with (self.directory / "production.conf").open("a") as file:
            file.write(f"BUILD='ln -s {settings.BASE_DIR}/.venv .venv && {collect}'\n")

    @contextlib.contextmanager
    def impatient(self, **settings_of_script: str) -> Iterator[None]:
        """Other settings of deploy.sh for the length of the block."""
        file = self.directory / "production.conf"
        before = file.read_text()
        file.write_text(before + "".join(f"{name}='{value}'\n" for name, value in settings_of_script.items()))
        try:
            yield
        finally:
            file.write_text(before)

    def manage(self, *arguments: str) -> str:
        """What manage.py of the current release prints with the installation's settings."""
        lines = (self.home / "shared" / "lifeos.env").read_text().splitlines()[2:]
        command = [sys.executable, "manage.py", *arguments]
        environment = {"PATH": os.environ["PATH"], **dict(line.split("=", 1) for line in lines)}
        done = subprocess.run(
            command, cwd=self.home / "current", env=environment, check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout

    def status(self) -> dict[str, str]:
        """First word to the rest of each line of `status`."""
        told = self.deploy_sh("status").stdout
        return {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[-1] for line in told.splitlines()}

    def releases(self) -> set[str]:
        """The releases that processes run: what `status` says of each."""
        return {words.split()[-1].partition("-")[0] for name, words in self.status().items() if "-" in name}

    def all_are_ready(self) -> bool:
        return all(words.split()[0] == "ready" for name, words in self.status().items() if "-" in name)

    def pids(self) -> dict[str, int]:
        """Name of each process to its number."""
        return {file.stem: int(file.read_text().split()[0]) for file in (self.home / "run").glob("*.pid")}

    def ask(self, question: str, *, name: str = "") -> list[tuple]:
        """Rows of a statement in the installation's database, or in another one of its server."""
        with self.database.named(name or self.database.name).connect() as server:
            return server.execute(question).fetchall()

    def entries_of(self, payee: str, *, name: str = "") -> set[str]:
        """Public ids."""
        found = self.ask(f"SELECT uid FROM finance_journalentry WHERE payee = '{payee}'", name=name)
        return {str(uid) for (uid,) in found}

    def databases(self) -> set[str]:
        """Every database of this installation: also the one that a restore has kept aside."""
        found = self.ask(f"SELECT datname FROM pg_database WHERE datname ~ '^{self.database.name}'", name="postgres")
        return {name for (name,) in found}

    def stop(self) -> None:
        for pid in self.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


@contextlib.contextmanager
def machine(directory: Path, *, nginx: str) -> Iterator[Machine]:
    """A machine whose nginx runs and whose database holds a household; no release is deployed yet."""
    connection.ensure_connection()
    database = servers.from_django(connection.settings_dict).named(f"lifeos_deploy_{secrets.token_hex(4)}")
    # No release knows the tables of the tests' own app.
    copied_database.create(database, directory=directory, but_for="outbox_probe_*")
    _seed(database)
    one = Machine(directory, database=database, nginx=nginx)
    try:
        with running(one.nginx_command, log=directory / "nginx.log"):
            wait_until(lambda: listens(one.port), seconds=60, what="nginx")
            yield one
    finally:
        one.stop()
        for name in one.databases():
            servers.drop(database.named(name))
        with database.named("postgres").connect() as server:
            server.execute(f"DROP ROLE IF EXISTS {one.role}")


def _seed(database: servers.Database) -> None:
    # The tests' quick hash of passwords is one that no production knows.
    changes = {"PASSWORD_HASHERS": global_settings.PASSWORD_HASHERS, "DEMO_PASSWORD": PASSWORD}
    with copied_database.in_use(database), override_settings(**changes):
        call_command("seed_demo", months=1, seed=1, user=EMAIL, verbosity=0)
