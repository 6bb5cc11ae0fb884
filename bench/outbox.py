"""The outbox against a hand-written consumer, procrastinate and pgqueuer in the same run.

python bench/outbox.py            20,000 events a drain, three repetitions, some minutes
python bench/outbox.py --quick    3,000 events, under two minutes
python bench/outbox.py --no-peers without procrastinate and pgqueuer

The peers live in an environment of their own (var/bench-venv), made from requirements/bench.txt at the first run.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
ENVIRONMENT = ROOT / "var" / "bench-venv"


def with_peers() -> None:
    """Start over under an interpreter that has the peers; go on without them if they cannot be installed."""
    if importlib.util.find_spec("procrastinate") or "--no-peers" in sys.argv:
        return
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        uv = ROOT / ".venv" / "bin" / "uv"
        try:
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, ENVIRONMENT], check=True)
            subprocess.run(
                [uv, "pip", "install", "-q", "--python", python, "-r", ROOT / "requirements" / "bench.txt"], check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            print(f"The peers cannot be installed, measuring without them: {error}")
            return
    os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    with_peers()

import harness  # noqa: E402

os.environ["DJANGO_SETTINGS_MODULE"] = "outbox_app.settings"
os.environ["PYTHONPATH"] = str(BENCH)
harness.set_up_django()

from django.db import connection, connections, transaction  # noqa: E402
from dramatiq.brokers.redis import RedisBroker  # noqa: E402
from dramatiq.message import Message  # noqa: E402
from outbox_app.events import HappenedRow, HappenedSet  # noqa: E402
from outbox_app.models import Domain, Effect  # noqa: E402

from platform_outbox.bell import bell  # noqa: E402
from platform_outbox.models import OutboxMessage, Worker  # noqa: E402
from platform_outbox.outbox import SHARDS, emit, emit_many  # noqa: E402

KEYS = 500
PEERS = bool(importlib.util.find_spec("procrastinate"))
SCHEMA = """
    CREATE TABLE bench_queue (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, payload jsonb NOT NULL,
        status text NOT NULL DEFAULT 'pending', created_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz)
        WITH (fillfactor = 80);
    CREATE INDEX bench_queue_pending ON bench_queue (id) WHERE status = 'pending';
