"""Learns from entries which words go to which account, and how people call a payee. Off with ENABLE_ML.

Each entry is counted once (`LearnedEntry`), and is taken out again when it is reversed or corrected. Before an entry is
counted, what the counts would have suggested for it is compared with what was done: that is the calibration.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core.batches import in_batches
from finance.imports.models import ImportBatch, ImportRow, LearnedBook, WordCount
from finance.imports.suggestions.model import Calibration, Counts, rank
from finance.imports.suggestions.words import features
from finance.ledger import plans
from finance.ledger.models import Book
from finance.ledger.uncategorised import uncategorised_ids
from finance.rules.engine import key_words

# Entries learned in one transaction of a backfill.
STEP = 5000
# What was taken over as suggested counts once; what people chose, or corrected, counts for more.
BY_DEFAULT, CHOSEN, CORRECTED = 1, 2, 4

# Queries about many entries look them up one by one, by a key with an index, whatever the statistics say
# (finance.ledger.plans): a worker's batch waits for a backfill.

# Two-line entries of one currency, once from the view of each of the household's own accounts that they touch. The bank's
# text is that of the row that the entry, or the first one in its chain of corrections, was posted for.
_EXAMPLES = """
SELECT entry.id, entry.source, entry.payee, entry.description, own.account_id, own.amount, own.currency, other.account_id,
       came.account_id, came.payee, came.description, came.decided_at IS NOT NULL AND came.suggestion = ''
  FROM unnest(%(entries)s::bigint[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT id, source, payee, description, corrects_id FROM finance_journalentry
        WHERE id = wanted.id AND book_id + 0 = %(book)s AND line_count = 2 OFFSET 0) AS entry
 CROSS JOIN LATERAL (
       SELECT line.id, line.position, line.account_id, line.amount, line.currency,
              (SELECT type FROM finance_account AS account WHERE account.id = line.account_id) AS account_type
         FROM finance_journalline AS line WHERE line.entry_id = entry.id OFFSET 0) AS own
 CROSS JOIN LATERAL (
       SELECT line.account_id,
              (SELECT type FROM finance_account AS account WHERE account.id = line.account_id) AS account_type
         FROM finance_journalline AS line
        WHERE line.entry_id = entry.id AND line.id <> own.id AND line.currency = own.currency OFFSET 0) AS other
  LEFT JOIN LATERAL (
       WITH RECURSIVE version (id, corrects_id, depth) AS (
         SELECT entry.id, entry.corrects_id, 0
          UNION ALL
         SELECT earlier.id, earlier.corrects_id, depth + 1
           FROM version CROSS JOIN LATERAL (
                SELECT id, corrects_id FROM finance_journalentry
                 WHERE id = version.corrects_id AND book_id + 0 = %(book)s OFFSET 0) AS earlier
          WHERE depth < 50)
       SELECT imported.account_id, imported.payee, imported.description, imported.decided_at, imported.suggestion
         FROM version CROSS JOIN LATERAL (
              SELECT id, account_id, payee, description, decided_at, suggestion FROM finance_importrow
               WHERE posted_entry_id = version.id AND outcome IN ('posted', 'linked') OFFSET 0) AS imported
        ORDER BY imported.id LIMIT 1) AS came ON true
 WHERE own.account_type IN ('asset', 'liability') AND other.account_type IN ('income', 'expense', 'asset', 'liability')
   AND (came.account_id IS NULL OR came.account_id = own.account_id)
 ORDER BY entry.id, own.position
"""
# What may be learned: entries that count, no system's own, and none twice, such as while a backfill waited for a batch.
_FIT = """
SELECT entry.id
  FROM unnest(%(entries)s::bigint[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT id FROM finance_journalentry
        WHERE id = wanted.id AND book_id + 0 = %(book)s AND line_count = 2
          AND source NOT IN ('opening', 'exchange', 'reversal') OFFSET 0) AS entry
 WHERE NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id OFFSET 0)
   AND NOT EXISTS (SELECT FROM finance_learnedentry AS learned
                    WHERE learned.entry_id = entry.id AND learned.book_id + 0 = %(book)s OFFSET 0)
   AND NOT EXISTS (SELECT FROM (SELECT account_id FROM finance_journalline
                                 WHERE entry_id = entry.id AND book_id + 0 = %(book)s OFFSET 0) AS line
                    WHERE line.account_id = ANY(%(nowhere)s::bigint[]) OFFSET 0)
 ORDER BY entry.id
"""
_TAKE = """
INSERT INTO finance_learnedentry (entry_id, book_id, counted)
SELECT (pair->>0)::bigint, %(book)s, pair->1 FROM jsonb_array_elements(%(kept)s::jsonb) AS given (pair)
ON CONFLICT DO NOTHING RETURNING entry_id
"""
_LET_GO = "DELETE FROM finance_learnedentry WHERE entry_id = ANY(%(entries)s::bigint[]) AND book_id + 0 = %(book)s RETURNING counted"
_COUNT = """
INSERT INTO finance_wordcount AS count (book_id, word, outgoing, account_id, entries, weight)
SELECT %(book)s, * FROM unnest(%(words)s::text[], %(outgoing)s::boolean[], %(accounts)s::bigint[], %(entries)s::int[], %(weights)s::int[])
ON CONFLICT (book_id, word, outgoing, account_id)
DO UPDATE SET entries = count.entries + excluded.entries, weight = count.weight + excluded.weight
"""
_NAME = """
INSERT INTO finance_payeename AS known (book_id, key, name, weight)
SELECT %(book)s, * FROM unnest(%(keys)s::text[], %(names)s::text[], %(weights)s::int[])
ON CONFLICT (book_id, key, name) DO UPDATE SET weight = known.weight + excluded.weight
"""
_REVERSED = """
SELECT learned.entry_id FROM finance_learnedentry AS learned
 WHERE learned.book_id = %(book)s
   AND EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = learned.entry_id)
