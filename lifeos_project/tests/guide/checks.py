"""What a row of the table can be checked by. Each function returns a check; a check raises when its row is not true."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from django.core.management import get_commands
from django.db import connection
from django.test import Client

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.watched import ALERTS, DASHBOARDS, queries
from lifeos_project.tests.test_checks import outcome

Check = Callable[[], None]
ROOT = compose.ROOT
OURS = ("lifeos_project", "identity", "core", "platform_outbox", "finance", "insights", "compose")
# What the guide's two templates say. Its `$(openssl …)` stands for a strong secret.
DEVELOPMENT = {
    "APP_ENV": "development", "SECRET_KEY": "dev-secret-key-change-in-prod", "JWT_SECRET_KEY": "jwt-dev-secret-key",
    "DATABASE_URL": "postgresql://lifeos:lifeos@db:5432/lifeos", "REDIS_URL": "redis://redis:6379/0", "ENABLE_ML": "true",
    "ENABLE_INSIGHTS": "true", "RUN_MIGRATIONS": "true", "GUNICORN_WORKERS": "2", "GUNICORN_THREADS": "2",
    "GUNICORN_LOGLEVEL": "debug", "WORKER_LOGLEVEL": "DEBUG",
}  # fmt: skip
PRODUCTION = {
    "APP_ENV": "production", "DEBUG": "false", "SECRET_KEY": "kF3sQ9vX1zB7nM5cL2pR8tW4yH6jD0gAq1We4Rt7",
    "JWT_SECRET_KEY": "Zx8Qw2Er6Ty1Ui5Op9As3Df7Gh4Jk0LmNb6Vc2Xz", "SESSION_COOKIE_SECURE": "true",
    "JWT_COOKIE_SECURE": "true", "SESSION_COOKIE_SAMESITE": "Lax",
    "DATABASE_URL": "postgresql://lifeos:pX7vLq2mZt9kRd4w@db.internal:5432/lifeos",
    "POSTGRES_PASSWORD": "5f0c9d2ab1e84763d1b2", "REDIS_URL": "redis://redis.internal:6379/0", "GUNICORN_WORKERS": "8",
    "GUNICORN_THREADS": "4", "GUNICORN_TIMEOUT": "60", "GUNICORN_MAX_REQUESTS": "10000", "STATSD_HOST": "statsd-exporter",
    "STATSD_PREFIX": "lifeos.prod", "ENABLE_INSIGHTS": "true", "ENABLE_ML": "true", "WORKER_BATCH_SIZE": "50",
    "WORKER_POLL_INTERVAL": "5", "WORKER_MAX_ATTEMPTS": "5", "OUTBOX_BACKOFF_MULTIPLIER": "2", "GUNICORN_LOGLEVEL": "info",
    "WORKER_LOGLEVEL": "INFO", "GRAFANA_PASSWORD": "0d4be6a1f7c249380d4b",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x", "PAGERDUTY_SERVICE_KEY": "R0UT1NGKEY",
}  # fmt: skip
# gunicorn's own names for what it takes from ours.
OF_GUNICORN = {
    "GUNICORN_WORKERS": "workers", "GUNICORN_THREADS": "threads", "GUNICORN_TIMEOUT": "timeout",
    "GUNICORN_MAX_REQUESTS": "max_requests", "GUNICORN_LOGLEVEL": "loglevel", "STATSD_PREFIX": "statsd_prefix",
}  # fmt: skip


def every(*checks: Check) -> Check:
    """A row with more than one fact."""

    def check() -> None:
        for one in checks:
            one()

    return check


# --- variables ------------------------------------------------------------------------------------------------------


@functools.cache
def _read(profile: str) -> dict[str, Any]:
    """What LifeOS makes of a template: its settings, and what gunicorn is told."""
    given = {"development": DEVELOPMENT, "production": PRODUCTION}[profile]
    script = (
        "import json, os, runpy\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'lifeos_project.settings'\n"
        "from django.conf import settings\n"
        "from lifeos_project import variables\n"
        "told = runpy.run_path('compose/gunicorn.conf.py')\n"
        f"print(json.dumps([{{n: getattr(settings, n) for n in {sorted(given)!r}}},"
        f" {{n: told.get(n) for n in {sorted(OF_GUNICORN.values())!r}}}]))\n"
    )
    with tempfile.TemporaryDirectory() as var:
        code, output = outcome("-c", script, **given, LIFEOS_VAR_DIR=var)
    assert code == 0, output
    settings, gunicorn = json.loads(output.splitlines()[-1])
    return {"settings": settings, "gunicorn": gunicorn}


def variable(name: str, *, profile: str) -> Check:
    """The template's value arrives as the setting, and something of ours reads the setting."""

    def check() -> None:
        given = {"development": DEVELOPMENT, "production": PRODUCTION}[profile][name]
        found = _read(profile)
        assert _plain(found["settings"][name]) == _plain(given)
        if name in OF_GUNICORN:
            assert _plain(found["gunicorn"][OF_GUNICORN[name]]) == _plain(given)
        assert name in _mentioned(), f"nothing reads {name}"

    return check


