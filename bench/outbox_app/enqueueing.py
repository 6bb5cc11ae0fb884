"""Transactions per second that change a row and announce it."""

import asyncio
import json
import time

import harness
from django.db import connection, connections, transaction
from dramatiq.brokers.redis import RedisBroker
from dramatiq.message import Message

from outbox_app.events import HappenedRow
from outbox_app.machine import KEYS, conninfo, empty, forked, payload
from outbox_app.models import Domain
from platform_outbox.emit import emit
from platform_outbox.wakeup.notifier import notifier

CLIENTS = 16
# Seconds.
TURN = 0.25
DOMAIN = "INSERT INTO outbox_app_domain (key, number, created_at) VALUES (%s, %s, now())"


class Turns:
    """Contenders that take turns of a quarter of a second, over the same connections: a noisy second hits all of them.

    Each transaction is a domain row by the ORM, and `extra(number)`; each client is a process. The first figure that is
    asked for in a repetition runs all.
    """

    def __init__(self, seconds: float, extras: dict, *, clients: int = 1) -> None:
        self.seconds, self.extras, self.clients = seconds, extras, clients
        self.rates: dict[str, float] = {}

    def runs(self) -> dict:
        return {name: lambda name=name: self._rate(name) for name in self.extras}

    def _rate(self, name: str) -> float:
        if name not in self.rates:
            self.rates = self._measured()
        return self.rates.pop(name)

    def _measured(self) -> dict[str, float]:
        empty()
        if self.clients == 1:
            return self._client(time.time())
        begin = time.time() + 1  # all connect first
        sums = forked(self.clients, lambda index: self._client(begin))
        return {name: sum(rates[name] for rates in sums) for name in self.extras}

    def _client(self, begin: float) -> dict[str, float]:
        connections.close_all()
        done, taken = dict.fromkeys(self.extras, 0), dict.fromkeys(self.extras, 0.0)
        _transactions(0.05, nothing, 0)
        time.sleep(max(0.0, begin - time.time()))
        for turn in range(int(self.seconds / TURN) * len(self.extras)):
            name = list(self.extras)[turn % len(self.extras)]
            notifier.muted = self.extras[name] is emit_silently
            # By the clock: all clients are at the same contender at the same time.
            left = begin + (turn + 1) * TURN - time.time()
            if left > 0:
                started = time.perf_counter()
                done[name] += _transactions(left, self.extras[name], sum(done.values()))
                taken[name] += time.perf_counter() - started
        notifier.muted = False
        return {name: done[name] / taken[name] for name in self.extras}


def _transactions(seconds: float, extra, first: int) -> int:
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        number = first + count
        with transaction.atomic():
            Domain.objects.create(key=f"k{number % KEYS}", number=number)
            extra(number)
        count += 1
    return count


def nothing(number: int) -> None:
    pass


def emit_one(number: int) -> None:
    emit(HappenedRow(**payload(number)))


def emit_silently(number: int) -> None:
    """With the bell muted."""
    emit_one(number)


def bare_row(number: int) -> None:
    """The least that an outbox in Django's transaction can cost: one INSERT into a bare table, as anybody would write it."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_queue (key, payload) VALUES (%s, %s)", ("k", json.dumps(payload(number))))


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
