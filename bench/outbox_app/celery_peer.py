"""Celery on Redis as its guide sets it up; one effect per task."""

import os
import threading

import psycopg
from celery import Celery

app = Celery("bench", broker=os.environ.get("BENCH_REDIS", ""))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
_local = threading.local()


@app.task(name="bench")
def bench(number, key):
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_CONNINFO"], autocommit=True, prepare_threshold=0)
    _local.connection.execute("INSERT INTO outbox_app_effect (number, key) VALUES (%s, %s)", (number, key))
