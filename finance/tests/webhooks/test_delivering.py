"""Attempts against a real server: what is sent, what is written down, what becomes of the message and the webhook."""

import datetime
import json
import logging

import pytest

from finance.events.books import BookRenamed
from finance.tests.webhooks.test_signing import signature
from finance.webhooks import client, services
from finance.webhooks.bodies import Happened
from finance.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from finance.webhooks.services import DeliveryOutcome

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def message(book, webhook):
    """A message that waits for the webhook."""
    services.queue_deliveries(happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=5, at=NOW)])
    return WebhookDelivery.objects.get()


def deliver(message, *, last=False, now=NOW):
    outcome = services.deliver(delivery_id=message.pk, last=last, now=now)
    message.refresh_from_db()
    return outcome


def test_a_message_arrives_signed_and_the_log_shows_both_sides(message, webhook, receiver):
    receiver.status, receiver.body = 200, "dankeschön".encode()
    assert deliver(message) == DeliveryOutcome(said="HTTP 200")
    (request,) = receiver.requests
    assert request.body == message.body.encode()
    assert json.loads(request.body)["type"] == "finance.book.renamed"
    stamp = int(NOW.timestamp())
    expected = signature(secret=webhook[1], message_id=message.message_id, timestamp=stamp, body=request.body)
    sent = {
        "content-type": "application/json",
        "user-agent": "LifeOS-Webhooks/1.0",
        "webhook-id": message.message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": expected,
    }
    assert sent.items() <= request.headers.items()
    assert (message.state, message.attempts_made, message.last_attempt_at) == ("delivered", 1, NOW)
    assert (message.status_code, message.failure) == (200, "")
    attempt = WebhookAttempt.objects.get()
    assert (attempt.number, attempt.at, attempt.address, attempt.status_code) == (1, NOW, "127.0.0.1", 200)
    assert {name.lower(): value for name, value in attempt.request_headers.items()} == sent
    assert (attempt.response_body, attempt.failure, attempt.detail) == ("dankeschön", "", "")
    assert 0 <= attempt.milliseconds < 5_000


def test_during_a_rotation_the_receiver_can_check_with_either_secret(message, webhook, owner, receiver):
    fresh = services.rotate_secret(endpoint=webhook[0], actor=owner, now=NOW)
    deliver(message)
    (request,) = receiver.requests
    signed = {"message_id": message.message_id, "timestamp": int(NOW.timestamp()), "body": request.body}
    assert request.headers["webhook-signature"].split(" ") == [
        signature(secret=fresh.secret, **signed),
        signature(secret=webhook[1], **signed),
    ]


def test_a_retry_carries_the_same_id_and_body_and_a_new_timestamp(message, receiver):
    receiver.status = 503
    deliver(message)
    receiver.status = 204
    deliver(message, now=NOW + DAY)
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 86_400
    assert message.state == "delivered"
    assert list(WebhookAttempt.objects.order_by("number").values_list("number", "status_code")) == [(1, 503), (2, 204)]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_not_now_means_that_the_receiver_is_down(message, receiver, status):
    receiver.status = status
    assert deliver(message) == DeliveryOutcome(down=True, said=f"HTTP {status}")
    assert (message.state, message.status_code, message.failure) == ("waiting", status, "status")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 422])
def test_a_refusal_is_about_the_message(message, receiver, status):
    receiver.status = status
    assert deliver(message) == DeliveryOutcome(again=True, said=f"HTTP {status}")
    assert (message.state, message.status_code) == ("waiting", status)
    assert message.failure == ("redirect" if status < 400 else "status")


def test_the_last_refusal_is_the_end_of_it(message, receiver):
    receiver.status = 400
    assert deliver(message, last=True) == DeliveryOutcome(said="HTTP 400")
    assert message.state == "failed"


def test_a_receiver_that_is_down_at_the_last_attempt_leaves_the_message_failed(message, receiver):
    receiver.status = 500
    assert deliver(message, last=True) == DeliveryOutcome(said="HTTP 500")
    assert message.state == "failed"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999999999999", 3600.0),
        ("Sun, 15 Mar 2026 12:10:00 GMT", 600.0),
        ("Sun, 15 Mar 2026 11:00:00 GMT", 0.0),
        ("Tue, 15 Mar 2033 11:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_a_wish_to_wait_is_heard_within_reason(message, receiver, said, seconds):
    receiver.status, receiver.headers = 429, {"Retry-After": said}
    assert deliver(message) == DeliveryOutcome(down=True, retry_after=seconds, said="HTTP 429")


def test_nobody_there_is_down_too(message, webhook, owner, free_port):
    services.change_endpoint(endpoint=webhook[0], actor=owner, url=f"http://127.0.0.1:{free_port()}/")
    assert deliver(message) == DeliveryOutcome(down=True, said="No connection: Connection refused")
    assert (message.state, message.status_code, message.failure) == ("waiting", None, "connect")
    attempt = WebhookAttempt.objects.get()
    assert (attempt.address, attempt.status_code, attempt.detail) == ("", None, "No connection: Connection refused")


def test_a_name_that_was_turned_inward_is_not_called(message, webhook, owner, receiver, settings, monkeypatch):
    services.change_endpoint(endpoint=webhook[0], actor=owner, url=f"http://evil.example:{receiver.port}/hook")
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    monkeypatch.setattr(client, "system_addresses", lambda host, port: ["127.0.0.1"])
    outcome = deliver(message)
    assert outcome == DeliveryOutcome(again=True, said="evil.example leads to a network that webhooks may not reach.")
    assert message.failure == "address"
    assert receiver.requests == []


def test_an_address_that_the_operator_forbade_meanwhile_is_not_called(message, receiver, settings):
    settings.WEBHOOK_ALLOW_HTTP = False
    assert deliver(message) == DeliveryOutcome(again=True, said="The address must begin with https://.")
    assert (message.failure, WebhookAttempt.objects.get().request_headers) == ("unsent", {})
    assert receiver.requests == []


def test_a_gone_address_switches_the_webhook_off_at_once(message, webhook, receiver):
    receiver.status = 410
    assert deliver(message) == DeliveryOutcome(said="HTTP 410")
    assert message.state == "failed"
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.active, endpoint.stopped, endpoint.stopped_at) == (False, "gone", NOW)


