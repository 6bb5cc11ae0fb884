"""What the outbox's benchmarks stand on: the scratch database, worker processes, peers, Redis and the CPU clock."""

import ast
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import harness
from django.db import connection, connections
from dramatiq.brokers.redis import RedisBroker
from dramatiq.message import Message

from outbox_app.models import Effect
from platform_outbox.emit import SHARDS
from platform_outbox.models import Worker
from platform_outbox.processing.claim import LOCK_CLASS

BENCH = Path(__file__).resolve().parent.parent
KEYS = 500
TICKS = os.sysconf("SC_CLK_TCK")
_TABLES = """
    SELECT string_agg(format('%I', relname), ', ') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname ~ '^(platform_|outbox_app_|bench_|procrastinate_jobs|pgqueuer$|pgqueuer_log$)'
"""


def execute(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def conninfo() -> str:
    settings = connection.settings_dict
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return " ".join(f"{name}={settings[key]}" for name, key in parts.items() if settings[key])


def database_url() -> str:
    settings = connection.settings_dict
    password = f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else ""
    query = "&".join(
        f"{name.lower()}={quote(str(settings[name]), safe='')}" for name in ("HOST", "PORT") if settings[name]
    )
    return f"postgresql://{quote(settings['USER'])}{password}@/{settings['NAME']}?{query}"


def empty() -> None:
    execute(f"TRUNCATE {execute(_TABLES)[0][0]} RESTART IDENTITY CASCADE")
    execute("CHECKPOINT")


def payload(number: int, keys: int = KEYS) -> dict[str, object]:
    return {"number": number, "key": f"k{number % keys}"}


# --- our workers -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def workers(count: int, *, redis: str = "", lanes: int = 2, **variables: str):
    """Our worker processes, ready and idle, each with that many threads (by default as many as the command)."""
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "RABBITMQ_URL")}
    environment |= {"DATABASE_URL": database_url(), "REDIS_URL": redis, "WORKER_LOGLEVEL": "ERROR", **variables}
    command = [sys.executable, "manage.py", "outbox_worker", "--threads", str(lanes)]
    processes = [subprocess.Popen(command, cwd=harness.ROOT, env=environment) for _ in range(count)]
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
def shards_taken():
    """Nobody can claim anything during the block: workers see a backlog as if others had all its shards."""
    with harness.raw_connection(autocommit=True) as holder:
        holder.execute(
            "SELECT pg_advisory_lock(%s, shard) FROM generate_series(0, %s) AS s (shard)", (LOCK_CLASS, SHARDS - 1)
        )
        yield


def redis_ringer(url: str):
    broker = RedisBroker(url=url, middleware=[])
    broker.declare_queue("outbox")

    def ring(shards: list[int]) -> None:
        for shard in shards:
            broker.enqueue(Message("outbox", "platform_outbox.drain", (shard,), {}, {}))

    return ring


# --- peers -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def peer(name: str, mode: str):
    """A peer's process that has connected and waits; start it with `go`."""
    command = [sys.executable, BENCH / "outbox_app" / "peers.py", name, conninfo(), mode]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "ready"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def go(process: subprocess.Popen) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


@contextlib.contextmanager
def task_worker(name: str, redis: str):
    """A worker of "celery" or "dramatiq" as its own command starts it."""
    programs = Path(sys.executable).parent
    commands = {
        "celery": ["celery", "-A", "outbox_app.celery_peer", "worker", "--loglevel=ERROR", "--concurrency=2"],
        "dramatiq": ["dramatiq", "outbox_app.dramatiq_peer", "--processes=1", "--threads=8"],
    }
    # Without Django's settings: Celery would load the whole project.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"BENCH_CONNINFO": conninfo(), "BENCH_REDIS": redis}
    process = subprocess.Popen(
        [programs / commands[name][0], *commands[name][1:]],
        cwd=BENCH, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def redis_server():
    """URL of a temporary redis-server, or "" where the program is missing."""
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


# --- clocks ----------------------------------------------------------------------------------------------------------


class Cpu:
    """CPU seconds of some processes with their children, and of the whole database server, since it was made."""

    def __init__(self, *processes: subprocess.Popen) -> None:
        self.roots = [process.pid for process in processes]
        backend = execute("SELECT pg_backend_pid()")[0][0]
        with contextlib.suppress(OSError):  # a server on another machine, or no /proc
            self.roots.append(_stat(backend)[1])
        self.before = self._total()

    def seconds(self) -> float:
        return self._total() - self.before

    def _total(self) -> float:
        parents, used = {}, {}
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                pid, parent, ticks = _stat(int(directory.name))
                parents[pid], used[pid] = parent, ticks
        return sum(ticks for pid, ticks in used.items() if self._belongs(pid, parents)) / TICKS

    def _belongs(self, pid: int, parents: dict[int, int]) -> bool:
        while pid and pid not in self.roots:
            pid = parents.get(pid, 0)
        return bool(pid)


def _stat(pid: int) -> tuple[int, int, int]:
    """Number, parent's number, and CPU ticks including children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return pid, int(fields[1]), sum(int(field) for field in fields[11:15])


def effects_done(count: int, *, patience: float = 120.0) -> None:
    """Wait until that many effects are there."""
    deadline = time.monotonic() + patience
    # Counting reads the whole table and slows down the writers: not before that many ids have been drawn.
    newest = "SELECT coalesce(max(id), 0) FROM outbox_app_effect"
    while (there := execute(newest)[0][0]) < count or (there := Effect.objects.count()) < count:
        assert time.monotonic() < deadline, f"{there} of {count} effects after {patience:.0f} s"
        time.sleep(0.01)


def forked(count: int, work) -> list:
    """The results of `work(index)`, numbers or dictionaries of them, in that many processes at the same time."""
    connections.close_all()
    ends = []
    for index in range(count):
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            code = 1
            try:
                os.write(write, repr(work(index)).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        ends.append(read)
    results = []
    for read in ends:
        with os.fdopen(read, "rb") as pipe:
            results.append(ast.literal_eval(pipe.read().decode()))
    for _ in ends:
        os.wait()
    return results
