"""The compose files, the Dockerfile and the scripts, by tools that need no engine."""

import os
import re
import subprocess
import sys
from pathlib import Path

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
    "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "POSTGRES_OWNER_PASSWORD", "POSTGRES_MONITORING_PASSWORD",
    "GRAFANA_PASSWORD", "SLACK_WEBHOOK_URL", "PAGERDUTY_SERVICE_KEY", "ALERT_EMAIL_TO", "NTFY_URL", "NTFY_TOKEN",
    "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_TOKEN", "DEADMANSSWITCH_URL", "DATABASE_OWNER_URL",
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    return compose.stack(tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    return compose.stack(tmp_path_factory.mktemp("scaled"), files=compose.SCALED)


@pytest.mark.parametrize("name", sorted(compose.SECRETS))
def test_nothing_starts_without_its_secret(tmp_path, name):
    # An empty one is none.
    outcome = compose.config(tmp_path, variables={**compose.SECRETS, name: ""})
    assert outcome.code == 1
    assert "make one with openssl" in outcome.errors


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
        assert owner["DATABASE_OWNER_URL"] == "postgresql://lifeos@db:5432/lifeos"
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
    assert len(scripts) >= 4
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
