"""Transactions per second that change a row and announce it."""

import asyncio
import json
import time

import harness
from django.db import connections, transaction
from dramatiq.brokers.redis import RedisBroker
from dramatiq.message import Message

from outbox_app.events import HappenedRow
from outbox_app.machine import KEYS, conninfo, empty, forked, payload
from outbox_app.models import Domain
from platform_outbox.bell import bell
from platform_outbox.outbox import emit

CLIENTS = 16
DOMAIN = "INSERT INTO outbox_app_domain (key, number, created_at) VALUES (%s, %s, now())"


def enqueue(seconds: float, extra, *, clients: int = 1) -> float:
    """Transactions per second of: a domain row by the ORM, and `extra(number)`; each client is a process."""
    empty()
    if clients == 1:
        return _client(seconds, extra)
    return sum(forked(clients, lambda index: _client(seconds, extra)))


def _client(seconds: float, extra) -> float:
    connections.close_all()
    number = 0
    with transaction.atomic():
        Domain.objects.create(key="first", number=0)
    started = time.perf_counter()
    while time.perf_counter() < started + seconds:
        with transaction.atomic():
            Domain.objects.create(key=f"k{number % KEYS}", number=number)
            extra(number)
        number += 1
    return number / (time.perf_counter() - started)


def nothing(number: int) -> None:
    pass


def emit_one(number: int) -> None:
    emit(HappenedRow(**payload(number)))


def emit_silently(number: int) -> None:
    bell.muted = True
    emit_one(number)


def unmuted(run):
    """The bell rings again after a run that muted it."""

    def loud() -> float:
        try:
            return run()
        finally:
            bell.muted = False

    return loud


def defer_one(number: int) -> None:
    from procrastinate.contrib.django import app

    app.configure_task("bench", queue="bench").defer(**payload(number))


def celery_sender(redis: str):
    from celery import Celery

    app = Celery("bench", broker=redis)

    def send(number: int) -> None:
        transaction.on_commit(lambda: app.send_task("bench", kwargs=payload(number), ignore_result=True))

    return send


def dramatiq_sender(redis: str):
    broker = RedisBroker(url=redis)
    broker.declare_queue("bench")

    def send(number: int) -> None:
        transaction.on_commit(lambda: broker.enqueue(Message("bench", "bench", (), payload(number), {})))

    return send


def hand_written(seconds: float) -> float:
    """The limit: psycopg, two prepared statements and a commit."""
    empty()
    with harness.raw_connection(autocommit=False) as raw:
        raw.prepare_threshold = 0
        number, started = 0, time.perf_counter()
        while time.perf_counter() < started + seconds:
            raw.execute(DOMAIN, (f"k{number % KEYS}", number))
            raw.execute("INSERT INTO bench_queue (key, payload) VALUES (%s, %s)", ("k", json.dumps(payload(number))))
            raw.commit()
            number += 1
        return number / (time.perf_counter() - started)


def pgqueuer(seconds: float) -> float:
    """It has no Django connector: a domain row by psycopg and a job in one asynchronous transaction."""
    import psycopg
    from pgqueuer import PsycopgDriver, Queries

    async def main() -> float:
        async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True, prepare_threshold=0) as raw:
            queries = Queries(PsycopgDriver(raw))
            number, started = 0, time.perf_counter()
            while time.perf_counter() < started + seconds:
                async with raw.transaction():
                    await raw.execute(DOMAIN, (f"k{number % KEYS}", number))
                    await queries.enqueue("bench", json.dumps(payload(number)).encode())
                number += 1
            return number / (time.perf_counter() - started)

    empty()
    return asyncio.run(main())
