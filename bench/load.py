"""A mixed load on gunicorn and a worker, as households make it: 70 % reads, 25 % postings, 5 % imports.

python bench/load.py                        ten minutes
python bench/load.py --minutes 1            shorter

Every answer is counted; what fails is tried again under the same Idempotency-Key, as a client should. In the end each
acknowledged entry must be in the books exactly once, and the books must be sound.
"""

import argparse
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
from dataclasses import dataclass, field
from pathlib import Path

import harness

harness.set_up_django()

from django.db import connection  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken  # noqa: E402

from finance.ledger import services  # noqa: E402
from finance.ledger.integrity import verify_ledger  # noqa: E402
from finance.ledger.posting import EntryDraft, LineDraft  # noqa: E402
from finance.models import Account, JournalEntry  # noqa: E402
from identity.models import User  # noqa: E402
from lifeos_project.tests.services import free_port, listens, wait_until  # noqa: E402

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


def environment(port: int, directory: Path) -> dict[str, str]:
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
    }


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


def report(tally: Tally, minutes: float, bare: float, memory: list[float]) -> bool:
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
    window = max(tally.failed_at) - min(tally.failed_at) if tally.failed_at else 0.0
    print(f"failures: {dict(tally.failures) or 'none'}, within {window:.1f} s")
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
    options = parser.parse_args()
    with harness.scratch_database(), tempfile.TemporaryDirectory() as directory:
        households = [make_household(number) for number in range(HOUSEHOLDS)]
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        port = free_port()
        variables = environment(port, Path(directory))
        python = sys.executable
        web = subprocess.Popen(
            [python, "-m", "gunicorn", "-c", "compose/gunicorn.conf.py"], cwd=harness.ROOT, env=variables
        )
        worker = subprocess.Popen([python, "manage.py", "outbox_worker"], cwd=harness.ROOT, env=variables)
        try:
            wait_until(lambda: listens(port), seconds=60, what="gunicorn")
            bare = bare_rate(port, households)
            tally, memory = Tally(), [memory_of(web) + memory_of(worker)]
            until = time.monotonic() + options.minutes * 60
            for part in (0.34, 0.67):
                threading.Timer(
                    part * options.minutes * 60, lambda: memory.append(memory_of(web) + memory_of(worker))
                ).start()
            in_threads(lambda seed: Client(port, tally, seed).run(households, until))
            memory.append(memory_of(web) + memory_of(worker))
            good = report(tally, options.minutes, bare, memory)
        finally:
            for process in (web, worker):
                process.send_signal(signal.SIGTERM)
            for process in (web, worker):
                process.wait(30)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
