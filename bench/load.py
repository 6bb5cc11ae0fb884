"""A mixed load on gunicorn and a worker, as households make it: 70 % reads, 25 % postings, 5 % imports.

python bench/load.py                        ten minutes
python bench/load.py --minutes 1            shorter
python bench/load.py --faults               Redis flushed, web and worker replaced, PostgreSQL restarted on the way

Every answer is counted; what fails is tried again under the same Idempotency-Key, as a client should. In the end each
acknowledged entry must be in the books exactly once, and the books must be sound. With faults everything runs on a
PostgreSQL and a Redis of its own, and the time in which requests failed is told for each fault.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import harness
import redis
from django.db import connection, connections
from rest_framework_simplejwt.tokens import AccessToken

from finance.ledger import services
from finance.ledger.integrity import verify_ledger
from finance.ledger.posting import EntryDraft, LineDraft
from finance.models import Account, JournalEntry
from identity.models import User
from lifeos_project.tests import own_postgres
from lifeos_project.tests.services import free_port, listens, redis_server, wait_until

HOUSEHOLDS = 40
CLIENTS = 8
FIRST_DAY = datetime.date(2025, 1, 1)
BARE_SECONDS = 10
ROWS_OF_A_FILE = 20
TRIES = 40


@dataclass
class Household:
    """A book with a year of entries, and what a client needs to use it."""

    book_id: int
    checking: int
    groceries: int
    token: str


@dataclass
class Tally:
    """What the clients have seen: seconds by kind of request, failures by kind, and the entries that were acknowledged."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failed_at: list[float] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    rows: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def make_household(number: int) -> Household:
    owner = User.objects.create_user(f"load{number}@example.org", None)
    book = services.create_book(owner=owner, name="Load", base_currency="EUR", time_zone="Europe/Berlin")
    checking = Account.objects.get(book=book, name="Checking account").pk
    groceries = Account.objects.get(book=book, name="Groceries").pk
    chance = random.Random(number)
    drafts = [
        EntryDraft(
            date=FIRST_DAY + datetime.timedelta(days=chance.randrange(365)),
            payee=f"Shop {chance.randrange(40)}",
            lines=[
                LineDraft(account_id=groceries, amount=amount),
                LineDraft(account_id=checking, amount=-amount),
            ],
        )
        for amount in (chance.randrange(100, 20_000) for _ in range(1_000))
    ]
    services.post_entries(book=book, actor=owner, drafts=drafts, source="import")
    token = AccessToken.for_user(owner)
    token.set_exp(lifetime=datetime.timedelta(hours=3))
    return Household(book.pk, checking, groceries, str(token))


class Client:
    """One connection that is kept, as a browser or a program keeps it."""

    def __init__(self, port: int, tally: Tally, seed: int) -> None:
        self.port = port
        self.tally = tally
        self.chance = random.Random(seed)
        self.connection: http.client.HTTPConnection | None = None

    def run(self, households: list[Household], until: float) -> None:
        while time.monotonic() < until:
            home = self.chance.choice(households)
            dice = self.chance.random()
            if dice < 0.70:
                self.read(home)
            elif dice < 0.95:
                self.post(home)
            else:
                self.bring_in(home)

    def read(self, home: Household) -> None:
        base = f"/api/v1/books/{home.book_id}/"
        name, path = self.chance.choice(
            [
                ("balances", f"{base}balances/"),
                ("register", f"{base}accounts/{home.checking}/register/"),
                ("entries", f"{base}entries/"),
                ("trial balance", f"{base}trial-balance/?as_of=2025-06-30"),
                ("insights", f"{base}insights/"),
            ]
        )
        self.ask(name, "GET", path, home)

    def post(self, home: Household) -> None:
        amount = self.chance.randrange(100, 20_000)
        body = {
            "date": (FIRST_DAY + datetime.timedelta(days=self.chance.randrange(365))).isoformat(),
            "payee": f"Shop {self.chance.randrange(40)}",
            "lines": [
                {"account": home.groceries, "amount": f"{amount / 100:.2f}"},
                {"account": home.checking, "amount": f"-{amount / 100:.2f}"},
            ],
        }
        answer = self.ask("posting", "POST", f"/api/v1/books/{home.book_id}/entries/", home, body=body)
        with self.tally.lock:
            self.tally.entries.append(answer["uid"])

    def bring_in(self, home: Household) -> None:
        """Upload a small bank file and confirm it."""
        boundary = uuid.uuid4().hex
        mark = uuid.uuid4().hex[:12]
        rows = "".join(f"2026-02-{1 + n:02},Shop {mark} {n},-{n + 1}.00\n" for n in range(ROWS_OF_A_FILE))
        parts = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="account"\r\n\r\n{home.checking}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{mark}.csv"\r\n'
            f"Content-Type: text/csv\r\n\r\nDate,Payee,Amount\n{rows}\r\n--{boundary}--\r\n"
        )
        path = f"/api/v1/books/{home.book_id}/imports/"
        staged = self.ask("upload", "POST", path, home, raw=parts, kind=f"multipart/form-data; boundary={boundary}")
        self.ask("confirm", "POST", f"{path}{staged['id']}/confirm/", home, body={})
        with self.tally.lock:
            self.tally.rows += ROWS_OF_A_FILE

    def ask(self, name, method, path, home, *, body=None, raw=None, kind="application/json"):
        """The answer's JSON; tried again, under the same key, until it is a success."""
        headers = {"Authorization": f"Bearer {home.token}", "Content-Type": kind, "Idempotency-Key": uuid.uuid4().hex}
        payload = raw if raw is not None else json.dumps(body) if body is not None else None
        for attempt in range(TRIES):
            started = time.monotonic()
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                self.connection.request(method, path, payload, headers)
                answer = self.connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed(f"{name}: {type(error).__name__}")
                self.connection = None
            else:
                if answer.status < 300:
                    with self.tally.lock:
                        self.tally.seconds[name].append(time.monotonic() - started)
                    return json.loads(text)
                self.failed(f"{name}: {answer.status}")
                if answer.status < 500 and answer.status != 429:
                    raise SystemExit(f"{method} {path} answered {answer.status}: {text[:300]!r}")
            time.sleep(0.25 + 0.01 * attempt)
        raise SystemExit(f"{method} {path} did not succeed in {TRIES} tries.")

    def failed(self, what: str) -> None:
        with self.tally.lock:
            self.tally.failures[what] += 1
            self.tally.failed_at.append(time.monotonic())


