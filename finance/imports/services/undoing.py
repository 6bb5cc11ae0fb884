"""Undoes an import: entries that nobody has changed since are reversed, the rest is listed."""

import datetime
from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from finance.errors import Conflict
from finance.events.records import ImportUndone
from finance.imports.models import ImportBatch, ImportRow
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.services import correct_entry, reverse_entries
from identity.models import User
from platform_outbox.emit import emit

# Entries that were replaced and whose latest replacement still stands.
_CORRECTED = """
WITH RECURSIVE chain AS (
    SELECT entry.corrects_id AS first, entry.id FROM finance_journalentry AS entry WHERE entry.corrects_id = ANY(%(ids)s)
    UNION ALL
    SELECT chain.first, entry.id FROM finance_journalentry AS entry JOIN chain ON entry.corrects_id = chain.id
)
SELECT DISTINCT first FROM chain
 WHERE NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = chain.id)
"""


def reach_of(*, batch: ImportBatch) -> dict[int, int | None]:
    """The entries that undoing the import takes back, each with the entry that it becomes again; None: it is gone."""
    entries, transfers = _posted(batch)
    why = _touched(batch, entries)
    becomes = {pk: transfers[pk].matched_entry_id if pk in transfers else None for pk in entries if pk not in why}
    return becomes | {moved["by"]: moved["entry"] for moved in batch.moved_openings}


@transaction.atomic
def undo_import(
    *, batch: ImportBatch, actor: User | None, on: datetime.date, keep: Mapping[int, str] | None = None
) -> ImportBatch:
    """Reverse the entries that the import posted and nobody touched since; the rest is listed in `batch.kept`.

    Rows whose entry is gone can come in again. An entry that was corrected, that a row of another import stands for, or
    that the caller wants to `keep` (id → why), stays with its row. `on` dates reversals whose own date is closed by now.
    A second call changes nothing. Raises Conflict unless the batch is confirmed.
    """
    batch = ImportBatch.objects.locked().select_related("book").get(pk=batch.pk)
    if batch.state == ImportBatch.State.UNDONE:
        return batch
    if batch.state != ImportBatch.State.CONFIRMED:
        raise Conflict(
            reason=gettext("Only a confirmed import can be undone; this one is %(state)s.")
            % {"state": batch.get_state_display()}
        )
    entries, transfers = _posted(batch)
    kept = keep or {}
    why = {pk: (reason, True) for pk, reason in kept.items() if pk in entries} | _touched(batch, entries)
    back = _openings_back(batch, actor, on=on, keep=kept)
    for entry_id, row in transfers.items():
        if entry_id not in why and row.matched_entry is not None:
            _as_before(entries[entry_id], row.matched_entry, actor, on=on)
    own = [entry for pk, entry in entries.items() if pk not in why and pk not in transfers]
    reverse_entries(book=batch.book, actor=actor, entries=own, on=on)
    staying = {entry_id for entry_id, (_reason, stands) in why.items() if stands}
    ImportRow.objects.filter(batch=batch, active=True).exclude(posted_entry__in=staying).update(active=False)
    batch.kept = [_told(entries[entry_id], reason) for entry_id, (reason, _stands) in sorted(why.items())] + back
    batch.state, batch.undone_by, batch.undone_at = ImportBatch.State.UNDONE, actor, timezone.now()
    batch.save(update_fields=["state", "undone_by", "undone_at", "kept"])
    emit(ImportUndone(book_id=batch.book_id, import_id=batch.pk))
    return batch


def _posted(batch: ImportBatch) -> tuple[dict[int, JournalEntry], dict[int, ImportRow]]:
    """Entries that the import posted or changed; those of other accounts that it made transfers, with their rows.

    The latter get their former sides back.
    """
    posted = ImportRow.objects.filter(batch=batch, outcome=ImportRow.Outcome.POSTED).values("posted_entry")
    entries = {entry.pk: entry for entry in JournalEntry.objects.filter(pk__in=posted).order_by("pk")}
    if batch.opening_entry is not None:
        entries[batch.opening_entry.pk] = batch.opening_entry
    joined = ImportRow.objects.filter(
        batch=batch, outcome=ImportRow.Outcome.LINKED, posted_entry__corrects=F("matched_entry")
    ).select_related("posted_entry__book", "matched_entry")
    transfers = {row.posted_entry.pk: row for row in joined if row.posted_entry is not None}
    entries |= {pk: row.posted_entry for pk, row in transfers.items() if row.posted_entry is not None}
    return entries, transfers


def _openings_back(
    batch: ImportBatch, actor: User | None, *, on: datetime.date, keep: Mapping[int, str]
) -> list[dict[str, object]]:
    """Give accounts the opening balance back that the import replaced; returns those that were changed since."""
    kept = []
    for moved in batch.moved_openings:
        entry = JournalEntry.objects.select_related("book").get(pk=moved["by"])
        first = JournalEntry.objects.get(pk=moved["entry"])
        changed = JournalEntry.objects.filter(reverses=entry).exists()
        if changed or entry.pk in keep:
            why = gettext("The opening balance has been changed since.") if changed else keep[entry.pk]
            kept.append(_told(entry, why))
            continue
        _as_before(entry, first, actor, on=on)
    return kept


def _as_before(entry: JournalEntry, first: JournalEntry, actor: User | None, *, on: datetime.date) -> None:
    """Correct an entry back to what it replaced."""
    lines = [
        LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo)
        for line in first.lines.order_by("position")
    ]
    correct_entry(
        entry=entry,
        actor=actor,
        date=first.date,
        lines=lines,
        payee=first.payee,
        description=first.description,
        on=on,
    )


def _touched(batch: ImportBatch, entries: dict[int, JournalEntry]) -> dict[int, tuple[str, bool]]:
    """Entry id → (why it is left alone, whether it or its replacement still stands in the books)."""
    ids = list(entries)
    reversed_ids = set(JournalEntry.objects.filter(reverses__in=ids).values_list("reverses_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_CORRECTED, {"ids": ids})
        corrected = {entry_id for (entry_id,) in cursor.fetchall()}
    others = ImportRow.objects.filter(posted_entry__in=ids, active=True).exclude(batch=batch)
    found: dict[int, tuple[str, bool]] = {
        entry_id: (gettext("A row of another import is linked to it too."), True)
        for entry_id in others.values_list("posted_entry_id", flat=True)
        if entry_id is not None
    }
    for entry_id in reversed_ids:
        stands = entry_id in corrected
        reason = gettext("It has been corrected since.") if stands else gettext("It has already been reversed.")
        found[entry_id] = (reason, stands)
    return found


def _told(entry: JournalEntry, reason: str) -> dict[str, object]:
    return {"entry_id": entry.pk, "uid": str(entry.uid), "date": entry.date, "payee": entry.payee, "why": reason}
