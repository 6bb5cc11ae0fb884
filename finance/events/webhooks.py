"""What happens to webhooks."""

from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent
from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAdded(BookEvent):
    """A webhook was added; it gets the book's events from now on."""

    name: ClassVar[str] = "finance.webhook.added"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChanged(BookEvent):
    """A webhook's address, description, events or secret changed, or it was switched on."""

    name: ClassVar[str] = "finance.webhook.changed"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStopped(BookEvent):
    """A webhook was switched off: by hand, after days of failure, or because its address is gone."""

    name: ClassVar[str] = "finance.webhook.stopped"
    webhook_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRemoved(BookEvent):
    """A webhook was removed, with its log."""

    name: ClassVar[str] = "finance.webhook.removed"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookQueued(Event):
    """A message waits to be sent to a webhook. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.webhook.queued"
    book_id: int
    webhook_id: int
    delivery_id: int
    host: str  # who is called

    @property
    def ordering_key(self) -> str:
        return f"webhook:{self.webhook_id}"
