"""The compose files, the Dockerfile and the scripts, by tools that need no engine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose

ROOT = compose.ROOT
OWN_IMAGES = {"lifeos-web:latest", "lifeos-nginx:latest"}
# Does its work and ends.
ONE_SHOT = {"lifeos-migrate", "lifeos-backup-dir"}
# What the first reads of the machine, root alone may read; the second gives a directory away.
ROOT_BY_NATURE = {"cadvisor", "lifeos-backup-dir"}
# Web and workers have no use for these; the first three are known to them under other names.
OF_OTHERS = {
    "POSTGRES_APP_PASSWORD", "POSTGRES_OWNER_PASSWORD", "POSTGRES_MONITORING_PASSWORD",
    "GRAFANA_PASSWORD", "SLACK_WEBHOOK_URL", "PAGERDUTY_SERVICE_KEY", "ALERT_EMAIL_TO", "NTFY_URL", "NTFY_TOKEN",
    "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_TOKEN", "DEADMANSSWITCH_URL", "DATABASE_OWNER_URL",
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    return compose.stack(tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    return compose.stack(tmp_path_factory.mktemp("scaled"), files=compose.SCALED)


# A container that is given this ends, and says which variable is missing. Django asks for the other secrets itself.
REFUSED = [
    ("database", {"POSTGRES_PASSWORD": ""}, "POSTGRES_PASSWORD is missing"),
    ("database", {"POSTGRES_PASSWORD": "lifeos"}, "POSTGRES_PASSWORD is missing"),
    ("database", {"POSTGRES_PASSWORD": "$(openssl rand -base64 32)"}, "POSTGRES_PASSWORD is missing"),
    ("redis", {"REDIS_PASSWORD": ""}, "REDIS_PASSWORD is missing"),
    ("redis", {"REDIS_PASSWORD": "$(openssl rand -hex 32)"}, "REDIS_PASSWORD is missing"),
    ("redis", {"REDIS_PASSWORD": "", "REDIS_URL": "redis://redis:6379/1"}, "REDIS_PASSWORD is missing"),
    ("grafana", {"GF_SECURITY_ADMIN_PASSWORD": "grafana"}, "GRAFANA_PASSWORD is missing"),
    ("grafana", {"GF_SECURITY_ADMIN_PASSWORD": "$(openssl rand -hex 24)"}, "GRAFANA_PASSWORD is missing"),
]


def start(directory: Path, name: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """compose/NAME/start.sh, with programs of the image that only print their arguments and one variable."""
    for program in ("docker-entrypoint.sh", "redis-server"):
        (directory / program).write_text('#!/bin/sh\necho "$0" "$@" "${POSTGRES_PASSWORD:-}"\n')
        (directory / program).chmod(0o755)
    path = f"{directory}:/usr/bin:/bin"
    command = ["sh", str(ROOT / "compose" / name / "start.sh"), "program"]
    return subprocess.run(command, env={"PATH": path, **variables}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "variables", "words"), REFUSED)
def test_production_has_no_default_password(tmp_path, name, variables, words):
    refused = start(tmp_path, name, **variables)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
    assert start(tmp_path, name, APP_ENV="staging", **variables).returncode == 1


def test_development_has_default_passwords_and_those_that_are_given_are_taken(tmp_path):
    assert start(tmp_path, "database", APP_ENV="development").stdout.split()[-1] == "lifeos"
    given = start(tmp_path, "database", POSTGRES_PASSWORD="5f0c9d2ab1e84763")
    assert (given.returncode, given.stdout.split()[1:]) == (0, ["program", "5f0c9d2ab1e84763"])
    open_ = start(tmp_path, "redis", APP_ENV="development")
    assert "--requirepass  --protected-mode no" in open_.stdout
    closed = start(tmp_path, "redis", REDIS_PASSWORD="7be21d90cc4f4a18", REDIS_URL="redis://redis:6379/0")
    assert "--requirepass 7be21d90cc4f4a18 " in closed.stdout


def test_a_redis_that_nobody_uses_lets_nobody_in(tmp_path):
    first, second = (start(tmp_path, "redis", REDIS_URL="redis://redis.internal:6379/0").stdout for _ in range(2))
    assert re.search("--requirepass [0-9a-f]{64} ", first)
    assert first != second


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", "GRAFANA_PASSWORD"])
def test_a_missing_secret_is_no_reason_to_refuse_the_files(tmp_path, name):
    """`down`, `logs` and `ps` work without it; what needs it says so when it starts."""
    assert compose.config(tmp_path, variables={**compose.SECRETS, name: ""}).code == 0


# As they stand in an operations guide for an installation of this shape. Values in $(…) are for a shell that writes the
# file; docs/install.md says so, and production refuses them.
DEVELOPMENT = """APP_ENV=development
SECRET_KEY=dev-secret-key-change-in-prod
JWT_SECRET_KEY=jwt-dev-secret-key
DATABASE_URL=postgresql://lifeos:lifeos@db:5432/lifeos
REDIS_URL=redis://redis:6379/0
ENABLE_ML=true
ENABLE_INSIGHTS=true
RUN_MIGRATIONS=true
GUNICORN_WORKERS=2
GUNICORN_THREADS=2
GUNICORN_LOGLEVEL=debug
WORKER_LOGLEVEL=DEBUG
"""
PRODUCTION = """APP_ENV=production
DEBUG=false
SECRET_KEY=$(openssl rand -base64 32)
JWT_SECRET_KEY=$(openssl rand -base64 32)
SESSION_COOKIE_SECURE=true
JWT_COOKIE_SECURE=true
SESSION_COOKIE_SAMESITE=Lax
DATABASE_URL=postgresql://lifeos:PASSWORD@db.internal:5432/lifeos
POSTGRES_PASSWORD=$(openssl rand -base64 32)
REDIS_URL=redis://redis.internal:6379/0
GUNICORN_WORKERS=8
GUNICORN_THREADS=4
GUNICORN_TIMEOUT=60
GUNICORN_MAX_REQUESTS=10000
STATSD_HOST=statsd-exporter
STATSD_PREFIX=lifeos.prod
ENABLE_INSIGHTS=true
ENABLE_ML=true
WORKER_BATCH_SIZE=50
WORKER_POLL_INTERVAL=5
WORKER_MAX_ATTEMPTS=5
OUTBOX_BACKOFF_MULTIPLIER=2
GUNICORN_LOGLEVEL=info
WORKER_LOGLEVEL=INFO
GRAFANA_PASSWORD=$(openssl rand -base64 32)
SLACK_WEBHOOK_URL=https://hooks.slack.com/...
PAGERDUTY_SERVICE_KEY=...
"""


def written(directory: Path, env: str, *, files: tuple[str, ...] = compose.FILES) -> dict[str, Any]:
    """What plain docker-compose reads in a directory with this .env."""
    for name in compose.FILES:
        shutil.copy(ROOT / name, directory)
    (directory / ".env").write_text(f"{env}\nCOMPOSE_FILE={':'.join(files)}\n")
    found: dict[str, Any] = compose.as_written(directory)["services"]
    return found


def settings_of(directory: Path, service: dict[str, Any], expression: str) -> str:
    """What an expression is in a process with this service's variables."""
    variables = compose.environment(service) | {
        "PROMETHEUS_MULTIPROC_DIR": str(directory), "LIFEOS_VAR_DIR": str(directory),
    }  # fmt: skip
    code = f"from lifeos_project import settings; print({expression})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


