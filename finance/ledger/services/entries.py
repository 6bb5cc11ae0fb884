"""Posting: one entry, many entries, corrections and reversals.

Every path ends in the same guards of the database; the checks in `drafts` exist to say in a sentence, and by field,
what the database would refuse.
"""

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from finance.errors import AlreadyReversed, Conflict, FinanceError, PeriodClosed
from finance.events import JournalCorrected, JournalPosted, JournalReversed
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft, opposite
from finance.ledger.services.drafts import accounts_for_posting, check_draft
from identity.models import User
from platform_outbox.outbox import emit

# Entries named in one event; keeps a message of a large import small.
ENTRIES_PER_EVENT = 500

# Header and lines in one statement: one round trip instead of two.
_INSERT_ENTRY = """
WITH entry AS (
    INSERT INTO finance_journalentry
        (book_id, uid, date, payee, description, source, line_count, reverses_id, corrects_id, created_by_id,
         created_at)
    VALUES (%(book)s, %(uid)s, %(date)s, %(payee)s, %(description)s, %(source)s, %(line_count)s,
            %(reverses)s, %(corrects)s, %(actor)s, %(now)s)
    RETURNING id
), lines AS (
    INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)
    SELECT %(book)s, entry.id, line.account_id, %(date)s, line.currency, line.amount, line.position, line.memo
      FROM entry, unnest(%(accounts)s::bigint[], %(currencies)s::text[], %(amounts)s::bigint[], %(memos)s::text[])
                  WITH ORDINALITY AS line (account_id, currency, amount, memo, position)
)
SELECT id FROM entry
"""

_COPY_ENTRIES = """
COPY finance_journalentry
    (id, book_id, uid, date, payee, description, source, line_count, created_by_id, created_at) FROM STDIN
"""
_COPY_LINES = """
COPY finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo) FROM STDIN
"""


def post_entry(
    *,
    book: Book,
    actor: User | None,
    date: datetime.date,
    lines: Sequence[LineDraft],
    payee: str = "",
    description: str = "",
    source: str = JournalEntry.Source.MANUAL,
    uid: uuid.UUID | None = None,
) -> JournalEntry:
    """Post one entry of at least two lines that sum to zero per currency.

    Raises EntryInvalid, EntryUnbalanced, AccountClosed, PeriodClosed, NotFound (an account of another book).
    """
    draft = EntryDraft(date=date, lines=lines, payee=payee, description=description, uid=uid)
    with _atomic_with_guards(book=book, date=date):
        entry = _insert(book=book, actor=actor, draft=draft, source=source)
        emit(JournalPosted(book_id=book.pk, entry_ids=(entry.pk,), source=str(source)))
    return entry


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
    draft = EntryDraft(date=date, lines=lines, payee=payee, description=description)
    with _atomic_with_guards(book=entry.book, date=date):
        reversal = _reverse(entry=entry, actor=actor, on=on)
        replacement = _insert(
            book=entry.book,
            actor=actor,
            draft=draft,
            source=JournalEntry.Source.CORRECTION,
            corrects_id=entry.pk,
        )
        emit(
            JournalCorrected(
                book_id=entry.book_id,
                entry_id=entry.pk,
                reversal_id=reversal.pk,
                replacement_id=replacement.pk,
            )
        )
    return replacement


def reverse_entry(*, entry: JournalEntry, actor: User | None, on: datetime.date, description: str = "") -> JournalEntry:
    """Take an entry back by its opposite, dated as the entry, or `on` where that date is closed by now.

    Raises AlreadyReversed, PeriodClosed, and Conflict for what is a reversal itself.
    """
    with _atomic_with_guards(book=entry.book, date=on):
        reversal = _reverse(entry=entry, actor=actor, on=on, description=description)
        emit(JournalReversed(book_id=entry.book_id, entry_id=entry.pk, reversal_id=reversal.pk))
    return reversal


def reverse_entries(*, book: Book, actor: User | None, entries: Iterable[JournalEntry], on: datetime.date) -> list[int]:
    """Reverse many entries in one transaction, all or none; returns the reversals' ids in the entries' order."""
    with _atomic_with_guards(book=book, date=on):
        ids = []
        for entry in entries:
            reversal = _reverse(entry=entry, actor=actor, on=on)
            emit(JournalReversed(book_id=book.pk, entry_id=entry.pk, reversal_id=reversal.pk))
            ids.append(reversal.pk)
    return ids


def post_entries(*, book: Book, actor: User | None, drafts: Sequence[EntryDraft], source: str) -> list[int]:
    """Post many entries in one transaction by COPY, all or none; returns the entry ids in the drafts' order.

    Raises as post_entry does; field paths begin with the draft's index ("17.lines.0.account").
    """
    if not drafts:
        return []
    with _atomic_with_guards(book=book, date=min(draft.date for draft in drafts)):
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for draft in drafts for line in draft.lines}
        )
        for index, draft in enumerate(drafts):
            check_draft(draft, accounts, path=f"{index}.")
        ids = _copy(book=book, actor=actor, drafts=drafts, accounts=accounts, source=source)
        for start in range(0, len(ids), ENTRIES_PER_EVENT):
            chunk = tuple(ids[start : start + ENTRIES_PER_EVENT])
            emit(JournalPosted(book_id=book.pk, entry_ids=chunk, source=str(source)))
    return ids


