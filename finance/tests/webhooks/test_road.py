"""The whole road: a change of the books, the outbox, the network, the log."""

import datetime
import json

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance.ledger import services as ledger
from finance.webhooks import services
from finance.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from platform_outbox.events import traced
from platform_outbox.models import Attempt, Breaker, OutboxMessage
from platform_outbox.testing import drain


@pytest.fixture
def clock():
    """Python's clock, from now on and by hand; the database's own goes on by itself and stamps what is emitted."""
    with time_machine.travel(
        datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(minutes=1), tick=False
    ) as clock:
        yield clock


@pytest.fixture
def settled(book, webhook, receiver):
    """Nothing of the preparations waits any more."""
    drain()
    receiver.requests.clear()
    WebhookDelivery.objects.all().delete()
    OutboxMessage.objects.all().delete()


def types_of(receiver):
    return [json.loads(each.body)["type"] for each in receiver.requests]


def run(clock, *, after=0):
    """Let the worker's clock go on by seconds and do what is due."""
    clock.shift(datetime.timedelta(seconds=after))
    return drain(now=datetime.datetime.now(tz=datetime.UTC), raise_errors=False)


def test_a_posting_reaches_the_other_program(book, webhook, receiver, spend):
    drain()
    receiver.requests.clear()
    entry = spend(12_34)
    drain()
    assert types_of(receiver) == ["finance.journal.posted"]
    message = json.loads(receiver.requests[0].body)
    assert message["book_id"] == book.pk
    assert message["data"] == {"book_id": book.pk, "entry_ids": [entry.pk], "source": "manual"}
    emitted = OutboxMessage.objects.get(event_type="finance.journal.posted")
    assert datetime.datetime.fromisoformat(message["timestamp"]) == emitted.created_at
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_message_names_the_request_that_the_change_came_from(book, owner, settled, receiver):
    with traced("0123456789abcdef"):
        ledger.rename_book(book=book, actor=owner, name="First")
    with traced("fedcba9876543210"):
        ledger.rename_book(book=book, actor=owner, name="Second")
    ledger.rename_book(book=book, actor=owner, name="Third")
    drain()  # all three in one batch
    assert [each.headers.get("x-request-id") for each in receiver.requests] == [
        "0123456789abcdef", "fedcba9876543210", None,
    ]  # fmt: skip


def test_messages_of_a_webhook_arrive_in_the_order_of_the_events(book, owner, settled, receiver, clock):
    """Also where the first one has to be sent twice."""
    ledger.rename_book(book=book, actor=owner, name="First")
    ledger.close_period(book=book, actor=owner, through=datetime.date(2025, 1, 31))
    ledger.rename_book(book=book, actor=owner, name="Third")
    receiver.status = 400
    run(clock)
    assert types_of(receiver) == ["finance.book.renamed"]
    receiver.status = 204
    run(clock, after=60)
    assert types_of(receiver) == ["finance.book.renamed"] * 2 + ["finance.period.closed", "finance.book.renamed"]
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 3


def test_a_message_that_is_always_refused_fails_and_is_no_dead_letter(book, owner, settled, receiver, clock):
    receiver.status = 422
    ledger.rename_book(book=book, actor=owner, name="Other")
    for _ in range(8):
        run(clock, after=3600)
    assert len(receiver.requests) == 5
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts_made, delivery.status_code) == ("failed", 5, 422)
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["failed"] * 4
    # And it is not in the way of the next.
    receiver.status = 204
    ledger.rename_book(book=book, actor=owner, name="Next")
    run(clock)
    assert len(receiver.requests) == 6


def test_a_receiver_that_is_down_holds_its_messages_back_until_it_answers(book, owner, settled, receiver, clock):
    receiver.status = 503
    for name in ("First", "Second", "Third"):
        ledger.rename_book(book=book, actor=owner, name=name)
    run(clock)
    assert len(receiver.requests) == 1
    breaker = Breaker.objects.get()
    assert (breaker.handler, breaker.destination) == ("finance.send_webhook", f"127.0.0.1 for book {book.pk}")
    for _ in range(10):  # an outage costs no attempts
        run(clock, after=3600)
    assert WebhookDelivery.objects.filter(state="waiting").count() == 3
    receiver.status = 204
    run(clock, after=3600)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}


def test_another_book_on_the_same_host_does_not_wait(book, owner, settled, receiver, stranger, clock):
    other = ledger.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="UTC")
    services.add_endpoint(book=other, actor=stranger, url=receiver.url("/theirs"))
    run(clock)
    receiver.act = lambda handler: (
        handler.send_response(500 if handler.path == "/hook" else 204),
        handler.end_headers(),
    )
    ledger.rename_book(book=book, actor=owner, name="Ours")
    run(clock)
    ledger.rename_book(book=other, actor=stranger, name="Theirs")
    run(clock)
    assert [each.path for each in receiver.requests][-2:] == ["/hook", "/theirs"]
    assert WebhookDelivery.objects.get(endpoint__book=other, event_type="finance.book.renamed").state == "delivered"


def test_a_wish_to_wait_is_granted(book, owner, settled, receiver, clock):
    receiver.status, receiver.headers = 429, {"Retry-After": "1800"}
    ledger.rename_book(book=book, actor=owner, name="Other")
    run(clock)
    run(clock, after=1700)
    assert len(receiver.requests) == 1
    receiver.status = 204
    run(clock, after=200)
    assert len(receiver.requests) == 2
    assert WebhookDelivery.objects.get().state == "delivered"


def test_five_days_of_silence_switch_the_webhook_off_and_leave_nothing_behind(book, owner, settled, receiver, clock):
    receiver.status = 500
    for day in range(6):
        ledger.rename_book(book=book, actor=owner, name=f"Day {day}")
        for _ in range(8):
            run(clock, after=3 * 3600)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.active, endpoint.stopped) == (False, "failing")
    assert endpoint.stopped_at - endpoint.failing_since >= datetime.timedelta(days=5)
    assert not WebhookDelivery.objects.filter(state="waiting").exists()
    assert not OutboxMessage.objects.exclude(status="sent").exists()
    # When it works again everything that was lost is sent once more.
    receiver.status = 204
    receiver.requests.clear()
    services.start_endpoint(endpoint=endpoint, actor=owner)
    services.replay_failed(endpoint=endpoint, actor=owner, since=endpoint.created_at)
    run(clock, after=3600)
    assert types_of(receiver).count("finance.book.renamed") == 6
    assert not OutboxMessage.objects.exclude(status="sent").exists()


def test_a_test_goes_the_same_road(book, owner, webhook, receiver, settled):
    delivery = services.send_test(endpoint=webhook[0], actor=owner, now=timezone.now())
    drain()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status_code) == ("delivered", 204)
    assert types_of(receiver)[-1] == "webhook.test"


def test_a_replay_goes_out_under_the_same_id_and_body(book, owner, settled, receiver):
    ledger.rename_book(book=book, actor=owner, name="Other")
    drain()
    delivery = WebhookDelivery.objects.get()
    services.replay_delivery(delivery=delivery, actor=owner, now=timezone.now())
    drain()
    first, second = receiver.requests[-2:]
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert WebhookAttempt.objects.filter(delivery=delivery).count() == 2


def test_a_book_without_webhooks_pays_one_query_per_batch(book, owner, spend):
    drain()

    def statements(count):
        for _ in range(count):
            spend(1_00)
        with CaptureQueriesContext(connection) as queries:
            drain()
        return [each["sql"] for each in queries if 'FROM "finance_webhook' in each["sql"]]

    assert len(statements(1)) == len(statements(20)) == 1
