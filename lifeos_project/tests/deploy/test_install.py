"""docs/install.md from its first to its last shell block, typed on bare machines: one with containers, one without.

With containers before an engine in memory; without containers for real: PostgreSQL, Redis, nginx, the build, migrations,
two web processes and a worker. systemd's place is taken by a stub that starts and stops the units' commands.
"""

import os
import pwd
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from lifeos_project.tests.deploy.bare_machine import PACKAGES, ROOT, BareMachine
from lifeos_project.tests.deploy.engine import engine
from lifeos_project.tests.deploy.test_compose_deploy import health
from lifeos_project.tests.services import (
    QUICK_COMPOSE,
    free_port,
    listens,
    postgres_server,
    program,
    redis_server,
    running,
    wait_until,
)

PAGE = (ROOT / "docs" / "install.md").read_text()
WITH, WITHOUT = PAGE.partition("\n## Without containers\n")[::2]
EMAIL, PASSWORD = "anna@example.org", "correct horse of Anna 7"
PASSWORDS = {"Password: ": PASSWORD, "Password (again): ": PASSWORD}


def blocks(text: str) -> list[str]:
    return re.findall(r"```bash\n(.*?)```", text, re.S)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may enter, which pytest's own are not."""
    found = Path(tempfile.mkdtemp(prefix="lifeos-install-"))
    yield found
    shutil.rmtree(found)


def test_a_package_that_debian_does_not_have_or_a_program_of_none_ends_a_block(place):
    """What the tests below would miss otherwise."""
    machine = BareMachine(directory=place, substituted=[])
    for block, words in (
        ("apt-get install -y postgresql-server", "Unable to locate package postgresql-server"),
        ("curl http://localhost/", "curl: command not found"),
        ("certbot certonly", "certbot: command not found"),
        ("false\ntrue", "false"),
    ):
        with pytest.raises(AssertionError, match=words):
            machine.type(block)
    machine.type("apt-get install -y curl\ncurl --version")
    assert machine.asked() == ["apt-get install -y postgresql-server", "apt-get install -y curl"]


def test_the_page_with_containers(place):
    program("docker-compose", package="docker-compose")
    with engine(place / "engine") as state, health(state) as url:
        port = re.search(r":(\d+)/", url)[1]
        machine = BareMachine(
            directory=place, variables={**QUICK_COMPOSE, "DOCKER_HOST": f"unix://{place}/engine"},
            substituted=[(r"localhost:8000", f"127.0.0.1:{port}", "another installation may have the port")],
        )  # fmt: skip
        for block in blocks(WITH):
            machine.type(block, answers=PASSWORDS)
        services = {service for service, _ in state.services()}
        assert services >= {
            "lifeos-db",
            "lifeos-redis",
            "lifeos-web",
            "lifeos-worker",
            "lifeos-nginx",
            "grafana",
            "prometheus",
        }
        assert [(e.service, " ".join(e.command)) for e in state.events if e.action == "exec"] == [
            ("lifeos-web", f"python manage.py createsuperuser --email {EMAIL}"),
            ("lifeos-nginx", "nginx -c /tmp/nginx.conf -s reload"),
        ]
    assert machine.needless() == []
    assert (machine.cwd / ".env").stat().st_mode & 0o777 == 0o600
    assert issuer(machine.cwd / "compose/tls/fullchain.pem") == "CN = books.example.org, O = Issued"
    assert "certbot certonly --webroot -w /opt/lifeos/compose/acme -d books.example.org" in " ".join(machine.asked())


def issuer(certificate: Path) -> str:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-subject"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().removeprefix("subject=")


@pytest.fixture
def bare(place, nginx_path) -> Iterator[BareMachine]:
    """A machine on which the services of Debian's packages run, as they do once they are installed."""
    programs = Path(program("initdb", package="postgresql")).parent
    web, http, https, local = [free_port(), free_port()], free_port(), free_port(), free_port()
    with (
        tempfile.TemporaryDirectory() as data,
        postgres_server(Path(data) / "postgresql", programs=programs, user="postgres", passwords=True) as database,
        redis_server(place) as redis,
    ):
        server = re.search(r"127\.0\.0\.1:\d+", database)[0]
        user = "nobody" if os.geteuid() == 0 else ""
        machine = BareMachine(
            directory=place,
            challenges=f"http://127.0.0.1:{http}",
            substituted=[
                (r"127\.0\.0\.1:5432", server, "a server of the test's own"),
                (r"runuser -u postgres -- psql", f"psql {database}", "it runs as no user postgres"),
                (r"127\.0\.0\.1:6379", redis.split("/")[2], "a server of the test's own"),
                (r"localhost:8000", f"localhost:{local}", "another installation may have the port"),
                (r"127\.0\.0\.1:8000", f"127.0.0.1:{local}", "the same"),
                (r"(NGINX_HTTP_LISTEN:=)80", rf"\g<1>{http}", "the same"),
                (r"(NGINX_HTTPS_LISTEN:=)443", rf"\g<1>{https}", "the same"),
                (r"8001 8002", f"{web[0]} {web[1]}", "the same"),
                (r"(RUN_AS|User)=lifeos", rf"\1={user}", "no user is added to this machine"),
            ],
        )  # fmt: skip
        command = debian_nginx(machine, nginx=nginx_path, port=http)
        with running([*command, "-g", "daemon off;"], log=place / "nginx.out"):
            wait_until(lambda: listens(http), seconds=60, what="nginx")
            machine.https, machine.local, machine.database = https, local, database
            try:
                yield machine
            finally:
                for file in place.glob("lifeos-*.pid"):
                    if Path(f"/proc/{file.read_text()}").exists():
                        os.killpg(int(file.read_text()), signal.SIGKILL)


