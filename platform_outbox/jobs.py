"""Work that is done every so often, by one of the workers.

Apps declare it in a module `periodic`, which is found by itself:

    @every("identity.prune_access", seconds=86_400)
    def prune_access(run: Run) -> None: ...
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection

Function = TypeVar("Function", bound=Callable[..., Any])

_jobs: dict[str, "Job"] = {}

_RENEW = """
    UPDATE platform_outbox_periodic SET leased_until = statement_timestamp() + make_interval(secs => %s)
    WHERE name = %s AND leased_by = %s
"""


class LeaseLost(Exception):
    """Another worker has taken the job over; this run must end without doing more."""


class JobInterrupted(Exception):
    """This worker is about to end; another one goes on with the job at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function that is called every so many seconds by one worker at a time."""

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
        """Say between two steps of a long run that it goes on.

        Raises LeaseLost if another worker has it by now, JobInterrupted if this worker has to end: let both through.
        """
        if not self.lease:
            return
        if self.should_stop():
            raise JobInterrupted(self.job.name)
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, (self.job.lease_seconds, self.job.name, self.lease))
            if cursor.rowcount != 1:
                raise LeaseLost(self.job.name)


def every(name: str, *, seconds: float, lease_seconds: float | None = None) -> Callable[[Function], Function]:
    """Call the decorated function every so many seconds, on one worker however many there are.

    Without a lease it runs inside the transaction that also marks it as done: everything it writes happens once per
    run. A long job takes a lease instead, runs outside any transaction in small steps of its own and calls
    `run.renew()` between them; after a killed worker it is run again when the lease has passed.
    What was missed while no worker ran is made up for by one run. After a failure the job is tried again with
    growing waits. `name` is stored: changing it makes it another job.
    """

    def register(function: Function) -> Function:
        there = _jobs.get(name)
        if there is not None and _place(there.function) != _place(function):
            raise TypeError(f"Two jobs are called {name}: {_place(there.function)} and {_place(function)}.")
        _jobs[name] = Job(name=name, function=function, seconds=float(seconds), lease_seconds=lease_seconds)
        return function

    return register


def all_jobs() -> list[Job]:
    """Every declared job, by name."""
    return [_jobs[name] for name in sorted(_jobs)]


def _place(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
