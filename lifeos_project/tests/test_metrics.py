"""/metrics: who may read it, and whether several web processes add up before a real Prometheus."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection

from lifeos_project.monitoring import metrics_docs, multiprocess
from lifeos_project.tests.services import bare_environment, free_port, listens, running, wait_until
from platform_outbox.models import OutboxMessage


@pytest.mark.django_db
class TestAccess:
    def test_loopback_may_read(self, client):
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert b'platform_outbox_pending_messages{topic="finance.journal.posted"} 0.0' in answer.content

    def test_the_net_may_not(self, client):
        assert client.get("/metrics", REMOTE_ADDR="8.8.4.4").status_code == 403

    def test_behind_a_proxy_the_caller_is_who_the_proxy_says(self, client, settings):
        settings.TRUSTED_PROXY_COUNT = 1
        # The first address is the caller's own claim, the last one the proxy's word.
        refused = client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1, 8.8.4.4"})
        assert refused.status_code == 403
        assert client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 200

    def test_without_a_proxy_the_header_is_not_believed(self, client, settings):
        settings.TRUSTED_PROXY_COUNT = 0
        answer = client.get("/metrics", REMOTE_ADDR="8.8.4.4", headers={"X-Forwarded-For": "127.0.0.1"})
        assert answer.status_code == 403

    def test_a_token_replaces_the_address(self, client, settings):
        settings.METRICS_TOKEN = "let-prometheus-in"
        assert client.get("/metrics").status_code == 403
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
        granted = {"Authorization": "Bearer let-prometheus-in"}
        assert client.get("/metrics", REMOTE_ADDR="8.8.4.4", headers=granted).status_code == 200


def test_the_page_about_metrics_tells_what_the_code_counts():
    page = (django_settings.BASE_DIR / "docs" / "metrics.md").read_text()
    assert page == metrics_docs.page(), "Run manage.py metrics_docs."
    told = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    named = set()
    for path in django_settings.BASE_DIR.glob("docs/**/*.md"):
        named |= set(
            re.findall(r"\bplatform_outbox_\w+(?=\{|_bucket\b|\[5m)|\bplatform_outbox_\w+_total\b", path.read_text())
        )
    assert named
    assert {name.removesuffix("_bucket") for name in named} <= told


@pytest.mark.django_db
def test_whatever_is_told_of_the_installation_stands_on_the_page(client):
    answered = set(re.findall(r"^# TYPE (lifeos_\w+) ", client.get("/metrics").content.decode(), re.MULTILINE))
    # The client library's own, once a counter with labels has counted; gunicorn's processes do not tell it.
    answered = {name for name in answered if not name.endswith("_created")}
    page = (django_settings.BASE_DIR / "docs" / "metrics.md").read_text()
    told = set(re.findall(r"^\| `(lifeos_\w+)`", page, re.MULTILINE))
    assert {"lifeos_backup_age_seconds", "lifeos_ledger_check_age_seconds"} < answered <= told
    rules = (django_settings.BASE_DIR / "compose" / "prometheus" / "prometheus.rules.yml").read_text()
    assert set(re.findall(r"\blifeos_\w+", rules)) <= told


@pytest.mark.django_db
def test_without_a_database_the_rest_of_the_page_is_told(client, monkeypatch):
    def away():
        raise OperationalError("no server")

    monkeypatch.setattr("platform_outbox.monitoring.snapshot.current", away)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"http_requests_total" in answer.content
    assert b"platform_outbox_pending_messages" not in answer.content


@pytest.mark.django_db
def test_unknown_methods_are_refused_and_share_one_series(client):
    for method in ("BREW", "PROPFIND"):
        answer = client.generic(method, "/health/live")
        assert (answer.status_code, answer["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
    page = client.get("/metrics").content.decode()
    assert 'http_requests_total{method="other",status="405",view="none"}' in page
    assert "BREW" not in page


@pytest.mark.long
def test_ended_processes_are_folded_into_one_file(tmp_path, monkeypatch):
    monkeypatch.setenv(multiprocess.VARIABLE, str(tmp_path))
    count = (
        "from prometheus_client import Counter, Histogram\n"
        "Counter('eggs', 'Eggs.', ['kind']).labels('brown').inc(3)\n"
        "Histogram('size', 'Size.').observe(0.2)\n"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", count])
        assert process.wait(30) == 0
        multiprocess.forget_process(process.pid)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["counter_ended.db", "histogram_ended.db"]
    show = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "r = CollectorRegistry(); MultiProcessCollector(r); print(generate_latest(r).decode())"
    )
    page = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    assert 'eggs_total{kind="brown"} 9.0' in page
    assert "size_count 3.0" in page


class Web:
    """gunicorn as it runs in production, with several processes."""

    def __init__(self, port: int):
        self.port = port
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.base + path, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def sample(self, start: str) -> float:
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(start)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.fixture
def web(transactional_db, tmp_path):
    """Three gunicorn processes on the test database, each replaced after about forty requests."""
    database = connection.settings_dict
    port = free_port()
    where = urllib.parse.urlencode({"host": database["HOST"], "port": database["PORT"], "user": database["USER"]})
    environment = {
        **bare_environment(),
        "DATABASE_URL": f"postgresql:///{database['NAME']}?{where}",
        "POSTGRES_PASSWORD": database.get("PASSWORD") or "",
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "GUNICORN_WORKERS": "3",
        "GUNICORN_MAX_REQUESTS": "40",
        multiprocess.VARIABLE: str(tmp_path / "metrics"),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(django_settings.BASE_DIR / "compose" / "gunicorn.conf.py")]
    with running(command, log=tmp_path / "gunicorn.log", environment=environment):
        web = Web(port)
        wait_until(lambda: listens(port) and web.get("/health/live")[0] == 200, seconds=60, what="gunicorn")
        yield web


@pytest.mark.long
def test_several_processes_add_up_and_survive_their_replacement(web, tmp_path):
    series = 'http_requests_total{method="GET",status="404",view="none"}'
    for _ in range(200):
        web.get("/no/such/page")
    assert web.sample(series) == 200
    # Some processes have been replaced by now; none of their counts is lost.
    wait_until(lambda: (tmp_path / "metrics" / "counter_ended.db").exists(), seconds=60, what="a replaced process")
    assert web.sample(series) == 200
    assert web.sample('http_request_duration_seconds_count{method="GET",view="none"}') == 200


@pytest.mark.prometheus
def test_a_real_prometheus_answers_the_queries_of_the_operations_guide(web, prometheus_path, tmp_path):
    from django.utils import timezone

    now = timezone.now()
    OutboxMessage.objects.create(
        event_type="test.thing.happened",
        ordering_key="book:1",
        shard=1,
        payload={},
        available_at=now,
        created_at=now,
    )
    with prometheus(prometheus_path, tmp_path, target=web.port) as ask:

        def traffic_and(query: str) -> bool:
            web.get("/health/live")
            web.get("/no/such/page")
            return bool(ask(query))

        wait_until(
            lambda: traffic_and("rate(http_requests_total[5m]) > 0"),
            seconds=60,
            what="a rate of requests in Prometheus",
        )
        statuses = {found["metric"]["status"] for found in ask("rate(http_requests_total[5m])")}
        assert {"200", "404"} <= statuses
        assert ask('rate(http_requests_total{status=~"4.."}[5m])')
        slow = ask("histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))")
        assert any(0 < float(found["value"][1]) < 10 for found in slow)

        def waiting() -> dict[str, str]:
            return {found["metric"]["topic"]: found["value"][1] for found in ask("platform_outbox_pending_messages")}

        # Counts are taken every few seconds: the first scrapes may show those of before the event.
        wait_until(lambda: "test.thing.happened" in waiting(), seconds=60, what="a count with the event in it")
        assert waiting()["test.thing.happened"] == "1"
        assert waiting()["finance.journal.posted"] == "0"
        assert [found["value"][1] for found in ask("max(sum by (instance) (platform_outbox_pending_messages))")] == [
            "1"
        ]
        assert ask("rate(django_db_execute_total[5m])")


def prometheus(program: str, directory: Path, *, target: int):
    """A Prometheus that scrapes `target` every second; yields a function that answers queries."""
    import contextlib

    @contextlib.contextmanager
    def start():
        port = free_port()
        config = directory / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: lifeos, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
        )
        command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]

        def ask(query: str) -> list:
            url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]["result"]

        with running(command, log=directory / "prometheus.log"):
            wait_until(lambda: listens(port) and ask("up") is not None, seconds=60, what="Prometheus")
            time.sleep(0.1)
            yield ask

    return start()
