"""Deletes old messages from the log."""

import datetime
from collections.abc import Callable

from django.db import transaction

from finance.webhooks.models import WebhookAttempt, WebhookDelivery

_BATCH = 1_000


def prune_deliveries(*, before: datetime.datetime, between: Callable[[], None] = lambda: None) -> int:
    """Delete deliveries older than the moment with their attempts, but for those on their way; returns how many.

    In small transactions along the ids, which are as old as they are low, so it never reads the whole log. `between`
    is called between two of them.
    """
    deleted, above = 0, 0
    while True:
        window = list(
            WebhookDelivery.objects.filter(pk__gt=above)
            .order_by("pk")
            .values_list("pk", "created_at", "state")[:_BATCH]
        )
        old = [pk for pk, created_at, state in window if created_at < before and state != WebhookDelivery.State.WAITING]
        with transaction.atomic():
            WebhookAttempt.objects.filter(delivery__in=old).delete()
            gone, _by_model = (
                WebhookDelivery.objects.filter(pk__in=old).exclude(state=WebhookDelivery.State.WAITING).delete()
            )
        deleted += gone
        if len(window) < _BATCH or window[-1][1] >= before:
            return deleted
        above = window[-1][0]
        between()
