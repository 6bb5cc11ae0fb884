"""The other side of a webhook, and a book that has one."""

import ipaddress

import pytest

from finance.tests.webhooks.receiver import make_authority, receiving
from finance.webhooks import services


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """(CA file, (certificate file, key file)) for hook.example and 127.0.0.1."""
    directory = tmp_path_factory.mktemp("authority")
    return make_authority(directory, names=["DNS:hook.example", "IP:127.0.0.1"])


@pytest.fixture
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture
def secure_receiver(authority):
    with receiving(tls=authority[1]) as running:
        yield running


@pytest.fixture
def loopback_allowed(settings):
    """The operator lets webhooks reach this machine, without TLS."""
    settings.WEBHOOK_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def webhook(book, owner, receiver, loopback_allowed):
    """(endpoint, secret) that sends every event of the book to the receiver."""
    fresh = services.add_endpoint(book=book, actor=owner, url=receiver.url(), description="Budget robot")
    return fresh.endpoint, fresh.secret
