"""The outbox's own long operations."""

import dataclasses
import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from platform_outbox import retention
from platform_outbox.models import Replay
from platform_outbox.operations import services
from platform_outbox.operations.models import OPEN_RUNS, OperationRun
from platform_outbox.operations.registry import operation, parameter
from platform_outbox.operations.runs import OperationCancelled, OperationStopped, Run
from platform_outbox.operators import replay

REPLAY = "outbox.replay"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PruneParameters:
    days: int = parameter(
        gettext_lazy("Older than, in days"),
        help_text=gettext_lazy("Handled and discarded events that were finished before; dead and waiting ones stay."),
        default=30,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplayParameters:
    handler: str = parameter(gettext_lazy("Handler"), help_text=gettext_lazy("Its name, as the console lists it."))
    event_type: str = parameter(
        gettext_lazy("Event"), help_text=gettext_lazy("Empty: all that the handler listens to."), default=""
    )
    book: int | None = parameter(gettext_lazy("Book"), help_text=gettext_lazy("Empty: all books."), default=None)
    since: datetime.date | None = parameter(gettext_lazy("From"), help_text=gettext_lazy("Day, in UTC."), default=None)
    until: datetime.date | None = parameter(
        gettext_lazy("To"), help_text=gettext_lazy("First day that is left out, in UTC."), default=None
    )
    rate: int | None = parameter(gettext_lazy("Events a second, at most"), default=None)
    keep_going: bool = parameter(gettext_lazy("Note events that fail, and continue"), default=False)
    including_io: bool = parameter(gettext_lazy("Repeat effects outside the database too"), default=False)


class ReplayStopped(Exception):
    """An event failed; the message tells which, and the run can be resumed once it is mended."""


@operation(
    "outbox.prune",
    title=gettext_lazy("Prune the outbox"),
    help_text=gettext_lazy(
        "Deletes events that were handled or discarded long ago, in small steps beside the workers."
    ),
    parameters=PruneParameters,
    permission="platform_outbox.delete_outboxmessage",
)
def prune(parameters: PruneParameters, run: Run) -> dict[str, Any]:
    """Delete old events in small steps; what a stopped run has deleted is deleted."""
    before = timezone.now() - datetime.timedelta(days=parameters.days)
    pruned = retention.prune(before=before, renew=lambda: run.advance())
    return {"deleted": pruned.rows, "partitions dropped": ", ".join(pruned.partitions) or "none"}


@operation(
    REPLAY,
    title=gettext_lazy("Run a handler over past events"),
    help_text=gettext_lazy(
        "Runs one handler again over events that it has handled, oldest first: for a handler that was mended or is new. "
        "Each event is handled exactly once per run. A dry run counts the events."
    ),
    parameters=ReplayParameters,
    permission="platform_outbox.change_outboxmessage",
    scope=lambda parameters: parameters.handler,
    dry_run=True,
)
def replay_events(parameters: ReplayParameters, run: Run) -> dict[str, Any]:
    """Replay; a stopped run continues behind the last event that it handled."""
    if "replay" in run.kept:
        return carry_on(replay.resume(replay_id=run.kept["replay"], keep_going=parameters.keep_going), run)
    planned = replay.plan(
        handler=parameters.handler,
        by=run.by,
        event_types=[parameters.event_type] if parameters.event_type else [],
        ordering_key=f"book:{parameters.book}" if parameters.book else "",
        emitted_from=_midnight(parameters.since),
        emitted_to=_midnight(parameters.until),
        rate=parameters.rate,
        keep_going=parameters.keep_going,
        including_io=parameters.including_io,
    )
    if run.dry_run:
        return {"events": count(planned, run)}
    planned.save()
    run.keep(replay=planned.pk)
    return carry_on(planned, run)


def count(planned: Replay, run: Run) -> int:
    run.expect(max(0, planned.last - planned.first + 1), unit="ids")
    found = 0
    for reached, found in replay.count(planned):  # noqa: B007 -- told at the end
        run.show(reached - planned.first + 1)
        run.advance(0)
    return found


def carry_on(current: Replay, run: Run) -> dict[str, Any]:
    """Carry the replay out to its end. Raises ReplayStopped when it stopped at an event, OperationStopped."""
    # Along the ids: counting the events beforehand would read all of them.
    run.expect(max(0, current.last - current.first + 1), unit="ids")
    try:
        for _step in replay.run(current):
            current.refresh_from_db()
            run.show(current.cursor - current.first + 1)
            run.advance(0)
    except (OperationStopped, KeyboardInterrupt):
        replay.stop(replay_id=current.pk)
        raise
    current.refresh_from_db()
    if current.state != Replay.State.FINISHED:
        raise ReplayStopped(current.error) if current.error else OperationCancelled
    return {"handled": current.handled, "failed": current.failed}


def stop_replay(*, replay_id: int, by: str) -> bool:
    """End a replay after the events in hand, in a worker or on a terminal; False if it is not under way."""
    with transaction.atomic():
        for run in OperationRun.objects.filter(operation=REPLAY, kept__replay=replay_id, state__in=OPEN_RUNS):
            services.cancel(run_id=run.pk, by=by)
        return replay.stop(replay_id=replay_id)


def resume_replay(*, replay_id: int, by: str) -> None:
    """Have the workers continue with a replay that stopped, and pass the event at which it failed.

    Raises ReplayRefused, OperationBusy.
    """
    with transaction.atomic():
        failed = Replay.objects.filter(pk=replay_id).exclude(error="").exists()
        current = replay.resume(replay_id=replay_id, in_worker=True, keep_going=failed)
        given = {"handler": current.handler, "keep_going": current.keep_going}
        services.start(name=REPLAY, given=given, by=by, kept={"replay": replay_id})


def _midnight(day: datetime.date | None) -> datetime.datetime | None:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC) if day else None
