"""Writing entries with their lines: one, or what takes it back, by a single statement with its event; many by COPY.

Lines of several entries always come in one statement: the month totals are then locked once, in account order, and
two transactions cannot wait for each other in a circle.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from uuid_utils.compat import uuid7

from finance.events.journal import JournalCorrected, JournalPosted, JournalReversed
from finance.ledger import plans
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.posting import EntryDraft
from finance.ledger.replacements import Replaced, concerns, tell_replaced
from identity.models import User
from platform_outbox.emit import emit_within, event_insert

Source = JournalEntry.Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A checked draft with its place among other entries."""

    draft: EntryDraft
    source: str
    reverses_id: int | None = None
    corrects_id: int | None = None


# The lines that are given, if their accounts may be posted to. Accounts are held in share mode (their foreign key takes
# that lock anyway), so that none is closed meanwhile.
_GIVEN = """
account AS MATERIALIZED (
    SELECT id, currency FROM finance_account
     WHERE id = ANY(%(accounts)s::bigint[]) AND book_id = %(book)s AND closed_on IS NULL AND kind <> 'group'
     ORDER BY id FOR KEY SHARE
), given AS MATERIALIZED (
    SELECT account.id AS account_id, account.currency, line.amount, line.position, line.memo
      FROM account
      JOIN unnest(%(accounts)s::bigint[], %(amounts)s::bigint[], %(memos)s::text[])
           WITH ORDINALITY AS line (account_id, amount, memo, position) ON line.account_id = account.id
)"""
# They are all there and sum to zero in each currency: otherwise nothing is written, and the caller finds out why.
_SOUND = """
(SELECT count(*) FROM given) = %(line_count)s
AND NOT EXISTS (SELECT FROM given GROUP BY currency HAVING sum(amount) <> 0)"""
_ENTRY_COLUMNS = ", ".join(field.column or field.attname for field in JournalEntry._meta.concrete_fields)

# An entry with its lines and its event, or nothing, in one round trip (docs/adr/0019).
_POST = f"""
WITH {_GIVEN}, entry AS (
    INSERT INTO finance_journalentry
        (book_id, uid, date, payee, description, source, line_count, created_by_id, created_at)
    SELECT %(book)s, %(uid)s::uuid, %(date)s::date, %(payee)s, %(description)s, %(source)s, %(line_count)s, %(actor)s,
           transaction_timestamp()
     WHERE {_SOUND}
    RETURNING {_ENTRY_COLUMNS}
), line AS (
    INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)
    SELECT %(book)s, entry.id, given.account_id, %(date)s::date, given.currency, given.amount, given.position, given.memo
      FROM entry, given
), event AS (
    {event_insert(source="entry", filled="jsonb_build_object('entry_ids', jsonb_build_array(entry.id))")}
)
SELECT {_ENTRY_COLUMNS} FROM entry
"""

# The reversal of an entry, with a replacement where lines are given, and the event. Nothing is written either where the
# entry cannot be taken back, or where a slice watches it ({concerns}, see ledger.replacements).
_TAKE_BACK = f"""
WITH {_GIVEN}, original AS MATERIALIZED (
    SELECT entry.id, entry.payee, entry.description, entry.line_count,
           CASE WHEN entry.date <= book.closed_through THEN %(on)s ELSE entry.date END AS date
      FROM finance_journalentry AS entry JOIN finance_book AS book ON book.id = %(book)s
     -- + 0: by the entry's key, never by an index that the book leads into.
     WHERE entry.id = %(entry)s AND entry.book_id + 0 = %(book)s AND entry.reverses_id IS NULL
       AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = entry.id OFFSET 0)
       AND {_SOUND}
       AND NOT ({{concerns}})
), header AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('finance_journalentry', 'id')) AS id, %(reversal_uid)s::uuid AS uid,
           original.date, original.payee, coalesce(nullif(%(said)s, ''), original.description) AS description,
           '{Source.REVERSAL}' AS source, original.line_count, original.id AS reverses_id, NULL::bigint AS corrects_id
      FROM original
    UNION ALL
    SELECT nextval(pg_get_serial_sequence('finance_journalentry', 'id')), %(uid)s::uuid,
           %(date)s::date, %(payee)s, %(description)s, %(source)s, %(line_count)s, NULL, original.id
      FROM original WHERE %(line_count)s > 0
), entry AS (
    INSERT INTO finance_journalentry
        (id, book_id, uid, date, payee, description, source, line_count, reverses_id, corrects_id, created_by_id,
         created_at)
    SELECT id, %(book)s, uid, date, payee, description, source, line_count, reverses_id, corrects_id, %(actor)s,
           transaction_timestamp()
      FROM header
    RETURNING {_ENTRY_COLUMNS}
), line AS (
    INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)
    SELECT %(book)s, header.id, old.account_id, header.date, old.currency, -old.amount, old.position, old.memo
      FROM header
     CROSS JOIN LATERAL (SELECT * FROM finance_journalline AS line WHERE line.entry_id = header.reverses_id OFFSET 0) AS old
    UNION ALL
    SELECT %(book)s, header.id, given.account_id, header.date, given.currency, given.amount, given.position, given.memo
      FROM header, given WHERE header.corrects_id IS NOT NULL
), event AS (
    {
    event_insert(
        source="original",
        filled='''jsonb_strip_nulls(jsonb_build_object(
            'reversal_id', (SELECT id FROM header WHERE reverses_id IS NOT NULL),
            'replacement_id', (SELECT id FROM header WHERE corrects_id IS NOT NULL)))''',
    )
}
)
SELECT {_ENTRY_COLUMNS} FROM entry ORDER BY id
"""

