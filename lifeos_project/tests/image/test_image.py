"""The images are built from the Dockerfile as it is, and what comes out is started. Minutes: `make image-check`."""

import os
import subprocess
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.local import embedded_postgres
from lifeos_project.tests.image.buildah import Buildah, bases
from lifeos_project.tests.services import free_port, postgres_server, running, wait_until
from lifeos_project.tests.test_checks import SAFE

pytestmark = pytest.mark.image
COMPILERS = ("cc", "gcc", "g++", "clang", "make", "ld", "git", "curl")
# Of ours, without the base; the figure of today is in docs/deploying.md.
MOST_MEGABYTES = 320


@pytest.fixture(scope="module")
def buildah(tmp_path_factory):
    kept = settings.BASE_DIR / "var" / "image"
    kept.mkdir(parents=True, exist_ok=True)
    own = tmp_path_factory.mktemp("buildah")
    found = Buildah(own, kept=kept)
    found.make_bases()
    try:
        yield found
    finally:
        found.run("rm", "--all")
        found.run("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def app(buildah):
    return buildah.build("app")


def test_the_bases_are_pinned():
    assert len(bases()) == 2
    assert all(":" in name and not name.endswith(":latest") for name in bases())


def test_the_image_holds_what_it_runs_and_nothing_else(buildah, app, record_property):
    with buildah.container(app) as (_, root):
        megabytes = sum(_megabytes(root / part) for part in ("venv", "app"))
        record_property("megabytes of venv and app", megabytes)
        assert megabytes < MOST_MEGABYTES
        present = {path.name for place in ("bin", "usr/bin", "venv/bin") for path in (root / place).iterdir()}
        assert present.isdisjoint({*COMPILERS, "pip", "uv"})
        assert not (root / "tools").exists()
        caches = [root / "root" / ".cache", root / "var/lib/lifeos/.cache", *(root / "tmp").iterdir()]
        assert [path for path in caches if path.exists()] == []
        assert list((root / "app").rglob("tests")) == []
        assert not any((root / "app" / name).exists() for name in (".env", ".git", "var", "bench"))
        assert list((root / "app" / "staticfiles").glob("staticfiles.json")) != []
        # Compiled: a container with a read-only root compiles the same files at each start otherwise.
        assert list((root / "app" / "finance" / "__pycache__").glob("money.*.pyc")) != []


def _megabytes(directory: Path) -> int:
    told = subprocess.run(["du", "-sm", str(directory)], capture_output=True, text=True, check=True).stdout
    return int(told.split()[0])


def test_its_user_is_nobody_and_may_change_nothing_of_it(buildah, app):
    configuration = buildah.configuration(app)
    assert configuration["User"] == "10001:10001"
    with buildah.container(app) as (name, _):
        look = "id -u; id -G; touch /app/x /venv/x /etc/x 2>/dev/null && echo writes; find /app /venv -writable ! -type l | head -3"
        done = subprocess.run(buildah.starting(name, "sh", "-c", look), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["10001", "10001"]


def test_its_web_migrates_an_empty_database_and_answers(buildah, app, tmp_path):
    programs = embedded_postgres.program("postgres").parent
    port, entry = free_port(), buildah.configuration(app)
    command = [*entry["Entrypoint"], *entry["Cmd"]]
    with postgres_server(tmp_path / "postgres", programs=programs) as database, buildah.container(app) as (name, _):
        variables = SAFE | {
            "DATABASE_URL": database, "RUN_MIGRATIONS": "true", "GUNICORN_BIND": f"127.0.0.1:{port}", "GUNICORN_WORKERS": "1",
        }  # fmt: skip
        log = tmp_path / "web.log"
        with running(buildah.starting(name, *command, **variables), log=log, environment=dict(os.environ)) as web:
            wait_until(
                lambda: web.poll() is not None or _answers(port, "/health/ready"), seconds=300, what=f"the web ({log})"
            )
            assert web.poll() is None, log.read_text()[-3000:]
            assert _answers(port, "/health/live")
            healthy = ["python", "compose/healthcheck.py", "web"]
            subprocess.run(buildah.starting(name, *healthy, **variables), check=True, capture_output=True)


def _answers(port: int, path: str) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": "localhost"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status == 200


def test_nginx_has_the_static_files_of_the_same_release(buildah, app):
    with buildah.container(app) as (_, root):
        of_the_app = (root / "app" / "staticfiles" / "staticfiles.json").read_bytes()
    image = buildah.build("nginx")
    assert buildah.configuration(image)["User"] == "101:101"
    with buildah.container(image) as (_, root):
        assert (root / "srv" / "static" / "staticfiles.json").read_bytes() == of_the_app
        assert list((root / "etc" / "nginx" / "templates").glob("*.template")) != []
        assert not (root / "venv").exists()
