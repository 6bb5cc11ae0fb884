"""Sealing entries into the chain of their book, which workers do after the posting.

Who seals holds the chains of the books until the end of the transaction; nobody who posts ever waits for it. Which
entries are to be sealed is told by the events of their posting: those commit together with the entries, so none is
passed over, whatever order their numbers became visible in. What no event tells of (entries of a time before the
chain, or written by hand) is found by looking at all.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from django.db import connection, transaction

from finance.ledger import chain, plans
from finance.ledger.models import Book, JournalEntry

# First number of the two-part advisory lock; the second is made of the book's number.
LOCK_CLASS = 1_936_024_940
# Entries looked at in one go, each go a transaction.
AT_ONCE = 5_000

# In the order of the books, so that two who seal several do not wait for each other. The lines of the entries are to be
# looked up from then on, whatever PostgreSQL believes of their table.
_LOCK = """
SELECT pg_advisory_xact_lock(%s, hashint8(book)), set_config('enable_seqscan', 'off', true)
  FROM unnest(%s::bigint[]) AS book
"""
# OFFSET 0 here and below: a look-up per entry, never a scan of all seals, however long the chains are.
# Asked when the lock is held, and by a statement of its own, which sees what its last holder committed.
_UNSEALED = f"""
SELECT entry.book_id, entry.id, {chain.DOCUMENT}, head.seals, head.hash
  FROM finance_journalentry AS entry LEFT JOIN finance_chainhead AS head ON head.book_id = entry.book_id
  LEFT JOIN LATERAL (
       SELECT entry_id FROM finance_seal WHERE entry_id = entry.id AND book_id = entry.book_id OFFSET 0) AS seal ON true
 WHERE entry.id = ANY(%s) AND entry.book_id = ANY(%s) AND seal.entry_id IS NULL
 ORDER BY entry.book_id, entry.id
"""
_SEAL = """
INSERT INTO finance_seal (book_id, seq, entry_id, hash, sealed_at)
SELECT book_id, seq, entry_id, hash, statement_timestamp()
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[]) AS made (book_id, seq, entry_id, hash)
"""
# Slices of all entries, whichever book is asked for: in the order of their numbers there is an index for all only.
_LOOK = """
WITH looked AS (
    SELECT entry.id, entry.book_id FROM finance_journalentry AS entry
     WHERE entry.id > %(after)s ORDER BY entry.id LIMIT {limit}
)
SELECT looked.book_id, max(looked.id), count(*), coalesce(array_agg(looked.id) FILTER (WHERE seal.entry_id IS NULL), '{{}}')
  FROM looked
  LEFT JOIN LATERAL (
       SELECT entry_id FROM finance_seal WHERE entry_id = looked.id AND book_id = looked.book_id OFFSET 0) AS seal ON true
 GROUP BY looked.book_id ORDER BY looked.book_id
"""


@transaction.atomic(savepoint=False)
def seal_entries(*, posted: Mapping[int, Sequence[int]]) -> int:
    """Seal entries by book, those that are not sealed yet, in the order of their numbers; returns how many."""
    books, ids = sorted(posted), [entry_id for entry_ids in posted.values() for entry_id in entry_ids]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [LOCK_CLASS, books])
        plans.forget_plans(ahead_of=len(ids))
        cursor.execute(_UNSEALED, [ids, books])
        made: list[tuple[int, int, int, bytes]] = []
        for _, rows in groupby(cursor.fetchall(), key=itemgetter(0)):
            # Each book's entries behind the end of its chain.
            previous = None
            for number, (book_id, entry_id, document, seals, head) in enumerate(rows, start=1):
                previous = chain.link(previous or head or chain.BEFORE_THE_FIRST, document)
                made.append((book_id, (seals or 0) + number, entry_id, previous))
        if made:
            cursor.execute(_SEAL, [list(column) for column in zip(*made, strict=True)])
    return len(made)


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
    erased = set(Book.objects.to_be_erased().values_list("pk", flat=True))
    while True:
        with plans.by_index(), connection.cursor() as cursor:
            cursor.execute(_LOOK.format(limit=AT_ONCE), {"after": after})
            found = cursor.fetchall()
        if not found:
            plans.take_statistics(loaded=sealed)
            return sealed
        after = max(last for _, last, _, _ in found)
        ours = [row for row in found if row[0] not in erased and (book is None or row[0] == book.pk)]
        for book_id, _, _, unsealed in ours:
            # One book at a time: a process that waits for a chain here holds no other.
            sealed += seal_entries(posted={book_id: unsealed}) if unsealed else 0
        on_progress(sum(looked_at for _, _, looked_at, _ in ours))
        between()


def some_are_unsealed() -> bool:
    """Whether there are not as many seals as entries; far cheaper than to look which."""
    return JournalEntry.objects.count() != chain.sealed(book=None)
