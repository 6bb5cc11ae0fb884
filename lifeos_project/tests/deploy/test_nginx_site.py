"""deploy.sh nginx: the containers' site in Debian's own nginx, as its package configures it."""

import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import bare_environment, free_port, listens, running, wait_until
from lifeos_project.tests.stack.running import make_certificate, render

SCRIPT = Path(settings.BASE_DIR) / "deploy" / "scripts" / "deploy.sh"
TEMPLATES = Path(settings.BASE_DIR) / "compose" / "nginx" / "templates"
DEBIANS = Path("/etc/nginx/nginx.conf")

pytestmark = pytest.mark.nginx


class Web(BaseHTTPRequestHandler):
    """A web process that says what it was told of its caller."""

    def do_GET(self) -> None:
        told = {name: self.headers[name] for name in ("Host", "X-Forwarded-For", "X-Forwarded-Proto")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...


class Machine:
    """A bare machine with Debian's nginx, of which only the places are other ones."""

    def __init__(self, directory: Path, *, nginx: str, web_port: int):
        self.directory, self.nginx = directory, directory / "etc" / "nginx"
        self.home, self.log = directory / "home", directory / "lifeos.log"
        self.http, self.https, self.local = free_port(), free_port(), free_port()
        (self.nginx / "sites-enabled").mkdir(parents=True)
        shutil.copy("/etc/nginx/mime.types", self.nginx)
        text = DEBIANS.read_text().replace("/etc/nginx/", f"{self.nginx}/").replace("/var/log/nginx", str(directory))
        text = text.replace("/run/nginx.pid", f"{directory}/nginx.pid")
        (self.nginx / "nginx.conf").write_text(
            text.replace("user www-data;", "user root;" if os.geteuid() == 0 else "")
        )
        make_certificate(directory / "tls")
        command = f"{nginx} -c {self.nginx}/nginx.conf"
        self.command = [*command.split(), "-g", "daemon off;"]
        self.configuration = {
            "DRIVER": "processes", "LIFEOS_HOME": self.home, "SOURCE": "none", "WEB_PORTS": web_port,
            "NGINX_DIRECTORY": self.nginx, "NGINX_TLS_DIR": directory / "tls", "NGINX_ACCESS_LOG": self.log,
            "NGINX_ACME_ROOT": directory / "acme", "NGINX_HTTP_LISTEN": f"127.0.0.1:{self.http}",
            "NGINX_HTTPS_LISTEN": f"127.0.0.1:{self.https}", "NGINX_LOCAL_LISTEN": f"127.0.0.1:{self.local}",
            "NGINX_TEST": f"{command} -t -q", "NGINX_RELOAD": "true",
        }  # fmt: skip
        self.reload = f"{command} -s reload"

    def deploy_sh(self, *arguments: str, **changes: object) -> subprocess.CompletedProcess[str]:
        file = self.directory / "production.conf"
        file.write_text("".join(f"{name}='{value}'\n" for name, value in {**self.configuration, **changes}.items()))
        environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(file))
        return subprocess.run(["bash", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True)

    def files(self) -> dict[str, str]:
        """The site's part of nginx's configuration."""
        found = [*self.nginx.glob("lifeos/*"), *self.nginx.glob("conf.d/*")]
        return {str(path.relative_to(self.nginx)): path.read_text() for path in found}


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that www-data may enter, which pytest's own are not."""
    found = Path(tempfile.mkdtemp(prefix="lifeos-nginx-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture
def machine(place, nginx_path) -> Iterator[Machine]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield Machine(place, nginx=nginx_path, web_port=web.server_port)
    web.shutdown()
    web.server_close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None


def get(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def test_the_site_answers_in_debians_nginx_over_tls_and_on_the_local_port(machine):
    made = machine.deploy_sh("nginx")
    assert made.returncode == 0, made.stderr
    statics = machine.home / "releases" / "v1" / "staticfiles"
    statics.mkdir(parents=True)
    (statics / "site.css").write_text("body {}")
    (machine.home / "current").symlink_to(machine.home / "releases" / "v1")
    with running(machine.command, log=machine.directory / "nginx.out"):
        wait_until(lambda: listens(machine.https), seconds=60, what="nginx")
        status, headers, body = get(f"https://127.0.0.1:{machine.https}/b/1/?q=secret", Host="books.example.org")
        assert (status, json.loads(body)) == (
            200,
            {"Host": "books.example.org", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"},
        )
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["Server"] == "nginx"
        assert get(f"http://127.0.0.1:{machine.local}/health")[0] == 200
        assert get(f"http://127.0.0.1:{machine.local}/metrics")[0] == 404
        assert get(f"http://127.0.0.1:{machine.local}/static/site.css")[2] == "body {}"
        status, headers, _ = get(f"http://127.0.0.1:{machine.http}/b/1/", Host="books.example.org")
        assert (status, headers["Location"]) == (308, "https://books.example.org/b/1/")
        # Changed settings, without a new start.
        assert machine.deploy_sh("nginx", NGINX_HSTS_SECONDS=60, NGINX_RELOAD=machine.reload).returncode == 0
        wait_until(
            lambda: get(f"https://127.0.0.1:{machine.https}/")[1]["Strict-Transport-Security"] == "max-age=60",
            seconds=60,
            what="the changed setting",
        )
    lines = [json.loads(line) for line in machine.log.read_text().splitlines()]
    assert {"path": "/b/1/", "status": 200}.items() <= lines[0].items()
    # Debian's own log, which holds queries, is not written for this site.
    assert "secret" not in machine.log.read_text() + (machine.directory / "access.log").read_text()


def test_the_site_is_the_containers_one_to_the_letter(machine, tmp_path):
    assert machine.deploy_sh("nginx").returncode == 0
    variables = {name: str(value) for name, value in machine.configuration.items() if name.startswith("NGINX_")}
    variables |= {
        "NGINX_UPSTREAM": f"include {machine.home}/run/upstream.conf;", "NGINX_STATIC_ROOT": f"{machine.home}/run/www",
        "NGINX_TRUSTED_PROXY": "127.0.0.1/32", "NGINX_HSTS_SECONDS": "31536000", "NGINX_RATE": "30r/s",
        "NGINX_SIGN_IN_RATE": "30r/m",
    }  # fmt: skip
    render(TEMPLATES / "lifeos", tmp_path / "lifeos", variables=variables)
    of_the_container = {f"lifeos/{path.name}": path.read_text() for path in (tmp_path / "lifeos").iterdir()}
    assert machine.files() == {**of_the_container, "conf.d/lifeos.conf": "include lifeos/http.conf;\n"}
    assert "${NGINX_" not in "".join(of_the_container.values())


def test_what_nginx_refuses_is_taken_back(machine):
    refused = machine.deploy_sh("nginx", NGINX_RATE="fast")
    assert refused.returncode == 1
    assert "its configuration is as it was" in refused.stderr
    assert machine.files() == {}
    assert machine.deploy_sh("nginx").returncode == 0
    before = machine.files()
    assert machine.deploy_sh("nginx", NGINX_RATE="fast").returncode == 1
    assert machine.files() == before
    assert not list(machine.nginx.glob("lifeos.*"))


def test_without_a_certificate_nothing_is_changed(machine):
    (machine.directory / "tls" / "privkey.pem").unlink()
    refused = machine.deploy_sh("nginx")
    assert refused.returncode == 1
    assert f"nginx needs {machine.directory}/tls/privkey.pem" in refused.stderr
    assert machine.files() == {}


def test_a_dry_run_writes_nothing(machine):
    tried = machine.deploy_sh("nginx", "--dry-run")
    assert (tried.returncode, machine.files()) == (0, {})
    assert "would run: write_site" in tried.stdout


def test_containers_have_no_site_to_write(machine):
    refused = machine.deploy_sh("nginx", DRIVER="compose", STATE_DIRECTORY=machine.directory)
    assert refused.returncode == 1
    assert "nginx runs in a container of its own" in refused.stderr


def _section() -> str:
    text = (Path(settings.BASE_DIR) / "docs" / "install.md").read_text()
    return text.partition("\n## Without containers\n")[2].partition("\n## ")[0]


def test_the_page_tells_every_variable_of_the_site_with_its_default():
    rows = [re.findall(r"`([^`]+)`", line) for line in _section().splitlines() if line.startswith("| `NGINX_")]
    told = {name for row in rows for name in row if name.startswith("NGINX_")}
    script = "\n".join(path.read_text() for path in SCRIPT.parent.glob("*.sh"))
    defaults = dict(re.findall(r'"\$\{(NGINX_\w+):=([^}]*)\}"', script))
    assert told == defaults.keys()
    for name in ("NGINX_TLS_DIR", "NGINX_ACME_ROOT", "NGINX_LOCAL_LISTEN", "NGINX_ACCESS_LOG", "NGINX_HSTS_SECONDS"):
        assert any(name in row and defaults[name] in row for row in rows), name
    # What templates ask for beside the paths of the container comes from these, or from the installation itself.
    asked = {
        name for path in (TEMPLATES / "lifeos").iterdir() for name in re.findall(r"\$\{(NGINX_\w+)\}", path.read_text())
    }
    assert asked <= told | {"NGINX_UPSTREAM", "NGINX_STATIC_ROOT"}
