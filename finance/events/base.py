"""What the events of one book have in common."""

from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEvent(Event):
    """Base: all events of one book are handled in the order in which they happened."""

    # Whether webhooks can be told of it.
    announced: ClassVar[bool] = True
    book_id: int

    @property
    def ordering_key(self) -> str:
        return f"book:{self.book_id}"
