"""Broken requests and damaged bank files: none may end in a fault, show another's book, or harm the books.

python bench/fuzz.py                          20,000 requests, 10,000 files of each format; half an hour or so on one core
python bench/fuzz.py --quick                  500 and 200
python bench/fuzz.py --seed 7 --replay 1234   that request of that run again, with those before it in its world
python bench/fuzz.py --requests 0 --formats camt mt940          files of these formats only; bench/fuzz_coverage.py goes by coverage
python bench/fuzz.py --replay ofx1:77         that file again; it is also written to bench/results/

Requests are sent to the WSGI application in this process, by people in every role, on a scratch database with the
demonstration's books. A finding is an answer of 5xx, an exception, a slow answer, a text of a book shown to somebody
outside it, a 2xx that the API does not describe, JSON that is none; for a bank file or the whole books of a program any
exception but the domain's own, or more than 2 seconds and one for each megabyte; a book that moved in only in part. In the
end the books must be proven and no event may be stuck. Exits with 1 when there is a finding.
"""

import argparse
import datetime
import json
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fuzz_app.settings")

import harness
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from fuzz_app.logs import Recorder
from fuzz_inputs import files, pages
from fuzz_inputs.books import FOREIGN
from fuzz_inputs.judging import Finding, Findings, Judge, described, place_of
from fuzz_inputs.requests import KINDS, Api, Maker, described_api
from fuzz_inputs.world import PERSONAS, World, make_world, newest_event, unsettled
from fuzz_inputs.wsgi import Answer, Request, TookTooLong, send, stopped_after

from finance.book_archive.writing import as_archive
from finance.book_import.model import Question
from finance.book_import.reading import read_book
from finance.book_import.services import import_book as move_in
from finance.errors import FinanceError
from finance.exports import formats as exports
from finance.imports import services as imports
from finance.imports.parsers.recognise import read_statement
from finance.ledger.integrity import verify_ledger
from finance.models import Account, Book, ImportBatch, JournalEntry
from identity.models import User
from lifeos_project.wsgi import application
from platform_outbox import testing

# After this number of requests people and books are made again: by then many are closed, removed or signed out.
REQUESTS_OF_A_WORLD = 500
SLOWEST_FILE = 2.0  # seconds of the processor, and one for each megabyte
SLOWEST_MOVE = 5.0  # the same for making a book of it
MOST_MEMORY = 256  # megabytes that one file may add to the most that was in use before
STAGE_EVERY = 50
OURS = ("lifeos-json", "lifeos-zip")
RESULTS = harness.ROOT / "bench" / "results"


