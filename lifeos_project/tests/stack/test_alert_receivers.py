"""Who is told of an alert: compose/alertmanager with each variable, before real receivers on the loopback."""

import contextlib
import email
import email.policy
import json
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from identity.tests.mail_server import MailServer
from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.running import CONFIGURATION
from lifeos_project.tests.stack.watched import ALERTS

pytestmark = pytest.mark.prometheus

START = str(CONFIGURATION / "alertmanager" / "start.sh")
# What a sed, a shell or YAML could take for something else.
ODD = "a'b&c|d\\e"


@dataclass(kw_only=True)
class Receiver:
    """An HTTP server that keeps what it is sent."""

    url: str
    posts: list[dict] = field(default_factory=list)

    def at(self, path: str) -> list[dict]:
        return [post for post in self.posts if post["path"] == path]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            address = urlsplit(self.path)
            found.posts.append(
                {"path": address.path, "query": parse_qs(address.query), "body": body, "headers": self.headers}
            )
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(url=f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def configured(directory: Path, **variables: str) -> tuple[dict, str]:
    """What start.sh makes of the variables, found good by amtool; and what it says."""
    environment = services.bare_environment(ALERTMANAGER="true", ALERTMANAGER_RUN_DIR=str(directory), **variables)
    done = subprocess.run(["sh", START], env=environment, capture_output=True, text=True, check=True)
    file = directory / "alertmanager.yml"
    checked = subprocess.run(
        [services.program("amtool", package="prometheus-alertmanager"), "check-config", str(file)],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.findall("@[A-Z_]+@", file.read_text()) == []
    return yaml.safe_load(file.read_text()), done.stderr


def receivers(config: dict) -> dict[str, list[str]]:
    """Name of each receiver to what it sends by."""
    return {
        found["name"]: sorted(key for key, value in found.items() if key != "name" and value)
        for found in config["receivers"]
    }


def test_without_secrets_nothing_is_sent_anywhere(tmp_path):
    config, said = configured(tmp_path)
    assert receivers(config) == {"deadmansswitch": [], "channels": [], "pagerduty": []}
    for name in (
        "slack-webhook-url",
        "pagerduty-service-key",
        "deadmansswitch-url",
        "alert-email-to",
        "ntfy-url",
        "alert-webhook-url",
    ):
        assert f"{name} is empty" in said


@pytest.mark.parametrize(
    ("variables", "channels"),
    [
        ({"SLACK_WEBHOOK_URL": "https://hooks.example.org/x"}, ["slack_configs"]),
        ({"ALERT_EMAIL_TO": "ops@example.org", "EMAIL_HOST": "mail.example.org"}, ["email_configs"]),
        ({"NTFY_URL": "https://ntfy.example.org/t"}, ["webhook_configs"]),
        ({"ALERT_WEBHOOK_URL": "https://hook.example.org/"}, ["webhook_configs"]),
    ],
)
def test_one_variable_gives_one_channel(tmp_path, variables, channels):
    config, _ = configured(tmp_path, **variables)
    assert receivers(config) == {"deadmansswitch": [], "channels": channels, "pagerduty": []}


def test_mail_needs_a_server_and_says_so(tmp_path):
    config, said = configured(tmp_path, ALERT_EMAIL_TO="ops@example.org")
    assert receivers(config)["channels"] == []
    assert "EMAIL_HOST is empty, so no mail can be sent" in said


def test_values_arrive_as_they_are_and_secrets_are_not_in_the_configuration(tmp_path):
    config, _ = configured(
        tmp_path, ALERT_EMAIL_TO="a@example.org, b@example.org", EMAIL_HOST="mail.example.org", EMAIL_USE_TLS="false",
        EMAIL_HOST_USER=ODD, EMAIL_HOST_PASSWORD=ODD, NTFY_URL=f"https://ntfy.example.org/{ODD}", NTFY_TOKEN=ODD,
        ALERT_WEBHOOK_URL=f"https://hook.example.org/?q={ODD}", ALERT_WEBHOOK_TOKEN=ODD,
    )  # fmt: skip
    channels = config["receivers"][1]
    (mail,), (ntfy, webhook) = channels["email_configs"], channels["webhook_configs"]
    assert mail["to"] == "a@example.org, b@example.org"
    assert (mail["from"], mail["smarthost"]) == ("lifeos@localhost", "mail.example.org:587")
    assert (mail["auth_username"], mail["require_tls"]) == (ODD, False)
    assert ntfy["url"].startswith(f"https://ntfy.example.org/{ODD}?tpl=1&t=")
    assert webhook["url"] == f"https://hook.example.org/?q={ODD}"
    files = ("email-host-password", "ntfy-token", "alert-webhook-token")
    assert [(tmp_path / name).read_text() for name in files] == [ODD] * 3
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (*files, "alertmanager.yml")} == {0o600}


def test_every_variable_of_the_script_is_handed_over_by_the_compose_file(tmp_path):
    given = compose.environment(compose.stack(tmp_path)["services"]["alertmanager"])
    # In capitals: the environment's. What is written small is the script's own.
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", Path(START).read_text()))
    assert used - {"ALERTMANAGER", "ALERTMANAGER_RUN_DIR"} == given.keys()


@contextlib.contextmanager
def alertmanager(directory: Path, *arguments: str, port: int, **variables: str) -> Iterator[str]:
    """Address of a real one that start.sh has started; --cluster.… may be among the arguments."""
    program = services.program("prometheus-alertmanager", package="prometheus-alertmanager")
    (directory / "data").mkdir(parents=True)
    environment = services.bare_environment(ALERTMANAGER=program, ALERTMANAGER_RUN_DIR=str(directory), **variables)
    cluster = arguments or ("--cluster.listen-address=",)
    command = ["sh", START, f"--storage.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}", *cluster]
    with services.running(command, log=directory / "log", environment=environment):
        services.wait_until(lambda: _ready(port), seconds=60, what="Alertmanager")
        yield f"http://127.0.0.1:{port}"


def _ready(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
        return answer.status == 200


def fire(address: str, *alerts: dict) -> None:
    """Post alerts as Prometheus does."""
    body = json.dumps(list(alerts)).encode()
    request = urllib.request.Request(
        f"{address}/api/v2/alerts", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def alert(name: str, severity: str) -> dict:
    """One of ours, with its real texts."""
    annotations = next(
        rule["annotations"] for rule in ALERTS if rule["alert"] == name and rule["labels"]["severity"] == severity
    )
    return {"labels": {"alertname": name, "severity": severity}, "annotations": annotations}


def test_a_critical_alert_reaches_every_channel_and_the_watchdog_its_switch(tmp_path):
    with receiving() as receiver, contextlib.closing(MailServer()) as mails:
        variables = {
            "DEADMANSSWITCH_URL": f"{receiver.url}/ping/7f3a", "SLACK_WEBHOOK_URL": f"{receiver.url}/slack",
            "NTFY_URL": f"{receiver.url}/our-topic", "NTFY_TOKEN": "tk_odd'1", "ALERT_WEBHOOK_URL": f"{receiver.url}/hook",
            "ALERT_WEBHOOK_TOKEN": "of-the-hook", "PAGERDUTY_SERVICE_KEY": "R0UT1NGKEY",
            "PAGERDUTY_URL": f"{receiver.url}/pagerduty", "ALERT_EMAIL_TO": "ops@example.org, on-call@example.org",
            "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mails.port), "EMAIL_USE_TLS": "false",
            "DEFAULT_FROM_EMAIL": "lifeos@example.org", "LIFEOS_DOCS_URL": "https://example.org/lifeos/",
        }  # fmt: skip
        with alertmanager(tmp_path / "one", port=services.free_port(), **variables) as address:
            fire(address, alert("LifeosDatabaseDown", "critical"), alert("LifeosWatchdog", "none"))
            expected = {"/ping/7f3a", "/slack", "/our-topic", "/hook", "/pagerduty"}
            services.wait_until(
                lambda: expected <= {post["path"] for post in receiver.posts} and len(mails.mails) >= 1,
                seconds=60,
                what="every receiver",
            )
    (ping,) = receiver.at("/ping/7f3a")
    assert [each["labels"]["alertname"] for each in ping["body"]["alerts"]] == ["LifeosWatchdog"]
    (hook,) = receiver.at("/hook")
    assert [each["labels"]["alertname"] for each in hook["body"]["alerts"]] == ["LifeosDatabaseDown"]
    assert hook["headers"]["Authorization"] == "Bearer of-the-hook"
    (push,) = receiver.at("/our-topic")
    assert push["headers"]["Authorization"] == "Bearer tk_odd'1"
    assert push["query"] == {
        "tpl": ["1"],
        "t": ["{{.groupLabels.alertname}}: {{.status}}"],
        "m": ["{{range .alerts}}{{.annotations.summary}}. {{.annotations.description}}\n{{end}}"],
    }
    # What those templates ask for is in the JSON that goes with them.
    assert push["body"]["groupLabels"] == {"alertname": "LifeosDatabaseDown"}
    assert push["body"]["alerts"][0]["annotations"]["summary"] == "PostgreSQL does not answer"
    mail = email.message_from_string(mails.mails[0], policy=email.policy.default)
    assert (mail["Subject"], mail["From"]) == ("PostgreSQL does not answer", "lifeos@example.org")
    assert mail["To"] == "ops@example.org, on-call@example.org"
    text = mail.get_body(("plain",)).get_content()
    assert "Nothing can be read or posted." in text
    assert "https://example.org/lifeos/docs/runbooks/LifeosDatabaseDown.md" in text


@pytest.mark.parametrize(
    ("name", "severity", "told"),
    [
        ("LifeosDatabaseDown", "critical", "pagerduty,channels"),
        ("LifeosHighErrorRate", "warning", "channels"),
        ("LifeosOutboxBacklog", "info", "channels"),
        ("LifeosWatchdog", "none", "deadmansswitch"),
    ],
)
def test_the_severity_decides_who_is_told(tmp_path, name, severity, told):
    configured(tmp_path)
    amtool = services.program("amtool", package="prometheus-alertmanager")
    route = [f"--config.file={tmp_path}/alertmanager.yml", f"alertname={name}", f"severity={severity}"]
    done = subprocess.run([amtool, "config", "routes", "test", *route], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told