def environment(port: int, directory: Path, redis_url: str) -> dict[str, str]:
    settings = connection.settings_dict
    where = {"host": settings["HOST"] or "", "port": settings["PORT"] or "", "user": settings["USER"] or ""}
    query = urllib.parse.urlencode({name: value for name, value in where.items() if value})
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "load_app.settings",
        "PYTHONPATH": str(harness.ROOT / "bench"),
        "DATABASE_URL": f"postgresql:///{settings['NAME']}?{query}",
        "POSTGRES_PASSWORD": settings["PASSWORD"] or "",
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "GUNICORN_LOGLEVEL": "error",
        "WORKER_LOGLEVEL": "ERROR",
        "BACKUP_NIGHTLY": "false",
        "PROMETHEUS_MULTIPROC_DIR": str(directory),
        **({"REDIS_URL": redis_url} if redis_url else {}),
    }


class Installation:
    """A gunicorn and a worker, as they are started everywhere."""

    def __init__(self, port: int, variables: dict[str, str]) -> None:
        self.port = port
        self.variables = variables
        self.web = self._start("-m", "gunicorn", "-c", "compose/gunicorn.conf.py")
        self.worker = self._start("manage.py", "outbox_worker")
        wait_until(lambda: listens(port), seconds=60, what="gunicorn")

    def replace(self) -> None:
        """What a rolling deploy does to them: web processes one after the other, then another worker."""
        self.web.send_signal(signal.SIGHUP)
        self.worker.terminate()
        self.worker.wait(60)
        self.worker = self._start("manage.py", "outbox_worker")

    def memory(self) -> float:
        return memory_of(self.web) + memory_of(self.worker)

    def stop(self) -> None:
        for process in (self.web, self.worker):
            process.send_signal(signal.SIGTERM)
        for process in (self.web, self.worker):
            process.wait(60)

    def _start(self, *command: str) -> subprocess.Popen:
        with (harness.ROOT / "var" / "load.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *command], cwd=harness.ROOT, env=self.variables, stdout=log, stderr=log
            )


@contextlib.contextmanager
def own_servers() -> Iterator[tuple[own_postgres.Server, str]]:
    """A PostgreSQL and a Redis that may be broken; Django's connection leads to that PostgreSQL meanwhile."""
    # Not below the checkout: the server's user must be able to pass.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        server = own_postgres.Server(Path(directory))
        before = dict(connection.settings_dict)
        connection.settings_dict.update(server.address)
        try:
            with redis_server(Path(directory)) as url:
                yield server, url
        finally:
            connections.close_all()
            connection.settings_dict.update(before)
            server.cluster.leave()


@dataclass
class Fault:
    """Something that is done on the way, at a part of the whole time."""

    name: str
    part: float
    do: Callable[[], object]
    began: float = 0.0

    def strike(self) -> None:
        self.began = time.monotonic()
        self.do()