OWNER = "{k: settings.OWNER_DATABASE[k] for k in ('USER', 'HOST', 'PASSWORD')} if settings.OWNER_DATABASE else None"
SERVING = "{k: settings.DATABASES['default'][k] for k in ('USER', 'HOST', 'PASSWORD')}"


def test_the_example_is_complete_for_development(tmp_path):
    found = written(tmp_path, (ROOT / ".env.example").read_text())
    web, migrate = found["lifeos-web"], found["lifeos-migrate"]
    login = {"USER": "lifeos_app", "HOST": "db", "PASSWORD": "lifeos-app"}
    assert settings_of(tmp_path, web, SERVING) == str(login)
    assert settings_of(tmp_path, web, OWNER) == "None"
    assert settings_of(tmp_path, migrate, OWNER) == str({"USER": "lifeos", "HOST": "db", "PASSWORD": "lifeos"})
    assert settings_of(tmp_path, web, "settings.REDIS_URL, settings.PRODUCTION") == "redis://redis:6379/0 False"
    # On the loopback only: the passwords are known.
    assert {_port(port).rpartition(":")[0].rpartition(":")[0] for port in found["lifeos-nginx"]["ports"]} == {
        "127.0.0.1"
    }


def test_the_guides_development_template_is_taken_with_one_role_that_does_everything(tmp_path):
    found = written(tmp_path, DEVELOPMENT)
    for name in ("lifeos-web", "lifeos-worker", "lifeos-migrate"):
        login = {"USER": "lifeos", "HOST": "db", "PASSWORD": "lifeos"}
        assert settings_of(tmp_path, found[name], SERVING) == str(login)
        assert settings_of(tmp_path, found[name], OWNER) == "None"
        assert settings_of(tmp_path, found[name], "settings.REDIS_URL") == "redis://redis:6379/0"


