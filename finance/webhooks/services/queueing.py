"""Turns events into messages to send: automatically, as a test, and again."""

import datetime
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from finance.errors import Conflict
from finance.events.webhooks import WebhookQueued
from finance.ledger.models import Book
from finance.webhooks.bodies import Happened, body_of, message_id_of, written
from finance.webhooks.models import TEST_EVENT, WebhookDelivery, WebhookEndpoint
from finance.webhooks.selectors import active_by_book
from finance.webhooks.services.endpoints import locked
from finance.webhooks.services.trail import host_of
from identity.allowance import allow
from identity.models import User
from platform_outbox.emit import emit_many

MOST_REPLAYED = 1_000
TESTS_PER_HOUR = 30
# A message that has waited for longer may have lost its event, which an operator can discard.
SURELY_ON_ITS_WAY = datetime.timedelta(hours=1)
State = WebhookDelivery.State


@transaction.atomic
def queue_deliveries(*, happened: Sequence[Happened]) -> int:
    """Write a message for each event and each active webhook of its book that wants it; returns how many.

    Where no book of the batch has a webhook this is one query. An event that is handled again, as in a replay of
    history, makes messages only for webhooks that have none of it.
    """
    endpoints = active_by_book({each.event.book_id for each in happened})
    wanted = [
        WebhookDelivery(
            book_id=endpoint.book_id,
            endpoint=endpoint,
            message_id=message_id_of(each),
            event_id=each.event_id,
            event_type=each.event.name,
            occurred_at=each.at,
            body=body_of(each),
        )
        for each in happened
        for endpoint in endpoints.get(each.event.book_id, ())
        if endpoint.wants(each.event.name)
    ]
    if not wanted:
        return 0
    there = set(
        WebhookDelivery.objects.filter(
            endpoint__in={each.endpoint_id for each in wanted}, message_id__in={each.message_id for each in wanted}
        ).values_list("endpoint_id", "message_id")
    )
    new = [each for each in wanted if (each.endpoint_id, each.message_id) not in there]
    traces: dict[int | None, str] = {each.event_id: each.trace for each in happened}
    _queue(WebhookDelivery.objects.bulk_create(new), traces=[traces[each.event_id] for each in new])
    return len(new)


def _queue(deliveries: Iterable[WebhookDelivery], *, traces: Sequence[str] = ()) -> None:
    """Put the messages into the outbox, from where they are sent one after the other per webhook."""
    emit_many(
        [
            WebhookQueued(
                book_id=delivery.book_id,
                webhook_id=delivery.endpoint_id,
                delivery_id=delivery.pk,
                host=host_of(delivery.endpoint),
            )
            for delivery in deliveries
        ],
        traces=traces,
    )


def may_test(*, book: Book) -> bool:
    """Count one more test of the book's webhooks and tell whether it is within an hour's."""
    return allow(what="webhook-test", whose=f"book:{book.pk}", limit=TESTS_PER_HOUR, seconds=3600)


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, actor: User | None, now: datetime.datetime) -> WebhookDelivery:
    """Send a `webhook.test` message like all others, even while the webhook is switched off.

    Raises Forbidden, NotFound.
    """
    current = locked(endpoint, actor=actor)
    message_id = f"msg_{uuid7().hex}"
    delivery = WebhookDelivery.objects.create(
        book_id=current.book_id,
        endpoint=current,
        message_id=message_id,
        event_type=TEST_EVENT,
        occurred_at=now,
        body=written(
            message_id=message_id,
            event_type=TEST_EVENT,
            version=1,
            at=now,
            book_id=current.book_id,
            data={"book_id": current.book_id, "webhook_id": current.pk},
        ),
    )
    _queue([delivery])
    return delivery


@transaction.atomic
def replay_delivery(*, delivery: WebhookDelivery, actor: User | None, now: datetime.datetime) -> WebhookDelivery:
    """Send a message again, word for word and under its own id.

    One that waits for longer than an hour may be sent along as well: whichever event comes first sends it.
    Raises Forbidden, NotFound, Conflict (it is on its way, or the webhook is switched off).
    """
    endpoint = locked(delivery.endpoint, actor=actor)
    _insist_on_active(endpoint)
    under_way = Q(state=State.WAITING, created_at__gt=now - SURELY_ON_ITS_WAY)
    taken = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(under_way).update(state=State.WAITING)
    if not taken:
        raise Conflict(reason=_("This message is already on its way."))
    delivery.state, delivery.endpoint = State.WAITING, endpoint
    _queue([delivery])
    return delivery


@transaction.atomic
def replay_failed(*, endpoint: WebhookEndpoint, actor: User | None, since: datetime.datetime) -> int:
    """Send what failed or was skipped since the moment once more, oldest first; returns how many, at most 1,000.

    Raises Forbidden, NotFound, Conflict (the webhook is switched off).
    """
    current = locked(endpoint, actor=actor)
    _insist_on_active(current)
    lost = WebhookDelivery.objects.filter(
        endpoint=current, state__in=[State.FAILED, State.SKIPPED], created_at__gte=since
    )
    chosen = list(lost.select_for_update().order_by("pk").defer("body")[:MOST_REPLAYED])
    WebhookDelivery.objects.filter(pk__in=[each.pk for each in chosen]).update(state=State.WAITING)
    for each in chosen:
        each.endpoint = current
    _queue(chosen)
    return len(chosen)


def _insist_on_active(endpoint: WebhookEndpoint) -> None:
    if not endpoint.active:
        raise Conflict(reason=_("This webhook is switched off. Switch it on first."))
