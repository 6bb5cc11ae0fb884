"""The monitoring beside the stack, with the same configuration files and Debian's programs."""

import contextlib
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.network import ADDRESSES
from lifeos_project.tests.stack.running import CONFIGURATION, STAND_INS, Stack, app_environment

# Debian names them after Prometheus; the images do not.
PACKAGES = {
    name: f"prometheus-{name}"
    for name in ("alertmanager", "node-exporter", "postgres-exporter", "redis-exporter", "blackbox-exporter")
}
# A person with a book, whose opening is an event for the worker; and a proof of all books.
SCRIPT = """
from django.core.management import call_command
from finance.ledger.services.books import create_book
from identity.models import User
anna = User.objects.create_user("anna@example.org", "a-password-of-hers")
create_book(owner=anna, name="Home", base_currency="EUR", time_zone="Europe/Dublin")
call_command("verify_ledger")
"""
PORTS = {"node-exporter": 9100, "postgres-exporter": 9187, "redis-exporter": 9121, "blackbox-exporter": 9115}


@dataclass(slots=True, kw_only=True)
class Monitoring:
    """A running Prometheus and Alertmanager, and what the alerts' receivers were told."""

    stack: Stack
    told: "subprocess.Popen[bytes]"
    known: dict[str, Any] = field(default_factory=dict)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The answer of Prometheus to an instant query."""
        form = urllib.parse.urlencode({"query": query})
        answer = self.stack.get(f"http://prometheus:9090/api/v1/query?{form}")
        document = json.loads(answer.body)
        assert document["status"] == "success", f"{query}: {document}"
        return document["data"]["result"]

    def value(self, query: str) -> float:
        """The one figure that a query answers, as soon as it does: each target is scraped at a moment of its own."""
        (found,) = self.wait_for(query)
        return float(found["value"][1])

    def wait_for(self, query: str, *, seconds: float = 60) -> list[dict[str, Any]]:
        """The first answer to a query that is not empty."""
        found: list[list[dict[str, Any]]] = []

        def answered() -> bool:
            found.append(self.ask(query))
            return bool(found[-1])

        services.wait_until(answered, seconds=seconds, what=query)
        return found[-1]

    def alerts(self, *labels: dict[str, str], **annotations: str) -> None:
        """Post alerts to Alertmanager as Prometheus does."""
        body = json.dumps([{"labels": each, "annotations": annotations} for each in labels]).encode()
        headers = {"Content-Type": "application/json"}
        answer = self.stack.get("http://alertmanager:9093/api/v2/alerts", method="POST", body=body, headers=headers)
        assert answer.status == 200, answer.text

    def received(self, path: str) -> list[dict[str, Any]]:
        """What came to the receivers' address below `path`."""
        lines = [json.loads(line) for line in self.stack.network.log("receiver").splitlines() if line]
        return [line["body"] for line in lines if line["path"] == path]


@contextlib.contextmanager
def monitoring(stack: Stack) -> Iterator[Monitoring]:
    # First of all: its scrapes take time, and the rest may come meanwhile.
    _start_prometheus(stack)
    receiver = stack.network.start("receiver", [sys.executable, str(STAND_INS), "receiver"], environment={})
    _start_stand_ins(stack)
    _start_exporters(stack)
    _start_alertmanager(stack)
    found = Monitoring(stack=stack, told=receiver)
    _do_something(stack)
    services.wait_until(lambda: _ready(stack), seconds=60, what="Prometheus and Alertmanager")
    yield found