def debian_nginx(machine: BareMachine, *, nginx: str, port: int) -> list[str]:
    """nginx as Debian's package configures it, with its welcome page; the command that starts it."""
    there = machine.directory / "etc" / "nginx"
    (there / "sites-enabled").mkdir(parents=True)
    shutil.copy("/etc/nginx/mime.types", there)
    text = machine.here(Path("/etc/nginx/nginx.conf").read_text()).replace(
        "/run/nginx.pid", f"{machine.directory}/nginx.pid"
    )
    text = text.replace(f"{machine.directory}/etc/nginx/modules-enabled", "/etc/nginx/modules-enabled")
    (there / "nginx.conf").write_text(text if os.geteuid() == 0 else text.replace("user www-data;", ""))
    welcome = (
        f"server {{ listen 127.0.0.1:{port} default_server; listen {port} default_server; server_name _; return 418; }}"
    )
    (there / "sites-enabled" / "default").write_text(welcome)
    machine.stub("nginx", f'exec {nginx} -c {there}/nginx.conf "$@"', place="packaged")
    return [nginx, "-c", f"{there}/nginx.conf"]


@pytest.mark.nginx
def test_the_page_without_containers(bare):
    steps = blocks(WITHOUT)
    screens = [bare.type(block, answers=PASSWORDS) for block in steps]
    screen = "\n".join(screens)
    assert bare.needless() == []
    assert '{"status": "ok"' in screen
    home = bare.directory / "srv" / "lifeos"
    for name in ("lifeos.env", "owner.env"):
        assert (home / "shared" / name).stat().st_mode & 0o777 == 0o600
    secrets = re.findall(r"^\w*(?:SECRET_KEY|PASSWORD)=(.+)$", _settings(home), re.M)
    assert (len(secrets), min(map(len, secrets)) >= 32) == (4, True)
    assert [secret for secret in secrets if secret in screen] == []

    # What `status` says in the end: everything is ready, by the release that is the main branch's.
    release = (home / "current").resolve().name
    assert release.startswith("main-")
    states = re.findall(r"^((?:web|worker)-\d+) +(\w+) +(\S+)$", screens[2], re.M)
    assert [(name.partition("-")[0], state, by) for name, state, by in states] == [
        ("worker", "ready", release), ("web", "ready", release), ("web", "ready", release),
    ]  # fmt: skip
    # The services that have been running all the time are those of packages that the page has installed.
    assert asked_for_packages(bare) == PACKAGES.keys() - {"docker.io", "docker-compose"}

    # Through nginx, over TLS, with the certificate that was issued, from outside.
    visitor = Visitor(bare.https)
    assert visitor.get("/health")[0] == 200
    assert visitor.signs_in(EMAIL, PASSWORD)
    (style,) = re.findall(r'href="(/static/[^"]*unfold/css/styles[^"]*)"', visitor.get("/admin/")[1])[:1]
    assert visitor.get(style)[0] == 200
    assert issuer(bare.directory / "etc/lifeos/tls/fullchain.pem") == "CN = books.example.org, O = Issued"
    # Nothing that a command of root's made stands in the way of web and workers.
    data = home / "shared" / "var"
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {data.stat().st_uid}
    assert data.stat().st_uid == (pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())
    # Two roles: one that owns the tables, one that serves.
    with psycopg.connect(bare.database, dbname="lifeos") as server:
        owners = server.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("lifeos",)]
        assert server.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'lifeos_app'").fetchall() == [(False,)]

    again = bare.type("deploy/scripts/deploy.sh deploy production")
    assert f"{release} runs already and works; nothing to do." in again
    before = _settings(home)
    init = bare.type("deploy/scripts/deploy.sh init production --email anna@example.org")
    assert (init.count("is there already and stays as it is"), _settings(home)) == (2, before)
    bare.type("deploy/scripts/deploy.sh stop production")
    assert set(re.findall(r"^(?:web|worker)-\d+ +(\w+)", bare.type("deploy/scripts/deploy.sh status"), re.M)) == {
        "down"
    }


def _settings(home: Path) -> str:
    return "".join((home / "shared" / name).read_text() for name in ("lifeos.env", "owner.env"))


def asked_for_packages(machine: BareMachine) -> set[str]:
    installs = [line.split()[3:] for line in machine.asked() if line.startswith("apt-get install -y ")]
    return {name for names in installs for name in names}


class Visitor:
    """A browser that takes any certificate."""

    def __init__(self, port: int):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.base = f"https://localhost:{port}"
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def get(self, path: str, data: dict[str, str] | None = None) -> tuple[int, str]:
        body = urlencode(data).encode() if data else None
        question = urllib.request.Request(f"{self.base}{path}", data=body, headers={"Referer": f"{self.base}{path}"})
        with self.opener.open(question, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")

    def signs_in(self, email: str, password: str) -> bool:
        _, form = self.get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
        status, page = self.get(
            "/admin/login/", {"csrfmiddlewaretoken": token, "username": email, "password": password, "next": "/admin/"}
        )
        return status == 200 and "State of the installation" in page
