"""Which Dramatiq broker carries the wake-ups of the outbox."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

# No time limit and no shutdown interrupt: both raise an exception anywhere, also inside a commit.
MIDDLEWARE = ["dramatiq.middleware.CurrentMessage", "dramatiq.middleware.Retries"]


def broker_settings(*, redis_url: str, rabbitmq_url: str) -> dict[str, Any]:
    """The setting DRAMATIQ_BROKER: RabbitMQ wins over Redis, and without both messages stay in the process."""
    if rabbitmq_url:
        broker, options = "dramatiq.brokers.rabbitmq.RabbitmqBroker", {"url": rabbitmq_url}
    elif redis_url:
        # Time-outs where the URL states none: a Redis that hangs must not hang the worker.
        parts = urlsplit(redis_url)
        query = {"socket_timeout": "5", "socket_connect_timeout": "2", **dict(parse_qsl(parts.query))}
        broker, options = "dramatiq.brokers.redis.RedisBroker", {"url": parts._replace(query=urlencode(query)).geturl()}
    else:
        broker, options = "dramatiq.brokers.stub.StubBroker", {}
    return {"BROKER": broker, "OPTIONS": options, "MIDDLEWARE": MIDDLEWARE}
