"""The Dramatiq actor: a shard number comes in, everything due in that shard is handled.

The message is a hint and nothing more. Lost, doubled, reordered or a month old, it does no harm.
"""

from collections.abc import Callable

import dramatiq
from dramatiq.middleware import CurrentMessage

from platform_outbox.processing import process

QUEUE = "outbox"


def _until_empty(shard: int, sent_at: float) -> None:
    while process.process_batch(shard=shard).more:
        pass


# How a drain request is carried out in this process; the worker puts its own scheduling in here.
carry_out: Callable[[int, float], None] = _until_empty


@dramatiq.actor(actor_name="platform_outbox.drain", queue_name=QUEUE, max_retries=0)
def drain(shard: int) -> None:
    """Handle what is due in the shard. Never retried by Dramatiq: the rows carry their own retries."""
    message = CurrentMessage.get_current_message()
    carry_out(shard, message.message_timestamp / 1000 if message else 0.0)
