"""The chain of seals: what a seal is made of, where a chain ends, and whether it still fits what it sealed.

A seal is SHA-256 over the seal before it (32 bytes; zeros before the first) and the entry as a document: a JSON array
without blanks, in UTF-8. docs/proof.md has the format to the byte. The document is written here, and only here, so a
database that somebody has changed cannot tell what it should be.
"""

import contextlib
import datetime
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import OuterRef, Subquery, Sum

from finance.ledger import plans
from finance.ledger.models import Book, ChainHead, JournalEntry, NotedHead, Seal
from finance.replica import reading

FORMAT = "lifeos.entry.1"
BEFORE_THE_FIRST = bytes(32)
# Seals judged by one statement: a few megabytes, and well under a second.
SLICE = 10_000
# Entries that are looked at to tell whether sealing keeps up: a question of milliseconds however long the journal is.
NEWEST = 1_000
# What is not sealed after so long has been passed over: workers seal within seconds, and look four times an hour for
# what no event told them of.
SEALED_WITHIN = datetime.timedelta(hours=1)

# Of a row named `entry`. Sessions may show dates differently, so nothing is left to their settings.
DOCUMENT = f"""
    '["{FORMAT}",' || entry.book_id || ',' || entry.id || ',"' || entry.uid || '","'
    || to_char(entry.date, 'YYYY-MM-DD') || '",' || to_json(entry.payee)::text || ','
    || to_json(entry.description)::text || ',' || to_json(entry.source)::text || ',' || entry.line_count || ','
    || coalesce(entry.reverses_id::text, 'null') || ',' || coalesce(entry.corrects_id::text, 'null') || ','
    || coalesce(entry.created_by_id::text, 'null') || ',"'
    || to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",['
    || coalesce((SELECT string_agg('[' || line.position || ',' || line.account_id || ',' || to_json(line.currency)::text
                                   || ',' || line.amount || ',' || to_json(line.memo)::text || ']',
                                   ',' ORDER BY line.position)
                   FROM finance_journalline AS line WHERE line.entry_id = entry.id), '')
    || ']]'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a book's chain ends: kept elsewhere, `seals` and `hash` later prove that nothing before has changed."""

    book_id: int
    seals: int
    hash: str  # 64 hexadecimal digits
    entry_uid: str  # of the entry sealed last
    sealed_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of a book's chain after a quick look; verifying the book checks all of it."""

    head: Head | None
    lost: NotedHead | None  # where the chain ended when it was verified, if that seal is gone or another one
    overdue: int  # of the newest entries, those that should be sealed and are not
    overdue_since: datetime.datetime | None  # when the oldest of these was recorded


@dataclass(frozen=True, slots=True)
class Place:
    """How far a walk along the chains of all books, or of one, has come."""

    book_id: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some seals that were judged: how many, through which, and what is wrong: (book, which seal, what)."""

    seals: int
    through: Place
    wrong: Sequence[tuple[int, str, str]]


def head_of(*, book: Book) -> Head | None:
    """The end of the book's chain, None before its first entry was sealed."""
    return next(heads(book=book), None)


_OVERDUE = f"""
SELECT count(*), min(entry.created_at)
  FROM (SELECT id, created_at FROM finance_journalentry WHERE book_id = %s
         ORDER BY date DESC, id DESC LIMIT {NEWEST}) AS entry
  LEFT JOIN LATERAL (SELECT entry_id FROM finance_seal WHERE entry_id = entry.id OFFSET 0) AS seal ON true
 WHERE seal.entry_id IS NULL AND entry.created_at < %s
"""


def state_of(*, book: Book, now: datetime.datetime) -> State:
    """The state of the book's chain in a few look-ups, however long it is."""
    noted = NotedHead.objects.filter(book=book).first()
    kept = noted is not None and Seal.objects.filter(book=book, seq=noted.seals, hash=noted.hash).exists()
    with reading().cursor() as cursor:
        cursor.execute(_OVERDUE, [book.pk, now - SEALED_WITHIN])
        overdue, since = cursor.fetchone()
    return State(head=head_of(book=book), lost=None if kept else noted, overdue=overdue, overdue_since=since)


def heads(*, book: Book | None = None) -> Iterator[Head]:
    """The ends of all chains, or of the one of `book`, by book."""
    sealed_last = JournalEntry.objects.filter(pk=OuterRef("entry_id")).values("uid")
    found = ChainHead.objects.annotate(entry_uid=Subquery(sealed_last)).order_by("book_id")
    if book is not None:
        found = found.filter(book=book)
    columns = ("book_id", "seals", "hash", "entry_uid", "sealed_at")
    for book_id, seals, hash_, uid, sealed_at in found.values_list(*columns).iterator():
        yield Head(book_id=book_id, seals=seals, hash=hash_.hex(), entry_uid=str(uid or ""), sealed_at=sealed_at)


