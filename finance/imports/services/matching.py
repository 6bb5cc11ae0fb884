"""Staged rows matched with what the books already know, in a fixed number of queries.

This is the side with the database; the verdicts come from the pure `finance.imports.matching`.
"""

import datetime
from collections.abc import Sequence

from finance.imports.matching import (
    MATCH_DAYS,
    Candidate,
    IncomingRow,
    KnownRow,
    RowStatus,
    judge,
    normalise_text,
)
from finance.imports.models import ImportBatch, ImportRow
from finance.ledger.models import Account, Book, JournalEntry, JournalLine


def judge_rows(*, rows: Sequence[ImportRow], account: Account, batch: ImportBatch) -> None:
    """Set identity, status, reason and match of the rows, all of one account; saves nothing.

    Rows that the bank has not booked, and rows with a problem, keep the status that they have.
    """
    incoming = [
        IncomingRow(
            position=position, date=row.date, amount=row.amount, text=row.text, bank_id=row.bank_id, balance=row.balance
        )
        for position, row in enumerate(rows)
        if row.booked and row.fate != ImportRow.Status.ERROR and row.date is not None and row.amount is not None
    ]
    if not incoming:
        return
    days = [row.date for row in incoming]
    known = known_rows(account=account, first=min(days), last=max(days))
    candidates = _candidates(account=account, incoming=incoming, batch=batch)
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=account.book_id)
    for verdict in judge(incoming, known, candidates):
        row = rows[verdict.position]
        row.identity, row.occurrence = verdict.identity, verdict.occurrence
        row.fate, row.reason = verdict.fate.value, verdict.reason[:300]
        row.matched_entry_id = verdict.entry_id
        if row.fate == RowStatus.NEW.value and closed is not None and row.date is not None and row.date <= closed:
            row.fate = RowStatus.ERROR.value
            row.reason = f"The books are closed through {closed:%Y-%m-%d}; this row cannot be posted any more."


def known_rows(*, account: Account, first: datetime.date, last: datetime.date) -> list[KnownRow]:
    """Rows of earlier files that stand in the books (or were ignored on purpose) in the period."""
    rows = ImportRow.objects.filter(account=account, active=True, date__gte=first, date__lte=last)
    fields = ("pk", "date", "amount", "text", "identity", "occurrence", "bank_id", "balance", "posted_entry_id")
    return [
        KnownRow(
            row_id=pk, date=date, amount=amount, text=text, identity=identity, occurrence=occurrence,
            bank_id=bank_id, balance=balance, entry_id=entry_id, seen_in=file_name,
        )
        for pk, date, amount, text, identity, occurrence, bank_id, balance, entry_id, file_name in rows.values_list(
            *fields, "batch__file_name"
        )
    ]  # fmt: skip


def _candidates(*, account: Account, incoming: Sequence[IncomingRow], batch: ImportBatch) -> list[Candidate]:
    """Lines of the account that no bank row vouches for, or only one of another file format (whose texts differ)."""
    window = datetime.timedelta(days=MATCH_DAYS)
    first, last = min(row.date for row in incoming), max(row.date for row in incoming)
    vouched = ImportRow.objects.filter(account=account, active=True).exclude(posted_entry=None)
    same_format = vouched.filter(batch__format=batch.format, date__gte=first - 3 * window, date__lte=last + 3 * window)
    lines = JournalLine.objects.filter(
        account=account,
        date__gte=first - window,
        date__lte=last + window,
        amount__in={row.amount for row in incoming},
        entry__reverses=None,
        entry__reversed_by=None,
    ).exclude(entry__source=JournalEntry.Source.OPENING)
    taken = set(same_format.values_list("posted_entry_id", flat=True))
    fields = ("entry_id", "date", "amount", "entry__payee", "entry__description")
    return [
        Candidate(
            entry_id=entry_id,
            date=date,
            amount=amount,
            text=normalise_text(payee, description),
            title=(payee or description)[:60],
        )
        for entry_id, date, amount, payee, description in lines.values_list(*fields)
        if entry_id not in taken
    ]
