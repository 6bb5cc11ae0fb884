"""Bank files into the books, per format and size, beside the raw limit and other programs' readers on the same files.

python bench/imports.py             1,000 and 10,000 rows of each format, a few minutes
python bench/imports.py --large     100,000 rows as well, and the peak of memory
python bench/imports.py --quick     1,000 rows
python bench/imports.py --no-peers  without installing other programs (PyPI, npm)
python bench/imports.py --processor rates by time of the processor (this process, its children, the server's backend) instead
                                    of the clock: on a machine that is busy with other work only these can be compared
"""

import argparse
import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import peers

if __name__ == "__main__":
    peers.enter()

import harness
from imports_app.files import FORMATS, csv_file, rows
from ledger import RAW_TABLES, Household, post_in_bulk_raw

from finance.errors import StatementUnreadable
from finance.imports.parsers.recognise import read_statement
from finance.imports.services import confirm_import, stage_import
from finance.ledger.posting import EntryDraft, LineDraft

ACTUAL = harness.ROOT / "var" / "bench-actual"


class Statement(Household):
    """A book of its own for each file: one that knows a file's account asks before it takes another one for it."""

    def drafts(self, count: int) -> list[EntryDraft]:
        """The entries of the statement, for the raw limit."""
        category = self.categories[0]
        return [
            EntryDraft(
                date=row.day,
                payee=row.payee,
                lines=[
                    LineDraft(account_id=self.checking.pk, amount=row.amount),
                    LineDraft(account_id=category, amount=-row.amount),
                ],
            )
            for row in rows(count)
        ]


def read_rate(data: bytes, count: int) -> float:
    """Rows per second of reading alone."""
    parsed = None

    def work() -> None:
        nonlocal parsed
        parsed = read_statement(data, currency="EUR")

    found = harness.rate(count, work)
    assert parsed is not None
    assert sum(len(statement.rows) for statement in parsed.statements) == count
    return found


_seeds = itertools.count(100)


def commit_rate(read: Callable[[], bytes], name: str, count: int) -> float:
    """Rows per second from the file to committed postings: child process, matching, suggestions, posting."""
    household = Statement(next(_seeds))
    account = household.checking

    def work() -> None:
        batch = stage_import(book=household.book, account=account, actor=household.owner, data=read(), file_name=name)
        confirm_import(batch=batch, actor=household.owner)

    found = harness.rate(count, work)
    assert account.lines.count() == count
    return found


def ofxparse_rate(data: bytes, count: int) -> float:
    """ofxparse, reading alone."""
    import io

    from ofxparse import OfxParser

    return harness.rate(count, lambda: OfxParser.parse(io.BytesIO(data)))


def mt940_rate(data: bytes, count: int) -> float:
    """mt-940, reading alone."""
    import mt940

    return harness.rate(count, lambda: mt940.parse_statements(data.decode()))


def reading_peers(count: int) -> Iterator[tuple[str, str, Callable[[], float]]]:
    """Readers of the same file that are there: the figure's name, the format, and what measures it."""
    for peer, name, peer_rate in (("ofxparse", "OFX", ofxparse_rate), ("mt940", "MT940", mt940_rate)):
        if peers.has(peer):
            yield f"{peer}: read {name}, {count:,}", name, partial(peer_rate, FORMATS[name](count), count)


def beangulp_rate(path: Path, count: int) -> float:
    """beangulp's CSV importer, which is told what each column is: reading alone."""
    from beangulp.importers import csvbase

    class Bank(csvbase.Importer):
        date = csvbase.Date("Date", "%Y-%m-%d")
        narration = csvbase.Column("Description")
        amount = csvbase.Amount("Amount")

        def identify(self, _path: str) -> bool:
            return True

    importer = Bank("Assets:Bank", "EUR")
    return harness.rate(count, lambda: importer.extract(str(path), []))


