"""compose/nginx/certificate.sh, which the image runs between its templates and nginx."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import free_port, listens, running, wait_until
from lifeos_project.tests.stack.network import request
from lifeos_project.tests.stack.running import make_certificate, render

COMPOSE = Path(settings.BASE_DIR) / "compose"


@pytest.fixture
def rendered(tmp_path):
    """The variables of a container's nginx, with its templates filled in."""
    ports = {name: str(free_port()) for name in ("NGINX_HTTP_LISTEN", "NGINX_HTTPS_LISTEN", "NGINX_LOCAL_LISTEN")}
    variables = {
        **{name: f"127.0.0.1:{port}" for name, port in ports.items()},
        "NGINX_UPSTREAM": f"server 127.0.0.1:{free_port()};", "NGINX_RUN_DIR": str(tmp_path / "run"),
        "NGINX_TLS_DIR": str(tmp_path / "tls"), "NGINX_STATIC_ROOT": str(tmp_path), "NGINX_ACME_ROOT": str(tmp_path),
        "NGINX_TRUSTED_PROXY": "127.0.0.1/32", "NGINX_HSTS_SECONDS": "0", "NGINX_RATE": "100r/s",
        "NGINX_SIGN_IN_RATE": "30r/m", "NGINX_ACCESS_LOG": "/dev/stdout",
    }  # fmt: skip
    (tmp_path / "run").mkdir()
    (tmp_path / "tls").mkdir()
    render(COMPOSE / "nginx" / "templates", tmp_path / "run", variables=variables)
    return variables


def certificate(variables, **more):
    command = ["sh", str(COMPOSE / "nginx" / "certificate.sh")]
    environment = {"PATH": "/usr/bin:/bin", **variables, **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def texts(variables) -> str:
    return "".join(file.read_text() for file in sorted(Path(variables["NGINX_RUN_DIR"]).rglob("*.conf")))


def test_production_does_not_start_without_a_certificate(rendered):
    before = texts(rendered)
    for more in ({}, {"APP_ENV": "production"}):
        refused = certificate(rendered, **more)
        assert refused.returncode == 1
        assert "There is no certificate that user 101 can read" in refused.stderr
    assert texts(rendered) == before


def test_a_certificate_that_is_there_is_used(rendered):
    make_certificate(Path(rendered["NGINX_TLS_DIR"]))
    before = texts(rendered)
    assert [certificate(rendered, APP_ENV=name).returncode for name in ("production", "development")] == [0, 0]
    assert texts(rendered) == before


@pytest.mark.nginx
def test_development_is_served_without_one_on_both_ports(rendered, nginx_path, tmp_path):
    done = certificate(rendered, APP_ENV="development")
    assert (done.returncode, "without TLS" in done.stderr) == (0, True)
    assert "ssl_certificate" not in texts(rendered)
    listening = re.findall(r"^\s*listen (\S+)", texts(rendered), flags=re.M)
    assert sorted(listening) == sorted([rendered["NGINX_HTTP_LISTEN"], rendered["NGINX_LOCAL_LISTEN"]])
    command = [nginx_path, "-c", f"{rendered['NGINX_RUN_DIR']}/nginx.conf", "-g", "daemon off;"]
    with running(command, log=tmp_path / "log"):
        ports = [int(address.rpartition(":")[2]) for address in listening]
        for port in ports:
            wait_until(lambda port=port: listens(port), seconds=60, what="nginx")
        # Both ask for a web process, which is not there, and neither leads to a port that nobody listens on.
        assert sorted(request(f"http://127.0.0.1:{port}/").status for port in ports) == [502, 503]
