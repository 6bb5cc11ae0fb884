"""Carrying out one run of an operation, in a worker or on a terminal."""

import contextlib
import secrets
import traceback
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from django.utils import timezone

from platform_outbox.operations.models import OPEN_RUNS, OperationRun
from platform_outbox.operations.parameters import read
from platform_outbox.operations.progress import (
    OperationCancelled,
    OperationInterrupted,
    RecordedRun,
    Run,
)
from platform_outbox.operations.registry import operation_named
from platform_outbox.processing.results import clean
from platform_outbox.wakeup.notifier import own_connection

State = OperationRun.State
LONGEST_ERROR = 2_000


def carry_out(*, run_id: int, goes_on: Callable[[], bool]) -> None:
    """Carry out the run, or go on where its last worker stopped; everything that comes of it is in its row.

    Safe to call twice: a run that is over is left alone, and the newer caller fences off the older. Raises
    OperationInterrupted when `goes_on` became false: the run stays open for whoever comes next.
    """
    token = secrets.token_hex(16)
    run = _take(run_id, token)
    if run is None:
        return
    reporter = _InTransaction() if connection.in_atomic_block else _Reporter()
    record = RecordedRun(
        run_id=run_id,
        token=token,
        by=run.by,
        dry_run=run.dry_run,
        kept=run.kept,
        done=run.done if run.kept else 0,
        execute=reporter,
        goes_on=goes_on,
    )
    try:
        _finish(run, token, record, _call(run, record))
    finally:
        reporter.close()


class _Reporter:
    """Executes on a connection of its own, and once more on another one when the server has been restarted."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None

    def __call__(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        if self._connection is None:
            self._connection = own_connection()
        try:
            return self._connection.execute(statement, values).fetchone()
        except psycopg.OperationalError:
            self.close()
            self._connection = own_connection()
            return self._connection.execute(statement, values).fetchone()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _InTransaction:
    """Inside a caller's transaction, as tests have it, nobody else could see the run's row."""

    def __call__(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def close(self) -> None:
        pass


def carry_out_here(*, name: str, parameters: Any, run: Run) -> dict[str, Any]:
    """Carry out the operation in this process, as commands do; returns its result."""
    operation = operation_named(name)
    assert operation is not None, name
    return operation.function(parameters, run)


def _take(run_id: int, token: str) -> OperationRun | None:
    """Mark the run as being carried out under this token, unless it is over."""
    now = timezone.now()
    run = OperationRun.objects.filter(pk=run_id).first()
    if run is None or run.state not in OPEN_RUNS:
        return None
    taken = OperationRun.objects.filter(pk=run_id, state__in=OPEN_RUNS, token=run.token).update(
        state=State.RUNNING, token=token, started_at=run.started_at or now, heartbeat_at=now
    )
    return run if taken else None


def _call(run: OperationRun, record: RecordedRun) -> dict[str, Any]:
    """What becomes of the run: values for its row."""
    operation = operation_named(run.operation)
    try:
        if operation is None:
            raise LookupError(f"No operation is called {run.operation} in this worker.")
        record.report()
        result = operation.function(read(operation.parameters, run.parameters), record)
    except OperationCancelled:
        return {"state": State.CANCELLED}
    except OperationInterrupted:
        raise
    except Exception as error:
        record.say("".join(traceback.format_exception(error)))
        return {"state": State.FAILED, "error": clean(f"{type(error).__name__}: {error}", LONGEST_ERROR)}
    return {"state": State.DONE, "result": result}


def _finish(run: OperationRun, token: str, record: RecordedRun, outcome: dict[str, Any]) -> None:
    with contextlib.suppress(OperationCancelled):  # asked too late: it is what it is by now
        record.report()  # the last lines and figures
    OperationRun.objects.filter(pk=run.pk, token=token, state=State.RUNNING).update(
        finished_at=timezone.now(), heartbeat_at=timezone.now(), **outcome
    )
