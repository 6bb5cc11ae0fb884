"""docs/install.md and docs/monitoring.md: what can be run here is run, and the tables are those of the files."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.watched import ALERTS, GUIDE
from lifeos_project.variables import env

INSTALL = (compose.ROOT / "docs" / "install.md").read_text()
MONITORING = (compose.ROOT / "docs" / "monitoring.md").read_text()


def block(title: str, number: int = 0) -> str:
    """The shell block below a heading."""
    section = INSTALL.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.S)[number]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A checkout in which the page's block about secrets was run; it makes the certificate, too."""
    place = tmp_path_factory.mktemp("install")
    shutil.copytree(compose.ROOT / "deploy", place / "deploy", ignore=shutil.ignore_patterns("state"))
    environment = services.bare_environment(LIFEOS_DEPLOY_CONFIG=str(place / "none"))
    done = subprocess.run(
        ["bash", "-euc", block("Secrets")], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return place


def variables(place) -> dict[str, str]:
    lines = (place / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_secrets_of_the_page_are_strong_enough_to_start(installed):
    given = variables(installed)
    assert (installed / ".env").stat().st_mode & 0o777 == 0o600
    assert compose.config(installed, variables=given).code == 0
    environment = {**services.bare_environment(), **given, "DATABASE_URL": "postgresql://lifeos@db/lifeos"}
    command = "from lifeos_project.checks import start_checks; start_checks.settings_or_exit()"
    setup = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'lifeos_project.settings'; "
    done = subprocess.run(
        [sys.executable, "-c", setup + command], cwd=compose.ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_certificate_of_the_page_is_one(installed):
    show = ["openssl", "x509", "-in", str(installed / "compose/tls/fullchain.pem"), "-noout", "-text"]
    text = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    assert "DNS:books.example.org, DNS:localhost" in text
    assert (installed / "compose/tls/privkey.pem").stat().st_mode & 0o077 == 0


def test_every_shell_block_is_shell():
    for page in sorted((compose.ROOT / "docs").rglob("*.md")):
        for script in re.findall(r"```bash\n(.*?)```", page.read_text(), re.S):
            script = script.replace("<repository>", "repository")
            done = subprocess.run(["bash", "-nc", script], capture_output=True, text=True)
            assert done.returncode == 0, f"{page.name}: {done.stderr}"


def test_the_page_tells_every_variable_of_the_compose_files_and_no_other():
    text = "".join((compose.ROOT / name).read_text() for name in compose.FILES)
    used = set(re.findall(r"\$\{([A-Z_]+)", text)) - set(env.declared)
    table = INSTALL.partition("## Variables of the containers")[2]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)} == used


def test_the_page_tells_every_alert_with_its_severities():
    told = {
        name: set(severities.split(", "))
        for name, severities in re.findall(r"^\| \[(\w+)\]\([^)]+\) \| ([a-z, ]+) \|", MONITORING, re.M)
    }
    real: dict[str, set[str]] = {}
    for alert in ALERTS:
        real.setdefault(alert["alert"], set()).add(alert["labels"]["severity"])
    assert told == real


def test_the_page_shows_the_queries_of_the_guide():
    assert [query for query in GUIDE.values() if f"`{query}`" not in MONITORING] == []


def test_the_commands_of_compose_name_services_that_exist():
    names = set()
    for name in compose.FILES:
        names |= set(yaml.safe_load((compose.ROOT / name).read_text())["services"])
    for page in sorted((compose.ROOT / "docs").rglob("*.md")):
        for command in re.findall(r"docker-compose (?:-f \S+ )*exec (?:-T )?(\S+)", page.read_text()):
            assert command in names, f"{page.name}: {command}"
