"""Requests a second through one and two web processes, straight to PostgreSQL and through PgBouncer.

python bench/scaling.py            all ways, in turn, three times
python bench/scaling.py --quick    once, for a look

Everything runs on one machine, clients included: what counts is how the ways compare. Processor time per request says more
than requests a second where others work on the machine too. Needs PgBouncer (Debian: pgbouncer).
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import harness
import load
from django.db import connection

from lifeos_project.local import embedded_postgres_user
from lifeos_project.tests.services import (
    free_port,
    listens,
    prepare_server_directory,
    program,
    wait_until,
)

SECONDS = 5
LOGIN = "known-to-this-run-only"


@contextmanager
def pgbouncer(directory: Path):
    """Port and process of a PgBouncer before the benchmark's server, under the shipped configuration."""
    server, port = connection.settings_dict, free_port()
    shipped = (harness.ROOT / "compose" / "pgbouncer" / "pgbouncer.ini").read_text()
    for before, after in {
        "host=db port=5432": f"host={server['HOST']} port={server['PORT']}",
        "listen_addr = *": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}",
        "/run/lifeos": str(directory),
    }.items():
        shipped = shipped.replace(before, after)
    (directory / "pgbouncer.ini").write_text(shipped)
    (directory / "userlist.txt").write_text(f'"{server["USER"]}" "{server["PASSWORD"] or LOGIN}"\n')
    prepare_server_directory(directory, Path(program("pgbouncer", package="pgbouncer")).parent)
    for path in directory.iterdir():
        embedded_postgres_user.hand_over(path)
    command = [program("pgbouncer", package="pgbouncer"), str(directory / "pgbouncer.ini")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **embedded_postgres_user.identity())
    try:
        wait_until(lambda: listens(port), seconds=10, what="PgBouncer")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def ways(pool: int) -> dict[str, dict[str, str]]:
    """Variables of each way to run the web."""
    server = connection.settings_dict
    query = urllib.parse.urlencode({"host": "127.0.0.1", "port": pool, "user": server["USER"]})
    pooled = {
        "DATABASE_URL": f"postgresql:///{server['NAME']}?{query}",
        "POSTGRES_PASSWORD": server["PASSWORD"] or LOGIN,
    }
    found = {}
    for workers in ("1", "2"):
        found[f"{workers} web, straight"] = {"GUNICORN_WORKERS": workers}
        found[f"{workers} web, through PgBouncer"] = {"GUNICORN_WORKERS": workers, **pooled}
    return found


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used so far; Linux only."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in (pid, *children)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def rates(
    households: list[load.Household], directory: Path, changes: dict[str, str], pool: int
) -> dict[tuple[str, str], float]:
    """Requests a second for reads and for postings, and milliseconds of processor time per request."""
    port = free_port()
    direct = load.environment(port, directory)
    variables = {
        **direct,
        "DATABASE_DIRECT_URL": direct["DATABASE_URL"] if "DATABASE_URL" in changes else "",
        **changes,
    }
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "compose/gunicorn.conf.py"], cwd=harness.ROOT, env=variables
    )
    try:
        wait_until(lambda: listens(port), seconds=60, what="gunicorn")
        warm = load.Client(port, load.Tally(), 0)
        for _ in range(40):
            warm.read(households[0])
        found = {}
        for kind in ("read", "post"):
            before = processor_seconds(web.pid), processor_seconds(pool)
            found[kind, "requests/s"] = rate(port, households, kind)
            count = found[kind, "requests/s"] * SECONDS
            found[kind, "ms web"] = 1000 * (processor_seconds(web.pid) - before[0]) / count
            found[kind, "ms pool"] = 1000 * (processor_seconds(pool) - before[1]) / count
        return found
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait(30)


def rate(port: int, households: list[load.Household], kind: str) -> float:
    tally, until = load.Tally(), time.monotonic() + SECONDS

    def work(seed: int) -> None:
        client = load.Client(port, tally, seed)
        while time.monotonic() < until:
            getattr(client, kind)(households[seed % len(households)])

    load.in_threads(work)
    return sum(len(values) for values in tally.seconds.values()) / SECONDS


def sizes_per_line() -> str:
    """What the tables take on disk with their indexes, in bytes per line of the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM finance_journalline), pg_total_relation_size('finance_journalline'),"
            " pg_total_relation_size('finance_journalentry'), pg_database_size(current_database())"
        )
        lines, of_lines, of_entries, database = cursor.fetchone()
    return f"{lines} lines; bytes per line: {of_lines // lines} lines, {of_entries // lines} entries, {database // lines} in all"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    repetitions = 1 if parser.parse_args().quick else 3
    figures: dict[tuple[str, str], harness.Figure] = {}
    with harness.scratch_database(), tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        households = [load.make_household(number) for number in range(load.CLIENTS)]
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        (directory / "metrics").mkdir()
        (directory / "pool").mkdir()
        with pgbouncer(directory / "pool") as (pool, pid):
            for _ in range(repetitions):
                for way, changes in ways(pool).items():
                    for (kind, unit), value in rates(households, directory / "metrics", changes, pid).items():
                        name = f"{way}: {kind}"
                        figures.setdefault((name, unit), harness.Figure(name, unit)).values.append(value)
        sizes = sizes_per_line()
    print(f"{load.CLIENTS} clients, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for figure in figures.values():
        print(figure)
    print(sizes)


if __name__ == "__main__":
    main()
