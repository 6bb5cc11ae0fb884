"""Whether this container works; ends with 0 or 1. Asked every few seconds, so it imports neither Django nor the project.

python compose/healthcheck.py web           the web process answers
python compose/healthcheck.py worker        a worker of this host has told the database lately that it lives
python compose/healthcheck.py worker PID    the worker with this process number has
"""

import os
import socket
import sys
import urllib.request
from pathlib import Path

import psycopg

# Workers tell it every few seconds; a database that is away for a while must not get them all killed.
FRESH_SECONDS = 120
# Of one process the number is known, and numbers are used again: what a killed one said before must not count for long.
FRESH_SECONDS_OF_ONE = 30
ALIVE = """
SELECT EXISTS (SELECT 1 FROM platform_worker
                WHERE starts_with(name, %s) AND heartbeat_at > now() - make_interval(secs => %s))
"""


def web() -> bool:
    """Liveness, not readiness: a database that is down is no reason to restart the web."""
    host, _, port = os.environ.get("GUNICORN_BIND", "127.0.0.1:8000").rpartition(":")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host  # noqa: S104
    with urllib.request.urlopen(f"http://{host}:{port}/health/live", timeout=4) as answer:
        return bool(answer.status == 200)


def worker(pid: str = "") -> bool:
    """A process that runs proves nothing; a heartbeat in the database does."""
    name = f"{socket.gethostname()}:{pid}:" if pid else f"{socket.gethostname()}:"
    with _connected() as connection:
        found = connection.execute(ALIVE, (name, FRESH_SECONDS_OF_ONE if pid else FRESH_SECONDS)).fetchone()
    return bool(found and found[0])


def _connected() -> psycopg.Connection:
    *others, last = _ways()
    for way in others:
        try:
            return psycopg.connect(way, connect_timeout=4)
        except psycopg.OperationalError:
            continue
    return psycopg.connect(last, connect_timeout=4)


def _ways() -> list[str]:
    """The way to the database that workers take, with POSTGRES_PASSWORD when it names none, as the settings do it."""
    url = os.environ.get("DATABASE_DIRECT_URL") or os.environ["DATABASE_URL"]
    if psycopg.conninfo.conninfo_to_dict(url).get("password"):
        return [url]
    return [psycopg.conninfo.make_conninfo(url, password=password) for password in _passwords()] or [url]


def _passwords() -> list[str]:
    """One, or while it is changed two: the next one and the one of now."""
    if file := os.environ.get("POSTGRES_PASSWORD_FILE"):
        return [line.strip() for line in Path(file).read_text().splitlines() if line.strip()]
    return [os.environ["POSTGRES_PASSWORD"]] if os.environ.get("POSTGRES_PASSWORD") else []


if __name__ == "__main__":
    try:
        sys.exit(0 if {"web": web, "worker": worker}[sys.argv[1]](*sys.argv[2:]) else 1)
    except (OSError, psycopg.Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
