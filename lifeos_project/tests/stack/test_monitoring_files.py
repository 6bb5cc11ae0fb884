"""Rules, routes and dashboards as files; test_running_stack.py asks the same before real servers."""

import json
import re
import subprocess
import urllib.request
from collections import Counter

import pytest
import yaml

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.running import CONFIGURATION
from lifeos_project.tests.stack.watched import ALERTS, DASHBOARDS, RULE_TESTS, RULES, queries

pytestmark = pytest.mark.prometheus


def test_promtool_accepts_the_rules_and_every_case_holds():
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(RULE_TESTS)]):
        done = subprocess.run(
            [services.program("promtool", package="prometheus"), *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    cases = Counter()
    for group in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for case in group["alert_rule_test"]:
            severities = {alert["exp_labels"]["severity"] for alert in case["exp_alerts"]}
            cases.update((case["alertname"], severity) for severity in severities)
            if not severities:
                cases[case["alertname"], "quiet"] += 1
    for alert in ALERTS:
        assert cases[alert["alert"], alert["labels"]["severity"]] >= 1, alert["alert"]
        assert cases[alert["alert"], "quiet"] >= 1 or alert["alert"] == "LifeosWatchdog"


def test_every_alert_leads_to_its_runbook():
    for alert in ALERTS:
        page = compose.ROOT / alert["annotations"]["runbook_url"]
        assert page.stem == alert["alert"]
        text = page.read_text()
        assert re.search(r"^## Meaning$.+^## Check$.+^## Fix$", text, re.M | re.S), page
    named = {alert["alert"] for alert in ALERTS}
    assert {page.stem for page in (compose.ROOT / "docs" / "runbooks").glob("Lifeos*.md")} == named


def test_the_guides_classes_of_alerts_are_kept():
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in ALERTS}
    assert {severities[f"Lifeos{part}Down"] for part in ("Web", "Database", "Redis")} == {"critical"}
    assert {severities[f"Lifeos{what}"] for what in ("HighErrorRate", "SlowQueries", "MemoryPressure")} == {"warning"}
    assert {severities[f"Lifeos{what}"] for what in ("OutboxBacklog", "DatabaseConnections")} == {"info"}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_laid_out_without_overlap(dashboard):
    document = json.loads(dashboard.read_text())
    assert document["uid"] == f"lifeos-{dashboard.stem}"
    taken = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in document["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) == 23
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    uids = {target["datasource"]["uid"] for panel in document["panels"] for target in panel["targets"]}
    provisioned = yaml.safe_load((CONFIGURATION / "grafana/provisioning/datasources/prometheus.yml").read_text())
    assert uids <= {source["uid"] for source in provisioned["datasources"]}


def test_the_dashboards_of_the_guide_are_there():
    assert [path.stem for path in DASHBOARDS] == ["database", "ledger", "outbox", "overview", "workers"]


def test_without_containers_the_two_jobs_of_the_page_take_the_place_of_those_that_ask_a_name_server(tmp_path):
    page = (compose.ROOT / "docs" / "monitoring.md").read_text()
    given = yaml.safe_load(re.search(r"```yaml\n(scrape_configs:.*?)```", page, re.S)[1])["scrape_configs"]
    config = yaml.safe_load((CONFIGURATION / "prometheus" / "prometheus.yml").read_text())
    asking = {job["job_name"] for job in config["scrape_configs"] if "dns_sd_configs" in job}
    assert {job["job_name"] for job in given} == asking
    config["scrape_configs"] = given + [job for job in config["scrape_configs"] if job["job_name"] not in asking]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "prometheus.rules.yml").write_text(RULES.read_text())
    command = [services.program("promtool", package="prometheus"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # The ports of the example configuration; and rules or dashboards that go by the names of the jobs.
    example = (compose.ROOT / "deploy" / "environments" / "production.conf.example").read_text()
    ports = re.search(r'^WEB_PORTS="(.+)"', example, re.M)[1].split()
    assert [target.rpartition(":")[2] for target in given[0]["static_configs"][0]["targets"]] == ports
    by_name = RULES.read_text() + "".join(query for dashboard in DASHBOARDS for query in queries(dashboard))
    assert [name for name in asking if not re.search(rf"""job=["']{name}["']""", by_name)] == []


# What fires in each outage (the rules' own cases say when), and the one alert of it that somebody is woken or told by.
OUTAGES = {
    "LifeosDatabaseDown": [
        *("LifeosSiteDown", "LifeosWebDown", "LifeosHighErrorRate", "LifeosSlowRequests", "LifeosSlowQueries"),
        *("LifeosWorkersDown", "LifeosOutboxBacklog", "LifeosJobFails", "LifeosBackupOld"),
    ],
    "LifeosWebDown": ["LifeosSiteDown", "LifeosHighErrorRate", "LifeosSlowRequests", "LifeosOutboxBacklog"],
    "LifeosSiteDown": ["LifeosHighErrorRate"],
    "LifeosWorkersDown": ["LifeosOutboxBacklog", "LifeosSealingBehind", "LifeosJobFails"],
}


@pytest.mark.parametrize("cause", OUTAGES)
def test_an_outage_is_told_once(cause, tmp_path):
    """A real Alertmanager is given every alert of the outage, as Prometheus would send them."""
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in ALERTS}
    fired = [{"labels": {"alertname": name, "severity": severities[name]}} for name in (cause, *OUTAGES[cause])]
    program = services.program("prometheus-alertmanager", package="prometheus-alertmanager")
    port = services.free_port()
    command = ["sh", str(CONFIGURATION / "alertmanager" / "start.sh"), f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--cluster.listen-address=", f"--storage.path={tmp_path / 'data'}"]
    environment = {**services.bare_environment(), "ALERTMANAGER": program, "ALERTMANAGER_RUN_DIR": str(tmp_path)}
    with services.running(command, log=tmp_path / "alertmanager.log", environment=environment):
        services.wait_until(lambda: services.listens(port), seconds=60, what="Alertmanager")
        ask(port, "alerts", fired)

        def told():
            found = {each["labels"]["alertname"]: each["status"]["state"] for each in ask(port, "alerts")}
            return sorted(name for name, state in found.items() if state == "active"), len(found)

        # Which alert silences which is known a moment after both have come.
        services.wait_until(lambda: told() == ([cause], len(fired)), seconds=60, what=f"{cause} alone")


def ask(port, what, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/{what}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text.strip() else None
