from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedShakily(Keyed):
    """One in a thousand fails."""

    name: ClassVar[str] = "bench.shaky.happened"


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedShakilyInSets(Keyed):
    name: ClassVar[str] = "bench.shaky_set.happened"


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedSlowly(Keyed):
    """Takes 5 ms."""

    name: ClassVar[str] = "bench.slow.happened"


@dataclass(frozen=True, slots=True, kw_only=True)
class HappenedPlainly(Keyed):
    """Its handler writes with the statement of the peers' handlers, without the ORM."""

    name: ClassVar[str] = "bench.plain.happened"
