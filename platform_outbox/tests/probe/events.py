import os
from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event, upcast


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedEvent(Event):
    key: str
    number: int

    @property
    def ordering_key(self):
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(KeyedEvent):
    """One handler."""

    name: ClassVar[str] = "probe.clock.ticked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked(KeyedEvent):
    """Two handlers."""

    name: ClassVar[str] = "probe.road.forked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poured(KeyedEvent):
    """One batch handler."""

    name: ClassVar[str] = "probe.cup.poured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled(KeyedEvent):
    """A handler that takes 5 ms."""

    name: ClassVar[str] = "probe.snail.crawled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarmed(KeyedEvent):
    """A batch handler that is quick."""

    name: ClassVar[str] = "probe.bee.swarmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard(KeyedEvent):
    """No handler."""

    name: ClassVar[str] = "probe.tree.fallen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted(KeyedEvent):
    """An ordered io handler, whose neighbour is the key's first word; and a db handler beside it."""

    name: ClassVar[str] = "probe.letter.posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shouted(KeyedEvent):
    """An io handler without order."""

    name: ClassVar[str] = "probe.word.shouted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded(KeyedEvent):
    """An io handler whose dead letters halt their line."""

    name: ClassVar[str] = "probe.gate.guarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whistled(KeyedEvent):
    """An io handler with a short lease, whose calls are given up soon."""

    name: ClassVar[str] = "probe.tune.whistled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated(KeyedEvent):
    """Two handlers; behind a dead letter of one of them its key waits for an operator."""

    name: ClassVar[str] = "probe.gate.passed"


if os.environ.get("PROBE_RELEASE") == "old":

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Grown(KeyedEvent):
        """As the release before knows it."""

        name: ClassVar[str] = "probe.tree.grown"

else:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Grown(KeyedEvent):
        """Known in its third version; the second called its height `size` and had it in metres."""

        name: ClassVar[str] = "probe.tree.grown"
        version: ClassVar[int] = 3
        centimetres: int

    @upcast("probe.tree.grown", from_version=1)
    def with_a_size(payload):
        return {**payload, "size": 0}

    @upcast("probe.tree.grown", from_version=2)
    def in_centimetres(payload):
        payload["centimetres"] = 100 * payload.pop("size")
        return payload
