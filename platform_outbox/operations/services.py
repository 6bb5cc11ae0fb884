"""Starting, stopping and resuming long operations. Who may do so is the caller's question (`Operation.permission`)."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from platform_outbox.emit import emit
from platform_outbox.operations.events import OperationRequested
from platform_outbox.operations.models import OPEN_RUNS, OperationRun
from platform_outbox.operations.parameters import read, written
from platform_outbox.operations.registry import Operation, operation_named

State = OperationRun.State


class OperationRefused(Exception):
    """The operation cannot be started, stopped or resumed; the message says why in a sentence."""


class OperationBusy(OperationRefused):
    """A run of the operation is open for the same scope; `run_id` names it."""

    def __init__(self, message: str, *, run_id: int) -> None:
        super().__init__(message)
        self.run_id = run_id


def start(*, name: str, given: Mapping[str, Any], by: str, dry_run: bool = False) -> OperationRun:
    """Have a worker carry the operation out; returns the run, by which it can be watched.

    `given` holds texts or JSON values. Raises ParametersInvalid, OperationBusy, OperationRefused.
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
    )
    return _request(run)


def resume(*, run_id: int, by: str) -> OperationRun:
    """Have a run that failed or was cancelled go on from what it kept. Raises OperationRefused, OperationBusy."""
    with transaction.atomic():
        run = OperationRun.objects.select_for_update().get(pk=run_id)
        _known(run.operation)
        if run.state not in (State.FAILED, State.CANCELLED):
            raise OperationRefused(
                f"Run {run_id} is {run.get_state_display()}; only what failed or was cancelled goes on."
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
        if run.state not in OPEN_RUNS:
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
        there = (
            OperationRun.objects.filter(operation=run.operation, scope=run.scope, state__in=OPEN_RUNS)
            .exclude(pk=run.pk)
            .first()
        )
        if there is None:
            raise
        raise OperationBusy(
            f"{run.operation} is under way already: run {there.pk}, started by {there.by}.", run_id=there.pk
        ) from None
    return run