def link(previous: bytes, document: str) -> bytes:
    """The seal of a document behind the previous seal."""
    return hashlib.sha256(previous + document.encode()).digest()


def place_of(*, book: Book, hash_: str) -> int | None:
    """Which seal of the book's chain has this hash (64 hexadecimal digits), if any has."""
    with contextlib.suppress(ValueError):
        return Seal.objects.filter(book=book, hash=bytes.fromhex(hash_)).values_list("seq", flat=True).first()
    return None


def sealed(*, book: Book | None) -> int:
    """How many entries are sealed, as the ends of the chains tell."""
    found = ChainHead.objects.all() if book is None else ChainHead.objects.filter(book=book)
    return int(found.aggregate(seals=Sum("seals"))["seals"] or 0)


_WAITING = f"""
SELECT coalesce(extract(epoch FROM statement_timestamp() - min(created_at)), 0)::float8
  FROM (SELECT id, created_at FROM finance_journalentry ORDER BY id DESC LIMIT {NEWEST}) AS entry
  LEFT JOIN LATERAL (SELECT entry_id FROM finance_seal WHERE entry_id = entry.id OFFSET 0) AS seal ON true
 WHERE seal.entry_id IS NULL
"""


def waiting_seconds() -> float:
    """For how long the oldest of the newest thousand entries has waited for its seal; 0 when none waits."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        (seconds,) = cursor.fetchone()
    return max(0.0, float(seconds))


# A seal is judged by the one that is stored before it, so each fault is told where it is and not at all that follow.
# The seal at which the walk stands is read once more, as the one before the next. Without OFFSET 0 the planner would read
# all entries for each slice of a large ledger: a scan looks cheaper to it than ten thousand look-ups.
_JUDGED = f"""
WITH part AS MATERIALIZED (
    SELECT book_id, seq, entry_id, hash, sealed_at,
           lag(seq) OVER one_book AS previous_seq, lag(hash) OVER one_book AS previous_hash
      FROM (SELECT * FROM finance_seal AS seal WHERE (seal.book_id, seal.seq) >= (%(book)s, %(seq)s) {{only}}
             ORDER BY seal.book_id, seal.seq LIMIT {SLICE}) AS seal
    WINDOW one_book AS (PARTITION BY book_id ORDER BY seq)
), judged AS (
    SELECT part.book_id, part.seq,
           'seal ' || part.seq || ' of ' || coalesce('entry ' || entry.uid, 'the entry with number ' || part.entry_id) AS what,
           CASE WHEN part.seq > 1 AND part.previous_seq IS DISTINCT FROM part.seq - 1
                THEN 'follows seal ' || part.seq - 1 || ', which is missing'
                WHEN entry.id IS NULL THEN 'has lost its entry, which was sealed ' || part.sealed_at
                WHEN part.hash <> sha256(coalesce(part.previous_hash, %(zeros)s) || convert_to({DOCUMENT}, 'UTF8'))
                THEN 'does not fit: the entry, or a seal, was changed after ' || part.sealed_at END AS wrong
      FROM part LEFT JOIN LATERAL (
               SELECT * FROM finance_journalentry AS entry WHERE entry.id = part.entry_id OFFSET 0) AS entry ON true
     WHERE (part.book_id, part.seq) <> (%(book)s, %(seq)s)
)
SELECT count(*), (SELECT jsonb_build_array(book_id, seq) FROM part ORDER BY book_id DESC, seq DESC LIMIT 1),
       coalesce(jsonb_agg(jsonb_build_array(book_id, what, wrong) ORDER BY book_id, seq)
                FILTER (WHERE wrong IS NOT NULL), '[]')
  FROM judged
"""


def judged(*, book: Book | None, after: Place) -> Iterator[Slice]:
    """Recompute the chains from the entries that are there, slice by slice, beginning behind `after`."""
    # Of all books, those that are being erased are not whole any more.
    erased = [] if book is not None else list(Book.objects.to_be_erased().values_list("pk", flat=True))
    only = "" if book is None else "AND seal.book_id = %(only)s"
    only = "AND seal.book_id <> ALL (%(erased)s)" if erased else only
    values = {"only": book.pk if book is not None else None, "zeros": BEFORE_THE_FIRST, "erased": erased}
    plans.forget_plans()
    while True:
        with plans.by_index(), connection.cursor() as cursor:
            cursor.execute(_JUDGED.format(only=only), {**values, "book": after.book_id, "seq": after.seq})
            seals, through, wrong = cursor.fetchone()
        if not seals:
            return
        after = Place(*json.loads(through))
        yield Slice(
            seals=seals, through=after, wrong=[(book_id, what, why) for book_id, what, why in json.loads(wrong)]
        )
