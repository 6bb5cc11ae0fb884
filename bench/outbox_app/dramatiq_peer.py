"""Dramatiq on Redis, without an outbox; one effect per message."""

import os
import threading

import dramatiq
import psycopg
from dramatiq.brokers.redis import RedisBroker

broker = RedisBroker(url=os.environ.get("BENCH_REDIS", "redis://"))
dramatiq.set_broker(broker)
_local = threading.local()


@dramatiq.actor(actor_name="bench", queue_name="bench")
def bench(number, key):
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_CONNINFO"], autocommit=True, prepare_threshold=0)
    _local.connection.execute("INSERT INTO outbox_app_effect (number, key) VALUES (%s, %s)", (number, key))
