"""The outbox against its peers and against a hand-written consumer, in one run on the same work.

python bench/outbox.py                       20,000 events a drain, three repetitions, half an hour
python bench/outbox.py --quick               3,000 events, one repetition, about three minutes
python bench/outbox.py --history 10000000    also a drain with that many handled events in the table
python bench/outbox.py --no-peers            without procrastinate, pgqueuer, Celery and Dramatiq
python bench/outbox.py --only "drain|CPU"    only figures with a match of this in their name

The peers live in an environment of their own (var/bench-venv), made from requirements/bench.txt at the first run.
"""

import argparse
import importlib.util
import os
import re
from pathlib import Path

import peers

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"


if __name__ == "__main__":
    peers.enter()

os.environ["DJANGO_SETTINGS_MODULE"] = "outbox_app.settings"
os.environ["PYTHONPATH"] = str(BENCH)

import harness  # noqa: E402
from django.db import connections  # noqa: E402
from outbox_app import draining, enqueueing, latency, trouble  # noqa: E402
from outbox_app.draining import WithCpu, drain, drain_peer, drain_tasks, inversions  # noqa: E402
from outbox_app.enqueueing import CLIENTS, Turns, emit_one, emit_silently  # noqa: E402
from outbox_app.events import HappenedPlainly, HappenedRow, HappenedSet, HappenedShakily, HappenedShakilyInSets  # noqa: E402
from outbox_app.latency import Latency  # noqa: E402
from outbox_app.machine import execute, redis_server  # noqa: E402

from platform_outbox.wakeup.notifier import notifier  # noqa: E402

PEERS = bool(importlib.util.find_spec("procrastinate"))
SCHEMA = """
    CREATE TABLE bench_queue (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, payload jsonb NOT NULL,
        status text NOT NULL DEFAULT 'pending', created_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz)
        WITH (fillfactor = 80);
    CREATE INDEX bench_queue_pending ON bench_queue (id) WHERE status = 'pending';
"""
# No number of workers can be faster here, unless an event comes to cost less.
CEILING = "ceiling: row-wise, all processors busy"
# One after the other, so that a figure that comes from the same run follows the one that ran.
Runs = dict[str, tuple[str, "object"]]


def enqueues(options, redis: str) -> Runs:
    seconds = options.seconds
    one = {
        "enqueue: domain row only": enqueueing.nothing,
        "enqueue: domain + emit": emit_one,
        "enqueue: domain + emit, no bell": emit_silently,
        "enqueue: domain + a bare row by Django's cursor": enqueueing.bare_row,
    }
    many = {
        f"enqueue, {CLIENTS} clients: domain + emit": emit_one,
        f"enqueue, {CLIENTS} clients: domain + emit, no bell": emit_silently,
    }
    if PEERS:
        one["enqueue: procrastinate (Django)"] = enqueueing.defer_one
    if PEERS and redis:
        one["enqueue: Celery on Redis, after the commit"] = enqueueing.celery_sender(redis)
        one["enqueue: Dramatiq on Redis, after the commit"] = enqueueing.dramatiq_sender(redis)
    runs = Turns(seconds, one).runs() | Turns(seconds, many, clients=CLIENTS).runs()
    runs["enqueue: hand-written"] = lambda: enqueueing.hand_written(seconds)
    if PEERS:
        runs["enqueue: pgqueuer (psycopg)"] = lambda: enqueueing.pgqueuer(seconds)
    return {name: ("tx/s", run) for name, run in runs.items()}


def with_cpu(runs: dict) -> Runs:
    figures: Runs = {}
    for name, run in runs.items():
        both = WithCpu(run)
        figures[f"drain: {name}"] = ("events/s", both.rate)
        figures[f"CPU: {name}"] = ("s/1,000", both.cpu_per_thousand)
        if name == "row-wise, 1 worker":
            figures[CEILING] = ("events/s", both.ceiling)
    return figures


