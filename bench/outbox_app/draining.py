"""Events per second from a full queue to the last effect, and the CPU that they cost."""

import asyncio
import contextlib
import json
import os
import threading
import time

from django.db import transaction

from outbox_app.enqueueing import dramatiq_sender
from outbox_app.machine import (
    KEYS,
    Cpu,
    conninfo,
    effects_done,
    empty,
    execute,
    go,
    payload,
    peer,
    redis_ringer,
    shards_taken,
    task_worker,
    workers,
)
from outbox_app.models import Effect
from platform_outbox.emit import SHARDS, emit_many
from platform_outbox.models import OutboxMessage
from platform_outbox.wakeup.notifier import notifier

# In the order of the claim's index, for otherwise each look would read over all that is done, and count as our CPU time.
_OPEN = "SELECT 1 FROM platform_outbox WHERE status IN ('pending', 'failed') ORDER BY shard, id LIMIT 1"


class WithCpu:
    """A drain that is run once per repetition and gives three figures: its rate, its CPU seconds per 1,000 events, and
    the rate that the machine's processors would allow at this cost if none of them ever had to wait."""

    def __init__(self, run) -> None:
        self.run = run
        self.cpu = 0.0

    def rate(self) -> float:
        rate, self.cpu = self.run()
        return rate

    def cpu_per_thousand(self) -> float:
        return self.cpu

    def ceiling(self) -> float:
        return (os.cpu_count() or 1) * 1000 / self.cpu


def fill(event_class, count: int, *, keys: int = KEYS) -> None:
    notifier.muted = True
    for first in range(0, count, 1000):
        numbers = range(first, min(first + 1000, count))
        with transaction.atomic():
            emit_many([event_class(**payload(number, keys)) for number in numbers])
    notifier.muted = False
    execute("ANALYZE platform_outbox")


def ring_all() -> None:
    execute("SELECT pg_notify('platform_outbox', %s)", ",".join(map(str, range(SHARDS))))


def drain(
    event_class, count: int, *, processes: int = 1, lanes: int = 2, redis: str = "", keys: int = KEYS, dead: int = 0,
    clean: bool = True, **variables: str,
) -> tuple[float, float]:  # fmt: skip
    """Our workers, from the bell to the last commit; `dead` events are given up, and have no effect."""
    if clean:
        empty()
    fill(event_class, count, keys=keys)
    with contextlib.ExitStack() as stack:
        taken_by_others = stack.enter_context(contextlib.ExitStack())
        taken_by_others.enter_context(shards_taken())
        ours = stack.enter_context(
            workers(processes, redis=redis, lanes=lanes, WORKER_POLL_INTERVAL="600", **variables)
        )
        time.sleep(0.7)  # they look, and find every shard busy
        cpu, started = Cpu(*ours), time.perf_counter()
        taken_by_others.close()
        if redis:
            threading.Thread(target=redis_ringer(redis), args=(list(range(SHARDS)),)).start()
        else:
            ring_all()
        while execute(_OPEN):
            time.sleep(0.01)
        taken, used = time.perf_counter() - started, cpu.seconds()
    assert Effect.objects.count() == count - dead
    assert OutboxMessage.objects.filter(status="dead").count() == dead
    return count / taken, used / count * 1000


def inversions() -> int:
    """Effects that came before the effect of an older event of their key."""
    return execute(
        "SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY key ORDER BY id) AS early"
        " FROM outbox_app_effect) AS effects WHERE early"
    )[0][0]


def drain_peer(name: str, count: int, *, processes: int = 1) -> tuple[float, float]:
    empty()
    rows = [json.dumps(payload(number)) for number in range(count)]
    if name == "hand_written":
        execute("INSERT INTO bench_queue (key, payload) SELECT p ->> 'key', p FROM unnest(%s::jsonb[]) AS p", rows)
        execute("ANALYZE bench_queue")
    elif name == "procrastinate":
        from procrastinate.contrib.django import app

        task = app.configure_task("bench", queue="bench")
        for first in range(0, count, 1000):
            task.batch_defer(*[payload(number) for number in range(first, min(first + 1000, count))])
    else:
        pgqueuer_enqueue(rows)
    with contextlib.ExitStack() as stack:
        started_up = [stack.enter_context(peer(name, "drain")) for _ in range(processes)]
        cpu, started = Cpu(*started_up), time.perf_counter()
        for process in started_up:
            go(process)
        effects_done(count)
        return count / (time.perf_counter() - started), cpu.seconds() / count * 1000


def drain_tasks(name: str, count: int, redis: str) -> tuple[float, float]:
    """Celery or Dramatiq. They begin as soon as they are started: counted from the first effect to the last."""
    empty()
    if name == "celery":
        from celery import Celery

        app = Celery("bench", broker=redis)
        for number in range(count):
            app.send_task("bench", kwargs=payload(number), ignore_result=True)
    else:
        send = dramatiq_sender(redis)
        for number in range(count):
            send(number)
    with task_worker(name, redis) as process:
        effects_done(1)
        cpu, there = Cpu(process), Effect.objects.count()
        effects_done(count)
        used = cpu.seconds() / (count - there) * 1000
    seconds = execute("SELECT extract(epoch FROM max(at) - min(at))::float8 FROM outbox_app_effect")[0][0]
    return (count - 1) / seconds, used


def pgqueuer_do(work) -> None:
    import psycopg
    from pgqueuer import PsycopgDriver, Queries

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as raw:
            await work(Queries(PsycopgDriver(raw)))

    asyncio.run(main())


def pgqueuer_enqueue(rows: list[str]) -> None:
    async def enqueue_all(queries) -> None:
        for first in range(0, len(rows), 1000):
            part = [row.encode() for row in rows[first : first + 1000]]
            await queries.enqueue(["bench"] * len(part), part, [0] * len(part))

    pgqueuer_do(enqueue_all)
