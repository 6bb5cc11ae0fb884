"""Runs the periodic jobs: exactly one worker at a time for each, however many workers look.

The row of a job is its lock and its memory. A short job keeps the row locked while it runs, and its work and the mark
commit together. A long one writes a lease into the row and works without a transaction.
"""

import datetime
import logging
import random
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections, transaction

from platform_outbox.jobs import Job, JobInterrupted, LeaseLost, Run, all_jobs
from platform_outbox.monitoring import metrics as tallies
from platform_outbox.monitoring.metrics import JOB_SECONDS
from platform_outbox.processing.fingerprint import first_line_of
from platform_outbox.processing.handlers import is_the_servers
from platform_outbox.processing.results import clean
from platform_outbox.retry import delay_before

# A job that fails is tried again after this at the latest, or after its own interval where that is longer.
LONGEST_WAIT_SECONDS = 300.0
# The row of a job may change without this process: an operator, another version, a turned clock.
LOOK_AGAIN_SECONDS = 60.0
LONGEST_ERROR = 4_000

logger = logging.getLogger("platform_outbox.jobs")

_INTRODUCE = """
    INSERT INTO platform_outbox_periodic (name, seconds, due_at)
    SELECT name, seconds, statement_timestamp() FROM unnest(%s::text[], %s::float8[]) AS job (name, seconds)
    ON CONFLICT (name) DO UPDATE SET seconds = EXCLUDED.seconds
    WHERE platform_outbox_periodic.seconds IS DISTINCT FROM EXCLUDED.seconds
"""
# Whoever has the row locked is at the job; the others go on without waiting.
_TAKE = """
    SELECT due_at, leased_until, failures, coalesce(%s::timestamptz, statement_timestamp())
    FROM platform_outbox_periodic WHERE name = %s FOR UPDATE SKIP LOCKED
"""
_LEASE = """
    UPDATE platform_outbox_periodic
    SET leased_by = %s, leased_until = %s + make_interval(secs => %s), last_run_at = %s, worker = %s
    WHERE name = %s
"""
_GIVE_BACK = """
    UPDATE platform_outbox_periodic SET leased_by = '', leased_until = NULL WHERE name = %s AND leased_by = %s
"""
_DONE = """
    UPDATE platform_outbox_periodic
    SET due_at = %s, last_run_at = %s, last_done_at = %s, last_seconds = %s, worker = %s,
        failures = 0, error = '', leased_by = '', leased_until = NULL
    WHERE name = %s AND leased_by = %s
"""
_FAILED = """
    UPDATE platform_outbox_periodic
    SET due_at = %s, last_run_at = %s, last_seconds = %s, worker = %s,
        failures = %s, error = %s, leased_by = '', leased_until = NULL
    WHERE name = %s AND leased_by = %s AND due_at = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A job whose turn it is, with its row locked or leased by us."""

    run: Run
    due_at: datetime.datetime
    failures: int
    worker: str
    started: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def next_due(self) -> datetime.datetime:
        """Keeps to the old rhythm; rounds that were missed are left out."""
        interval = datetime.timedelta(seconds=self.run.job.seconds)
        late = self.run.now - self.due_at
        if late < datetime.timedelta():
            return self.run.now + interval
        return self.due_at + (late // interval + 1) * interval


def run_job(
    job: Job,
    *,
    now: datetime.datetime | None = None,
    worker: str = "",
    should_stop: Callable[[], bool] = lambda: False,
) -> float:
    """Run the job if it is due and nobody is at it; returns the seconds until it is worth asking again.

    `now` replaces the database's clock (tests). An error of the job is written into its row and logged, not raised;
    errors of the connection itself are raised.
    """
    taken: _Taken | None = None
    try:
        with transaction.atomic():
            taken, wait = _take(job, now=now, worker=worker, should_stop=should_stop)
            if taken is None:
                return wait
            if job.lease_seconds is None:
                job.function(taken.run)
                return _note_success(taken)
        job.function(taken.run)
    except JobInterrupted:
        _give_back(taken)
        return job.seconds
    except LeaseLost:
        logger.warning("Job %s took longer than its lease; another worker went on with it.", job.name)
        return job.seconds
    except Exception as error:
        if taken is None or is_the_servers(error):
            raise
        return _note_failure(taken, error)
    return _note_success(taken)


def run_due(*, now: datetime.datetime | None = None, worker: str = "") -> None:
    """Run every declared job that is due, once. For tests and for processes without a timekeeper."""
    introduce()
    for job in all_jobs():
        run_job(job, now=now, worker=worker)


def introduce() -> None:
    """Make the rows of jobs that are declared for the first time; those are due at once."""
    jobs = all_jobs()
    with connection.cursor() as cursor:
        cursor.execute(_INTRODUCE, ([job.name for job in jobs], [job.seconds for job in jobs]))


def _take(
    job: Job, *, now: datetime.datetime | None, worker: str, should_stop: Callable[[], bool]
) -> tuple[_Taken | None, float]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (now, job.name))
        row = cursor.fetchone()
        if row is None:
            return None, min(job.seconds, LOOK_AGAIN_SECONDS)
        due_at, leased_until, failures, now = row
        wait = max((due_at - now).total_seconds(), (leased_until - now).total_seconds() if leased_until else 0.0)
        # A row that is due later than any rhythm or wait explains was written by a clock that was wrong.
        if 0 < wait <= max(job.seconds, job.lease_seconds or 0.0, LONGEST_WAIT_SECONDS):
            return None, wait
        lease = secrets.token_hex(8) if job.lease_seconds is not None else ""
        if lease:
            cursor.execute(_LEASE, (lease, now, job.lease_seconds, now, worker[:120], job.name))
    run = Run(job=job, now=now, lease=lease, should_stop=should_stop)
    return _Taken(run=run, due_at=due_at, failures=failures, worker=worker[:120], started=time.monotonic()), 0.0


