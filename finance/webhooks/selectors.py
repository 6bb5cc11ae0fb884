import datetime
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Prefetch, Q

from core.keyset import keyset_page
from finance.errors import NotFound
from finance.ledger.models import Book
from finance.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Deliveries, newest first; `next_id` is where the next page begins, None on the last one."""

    rows: list[WebhookDelivery]
    next_id: int | None


def endpoints_of(*, book: Book) -> list[WebhookEndpoint]:
    """The book's webhooks, oldest first."""
    return list(WebhookEndpoint.objects.filter(book=book).order_by("pk"))


def active_by_book(book_ids: Collection[int]) -> dict[int, list[WebhookEndpoint]]:
    """Book → its active webhooks, oldest first: one query for a batch of events, and no entry for a book without any.

    A deleted book is silent.
    """
    found: dict[int, list[WebhookEndpoint]] = defaultdict(list)
    active = WebhookEndpoint.objects.filter(book__in=book_ids, active=True, book__deleted_at=None)
    for endpoint in active.order_by("pk"):
        found[endpoint.book_id].append(endpoint)
    return dict(found)


def endpoint_for(*, book: Book, endpoint_id: int) -> WebhookEndpoint:
    """The book's webhook. Raises NotFound."""
    endpoint = WebhookEndpoint.objects.filter(book=book, pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound(thing="webhook")
    endpoint.book = book
    return endpoint


def delivery_for(*, endpoint: WebhookEndpoint, delivery_id: int) -> WebhookDelivery:
    """A delivery to the endpoint, with its attempts, oldest first, as `attempts.all()`. Raises NotFound."""
    attempts = Prefetch("attempts", WebhookAttempt.objects.order_by("number", "pk"))
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).prefetch_related(attempts).first()
    if delivery is None:
        raise NotFound(thing="delivery")
    delivery.endpoint = endpoint
    return delivery


def deliveries_page(*, endpoint: WebhookEndpoint, state: str = "", before: int | None, limit: int) -> DeliveryPage:
    """The endpoint's log, newest first, without the bodies, in one state or in all, from below the id `before` on."""
    log = WebhookDelivery.objects.filter(endpoint=endpoint).defer("body")
    if state:
        log = log.filter(state=state)
    page = keyset_page(log, ordering=("-pk",), after=None if before is None else (before,), limit=limit)
    return DeliveryPage(rows=page.rows, next_id=page.edge.pk if page.edge else None)


def valid_secrets(*, endpoint: WebhookEndpoint, now: datetime.datetime) -> list[str]:
    """What signs now: the current secret, then the one before while it is still valid."""
    valid = WebhookSecret.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), endpoint=endpoint)
    return list(valid.order_by("-pk").values_list("secret", flat=True))


def old_secret_valid_until(*, endpoint: WebhookEndpoint, now: datetime.datetime) -> datetime.datetime | None:
    """Until when the secret before the current one signs as well; None when it does not any more."""
    old = WebhookSecret.objects.filter(endpoint=endpoint, expires_at__gt=now)
    return old.order_by("-pk").values_list("expires_at", flat=True).first()
