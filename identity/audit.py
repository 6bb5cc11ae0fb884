"""The audit trail: write a record, read one's own sign-ins, delete old records."""

import datetime
from typing import Any

from django.db import connection

from identity.models import AuditRecord, User
from identity.origin import current_origin

Action = AuditRecord.Action


def record(
    *, action: AuditRecord.Action, actor: User | None, target: str = "", facts: dict[str, Any] | None = None
) -> AuditRecord:
    """Write down what was done, in the caller's transaction: undone with it if it rolls back.

    `actor` is None for commands and for people not signed in. `target` says on what, as a person would call it; `facts` holds
    ids and plain values, never secrets.
    """
    origin = current_origin()
    return AuditRecord.objects.create(
        action=action,
        actor=actor,
        actor_email=actor.email if actor else "",
        target=target[:300],
        facts=facts or {},
        address=origin.address,
        user_agent=origin.user_agent,
    )


def recent_sign_ins(*, user: User, limit: int = 10) -> list[AuditRecord]:
    """The user's last sign-ins, newest first."""
    return list(AuditRecord.objects.filter(actor=user, action=Action.SIGNED_IN).order_by("-id")[:limit])


def prune(*, before: datetime.datetime) -> int:
    """Delete records older than the moment and return how many; the only way to delete one.

    The database does it and keeps the last week: raises IntegrityError for a later moment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT identity_prune_audit(%s)", [before])
        return int(cursor.fetchone()[0])