def _reverse(*, entry: JournalEntry, actor: User | None, on: datetime.date, description: str = "") -> JournalEntry:
    if entry.reverses_id is not None:
        raise Conflict(reason="A reversal cannot be reversed; post the entry anew instead.")
    if JournalEntry.objects.filter(reverses=entry).exists():
        raise AlreadyReversed()
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=entry.book_id)
    lines = JournalLine.objects.filter(entry=entry).order_by("position")
    draft = EntryDraft(
        date=on if closed is not None and entry.date <= closed else entry.date,
        payee=entry.payee,
        description=description or entry.description,
        lines=opposite(LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo) for line in lines),
    )
    return _insert(
        book=entry.book,
        actor=actor,
        draft=draft,
        source=JournalEntry.Source.REVERSAL,
        reverses_id=entry.pk,
        closed_accounts_too=True,
    )


def _insert(
    *,
    book: Book,
    actor: User | None,
    draft: EntryDraft,
    source: str,
    reverses_id: int | None = None,
    corrects_id: int | None = None,
    closed_accounts_too: bool = False,
) -> JournalEntry:
    accounts = accounts_for_posting(book=book, account_ids={line.account_id for line in draft.lines})
    check_draft(draft, accounts, closed_accounts_too=closed_accounts_too)
    entry = JournalEntry(
        book=book,
        uid=draft.uid or uuid7(),
        date=draft.date,
        payee=draft.payee,
        description=draft.description,
        source=source,
        line_count=len(draft.lines),
        reverses_id=reverses_id,
        corrects_id=corrects_id,
        created_by=actor,
        created_at=timezone.now(),
    )
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ENTRY, _insert_parameters(entry, draft.lines, accounts))
        entry.pk = cursor.fetchone()[0]
    entry._state.adding = False
    return entry


def _insert_parameters(
    entry: JournalEntry, lines: Sequence[LineDraft], accounts: Mapping[int, Account]
) -> dict[str, object]:
    return {
        "book": entry.book_id,
        "uid": entry.uid,
        "date": entry.date,
        "payee": entry.payee,
        "description": entry.description,
        "source": str(entry.source),
        "line_count": entry.line_count,
        "reverses": entry.reverses_id,
        "corrects": entry.corrects_id,
        "actor": entry.created_by_id,
        "now": entry.created_at,
        "accounts": [line.account_id for line in lines],
        "currencies": [accounts[line.account_id].currency for line in lines],
        "amounts": [line.amount for line in lines],
        "memos": [line.memo for line in lines],
    }


def _copy(
    *,
    book: Book,
    actor: User | None,
    drafts: Sequence[EntryDraft],
    accounts: Mapping[int, Account],
    source: str,
) -> list[int]:
    now = timezone.now()
    actor_id = actor.pk if actor else None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('finance_journalentry', 'id')) FROM generate_series(1, %s)",
            [len(drafts)],
        )
        ids = [int(row[0]) for row in cursor.fetchall()]
        with cursor.copy(_COPY_ENTRIES) as copy:
            for entry_id, draft in zip(ids, drafts, strict=True):
                uid = draft.uid or uuid7()
                texts = (draft.payee, draft.description, str(source))
                copy.write_row((entry_id, book.pk, uid, draft.date, *texts, len(draft.lines), actor_id, now))
        with cursor.copy(_COPY_LINES) as copy:
            for entry_id, draft in zip(ids, drafts, strict=True):
                for position, line in enumerate(draft.lines, start=1):
                    account = accounts[line.account_id]
                    keys = (book.pk, entry_id, account.pk, draft.date, account.currency)
                    copy.write_row((*keys, line.amount, position, line.memo))
    return ids


@contextmanager
def _atomic_with_guards(*, book: Book, date: datetime.date) -> Iterator[None]:
    """A transaction in which a guard's refusal comes out as the domain error of the same meaning."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise _domain_error(error, book=book, date=date) from error


def _domain_error(error: IntegrityError, *, book: Book, date: datetime.date) -> FinanceError | IntegrityError:
    diagnostics = getattr(error.__cause__, "diag", None)
    match getattr(diagnostics, "constraint_name", None):
        case "finance_period_open":
            # The transaction may be broken by now, so what the guard said is all there is to tell.
            return PeriodClosed(field="date", closed_through=_closed_through(book), date=date)
        case "finance_journalentry_reverses_id_key" | "finance_journalentry_corrects_id_key":
            return AlreadyReversed()
        case "finance_journalentry_uid_key":
            return Conflict(field="uid", reason="An entry with this uid exists already.")
        case _:
            return error


def _closed_through(book: Book) -> datetime.date | str:
    if connection.in_atomic_block and connection.needs_rollback:
        return "a later date"
    return Book.objects.values_list("closed_through", flat=True).get(pk=book.pk) or "a later date"
