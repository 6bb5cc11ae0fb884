"""Reports that read too much for one answer: a worker makes them, and they are kept for a day."""

import datetime
import json
from collections.abc import Mapping
from typing import Any

from django.utils.http import urlencode
from django.utils.translation import get_language

from finance.ledger.models import Book
from finance.reports.definition import Definition
from identity.models import User
from platform_outbox.operations import runs, services
from platform_outbox.operations.models import OPEN_RUNS, OperationRun

OPERATION, REPORT_FILE = "reports.make", "report.json"
KEPT_FOR = datetime.timedelta(days=1)


def start_report(*, book: Book, actor: User, definition: Definition) -> OperationRun:
    """Have a worker make the report; one at a time in a book. Raises OperationBusy."""
    return services.start(name=OPERATION, given=_asked(book, definition), by=actor.get_username())


def latest_run(*, book: Book, definition: Definition, now: datetime.datetime) -> OperationRun | None:
    """The run that makes or made this report in the reader's language, if it is open or ended within a day."""
    found = OperationRun.objects.filter(
        operation=OPERATION, scope=f"book:{book.pk}", parameters__contains=_asked(book, definition)
    ).order_by("-pk").first()  # fmt: skip
    if found is None or found.state in OPEN_RUNS:
        return found
    return found if found.finished_at is not None and found.finished_at + KEPT_FOR > now else None


def kept_report(run: OperationRun | None) -> Mapping[str, Any] | None:
    """What a finished run left: the report as `keeping.packed` has it, and the day on which it was made."""
    if run is None or run.state != OperationRun.State.DONE:
        return None
    try:
        kept: dict[str, Any] = json.loads((runs.directory_of(run.pk) / REPORT_FILE).read_text())
    except (OSError, ValueError):
        return None
    return kept


def _asked(book: Book, definition: Definition) -> dict[str, Any]:
    return {
        "book": book.pk,
        "kind": definition.kind.value,
        "query": urlencode(sorted(definition.parameters().items())),
        "language": get_language() or "en",
    }