@dataclass(slots=True)
class Tally:
    """What was sent, what came back, and what was wrong."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    files: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    worst_answer: float = 0.0
    worst_file: float = 0.0


@dataclass(slots=True)
class Run:
    """One run of the bench, or of a part of it."""

    seed: int
    today: datetime.date
    api: Api
    routes: list[str]
    tally: Tally = field(default_factory=Tally)
    formats: Mapping[str, files.Format] = field(default_factory=dict)
    settled: int = 0  # the newest event that was looked at

    def replay_of(self, what: object) -> str:
        return f".venv/bin/python bench/fuzz.py --seed {self.seed} --today {self.today} --replay {what}"

    # Requests

    def requests(self, numbers: range) -> None:
        """Send these requests; each world begins at a multiple of REQUESTS_OF_A_WORLD."""
        judge = Judge(self.api)
        started, world, maker = time.monotonic(), None, None
        for number in numbers:
            if world is None or maker is None or number % REQUESTS_OF_A_WORLD == 0:
                self._settle(example_of=self.replay_of(number - 1))
                world, maker = self.world_of(number)
                self._tell(f"{number:,} requests")
            request = maker.request(number)
            answer = send(application, request)
            self._count(request, answer)
            for finding in judge.look(request, answer, world):
                self.tally.findings.add(finding, example=described(request), replay=self.replay_of(number))
            _sign_in_again(world, request)
        self._settle(example_of=self.replay_of(numbers.stop - 1))
        self.tally.seconds["requests"] += time.monotonic() - started

    def world_of(self, number: int) -> tuple[World, Maker]:
        """New people and books, and who makes requests for them; the pages that were read for it are judged as well."""
        world = make_world(number // REQUESTS_OF_A_WORLD, today=self.today)
        judge = Judge(self.api)

        def ask(request: Request) -> Answer:
            answer = send(application, request)
            for finding in judge.look(request, answer, world):
                self.tally.findings.add(finding, example=described(request), replay=self.replay_of(number))
            return answer

        forms = pages.read_forms(world, ask)
        return world, Maker(seed=self.seed, api=self.api, world=world, routes=self.routes, forms=forms)

    def _count(self, request: Request, answer: Answer) -> None:
        self.tally.requests[request.persona, request.kind] += 1
        self.tally.statuses[answer.status] += 1
        self.tally.worst_answer = max(self.tally.worst_answer, answer.seconds)

    def _tell(self, done: str) -> None:
        print(f"{done}, {len(self.tally.findings.found)} findings", file=sys.stderr, flush=True)

    def _settle(self, *, example_of: str) -> None:
        """What was set going must come to its end."""
        for line in unsettled(after=self.settled):
            caught = [f"{type(error).__name__} in {place_of(error)}" for error in Recorder.caught[-3:]]
            self.tally.findings.add(
                Finding("an event is stuck", line.partition(" #")[0]),
                example="\n".join([line, *caught]),
                replay=example_of,
            )
        self.settled = newest_event()
        Recorder.caught.clear()

    # Files

    def files(self, count: int) -> None:
        """Read damaged files of every format, and stage and confirm some of them in a book."""
        world = make_world(-1, today=self.today)
        for name in self.formats:
            started = time.monotonic()
            for number in range(count):
                self.file(name, number, world)
            self.tally.seconds[name] += time.monotonic() - started
            self._tell(f"{count:,} files of {name}")
        self._settle(example_of="after the files")

    def file(self, name: str, number: int, world: World) -> bytes:
        """Read the file of that number, and stage it when its turn has come."""
        data = files.mutated(self.formats[name], random.Random(f"{self.seed}:{name}:{number}"))
        memory, started, outcome = most_memory(), time.process_time(), "accepted"
        try:
            with stopped_after(SLOWEST_FILE + len(data) / 1e6, timer=signal.ITIMER_PROF):
                if program := self.formats[name].program:
                    read_book(data, _question(program))
                else:
                    parsed = read_statement(data, currency="EUR", card=number % 7 == 0)
                    assert parsed.statements, "accepted without a statement"
        except FinanceError:
            outcome = "refused"
        except TookTooLong as error:
            outcome = "slow"
            self._file_finding(Finding("slow file", place_of(error)), name, number, data)
        except Exception as error:
            outcome = "fault"
            self._file_finding(Finding(f"reading raised {type(error).__name__}", place_of(error)), name, number, data)
        taken = time.process_time() - started
        if outcome in ("accepted", "refused") and taken > SLOWEST_FILE + len(data) / 1e6:
            # In a library's own code, which does not see that its time is over.
            outcome = "slow"
            self._file_finding(Finding("slow file", name), name, number, data, note=f"{taken:.1f} s")
        self.tally.files[name, outcome] += 1
        self.tally.worst_file = max(self.tally.worst_file, taken)
        more = most_memory() - memory
        if more > MOST_MEMORY:
            self._file_finding(Finding("much memory for a file", name), name, number, data, note=f"{more:.0f} MB")
        if number % STAGE_EVERY == 0 and outcome in ("accepted", "refused"):
            self._stage(world, name, number, data)
        return data

    def _stage(self, world: World, name: str, number: int, data: bytes) -> None:
        owner = world.people["owner"].user
        if program := self.formats[name].program:
            self._move_in(owner, program, name, number, data)
            return
        account = Account.objects.select_related("book").get(book=world.home["book_id"][0], name="Checking account")
        try:
            batch = imports.stage_import(
                book=account.book, account=account, actor=owner, data=data, file_name=files.FORMATS[name].file_name
            )
            self.tally.files[name, "staged"] += 1
            imports.confirm_import(batch=batch, actor=owner)
            self.tally.files[name, "confirmed"] += 1
        except FinanceError:
            pass
        except Exception as error:
            self._file_finding(Finding(f"staging raised {type(error).__name__}", place_of(error)), name, number, data)

    def _move_in(self, owner: User, program: str, name: str, number: int, data: bytes) -> None:
        """Make a book of the file: all of it or nothing."""
        before = _held()
        try:
            source = read_book(data, _question(program))
            self.tally.files[name, "staged"] += 1
            with stopped_after(SLOWEST_MOVE + len(data) / 1e6, timer=signal.ITIMER_PROF):
                move_in(owner=owner, source=source, base_currency="EUR", time_zone="UTC")
            self.tally.files[name, "confirmed"] += 1
        except FinanceError:
            after = _held()
        except (Exception, TookTooLong) as error:
            after = _held()
            self._file_finding(Finding(f"moving in raised {type(error).__name__}", place_of(error)), name, number, data)
        else:
            return
        if after != before:
            self._file_finding(Finding("a book moved in in part", name), name, number, data, note=f"{before}, {after}")

    def _file_finding(self, finding: Finding, name: str, number: int, data: bytes, *, note: str = "") -> None:
        example = f"{note} {name} file of {len(data)} bytes: {data[:200]!r}".strip()
        self.tally.findings.add(finding, example=example, replay=self.replay_of(f"{name}:{number}"))

    def prove_books(self) -> None:
        """Whatever was posted, the books must be sound."""
        for problem in verify_ledger(now=timezone.now()).problems:
            self.tally.findings.add(
                Finding("the books are not sound", problem.code), example="; ".join(problem.examples), replay=""
            )


def _sign_in_again(world: World, request: Request) -> None:
    """Requests that may have ended somebody's session must not leave the next ones to strangers."""
    if any(part in request.path for part in ("sign-out", "logout", "password")):
        world.people[request.persona].sign_in()


