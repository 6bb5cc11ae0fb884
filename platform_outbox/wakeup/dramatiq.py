"""The Dramatiq actor, and how a wake-up travels to it: a shard number comes in, everything due in that shard is handled.

The message is a hint and nothing more. Lost, doubled, reordered or a month old, it does no harm.
"""

from collections.abc import Callable, Iterable

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import CurrentMessage

from platform_outbox.wakeup.notifier import notifier

QUEUE = "outbox"


# How a request is carried out in this process: the worker puts its own scheduling in here.
carry_out: Callable[[int, float], None] | None = None


@dramatiq.actor(actor_name="platform_outbox.drain", queue_name=QUEUE, max_retries=0)
def drain(shard: int) -> None:
    """Handle what is due in the shard. Never retried by Dramatiq: the rows carry their own retries."""
    if carry_out is not None:
        message = CurrentMessage.get_current_message()
        carry_out(shard, message.message_timestamp / 1000 if message else 0.0)
        return
    # Only here: every process has this module, to notify.
    from platform_outbox.processing.process import process_batch

    while process_batch(shard=shard).more:
        pass


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
    """Let this process notify through the broker, if there is one that others hear."""
    if not is_in_process():
        notifier.senders = [send]