"""
_MISSING = """
SELECT entry.id FROM finance_journalentry AS entry
 WHERE entry.book_id = %(book)s AND entry.id > %(after)s AND entry.line_count = 2
   AND NOT EXISTS (SELECT FROM finance_learnedentry AS learned
                    WHERE learned.entry_id = entry.id AND learned.book_id + 0 = entry.book_id OFFSET 0)
 ORDER BY entry.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Example:
    """An entry from the view of one account; `key` and `name` are the bank's words and what the books call them."""

    entry_id: int
    words: tuple[str, ...]
    outgoing: bool
    account_id: int
    weight: int
    key: str
    name: str

    def kept(self) -> dict[str, Any]:
        """As it stands in `LearnedEntry.counted`."""
        return {
            "words": self.words, "out": self.outgoing, "to": self.account_id, "weight": self.weight, "key": self.key,
            "name": self.name,
        }  # fmt: skip


@transaction.atomic
def learn(*, book_id: int, posted: Iterable[int] = (), taken_back: Iterable[int] = ()) -> int:
    """Count the entries and take others out again; returns how many were counted. Twice does nothing more.

    Entries that do not count (any more), have no category, or are of more than two lines teach nothing.
    """
    if not settings.ENABLE_ML:
        return 0
    LearnedBook.objects.bulk_create([LearnedBook(book_id=book_id)], ignore_conflicts=True)
    learned = LearnedBook.objects.select_for_update().get(pk=book_id)
    _unlearn(book_id, list(taken_back))
    nowhere = list(uncategorised_ids(book=Book(pk=book_id)))
    with plans.by_index():
        fit = [pk for (pk,) in _rows(_FIT, book=book_id, entries=sorted(set(posted)), nowhere=nowhere)]
        examples = _examples(book_id, fit)
    kept: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for example in examples:
        kept[example.entry_id].append(example.kept())
    fresh = {pk for (pk,) in _rows(_TAKE, book=book_id, kept=json.dumps(list(kept.items())))}
    examples = [example for example in examples if example.entry_id in fresh]
    if not examples:
        return 0
    counts, added = _counts(book_id, examples), Counts()
    calibration = Calibration(learned.tried, learned.right) if learned.tried else Calibration()
    for example in examples:
        # What would have been said, before this entry has taught it.
        ranked = rank(example.words, outgoing=example.outgoing, counts=counts)
        if ranked:
            calibration.record(ranked[0].stated, right=ranked[0].account_id == example.account_id)
        for each in (counts, added):
            each.add(example.words, outgoing=example.outgoing, account_id=example.account_id, weight=example.weight)
    _write(book_id, added, [(example.key, example.name, example.weight) for example in examples if example.key])
    learned.tried, learned.right = calibration.tried, calibration.right
    learned.save(update_fields=["tried", "right"])
    return len(fresh)


def learn_linked(*, batch: ImportBatch) -> int:
    """Learn again the entries that rows of an import were linked to: the bank's text for them is known now."""
    if not settings.ENABLE_ML:
        return 0
    linked = batch.rows.filter(outcome=ImportRow.Outcome.LINKED).exclude(posted_entry=None)
    entries = list(linked.order_by("posted_entry").values_list("posted_entry", flat=True).distinct())
    for some in in_batches(entries, size=STEP):
        learn(book_id=batch.book_id, posted=some, taken_back=some)
    return len(entries)