"""


def execute(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def conninfo() -> str:
    settings = connection.settings_dict
    parts = {
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
        "host": settings["HOST"],
        "port": settings["PORT"],
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def database_url() -> str:
    settings = connection.settings_dict
    password = f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else ""
    query = "&".join(
        f"{name.lower()}={quote(str(settings[name]), safe='')}" for name in ("HOST", "PORT") if settings[name]
    )
    return f"postgresql://{quote(settings['USER'])}{password}@/{settings['NAME']}?{query}"


def empty() -> None:
    tables = ["platform_outbox", "platform_outbox_delivery", "platform_outbox_attempt", "platform_worker"]
    tables += ["outbox_app_domain", "outbox_app_effect", "bench_queue"]
    if PEERS:
        tables += ["procrastinate_jobs", "pgqueuer", "pgqueuer_log"]
    execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    execute("CHECKPOINT")


@contextlib.contextmanager
def workers(count: int, *, redis: str = "", **variables: str):
    """Our worker processes, ready and idle."""
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "RABBITMQ_URL")}
    environment |= {"DATABASE_URL": database_url(), "REDIS_URL": redis, "WORKER_LOGLEVEL": "WARNING", **variables}
    command = [sys.executable, "manage.py", "outbox_worker"]
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]
    try:
        while Worker.objects.count() < count:
            assert all(process.poll() is None for process in processes)
            time.sleep(0.05)
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


@contextlib.contextmanager
def peer(name: str, mode: str):
    """A peer's process, ready to start at a line on its standard input."""
    process = subprocess.Popen(
        [sys.executable, BENCH / "outbox_app" / "peers.py", name, conninfo(), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "ready"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def start(process: subprocess.Popen) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


@contextlib.contextmanager
def redis_server():
    """URL of a throw-away redis-server, or "" where the program is missing."""
    program = shutil.which("redis-server")
    if not program:
        yield ""
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


def redis_ringer(url: str):
    broker = RedisBroker(url=url, middleware=[])
    broker.declare_queue("outbox")

    def ring(shards: list[int]) -> None:
        for shard in shards:
            broker.enqueue(Message("outbox", "platform_outbox.drain", (shard,), {}, {}))

    return ring


# --- enqueue ---------------------------------------------------------------------------------------------------------


def enqueue(seconds: float, extra) -> float:
    """Transactions per second of: a domain row by the ORM, and `extra(number)`."""
    empty()
    number, end = 0, time.perf_counter() + seconds
    started = time.perf_counter()
    while time.perf_counter() < end:
        with transaction.atomic():
            Domain.objects.create(key=f"k{number % KEYS}", number=number)
            extra(number)
        number += 1
    return number / (time.perf_counter() - started)


def emit_one(number: int) -> None:
    emit(HappenedRow(key=f"k{number % KEYS}", number=number))


def defer_one(number: int) -> None:
    from procrastinate.contrib.django import app

    app.configure_task("bench", queue="bench").defer(number=number, key=f"k{number % KEYS}")


def silently(run):
    def silent() -> float:
        bell.muted = True
        try:
            return run()
        finally:
            bell.muted = False

    return silent


# --- drain -----------------------------------------------------------------------------------------------------------


def fill(event_class, count: int) -> None:
    empty()
    bell.muted = True
    for first in range(0, count, 1000):
        numbers = range(first, min(first + 1000, count))
        with transaction.atomic():
            emit_many([event_class(key=f"k{number % KEYS}", number=number) for number in numbers])
    bell.muted = False
    execute("ANALYZE platform_outbox")


def drain(event_class, count: int, *, processes: int, redis: str = "", notify: bool = True) -> float:
    """Events per second of our workers, from the bell to the last commit."""
    # The backlog is put in place before the workers look, out of their sight until the bell: it is not due yet.
    fill(event_class, count)
    execute("UPDATE platform_outbox SET status = 'sending'")
    execute("VACUUM platform_outbox")
    with workers(processes, redis=redis, WORKER_POLL_INTERVAL="600"):
        time.sleep(0.5)
        execute("UPDATE platform_outbox SET status = 'pending'")
        started = time.perf_counter()
        if notify:
            execute("SELECT pg_notify('platform_outbox', %s)", ",".join(map(str, range(SHARDS))))
        if redis:
            threading.Thread(target=redis_ringer(redis), args=(list(range(SHARDS)),)).start()
        while execute("SELECT 1 FROM platform_outbox WHERE status = 'pending' LIMIT 1"):
            time.sleep(0.01)
        taken = time.perf_counter() - started
    assert Effect.objects.count() == count
    assert OutboxMessage.objects.filter(status="sent").count() == count
    return count / taken


def drain_peer(name: str, count: int) -> float:
    empty()
    rows = [json.dumps({"number": number, "key": f"k{number % KEYS}"}) for number in range(count)]
    if name == "hand_written":
        execute("INSERT INTO bench_queue (key, payload) SELECT p ->> 'key', p FROM unnest(%s::jsonb[]) AS p", rows)
    elif name == "procrastinate":
        from procrastinate.contrib.django import app

        task = app.configure_task("bench", queue="bench")
        for first in range(0, count, 1000):
            task.batch_defer(*[json.loads(row) for row in rows[first : first + 1000]])
    else:
        pgqueuer_enqueue(rows)
    with peer(name, "drain") as process:
        started = time.perf_counter()
        start(process)
        while Effect.objects.count() < count:
            assert process.poll() in (None, 0)
            time.sleep(0.01)
        return count / (time.perf_counter() - started)


def pgqueuer_do(work) -> None:
    import asyncio

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


# --- latency ---------------------------------------------------------------------------------------------------------


def paced(seconds: float, extra) -> dict[int, float]:
    """50 transactions a second; number → when its commit had returned."""
    committed = {}
    begin = time.perf_counter()
    for number in range(int(seconds * 50)):
        time.sleep(max(0.0, begin + number / 50 - time.perf_counter()))
        with transaction.atomic():
            Domain.objects.create(key=f"k{number % KEYS}", number=number)
            extra(number)
        committed[number] = time.time()
    return committed


def latencies(committed: dict[int, float]) -> list[float]:
    """Sorted milliseconds from the commit to the effect's insert; the first second warms up."""
    deadline = time.perf_counter() + 20
    while Effect.objects.count() < len(committed) and time.perf_counter() < deadline:
        time.sleep(0.05)
    effects = dict(Effect.objects.values_list("number", "at"))
    return sorted(max(0.0, effects[n].timestamp() - at) * 1000 for n, at in committed.items() if n >= 50)


class Latency:
    """Runs once per repetition and gives two figures."""

    def __init__(self, run) -> None:
        self.run = run
        self.last: list[float] = []

    def p50(self) -> float:
        self.last = self.run()
        return statistics.median(self.last)

    def p99(self) -> float:
        return self.last[int(len(self.last) * 0.99)]


def our_latency(seconds: float, redis: str = "") -> list[float]:
    empty()
    bell.ringers = [redis_ringer(redis)] if redis else []
    try:
        with workers(1, redis=redis):
            return latencies(paced(seconds, emit_one))
    finally:
        bell.ringers = []


def procrastinate_latency(seconds: float) -> list[float]:
    empty()
    with peer("procrastinate", "listen") as process:
        start(process)
        time.sleep(1)
        return latencies(paced(seconds, defer_one))


# --- the run ---------------------------------------------------------------------------------------------------------


def contenders(options, redis: str) -> dict:
    count, seconds = options.events, options.seconds
    procrastinate_latencies = Latency(lambda: procrastinate_latency(seconds * 2))
    ours, through_redis = Latency(lambda: our_latency(seconds * 2)), Latency(lambda: our_latency(seconds * 2, redis))
    runs = {
        "enqueue: domain row only": ("tx/s", lambda: enqueue(seconds, lambda number: None)),
        "enqueue: domain + emit": ("tx/s", lambda: enqueue(seconds, emit_one)),
        "enqueue: domain + emit, no bell": ("tx/s", silently(lambda: enqueue(seconds, emit_one))),
        "drain: hand-written, batch 50": ("events/s", lambda: drain_peer("hand_written", count)),
        "drain: row-wise, 1 worker": ("events/s", lambda: drain(HappenedRow, count, processes=1)),
        "drain: row-wise, 2 workers": ("events/s", lambda: drain(HappenedRow, count, processes=2)),
        "drain: batch, 1 worker": ("events/s", lambda: drain(HappenedSet, count, processes=1)),
        "drain: batch, 2 workers": ("events/s", lambda: drain(HappenedSet, count, processes=2)),
        "latency at 50/s: p50": ("ms", ours.p50),
        "latency at 50/s: p99": ("ms", ours.p99),
    }
    if redis:
        runs |= {
            "drain: row-wise, through Dramatiq on Redis": (
                "events/s",
                lambda: drain(HappenedRow, count, processes=1, redis=redis, notify=False),
            ),
            "latency at 50/s through Redis: p50": ("ms", through_redis.p50),
            "latency at 50/s through Redis: p99": ("ms", through_redis.p99),
        }
    if PEERS:
        runs |= {
            "enqueue: domain + procrastinate (Django)": ("tx/s", lambda: enqueue(seconds, defer_one)),
            "drain: procrastinate": ("events/s", lambda: drain_peer("procrastinate", max(500, count // 10))),
            "drain: pgqueuer, batch 10": ("events/s", lambda: drain_peer("pgqueuer", count // 2)),
            "latency at 50/s, procrastinate: p50": ("ms", procrastinate_latencies.p50),
            "latency at 50/s, procrastinate: p99": ("ms", procrastinate_latencies.p99),
        }
    return runs


def claims(figures) -> list[harness.Ratio]:
    wanted = [
        harness.Ratio("enqueue: domain + emit", "enqueue: domain row only", 0.70),
        harness.Ratio("enqueue: domain + emit", "enqueue: domain + emit, no bell", 0.95),
        harness.Ratio("enqueue: domain + emit", "enqueue: domain + procrastinate (Django)", 1.25),
        harness.Ratio("drain: row-wise, 1 worker", "drain: hand-written, batch 50", 0.35),
        harness.Ratio("drain: row-wise, 1 worker", "drain: procrastinate", 6),
        harness.Ratio("drain: row-wise, 1 worker", "drain: pgqueuer, batch 10", 0.9),
        harness.Ratio("drain: batch, 1 worker", "drain: hand-written, batch 50", 1.0),
        harness.Ratio("drain: batch, 1 worker", "drain: procrastinate", 20),
        harness.Ratio("drain: batch, 1 worker", "drain: pgqueuer, batch 10", 2.5),
        harness.Ratio("drain: row-wise, 2 workers", "drain: row-wise, 1 worker", 1.7),
        harness.Ratio("drain: row-wise, through Dramatiq on Redis", "drain: row-wise, 1 worker", 0.8),
        harness.Ratio("latency at 50/s: p99", "latency at 50/s, procrastinate: p99", 1.5, at_most=True),
    ]
    return [ratio for ratio in wanted if ratio.ours in figures and ratio.anchor in figures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    options.seconds = 5.0
    if options.quick:
        options.events, options.seconds, options.repetitions = min(options.events, 3_000), 1.5, 1
    with harness.scratch_database(), redis_server() as redis:
        execute(SCHEMA)
        if PEERS:
            pgqueuer_do(lambda queries: queries.install())
        try:
            figures = harness.interleaved(contenders(options, redis), repetitions=options.repetitions)
            harness.report(title="outbox", figures=figures, ratios=claims(figures))
        finally:
            bell.flush()
            bell.hang_up()
            connections.close_all()
    limits = {"latency at 50/s: p50": 5, "latency at 50/s: p99": 15, "latency at 50/s through Redis: p99": 50}
    for name, limit in limits.items():
        if name in figures:
            print(
                f"{name}: {figures[name].median:.1f} ms (target ≤ {limit}) {'met' if figures[name].median <= limit else 'MISSED'}"
            )


if __name__ == "__main__":
    main()
