"""Exports that members of a book start: runs of the long operation, found by their book, and the file of each."""

import datetime
from pathlib import Path

from django.db.models import QuerySet

from finance.exports.formats import OPERATION
from finance.ledger.models import Book
from identity.models import User
from platform_outbox.operations import runs, services
from platform_outbox.operations.models import OperationRun

# How long a file can be downloaded. It is deleted later, with the files of other operations.
FETCHED_WITHIN = datetime.timedelta(days=7)


def start_export(*, book: Book, actor: User, format: str) -> OperationRun:
    """Have a worker export the book; one at a time. Raises OperationBusy, ParametersInvalid for an unknown format."""
    return services.start(name=OPERATION, given={"book": book.pk, "format": format}, by=actor.get_username())


def runs_of(*, book: Book) -> QuerySet[OperationRun]:
    """Exports of the book, the latest first."""
    return OperationRun.objects.filter(operation=OPERATION, scope=f"book:{book.pk}").order_by("-pk")


def exported_file(run: OperationRun, *, now: datetime.datetime) -> Path | None:
    """The file that a finished run left, for as long as it can be downloaded."""
    if run.state != OperationRun.State.DONE or run.finished_at is None or run.finished_at + FETCHED_WITHIN < now:
        return None
    return next(iter(runs.left_by(run.pk)), None)