def _plain(value: object) -> object:
    text = str(value).lower()
    return float(text) if re.fullmatch(r"[\d.]+", text) else text


@functools.cache
def _mentioned() -> set[str]:
    """Variables that code beside their declaration names."""
    found: set[str] = set()
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            if "tests" not in path.parts and path.name != "variables.py":
                found |= set(re.findall(r"\b[A-Z][A-Z0-9_]{4,}\b", path.read_text()))
    text = (ROOT / "docker-compose.monitoring.yml").read_text()
    # The last one decides about the others, where they are declared.
    return found | set(re.findall(r"\$\{(\w+)", text)) | {"APP_ENV"}


def refused_in_production(value: dict[str, str], *, says: str) -> Check:
    def check() -> None:
        code, output = outcome("manage.py", "check", "--tag", "lifeos", **{**PRODUCTION, **value})
        assert (code, says in output) == (1, True), output

    return check


# --- compose --------------------------------------------------------------------------------------------------------


@functools.cache
def stack() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        return compose.stack(Path(directory))


def service(name: str, *, port: int = 0, published: str = "") -> Check:
    """compose starts it, it listens there, and where it is published."""

    def check() -> None:
        found = stack()["services"][name]
        if published:
            ports = [str(each).removesuffix("/tcp") for each in found["ports"]]
            assert published in ports, ports
        if port:
            assert port in _ports(name, found), f"{name} is not at {port}"

    return check


def _ports(name: str, found: dict[str, Any]) -> set[int]:
    """Ports inside the network: by the service's own words, and where the web looks for it."""
    words = json.dumps([found.get(key) for key in ("expose", "ports", "command", "healthcheck")])
    own = {int(number) for number in re.findall(r"\b\d{4}\b", words)}
    names = [name, *(found.get("networks", {}).get("data") or {}).get("aliases", [])]
    addresses = " ".join(compose.environment(stack()["services"]["lifeos-web"]).values())
    return own | {int(port) for each in names for port in re.findall(rf"(?:@|//){each}:(\d+)/", addresses)}


def replicas(name: str, variable_: str) -> Check:
    def check() -> None:
        with tempfile.TemporaryDirectory() as directory:
            found = compose.stack(Path(directory), **{variable_: "4"})
        assert found["services"][name]["scale"] == 4

    return check


def compose_reads(env_file: dict[str, str] | str) -> Check:
    """docker-compose takes a .env of these variables, and nothing else."""

    def check() -> None:
        text = (
            env_file if isinstance(env_file, str) else "".join(f"{name}={value}\n" for name, value in env_file.items())
        )
        with tempfile.TemporaryDirectory() as directory:
            found = compose.config(Path(directory), variables={}, files=compose.SCALED[:1], env_file=text)
        assert found.code == 0, found.errors

    return check


def reaches(service_: str, name: str, value: str) -> Check:
    """A variable of .env wins over what compose would say."""

    def check() -> None:
        with tempfile.TemporaryDirectory() as directory:
            found = compose.stack(Path(directory), **{name: value})
        assert compose.environment(found["services"][service_])[name] == value

    return check