def faults_of(installation: Installation, server: own_postgres.Server, redis_url: str) -> list[Fault]:
    def restart_postgresql() -> None:
        server.stop()
        server.start()

    return [
        Fault("Redis flushed", 0.2, redis.Redis.from_url(redis_url).flushall),
        Fault("web and worker replaced", 0.4, installation.replace),
        Fault("PostgreSQL restarted", 0.7, restart_postgresql),
    ]


def memory_of(process: subprocess.Popen) -> float:
    """Resident megabytes of the process and its children; Linux only."""
    pids = [process.pid, *map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids if Path(f"/proc/{pid}").exists())
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def bare_rate(port: int, households: list[Household]) -> float:
    """Requests a second of the bare view, by as many clients."""
    tally, until = Tally(), time.monotonic() + BARE_SECONDS

    def work(seed: int) -> None:
        client, home = Client(port, tally, seed), households[seed % len(households)]
        while time.monotonic() < until:
            client.ask("bare", "GET", "/bare/", home)

    in_threads(work)
    return len(tally.seconds["bare"]) / BARE_SECONDS


def in_threads(work) -> None:
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(tally: Tally, minutes: float, bare: float, memory: list[float], faults: list[Fault]) -> bool:
    total = sum(len(values) for values in tally.seconds.values())
    print(f"\n{'request':<16}{'count':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name, values in sorted(tally.seconds.items()):
        cuts = (
            [1000 * cut for cut in statistics.quantiles(values, n=100)] if len(values) > 1 else [1000 * values[0]] * 99
        )
        print(f"{name:<16}{len(values):>8}{cuts[49]:>9.1f}{cuts[94]:>9.1f}{cuts[98]:>9.1f}")
    print(
        f"\n{total / minutes / 60:.0f} requests/s; the bare view alone {bare:.0f}/s: {total / minutes / 60 / bare:.2f} of it"
    )
    print(f"memory of web and worker, MB: {', '.join(f'{value:.0f}' for value in memory)}")
    print(f"failures: {dict(tally.failures) or 'none'}")
    ends = [*(fault.began for fault in faults[1:]), float("inf")][: len(faults)]
    for fault, end in zip(faults, ends, strict=True):
        failed = [moment - fault.began for moment in tally.failed_at if fault.began <= moment < end]
        told = (
            f"{len(failed)} failures, from {min(failed):.1f} to {max(failed):.1f} s after" if failed else "no failure"
        )
        print(f"{fault.name}: {told}")
    return proven(tally)


def proven(tally: Tally) -> bool:
    """Each acknowledged entry is there exactly once, nothing else is, and the books are sound."""
    acknowledged = set(tally.entries)
    there = JournalEntry.objects.filter(uid__in=acknowledged).count()
    manual = JournalEntry.objects.filter(source="api").count()
    imported = JournalEntry.objects.filter(source="import", date__year=2026).count()
    sound = verify_ledger(now=datetime.datetime.now(datetime.UTC)).sound
    print(
        f"entries acknowledged {len(acknowledged)}, there {there}, posted in all {manual}; rows imported {tally.rows}, there {imported}"
    )
    print(f"books sound: {sound}")
    return sound and there == len(acknowledged) == manual and imported == tally.rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        server, redis_url = stack.enter_context(own_servers()) if options.faults else (None, "")
        stack.enter_context(harness.scratch_database())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        households = [make_household(number) for number in range(HOUSEHOLDS)]
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        port = free_port()
        installation = Installation(port, environment(port, directory, redis_url))
        try:
            faults = faults_of(installation, server, redis_url) if server else []
            good = measure(installation, households, options.minutes * 60, faults)
        finally:
            installation.stop()
    sys.exit(0 if good else 1)


def measure(installation: Installation, households: list[Household], seconds: float, faults: list[Fault]) -> bool:
    """Let the clients work for that many seconds, with faults in between; print the results."""
    bare = bare_rate(installation.port, households)
    tally, memory = Tally(), [installation.memory()]
    until = time.monotonic() + seconds
    timers = [threading.Timer(part * seconds, lambda: memory.append(installation.memory())) for part in (0.34, 0.67)]
    timers += [threading.Timer(fault.part * seconds, fault.strike) for fault in faults]
    for timer in timers:
        timer.start()
    in_threads(lambda seed: Client(installation.port, tally, seed).run(households, until))
    for timer in timers:
        timer.join()
    memory.append(installation.memory())
    connections.close_all()  # the server may be another one by now
    return report(tally, seconds / 60, bare, memory, faults)


if __name__ == "__main__":
    main()
