"""deploy.sh init with DRIVER=compose: what it writes passes compose, and production starts with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import bare_environment, program
from lifeos_project.tests.stack import compose

ROOT = Path(settings.BASE_DIR)
WHO = ("--host", "books.example.org", "--email", "anna@example.org")


@pytest.fixture
def checkout(tmp_path):
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("state"))
    for name in compose.FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def init(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "deploy/scripts/deploy.sh"), "init", *arguments]
    # No configuration: containers of the checkout need none.
    environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(checkout / "none"), **variables)
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def variables(checkout: Path) -> dict[str, str]:
    lines = (checkout / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_production_starts_with_what_it_writes(checkout, tmp_path_factory):
    done = init(checkout, "production", *WHO, "--monitoring")
    assert done.returncode == 0, done.stderr
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600
    given = variables(checkout)
    assert given["ALLOWED_HOSTS"] == "books.example.org,localhost"
    assert given["SITE_URL"] == given["CSRF_TRUSTED_ORIGINS"] == "https://books.example.org"
    assert given["COMPOSE_FILE"] == "docker-compose.yml:docker-compose.monitoring.yml"
    # As compose reads the file, and as a web replica sees it.
    web = compose.environment(compose.as_written(checkout)["services"]["lifeos-web"])
    assert web["APP_ENV"] == "production"
    # Places that the container has.
    places = dict.fromkeys(("PROMETHEUS_MULTIPROC_DIR", "LIFEOS_VAR_DIR"), str(tmp_path_factory.mktemp("container")))
    environment = bare_environment(**web | places, DJANGO_SETTINGS_MODULE="lifeos_project.settings")
    for command in (
        ["manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        ["-c", "from lifeos_project.checks import start_checks; start_checks.settings_or_exit()"],
    ):
        started = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        assert "easily guessed" not in started.stderr
    assert "deploy/scripts/deploy.sh deploy production" in done.stderr
    assert "createsuperuser --email anna@example.org" in done.stderr
    secrets = {name: value for name, value in given.items() if name.endswith(("KEY", "PASSWORD"))}
    assert len(set(secrets.values())) == len(secrets) == 7, secrets.keys()
    assert not any(value in done.stdout + done.stderr for value in secrets.values())


def test_nothing_that_is_there_is_written_over_and_secrets_are_fresh_each_time(checkout, tmp_path):
    assert init(checkout, *WHO).returncode == 0
    files = [checkout / name for name in (".env", "compose/tls/fullchain.pem", "compose/tls/privkey.pem")]
    before = [file.read_bytes() for file in files]
    again = init(checkout, *WHO)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("is there already and stays as it is") == 2
    assert [file.read_bytes() for file in files] == before
    (checkout / ".env").unlink()
    assert init(checkout, *WHO).returncode == 0
    assert variables(checkout)["SECRET_KEY"] not in before[0].decode()


def test_the_certificate_is_for_the_host_or_is_the_one_that_is_given(checkout, tmp_path):
    assert init(checkout, *WHO).returncode == 0
    tls = checkout / "compose" / "tls"
    show = ["openssl", "x509", "-in", str(tls / "fullchain.pem"), "-noout", "-ext", "subjectAltName"]
    assert "DNS:books.example.org, DNS:localhost" in subprocess.run(show, capture_output=True, text=True).stdout
    assert (tls / "privkey.pem").stat().st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        assert {file.stat().st_uid for file in tls.iterdir()} == {101}
    certificate, key = tls.rename(tmp_path / "given") / "fullchain.pem", tmp_path / "given" / "privkey.pem"
    missing = init(checkout, *WHO, "--certificate", str(certificate))
    assert (missing.returncode, "--certificate and --key name two files" in missing.stderr) == (1, True)
    given = init(checkout, *WHO, "--certificate", str(certificate), "--key", str(key))
    assert given.returncode == 0, given.stderr
    assert (tls / "fullchain.pem").read_bytes() == certificate.read_bytes()
    assert (tls / "privkey.pem").read_bytes() == key.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Which host?"),
        (("--host", "books.example.org"), "Who is the first operator?"),
        (("--host", "https://books.example.org", "--email", "anna@example.org"), "is no host name"),
        (("--host", "books.example.org", "--email", "anna"), "is no e-mail address"),
        (("--host",), "needs a value"),
    ],
)
def test_without_a_terminal_what_is_missing_is_said_and_nothing_is_written(checkout, arguments, words):
    done = init(checkout, *arguments)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert not (checkout / ".env").exists()


def test_at_a_terminal_it_asks_for_the_host_and_the_first_operator(checkout):
    program_side, person = os.openpty()
    try:
        os.write(program_side, b"books.example.org\nanna@example.org\n")
        command = [str(checkout / "deploy/scripts/deploy.sh"), "init"]
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(checkout / "none"))
        done = subprocess.run(command, env=environment, stdin=person, capture_output=True, text=True, timeout=60)
    finally:
        os.close(program_side)
        os.close(person)
    assert done.returncode == 0, done.stderr
    assert "Host name of the site (books.example.org): " in done.stderr
    assert "E-mail address of the first operator: " in done.stderr
    assert variables(checkout)["SITE_URL"] == "https://books.example.org"
    assert "--email anna@example.org" in done.stderr


def test_make_env_does_the_same(checkout):
    shutil.copy(ROOT / "Makefile", checkout)
    command = [program("make", package="make"), "env", "HOST=books.example.org", "EMAIL=anna@example.org"]
    environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(checkout / "none"))
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert variables(checkout)["SITE_URL"] == "https://books.example.org"


def test_a_dry_run_writes_nothing(checkout):
    done = init(checkout, *WHO, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would run: write_settings books.example.org" in done.stdout
    assert not (checkout / ".env").exists()
    assert not (checkout / "compose").exists()
