"""Periodic jobs: how an app declares one in its module `periodic`, and how exactly one worker at a time runs it.

The row of a job is its lock and its memory: kept locked while a short job runs, or written a lease into for a long one.
"""

import datetime
import logging
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction

from platform_outbox import sql
from platform_outbox.discovery import discover
from platform_outbox.monitoring import metrics
from platform_outbox.monitoring.metrics import JOB_SECONDS
from platform_outbox.processing.handlers import is_the_servers
from platform_outbox.processing.results import clean, first_line_of
from platform_outbox.registry import refuse_namesake
from platform_outbox.retry import delay_before
from platform_outbox.timing import LONGEST_JOB_RETRY, LOOK_AT_JOBS_EVERY

Function = TypeVar("Function", bound=Callable[..., Any])

LONGEST_ERROR = 4_000

logger = logging.getLogger("platform_outbox.jobs")

_jobs: dict[str, "Job"] = {}


class LeaseLost(Exception):
    """Another worker has taken the job over; this run must end without doing more."""


class JobInterrupted(Exception):
    """This worker is about to end; another one continues the job at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function that one worker at a time calls at an interval."""

    name: str
    function: "Callable[[Run], object]"
    seconds: float
    lease_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job. `now` is the database's clock when the run began; jobs read no other."""

    job: Job
    now: datetime.datetime
    lease: str = field(default="", repr=False)
    should_stop: Callable[[], bool] = field(default=lambda: False, repr=False)

    def renew(self) -> None:
        """Renew the lease between two steps of a long run.

        Raises LeaseLost if another worker has it by now, JobInterrupted if this worker has to end: let both through.
        """
        if not self.lease:
            return
        if self.should_stop():
            raise JobInterrupted(self.job.name)
        if sql.change("renew_job", (self.job.lease_seconds, self.job.name, self.lease)) != 1:
            raise LeaseLost(self.job.name)


def every(name: str, *, seconds: float, lease_seconds: float | None = None) -> Callable[[Function], Function]:
    """Call the decorated function every `seconds`, on one worker at a time.

    Without a lease it runs inside the transaction that also marks it as done: everything it writes happens once per
    run. A long job takes a lease instead, runs outside any transaction in small steps of its own and calls
    `run.renew()` between them; after a killed worker it is run again when the lease has passed.
    What was missed while no worker ran is made up for by one run. After a failure the job is tried again with
    growing waits. `name` is stored: changing it makes it another job.
    """

    def register(function: Function) -> Function:
        refuse_namesake("job", name, _jobs, function)
        _jobs[name] = Job(name=name, function=function, seconds=float(seconds), lease_seconds=lease_seconds)
        return function

    return register


def all_jobs() -> list[Job]:
    discover("periodic")
    return [_jobs[name] for name in sorted(_jobs)]


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
    job: Job, *, now: datetime.datetime | None = None, worker: str = "", should_stop: Callable[[], bool] = lambda: False
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
        if taken is not None:
            sql.change("give_back_job", (job.name, taken.run.lease))
        return job.seconds
    except LeaseLost:
        logger.warning("Job %s took longer than its lease; another worker went on with it.", job.name)
        return job.seconds
    except Exception as error:
        if taken is None or is_the_servers(error):
            raise
        return _note_failure(taken, error)
    return _note_success(taken)


def introduce() -> None:
    """Make the rows of jobs that are declared for the first time; those are due at once."""
    jobs = all_jobs()
    sql.change("introduce_jobs", ([job.name for job in jobs], [job.seconds for job in jobs]))


def _take(
    job: Job, *, now: datetime.datetime | None, worker: str, should_stop: Callable[[], bool]
) -> tuple[_Taken | None, float]:
    rows = sql.fetch("take_job", (now, job.name))
    if not rows:
        return None, min(job.seconds, LOOK_AT_JOBS_EVERY)
    ((due_at, leased_until, failures, now),) = rows
    wait = max((due_at - now).total_seconds(), (leased_until - now).total_seconds() if leased_until else 0.0)
    # A row that is due later than any rhythm or wait explains was written by a clock that was wrong.
    if 0 < wait <= max(job.seconds, job.lease_seconds or 0.0, LONGEST_JOB_RETRY):
        return None, wait
    lease = ""
    if job.lease_seconds is not None:
        lease = secrets.token_hex(8)
        sql.change("lease_job", (lease, now, job.lease_seconds, now, worker[:120], job.name))
    run = Run(job=job, now=now, lease=lease, should_stop=should_stop)
    return _Taken(run=run, due_at=due_at, failures=failures, worker=worker[:120], started=time.monotonic()), 0.0


def _note_success(taken: _Taken) -> float:
    run, due = taken.run, taken.next_due
    JOB_SECONDS.labels(run.job.name).observe(taken.seconds)
    done = run.now + datetime.timedelta(seconds=taken.seconds)
    with transaction.atomic(savepoint=False):
        sql.change("job_done", (due, run.now, done, taken.seconds, taken.worker, run.job.name, run.lease))
        metrics.add(metrics.tally(metrics.JOB_RUNS, run.job.name, "done"))
    if taken.failures:
        logger.info("Job %s works again.", run.job.name)
    return max(0.0, (due - done).total_seconds())


def _note_failure(taken: _Taken, error: Exception) -> float:
    run, failures = taken.run, min(taken.failures + 1, 32_000)
    delay = min(delay_before(attempt=failures + 1, shortest=1.0), max(run.job.seconds, LONGEST_JOB_RETRY))
    due = run.now + datetime.timedelta(seconds=taken.seconds + delay)
    text = clean("".join(traceback.format_exception(error)), LONGEST_ERROR)
    row = (due, run.now, taken.seconds, taken.worker, failures, text, run.job.name, run.lease, taken.due_at)
    with transaction.atomic(savepoint=False):
        sql.change("job_failed", row)
        metrics.add(metrics.tally(metrics.JOB_RUNS, run.job.name, "failed"))
    # A connection that broke under the job: an error that no server has sent, or that of an operator's command.
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith("57P")):
        # Django has opened another one by now. There is nothing in the code to be looked for.
        told = first_line_of(error)
        logger.warning("Job %s lost its connection, trying again in %.0f s: %s", run.job.name, delay, told)
    else:
        logger.error("Job %s failed, trying again in %.0f s", run.job.name, delay, exc_info=error)
    return delay


class Scheduler:
    """The body of a worker's thread that runs the jobs, each when its row says so."""

    def __init__(self, *, worker: str) -> None:
        self.worker = worker
        self._stopping = threading.Event()
        self._next: dict[str, float] = {}

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Run jobs until stopped, reconnecting as often as it takes."""
        introduced, away = False, False
        while not self._stopping.is_set():
            try:
                if not introduced:
                    introduce()
                    introduced = True
                for job in all_jobs():
                    if self._next.get(job.name, 0.0) <= time.monotonic() and not self._stopping.is_set():
                        wait = run_job(job, worker=self.worker, should_stop=self._stopping.is_set)
                        self._next[job.name] = time.monotonic() + min(wait, LOOK_AT_JOBS_EVERY)
            except (DatabaseError, InterfaceError) as error:
                connections.close_all()
                if not away:
                    logger.warning("The database is away, periodic jobs wait: %s", first_line_of(error))
                away = True
                self._stopping.wait(5.0)
            else:
                away = False
                self._stopping.wait(max(0.05, min(self._next.values(), default=0.0) - time.monotonic()))
        connections.close_all()
