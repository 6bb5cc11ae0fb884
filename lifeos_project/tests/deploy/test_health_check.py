"""deploy.sh health-check with containers: a stand-in for the engine says what there is and how it feels."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import bare_environment

SCRIPT = Path(settings.BASE_DIR) / "deploy" / "scripts" / "deploy.sh"
# `docker compose … ps … SERVICE` and `docker inspect … ID…`, from one file per service with lines "ID health".
ENGINE = """#!/bin/sh
here=$(dirname "$0")
for last; do :; done
case "$*" in
  "compose version") ;;
  *" ps "*) cut -d' ' -f1 "$here/$last" ;;
  inspect*) shift 3; for id; do sed -n "s/^$id //p" "$here/lifeos-web" "$here/lifeos-worker"; done ;;
  *) exit 1 ;;
esac
"""
WELL = {"lifeos-web": "w1 healthy\nw2 healthy\n", "lifeos-worker": "k1 healthy\n"}


class Installation:
    def __init__(self, directory, port):
        self.directory = directory
        self.answer = '{"status": "ok", "version": "1.0.0", "database": {"status": "ok"}}'
        for name in ("docker", "docker-compose"):
            (directory / name).write_text(ENGINE)
            (directory / name).chmod(0o755)
        configuration = {
            "DRIVER": "compose",
            "PROJECT_DIRECTORY": directory,
            "STATE_DIRECTORY": directory / "state",
            "HEALTH_URL": f"http://127.0.0.1:{port}/health",
        }
        text = "".join(f"{name}='{value}'\n" for name, value in configuration.items())
        (directory / "production.conf").write_text(text)
        self.has()

    def has(self, **containers):
        for name, lines in {**WELL, **{name.replace("_", "-"): lines for name, lines in containers.items()}}.items():
            (self.directory / name).write_text(lines)

    def checked(self):
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(self.directory / "production.conf"))
        environment["PATH"] = f"{self.directory}:{environment['PATH']}"
        command = ["bash", str(SCRIPT), "health-check"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def installation(tmp_path):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.installation.answer.encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.installation = Installation(tmp_path, server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.installation
        server.shutdown()


def test_all_well_is_0_and_the_answer(installation):
    done = installation.checked()
    assert (done.returncode, done.stdout.strip()) == (0, installation.answer), done.stderr


@pytest.mark.parametrize(
    ("containers", "named"),
    [
        ({"lifeos_web": "w1 healthy\n"}, "lifeos-web"),
        ({"lifeos_web": "w1 healthy\nw2 unhealthy\n"}, "lifeos-web"),
        ({"lifeos_web": ""}, "lifeos-web"),
        ({"lifeos_worker": ""}, "lifeos-worker"),
        ({"lifeos_worker": "k1 starting\n"}, "lifeos-worker"),
        ({"lifeos_worker": "k1 healthy\nk2 unhealthy\n"}, "lifeos-worker"),
    ],
)
def test_a_container_that_is_missing_or_unwell_is_named(installation, containers, named):
    installation.has(**containers)
    done = installation.checked()
    assert done.returncode == 1
    assert f"{named}: a container is missing or not healthy" in done.stderr


@pytest.mark.parametrize("status", ["degraded", "error"])
def test_an_answer_that_is_not_ok_is_1_although_every_container_is_well(installation, status):
    installation.answer = f'{{"status": "{status}", "workers": {{"status": "ok"}}}}'
    done = installation.checked()
    assert done.returncode == 1
    assert installation.answer in done.stdout
    assert "the answer above names it" in done.stderr
