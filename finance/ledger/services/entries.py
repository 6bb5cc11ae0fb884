"""Posting: one entry, many entries, corrections and reversals.

Every path ends in the same guards of the database; the checks in `drafts` exist to say in a sentence, and by field,
what the database would refuse.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from core.batches import in_batches
from finance.errors import AlreadyReversed, Conflict, EntryInvalid, PeriodClosedError
from finance.events.journal import JournalCorrected, JournalPosted, JournalReversed
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft, PastEntry, opposite
from finance.ledger.services.drafts import accounts_for_posting, check_draft, check_shape
from finance.ledger.services.journal import Posting, copy_entries, insert_entry, insert_reversal, next_ids
from finance.ledger.visibility import check_lines
from identity.models import User
from platform_outbox.emit import emit, emit_many

# Entries named in one event; keeps a message of a large import small.
ENTRIES_PER_EVENT = 500

Source = JournalEntry.Source


def post_entry(
    *,
    book: Book,
    actor: User | None,
    date: datetime.date,
    lines: Sequence[LineDraft],
    payee: str = "",
    description: str = "",
    source: str = Source.MANUAL,
    uid: uuid.UUID | None = None,
) -> JournalEntry:
    """Post one entry of at least two lines that sum to zero per currency.

    Raises EntryInvalid, EntryUnbalanced, AccountClosedError, PeriodClosedError, NotFound (an account of another book).
    """
    draft = EntryDraft(date=date, lines=lines, payee=payee, description=description, uid=uid)
    check_shape(draft)
    check_lines(draft.lines, book=book)
    with guarded(book=book, date=date, alone=True):
        entry = insert_entry(book=book, actor=actor, draft=draft, source=str(source))
    if entry is not None:
        return entry
    # Only now ask why, so that a good posting does not pay for the question.
    with transaction.atomic():
        closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
        if closed is not None and date <= closed:
            raise PeriodClosedError(field="date", closed_through=closed, date=date)
        check_draft(draft, accounts_for_posting(book=book, account_ids={line.account_id for line in lines}))
    raise Conflict(reason=_("An account was changed at the same moment; try again."))


def post_entries(*, book: Book, actor: User | None, drafts: Sequence[EntryDraft], source: str) -> list[int]:
    """Post many entries in one transaction by COPY, all or none; returns the entry ids in the drafts' order.

    Raises as post_entry does; field paths begin with the draft's index ("17.lines.0.account").
    """
    if not drafts:
        return []
    for draft in drafts:
        check_lines(draft.lines, book=book)
    with guarded(book=book, date=min(draft.date for draft in drafts)):
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for draft in drafts for line in draft.lines}
        )
        for index, draft in enumerate(drafts):
            check_draft(draft, accounts, path=f"{index}.")
        postings = [Posting(draft=draft, source=str(source)) for draft in drafts]
        ids = copy_entries(book=book, actor=actor, postings=postings, accounts=accounts)
        for announced in in_batches(ids, size=ENTRIES_PER_EVENT):
            emit(JournalPosted(book_id=book.pk, entry_ids=tuple(announced), source=str(source)))
    return ids


def post_history(*, book: Book, actor: User | None, entries: Sequence[PastEntry]) -> list[int]:
    """Post a journal from elsewhere by COPY, all or none, with its reversals and corrections linked as they were.

    Returns the ids in the journal's order. Raises as post_entries does, and Conflict for a link that the ledger would
    not have made: a reversal that is not the opposite, a corrected entry that was not reversed.
    """
    if not entries:
        return []
    with guarded(book=book, date=min(entry.draft.date for entry in entries)):
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for entry in entries for line in entry.draft.lines}
        )
        for index, entry in enumerate(entries):
            check_draft(entry.draft, accounts, path=f"{index}.")
        ids = next_ids(len(entries))
        postings = [
            Posting(
                draft=entry.draft,
                source=entry.source,
                reverses_id=ids[entry.reverses] if entry.reverses is not None else None,
                corrects_id=ids[entry.corrects] if entry.corrects is not None else None,
            )
            for entry in entries
        ]
        copy_entries(book=book, actor=actor, postings=postings, accounts=accounts, ids=ids)
        if any(entry.reverses is not None or entry.corrects is not None for entry in entries):
            # Links are checked at the commit; check them here, so that the caller gets the error.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS finance_entry_links IMMEDIATE")
                cursor.execute("SET CONSTRAINTS finance_entry_links DEFERRED")
        by_source: dict[str, list[int]] = defaultdict(list)
        for entry, pk in zip(entries, ids, strict=True):
            by_source[entry.source].append(pk)
        for source, posted in by_source.items():
            for announced in in_batches(posted, size=ENTRIES_PER_EVENT):
                emit(JournalPosted(book_id=book.pk, entry_ids=tuple(announced), source=source))
    return ids


def correct_entry(
    *,
    entry: JournalEntry,
    actor: User | None,
    date: datetime.date,
    lines: Sequence[LineDraft],
    payee: str,
    description: str,
    on: datetime.date,
) -> JournalEntry:
    """Replace an entry: its reversal and a new entry that points back to it. Returns the new entry.

    `on` dates the reversal where the entry's own date is closed by now. Raises as post_entry and reverse_entry do.
    """
    book = entry.book
    draft = EntryDraft(date=date, lines=lines, payee=payee, description=description)
    with suppress(EntryInvalid), guarded(book=book, date=date, alone=True):
        check_shape(draft)
        written = insert_reversal(entry=entry, actor=actor, on=on, description="", replacement=draft)
        if written:
            return written[1]
    # Something speaks against it, or watches the entry: step by step.
    with guarded(book=book, date=date):
        (reversal,) = reversals_of(book=book, entries=[entry], on=on)
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for line in [*reversal.draft.lines, *lines]}
        )
        check_draft(draft, accounts)
        replacement = Posting(draft=draft, source=Source.CORRECTION.value, corrects_id=entry.pk)
        reversal_id, replacement_id = copy_entries(
            book=book, actor=actor, postings=[reversal, replacement], accounts=accounts
        )
        emit(
            JournalCorrected(book_id=book.pk, entry_id=entry.pk, reversal_id=reversal_id, replacement_id=replacement_id)
        )
    return JournalEntry.objects.get(pk=replacement_id)


def reverse_entry(*, entry: JournalEntry, actor: User | None, on: datetime.date, description: str = "") -> JournalEntry:
    """Reverse an entry by its opposite, dated as the entry, or `on` where that date is closed by now.

    Raises AlreadyReversed, PeriodClosedError, and Conflict for what is a reversal itself.
    """
    with guarded(book=entry.book, date=on, alone=True):
        written = insert_reversal(entry=entry, actor=actor, on=on, description=description, replacement=None)
        if written:
            return written[0]
    # Something speaks against it, or watches the entry: step by step.
    (reversal_id,) = reverse_entries(book=entry.book, actor=actor, entries=[entry], on=on, description=description)
    return JournalEntry.objects.get(pk=reversal_id)


def reverse_entries(
    *, book: Book, actor: User | None, entries: Iterable[JournalEntry], on: datetime.date, description: str = ""
) -> list[int]:
    """Reverse many entries in one transaction, all or none; returns the reversals' ids in the entries' order."""
    entries = list(entries)
    with guarded(book=book, date=on):
        postings = reversals_of(book=book, entries=entries, on=on, description=description)
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for posting in postings for line in posting.draft.lines}
        )
        ids = copy_entries(book=book, actor=actor, postings=postings, accounts=accounts)
        pairs = zip(entries, ids, strict=True)
        emit_many([JournalReversed(book_id=book.pk, entry_id=entry.pk, reversal_id=pk) for entry, pk in pairs])
    return ids


def reversals_of(
    *, book: Book, entries: Sequence[JournalEntry], on: datetime.date, description: str = ""
) -> list[Posting]:
    """The opposites of the entries. They are not checked as drafts: a reversal may post to a closed account."""
    if any(entry.reverses_id is not None for entry in entries):
        raise Conflict(reason=_("A reversal cannot be reversed; post the entry again instead."))
    if JournalEntry.objects.filter(reverses__in=entries).exists():
        raise AlreadyReversed()
    closed_through = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
    lines: dict[int, list[LineDraft]] = defaultdict(list)
    for line in JournalLine.objects.filter(entry__in=entries).order_by("entry_id", "position"):
        lines[line.entry_id].append(LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo))
    return [
        Posting(
            source=Source.REVERSAL.value,
            reverses_id=entry.pk,
            draft=EntryDraft(
                date=on if closed_through is not None and entry.date <= closed_through else entry.date,
                payee=entry.payee,
                description=description or entry.description,
                lines=opposite(lines[entry.pk]),
            ),
        )
        for entry in entries
    ]


@contextmanager
def guarded(*, book: Book, date: datetime.date, alone: bool = False) -> Iterator[None]:
    """A transaction in which a guard's refusal comes out as the domain error of the same meaning.

    `alone` says that it is one statement, a transaction of its own unless there is one already: a savepoint keeps that usable.
    """
    alone = alone and not connection.in_atomic_block and transaction.get_autocommit()
    try:
        with nullcontext() if alone else transaction.atomic():
            yield
    except IntegrityError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        match getattr(diagnostics, "constraint_name", None):
            case "finance_period_open":
                closed = None
                # Inside a caller's broken transaction nothing can be asked any more.
                if not (connection.in_atomic_block and connection.needs_rollback):
                    closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
                raise PeriodClosedError(field="date", closed_through=closed or _("a later date"), date=date) from error
            case "finance_journalentry_reverses_id_key" | "finance_journalentry_corrects_id_key":
                raise AlreadyReversed() from error
            case "finance_reversal_opposite" | "finance_correction_chained":
                why = _("A reversal is not the opposite of what it names, or a corrected entry was never reversed.")
                raise Conflict(reason=why) from error
            case "finance_entry_uid":
                raise Conflict(field="uid", reason=_("An entry with this uid exists already.")) from error
        raise
