"""What stands against a release, said before anything is changed."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_migration_linter.operations import IgnoreMigration

from lifeos_project.checks import preflight
from lifeos_project.tests.services import bare_environment, program

SCRIPTS = Path(settings.BASE_DIR) / "deploy" / "scripts"

pytestmark = pytest.mark.django_db


def migration(app: str, beginning: str):
    return MigrationLoader(connection).get_migration_by_prefix(app, beginning)


def test_a_migration_that_takes_away_what_runs_is_named():
    (problem,) = preflight._breaking([migration("axes", "0005")])
    assert problem == (
        "axes.0005_remove_accessattempt_trusted breaks the running release: DROPPING columns "
        "(table axes_accessattempt, column trusted)."
    )


def test_tables_that_do_not_exist_yet_may_be_shaped_freely():
    fresh = [migration("axes", f"000{number}") for number in range(1, 6)]
    assert list(preflight._breaking(fresh)) == []
    assert list(preflight._breaking(fresh[4:])) != []


def test_a_migration_may_say_that_it_breaks_nothing():
    found = migration("axes", "0005")
    found.operations = [*found.operations, IgnoreMigration()]
    assert list(preflight._breaking([found])) == []


def test_what_cannot_be_taken_back_is_named(monkeypatch):
    from django.db import migrations

    found = migration("axes", "0005")
    found.operations = [migrations.RunSQL("SELECT 1")]
    loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list))
    executor = SimpleNamespace(loader=loader, migration_plan=lambda _nodes: [(found, False)])
    monkeypatch.setattr(preflight, "MigrationExecutor", lambda _connection: executor)
    problems = preflight.findings(rolling=False).problems
    assert [each for each in problems if each.startswith("axes.0005_remove_accessattempt_trusted cannot be reversed")]


def test_a_full_disk_and_a_missing_service_are_named(monkeypatch, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(preflight, "LEAST_FREE_MB", 10**9)
    monkeypatch.setattr(preflight.health, "services", lambda: {"broker": {"status": "error", "error": "TimeoutError"}})
    found = preflight.findings(rolling=True)
    assert any("MB left, at least" in problem for problem in found.problems)
    assert "The broker does not answer (TimeoutError)." in found.problems
    assert found.pending == []


def test_a_data_directory_that_cannot_be_written_is_named(settings):
    settings.VAR_DIR = Path("/proc/lifeos")
    (problem,) = preflight.disk_problems()
    assert problem.startswith("/proc/lifeos (LIFEOS_VAR_DIR) cannot be written: ")


def test_the_scripts_are_clean():
    checker = program("shellcheck", package="shellcheck")
    files = sorted(SCRIPTS.glob("*.sh"))
    command = [checker, "-x", "-P", "SCRIPTDIR", "-P", str(settings.BASE_DIR), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=settings.BASE_DIR)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def deploy_sh(tmp_path):
    """deploy.sh with a configuration of its own; nothing it prints about is there."""

    def run(*arguments: str, **configuration: str) -> subprocess.CompletedProcess:
        file = tmp_path / "production.conf"
        file.write_text("".join(f"{name}='{value}'\n" for name, value in configuration.items()))
        command = ["bash", str(SCRIPTS / "deploy.sh"), *arguments]
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(file))
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def test_a_dry_run_of_compose_says_each_step_in_its_order(deploy_sh, tmp_path):
    image = "ghcr.io/example/lifeos-web"
    (tmp_path / "current").write_text(f"{image}:v1\n")
    done = deploy_sh(
        "deploy", "production", "--ref", "v2", "--dry-run", DRIVER="compose", STATE_DIRECTORY=str(tmp_path), IMAGE=image
    )
    assert done.returncode == 0, done.stderr
    lines = [line.replace("would run: ", "") for line in done.stdout.splitlines()]
    steps = [
        "pull lifeos-web lifeos-nginx",
        # The directory of the backups belongs to the user of web and workers before the first one is made.
        "run --rm --no-deps -T lifeos-backup-dir",
        "manage.py preflight",
        "manage.py backup",
        "manage.py migrate",
        "name_release",
    ]
    steps += ["up --detach lifeos-worker", "--scale lifeos-web="]
    places = [next(n for n, line in enumerate(lines) if step in line) for step in steps]
    assert places == sorted(places)
    backup = lines[places[3]]
    assert backup.startswith(f"env LIFEOS_IMAGE={image}:v1 LIFEOS_NGINX_IMAGE=ghcr.io/example/lifeos-nginx:v1 ")
    assert lines[places[4]].startswith(f"env LIFEOS_IMAGE={image}:v2 ")
    assert f"remember previous {image}:v1" in done.stdout
    # Nothing was changed.
    assert (tmp_path / "current").read_text() == f"{image}:v1\n"
    assert not (tmp_path / "previous").exists()


@pytest.mark.parametrize(
    ("arguments", "configuration", "words"),
    [
        (["fly"], {}, "fly is not a command"),
        (["deploy", "--fast"], {}, "--fast is not known"),
        (["init", "--monitoring"], {"DRIVER": "processes"}, "--monitoring is for containers"),
        (["deploy", "--host", "books.example.org"], {}, "--host is for deploy.sh init"),
        (["status"], {"DRIVER": "kubernetes"}, "must be compose or processes"),
        (["restore"], {"DRIVER": "compose", "STATE_DIRECTORY": "/nowhere"}, "Which one?"),
        (["status"], {"DRIVER": "processes"}, "name the directory of the installation"),
        (["deploy", "production", "one", "two"], {"DRIVER": "compose"}, "two is one argument too many"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(deploy_sh, arguments, configuration, words):
    done = deploy_sh(*arguments, **configuration)
    assert done.returncode != 0
    assert words in done.stderr


def test_help_names_every_command(deploy_sh):
    told = deploy_sh("--help").stdout
    for command in ("deploy", "nginx", "rollback", "status", "logs", "backup", "restore", "health-check"):
        assert command in told
