"""A book's webhooks: adding, changing, removing, and their secrets. For owners; an actor of None is the operator."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid, NotFound
from finance.events.webhooks import WebhookAdded, WebhookChanged, WebhookRemoved
from finance.ledger.models import Book
from finance.ledger.services.members import lock_for_owner
from finance.webhooks.models import WebhookEndpoint, WebhookSecret
from finance.webhooks.services.rules import checked_description, checked_event_types, checked_target
from finance.webhooks.services.trail import record
from finance.webhooks.signing import new_secret
from identity import audit
from identity.models import User
from platform_outbox.emit import emit

MOST_ENDPOINTS = 20
OVERLAP = datetime.timedelta(hours=24)
LONGEST_OVERLAP = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshSecret:
    """A webhook with its new secret, which is shown this once."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)
    old_valid_until: datetime.datetime | None = None


@transaction.atomic
def add_endpoint(
    *, book: Book, actor: User | None, url: str, event_types: Collection[str] = (), description: str = ""
) -> FreshSecret:
    """Tell the address of the book's events from now on: of these types, or of all when none is named.

    Raises Forbidden, NotFound, Invalid (address, type or description), Conflict (too many).
    """
    lock_for_owner(book=book, actor=actor)
    checked_target(url)
    if WebhookEndpoint.objects.filter(book=book).count() >= MOST_ENDPOINTS:
        raise Conflict(reason=_("A book has at most %(most)d webhooks.") % {"most": MOST_ENDPOINTS})
    endpoint = WebhookEndpoint.objects.create(
        book=book,
        url=url,
        event_types=checked_event_types(event_types),
        description=checked_description(description),
        created_by=actor,
    )
    secret = new_secret()
    WebhookSecret.objects.create(book=book, endpoint=endpoint, secret=secret)
    record(audit.Action.WEBHOOK_ADDED, endpoint=endpoint, actor=actor)
    emit(WebhookAdded(book_id=book.pk, webhook_id=endpoint.pk))
    return FreshSecret(endpoint=endpoint, secret=secret)


@transaction.atomic
def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    actor: User | None,
    url: str | None = None,
    event_types: Collection[str] | None = None,
    description: str | None = None,
) -> WebhookEndpoint:
    """Change what is given; messages that wait already go to the new address. Raises as `add_endpoint`."""
    current = locked(endpoint, actor=actor)
    wanted: dict[str, object] = {}
    if url is not None:
        checked_target(url)
        wanted["url"] = url
    if event_types is not None:
        wanted["event_types"] = checked_event_types(event_types)
    if description is not None:
        wanted["description"] = checked_description(description)
    changed = [name for name, value in wanted.items() if getattr(current, name) != value]
    if not changed:
        return current
    for name in changed:
        setattr(current, name, wanted[name])
    current.save(update_fields=changed)
    record(audit.Action.WEBHOOK_CHANGED, endpoint=current, actor=actor, changed=sorted(changed))
    emit(WebhookChanged(book_id=current.book_id, webhook_id=current.pk))
    return current


@transaction.atomic
def rotate_secret(
    *, endpoint: WebhookEndpoint, actor: User | None, now: datetime.datetime, overlap: datetime.timedelta = OVERLAP
) -> FreshSecret:
    """Make a new secret. The one before signs as well for the time of the overlap; an older one ends now.

    Raises Forbidden, NotFound, Invalid (an overlap under zero or over a week).
    """
    if not datetime.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid(field="overlap_hours", reason=_("The old secret stays valid for 0 to 168 hours."))
    current = locked(endpoint, actor=actor)
    until = now + overlap
    WebhookSecret.objects.filter(endpoint=current, expires_at__isnull=False).delete()
    WebhookSecret.objects.filter(endpoint=current, expires_at=None).update(expires_at=until)
    secret = new_secret()
    WebhookSecret.objects.create(book_id=current.book_id, endpoint=current, secret=secret)
    record(audit.Action.WEBHOOK_SECRET_CHANGED, endpoint=current, actor=actor, old_valid_until=until.isoformat())
    emit(WebhookChanged(book_id=current.book_id, webhook_id=current.pk))
    return FreshSecret(endpoint=current, secret=secret, old_valid_until=until if overlap else None)


@transaction.atomic
def remove_endpoint(*, endpoint: WebhookEndpoint, actor: User | None) -> None:
    """Remove the webhook with its secrets and its log; what waits is not sent. Raises Forbidden, NotFound."""
    current = locked(endpoint, actor=actor)
    record(audit.Action.WEBHOOK_REMOVED, endpoint=current, actor=actor)
    emit(WebhookRemoved(book_id=current.book_id, webhook_id=current.pk))
    current.delete()


def locked(endpoint: WebhookEndpoint, *, actor: User | None) -> WebhookEndpoint:
    """The endpoint as it is now, under the lock of its book, for an owner. Raises Forbidden, NotFound."""
    lock_for_owner(book=endpoint.book, actor=actor)
    return locked_row(endpoint)


def locked_row(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint's row as it is now, locked. Raises NotFound when it was removed."""
    found = WebhookEndpoint.objects.select_for_update(of=("self",)).select_related("book").filter(pk=endpoint.pk)
    current = found.first()
    if current is None:
        raise NotFound(thing="webhook")
    return current
