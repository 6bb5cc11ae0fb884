"""Long operations: started, cancelled and resumed by people, carried out by workers. Every run passes through here.

A run is a row. The worker that carries it out holds its token, reports with it, and learns there that it was cancelled or taken
over. Who may start or stop a run is the caller's question (`Operation.permission`).
"""

import contextlib
import json
import secrets
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from platform_outbox.emit import emit
from platform_outbox.operations import runs
from platform_outbox.operations.models import OPEN_RUNS, OperationRequested, OperationRun
from platform_outbox.operations.registry import Operation, operation_named, read, written
from platform_outbox.operations.runs import OperationCancelled, OperationInterrupted, Run
from platform_outbox.processing.results import clean
from platform_outbox.registry import Context, Interrupted, on
from platform_outbox.sql import QUERIES, rows_of
from platform_outbox.wakeup.notifier import OwnConnection

State = OperationRun.State

REPORT_SECONDS = 0.5  # steps may be short: the database hears of them no more often
LONGEST_LOG = 200_000
LONGEST_ERROR = 2_000
LEASE_SECONDS = 30.0  # a worker that died in an operation is missed after this
LONGEST_SECONDS = 24 * 3600.0  # in one go


class OperationRefused(Exception):
    """The operation cannot be started, stopped or resumed; the message says why in a sentence."""


class OperationBusy(OperationRefused):
    """A run of the operation is open for the same scope; `run_id` names it."""

    def __init__(self, message: str, *, run_id: int) -> None:
        super().__init__(message)
        self.run_id = run_id


def start(
    *, name: str, given: Mapping[str, Any], by: str, dry_run: bool = False, kept: Mapping[str, Any] | None = None
) -> OperationRun:
    """Have a worker carry the operation out; returns the run, by which it can be watched.

    `given` holds texts or JSON values; `kept` what an earlier run kept, to continue from there. Raises
    ParametersInvalid, OperationBusy, OperationRefused.
    """
    operation = _known(name)
    if dry_run and not operation.dry_run:
        raise OperationRefused(f"{name} has no dry run.")
    parameters = read(operation.parameters, given)
    run = OperationRun(
        operation=name,
        scope=operation.scope(parameters),
        parameters=written(parameters),
        dry_run=dry_run,
        by=by[:254],
        requested_at=timezone.now(),
        kept=dict(kept or {}),
    )
    return _request(run)


def resume(*, run_id: int, by: str) -> OperationRun:
    """Have a run that failed or was cancelled continue from what it kept. Raises OperationRefused, OperationBusy."""
    with transaction.atomic():
        run = OperationRun.objects.select_for_update().get(pk=run_id)
        _known(run.operation)
        if run.state not in (State.FAILED, State.CANCELLED):
            raise OperationRefused(
                f"Run {run_id} is {run.get_state_display()}; only a run that failed or was cancelled can be resumed."
            )
        run.state = State.REQUESTED
        run.cancel_requested_at = run.finished_at = None
        run.error = ""
        run.log += f"{timezone.now():%Y-%m-%d %H:%M:%S} resumed by {by}\n"
        return _request(run)


def cancel(*, run_id: int, by: str) -> OperationRun:
    """Ask a run to end at its next step; one that no worker has begun ends at once. Raises OperationRefused."""
    with transaction.atomic():
        run = OperationRun.objects.select_for_update().get(pk=run_id)
        operation = operation_named(run.operation)
        if not run.is_open:
            raise OperationRefused(f"Run {run_id} is {run.get_state_display()} already.")
        if operation is not None and not operation.cancel and run.state == State.RUNNING:
            raise OperationRefused(f"{run.operation} cannot stop half-way.")
        now = timezone.now()
        run.cancel_requested_at = now
        run.log += f"{now:%Y-%m-%d %H:%M:%S} cancelled by {by}\n"
        if run.state == State.REQUESTED:
            run.state, run.finished_at = State.CANCELLED, now
        run.save(update_fields=["cancel_requested_at", "log", "state", "finished_at"])
    return run


def _known(name: str) -> Operation:
    operation = operation_named(name)
    if operation is None:
        raise OperationRefused(f"There is no operation called {name}.")
    return operation


def _request(run: OperationRun) -> OperationRun:
    try:
        with transaction.atomic():
            run.save()
            emit(OperationRequested(run_id=run.pk, operation=run.operation, scope=run.scope))
    except IntegrityError:
        open_runs = OperationRun.objects.filter(operation=run.operation, scope=run.scope, state__in=OPEN_RUNS)
        there = open_runs.exclude(pk=run.pk).first()
        if there is None:
            raise
        raise OperationBusy(
            f"{run.operation} is under way already: run {there.pk}, started by {there.by}.", run_id=there.pk
        ) from None
    return run


