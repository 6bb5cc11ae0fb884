"""Writing entries with their lines: one by a single statement, many by COPY.

Lines of several entries always come in one statement: the month totals are then locked once, in account order, and
two transactions cannot wait for each other in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from uuid_utils.compat import uuid7

from finance.ledger import plans
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.posting import EntryDraft
from finance.ledger.replacements import Replaced, tell_replaced
from identity.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A checked draft with its place among other entries."""

    draft: EntryDraft
    source: str
    reverses_id: int | None = None
    corrects_id: int | None = None


# Header and lines in one statement that also asks whether all accounts may be posted to: one round trip instead of
# three. Accounts are held in share mode (their foreign key takes that lock anyway), so that none is closed meanwhile.
_INSERT_ENTRY = """
WITH account AS MATERIALIZED (
    SELECT id, currency FROM finance_account
     WHERE id = ANY(%(accounts)s::bigint[]) AND book_id = %(book)s AND closed_on IS NULL AND kind <> 'group'
     ORDER BY id FOR KEY SHARE
), entry AS (
    INSERT INTO finance_journalentry
        (book_id, uid, date, payee, description, source, line_count, created_by_id, created_at)
    VALUES (%(book)s, %(uid)s, %(date)s, %(payee)s, %(description)s, %(source)s, %(line_count)s, %(actor)s,
            transaction_timestamp())
    RETURNING id, created_at
), line AS (
    INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)
    SELECT %(book)s, entry.id, account.id, %(date)s, account.currency, given.amount, given.position, given.memo
      FROM entry, account
      JOIN unnest(%(accounts)s::bigint[], %(amounts)s::bigint[], %(memos)s::text[])
           WITH ORDINALITY AS given (account_id, amount, memo, position) ON given.account_id = account.id
    RETURNING currency, amount
)
SELECT entry.id, entry.created_at, (SELECT count(*) FROM line),
       EXISTS (SELECT FROM line GROUP BY currency HAVING sum(amount) <> 0)
  FROM entry
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
    """Write one entry; returns it as a model instance.

    None means that an account cannot be posted to or that a currency does not balance: the transaction must not
    commit then.
    """
    entry = JournalEntry(
        book=book,
        uid=draft.uid or uuid7(),
        date=draft.date,
        payee=draft.payee,
        description=draft.description,
        source=source,
        line_count=len(draft.lines),
        created_by=actor,
    )
    parameters: dict[str, Any] = {
        "book": entry.book_id,
        "uid": entry.uid,
        "date": entry.date,
        "payee": entry.payee,
        "description": entry.description,
        "source": entry.source,
        "line_count": entry.line_count,
        "actor": entry.created_by_id,
        "accounts": [line.account_id for line in draft.lines],
        "amounts": [line.amount for line in draft.lines],
        "memos": [line.memo for line in draft.lines],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ENTRY, parameters)
        entry.pk, entry.created_at, written, unbalanced = cursor.fetchone()
    entry._state.adding = False
    return entry if written == len(draft.lines) and not unbalanced else None


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