def drains(options, redis: str) -> Runs:
    count = options.events
    runs = {
        "hand-written, batch 50": lambda: drain_peer("hand_written", count),
        "hand-written, 2 workers": lambda: drain_peer("hand_written", count, processes=2),
        "row-wise, 1 worker": lambda: drain(HappenedRow, count),
        "row-wise, 2 workers": lambda: drain(HappenedRow, count, processes=2),
        # Of one lane each: what a second process adds, without what a second lane had added before (docs/adr/0005).
        "row-wise, 1 worker of one lane": lambda: drain(HappenedRow, count, lanes=1),
        "row-wise, 2 workers of one lane": lambda: drain(HappenedRow, count, processes=2, lanes=1),
        "row-wise by SQL, 1 worker": lambda: drain(HappenedPlainly, count),
        "batch, 1 worker": lambda: drain(HappenedSet, count),
        "batch, 2 workers": lambda: drain(HappenedSet, count, processes=2),
        "row-wise, 1 in 1,000 fails": lambda: drain(
            HappenedShakily, count, dead=count // 1000, WORKER_MAX_ATTEMPTS="1"
        ),
        "batch, 1 in 1,000 fails": lambda: drain(
            HappenedShakilyInSets, count, dead=count // 1000, WORKER_MAX_ATTEMPTS="1"
        ),
    }
    if redis:
        runs["row-wise, through Dramatiq on Redis"] = lambda: drain(HappenedRow, count, redis=redis)
    if PEERS:
        runs["procrastinate"] = lambda: drain_peer("procrastinate", max(500, count // 15))
        runs["pgqueuer, batch 10"] = lambda: drain_peer("pgqueuer", count // 2)
    if PEERS and redis:
        runs["Celery on Redis, 2 processes"] = lambda: drain_tasks("celery", count // 5, redis)
        runs["Dramatiq on Redis, 8 threads"] = lambda: drain_tasks("dramatiq", count // 2, redis)
    return with_cpu(runs)


class Ordered:
    """Two workers, first with a key per event, then with twenty keys; the second figure counts broken orders."""

    def __init__(self, count: int) -> None:
        self.count = count

    def free(self) -> float:
        return drain(HappenedRow, self.count, processes=2, keys=self.count)[0]

    def hot(self) -> float:
        return drain(HappenedRow, self.count, processes=2, keys=20)[0]

    @staticmethod
    def broken() -> float:
        return float(inversions())


def orders(options) -> Runs:
    ordered = Ordered(options.events)
    return {
        "order, 2 workers: a key per event": ("events/s", ordered.free),
        "order, 2 workers: 20 hot keys": ("events/s", ordered.hot),
        "order, 2 workers: inversions": ("", ordered.broken),
    }


def latencies(options, redis: str) -> Runs:
    seconds = latency.WARM_UP_SECONDS + max(3.0, options.seconds * 2)
    runs = {"ours": lambda: latency.ours(seconds)}
    if redis:
        runs["ours, Redis"] = lambda: latency.ours(seconds, redis)
    if PEERS:
        runs["procrastinate"] = lambda: latency.of_peer("procrastinate", seconds)
        runs["pgqueuer"] = lambda: latency.of_peer("pgqueuer", seconds)
    if PEERS and redis:
        runs["Celery on Redis"] = lambda: latency.of_tasks("celery", seconds, redis)
        runs["Dramatiq on Redis"] = lambda: latency.of_tasks("dramatiq", seconds, redis)
    figures: Runs = {}
    for name, run in runs.items():
        both = Latency(run)
        figures[f"latency at 50/s: {name}, p50"] = ("ms", both.p50)
        figures[f"latency at 50/s: {name}, p99"] = ("ms", both.p99)
        if name == "ours":
            # Right after what it is compared with, in each repetition: both are slow when the machine is.
            figures["noisy tenant: p99 of the others"] = (
                "ms",
                lambda: trouble.noisy_tenant(options.events * 5, seconds),
            )
    return figures


class Snapshot:
    def __init__(self, count: int) -> None:
        self.count = count
        self.last = 0.0

    def first_claims(self) -> float:
        first, self.last = trouble.held_snapshot(self.count)
        return first

    def last_claims(self) -> float:
        return self.last


def troubles(options) -> Runs:
    """What is measured against itself and long; once is enough."""
    snapshot = Snapshot(options.events * 5)
    runs: Runs = {
        "held snapshot: claim, first tenth": ("ms", snapshot.first_claims),
        "held snapshot: claim, last tenth": ("ms", snapshot.last_claims),
        "SIGKILL: seconds beyond the work left": ("s", trouble.sigkill),
        "idle worker": ("cores", lambda: trouble.idle(options.seconds * 3)),
    }
    if options.history:
        runs["drain: over a long history"] = (
            "events/s", lambda: trouble.drain_over_history(options.history, options.events),
        )  # fmt: skip
    return runs


def claims(figures) -> list:
    ratio, limit, yardstick = harness.Ratio, harness.Limit, harness.Yardstick
    row, batch, hand = "drain: row-wise, 1 worker", "drain: batch, 1 worker", "drain: hand-written, batch 50"
    ours = "latency at 50/s: ours"
    wanted = [
        ratio("enqueue: domain + emit", "enqueue: domain row only", 0.70),
        yardstick("enqueue: domain + a bare row by Django's cursor", "enqueue: domain row only"),
        ratio("enqueue: domain + emit", "enqueue: procrastinate (Django)", 1.25),
        ratio("enqueue: domain + emit", "enqueue: domain + emit, no bell", 0.95),
        ratio(
            f"enqueue, {CLIENTS} clients: domain + emit", f"enqueue, {CLIENTS} clients: domain + emit, no bell", 0.95
        ),
        ratio(row, hand, 0.35),
        ratio(row, "drain: procrastinate", 6),
        ratio(row, "drain: pgqueuer, batch 10", 0.9),
        ratio(batch, hand, 1.0),
        ratio(batch, "drain: procrastinate", 20),
        ratio(batch, "drain: pgqueuer, batch 10", 2.5),
        ratio("drain: row-wise, 2 workers of one lane", "drain: row-wise, 1 worker of one lane", 1.7),
        yardstick("drain: row-wise, 2 workers", row),
        yardstick("drain: row-wise, 2 workers", CEILING),
        yardstick("drain: row-wise, 2 workers of one lane", "drain: row-wise, 2 workers"),
        yardstick("drain: hand-written, 2 workers", hand),
        ratio("drain: row-wise, through Dramatiq on Redis", row, 0.8),
        limit(f"{ours}, p50", 5),
        limit(f"{ours}, p99", 15),
        ratio(f"{ours}, p99", "latency at 50/s: procrastinate, p99", 1.5, at_most=True),
        limit(f"{ours}, Redis, p99", 50),
        # The peers' handlers write by plain SQL; most of the other handler's time is Django's ORM.
        ratio("CPU: row-wise by SQL, 1 worker", "CPU: procrastinate", 0.2, at_most=True),
        ratio("CPU: row-wise by SQL, 1 worker", "CPU: pgqueuer, batch 10", 0.8, at_most=True),
        yardstick("CPU: row-wise, 1 worker", "CPU: procrastinate"),
        yardstick("CPU: row-wise, 1 worker", "CPU: pgqueuer, batch 10"),
        limit("idle worker", 0.01),
        limit("order, 2 workers: inversions", 0),
        ratio("order, 2 workers: 20 hot keys", "order, 2 workers: a key per event", 0.8),
        ratio("held snapshot: claim, last tenth", "held snapshot: claim, first tenth", 2, at_most=True),
        ratio("drain: over a long history", row, 0.8),
        ratio("noisy tenant: p99 of the others", f"{ours}, p99", 3, at_most=True),
        ratio("drain: row-wise, 1 in 1,000 fails", row, 0.85),
        ratio("drain: batch, 1 in 1,000 fails", batch, 0.85),
        limit("SIGKILL: seconds beyond the work left", 2),
    ]
    return [claim for claim in wanted if claim.ours in figures and getattr(claim, "anchor", claim.ours) in figures]


def measure(options, redis: str) -> dict:
    repeated = enqueues(options, redis) | drains(options, redis) | orders(options) | latencies(options, redis)
    figures: dict = {}
    for runs, repetitions in ((repeated, options.repetitions), (troubles(options), 1)):
        chosen = {name: run for name, run in runs.items() if re.search(options.only, name)}
        figures |= harness.interleaved(chosen, repetitions=repetitions)
    return figures


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--history", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.seconds = 3.0
    if options.quick:
        options.events, options.seconds, options.repetitions = min(options.events, 3_000), 1.5, 1
    return options


def main() -> None:
    options = arguments()
    with harness.scratch_database(), redis_server() as redis:
        execute(SCHEMA)
        if PEERS:
            draining.pgqueuer_do(lambda queries: queries.install())
        try:
            figures = measure(options, redis)
            harness.report(title="outbox", figures=figures, ratios=claims(figures))
        finally:
            notifier.flush()
            notifier.hang_up()
            connections.close_all()


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
