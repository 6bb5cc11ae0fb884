"""What the audit trail records of webhooks: which one, of which book, at which host. Never its address: it may be a password."""

from typing import Any
from urllib.parse import urlsplit

from finance.webhooks.models import WebhookEndpoint
from identity import audit
from identity.models import User


def record(action: audit.Action, *, endpoint: WebhookEndpoint, actor: User | None, **facts: Any) -> None:
    """Write the record in the caller's transaction."""
    known = {"book": endpoint.book_id, "webhook": endpoint.pk, **facts}
    audit.record(action=action, actor=actor, target=host_of(endpoint), facts=known)


def host_of(endpoint: WebhookEndpoint) -> str:
    """The host that the endpoint's address names."""
    return urlsplit(endpoint.url).hostname or ""
