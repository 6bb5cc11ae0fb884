"""What the monitoring's files hold, for the tests that look at them."""

import json
from pathlib import Path

import yaml

from lifeos_project.tests.stack.running import CONFIGURATION

RULES = CONFIGURATION / "prometheus" / "prometheus.rules.yml"
RULE_TESTS = CONFIGURATION / "prometheus" / "tests" / "prometheus.rules.test.yml"
DASHBOARDS = sorted((CONFIGURATION / "grafana" / "dashboards").glob("*.json"))
# The operations guide's own words for them.
GUIDE = {
    "request rate": "rate(http_requests_total[5m])",
    "error rate": 'rate(http_requests_total{status=~"5.."}[5m])',
    "response time": "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))",
    "worker lag": "platform_outbox_pending_messages",
    "processor": "rate(container_cpu_usage_seconds_total[5m]) * 100",
    "memory": "(container_memory_usage_bytes / container_spec_memory_limit_bytes) * 100",
    "disk": "(node_filesystem_avail_bytes / node_filesystem_size_bytes) * 100",
    "connections": "pg_stat_activity_count",
}
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels(dashboard: Path) -> list[dict]:
    return json.loads(dashboard.read_text())["panels"]


def queries(dashboard: Path) -> list[str]:
    """Every query of a dashboard, with Grafana's own variable filled in."""
    found = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    return [query.replace("$__rate_interval", "1m") for query in found]