def _do_something(stack: Stack) -> None:
    """Visits that go well, that are refused and that fail, and a proof of the books: figures for every query."""
    for address in ADDRESSES["lifeos-web"]:
        for path, method in (("/accounts/sign-in/", "GET"), ("/api/v1/books/", "GET"), ("/health/live", "BREW")):
            stack.get(f"http://{address}:8000{path}", method=method)
    # Without its record of migrations a web process is not ready, and says so with 503.
    stack.sql("ALTER TABLE django_migrations RENAME TO aside")
    try:
        for address in ADDRESSES["lifeos-web"]:
            assert stack.get(f"http://{address}:8000/health/ready").status == 503
    finally:
        stack.sql("ALTER TABLE aside RENAME TO django_migrations")
    prove = [str(CONFIGURATION / "entrypoint.sh"), "manage.py", "shell", "--command", SCRIPT]
    stack.network.run(prove, environment=app_environment(stack, "proof", service="lifeos-worker"))


def _ready(stack: Stack) -> bool:
    return all(
        stack.get(f"http://{name}:{port}/-/ready").status == 200
        for name, port in (("prometheus", 9090), ("alertmanager", 9093))
    )


def _start_prometheus(stack: Stack) -> None:
    services.program("prometheus", package="prometheus")
    (stack.directory / "tsdb").mkdir()
    flags = {
        "config.file": CONFIGURATION / "prometheus" / "prometheus.yml",
        "storage.tsdb.path": stack.directory / "tsdb",
    }
    flags["web.listen-address"] = f"{ADDRESSES['prometheus'][0]}:9090"
    stack.network.start(
        "prometheus",
        ["sh", str(CONFIGURATION / "prometheus" / "start.sh"), *_flags(stack, "prometheus", flags)],
        environment=stack.environment("prometheus"),
    )


def _flags(stack: Stack, service: str, changes: dict[str, Any]) -> list[str]:
    """The compose file's flags, with `changes` in the place of those of the same name."""
    kept = [
        flag for flag in compose.command(stack.services[service]) if flag.lstrip("-").partition("=")[0] not in changes
    ]
    return [*kept, *(f"--{name}={value}" for name, value in changes.items())]


def _start_alertmanager(stack: Stack) -> None:
    services.program("prometheus-alertmanager", package="prometheus-alertmanager")
    (stack.directory / "alertmanager").mkdir()
    receiver = f"http://{ADDRESSES['grafana'][0]}:3000"
    changes = {
        "storage.path": stack.directory / "alertmanager",
        "web.listen-address": f"{ADDRESSES['alertmanager'][0]}:9093",
    }
    stack.network.start(
        "alertmanager",
        ["sh", str(CONFIGURATION / "alertmanager" / "start.sh"), *_flags(stack, "alertmanager", changes)],
        environment=stack.environment(
            "alertmanager",
            ALERTMANAGER=PACKAGES["alertmanager"],
            SLACK_WEBHOOK_URL=f"{receiver}/slack",
            PAGERDUTY_SERVICE_KEY="R0UT1NGKEY",
            PAGERDUTY_URL=f"{receiver}/pagerduty",
            LIFEOS_DOCS_URL="https://example.org/lifeos/",
        ),
    )


def _start_exporters(stack: Stack) -> None:
    for name, port in PORTS.items():
        program = services.program(PACKAGES[name], package=PACKAGES[name])
        flag = "-web.listen-address" if name == "redis-exporter" else "--web.listen-address"
        arguments = [f"{flag}={ADDRESSES[name][0]}:{port}"]
        if name == "blackbox-exporter":
            arguments.append(f"--config.file={CONFIGURATION / 'blackbox' / 'blackbox.yml'}")
        stack.network.start(name, [program, *arguments], environment=stack.environment(name))


def _start_stand_ins(stack: Stack) -> None:
    pids = {"lifeos-web-1": stack.web[0].pid, "lifeos-web-2": stack.web[1].pid}
    pids |= {f"lifeos-{name}-1": process.pid for name, process in stack.others.items()}
    words = [f"{name}={pid}" for name, pid in pids.items()]
    stack.network.start("cadvisor", [sys.executable, str(STAND_INS), "cadvisor", *words], environment={})
    mapping = str(CONFIGURATION / "statsd" / "mapping.yml")
    stack.network.start("statsd", [sys.executable, str(STAND_INS), "statsd", mapping], environment={})
