"""How a ring of the bell travels: through the configured Dramatiq broker, beside the NOTIFY that always goes out."""

from collections.abc import Iterable

import dramatiq
from dramatiq.brokers.stub import StubBroker

from platform_outbox.wakeup.actors import drain
from platform_outbox.wakeup.notifier import bell


def is_in_process() -> bool:
    """True without Redis and RabbitMQ: messages do not leave this process."""
    return isinstance(dramatiq.get_broker(), StubBroker)


def broker_name() -> str:
    """ "in-process", "redis" or "rabbitmq"."""
    name = type(dramatiq.get_broker()).__name__.removesuffix("Broker").lower()
    return "in-process" if name == "stub" else name


def send(shards: Iterable[int]) -> None:
    """One message per shard, to whichever worker takes it first."""
    for shard in shards:
        drain.send(shard)


def connect_notifier() -> None:
    """Let the bell of this process ring through the broker, if there is one that others hear."""
    if not is_in_process():
        bell.ringers = [send]
