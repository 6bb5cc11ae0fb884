import datetime
from importlib import import_module
from typing import NamedTuple

from django.conf import settings

from identity import audit, tokens


class Pruned(NamedTuple):
    """How many audit records and tokens were deleted."""

    audit_records: int
    tokens: int


def prune_access(*, now: datetime.datetime) -> Pruned:
    """Delete audit records past AUDIT_RETENTION_DAYS, expired tokens and expired sessions."""
    records = audit.prune(before=now - datetime.timedelta(days=settings.AUDIT_RETENTION_DAYS))
    expired = tokens.prune(now=now)
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return Pruned(audit_records=records, tokens=expired)