def typed(command: str) -> Check:
    """The real docker-compose takes the command's words, knows its services, and misses only the engine."""

    def check() -> None:
        known = set(stack()["services"])
        words = command.split()
        assert words[0] == "docker-compose"
        named = {word for word in words if re.fullmatch(r"lifeos-\w+|prometheus|grafana|alertmanager", word)}
        assert named <= known, named - known
        with tempfile.TemporaryDirectory() as directory:
            for name in compose.FILES:
                (Path(directory) / name).write_text((ROOT / name).read_text())
            (Path(directory) / ".env").write_text("".join(f"{k}={v}\n" for k, v in compose.SECRETS.items()))
            done = subprocess.run(
                [services.program("docker-compose", package="docker-compose"), *words[1:]],
                cwd=directory,
                env={"PATH": os.environ["PATH"], "HOME": directory, "DOCKER_HOST": f"unix://{directory}/none.sock"},
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
        assert re.search(
            "Couldn't connect to Docker daemon|Cannot connect to the Docker daemon|Connection aborted", done.stderr
        ), done.stderr

    return check


def healthy(name: str, *, image: str = "") -> Check:
    """The state that `ps` shows comes from a health check of the service's own."""

    def check() -> None:
        found = stack()["services"][name]
        assert found["healthcheck"]["test"]
        assert found["image"].startswith(image), found["image"]

    return check


# --- commands -------------------------------------------------------------------------------------------------------


def make(*targets: str) -> Check:
    def check() -> None:
        for target in targets:
            done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr

    return check


def django(*commands: str) -> Check:
    def check() -> None:
        assert set(commands) <= get_commands().keys()

    return check


def deploy_sh(*arguments: str, says: str) -> Check:
    """A dry run with containers, of an installation at v2 that was at v1 before."""

    def check() -> None:
        with tempfile.TemporaryDirectory() as directory:
            state = Path(directory)
            (state / "production.conf").write_text(f"DRIVER=compose\nSTATE_DIRECTORY={state}\n")
            (state / "current").write_text("lifeos-web:v2\n")
            (state / "previous").write_text("lifeos-web:v1\n")
            environment = services.bare_environment(LIFEOS_DEPLOY_CONFIG=str(state / "production.conf"))
            command = [str(ROOT / "deploy" / "scripts" / "deploy.sh"), *arguments, "--dry-run"]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout, done.stdout

    return check


def executable(path: str) -> Check:
    def check() -> None:
        assert os.access(ROOT / path, os.X_OK)

    return check


def proved_by(path: str, test: str) -> Check:
    """Another test does it with real processes."""

    def check() -> None:
        assert re.search(rf"^ *def {test}\b", (ROOT / path).read_text(), re.M), f"{path} has no {test}"

    return check


def says(path: str, *texts: str) -> Check:
    """A file of ours holds these words."""

    def check() -> None:
        found = (ROOT / path).read_text()
        assert [text for text in texts if text not in found] == []

    return check


def workflow(name: str, *steps: str) -> Check:
    """A workflow is what GitHub reads, and runs these."""

    def check() -> None:
        text = (ROOT / ".github" / "workflows" / name).read_text()
        jobs = yaml.safe_load(text)["jobs"]
        assert jobs
        assert [step for step in steps if step not in text] == []

    return check


# --- what runs ------------------------------------------------------------------------------------------------------


def answers(path: str) -> Check:
    """200, asked as from this machine."""

    def check() -> None:
        assert Client().get(path, HTTP_HOST="localhost:8000").status_code == 200

    return check


def metric(name: str) -> Check:
    def check() -> None:
        client = Client()
        client.get("/health/live")
        assert name in client.get("/metrics").content.decode()

    return check


def query(text: str) -> Check:
    """On the monitoring page; a dashboard asks for the same figure. Tests ask a real Prometheus for it."""

    def check() -> None:
        assert f"`{text}`" in (ROOT / "docs" / "monitoring.md").read_text()
        names = re.findall(r"[a-z][a-z0-9]+_[a-z0-9_]+", text.replace("histogram_quantile", ""))
        shown = "\n".join(asked for dashboard in DASHBOARDS for asked in queries(dashboard))
        assert any(name in shown for name in names), names

    return check


def alert(name: str, severity: str) -> Check:
    def check() -> None:
        assert (name, severity) in {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}

    return check


def sql(text: str) -> Check:
    def check() -> None:
        with connection.cursor() as cursor:
            cursor.execute(text)
            assert cursor.description

    return check


def python(*words: str) -> Check:
    """Commands that the environment of developers has."""

    def check() -> None:
        for word in words:
            assert Path(sys.executable).with_name(word).exists(), word

    return check
