"""docs/scaling.md: the second Redis and the second Alertmanager start as the page and the compose file say."""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml

from lifeos_project.tests import services
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.test_alert_receivers import alert, alertmanager, fire, receiving

PAGE = (compose.ROOT / "docs" / "scaling.md").read_text()
SESSIONS = "from django.contrib.sessions.backends.cache import SessionStore as S"


@contextlib.contextmanager
def redis_of_the_page(name: str, directory: Path, *, port: int, primary: int) -> Iterator[redis.Redis]:
    """A server of the page's configuration, on another port and nearer to its primary."""
    (text,) = re.findall(rf"```conf\n# \[{name}\]\n(.*?)```", PAGE, re.S)
    text = text.replace("port 6379\n", f"port {port}\n").replace("bind 0.0.0.0", "bind 127.0.0.1")
    text = text.replace("replicaof redis1.internal 6379", f"replicaof 127.0.0.1 {primary}")
    (directory / name).mkdir(exist_ok=True)
    (directory / name / "redis.conf").write_text(f"{text}dir {directory / name}\n")
    command = [services.program("redis-server", package="redis-server"), str(directory / name / "redis.conf")]
    with services.running(command, log=directory / f"{name}.log") as process:
        services.wait_until(lambda: services.listens(port), seconds=60, what=name)
        with redis.Redis(port=port, password="a-long-password", decode_responses=True) as client:
            yield client
        # As if its machine were gone; asked to end, it would wait for its replicas.
        process.kill()


def lifeos(port: int, command: str) -> str:
    """What LifeOS prints with that Redis; its database is not asked."""
    environment = services.bare_environment(
        REDIS_URL=f"redis://:a-long-password@127.0.0.1:{port}/0",
        DATABASE_URL="postgresql://nobody:none@127.0.0.1:1/none",
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", command],
        cwd=compose.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.redis
def test_a_session_outlives_the_first_redis(tmp_path):
    one, two = services.free_port(), services.free_port()
    with redis_of_the_page("redis2", tmp_path, port=two, primary=one) as second:
        with redis_of_the_page("redis1", tmp_path, port=one, primary=one) as first:
            # The same rules for what is thrown out as those of the containers.
            given = (compose.ROOT / "compose" / "redis" / "start.sh").read_text()
            for name in ("maxmemory-policy", "appendonly"):
                assert f"--{name} {first.config_get(name)[name]}" in given
            key = lifeos(one, f"{SESSIONS}; s = S(); s['who'] = 'anna'; s.save(); print(s.session_key)")
            services.wait_until(lambda: second.dbsize() == first.dbsize() > 0, seconds=60, what="the copy")
            with pytest.raises(redis.exceptions.ReadOnlyError):
                second.set("anything", "1")
        (promote, back) = re.findall(r"^redis-cli -h redis[12]\.internal (REPLICAOF \S+ \S+)", PAGE, re.M)
        assert second.execute_command(*promote.split()) in (True, "OK")
        assert lifeos(two, f"{SESSIONS}; print(S('{key}')['who'])") == "anna"
        with redis_of_the_page("redis1", tmp_path, port=one, primary=one) as first:
            first.execute_command(*back.replace("redis2.internal 6379", f"127.0.0.1 {two}").split())
            second.set("since", "then")
            services.wait_until(lambda: first.get("since") == "then", seconds=60, what="the way back")


def clustered(directory: Path, *, address: str, peer: str) -> list[str]:
    given = {"ALERTMANAGER_ADDRESS": address, "ALERTMANAGER_PEER": peer}
    found = compose.stack(directory, files=compose.CLUSTERED, **given)["services"]["alertmanager"]
    return [flag for flag in compose.command(found) if flag.startswith("--cluster.")]


@pytest.mark.prometheus
def test_two_alertmanagers_tell_an_alert_once_and_share_silences(tmp_path):
    webs = [services.free_port(), services.free_port()]
    gossips = [services.free_port(), services.free_port()]
    with receiving() as receiver, contextlib.ExitStack() as stack:
        addresses = []
        for number, (web, gossip) in enumerate(zip(webs, gossips, strict=True)):
            flags = clustered(tmp_path, address="10.0.0.1", peer="10.0.0.2")
            assert len(flags) == 3
            # Two machines' ports on one.
            flags = [
                re.sub(r"=[^=]+:9094$", f"=127.0.0.1:{gossips[1 - number] if 'peer' in flag else gossip}", flag)
                for flag in flags
            ]
            one = alertmanager(
                tmp_path / str(number),
                *flags,
                "--cluster.peer-timeout=4s",
                port=web,
                ALERT_WEBHOOK_URL=f"{receiver.url}/hook",
            )
            addresses.append(stack.enter_context(one))
        services.wait_until(lambda: all(peers(each) == 2 for each in addresses), seconds=60, what="the cluster")
        silence(addresses[0], "LifeosRedisDown")
        services.wait_until(lambda: silenced(addresses[1]) == ["LifeosRedisDown"], seconds=60, what="the silence")
        for each in addresses:
            fire(each, alert("LifeosDatabaseDown", "critical"), alert("LifeosRedisDown", "critical"))
        services.wait_until(lambda: receiver.at("/hook"), seconds=60, what="the alert")
        # The other one would have told it by now: it waits for what the first says, and then its own five seconds.
        time.sleep(12)
    (told,) = receiver.at("/hook")
    assert [each["labels"]["alertname"] for each in told["body"]["alerts"]] == ["LifeosDatabaseDown"]


def ask(url: str, body: dict | None = None) -> dict | list:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def peers(address: str) -> int:
    return len(ask(f"{address}/api/v2/status")["cluster"]["peers"])


def silence(address: str, name: str) -> None:
    matcher = {"name": "alertname", "value": name, "isRegex": False, "isEqual": True}
    times = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2126-01-01T00:00:00Z"}
    ask(f"{address}/api/v2/silences", {"matchers": [matcher], **times, "createdBy": "test", "comment": "known"})


def silenced(address: str) -> list[str]:
    return [found["matchers"][0]["value"] for found in ask(f"{address}/api/v2/silences")]


@pytest.mark.prometheus
def test_prometheus_takes_both_alertmanagers(tmp_path):
    (text,) = re.findall(r"```yaml\n(alerting:.*?)```", PAGE, re.S)
    config = yaml.safe_load((compose.ROOT / "compose" / "prometheus" / "prometheus.yml").read_text())
    assert config["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    config["alerting"] = yaml.safe_load(text)["alerting"]
    config["rule_files"] = []
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    promtool = services.program("promtool", package="prometheus")
    command = [promtool, "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_cluster_is_reached_under_the_private_address_only(tmp_path):
    without = compose.config(tmp_path, variables=compose.SECRETS, files=compose.CLUSTERED)
    assert (without.code, "the private address" in without.errors) == (1, True)
    given = {"ALERTMANAGER_ADDRESS": "10.0.0.1", "ALERTMANAGER_PEER": "10.0.0.2"}
    assert all(f"{name}={value}" in PAGE for name, value in given.items())
    found = compose.stack(tmp_path, files=compose.CLUSTERED, **given)["services"]["alertmanager"]
    ports = {str(port).removesuffix("/tcp") for port in found["ports"]}
    assert ports == {"127.0.0.1:9093:9093", "10.0.0.1:9093:9093", "10.0.0.1:9094:9094", "10.0.0.1:9094:9094/udp"}
    assert found["entrypoint"] == ["/bin/sh", "/etc/alertmanager/start.sh"]
