"""One answer to "who is asking?", for all who need it."""

import ast
import itertools
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIRequest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

from core.network import client_address, counted_address, is_nearby


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "expected"),
    [
        (0, "", "198.51.100.7", "198.51.100.7"),
        (0, "10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.5", "127.0.0.1", "203.0.113.5"),
        (1, "1.1.1.1, 203.0.113.5", "127.0.0.1", "203.0.113.5"),
        (2, "1.1.1.1, 203.0.113.5, 10.0.0.2", "10.0.0.3", "203.0.113.5"),
        (2, "203.0.113.5", "10.0.0.3", "10.0.0.3"),
        (1, "", "198.51.100.7", "198.51.100.7"),
        (1, "rubbish", "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.5:4711", "127.0.0.1", "203.0.113.5"),
        (1, "203.0.113.5:", "127.0.0.1", "127.0.0.1"),
        (1, "[2001:db8::1]:4711", "127.0.0.1", "2001:db8::1"),
        (1, "[2001:db8::1]", "127.0.0.1", "2001:db8::1"),
        (1, " 2001:db8::1 ", "127.0.0.1", "2001:db8::1"),
        (1, "::ffff:203.0.113.5", "127.0.0.1", "203.0.113.5"),
        (0, "", "::ffff:198.51.100.7", "198.51.100.7"),
        (0, "", "fe80::1%eth0", "fe80::1"),
        (1, "unix:", "", None),
        (0, "", "", None),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(rf, settings, proxies, forwarded, peer, expected):
    settings.TRUSTED_PROXY_COUNT = proxies
    request = rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected


def test_an_ipv6_household_counts_once(rf):
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]
    assert {counted_address(rf.get("/", REMOTE_ADDR=address)) for address in addresses} == {"2001:db8:1:2::"}
    assert counted_address(rf.get("/", REMOTE_ADDR="198.51.100.7")) == "198.51.100.7"


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize(
    ("forwarded", "peer", "near"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "10.0.0.8", True),
        ("", "fd00::8", True),
        ("", "fe80::8%eth0", True),
        ("", "", True),
        ("", "8.8.8.8", False),
        ("", "2a00:1450::1", False),
        ("", "::ffff:8.8.8.8", False),
        ("", "203.0.113.5", False),
        ("", "not an address", False),
        ("10.1.2.3", "10.0.0.2", True),
        ("10.1.2.3:4711, 10.0.0.2", "10.0.0.3", True),
        ("8.8.8.8", "10.0.0.2", False),
        # Two proxies, and the caller claims to be near: what the first proxy appended tells.
        ("127.0.0.1, 8.8.8.8, 10.0.0.2", "10.0.0.3", False),
        ("8.8.8.8, 10.0.0.2", "10.0.0.3", False),
        ("rubbish", "10.0.0.2", False),
        ("rubbish, 10.0.0.2", "10.0.0.3", False),
        ("unknown", "127.0.0.1", False),
        ("::ffff:8.8.8.8", "127.0.0.1", False),
        ("[2001:db8::1]:443", "127.0.0.1", False),
    ],
)
def test_near_is_who_came_from_near_all_the_way_however_many_proxies_were_declared(
    rf, settings, count, forwarded, peer, near
):
    settings.TRUSTED_PROXY_COUNT = count
    assert is_nearby(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)) is near


def test_several_headers_count_as_one(settings):
    """Through gunicorn's own reading of a request: a header that the client sent beside the proxy's comes first."""
    settings.TRUSTED_PROXY_COUNT = 2
    raw = (
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n"
        b"X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: 10.0.0.2\r\n\r\n"
    )
    config = Config()
    peer = ("10.0.0.3", 4711)
    parsed = next(iter(RequestParser(config, iter([raw]), peer)))
    _response, environ = create(parsed, None, peer, ("127.0.0.1", 8000), config)

    request = WSGIRequest(environ)
    assert client_address(request) == "203.0.113.5"
    assert not is_nearby(request)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("count", "forwarded", "peer", "near"),
    [
        (0, "", "127.0.0.1", True),
        (0, "127.0.0.1", "8.8.8.8", False),
        (1, "10.1.2.3", "10.0.0.2", True),
        (1, "127.0.0.1, 8.8.8.8", "10.0.0.2", False),
        (1, "8.8.8.8, 10.0.0.9", "10.0.0.2", False),
        (2, "127.0.0.1, 8.8.8.8, 10.0.0.2", "10.0.0.3", False),
        (2, "8.8.8.8, 10.0.0.2", "10.0.0.3", False),
        (2, "10.1.2.3, 10.0.0.2", "10.0.0.3", True),
        (2, "8.8.8.8", "10.0.0.3", False),
    ],
)
def test_metrics_and_details_of_health_are_for_callers_nearby(client, settings, count, forwarded, peer, near):
    settings.TRUSTED_PROXY_COUNT = count
    asked = {"REMOTE_ADDR": peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}
    metrics, health = client.get("/metrics", **asked), client.get("/health", **asked)
    assert metrics.status_code == (200 if near else 403)
    assert (b"platform_outbox_pending_messages" in metrics.content) is near
    assert health.status_code == 200
    for name in ("database", "migrations", "cache", "broker", "outbox"):
        assert set(health.json()[name]) == {"status"} or near
        assert (set(health.json()[name]) > {"status"}) is near
    assert ("pending" in health.json()["outbox"]) is near


def test_nobody_else_reads_the_header():
    """A second reader would decide differently one day."""
    root = Path(django_settings.BASE_DIR)
    packages = ("lifeos_project", "insights", "finance", "identity", "core", "platform_outbox")
    sources = itertools.chain.from_iterable((root / package).rglob("*.py") for package in packages)
    readers = {str(path.relative_to(root)) for path in sources if "tests" not in path.parts and _reads_addresses(path)}
    # A worker's own page of metrics: no proxy stands before it, so that nobody but the connection says who asks.
    assert readers == {"core/network.py", "platform_outbox/monitoring/metrics.py"}


def _reads_addresses(path):
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    return bool(texts & {"HTTP_X_FORWARDED_FOR", "X-Forwarded-For", "REMOTE_ADDR", "x-forwarded-for"})
