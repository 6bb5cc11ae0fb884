"""Milliseconds from the commit of a change to its effect, at 50 changes a second."""

import contextlib
import datetime
import functools
import json
import statistics
import time

from django.db import transaction

from outbox_app.enqueueing import celery_sender, defer_one, dramatiq_sender, emit_one
from outbox_app.machine import KEYS, effects_done, empty, execute, go, payload, peer, redis_ringer, task_worker, workers
from outbox_app.models import Domain, Effect
from platform_outbox.wakeup.notifier import notifier

# For everybody: a worker of ours does its first periodic jobs about two seconds after its start, which takes imports.
WARM_UP_SECONDS = 3


class Latency:
    """Runs once per repetition and gives two figures."""

    def __init__(self, run) -> None:
        self.run = run
        self.last: list[float] = []

    def p50(self) -> float:
        self.last = self.run()
        return statistics.median(self.last)

    def p99(self) -> float:
        return p99(self.last)


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def paced(seconds: float, extra, *, first: int = 0) -> dict[int, float]:
    """50 transactions a second; number → when its commit had returned.

    Noted before anything else that waits for the commit: what is sent only then may be handled before its sender returns.
    """
    committed: dict[int, float] = {}

    def note(number: int) -> None:
        committed[number] = time.time()

    begin = time.perf_counter()
    for index in range(int(seconds * 50)):
        time.sleep(max(0.0, begin + index / 50 - time.perf_counter()))
        number = first + index
        with transaction.atomic():
            transaction.on_commit(functools.partial(note, number))
            Domain.objects.create(key=f"k{number % KEYS}", number=number)
            extra(number)
    return committed


def latencies(committed: dict[int, float]) -> list[float]:
    """Sorted milliseconds from the commit to the effect's insert; the first seconds warm up."""
    effects_done(len(committed), patience=60)
    # A peer may have handled one twice before it has handled the last.
    deadline = time.monotonic() + 60
    while len(effects_of(committed)) < len(committed):
        assert time.monotonic() < deadline, "not every change had its effect after 60 s"
        time.sleep(0.05)
    return of_effects(committed)


def effects_of(committed: dict[int, float]) -> dict[int, datetime.datetime]:
    return dict(Effect.objects.filter(number__in=list(committed)).values_list("number", "at"))


def of_effects(committed: dict[int, float]) -> list[float]:
    effects = effects_of(committed)
    warm = list(committed)[50 * WARM_UP_SECONDS :]
    # Not cut off at zero: a figure below it would say that it measures nothing.
    return sorted((effects[number].timestamp() - committed[number]) * 1000 for number in warm)


@contextlib.contextmanager
def rung_through(redis: str):
    notifier.senders = [redis_ringer(redis)] if redis else []
    try:
        yield
    finally:
        notifier.flush()
        notifier.senders = []


def ours(seconds: float, redis: str = "") -> list[float]:
    empty()
    with rung_through(redis), workers(1, redis=redis):
        return latencies(paced(seconds, emit_one))


def of_peer(name: str, seconds: float) -> list[float]:
    empty()
    with peer(name, "listen") as process:
        go(process)
        time.sleep(1)
        return latencies(paced(seconds, {"procrastinate": defer_one, "pgqueuer": pgqueuer_job}[name]))


def pgqueuer_job(number: int) -> None:
    """Its INSERT by hand, because it has no synchronous client; its trigger rings."""
    execute(
        "INSERT INTO pgqueuer (priority, entrypoint, payload, status, execute_after)"
        " VALUES (0, 'bench', %s, 'queued', now())",
        json.dumps(payload(number)).encode(),
    )


def of_tasks(name: str, seconds: float, redis: str) -> list[float]:
    empty()
    with task_worker(name, redis):
        send = {"celery": celery_sender, "dramatiq": dramatiq_sender}[name](redis)
        with transaction.atomic():
            send(-1)
        effects_done(1)
        Effect.objects.all().delete()
        return latencies(paced(seconds, send))
