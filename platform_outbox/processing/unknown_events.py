"""Events that only workers of a newer release can read, as met by this process."""

import threading
import time
from dataclasses import dataclass, field

# For so long a claim passes over such an event, and over what waits behind it, before it looks again.
LOOK_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class _Left:
    id: int
    event_types: set[str] = field(default_factory=set)
    until: float = 0.0


class UnknownEvents:
    """Remembers what was left alone. In memory only: for every worker that can read it, the event is simply due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[int, dict[str, _Left]] = {}

    def note(self, *, shard: int, key: str, event_type: str, id: int) -> None:
        """Have the key wait from this event on."""
        with self._lock:
            left = self._left.setdefault(shard, {}).setdefault(key, _Left(id))
            left.id = min(left.id, id)
            left.event_types.add(event_type)
            left.until = time.monotonic() + LOOK_AGAIN_SECONDS

    def left(self, shard: int) -> dict[str, tuple[int, set[str]]]:
        """Key → the first event to be passed over, and the event types that are not known."""
        now = time.monotonic()
        with self._lock:
            kept = {key: left for key, left in self._left.get(shard, {}).items() if left.until > now}
            self._left[shard] = kept
            return {key: (left.id, set(left.event_types)) for key, left in kept.items()}