def test_the_guides_production_template_leads_to_the_servers_that_it_names(tmp_path):
    found = written(tmp_path, PRODUCTION)
    web = found["lifeos-web"]
    assert settings_of(tmp_path, web, SERVING) == str({"USER": "lifeos", "HOST": "db.internal", "PASSWORD": "PASSWORD"})
    assert settings_of(tmp_path, web, "settings.REDIS_URL") == "redis://redis.internal:6379/0"
    # Nothing falls back to the database beside it.
    assert settings_of(tmp_path, found["lifeos-migrate"], OWNER) == "None"
    code = "from django.conf import settings; from lifeos_project.checks import start_checks; start_checks.settings_or_exit()"
    variables = compose.environment(web) | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    started = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env=variables | {"DJANGO_SETTINGS_MODULE": "lifeos_project.settings", "LIFEOS_VAR_DIR": str(tmp_path)},
    )  # fmt: skip
    refused = set(re.findall(r"\((lifeos\.E\d+)\)", started.stderr))
    # Commands for a shell, and the word PASSWORD. The dots in the place of a key are preflight's to see (lifeos.E010).
    assert refused == {"lifeos.E002", "lifeos.E003", "lifeos.E007", "lifeos.E020"}


def test_servers_elsewhere_win_and_the_owner_is_asked_for_at_the_same_place(tmp_path):
    env = "\n".join(f"{name}={value}" for name, value in compose.SECRETS.items() if name != "REDIS_PASSWORD")
    env += """
DATABASE_URL=postgresql://lifeos_app@db1.internal:5433/books?sslmode=require
REDIS_URL=rediss://:e1d27c@redis.internal:6380/2
LIFEOS_DB_REPLICAS=0
LIFEOS_REDIS_REPLICAS=0
"""
    found = written(tmp_path, env)
    web, migrate = found["lifeos-web"], found["lifeos-migrate"]
    application, owner = compose.SECRETS["POSTGRES_APP_PASSWORD"], compose.SECRETS["POSTGRES_PASSWORD"]
    serving = {"USER": "lifeos_app", "HOST": "db1.internal", "PASSWORD": application}
    for service in (web, migrate):
        assert settings_of(tmp_path, service, SERVING) == str(serving)
        assert settings_of(tmp_path, service, "settings.REDIS_URL") == "rediss://:e1d27c@redis.internal:6380/2"
    assert settings_of(tmp_path, web, OWNER) == "None"
    assert settings_of(tmp_path, migrate, OWNER) == str({"USER": "lifeos", "HOST": "db1.internal", "PASSWORD": owner})
    assert settings_of(tmp_path, migrate, "settings.OWNER_DATABASE['NAME']") == "books"
    assert owner not in compose.environment(web).values()
    assert (found["lifeos-db"]["scale"], found["lifeos-redis"]["scale"]) == (0, 0)
    # The owner may have another name, or another road.
    named = written(tmp_path, f"{env}DATABASE_OWNER_URL=postgresql://admin:4c1f@db2.internal/books")
    login = {"USER": "admin", "HOST": "db2.internal", "PASSWORD": "4c1f"}
    assert settings_of(tmp_path, named["lifeos-migrate"], OWNER) == str(login)
    assert settings_of(tmp_path, named["lifeos-web"], OWNER) == "None"


def test_what_only_compose_reads_is_kept_from_the_processes(tmp_path):
    """Otherwise one replica more would be a changed container, and all of them replaced."""
    names = ("LIFEOS_IMAGE", "LIFEOS_NGINX_IMAGE", "LIFEOS_WEB_REPLICAS", "LIFEOS_WORKER_REPLICAS")
    env = "".join(f"{name}=7\n" for name in names)
    found = written(tmp_path, env)
    for service in ("lifeos-web", "lifeos-worker", "lifeos-migrate"):
        variables = compose.environment(found[service])
        assert {variables[name] for name in (*names, "COMPOSE_FILE")} == {""}


def test_the_services_of_the_guide_are_there_with_their_ports(stack):
    found = stack["services"]
    assert {"lifeos-web", "lifeos-db", "lifeos-redis", "lifeos-worker", "lifeos-nginx"} <= set(found)
    published = {name: sorted(_port(port) for port in service.get("ports", [])) for name, service in found.items()}
    assert published["prometheus"] == ["127.0.0.1:9090:9090"]
    assert published["grafana"] == ["127.0.0.1:3000:3000"]
    assert published["alertmanager"] == ["127.0.0.1:9093:9093"]
    assert published["cadvisor"] == ["127.0.0.1:8080:8080"]
    assert published["lifeos-nginx"] == ["127.0.0.1:8000:8000", "443:8443", "80:8080"]
    assert {name for name, ports in published.items() if ports} == {
        "lifeos-nginx", "prometheus", "grafana", "alertmanager", "cadvisor"
    }  # fmt: skip


