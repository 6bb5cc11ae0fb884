"""Exports the chain of a book, for recomputing it without LifeOS (docs/proof.md)."""

import json
from collections.abc import Iterator

from psycopg import sql

from finance.exports.journal import snapshot
from finance.ledger import chain, plans
from finance.ledger.models import Book
from finance.replica import reading

FORMAT, VERSION = "lifeos-proof", 1

# The document goes out as it is sealed, byte for byte. A seal whose entry is gone has null in its place.
_LINES = f"""
COPY (SELECT '{{{{"seal":' || seal.seq || ',"hash":"' || encode(seal.hash, 'hex') || '","sealed_at":"'
             || to_char(seal.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","entry":'
             || coalesce({chain.DOCUMENT}, 'null') || '}}}}'
        FROM finance_seal AS seal LEFT JOIN LATERAL (
             SELECT * FROM finance_journalentry AS entry WHERE entry.id = seal.entry_id OFFSET 0) AS entry ON true
       WHERE seal.book_id = {{book}} ORDER BY seal.seq) TO STDOUT
"""


def proof(book: Book) -> Iterator[str]:
    """One line of JSON about the book, then one for each seal, in order."""
    with snapshot(), plans.by_index(reading()), reading().cursor() as cursor:
        head = chain.head_of(book=book)
        told = {"seals": head.seals, "head": head.hash} if head is not None else {"seals": 0, "head": None}
        first = {"format": FORMAT, "version": VERSION, "book": book.pk, "name": book.name, **told}
        yield json.dumps(first, ensure_ascii=False) + "\n"
        with cursor.copy(sql.SQL(_LINES).format(book=sql.Literal(book.pk))) as copy:
            copy.set_types(["text"])
            for (line,) in copy.rows():
                yield f"{line}\n"