# Unordered: an operation that takes an hour keeps no other one waiting.
@on(
    OperationRequested, name="operations.carry_out", io=True, ordered=False,
    lease_seconds=LEASE_SECONDS, longest_seconds=LONGEST_SECONDS,
)  # fmt: skip
def carry_out_requested(event: OperationRequested, context: Context) -> None:
    try:
        carry_out(run_id=event.run_id, goes_on=lambda: context.still_mine() and not context.stopping())
    except OperationInterrupted as interruption:
        raise Interrupted from interruption


def carry_out(*, run_id: int, goes_on: Callable[[], bool]) -> None:
    """Carry out the run, or continue where its last worker stopped; everything that comes of it is in its row.

    Safe to call twice: a run that is over stays as it is, and the newer caller fences off the older. Raises
    OperationInterrupted when `goes_on` became false: the run stays open for the next worker.
    """
    token, now = secrets.token_hex(16), timezone.now()
    run = OperationRun.objects.filter(pk=run_id).first()
    if run is None or not run.is_open:
        return
    own = OperationRun.objects.filter(pk=run_id, state__in=OPEN_RUNS, token=run.token)
    if not own.update(state=State.RUNNING, token=token, started_at=run.started_at or now, heartbeat_at=now):
        return
    with contextlib.closing(OwnConnection()) as outside:

        def execute(statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
            # Inside a caller's transaction, as tests have it, no other connection could see the run's row.
            if connection.in_atomic_block:
                return next(iter(rows_of(statement, values)), None)
            return outside.execute(statement, values).fetchone()

        record = RecordedRun(run, token=token, execute=execute, goes_on=goes_on)
        outcome = _outcome(run, record)
        with contextlib.suppress(OperationCancelled):  # asked too late: the outcome stands
            record.report()  # the last lines and figures
    now = timezone.now()
    OperationRun.objects.filter(pk=run.pk, token=token, state=State.RUNNING).update(
        finished_at=now, heartbeat_at=now, **outcome
    )


def _outcome(run: OperationRun, record: "RecordedRun") -> dict[str, Any]:
    """Call the operation; values for the run's row. Lets OperationInterrupted through."""
    operation = operation_named(run.operation)
    try:
        if operation is None:
            raise LookupError(f"No operation is called {run.operation} in this worker.")
        record.report()
        result = operation.function(read(operation.parameters, run.parameters), record)
    except OperationCancelled:
        return {"state": State.CANCELLED}
    except Exception as error:
        with contextlib.suppress(OperationCancelled):
            record.say("".join(traceback.format_exception(error)))
        return {"state": State.FAILED, "error": clean(f"{type(error).__name__}: {error}", LONGEST_ERROR)}
    return {"state": State.DONE, "result": result}


class RecordedRun(Run):
    """Writes progress into the run's row; `execute` must commit by itself, to be seen while a step's transaction is open.

    The token fences: once another worker has taken the run over, nothing is written here any more.
    """

    def __init__(
        self,
        run: OperationRun,
        *,
        token: str,
        execute: Callable[[str, dict[str, Any]], tuple[Any, ...] | None],
        goes_on: Callable[[], bool],
    ) -> None:
        super().__init__(by=run.by, dry_run=run.dry_run, kept=run.kept, done=run.done if run.kept else 0)
        self._id = run.pk
        self._token = token
        self._lines: list[str] = []
        self._execute = execute
        self._goes_on = goes_on
        self._reported = 0.0

    def advance(self, steps: int = 1) -> None:
        if not self._goes_on():
            raise OperationInterrupted
        super().advance(steps)

    def show(self, done: int) -> None:
        self.done = done
        self._report_now_and_then()

    def say(self, text: str) -> None:
        self._lines.append(text)
        self._report_now_and_then()

    def read(self, name: str) -> bytes:
        return runs.given(name)

    def write(self, name: str, pieces: Iterable[str | bytes]) -> str:
        return runs.write_private(runs.directory_of(self._id) / name, pieces).name

    def _report_now_and_then(self) -> None:
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report()

    def report(self) -> None:
        values = {
            "id": self._id, "token": self._token, "done": self.done, "total": self.total, "unit": self.unit[:20],
            "kept": json.dumps(self.kept), "log": "".join(f"{line}\n" for line in self._lines), "longest": LONGEST_LOG,
        }  # fmt: skip
        row = self._execute(QUERIES["report_run"], values)
        self._lines.clear()
        self._reported = time.monotonic()
        if row is None:
            raise OperationInterrupted
        if row[0]:
            raise OperationCancelled
