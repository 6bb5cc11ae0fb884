"""Sealing entries into the chain of their book, which workers do after the posting.

Who seals holds the chain of one book until the end of the transaction; nobody who posts ever waits for it. Which
entries are to be sealed is told by the events of their posting: those commit together with the entries, so none is
passed over, whatever order their numbers became visible in. What no event tells of (entries of a time before the
chain, or written by hand) is found by looking at all.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate

from django.db import connection, transaction

from finance.ledger import chain
from finance.ledger.models import Book, JournalEntry

# First number of the two-part advisory lock; the second is made of the book's number.
LOCK_CLASS = 1_936_024_940
# Entries looked at in one go, each go a transaction.
AT_ONCE = 5_000
# A session that sealed while the tables were tiny has a plan that reads all lines for each entry.
FEW = 100

_LOCK = "SELECT pg_advisory_xact_lock(%s, hashint8(%s))"
# Asked when the lock is held, and by a statement of its own, which sees what its last holder committed.
_UNSEALED = f"""
SELECT entry.id, {chain.DOCUMENT}, head.seals, head.hash
  FROM finance_journalentry AS entry LEFT JOIN finance_chainhead AS head ON head.book_id = entry.book_id
 WHERE entry.id = ANY(%(ids)s) AND entry.book_id = %(book)s
   AND NOT EXISTS (SELECT FROM finance_seal AS seal WHERE seal.entry_id = entry.id)
 ORDER BY entry.id
"""
_SEAL = """
INSERT INTO finance_seal (book_id, seq, entry_id, hash, sealed_at)
SELECT %(book)s, seq, entry_id, hash, statement_timestamp()
  FROM unnest(%(entries)s::bigint[], %(hashes)s::bytea[]) WITH ORDINALITY AS made (entry_id, hash, place),
       LATERAL (SELECT %(seals)s + place) AS next (seq)
"""
_LOOK = """
WITH looked AS (
    SELECT entry.id, entry.book_id FROM finance_journalentry AS entry
     WHERE entry.id > %(after)s {only} ORDER BY entry.id LIMIT {limit}
)
SELECT looked.book_id, max(looked.id), count(*), coalesce(array_agg(looked.id) FILTER (WHERE seal.entry_id IS NULL), '{{}}')
  FROM looked LEFT JOIN finance_seal AS seal ON seal.entry_id = looked.id
 GROUP BY looked.book_id ORDER BY looked.book_id
"""


@transaction.atomic
def seal_entries(*, book_id: int, entry_ids: Iterable[int]) -> int:
    """Seal those of the entries that are not sealed yet, in the order of their numbers; returns how many."""
    ids = list(entry_ids)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [LOCK_CLASS, book_id])
        if len(ids) > FEW:
            cursor.execute("DISCARD PLANS")
        cursor.execute(_UNSEALED, {"book": book_id, "ids": ids})
        rows = cursor.fetchall()
        if not rows:
            return 0
        _, _, seals, previous = rows[0]
        documents = [document for _, document, _, _ in rows]
        _, *hashes = accumulate(documents, chain.link, initial=previous or chain.BEFORE_THE_FIRST)
        entries = [entry_id for entry_id, _, _, _ in rows]
        cursor.execute(_SEAL, {"book": book_id, "entries": entries, "hashes": hashes, "seals": seals or 0})
    return len(rows)


def seal_missed(
    *,
    book: Book | None = None,
    between: Callable[[], None] = lambda: None,
    on_progress: Callable[[int], None] = lambda looked_at: None,
) -> int:
    """Look at all entries, and seal those that are not; returns how many.

    Goes in slices, each a transaction of a moment; `between` is called between them and may end the work, which the
    next call does again from the start. `on_progress` hears how many entries a slice looked at.
    """
    after, sealed = 0, 0
    only = "" if book is None else "AND entry.book_id = %(book)s"
    while True:
        with connection.cursor() as cursor:
            values = {"after": after, "book": book.pk if book is not None else None}
            cursor.execute(_LOOK.format(only=only, limit=AT_ONCE), values)
            found = cursor.fetchall()
        if not found:
            return sealed
        for book_id, _, _, unsealed in found:
            sealed += seal_entries(book_id=book_id, entry_ids=unsealed) if unsealed else 0
        after = max(last for _, last, _, _ in found)
        on_progress(sum(looked_at for _, _, looked_at, _ in found))
        between()


def some_are_unsealed() -> bool:
    """Whether there are not as many seals as entries; far cheaper than to look which."""
    return JournalEntry.objects.count() != chain.sealed(book=None)