def _question(program: str) -> Question:
    return Question(format=program, base_currency="EUR", time_zone="UTC")


def _held() -> tuple[int, int, int]:
    return Book.objects.count(), Account.objects.count(), JournalEntry.objects.count()


def most_memory() -> float:
    """The most memory this process has used so far, in megabytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def prepared() -> Iterator[None]:
    """A scratch database, files in a directory that goes away, and no name that leads out into the network."""
    with ExitStack() as stack:
        stack.enter_context(override_settings(MEDIA_ROOT=stack.enter_context(tempfile.TemporaryDirectory())))
        stack.enter_context(harness.scratch_database())
        stack.enter_context(testing.muted_notifier())
        stack.enter_context(mock.patch.object(socket, "getaddrinfo", side_effect=socket.gaierror("no names here")))
        stack.enter_context(mock.patch("finance.imports.services.reading.pause", read_received_files))
        yield


def read_received_files(seconds: float) -> None:
    """What a worker does while a request waits for it."""
    for batch in ImportBatch.objects.filter(state=ImportBatch.State.RECEIVED):
        imports.read_received(batch=batch)


def _exported(today: datetime.date) -> dict[str, files.Format]:
    """The formats in which we export whole books ourselves, of a book of some size."""
    book = Book.objects.get(pk=make_world(-2, today=today).home["book_id"][0])
    data = ("".join(exports.as_json(book)).encode(), b"".join(as_archive(book)))
    return {name: files.Format(name, (each,), program="lifeos") for name, each in zip(OURS, data, strict=True)}


def replay(run: Run, what: str) -> None:
    """Send one request again, or read one file again, and print what comes of it."""
    name, colon, number = what.rpartition(":")
    if colon:
        data = run.file(name, int(number), make_world(-1, today=run.today))
        kept = RESULTS / f"fuzz-{name}-{number}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        print(f"{len(data)} bytes, kept as {kept.relative_to(harness.ROOT)}")
        return
    last = int(what)
    first = last - last % REQUESTS_OF_A_WORLD
    world, maker = run.world_of(first)
    for number_before in range(first, last):
        before = maker.request(number_before)
        send(application, before)
        _sign_in_again(world, before)
    Recorder.caught.clear()
    request = maker.request(last)
    answer = send(application, request)
    print(described(request))
    print(f"→ {answer.status} after {answer.seconds:.2f} s, {answer.header('content-type')}: {answer.body[:600]!r}")
    for finding in Judge(run.api).look(request, answer, world):
        run.tally.findings.add(finding, example=described(request), replay=run.replay_of(what))


def report(run: Run, *, file: Path) -> None:
    """Print the tables and write the JSON file."""
    tally = run.tally
    sent = tally.requests.total()
    if sent:
        print(f"\n{'requests':<12}{''.join(f'{kind:>11}' for kind in KINDS)}{'all':>9}")
        for persona in PERSONAS:
            counts = [tally.requests[persona, kind] for kind in KINDS]
            print(f"{persona:<12}{''.join(f'{count:>11,}' for count in counts)}{sum(counts):>9,}")
        print(
            f"\n{sent:,} requests, {sent / tally.seconds['requests']:.0f}/s, slowest answer {tally.worst_answer:.2f} s"
        )
        print("statuses: " + ", ".join(f"{status}: {count:,}" for status, count in sorted(tally.statuses.items())))
    if tally.files:
        outcomes = ("accepted", "refused", "fault", "slow", "staged", "confirmed")
        print(f"\n{'files':<16}{''.join(f'{outcome:>11}' for outcome in outcomes)}{'files/s':>11}")
        for name in run.formats:
            counts = [tally.files[name, outcome] for outcome in outcomes]
            print(
                f"{name:<16}{''.join(f'{count:>11,}' for count in counts)}{_rate(sum(counts[:4]), tally.seconds[name])}"
            )
        print(f"slowest file {tally.worst_file:.2f} s")
    report_findings(tally.findings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(as_json(run), indent=2))


def report_findings(findings: Findings) -> None:
    print(f"\n{len(findings.found)} findings" if findings.found else "\nno finding")
    for finding, found in sorted(findings.found.items(), key=lambda item: -item[1].count):
        print(f"\n{found.count} x {finding.what}\n  at {finding.place}\n{found.example}\n  {found.replay}")


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:>11,.0f}" if seconds else ""


def as_json(run: Run) -> dict[str, Any]:
    tally = run.tally
    return {
        "seed": run.seed,
        "today": run.today.isoformat(),
        "requests": [[*key, count] for key, count in tally.requests.items()],
        "statuses": dict(tally.statuses),
        "files": [[*key, count] for key, count in tally.files.items()],
        "seconds": dict(tally.seconds),
        "slowest_answer": tally.worst_answer,
        "slowest_file": tally.worst_file,
        "findings": [
            {
                "what": key.what,
                "place": key.place,
                "count": found.count,
                "example": found.example,
                "replay": found.replay,
            }
            for key, found in tally.findings.found.items()
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=None, help="default 20,000")
    parser.add_argument("--uploads", type=int, default=None, help="files of each format, default 10,000")
    parser.add_argument("--quick", action="store_true", help="500 requests, 200 files of each format")
    names = (*files.FORMATS, *FOREIGN, *OURS)
    parser.add_argument(
        "--formats",
        nargs="+",
        default=[],
        choices=names,
        metavar="NAME",
        help=f"of files, default all: {', '.join(names)}",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", type=datetime.date.fromisoformat, default=None, help="last day of the books (today)")
    parser.add_argument("--replay", metavar="N | FORMAT:N", help="one request or file of a run, with its seed and day")
    parser.add_argument("--json", type=Path, default=RESULTS / "fuzz.json", help="where the figures are written to")
    options = parser.parse_args()
    requests, uploads = (500, 200) if options.quick else (20_000, 10_000)
    requests = requests if options.requests is None else options.requests
    uploads = uploads if options.uploads is None else options.uploads
    with prepared():
        today = options.today or datetime.datetime.now(datetime.UTC).date()
        wanted = set(options.formats)
        ours = _exported(today) if not wanted or wanted & set(OURS) else {}
        formats = {**files.FORMATS, **FOREIGN, **ours}
        if wanted:
            formats = {name: form for name, form in formats.items() if name in wanted}
        run = Run(seed=options.seed, today=today, api=described_api(), routes=pages.routes(), formats=formats)
        if options.replay:
            replay(run, options.replay)
            report_findings(run.tally.findings)
        else:
            run.requests(range(requests))
            run.files(uploads)
            run.prove_books()
            report(run, file=options.json)
        connection.close()
    sys.exit(1 if run.tally.findings.found else 0)


if __name__ == "__main__":
    main()
