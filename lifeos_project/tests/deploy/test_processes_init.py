"""deploy.sh init with DRIVER=processes: what it writes passes production's checks, and stays."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import bare_environment

SCRIPT = Path(settings.BASE_DIR) / "deploy" / "scripts" / "deploy.sh"
WHO = ("--host", "books.example.org", "--email", "anna@example.org")


class Machine:
    def __init__(self, directory: Path):
        self.directory, self.home = directory, directory / "home"
        self.settings, self.owner = self.home / "shared" / "lifeos.env", self.home / "shared" / "owner.env"
        self.tls = directory / "tls"

    def init(self, *arguments: str, script: Path = SCRIPT, **changes: str) -> subprocess.CompletedProcess[str]:
        configuration = {
            "DRIVER": "processes", "LIFEOS_HOME": str(self.home), "SOURCE": "none", "NGINX_TLS_DIR": str(self.tls), **changes,
        }  # fmt: skip
        file = self.directory / "production.conf"
        file.write_text("".join(f"{name}='{value}'\n" for name, value in configuration.items()))
        command = ["bash", str(script), "init", *arguments]
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(file))
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def variables(*files: Path) -> dict[str, str]:
    lines = [line for file in files for line in file.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_production_starts_with_what_it_writes_and_web_and_workers_do_not_know_the_owner(machine, tmp_path):
    done = machine.init("production", *WHO)
    assert done.returncode == 0, done.stderr
    assert [file.stat().st_mode & 0o777 for file in (machine.settings, machine.owner)] == [0o600, 0o600]
    given, owner = variables(machine.settings), variables(machine.owner)
    assert given["ALLOWED_HOSTS"] == "books.example.org,localhost"
    assert given["SITE_URL"] == given["CSRF_TRUSTED_ORIGINS"] == "https://books.example.org"
    assert given["DATABASE_URL"] == "postgresql://lifeos_app@127.0.0.1:5432/lifeos"
    assert owner["DATABASE_OWNER_URL"] == "postgresql://lifeos@127.0.0.1:5432/lifeos"
    assert owner.keys() == {"DATABASE_OWNER_URL", "POSTGRES_OWNER_PASSWORD"}
    assert owner.keys().isdisjoint(given)
    secrets = [
        given["SECRET_KEY"],
        given["JWT_SECRET_KEY"],
        given["POSTGRES_PASSWORD"],
        owner["POSTGRES_OWNER_PASSWORD"],
    ]
    assert len(set(secrets)) == 4
    assert [secret for secret in secrets if secret in done.stdout + done.stderr] == []
    environment = bare_environment(
        **given, LIFEOS_VAR_DIR=str(tmp_path), DJANGO_SETTINGS_MODULE="lifeos_project.settings"
    )
    for command in (
        ["manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        ["-c", "from lifeos_project.checks import start_checks; start_checks.settings_or_exit()"],
    ):
        started = subprocess.run(
            [sys.executable, *command], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
        )
        assert started.returncode == 0, started.stderr
        assert "easily guessed" not in started.stderr
    show = ["openssl", "x509", "-in", str(machine.tls / "fullchain.pem"), "-noout", "-ext", "subjectAltName"]
    assert "DNS:books.example.org, DNS:localhost" in subprocess.run(show, capture_output=True, text=True).stdout
    assert (machine.tls / "privkey.pem").stat().st_mode & 0o777 == 0o600
    assert (machine.tls / "privkey.pem").stat().st_uid == os.geteuid()
    assert "manage production createsuperuser --email anna@example.org" in done.stderr


def test_what_is_there_already_stays_as_it_is(machine):
    assert machine.init(*WHO).returncode == 0
    files = [machine.settings, machine.owner, machine.tls / "fullchain.pem", machine.tls / "privkey.pem"]
    before = [file.read_bytes() for file in files]
    again = machine.init("--host", "other.example.org", "--email", "anna@example.org")
    assert (again.returncode, [file.read_bytes() for file in files]) == (0, before)
    # The database knows the owner's password already.
    machine.settings.unlink()
    assert machine.init(*WHO).returncode == 0
    assert machine.owner.read_bytes() == before[1]
    assert machine.settings.read_bytes() != before[0]


@pytest.mark.parametrize(
    ("arguments", "changes", "words"),
    [
        ((), {}, "Which host?"),
        (("--host", "books.example.org"), {}, "Who is the first operator?"),
        (("--host", "https://books.example.org", "--email", "anna@example.org"), {}, "is no host name"),
        (WHO, {"RUN_AS": "lifeos-nobody"}, "There is no user lifeos-nobody (RUN_AS): useradd --system"),
    ],
)
def test_what_is_missing_is_said_and_no_settings_are_written(machine, arguments, changes, words):
    done = machine.init(*arguments, **changes)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert not machine.settings.exists()
    assert not machine.owner.exists()


def test_a_dry_run_writes_nothing(machine):
    done = machine.init(*WHO, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would run: write_settings books.example.org" in done.stdout
    assert not machine.home.exists()
    assert not machine.tls.exists()


def test_releases_come_from_where_the_checkout_was_cloned_from(machine, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(SCRIPT.parent, checkout / "deploy" / "scripts")
    script = checkout / "deploy" / "scripts" / SCRIPT.name
    unknown = machine.init(*WHO, script=script, SOURCE="")
    assert unknown.returncode != 0
    assert re.search(r"SOURCE: name the repository that releases come from", unknown.stderr)
    for command in (["init", "--quiet"], ["remote", "add", "origin", "https://git.example.org/lifeos.git"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    configured = f"DRIVER=processes; LIFEOS_HOME={machine.home}; CHECKOUT={checkout}; . {script.parent}/processes.sh"
    asked = ["bash", "-euc", f'{configured}; driver_settings; echo "$SOURCE"']
    told = subprocess.run(asked, env=bare_environment(), check=True, capture_output=True, text=True)
    assert told.stdout == "https://git.example.org/lifeos.git\n"