def learn_book(*, book: Book, between: Callable[[int], object] = lambda count: None) -> int:
    """Learn everything of the book that is not learned yet, and forget what was reversed meanwhile; returns how many
    entries were counted. `between` is called after each step, a transaction of its own, with its number of entries."""
    if not settings.ENABLE_ML:
        return 0
    for gone in in_batches([pk for (pk,) in _rows(_REVERSED, book=book.pk)], size=STEP):
        learn(book_id=book.pk, taken_back=gone)
    counted, after = 0, 0
    while True:
        with plans.by_index():
            entries = [pk for (pk,) in _rows(_MISSING, book=book.pk, after=after, limit=STEP)]
        if not entries:
            break
        counted += learn(book_id=book.pk, posted=entries)
        after = entries[-1]
        between(len(entries))
    LearnedBook.objects.update_or_create(pk=book.pk, defaults={"complete_at": timezone.now()})
    return counted


def learn_missed(*, between: Callable[[], object] = lambda: None, most: int = 20) -> int:
    """Learn books that were never learned as a whole, such as those from before an upgrade; returns how many."""
    if not settings.ENABLE_ML:
        return 0
    complete = LearnedBook.objects.exclude(complete_at=None).values("pk")
    books = list(Book.objects.in_use().exclude(pk__in=complete).order_by("pk")[:most])
    for book in books:
        learn_book(book=book, between=lambda _count: between())
    return len(books)


def _unlearn(book_id: int, entries: list[int]) -> None:
    removed, names = Counts(), []
    for (counted,) in _rows(_LET_GO, book=book_id, entries=entries) if entries else ():
        for each in json.loads(counted) if isinstance(counted, str) else counted:
            removed.add(each["words"], outgoing=each["out"], account_id=each["to"], weight=-each["weight"], entries=-1)
            names += [(each["key"], each["name"], -each["weight"])] if each["key"] else []
    _write(book_id, removed, names)


def _examples(book_id: int, entries: Sequence[int]) -> list[_Example]:
    found = []
    for row in _rows(_EXAMPLES, book=book_id, entries=list(entries)) if entries else ():
        pk, source, payee, description, account_id, amount, currency, other_id, came, bank_payee, bank_text, chosen = (
            row
        )
        weight = CORRECTED if source == "correction" else CHOSEN if source != "import" or chosen else BY_DEFAULT
        text, more = (bank_payee, bank_text) if came else (payee, description)
        found.append(
            _Example(
                entry_id=pk, outgoing=amount < 0, account_id=other_id, weight=weight,
                words=features(payee=text, description=more, amount=amount, currency=currency, account_id=account_id),
                key=key_words(bank_payee)[:200] if came else "", name=payee if payee != bank_payee else "",
            )
        )  # fmt: skip
    return found


def _counts(book_id: int, examples: Sequence[_Example]) -> Counts:
    """What the book's counts say of the examples' words now."""
    counts = Counts()
    words = {word for example in examples for word in example.words} | {""}
    found = WordCount.objects.filter(book_id=book_id, word__in=words)
    for word, outgoing, account_id, entries, weight in found.values_list(
        "word", "outgoing", "account_id", "entries", "weight"
    ):
        counts.of[word, outgoing][account_id] = [entries, weight]
    return counts


def _write(book_id: int, added: Counts, names: Sequence[tuple[str, str, int]]) -> None:
    # In one order, so that two who count never wait for each other in a circle.
    cells = sorted(
        (word, outgoing, account, *numbers)
        for (word, outgoing), accounts in added.of.items()
        for account, numbers in accounts.items()
    )
    if cells:
        words, outgoing, accounts, entries, weights = (list(column) for column in zip(*cells, strict=True))
        _execute(
            _COUNT, book=book_id, words=words, outgoing=outgoing, accounts=accounts, entries=entries, weights=weights
        )
    summed: dict[tuple[str, str], int] = defaultdict(int)
    for key, name, weight in names:
        summed[key, name] += weight
    if summed:
        pairs = sorted(summed)
        _execute(
            _NAME, book=book_id, keys=[key for key, _name in pairs], names=[name for _key, name in pairs],
            weights=[summed[pair] for pair in pairs],
        )  # fmt: skip


def _rows(statement: str, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _execute(statement: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
