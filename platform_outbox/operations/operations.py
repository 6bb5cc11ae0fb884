"""The outbox's own long operations."""

import dataclasses
import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy

from platform_outbox import retention
from platform_outbox.models import Replay
from platform_outbox.operations.parameters import parameter
from platform_outbox.operations.progress import OperationStopped, Run
from platform_outbox.operations.registry import operation
from platform_outbox.operators import replay


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PruneParameters:
    days: int = parameter(
        gettext_lazy("Older than, in days"),
        says=gettext_lazy("Handled and discarded events that were finished before; dead and waiting ones stay."),
        default=30,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplayParameters:
    handler: str = parameter(gettext_lazy("Handler"), says=gettext_lazy("Its name, as the console lists it."))
    event_type: str = parameter(
        gettext_lazy("Event"), says=gettext_lazy("Empty: all that the handler listens to."), default=""
    )
    book: int | None = parameter(gettext_lazy("Book"), says=gettext_lazy("Empty: all books."), default=None)
    since: datetime.date | None = parameter(gettext_lazy("From"), says=gettext_lazy("Day, in UTC."), default=None)
    until: datetime.date | None = parameter(
        gettext_lazy("To"), says=gettext_lazy("First day that is left out, in UTC."), default=None
    )
    rate: int | None = parameter(gettext_lazy("Events a second, at most"), default=None)
    keep_going: bool = parameter(gettext_lazy("Note events that fail, and go on"), default=False)
    including_io: bool = parameter(gettext_lazy("Repeat effects outside the database too"), default=False)


class ReplayStopped(Exception):
    """An event failed; the message tells which, and the run can be resumed once it is mended."""


@operation(
    "outbox.prune",
    title=gettext_lazy("Prune the outbox"),
    says=gettext_lazy("Deletes events that were handled or discarded long ago, in small steps beside the workers."),
    parameters=PruneParameters,
    permission="platform_outbox.delete_outboxmessage",
)
def prune(parameters: PruneParameters, run: Run) -> dict[str, Any]:
    """Delete old events in small steps; what a stopped run has deleted is deleted."""
    before = timezone.now() - datetime.timedelta(days=parameters.days)
    pruned = retention.prune(before=before, renew=lambda: run.advance())
    return {"deleted": pruned.rows, "partitions dropped": ", ".join(pruned.partitions) or "none"}


@operation(
    "outbox.replay",
    title=gettext_lazy("Run a handler over past events"),
    says=gettext_lazy(
        "Runs one handler again over events that it has handled, oldest first: for a handler that was mended or is new. "
        "Each event is handled exactly once per run. A dry run counts the events."
    ),
    parameters=ReplayParameters,
    permission="platform_outbox.change_outboxmessage",
    scope=lambda parameters: parameters.handler,
    dry_run=True,
)
def replay_events(parameters: ReplayParameters, run: Run) -> dict[str, Any]:
    """Replay; a stopped run goes on behind the last event that it handled."""
    wanted = replay.plan(
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
    return _count(wanted, run) if run.dry_run else _carry_on(wanted, run)


def _count(wanted: Replay, run: Run) -> dict[str, Any]:
    run.expect(max(0, wanted.last - wanted.first + 1), unit="ids")
    found, before = 0, wanted.cursor
    for reached, found in replay.count(wanted):  # noqa: B007 -- told at the end
        run.advance(reached - before)
        before = reached
    return {"events": found}


def _carry_on(wanted: Replay, run: Run) -> dict[str, Any]:
    if "replay" in run.kept:
        current = replay.resume(replay_id=run.kept["replay"], keep_going=wanted.keep_going)
    else:
        current = replay.start(wanted)
        run.keep(replay=current.pk)
    run.expect(max(0, current.last - current.first + 1), unit="ids")
    try:
        for _step in replay.run(current):
            current.refresh_from_db()
            run.show(current.cursor - current.first + 1)
            run.advance(0)
    except OperationStopped:
        replay.stop(replay_id=current.pk)
        raise
    current.refresh_from_db()
    if current.state != Replay.State.FINISHED:
        raise ReplayStopped(current.error)
    return {"handled": current.handled, "failed": current.failed}


def _midnight(day: datetime.date | None) -> datetime.datetime | None:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC) if day else None
