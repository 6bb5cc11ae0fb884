from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequested(Event):
    """Somebody started or resumed a long operation."""

    name: ClassVar[str] = "platform.operation.requested"
    run_id: int
    operation: str
    scope: str

    @property
    def ordering_key(self) -> str:
        return f"operation:{self.run_id}"
