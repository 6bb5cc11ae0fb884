"""From a committed change to another program, through real worker processes that may die on the way."""

import json
import threading

import pytest
from django.utils import timezone

from finance.ledger import services as ledger
from finance.tests.webhooks.receiver import receiving
from finance.webhooks import services
from finance.webhooks.models import WebhookAttempt, WebhookDelivery
from identity.models import User
from platform_outbox.models import Delivery, OutboxMessage
from platform_outbox.tests.conftest import (  # noqa: F401 (fixtures)
    broker_url,
    kind,
    nurseries,
    pool,
    wait_for,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

# Only a notification may wake a worker. Its settings travel as JSON, so the whole of the private addresses is opened.
SETTINGS = {"WORKER_POLL_INTERVAL": 600, "WEBHOOK_ALLOW_HTTP": True, "WEBHOOK_ALLOW_PRIVATE": True}


@pytest.fixture
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture
def owner(transactional_db):
    return User.objects.create_user("olga@example.org", "correct horse battery")


@pytest.fixture
def book(owner, receiver, settings):
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
    book = ledger.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    services.add_endpoint(book=book, actor=owner, url=receiver.url(), event_types=["finance.book.renamed"])
    return book


def all_delivered():
    return not WebhookDelivery.objects.exclude(state="delivered").exists() and all_sent()


def all_sent():
    return not OutboxMessage.objects.exclude(status="sent").exists()


@pytest.mark.parametrize("kind", ["in-process"], indirect=True)
def test_messages_arrive_in_order_and_survive_the_worker_that_sends_them(pool, book, owner, receiver):  # noqa: F811
    (victim,) = pool.start(1, **SETTINGS)
    ledger.rename_book(book=book, actor=owner, name="First")
    wait_for(lambda: WebhookDelivery.objects.count() == 1 and all_delivered(), what="the first message")

    here, released = threading.Event(), threading.Event()

    def hold(handler):
        here.set()
        released.wait(20)
        handler.send_response(204)
        handler.end_headers()

    receiver.act = hold
    ledger.rename_book(book=book, actor=owner, name="Second")
    assert here.wait(20)
    victim.kill()
    victim.wait()
    pool.processes.remove(victim)
    receiver.act = None
    released.set()
    ledger.rename_book(book=book, actor=owner, name="Third")
    # Nobody waits for the minute that the dead worker's lease would last.
    Delivery.objects.filter(status="sending").update(lease_until=timezone.now())
    pool.start(1, **SETTINGS)
    wait_for(lambda: WebhookDelivery.objects.count() == 3 and all_delivered(), what="the rest", seconds=40)

    first, second, again, third = receiver.requests
    assert (again.headers["webhook-id"], again.body) == (second.headers["webhook-id"], second.body)
    ids = [json.loads(each.body)["id"] for each in (first, second, third)]
    assert ids == list(WebhookDelivery.objects.order_by("event_id").values_list("message_id", flat=True))
    # What the dead worker did is known to the receiver alone.
    assert WebhookAttempt.objects.count() == 3
