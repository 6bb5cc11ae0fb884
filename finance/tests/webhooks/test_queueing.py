"""From events of the books to messages that wait."""

import datetime
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance.errors import Conflict
from finance.events.base import BookEvent
from finance.events.books import BookRenamed
from finance.events.journal import JournalPosted
from finance.ledger import services as ledger
from finance.webhooks import services
from finance.webhooks.bodies import Happened, announced_events, body_of, message_id_of
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint
from platform_outbox import registry
from platform_outbox.events import known_events
from platform_outbox.models import OutboxMessage

URL = "https://hooks.example.org/lifeos"
AT = datetime.datetime(2026, 3, 15, 12, 30, 15, 250_000, tzinfo=datetime.UTC)


def add(book, owner, *event_types, url=URL):
    return services.add_endpoint(book=book, actor=owner, url=url, event_types=event_types).endpoint


def happened(book, number=1, event=None):
    return Happened(event=event or BookRenamed(book_id=book.pk), event_id=number, at=AT)


def queued():
    return list(
        OutboxMessage.objects.filter(event_type="finance.webhook.queued")
        .order_by("pk")
        .values_list("payload", flat=True)
    )


def test_the_body_says_what_happened(book):
    event = JournalPosted(book_id=book.pk, entry_ids=(311, 312), source="api")
    body = body_of(Happened(event=event, event_id=99, at=AT))
    assert json.loads(body) == {
        "id": message_id_of(Happened(event=event, event_id=99, at=AT)),
        "type": "finance.journal.posted",
        "version": 1,
        "timestamp": "2026-03-15T12:30:15.250000Z",
        "book_id": book.pk,
        "data": {"book_id": book.pk, "entry_ids": [311, 312], "source": "api"},
    }


def test_a_message_has_one_id_however_often_its_event_is_handled(book):
    first = message_id_of(happened(book, 7))
    assert first == message_id_of(happened(book, 7))
    assert first.startswith("msg_")
    assert len({first, message_id_of(happened(book, 8))}) == 2
    # A database that was restored draws old numbers for new events.
    later = Happened(event=BookRenamed(book_id=book.pk), event_id=7, at=AT + datetime.timedelta(days=1))
    assert message_id_of(later) != first


def test_every_event_of_a_book_is_announced_and_nothing_internal():
    names = {cls.name for cls in announced_events()}
    # A deleted book is silent, an erased one has no webhooks, and that a reminder is asked for is told by its own event.
    silent = {"finance.book.deleted", "finance.book.erased", "finance.invoice.reminder_asked"}
    assert names == {cls.name for cls in known_events() if issubclass(cls, BookEvent)} - silent
    assert "finance.journal.posted" in names
    assert "finance.webhook.queued" not in names
    for cls in announced_events():
        assert "finance.webhooks" in [handler.name for handler in registry.handlers_of(cls.name)]


def test_each_webhook_gets_what_it_asked_for_in_order(book, owner):
    all_of_it, postings = add(book, owner), add(book, owner, "finance.journal.posted", url="https://b.example:8443/x")
    posted = JournalPosted(book_id=book.pk, entry_ids=(1,), source="api")
    assert services.queue_deliveries(happened=[happened(book, 1), happened(book, 2, posted)]) == 3
    made = WebhookDelivery.objects.order_by("pk")
    assert [(each.endpoint_id, each.event_id, each.event_type, each.state) for each in made] == [
        (all_of_it.pk, 1, "finance.book.renamed", "waiting"),
        (all_of_it.pk, 2, "finance.journal.posted", "waiting"),
        (postings.pk, 2, "finance.journal.posted", "waiting"),
    ]
    assert made[1].message_id == made[2].message_id
    assert [(each["webhook_id"], each["delivery_id"], each["host"]) for each in queued()] == [
        (all_of_it.pk, made[0].pk, "hooks.example.org"),
        (all_of_it.pk, made[1].pk, "hooks.example.org"),
        (postings.pk, made[2].pk, "b.example"),
    ]
    keys = OutboxMessage.objects.filter(event_type="finance.webhook.queued").values_list("ordering_key", flat=True)
    assert set(keys) == {f"webhook:{all_of_it.pk}", f"webhook:{postings.pk}"}


def test_other_books_and_switched_off_webhooks_get_nothing(book, owner, stranger):
    other = ledger.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="Europe/Berlin")
    add(other, stranger)
    services.stop_endpoint(endpoint=add(book, owner), actor=owner, now=AT)
    assert services.queue_deliveries(happened=[happened(book)]) == 0
    assert not WebhookDelivery.objects.exists()
    assert queued() == []


def test_an_event_that_is_handled_again_makes_messages_only_where_there_are_none(book, owner):
    add(book, owner)
    services.queue_deliveries(happened=[happened(book)])
    assert services.queue_deliveries(happened=[happened(book)]) == 0
    late = add(book, owner)
    assert services.queue_deliveries(happened=[happened(book)]) == 1
    assert list(WebhookDelivery.objects.order_by("pk").values_list("endpoint_id", flat=True))[-1] == late.pk
    assert len(queued()) == 2


def test_a_batch_of_books_without_webhooks_costs_one_query(book, owner, stranger):
    add(ledger.create_book(owner=stranger, name="B", base_currency="EUR", time_zone="UTC"), stranger)
    batch = [happened(book, number) for number in range(50)]
    with CaptureQueriesContext(connection) as queries:
        assert services.queue_deliveries(happened=batch) == 0
    assert [each["sql"].split()[0] for each in queries if "SAVEPOINT" not in each["sql"]] == ["SELECT"]


