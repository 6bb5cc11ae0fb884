"""Switching webhooks on and off, by hand or because nothing arrives."""

import datetime
from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from finance.events.webhooks import WebhookChanged, WebhookStopped
from finance.ledger.models import Membership, Role
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint
from finance.webhooks.services.endpoints import change_endpoint, locked, locked_row
from finance.webhooks.services.trail import host_of, record
from identity import audit, mail
from identity.models import User
from platform_outbox.emit import emit


@transaction.atomic
def change_and_switch(
    *,
    endpoint: WebhookEndpoint,
    actor: User | None,
    now: datetime.datetime,
    active: bool | None = None,
    url: str | None = None,
    event_types: Collection[str] | None = None,
    description: str | None = None,
) -> WebhookEndpoint:
    """Change what is given, and switch on or off as `active` says; all of it or nothing. Raises as `change_endpoint`."""
    changed = change_endpoint(endpoint=endpoint, actor=actor, url=url, event_types=event_types, description=description)
    if active is None:
        return changed
    if active:
        return start_endpoint(endpoint=changed, actor=actor)
    return stop_endpoint(endpoint=changed, actor=actor, now=now)


@transaction.atomic
def start_endpoint(*, endpoint: WebhookEndpoint, actor: User | None) -> WebhookEndpoint:
    """Send again from now on, with all days of failure before it. What was skipped can be replayed.

    Raises Forbidden, NotFound.
    """
    current = locked(endpoint, actor=actor)
    if current.active:
        return current
    current.active, current.stopped = True, WebhookEndpoint.Stopped.NOT
    current.stopped_at = current.failing_since = None
    current.save(update_fields=["active", "stopped", "stopped_at", "failing_since"])
    record(audit.Action.WEBHOOK_STARTED, endpoint=current, actor=actor)
    emit(WebhookChanged(book_id=current.book_id, webhook_id=current.pk))
    return current


@transaction.atomic
def stop_endpoint(*, endpoint: WebhookEndpoint, actor: User | None, now: datetime.datetime) -> WebhookEndpoint:
    """Send nothing any more; what waits is skipped. Raises Forbidden, NotFound."""
    current = locked(endpoint, actor=actor)
    if current.active:
        _stop(current, reason=WebhookEndpoint.Stopped.BY_HAND, actor=actor, now=now)
    return current


@transaction.atomic
def give_up_on(endpoint: WebhookEndpoint, *, reason: WebhookEndpoint.Stopped, now: datetime.datetime) -> None:
    """Switch a webhook off because nothing arrives, and tell the owners by mail; once, however many find out."""
    current = locked_row(endpoint)
    if not current.active:
        return
    _stop(current, reason=reason, actor=None, now=now)
    base: str = settings.SITE_URL
    context = {
        "book": current.book,
        "host": host_of(current),
        "endpoint": current,
        "days": settings.WEBHOOK_DISABLE_AFTER_DAYS,
        "gone": current.stopped == WebhookEndpoint.Stopped.GONE,
        # Nobody's request is at hand that could tell the site's address.
        "link": f"{base.rstrip('/')}{reverse('web:webhook', args=[current.book_id, current.pk])}" if base else "",
    }
    owners = Membership.objects.filter(book=current.book_id, role=Role.OWNER).order_by("pk")
    for email in owners.values_list("user__email", flat=True):
        mail.send_after_commit(to=email, template="web/mail/webhook_stopped", context=context)


def _stop(
    endpoint: WebhookEndpoint, *, reason: WebhookEndpoint.Stopped, actor: User | None, now: datetime.datetime
) -> None:
    endpoint.active, endpoint.stopped, endpoint.stopped_at = False, reason, now
    endpoint.save(update_fields=["active", "stopped", "stopped_at"])
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.WAITING)
    waiting.update(state=WebhookDelivery.State.SKIPPED)
    record(audit.Action.WEBHOOK_STOPPED, endpoint=endpoint, actor=actor, reason=reason.value)
    emit(WebhookStopped(book_id=endpoint.book_id, webhook_id=endpoint.pk, reason=reason.value))
