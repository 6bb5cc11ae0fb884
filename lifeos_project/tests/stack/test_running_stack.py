"""The whole stack, started once: ten replicas' first start, the site behind nginx, and the monitoring beside it.

All of it is in one file, so that tests that are spread over processes still start one stack.
"""

import concurrent.futures
import json
import re
import signal
import socket
import ssl
import time
from collections import Counter
from pathlib import Path

import pytest

from lifeos_project.tests import services
from lifeos_project.tests.stack.network import ADDRESSES
from lifeos_project.tests.stack.running import CONFIGURATION, app_environment, start_web
from lifeos_project.tests.stack.watched import ALERTS, DASHBOARDS, GUIDE, queries

pytestmark = [pytest.mark.nginx, pytest.mark.prometheus]

SITE = "https://lifeos-nginx:8443"
LOCAL = "http://lifeos-nginx:8000"


def access_log(stack, path: str) -> list[dict]:
    lines = [json.loads(line) for line in stack.network.log("nginx").splitlines() if line.startswith("{")]
    return [line for line in lines if line["path"] == path]


def logged(stack, path: str, answer) -> dict:
    """nginx's line about a request, which it writes after it has answered."""
    until = time.monotonic() + 10
    while True:
        for line in access_log(stack, path):
            if line["request_id"] == answer.headers["X-Request-ID"]:
                return line
        assert time.monotonic() < until, f"{path} is not in the log."
        time.sleep(0.05)


def request_log(stack, path: str) -> list[dict]:
    text = stack.network.log("web-1") + stack.network.log("web-2")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("path") == path]


def test_ten_replicas_may_start_at_once_on_an_empty_database(running_stack):
    applied = [text for text in running_stack.migrations if "Applying identity.0001" in text]
    assert len(running_stack.migrations) == 10
    assert len(applied) == 1
    assert running_stack.sql("SELECT count(*) - count(DISTINCT (app, name)) FROM django_migrations") == "0"
    assert running_stack.get(f"{LOCAL}/health/ready").status == 200


def test_a_worker_is_alive_and_its_health_check_says_so(running_stack):
    def check(service: str) -> int:
        environment = app_environment(running_stack, service, service=f"lifeos-{service}")
        environment["GUNICORN_BIND"] = f"{ADDRESSES['lifeos-web'][0]}:8000"
        command = ["python", str(CONFIGURATION / "healthcheck.py"), service]
        process = running_stack.network.start(f"health-{service}", command, environment=environment)
        return process.wait(20)

    assert check("web") == 0
    services.wait_until(lambda: check("worker") == 0, seconds=60, what="a living worker")
    worker = running_stack.others["worker"]
    worker.send_signal(signal.SIGSTOP)
    try:
        running_stack.sql("UPDATE platform_worker SET heartbeat_at = now() - interval '3 minutes'")
        assert check("worker") == 1
    finally:
        worker.send_signal(signal.SIGCONT)


def test_plain_http_leads_to_https(running_stack):
    answer = running_stack.get("http://lifeos-nginx:8080/books/1/?page=2", headers={"Host": "books.example.org"})
    assert (answer.status, answer.headers["Location"]) == (308, "https://books.example.org/books/1/?page=2")


