"""deploy.sh end to end: nginx, two web processes and a worker, replaced under load without a failed request."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from lifeos_project.backups import servers
from lifeos_project.tests.deploy.load import Load
from lifeos_project.tests.services import bare_environment, free_port, listens, running, wait_until
from lifeos_project.tests.stack.running import make_certificate, render
from lifeos_project.tests.test_checks import SAFE

SCRIPT = Path(settings.BASE_DIR) / "deploy" / "scripts" / "deploy.sh"
IGNORED = shutil.ignore_patterns(
    "var", "staticfiles", ".venv*", ".git", "__pycache__", ".*_cache", ".hypothesis", "bench", "tests"
)
ADDING = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_record_runs")]
    operations = [migrations.AddField("backuprun", "note", models.TextField(null=True))]
"""


class Machine:
    """One machine with an installation: repository, home, nginx, and deploy.sh to move it."""

    def __init__(self, directory: Path, *, database: servers.Database, nginx: str):
        self.directory, self.database, self.nginx = directory, database, nginx
        self.home, self.repository = directory / "home", directory / "repository"
        self.port, self.ports = free_port(), [free_port(), free_port()]
        self.base = f"http://127.0.0.1:{self.port}"
        (self.home / "run").mkdir(parents=True)
        (self.home / "shared").mkdir()
        self._write_settings()
        shutil.copytree(settings.BASE_DIR, self.repository, ignore=IGNORED)
        self.git("init", "--quiet", "--initial-branch=main")
        self.tag("v1")

    def _write_settings(self) -> None:
        production = {
            **SAFE, "DATABASE_URL": self.database.url(), "GUNICORN_WORKERS": "1", "GUNICORN_THREADS": "4",
            "DEMO_PASSWORD": "demo correct horse", "BACKUP_NIGHTLY": "false",
        }  # fmt: skip
        lines = ["# of the test", "", *(f"{name}={value}" for name, value in production.items())]
        (self.home / "shared" / "lifeos.env").write_text("\n".join(lines) + "\n")
        command = f"{self.nginx} -c {self._configure_nginx()}"
        self.nginx_command = [*command.split(), "-g", "daemon off;"]
        configuration = {
            "DRIVER": "processes", "MANAGER": "pidfile", "LIFEOS_HOME": self.home, "SOURCE": f"file://{self.repository}",
            "WEB_PORTS": " ".join(map(str, self.ports)), "HEALTH_URL": f"{self.base}/health", "READY_SECONDS": "180",
            "BUILD": f"ln -s {sys.prefix} .venv", "NGINX_RELOAD": f"{command} -s reload", "DRAIN_SECONDS": "0.2",
            "KEPT_RELEASES": "2",
        }  # fmt: skip
        text = "".join(f"{name}='{value}'\n" for name, value in configuration.items())
        (self.directory / "production.conf").write_text(text)

    def _configure_nginx(self) -> Path:
        """The files that containers run with, and the upstream that the script keeps."""
        run = self.directory / "nginx"
        run.mkdir()
        make_certificate(run)
        (self.home / "run" / "upstream.conf").write_text(f"server 127.0.0.1:{self.ports[0]};\n")
        variables = {
            "NGINX_UPSTREAM": f"include {self.home}/run/upstream.conf;", "NGINX_RUN_DIR": str(run),
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

    def tag(self, name: str, **files: str) -> None:
        """Commit what is appended to files (`a/b.py` is written a__b__py) and give the commit a name."""
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
        command = ["bash", str(SCRIPT), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    def manage(self, *arguments: str) -> None:
        """manage.py of the current release with the installation's settings."""
        lines = (self.home / "shared" / "lifeos.env").read_text().splitlines()[2:]
        environment = bare_environment(**dict(line.split("=", 1) for line in lines))
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(
            command, cwd=self.home / "current", env=environment, check=True, capture_output=True, timeout=120
        )

    def status(self) -> dict[str, str]:
        """First word to the rest of each line of `status`."""
        told = self.deploy_sh("status").stdout
        return {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[-1] for line in told.splitlines()}

    def releases(self) -> set[str]:
        """The releases that processes run: what `status` says of each."""
        return {words.split()[-1].partition("-")[0] for name, words in self.status().items() if "-" in name}

    def all_are_ready(self) -> bool:
        return all(words.split()[0] == "ready" for name, words in self.status().items() if "-" in name)

    def stop(self) -> None:
        for file in (self.home / "run").glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.killpg(int(file.read_text()), signal.SIGKILL)


@pytest.fixture(scope="module")
def machine(django_db_setup, django_db_blocker, tmp_path_factory, nginx_path):
    with django_db_blocker.unblock():
        connection.ensure_connection()
        database = servers.from_django(connection.settings_dict).named(f"lifeos_deploy_{secrets.token_hex(4)}")
        connection.close()
    servers.create(database)
    one = Machine(tmp_path_factory.mktemp("machine"), database=database, nginx=nginx_path)
    try:
        with running(one.nginx_command, log=one.directory / "nginx.log"):
            wait_until(lambda: listens(one.port), seconds=30, what="nginx")
            yield one
    finally:
        one.stop()
        servers.drop(database)


def ask(machine: Machine, question: str):
    with machine.database.connect() as server:
        return server.execute(question).fetchall()


@pytest.mark.nginx
def test_releases_come_and_go_under_load_without_a_failed_request(machine):
    first = machine.deploy_sh("deploy", "production", "--ref", "v1")
    assert first.returncode == 0, first.stderr
    assert machine.all_are_ready()
    healthy = machine.deploy_sh("health-check")
    assert healthy.returncode == 0, healthy.stderr
    machine.manage("seed_demo", "--months=1", "--seed=1", "--user=demo@lifeos.example")

    # The old release must survive what the next one adds to the tables.
    machine.tag("v3-adds", lifeos_project__backups__migrations__0002_note__py=ADDING)
    machine.tag("v4-breaks", lifeos_project__wsgi__py="\nraise RuntimeError('This release is broken.')\n")
    with Load(machine.base, email="demo@lifeos.example", password="demo correct horse") as load:
        adding = machine.deploy_sh("deploy", "production", "--ref", "v3-adds")
        assert adding.returncode == 0, adding.stderr
        assert machine.releases() == {"v3"}

        broken = machine.deploy_sh("deploy", "production", "--ref", "v4-breaks", "--no-backup")
        assert broken.returncode == 1
        assert "going back to v3-adds" in broken.stderr
        assert machine.releases() == {"v3"}
        assert machine.all_are_ready()

        back = machine.deploy_sh("rollback", "production")
        assert back.returncode == 0, back.stderr
        assert machine.releases() == {"v1"}
    assert load.failures == []
    assert len(load.posted) > 10
    kept = {str(uid) for (uid,) in ask(machine, "SELECT uid FROM finance_journalentry WHERE payee = 'During a deploy'")}
    assert kept == set(load.posted)
    assert ask(machine, "SELECT state FROM backups_backuprun") == [("good",)]


@pytest.mark.nginx
def test_the_same_release_again_changes_nothing(machine):
    before = machine.status()
    again = machine.deploy_sh("deploy", "--ref", "v1")
    assert again.returncode == 0, again.stderr
    assert "runs already and works; nothing to do" in again.stderr
    assert machine.status() == before