def _give_back(taken: _Taken | None) -> None:
    """Still due, and free."""
    if taken is not None:
        with connection.cursor() as cursor:
            cursor.execute(_GIVE_BACK, (taken.run.job.name, taken.run.lease))


def _note_success(taken: _Taken) -> float:
    run, due = taken.run, taken.next_due
    JOB_SECONDS.labels(run.job.name).observe(taken.seconds)
    done = run.now + datetime.timedelta(seconds=taken.seconds)
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_DONE, (due, run.now, done, taken.seconds, taken.worker, run.job.name, run.lease))
        tallies.add(tallies.tally(tallies.JOB_RUNS, run.job.name, "done"))
    if taken.failures:
        logger.info("Job %s works again.", run.job.name)
    return max(0.0, (due - done).total_seconds())


def _note_failure(taken: _Taken, error: Exception) -> float:
    run, failures = taken.run, min(taken.failures + 1, 32_000)
    delay = delay_before(
        attempt=failures + 1,
        base=max(1.0, settings.WORKER_BACKOFF_SECONDS),
        multiplier=settings.OUTBOX_BACKOFF_MULTIPLIER,
        luck=random.random(),  # noqa: S311
    )
    delay = min(delay, max(run.job.seconds, LONGEST_WAIT_SECONDS))
    due = run.now + datetime.timedelta(seconds=taken.seconds + delay)
    text = clean("".join(traceback.format_exception(error)), LONGEST_ERROR)
    row = (due, run.now, taken.seconds, taken.worker, failures, text, run.job.name, run.lease, taken.due_at)
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_FAILED, row)
        tallies.add(tallies.tally(tallies.JOB_RUNS, run.job.name, "failed"))
    if _lost_its_connection(error):
        # Django has opened another one by now. There is nothing in the code to be looked for.
        logger.warning(
            "Job %s lost its connection, trying again in %.0f s: %s", run.job.name, delay, first_line_of(error)
        )
    else:
        logger.error("Job %s failed, trying again in %.0f s", run.job.name, delay, exc_info=error)
    return delay


def _lost_its_connection(error: Exception) -> bool:
    """Whether a connection broke under the job: an error that no server has sent, or that of an operator's command."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith("57P"))


class Scheduler:
    """The body of a worker's thread that runs the jobs, each when its row says so."""

    def __init__(self, *, worker: str) -> None:
        self.worker = worker
        self._stopping = threading.Event()
        self._next: dict[str, float] = {}

    def stop(self) -> None:
        """End after the job that is running."""
        self._stopping.set()

    def run(self) -> None:
        """Run jobs until stopped, reconnecting as often as it takes."""
        self._persist(introduce)
        while not self._stopping.is_set():
            for job in all_jobs():
                if self._next.get(job.name, 0.0) <= time.monotonic() and not self._stopping.is_set():
                    self._persist(lambda: self._look_at(job))  # noqa: B023
            self._stopping.wait(max(0.05, min(self._next.values(), default=0.0) - time.monotonic()))
        connections.close_all()

    def _look_at(self, job: Job) -> None:
        wait = run_job(job, worker=self.worker, should_stop=self._stopping.is_set)
        self._next[job.name] = time.monotonic() + min(wait, LOOK_AGAIN_SECONDS)

    def _persist(self, step: Callable[[], Any]) -> None:
        """Take the step; with the database away, say so once and try again until it is back."""
        away = False
        while not self._stopping.is_set():
            try:
                step()
            except (DatabaseError, InterfaceError) as error:
                connections.close_all()
                if not away:
                    logger.warning("The database is away, periodic jobs wait: %s", first_line_of(error))
                away = True
                self._stopping.wait(5.0)
            else:
                return
