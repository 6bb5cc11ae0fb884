"""The record of each run, and the promise that only one runs at a time."""

import contextlib
import datetime
from collections.abc import Callable, Iterator

import psycopg
from django.db import connection, models
from django.utils import timezone

from lifeos_project.backups.errors import BackupError, BackupRefused
from lifeos_project.backups.evidence import Connection
from lifeos_project.backups.models import BackupRun
from lifeos_project.backups.servers import MAINTENANCE, Database

# pg_advisory_lock's first number of "a backup or restore runs"; any fixed one that nobody else uses.
LOCK = 7_041


@contextlib.contextmanager
def only_one(database: Database) -> Iterator[Connection]:
    """Refuse while another backup or restore of this database runs, on whatever machine.

    The lock is held by a connection to the server's maintenance database, which is given to the block: the database
    itself may be missing, or change its name meanwhile.
    """
    with database.named(MAINTENANCE).connect() as server:
        lock = [LOCK, database.name]
        if server.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", lock).fetchone() != (True,):
            raise BackupRefused("A backup or restore of this database is already running.")
        try:
            yield server
        finally:
            # A closed connection alone lets go a moment later, and the next command may come sooner.
            with contextlib.suppress(psycopg.Error):
                server.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", lock)


def begin(*, name: str, location: str, encrypted: bool, now: datetime.datetime) -> BackupRun:
    """Record that a backup begins. To be called by the only one that runs: others still marked as running are dead."""
    run = BackupRun(name=name, location=location, encrypted=encrypted, started_at=now)
    if BackupRun._meta.db_table not in connection.introspection.table_names():
        # Before the first migration there is nowhere to record; an upgrade is backed up all the same.
        return run
    BackupRun.objects.filter(state=BackupRun.State.RUNNING).update(
        state=BackupRun.State.INTERRUPTED, finished_at=now, error="The process ended without a word."
    )
    run.save()
    return run


@contextlib.contextmanager
def recorded(run: BackupRun) -> Iterator[None]:
    """Write down how the block ended; a success is for the block itself to record."""
    try:
        yield
    except BackupError as error:
        _ended(run, BackupRun.State.FAILED, str(error))
        raise
    except Exception as error:
        _ended(run, BackupRun.State.FAILED, f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        _ended(run, BackupRun.State.INTERRUPTED, "Stopped on request.")
        raise


def succeed(run: BackupRun, *, size: int, sha256: str, entries: int) -> None:
    run.size, run.sha256, run.entries = size, sha256, entries
    run.state, run.finished_at = BackupRun.State.GOOD, timezone.now()
    _stored(run).update(size=size, sha256=sha256, entries=entries, state=run.state, finished_at=run.finished_at)


def last_good() -> BackupRun | None:
    """The newest backup that was proven."""
    return _backups().filter(state=BackupRun.State.GOOD).first()


def latest() -> BackupRun | None:
    """The backup that was begun last, however it ended."""
    return _backups().first()


def last_failed() -> bool:
    """Whether the newest backup that ended was not good."""
    ended = _backups().exclude(state=BackupRun.State.RUNNING).first()
    return ended is not None and ended.state != BackupRun.State.GOOD


def telling(run: BackupRun, progress: Callable[[str], None]) -> Callable[[str], None]:
    """A progress function that also writes each step to the record."""

    def step(stage: str) -> None:
        _stored(run).update(stage=stage)
        progress(stage)

    return step


def _ended(run: BackupRun, state: BackupRun.State, error: str) -> None:
    _stored(run).update(state=state, finished_at=timezone.now(), error=error)


def _backups() -> "models.QuerySet[BackupRun]":
    return BackupRun.objects.filter(kind=BackupRun.Kind.BACKUP).order_by("-started_at", "-pk")


def _stored(run: BackupRun) -> "models.QuerySet[BackupRun]":
    return BackupRun.objects.filter(pk=run.pk)