_NEXT_IDS = "SELECT nextval(pg_get_serial_sequence('finance_journalentry', 'id')) FROM generate_series(1, %s)"
_COPY_ENTRIES = """
COPY finance_journalentry
    (id, book_id, uid, date, payee, description, source, line_count, reverses_id, corrects_id, created_by_id) FROM STDIN
"""
_COPY_LINES = """
COPY finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo) FROM STDIN
"""


def insert_entry(*, book: Book, actor: User | None, draft: EntryDraft, source: str) -> JournalEntry | None:
    """Write one entry with its lines and its event; returns it as a model instance.

    None means that an account cannot be posted to or that a currency does not balance; nothing was written then.
    """
    values = {
        "book": book.pk,
        "actor": actor.pk if actor else None,
        **_values_of(draft),
        "source": source,
    }
    event = JournalPosted(book_id=book.pk, entry_ids=(), source=source)
    rows = emit_within(event, statement=_POST, values=values)
    return _entry(rows[0], book=book, actor=actor) if rows else None


def insert_reversal(
    *, entry: JournalEntry, actor: User | None, on: datetime.date, description: str, replacement: EntryDraft | None
) -> list[JournalEntry]:
    """Write an entry's reversal, and its replacement if there is one, with their lines and their event; returns them.

    Empty where nothing was written: the entry is one that cannot be taken back or that a slice watches, or the replacement
    is one that `insert_entry` would not write. `on` dates the reversal if the entry's own day is closed.
    """
    book = entry.book
    values = {
        "book": book.pk,
        "actor": actor.pk if actor else None,
        "entry": entry.pk,
        "on": on,
        "reversal_uid": uuid7(),
        "said": description,
        **_values_of(replacement or EntryDraft(date=on, lines=())),
        "source": Source.CORRECTION.value,
    }
    event = (
        JournalReversed(book_id=book.pk, entry_id=entry.pk, reversal_id=0)
        if replacement is None
        else JournalCorrected(book_id=book.pk, entry_id=entry.pk, reversal_id=0, replacement_id=0)
    )
    rows = emit_within(event, statement=_TAKE_BACK.replace("{concerns}", concerns()), values=values)
    return [_entry(row, book=book, actor=actor) for row in rows]


def _values_of(draft: EntryDraft) -> dict[str, Any]:
    return {
        # All as text, which psycopg passes on as it is: a quarter of a posting's time in this program. Also, arrays of small
        # and of large numbers would each have a plan of their own.
        "uid": str(draft.uid or uuid7()),
        "date": draft.date.isoformat(),
        "payee": draft.payee,
        "description": draft.description,
        "line_count": len(draft.lines),
        "accounts": _array(str(line.account_id) for line in draft.lines),
        "amounts": _array(str(line.amount) for line in draft.lines),
        # In quotation marks, so that "NULL" is a text too.
        "memos": _array('"' + line.memo.replace("\\", "\\\\").replace('"', '\\"') + '"' for line in draft.lines),
    }


def _array(items: Iterable[str]) -> str:
    """The items as PostgreSQL writes an array."""
    return f"{{{','.join(items)}}}"


def _entry(row: tuple[Any, ...], *, book: Book, actor: User | None) -> JournalEntry:
    """The entry that a statement has returned, with what the caller knows of it."""
    entry = JournalEntry.from_db(DEFAULT_DB_ALIAS, _ENTRY_COLUMNS.split(", "), row)
    entry.book, entry.created_by = book, actor
    return entry


def next_ids(count: int) -> list[int]:
    """Ids for that many entries, in order; for postings that refer to each other before they are written."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_IDS, [count])
        return [int(row[0]) for row in cursor.fetchall()]


def copy_entries(
    *,
    book: Book,
    actor: User | None,
    postings: Sequence[Posting],
    accounts: Mapping[int, Account],
    ids: Sequence[int] = (),
) -> list[int]:
    """Write many entries by COPY; returns their ids in order, which are those of `next_ids` where it was asked."""
    actor_id, book_id = actor.pk if actor else None, book.pk
    currencies = {account_id: account.currency for account_id, account in accounts.items()}
    # Django does not wrap what COPY raises; without this a guard's refusal would not be an IntegrityError.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        # Guards and foreign keys look up each line: with new plans, and by the indexes. One that is taken back or
        # corrected by hand is no more than a posting.
        if len(postings) >= plans.MANY:
            cursor.execute("SET LOCAL enable_seqscan = off")
            plans.forget_plans()
        ids = list(ids) or next_ids(len(postings))
        with cursor.copy(_COPY_ENTRIES) as copy:
            for entry_id, posting in zip(ids, postings, strict=True):
                draft = posting.draft
                texts = (draft.payee, draft.description, posting.source)
                links = (posting.reverses_id, posting.corrects_id)
                header = (draft.uid or uuid7(), draft.date, *texts, len(draft.lines), *links)
                copy.write_row((entry_id, book_id, *header, actor_id))
        with cursor.copy(_COPY_LINES) as copy:
            for entry_id, posting in zip(ids, postings, strict=True):
                date = posting.draft.date
                for position, line in enumerate(posting.draft.lines, start=1):
                    account_id = line.account_id
                    copy.write_row(
                        (book_id, entry_id, account_id, date, currencies[account_id], line.amount, position, line.memo)
                    )
    plans.take_statistics(loaded=len(ids))
    successors = {posting.corrects_id: pk for posting, pk in zip(postings, ids, strict=True)}
    reversed_ids = [posting.reverses_id for posting in postings if posting.reverses_id is not None]
    tell_replaced(book=book, replaced=[Replaced(entry_id=pk, replacement_id=successors.get(pk)) for pk in reversed_ids])
    return ids