def _port(port) -> str:
    """Docker-compose writes some of them out."""
    short = f"{port['published']}:{port['target']}" if isinstance(port, dict) else str(port)
    return short.removesuffix("/tcp")


def test_the_database_is_on_a_network_without_a_way_out(stack):
    for name in ("lifeos-db", "lifeos-redis"):
        assert set(stack["services"][name]["networks"]) == {"data"}
    assert stack["networks"]["data"]["internal"] is True
    on_it = {name for name, service in stack["services"].items() if "data" in service.get("networks", {})}
    assert on_it == {
        "lifeos-db", "lifeos-redis", "lifeos-migrate", "lifeos-web", "lifeos-worker", "postgres-exporter",
        "redis-exporter",
    }  # fmt: skip
    assert stack["services"]["lifeos-db"]["networks"]["data"] == {"aliases": ["db"]}
    assert stack["services"]["lifeos-redis"]["networks"]["data"] == {"aliases": ["redis"]}


def test_every_container_is_confined(stack, scaled):
    for name, service in {**stack["services"], **scaled["services"]}.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert float(service["cpus"]) > 0, name
        assert service["pids_limit"] > 0, name
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name
        user = service["user"].partition(":")[0]
        assert (user == "0") == (name in ROOT_BY_NATURE), name
        assert not service.get("privileged"), name


