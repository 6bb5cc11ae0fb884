"""What a worker does with a file that was received, and how those who sent it wait for the outcome."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from finance.errors import FinanceError, Invalid, StatementUnreadable
from finance.imports.content import read_content
from finance.imports.models import ImportBatch, ImportProfile
from finance.imports.parsers.profile import CsvProfile
from finance.imports.services import staging

State = ImportBatch.State

# How long a request may wait for the reading, and how long between two looks.
WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_SIGN_OF_LIFE_SECONDS = 1.0


class ReadingTaken(Exception):
    """The import was discarded, or another worker has taken it over: nothing more may be written."""


def read_received(*, batch: ImportBatch, stopping: Callable[[], bool] = lambda: False) -> ImportBatch:
    """Read a received file in steps that others can watch; an unreadable file is marked with the reason.

    Harmless when called twice: who comes later takes over from a reader that is gone, and a file that was read is
    left alone. A first reading starts with a clean slate; a repeated one replaces the rows in one transaction, so
    that the import stays as it was when it fails. Raises ReadingStopped when the worker is ending.
    """
    reader = uuid.uuid4().hex
    claimed = ImportBatch.objects.filter(pk=batch.pk, state=State.RECEIVED)
    if not claimed.update(reader=reader, reading_at=timezone.now()):
        batch.refresh_from_db()
        return batch
    batch = ImportBatch.objects.without_content().select_related("book", "account").get(pk=batch.pk)
    own = ImportBatch.objects.filter(pk=batch.pk, state=State.RECEIVED, reader=reader)

    def hold(**progress: Any) -> None:
        if not own.update(reading_at=timezone.now(), **progress):
            raise ReadingTaken

    try:
        parsed = staging.parse(
            data=read_content(batch), account=batch.account, question=batch.question, goes_on=_watch(hold, stopping)
        )
        if batch.question.get("changes") is None:
            with transaction.atomic():
                hold()
                batch.statements.all().delete()
            staging.fill(
                batch, parsed, hold=hold, on_progress=lambda done, total: hold(rows_done=done, rows_total=total)
            )
        else:
            with transaction.atomic():
                hold()
                _replace(batch, parsed)
    except ReadingTaken:
        batch.refresh_from_db()
    except FinanceError as error:
        _refuse(batch, error, own=own)
    return batch


def _watch(hold: Callable[[], None], stopping: Callable[[], bool]) -> Callable[[], bool]:
    """Whether to continue a long parse; called often, it asks the database once a second."""
    looked = time.monotonic()

    def goes_on() -> bool:
        nonlocal looked
        if time.monotonic() - looked >= _SIGN_OF_LIFE_SECONDS:
            looked = time.monotonic()
            hold()
        return not stopping()

    return goes_on


def _replace(batch: ImportBatch, parsed: Any) -> None:
    batch.statements.all().delete()
    batch.notes = []
    staging.fill(batch, parsed, hold=lambda: None)
    profile: CsvProfile = parsed.profile
    ImportProfile.objects.update_or_create(
        account=batch.account,
        signature=profile.signature,
        defaults={"book": batch.book, "reading": profile.to_dict(), "updated_by_id": batch.question.get("by")},
    )


def _refuse(batch: ImportBatch, error: FinanceError, *, own: Any) -> None:
    """Say why; an import that was staged before is staged again as it was."""
    again = batch.question.get("changes") is not None
    refusal = {"code": error.code, "detail": error.detail, "fields": error.fields}
    own.update(state=State.STAGED if again else State.REFUSED, problem=error.detail, refusal=refusal)
    batch.refresh_from_db()


def give_up(*, batch_id: int) -> None:
    """Mark a file as unreadable whose reading fails again and again for a reason that is not the file's."""
    batch = ImportBatch.objects.without_content().filter(pk=batch_id, state=State.RECEIVED).first()
    if batch is not None:
        said = gettext(
            "The file could not be read because of an error on this server. The operator can find the cause in its log."
        )
        _refuse(
            batch, StatementUnreadable(reason=said), own=ImportBatch.objects.filter(pk=batch_id, state=State.RECEIVED)
        )


_places = threading.BoundedSemaphore(max(1, settings.GUNICORN_THREADS // 2))


def settled(*, batch: ImportBatch, seconds: float = WAIT_SECONDS, keep: bool = False) -> ImportBatch:
    """The import once a worker has read it, or as it is when the time is up.

    At most half of the process's threads wait like that; the others answer at once. Raises StatementUnreadable or
    Invalid for what could not be read: a new file is then gone again, a staged one is as it was. With `keep` a new file
    that could not be read is returned with its problem, to be tried again with other settings.
    """
    if _places.acquire(blocking=False):
        try:
            until = time.monotonic() + seconds
            while ImportBatch.objects.filter(pk=batch.pk, state=State.RECEIVED).exists() and time.monotonic() < until:
                pause(_LOOK_SECONDS)
        finally:
            _places.release()
    batch = ImportBatch.objects.without_content().select_related("account").get(pk=batch.pk)
    if keep and batch.state == State.REFUSED:
        return batch
    if batch.state != State.RECEIVED and batch.refusal is not None:
        raise take_refusal(batch=batch)
    return batch


def take_refusal(*, batch: ImportBatch) -> FinanceError:
    """Why the last reading failed, to be told once: a file that was never staged is deleted, a staged one kept."""
    refusal = batch.refusal or {}
    if batch.state == State.REFUSED:
        ImportBatch.objects.filter(pk=batch.pk, state=State.REFUSED).delete()
    else:
        ImportBatch.objects.filter(pk=batch.pk).update(refusal=None, problem="")
    kind = StatementUnreadable if refusal.get("code") == StatementUnreadable.code else Invalid
    return kind(reason=refusal.get("detail", batch.problem), fields=refusal.get("fields"))


def pause(seconds: float) -> None:
    """Between two looks; tests read the file here."""
    time.sleep(seconds)