def test_a_batch_with_webhooks_costs_as_many_queries_as_one_event(book, owner):
    add(book, owner)
    add(book, owner)
    for size, start in ((1, 0), (50, 100)):
        with CaptureQueriesContext(connection) as queries:
            services.queue_deliveries(happened=[happened(book, start + number) for number in range(size)])
        statements = [each["sql"].split()[0] for each in queries if "SAVEPOINT" not in each["sql"]]
        assert statements == ["SELECT", "SELECT", "INSERT", "INSERT"]


def test_a_test_message_goes_to_this_webhook_only_also_while_it_is_off(book, owner):
    add(book, owner)
    endpoint = services.stop_endpoint(endpoint=add(book, owner), actor=owner, now=AT)
    delivery = services.send_test(endpoint=endpoint, actor=owner, now=AT)
    assert WebhookDelivery.objects.get() == delivery
    assert json.loads(delivery.body) == {
        "id": delivery.message_id,
        "type": "webhook.test",
        "version": 1,
        "timestamp": "2026-03-15T12:30:15.250000Z",
        "book_id": book.pk,
        "data": {"book_id": book.pk, "webhook_id": endpoint.pk},
    }
    assert [each["delivery_id"] for each in queued()] == [delivery.pk]


def finished(book, owner, *states):
    """A webhook with one message in each state."""
    endpoint = add(book, owner)
    services.queue_deliveries(happened=[happened(book, number) for number in range(len(states))])
    OutboxMessage.objects.filter(event_type="finance.webhook.queued").delete()
    deliveries = list(WebhookDelivery.objects.order_by("pk"))
    for delivery, state in zip(deliveries, states, strict=True):
        WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state)
    return endpoint, deliveries


def states():
    return list(WebhookDelivery.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("state", ["failed", "skipped", "delivered"])
def test_a_replay_sends_the_same_message_once_more(book, owner, state):
    _endpoint, (delivery,) = finished(book, owner, state)
    before = delivery.body, delivery.message_id
    services.replay_delivery(delivery=delivery, actor=owner, now=timezone.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.body, delivery.message_id) == ("waiting", *before)
    assert [each["delivery_id"] for each in queued()] == [delivery.pk]


def test_what_is_on_its_way_is_not_replayed(book, owner):
    _endpoint, (delivery,) = finished(book, owner, "waiting")
    with pytest.raises(Conflict, match="already on its way"):
        services.replay_delivery(delivery=delivery, actor=owner, now=timezone.now())
    assert queued() == []


def test_what_has_waited_for_long_may_be_sent_along(book, owner):
    """Its event may have been discarded; if not, whichever comes first sends it."""
    _endpoint, (delivery,) = finished(book, owner, "waiting")
    services.replay_delivery(delivery=delivery, actor=owner, now=timezone.now() + datetime.timedelta(hours=2))
    assert [each["delivery_id"] for each in queued()] == [delivery.pk]


def test_a_switched_off_webhook_replays_nothing(book, owner):
    endpoint, (delivery,) = finished(book, owner, "failed")
    services.stop_endpoint(endpoint=endpoint, actor=owner, now=AT)
    with pytest.raises(Conflict, match="Switch it on first"):
        services.replay_delivery(delivery=delivery, actor=owner, now=timezone.now())
    with pytest.raises(Conflict, match="Switch it on first"):
        services.replay_failed(endpoint=endpoint, actor=owner, since=AT)
    assert (states(), queued()) == (["failed"], [])


def test_all_that_failed_since_a_moment_is_replayed_oldest_first(book, owner):
    endpoint, made = finished(book, owner, "failed", "failed", "delivered", "skipped", "waiting")
    noon = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
    WebhookDelivery.objects.update(created_at=noon)
    WebhookDelivery.objects.filter(pk=made[0].pk).update(created_at=noon - datetime.timedelta(seconds=1))
    other = add(book, owner)
    WebhookDelivery.objects.create(
        book=book, endpoint=other, message_id="m", event_type="x", occurred_at=noon, body="{}", state="failed"
    )
    assert services.replay_failed(endpoint=endpoint, actor=owner, since=noon) == 2
    assert [each["delivery_id"] for each in queued()] == [made[1].pk, made[3].pk]
    assert states() == ["failed", "waiting", "delivered", "waiting", "waiting", "failed"]
    assert services.replay_failed(endpoint=endpoint, actor=owner, since=noon) == 0


def test_old_deliveries_are_pruned_but_for_those_on_their_way(book, owner, monkeypatch):
    monkeypatch.setattr("finance.webhooks.services.pruning._BATCH", 2)
    _endpoint, made = finished(book, owner, "delivered", "waiting", "failed", "skipped", "delivered")
    for days, delivery in zip((50, 45, 40, 35, 5), made, strict=True):
        when = AT - datetime.timedelta(days=days)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(created_at=when)
        delivery.attempts.create(book_id=delivery.book_id, number=1, at=when, milliseconds=1)
    assert services.prune_deliveries(before=AT - datetime.timedelta(days=30)) == 3
    left = WebhookDelivery.objects.order_by("pk")
    assert [each.pk for each in left] == [made[1].pk, made[4].pk]
    assert [each.attempts.count() for each in left] == [1, 1]
    assert services.prune_deliveries(before=AT - datetime.timedelta(days=30)) == 0
    assert WebhookEndpoint.objects.count() == 1
