"""What a load balancer and an operator are told."""

import datetime

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from lifeos_project import version
from lifeos_project.monitoring import health
from platform_outbox.models import OutboxMessage, Worker

pytestmark = pytest.mark.django_db


def an_event(*, age_seconds=0, status="pending"):
    created = timezone.now() - datetime.timedelta(seconds=age_seconds)
    return OutboxMessage.objects.create(
        event_type="test.thing.happened",
        ordering_key="book:1",
        shard=1,
        payload={},
        status=status,
        available_at=created,
        created_at=created,
    )


@pytest.fixture(autouse=True)
def worker():
    """One that lives."""
    now = timezone.now()
    return Worker.objects.create(name="host:1:abc", broker="in-process", started_at=now, heartbeat_at=now)


def test_a_working_installation_answers_200_with_every_part(client):
    answer = client.get("/health")
    parts = answer.json()
    assert answer.status_code == 200
    assert (parts.pop("status"), parts.pop("version")) == ("ok", version.described())
    assert {name: part["status"] for name, part in parts.items()} == {
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "broker": "ok",
        "outbox": "ok",
        "workers": "ok",
    }
    assert parts["workers"]["alive"] == 1
    assert answer["Cache-Control"].startswith("max-age=0")


def test_the_outbox_part_tells_backlog_age_and_dead_letters(client):
    an_event(age_seconds=90)
    an_event()
    an_event(status="sent", age_seconds=10_000)
    an_event(status="dead", age_seconds=10_000)
    found = client.get("/health").json()["outbox"]
    assert (found["pending"], found["dead"]) == (2, 1)
    assert 89 < found["oldest_seconds"] < 120


def test_late_events_are_told_but_do_not_take_the_web_down(client):
    an_event(age_seconds=health.LATE_SECONDS + 60)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["outbox"]["status"]) == (200, "late")
    assert answer.json()["status"] == "degraded"


def test_without_a_living_worker_it_says_so_and_the_web_stays_in_the_load_balancer(client, worker):
    Worker.objects.update(heartbeat_at=timezone.now() - datetime.timedelta(seconds=31))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    part = answer.json()["workers"]
    assert (part["status"], part["alive"], part["says"]) == ("none", 0, health.NO_WORKER)
    assert client.get("/health/ready").json()["status"] == "ok"


def test_the_public_is_told_which_part_is_wrong_but_neither_figures_nor_version(client, worker):
    Worker.objects.all().delete()
    answer = client.get("/health", headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.json() == {
        "status": "degraded",
        **{name: {"status": "ok"} for name in ("database", "migrations", "cache", "broker", "outbox")},
        "workers": {"status": "none"},
    }


def test_a_missing_migration_makes_it_unready_but_not_dead(client):
    MigrationRecorder(connection).record_unapplied("platform_outbox", "0001_tables")
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/ready").json()["migrations"]["pending"] == 1
    assert (client.get("/health").status_code, client.get("/health").json()["status"]) == (503, "error")
    assert client.get("/health/live").status_code == 200


def test_a_dead_broker_is_told_without_its_address_and_takes_no_web_away(client, settings, free_port):
    settings.REDIS_URL = f"redis://:topsecret@127.0.0.1:{free_port()}/0"
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["broker"] == {"status": "error", "error": "ConnectionError"}
    assert b"topsecret" not in answer.content


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_only_reading_is_allowed(client, path):
    assert client.post(path).status_code == 405


@pytest.mark.redis
def test_redis_as_cache_and_broker_is_seen(client, settings, redis_url):
    settings.REDIS_URL = redis_url
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url}}
    parts = client.get("/health").json()
    assert (parts["cache"]["kind"], parts["cache"]["status"]) == ("redis", "ok")
    assert (parts["broker"]["kind"], parts["broker"]["status"]) == ("redis", "ok")


@pytest.mark.rabbitmq
def test_rabbitmq_as_broker_is_seen(client, settings, rabbitmq_url):
    settings.RABBITMQ_URL = rabbitmq_url
    parts = client.get("/health").json()
    assert (parts["broker"]["kind"], parts["broker"]["status"]) == ("rabbitmq", "ok")


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_machines_may_ask_by_address_and_over_plain_http(client, settings, path):
    settings.ALLOWED_HOSTS = ["books.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"Host": "172.18.0.7:8000"}).status_code == 200
    # Every other page still insists on its name.
    assert client.get("/accounts/sign-in/", headers={"Host": "172.18.0.7:8000"}).status_code == 400
