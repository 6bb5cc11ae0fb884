"""Damaged files that go where the readers' code has not been yet: atheris watches which lines each file reaches.

python bench/fuzz_coverage.py                     10,000 files of each format, each format in a process of its own
python bench/fuzz_coverage.py --runs 100000 camt  more of one
python bench/fuzz_coverage.py --replay FILE camt  that file again

bench/fuzz.py damages sound files at random; this one keeps each file that reached a new line and goes on from there. A
finding is any exception but the domain's own, or more than 2 seconds of the processor and one for each megabyte; the file
is written to bench/results/. Needs atheris, which has wheels for Linux; without it nothing is measured. Exits with 1 when
there is a finding.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers

peers.enter()

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
RESULTS = ROOT / "bench" / "results"
SLOWEST_FILE = 2.0  # seconds of the processor, and one for each megabyte
LONGEST_FILE = 100_000  # bytes
# Nothing of ours is exported without a database; bench/fuzz.py has those formats.
FORMATS = (
    "csv", "ofx1", "ofx2", "qfx", "camt", "zip", "mt940", "qif", "xlsx", "ods", "gnucash-xml", "gnucash-sqlite", "firefly",
    "actual", "ynab", "hledger", "beancount",
)  # fmt: skip


@dataclass(slots=True)
class Watched:
    """Reads each file that atheris makes, and writes what came of them to `report` about once a second."""

    name: str
    read: Callable[[bytes], object]
    runs: int
    report: Path
    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    slowest: float = 0.0
    told: float = 0.0

    def one(self, data: bytes) -> None:
        started = time.process_time()
        what = self._outcome(data)
        taken = time.process_time() - started
        self.slowest = max(self.slowest, taken)
        if taken > SLOWEST_FILE + len(data) / 1e6:
            what = "slow"
        if what not in ("accepted", "refused"):
            self._keep(what, data)
            what = "finding"
        self.counts[what] += 1
        if self.counts.total() >= self.runs or time.monotonic() - self.told > 1:
            self.told = time.monotonic()
            result = {"counts": self.counts, "slowest": self.slowest, "found": self.found}
            self.report.write_text(json.dumps(result))

    def _outcome(self, data: bytes) -> str:
        from finance.errors import FinanceError

        try:
            self.read(data)
        except FinanceError:
            return "refused"
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # what libraries in Rust raise when they panic is no Exception
            return f"{type(error).__name__} at {place_of(error)}"
        return "accepted"

    def _keep(self, what: str, data: bytes) -> None:
        if what not in self.found:
            kept = RESULTS / f"fuzz-coverage-{self.name}-{len(self.found)}"
            kept.write_bytes(data)
            self.found[what] = {"file": str(kept.relative_to(ROOT)), "bytes": repr(data[:200]), "count": 0}
        self.found[what]["count"] += 1


def fuzz(name: str, *, runs: int, seed: int, report: Path) -> None:
    """Fuzz one format in this process, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=["finance.imports.parsers", "finance.book_import"]):
        read, seeds = reader_of(name)
        from fuzz_inputs.files import members_of, zip_of

    def inside(data: bytes, max_size: int, seed: int) -> bytes:
        """Damage a member of an archive rather than its checksums."""
        try:
            files = members_of(data)
            place = sorted(files)[seed % len(files)]
            files[place] = atheris.Mutate(files[place], max_size)
            return zip_of(files)[:max_size]
        except Exception:
            return bytes(atheris.Mutate(data, max_size))

    watched = Watched(name=name, read=read, runs=runs, report=report)
    with tempfile.TemporaryDirectory() as directory:
        for number, data in enumerate(seeds):
            (Path(directory) / str(number)).write_bytes(data)
        arguments = [
            sys.argv[0], directory, f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_FILE}", "-timeout=1000000",
            "-rss_limit_mb=0", "-verbosity=0", "-print_final_stats=0", f"-artifact_prefix={directory}/",
        ]  # fmt: skip
        packed = all(data.startswith(b"PK\x03\x04") for data in seeds)
        atheris.Setup(arguments, watched.one, custom_mutator=inside if packed else None)
        atheris.Fuzz()


def reader_of(name: str) -> tuple[Callable[[bytes], object], tuple[bytes, ...]]:
    """What reads a file of the format, and sound files of it."""
    from fuzz_inputs import books, files

    from finance.book_import.model import Question
    from finance.book_import.reading import READERS, read_book
    from finance.imports.parsers.recognise import read_statement

    form = {**files.FORMATS, **books.FOREIGN}[name]
    if not form.program:
        return lambda data: read_statement(data, currency="EUR"), form.seeds
    # Loaded while the imports are watched.
    __import__(f"finance.book_import.readers.{READERS[form.program]}")
    question = Question(format=form.program, base_currency="EUR", time_zone="UTC")
    return lambda data: read_book(data, question), form.seeds


def place_of(error: BaseException) -> str:
    """The innermost line of ours that the error went through."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if f"{ROOT}/finance" in frame.filename]
    return f"{Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].lineno}" if frames else "a library"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"default all: {', '.join(FORMATS)}")
    parser.add_argument("--runs", type=int, default=10_000, help="files of each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="read one file as the format that is named")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.formats) - set(FORMATS):
        parser.error(f"{', '.join(sorted(unknown))} is none of {', '.join(FORMATS)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    if options.replay:
        print(reader_of(options.formats[0])[0](options.replay.read_bytes()))
        return
    if options.one:
        fuzz(options.formats[0], runs=options.runs, seed=options.seed, report=options.one)
        return
    if not peers.has("atheris"):
        print("atheris is not installed: it has wheels for Linux on x86-64 only.")
        return
    results = {}
    print(f"{'format':<16}{'files':>9}{'accepted':>10}{'refused':>9}{'findings':>10}{'slowest':>9}{'seconds':>9}")
    for name in options.formats or FORMATS:
        report, started = RESULTS / f"fuzz-coverage-{name}.json", time.monotonic()
        report.unlink(missing_ok=True)
        command = [
            sys.executable,
            __file__,
            name,
            f"--runs={options.runs}",
            f"--seed={options.seed}",
            f"--one={report}",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"{name} did not run: {ended.stderr[-2000:]}")
        result = results[name] = json.loads(report.read_text())
        counts = Counter(result["counts"])
        taken = time.monotonic() - started
        print(
            f"{name:<16}{counts.total():>9,}{counts['accepted']:>10,}{counts['refused']:>9,}{counts['finding']:>10,}"
            f"{result['slowest']:>8.2f}s{taken:>8.0f}s",
            flush=True,
        )
        if ended.returncode:
            result["found"][f"the process ended with {ended.returncode}"] = {"bytes": ended.stderr[-2000:], "count": 1}
    found = {(name, what): each for name, result in results.items() for what, each in result["found"].items()}
    for (name, what), each in found.items():
        print(f"\n{each['count']} x {name}: {what}\n  {each.get('file', '')} {each['bytes']}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
