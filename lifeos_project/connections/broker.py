"""Which broker carries the worker's wake-ups, and whether it answers."""

from django.conf import settings

PATIENCE = 2.0


def kind() -> str:
    """`rabbitmq`, `redis` or `in-process`; RABBITMQ_URL wins over REDIS_URL."""
    if settings.RABBITMQ_URL:
        return "rabbitmq"
    return "redis" if settings.REDIS_URL else "in-process"


def ping() -> None:
    """Return when the broker answers; raise the client's error when it does not within two seconds."""
    # Half a second of imports between them, for clients that most installations do not use.
    if kind() == "rabbitmq":
        import pika

        parameters = pika.URLParameters(settings.RABBITMQ_URL)
        parameters.socket_timeout = parameters.blocked_connection_timeout = PATIENCE
        parameters.stack_timeout = PATIENCE
        parameters.connection_attempts = 1
        pika.BlockingConnection(parameters).close()
    elif kind() == "redis":
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=PATIENCE,
            socket_timeout=PATIENCE,
            # By default it tries four times, with pauses.
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