def actual_rate(path: Path, count: int) -> float:
    """Actual's reader and import, with columns told."""
    result = path.with_suffix(".json")
    script = Path(__file__).parent / "imports_app" / "actual.js"
    subprocess.run(
        ["node", script, path, ACTUAL, result], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = json.loads(result.read_text())
    assert found["added"] == count
    if harness.by_processor:
        return count / found["processor"]
    return count / (found["reading"] + found["importing"])


def memory_of(name: str, count: int) -> tuple[float, float, float]:
    """Seconds, and peak megabytes of the importing process and of its reader, in a process that did nothing else."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(FORMATS[name](count))
        file.flush()
        command = [sys.executable, __file__, "--no-peers", "--one", file.name, str(count)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    return found["seconds"], found["megabytes"], found["reader"]


def one(path: Path, count: int) -> None:
    """What `memory_of` runs."""
    with harness.scratch_database(), ThreadPoolExecutor() as watching:
        done = threading.Event()
        reader = watching.submit(peak_of_children, done)
        begun = time.perf_counter()
        commit_rate(path.read_bytes, path.name, count)
        seconds = time.perf_counter() - begun
        done.set()
    print(json.dumps({"seconds": seconds, "megabytes": peak("self"), "reader": reader.result()}))


def peak(process: str) -> float:
    """The most memory of a process in megabytes. What `getrusage` says begins with that of the process it came from."""
    told = Path(f"/proc/{process}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def peak_of_children(done: threading.Event) -> float:
    """The most memory of any process that this one started meanwhile."""
    most = 0.0
    while not done.wait(0.02):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for thread in Path("/proc/self/task").iterdir():
                for child in (thread / "children").read_text().split():
                    most = max(most, peak(child))
    return most


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("FILE", "ROWS"), help=argparse.SUPPRESS)
    return parser.parse_args()


def readable(name: str) -> bool:
    try:
        read_statement(FORMATS[name](10), currency="EUR")
    except StatementUnreadable as error:
        print(f"{name} is left out: {error.detail}", file=sys.stderr)
        return False
    return True


def main() -> None:
    options = arguments()
    harness.by_processor = options.processor
    if options.one:
        one(Path(options.one[0]), int(options.one[1]))
        return
    formats = [name for name in FORMATS if readable(name)]
    sizes = [1000] if options.quick else [1000, 10_000]
    with_actual = not options.no_peers and peers.npm(ACTUAL, "@actual-app/api", rebuild="better-sqlite3")
    claims: list = []
    with harness.scratch_database(), tempfile.TemporaryDirectory() as directory:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(RAW_TABLES)
        household = Statement(1)
        runs = {}
        for count in sizes:
            runs[f"raw COPY, {count:,}"] = ("rows/s", lambda count=count: post_in_bulk_raw(household, count))
            for name in formats:
                data = FORMATS[name](count)
                runs[f"{name}: read, {count:,}"] = ("rows/s", lambda data=data, count=count: read_rate(data, count))
                runs[f"{name}: file to postings, {count:,}"] = (
                    "rows/s",
                    lambda data=data, name=name, count=count: commit_rate(lambda: data, name, count),
                )
            path = Path(directory) / f"{count}.csv"
            path.write_bytes(csv_file(count))
            for title, name, run in reading_peers(count):
                runs[title] = ("rows/s", run)
                claims.append(harness.Ratio(f"{name}: read, {count:,}", title, 1.0))
            if peers.has("beangulp"):
                runs[f"beangulp: read CSV, {count:,}"] = ("rows/s", lambda p=path, c=count: beangulp_rate(p, c))
                claims.append(harness.Yardstick(f"CSV: read, {count:,}", f"beangulp: read CSV, {count:,}"))
            if with_actual:
                runs[f"Actual: CSV to postings, {count:,}"] = ("rows/s", lambda p=path, c=count: actual_rate(p, c))
                claims.append(
                    harness.Ratio(f"CSV: file to postings, {count:,}", f"Actual: CSV to postings, {count:,}", 10.0)
                )
            claims.append(harness.Ratio(f"CSV: file to postings, {count:,}", f"raw COPY, {count:,}", 0.25))
        figures = harness.interleaved(runs, repetitions=options.repetitions)
    if options.large:
        for name in formats:
            seconds, megabytes, reader = memory_of(name, 100_000)
            for what, unit, value in (
                ("time", "s", seconds),
                ("memory", "MB", megabytes),
                ("reader's memory", "MB", reader),
            ):
                title = f"{name}: {what}, 100,000"
                figures[title] = harness.Figure(title, unit, [value])
            claims += [harness.Limit(f"{name}: time, 100,000", 60), harness.Limit(f"{name}: memory, 100,000", 250)]
    harness.report(title="imports", figures=figures, ratios=claims)


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