def test_images_are_pinned(stack, scaled):
    for name, service in {**stack["services"], **scaled["services"]}.items():
        if service["image"] in OWN_IMAGES:
            continue
        tag = service["image"].rpartition("/")[2].partition(":")[2]
        assert re.match(r"v?\d+\.\d+", tag), f"{name} is {service['image']}"
    for line in (ROOT / "compose" / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM"):
            assert re.match(r"FROM \S+:\d+\.\d+\.\d+\S* AS \w+$", line), line


def test_replicas_can_be_added(tmp_path):
    found = compose.stack(tmp_path, LIFEOS_WEB_REPLICAS="5", LIFEOS_WORKER_REPLICAS="3")["services"]
    assert (found["lifeos-web"]["scale"], found["lifeos-worker"]["scale"]) == (5, 3)


def test_web_replicas_take_the_pool_and_everybody_knows_the_way_around_it(scaled):
    for name in ("lifeos-web", "lifeos-worker"):
        variables = compose.environment(scaled["services"][name])
        assert variables["DATABASE_URL"] == "postgresql://lifeos_app@pgbouncer:6432/lifeos"
        assert variables["DATABASE_DIRECT_URL"] == "postgresql://lifeos_app@db:5432/lifeos"
        # What the first file says is still there.
        assert variables["POSTGRES_PASSWORD"] == compose.SECRETS["POSTGRES_APP_PASSWORD"]
    pool = scaled["services"]["lifeos-pgbouncer"]
    assert pool["networks"] == {"data": {"aliases": ["pgbouncer"]}}
    assert set(scaled["services"]["lifeos-web"]["depends_on"]) == {
        "lifeos-db", "lifeos-redis", "lifeos-migrate", "lifeos-backup-dir", "lifeos-pgbouncer"
    }  # fmt: skip


def test_only_the_migrations_know_the_owner(stack, scaled):
    """Whatever an operator writes into .env, which every container of ours is given."""
    for services_ in (stack["services"], scaled["services"]):
        owner = compose.environment(services_["lifeos-migrate"])
        # Of nothing but a password it is `lifeos`, at the server of the others.
        assert owner["DATABASE_OWNER_URL"] == ""
        assert owner["POSTGRES_OWNER_PASSWORD"] == compose.SECRETS["POSTGRES_PASSWORD"]
        for name in ("lifeos-web", "lifeos-worker"):
            variables = compose.environment(services_[name])
            assert variables["DATABASE_OWNER_URL"] == variables["POSTGRES_OWNER_PASSWORD"] == ""
            assert variables["POSTGRES_PASSWORD"] == compose.SECRETS["POSTGRES_APP_PASSWORD"]
            assert compose.SECRETS["POSTGRES_PASSWORD"] not in variables.values()
            after = services_[name]["depends_on"]["lifeos-migrate"]
            assert after["condition"] == "service_completed_successfully"


def test_web_and_workers_do_not_get_what_env_holds_for_others(tmp_path):
    """compose hands the whole of .env to each of them."""
    given = {
        **compose.SECRETS,
        **{name: f"{name.lower()}-of-somebody-else" for name in OF_OTHERS - set(compose.SECRETS)},
    }
    text = "".join(f"{name}={value}\n" for name, value in given.items()) + "EMAIL_HOST=mail.example.org\n"
    outcome = compose.config(tmp_path, variables={}, env_file=text)
    assert outcome.code == 0, outcome.errors
    found = yaml.safe_load(outcome.output)["services"]
    for name in ("lifeos-web", "lifeos-worker"):
        variables = compose.environment(found[name])
        assert {other: variables[other] for other in OF_OTHERS} == dict.fromkeys(OF_OTHERS, "")
        assert variables["EMAIL_HOST"] == "mail.example.org"
        held = "\n".join(variables.values())
        for other in ("GRAFANA_PASSWORD", "POSTGRES_MONITORING_PASSWORD", "POSTGRES_PASSWORD", "NTFY_URL"):
            assert given[other] not in held, f"{name} holds {other}"
    # Preflight judges them there, before anything starts.
    migrate = compose.environment(found["lifeos-migrate"])
    assert migrate["GRAFANA_PASSWORD"] == given["GRAFANA_PASSWORD"]
    assert migrate["DEADMANSSWITCH_URL"] == given["DEADMANSSWITCH_URL"]


def test_backups_are_in_no_volume_that_down_v_removes(tmp_path):
    for variables, source in (
        ({}, f"{tmp_path}/backups"),
        ({"LIFEOS_BACKUP_DIR": "/mnt/nas/lifeos"}, "/mnt/nas/lifeos"),
    ):
        found = compose.stack(tmp_path, **variables)
        for name in ("lifeos-web", "lifeos-worker", "lifeos-migrate"):
            service = found["services"][name]
            assert compose.environment(service)["BACKUP_TARGET"] == "/backups"
            assert [each.partition(":")[0] for each in service["volumes"] if each.endswith(":/backups:rw")] == [source]
        assert source not in found["volumes"]
    assert set(found["volumes"]) == {
        "lifeos-db",
        "lifeos-redis",
        "lifeos-files",
        "prometheus",
        "alertmanager",
        "grafana",
    }
    elsewhere = compose.stack(tmp_path, BACKUP_TARGET="s3://bucket/lifeos")["services"]["lifeos-worker"]
    assert compose.environment(elsewhere)["BACKUP_TARGET"] == "s3://bucket/lifeos"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory away")
def test_the_directory_of_the_backups_becomes_the_workers(tmp_path, stack):
    service = stack["services"]["lifeos-backup-dir"]
    (tmp_path / "backups").mkdir(mode=0o755)
    command = [
        *service["entrypoint"],
        *(part.replace("/backups", f"{tmp_path}/backups") for part in service["command"]),
    ]
    subprocess.run(command, check=True)
    there = (tmp_path / "backups").stat()
    assert (there.st_uid, there.st_gid, there.st_mode & 0o777) == (10001, 10001, 0o700)
    assert stack["services"]["lifeos-worker"]["user"] == "10001:10001"
    # A share that keeps its owner does not keep the installation from starting.
    missing = subprocess.run(
        [part.replace("/backups", f"{tmp_path}/none") for part in command], capture_output=True, text=True
    )
    assert (missing.returncode, "keeps its owner" in missing.stderr) == (0, True)
    for name in ("lifeos-web", "lifeos-worker"):
        after = stack["services"][name]["depends_on"]["lifeos-backup-dir"]
        assert after["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", [*compose.FILES, compose.SCALED[1]])
def test_every_mounted_file_of_the_repository_exists(name):
    mounted = [v for s in yaml.safe_load((ROOT / name).read_text())["services"].values() for v in s.get("volumes", [])]
    sources = {volume.partition(":")[0] for volume in mounted if volume.startswith("./")}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "compose/Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_gets_everything_it_runs_and_no_secrets():
    """What .dockerignore lets through holds each package, and nothing that is not in the repository."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    apps = {"core", "finance", "identity", "insights", "lifeos_project", "platform_outbox"}
    assert lines[1] == "*"
    assert apps | {"compose", "requirements", "templates", "manage.py"} <= let_in
    assert not {".env", "var", ".git", ".venv"} & let_in


def test_shellcheck_finds_nothing():
    shellcheck = services.program("shellcheck", package="shellcheck")
    scripts = sorted(str(path) for path in (ROOT / "compose").rglob("*.sh"))
    assert len(scripts) >= 8
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