def test_days_without_a_success_switch_it_off(book, message, webhook, receiver):
    receiver.status = 500
    deliver(message)
    assert WebhookEndpoint.objects.get().failing_since == NOW
    deliver(message, now=NOW + 4 * DAY)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.active, endpoint.failing_since) == (True, NOW)
    assert deliver(message, now=NOW + 5 * DAY).down
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.stopped, endpoint.stopped_at) == (False, "failing", NOW + 5 * DAY)
    assert message.state == "skipped"
    assert deliver(message, now=NOW + 6 * DAY) == DeliveryOutcome()
    assert len(receiver.requests) == 3


def test_one_success_starts_the_count_anew(message, webhook, owner, receiver):
    receiver.status = 500
    deliver(message)
    receiver.status = 204
    deliver(message, now=NOW + 4 * DAY)
    assert WebhookEndpoint.objects.get().failing_since is None
    services.replay_delivery(delivery=message, actor=owner, now=NOW)
    receiver.status = 500
    deliver(message, now=NOW + 6 * DAY)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.active, endpoint.failing_since) == (True, NOW + 6 * DAY)


@pytest.mark.parametrize("state", ["delivered", "failed", "skipped"])
def test_what_does_not_wait_is_not_sent(message, receiver, state):
    WebhookDelivery.objects.update(state=state)
    assert deliver(message) == DeliveryOutcome()
    assert receiver.requests == []
    assert not WebhookAttempt.objects.exists()


def test_a_message_of_a_removed_webhook_is_forgotten(message, webhook, owner, receiver):
    services.remove_endpoint(endpoint=webhook[0], actor=owner)
    assert services.deliver(delivery_id=message.pk, last=False, now=NOW) == DeliveryOutcome()
    assert receiver.requests == []


def test_a_webhook_removed_during_the_call_leaves_nothing_behind(message, webhook, owner, receiver, monkeypatch):
    post = client.post

    def post_and_remove(*args, **kwargs):
        answer = post(*args, **kwargs)
        services.remove_endpoint(endpoint=webhook[0], actor=owner)
        return answer

    monkeypatch.setattr(client, "post", post_and_remove)
    assert services.deliver(delivery_id=message.pk, last=False, now=NOW) == DeliveryOutcome(said="HTTP 204")
    assert not WebhookAttempt.objects.exists()


def test_a_switched_off_webhook_gets_its_test_and_nothing_else(message, webhook, owner, receiver):
    endpoint = services.stop_endpoint(endpoint=webhook[0], actor=owner, now=NOW)
    WebhookDelivery.objects.update(state="waiting")  # as if it was queued in the same moment
    assert deliver(message) == DeliveryOutcome()
    assert message.state == "skipped"
    test = services.send_test(endpoint=endpoint, actor=owner, now=NOW)
    assert deliver(test).said == "HTTP 204"
    assert [json.loads(each.body)["type"] for each in receiver.requests] == ["webhook.test"]


def test_of_very_many_attempts_the_first_and_the_last_are_kept(message, receiver, monkeypatch):
    monkeypatch.setattr("finance.webhooks.services.delivering.MOST_ATTEMPTS_KEPT", 3)
    receiver.status = 500
    for _ in range(6):
        deliver(message)
    assert list(WebhookAttempt.objects.order_by("number").values_list("number", flat=True)) == [1, 5, 6]
    assert message.attempts_made == 6


def test_an_answer_is_kept_as_text_up_to_its_limit(message, receiver):
    receiver.status, receiver.body = 400, b"\x00\xff" + b"x" * 5000
    deliver(message)
    kept = WebhookAttempt.objects.get().response_body
    assert kept[:2] == "��"
    assert len(kept) == 2048


def test_the_log_of_the_process_names_numbers_only(message, webhook, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    deliver(message)
    said = caplog.text
    assert f"Webhook delivery {message.pk} to webhook {webhook[0].pk}: 204 in" in said
    for private in (webhook[1], receiver.url(), "Home"):
        assert private not in said
