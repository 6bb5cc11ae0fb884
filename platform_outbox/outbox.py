"""The one door by which a change announces itself."""

import zlib

from django.db import connection, transaction
from django.utils import timezone

from platform_outbox.envelope import Event, payload_of
from platform_outbox.models import OutboxMessage

SHARDS = 64


def emit(event: Event) -> int:
    """Write the event into the caller's transaction and return its id; raises outside a transaction."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("emit() needs the transaction of the change it tells of.")
    now = timezone.now()
    row = OutboxMessage.objects.create(
        event_type=event.name,
        event_version=event.version,
        ordering_key=event.ordering_key,
        shard=zlib.crc32(event.ordering_key.encode()) % SHARDS,
        payload=payload_of(event),
        available_at=now,
        created_at=now,
    )
    return row.pk
