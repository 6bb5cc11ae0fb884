"""The first version of a corrected entry, the root of its chain. Tags, receipts and marks belong to it.

A correction leaves them where they are: every later version has the same root, and a reversal has the root of the entry
that it reverses.
"""

from collections.abc import Collection

from finance.ledger.models import Book, JournalEntry
from finance.replica import reading

# Entry → root. Each step goes from a version to the one that it corrects.
ROOTS = """
WITH RECURSIVE version (entry_id, id) AS (
    SELECT entry.id, coalesce(entry.reverses_id, entry.id) FROM finance_journalentry AS entry
     WHERE entry.id = ANY(%(entries)s::bigint[]) AND entry.book_id = %(book)s
    UNION ALL
    SELECT version.entry_id, entry.corrects_id
      FROM version JOIN finance_journalentry AS entry ON entry.id = version.id WHERE entry.corrects_id IS NOT NULL
), root AS (
    SELECT version.entry_id, version.id
      FROM version JOIN finance_journalentry AS entry ON entry.id = version.id WHERE entry.corrects_id IS NULL
)
"""

# Root → the version that counts: neither reversed nor a reversal. A deleted entry has none.
_CURRENT = """
WITH RECURSIVE version (root_id, id) AS (
    SELECT entry.id, entry.id FROM finance_journalentry AS entry
     WHERE entry.id = ANY(%(roots)s::bigint[]) AND entry.book_id = %(book)s
    UNION ALL
    SELECT version.root_id, entry.id
      FROM version JOIN finance_journalentry AS entry ON entry.corrects_id = version.id
)
SELECT version.root_id, version.id FROM version
 WHERE NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = version.id)
"""


def versions_sql(roots: str) -> str:
    """SQL for the ids of all versions of the entries whose roots the statement `roots` selects."""
    return f"""
WITH RECURSIVE version (id) AS (
    {roots}
    UNION
    SELECT newer.id FROM version JOIN finance_journalentry AS newer ON newer.corrects_id = version.id
)
SELECT version.id FROM version
"""


def root_of(*, entry: JournalEntry) -> int:
    """Id of the entry that this one began as: its own, unless it is a correction or a reversal."""
    if entry.corrects_id is None and entry.reverses_id is None:
        return entry.pk
    return roots_of(book=entry.book, entry_ids=[entry.pk])[entry.pk]


def roots_of(*, book: Book, entry_ids: Collection[int]) -> dict[int, int]:
    """Entry → root, in one query. Entries that the book does not have are left out."""
    if not entry_ids:
        return {}
    with reading().cursor() as cursor:
        cursor.execute(f"{ROOTS} SELECT entry_id, id FROM root", {"book": book.pk, "entries": list(entry_ids)})
        return dict(cursor.fetchall())


def current_of(*, book: Book, root_ids: Collection[int]) -> dict[int, int]:
    """Root → the version that counts now, in one query. What was deleted is left out."""
    if not root_ids:
        return {}
    with reading().cursor() as cursor:
        cursor.execute(_CURRENT, {"book": book.pk, "roots": list(root_ids)})
        return dict(cursor.fetchall())
