"""What the benchmarks share: a scratch database, interleaved runs, medians with spread, a table and a JSON file.

Importing it sets Django up, with the settings of a development checkout (the durable embedded PostgreSQL, or
DATABASE_URL) unless DJANGO_SETTINGS_MODULE names others: it is to be imported before any model.
"""

import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
from claims import claim
from claims import status as status

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifeos_project.settings")
django.setup()


@contextmanager
def scratch_database() -> Iterator[None]:
    """An empty migrated database beside the development one, reached as its owner; dropped in the end."""
    from django.db import connection

    from lifeos_project.postgresql.ownership import as_owner

    with as_owner():
        original = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            # The outbox's bell keeps a connection of its own, and a database in use cannot be dropped.
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            connection.creation.destroy_test_db(original, verbosity=0)


def raw_connection(*, autocommit: bool) -> Any:
    """psycopg without Django, on the scratch database."""
    import psycopg
    from django.db import connection

    settings = connection.settings_dict
    return psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        autocommit=autocommit,
    )


@dataclass(slots=True)
class Figure:
    """One measured thing: rate (higher is better) or milliseconds (lower is better) per repetition."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.name:<58}{self.median:>12,.2f} {self.unit:<10} ({low:,.2f} to {high:,.2f}, n={len(self.values)})"


def interleaved(runs: dict[str, tuple[str, Callable[[], float]]], *, repetitions: int) -> dict[str, Figure]:
    """Run every contender once per repetition, in turn, so that a noisy minute hits all of them."""
    figures = {name: Figure(name, unit) for name, (unit, _) in runs.items()}
    for _ in range(repetitions):
        for name, (_, run) in runs.items():
            figures[name].values.append(run())
            print(f"{name}: {figures[name].values[-1]:,.2f} {figures[name].unit}", file=sys.stderr, flush=True)
    return figures


# Rates by time of the processor instead of the clock: on a machine that is busy with other work only these compare.
by_processor = False


def rate(count: int, work: Callable[[], object]) -> float:
    """Items per second of `work`, which does `count` of them."""
    if by_processor:
        backends = _backends()
        begun = _processor_seconds(backends)
        work()
        # The server's ticks are hundredths of a second.
        return count / max(_processor_seconds(backends) - begun, 0.01)
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _backends() -> list[int]:
    """Processes of the server that are connected to the scratch database, which is on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def _processor_seconds(backends: Sequence[int]) -> float:
    """What this process, its children that have ended and these backends have taken so far."""
    children, ticks = resource.getrusage(resource.RUSAGE_CHILDREN), 0
    for pid in backends:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + children.ru_utime + children.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def milliseconds(work: Callable[[], object], *, times: int) -> float:
    """Median milliseconds of one call, after one call that warms up."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A claim: `ours` against `anchor`, at least (or, for times, at most) `target`."""

    ours: str
    anchor: str
    target: float
    at_most: bool = False

    def line(self, figures: dict[str, Figure]) -> str:
        value = figures[self.ours].median / figures[self.anchor].median
        bound = {"at_most" if self.at_most else "at_least": self.target}
        return claim(name=f"{self.ours} / {self.anchor}", value=value, **bound)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What the machine gives a contender that does as little as possible: a claim above it would be out of reach."""

    ours: str
    anchor: str

    def line(self, figures: dict[str, Figure]) -> str:
        value = figures[self.ours].median / figures[self.anchor].median
        return f"{self.ours} / {self.anchor}: {value:.2f} (yardstick, no target)"


@dataclass(frozen=True, slots=True)
class Limit:
    """A claim: `ours` in its own unit, at most (or at least) `target`."""

    ours: str
    target: float
    at_least: bool = False

    def line(self, figures: dict[str, Figure]) -> str:
        figure = figures[self.ours]
        bound = {"at_least" if self.at_least else "at_most": self.target}
        return claim(name=self.ours, value=figure.median, unit=figure.unit, **bound)


def report(*, title: str, figures: dict[str, Figure], ratios: Sequence[Ratio | Limit | Yardstick]) -> None:
    """Print the table, write bench/results/<title>.json, and remember for `status` what was missed."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {_server_version()}"
    print(f"\n{title} — {machine}\n")
    for figure in figures.values():
        print(figure)
    print()
    lines = [ratio.line(figures) for ratio in ratios]
    print("\n".join(lines))
    directory = ROOT / "bench" / "results"
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine,
        "figures": {name: {"unit": figure.unit, "values": figure.values} for name, figure in figures.items()},
        "ratios": lines,
    }
    (directory / f"{title}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False))


def _server_version() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"