def test_tls_brings_hsts_once_and_tells_no_version(running_stack):
    for path in ("/health/live", "/accounts/sign-in/", "/metrics", "/static/no/such/file"):
        answer = running_stack.get(SITE + path)
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
        assert answer.headers["Server"] == "nginx"
    assert running_stack.get(f"{LOCAL}/health/live").headers["Strict-Transport-Security"] is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_modern_tls_is_spoken(running_stack, version):
    def connect(only: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = only
        with (
            socket.create_connection((ADDRESSES["lifeos-nginx"][0], 8443), timeout=10) as plain,
            context.wrap_socket(plain) as secured,
        ):
            return secured.version()

    assert running_stack.network.call(lambda: connect(version)) == str(version.name).replace("_", ".")


def test_a_page_comes_with_static_files_that_are_there(running_stack):
    page = running_stack.get(f"{SITE}/accounts/sign-in/")
    assert page.status == 200
    assert "Secure" in page.headers["Set-Cookie"]
    found = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page.text)
    assert found
    style = running_stack.get(SITE + found[1], headers={"Accept-Encoding": "gzip"})
    assert (style.status, style.headers["Content-Encoding"], style.headers["Content-Type"]) == (200, "gzip", "text/css")
    assert style.headers["Cache-Control"] == "max-age=315360000"
    assert style.headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_metrics_are_not_for_visitors(running_stack):
    assert running_stack.get(f"{SITE}/metrics").status == 404
    assert running_stack.get(f"{LOCAL}/metrics").status == 404
    assert running_stack.get(f"http://{ADDRESSES['lifeos-web'][0]}:8000/metrics").status == 200


def test_the_clients_address_is_nginxs_word_not_the_clients(running_stack):
    forged = {"X-Forwarded-For": "8.8.4.4", "X-Forwarded-Proto": "https", "Forwarded": "for=8.8.4.4"}
    path = "/accounts/sign-in/?next=/secret-search/"
    # 127.0.9.9 is no trusted proxy, 127.0.0.1 is the one of the compose file.
    for source, client in (("127.0.9.9", "127.0.9.9"), ("127.0.0.1", "8.8.4.4")):
        answer = running_stack.get(SITE + path, headers=forged, source=source)
        assert logged(running_stack, "/accounts/sign-in/", answer)["client"] == client
    assert "secret-search" not in running_stack.network.log("nginx")


def test_one_request_has_one_id_in_both_logs(running_stack):
    answer = running_stack.get(f"{SITE}/no/such/page", headers={"X-Request-ID": "forged-request-id"})
    assert answer.headers["X-Request-ID"] != "forged-request-id"
    seen = logged(running_stack, "/no/such/page", answer)
    assert [line["request_id"] for line in request_log(running_stack, "/no/such/page")] == [seen["request_id"]]


def test_secrets_in_the_path_of_a_link_are_not_logged(running_stack):
    answer = running_stack.get(f"{SITE}/accounts/sign-up/eyJlbWFpbCI6ImFubmFAZXhhbXBsZS5vcmcifQ/")
    assert logged(running_stack, "/accounts/sign-up/.../", answer)
    assert "eyJlbWFpbCI6" not in running_stack.network.log("nginx")


def test_large_bodies_are_for_bank_files_only(running_stack):
    body = b"x" * (2 << 20)
    assert running_stack.get(f"{SITE}/api/v1/books/", method="POST", body=body).status == 413
    # Refused by LifeOS, because nobody has signed in, and not by nginx.
    assert running_stack.get(f"{SITE}/api/v1/books/1/imports/", method="POST", body=body).status == 401


def test_guessing_passwords_is_slowed_down_and_reading_is_not(running_stack):
    def post(_: int) -> int:
        headers = {"Content-Type": "application/json"}
        url = f"{SITE}/api/v1/auth/token/"
        return running_stack.get(url, method="POST", body=b"{}", headers=headers, source="127.0.9.1").status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = Counter(pool.map(post, range(60)))
    assert statuses.keys() == {400, 429}
    # The burst, and what half a request a second adds meanwhile.
    assert 16 <= statuses[400] < 50
    refused = [line for line in access_log(running_stack, "/api/v1/auth/token/") if line["status"] == 429]
    assert {line["upstream"] for line in refused} == {""}
    reads = [running_stack.get(f"{SITE}/accounts/sign-in/", source="127.0.9.1").status for _ in range(5)]
    assert reads == [200] * 5


def test_a_flood_of_one_client_does_not_keep_out_another(running_stack):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        flood = pool.map(lambda _: running_stack.get(f"{LOCAL}/health/live", source="127.0.9.2").status, range(400))
    assert set(flood) == {200, 429}
    assert running_stack.get(f"{LOCAL}/health/live", source="127.0.9.3").status == 200


