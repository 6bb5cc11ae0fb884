from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.envelope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed(Event):
    key: str
    number: int

    @property
    def ordering_key(self):
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedRow(Keyed):
    name: ClassVar[str] = "bench.row.happened"


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedSet(Keyed):
    name: ClassVar[str] = "bench.set.happened"