@pytest.mark.parametrize("what", ["nginx reads its configuration again", "gunicorn replaces its processes"])
def test_no_request_is_dropped_when(running_stack, what):
    process = running_stack.others["nginx"] if what.startswith("nginx") else running_stack.web[0]
    before = workers_of(process.pid)
    statuses, stop = [], time.monotonic() + 30

    def visit(number: int) -> None:
        while not replaced(process.pid, before) and time.monotonic() < stop:
            statuses.append(running_stack.get(f"{LOCAL}/health/live", source=f"127.0.8.{number}").status)
            time.sleep(0.05)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        visitors = [pool.submit(visit, number) for number in range(1, 4)]
        process.send_signal(signal.SIGHUP)
        for visitor in visitors:
            visitor.result()
    assert replaced(process.pid, before)
    assert set(statuses) == {200}


def workers_of(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def replaced(pid: int, before: set[str]) -> bool:
    now = workers_of(pid)
    return bool(now) and not now & before


def test_the_site_stays_when_a_replica_goes_and_comes_back(running_stack):
    statuses = []

    def visit() -> int:
        statuses.append(running_stack.get(f"{LOCAL}/health/live", source=f"127.0.7.{len(statuses) % 250 + 1}").status)
        time.sleep(0.02)
        return statuses[-1]

    first = running_stack.web[0]
    first.terminate()
    while first.poll() is None:
        visit()
    for _ in range(20):
        visit()
    running_stack.web[0] = start_web(running_stack, 1)
    url = f"http://{ADDRESSES['lifeos-web'][0]}:8000/health/live"
    services.wait_until(lambda: visit() and running_stack.get(url).status == 200, seconds=60, what="the new replica")
    assert set(statuses) == {200}


# The monitoring


def test_prometheus_runs_all_rules_and_reaches_all_targets(running_monitoring):
    # The first scrape of each target comes at a moment of its own.
    running_monitoring.wait_for('count(up == 1) == 11 and count(up{job="lifeos-web"} == 1) == 2')
    jobs = {found["metric"]["job"] for found in running_monitoring.ask("up == 1")}
    assert jobs == {
        *(
            "lifeos-web",
            "lifeos-worker",
            "site",
            "postgres",
            "redis",
            "node",
            "cadvisor",
            "statsd",
            "prometheus",
            "alertmanager",
        )
    }
    rules = json.loads(running_monitoring.stack.get("http://prometheus:9090/api/v1/rules").body)["data"]["groups"]
    assert {rule["name"] for group in rules for rule in group["rules"]} == {alert["alert"] for alert in ALERTS}
    sick = [rule for group in rules for rule in group["rules"] if rule["health"] == "err"]
    assert sick == []


@pytest.mark.parametrize("query", GUIDE.values(), ids=GUIDE)
def test_the_guides_queries_answer_with_data(running_monitoring, query):
    found = running_monitoring.wait_for(query)
    assert all(float(each["value"][1]) >= 0 or each["value"][1] == "NaN" for each in found)


def test_figures_are_those_of_the_stack(running_monitoring):
    running_monitoring.wait_for("platform_outbox_workers_alive == 1")
    running_monitoring.wait_for('probe_success{job="site"} == 1')
    left = running_monitoring.value('(probe_ssl_earliest_cert_expiry{job="site"} - time()) / 86400')
    assert 29 < left <= 30
    running_monitoring.wait_for("min(pg_up) == 1 and min(redis_up) == 1")
    running_monitoring.wait_for("count(count by (secret) (lifeos_secret_age_seconds)) == 4")
    ages = running_monitoring.ask("max by (secret) (lifeos_secret_age_seconds)")
    assert {found["metric"]["secret"]: float(found["value"][1]) < 3600 for found in ages} == {
        "SECRET_KEY": True,
        "JWT_SECRET_KEY": True,
        "POSTGRES_PASSWORD": True,
        "REDIS_PASSWORD": True,
    }
    running_monitoring.wait_for("lifeos_ledger_broken_promises == 0")
    running_monitoring.wait_for("min(lifeos_ledger_check_age_seconds) < 3600")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_answers_with_data(running_monitoring, dashboard):
    for query in queries(dashboard):
        assert running_monitoring.wait_for(query), query


def test_gunicorns_figures_go_to_statsd_and_every_one_is_mapped(running_monitoring):
    running_monitoring.wait_for('gunicorn_requests_by_status{status="200",prefix="lifeos"} > 0')
    names = {found["metric"]["__name__"] for found in running_monitoring.ask('{__name__=~"gunicorn_.+"}')}
    assert {"gunicorn_requests", "gunicorn_requests_by_status"} <= names


@pytest.mark.parametrize(
    ("alert", "severity", "receivers"),
    [
        ("LifeosDatabaseDown", "critical", "pagerduty,channels"),
        ("LifeosHighErrorRate", "warning", "channels"),
        ("LifeosOutboxBacklog", "info", "channels"),
        ("LifeosWatchdog", "none", "deadmansswitch"),
    ],
)
def test_alerts_are_routed_by_severity(running_monitoring, alert, severity, receivers):
    amtool = services.program("amtool", package="prometheus-alertmanager")
    file = "/run/lifeos/alertmanager.yml"
    route = [amtool, "config", "routes", "test", f"--config.file={file}", f"alertname={alert}", f"severity={severity}"]
    assert running_monitoring.stack.network.run(route).strip() == receivers
    assert "SUCCESS" in running_monitoring.stack.network.run([amtool, "check-config", file])


def test_a_critical_alert_reaches_pagerduty_and_slack_and_silences_what_follows_from_it(running_monitoring):
    annotations = next(rule["annotations"] for rule in ALERTS if rule["alert"] == "LifeosDatabaseDown")
    running_monitoring.alerts(
        {"alertname": "LifeosDatabaseDown", "severity": "critical", "instance": "postgres-exporter:9187"},
        {"alertname": "LifeosHighErrorRate", "severity": "warning"},
        **annotations,
    )
    services.wait_until(
        lambda: (
            "PostgreSQL does not answer" in str(running_monitoring.received("/pagerduty"))
            and "PostgreSQL does not answer" in str(running_monitoring.received("/slack"))
        ),
        seconds=40,
        what="the receivers' alert",
    )
    (page,) = [
        page
        for page in running_monitoring.received("/pagerduty")
        if page["payload"]["summary"] == "PostgreSQL does not answer"
    ]
    assert (page["routing_key"], page["event_action"]) == ("R0UT1NGKEY", "trigger")
    assert page["payload"]["severity"] == "critical"
    runbook = "https://example.org/lifeos/docs/runbooks/LifeosDatabaseDown.md"
    assert page["client_url"] == runbook
    # Prometheus may have alerts of its own by now.
    attachments = [part for message in running_monitoring.received("/slack") for part in message["attachments"]]
    (attachment,) = [part for part in attachments if part["title"] == "PostgreSQL does not answer"]
    assert attachment["title_link"] == runbook
    assert "Nothing can be read or posted." in attachment["text"]

    states = json.loads(running_monitoring.stack.get("http://alertmanager:9093/api/v2/alerts").body)
    inhibited = {each["labels"]["alertname"]: bool(each["status"]["inhibitedBy"]) for each in states}
    assert (inhibited["LifeosDatabaseDown"], inhibited["LifeosHighErrorRate"]) == (False, True)


def test_prometheus_hands_its_alerts_to_alertmanager(running_monitoring):
    def arrived() -> bool:
        found = json.loads(running_monitoring.stack.get("http://alertmanager:9093/api/v2/alerts").body)
        return any(alert["labels"]["alertname"] == "LifeosWatchdog" for alert in found)

    # Evaluated before it knows where Alertmanager is, or before that listens, an alert is sent again a minute later
    # (--rules.alert.resend-delay), at an evaluation.
    services.wait_until(arrived, seconds=120, what="the watchdog in Alertmanager")
