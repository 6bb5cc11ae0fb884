"""Proves the books from the lines alone: checks again what the guards promised while posting.

Each check is one statement and so sees one state of the database, whatever is posted meanwhile. The chain of seals,
which only grows, is walked along in slices afterwards. Verifying comes right after restoring, when PostgreSQL knows
nothing of the tables: one book is checked row by row with LATERAL subqueries, all books with joins of whole tables; neither
depends on statistics (plans.py).
"""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection, transaction

from finance.ledger import chain, plans
from finance.ledger.models import Book, LedgerCheck

# A report names this many rows of each problem and counts the rest.
EXAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise: the sentence that is true of a sound ledger, and the statement that finds what breaks it.

    `sql` returns (book id, what, what is wrong with it); `{entry}`, `{account}`, `{line}` … become conditions that
    limit the row of that name to one book, or nothing. `whole` asks the same of all books at once, by joining tables
    where `sql` looks rows up: several times as fast, but it reads all lines even for a small book.
    """

    code: str
    promise: str
    sql: str
    whole: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A broken promise with the number of rows that break it, and the first of them as text."""

    code: str
    promise: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at and what is wrong; no problems means proven.

    Warnings are of what workers have yet to do, like sealing: they make no ledger unsound.
    """

    books: int
    entries: int
    lines: int
    seals: int
    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()

    @property
    def sound(self) -> bool:
        return not self.problems


_MISPLACED = """
        SELECT line.book_id, 'line ' || line.id,
               concat_ws(', ',
                   CASE WHEN entry.id IS NULL THEN 'has no entry' END,
                   CASE WHEN account.id IS NULL THEN 'has no account' END,
                   CASE WHEN line.book_id <> entry.book_id OR line.book_id <> account.book_id
                        THEN 'is of another book' END,
                   CASE WHEN line.date <> entry.date
                        THEN 'is dated ' || line.date || ', its entry ' || entry.date END,
                   CASE WHEN line.currency <> account.currency
                        THEN 'is in ' || line.currency || ', its account in ' || account.currency END,
                   CASE WHEN line.amount = 0 THEN 'is zero' END)
          FROM finance_journalline AS line"""
_IS_MISPLACED = """(entry.id IS NULL OR account.id IS NULL OR line.amount = 0
                OR line.book_id <> entry.book_id OR line.book_id <> account.book_id
                OR line.date <> entry.date OR line.currency <> account.currency)"""

CHECKS: Sequence[Check] = (
    Check(
        code="entry_complete",
        promise="Every entry has the lines that its header declares, at least two.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid,
               'declares ' || entry.line_count || ' lines and has ' || there.lines
          FROM finance_journalentry AS entry CROSS JOIN LATERAL (
               SELECT count(line.position) AS lines FROM finance_journalline AS line
                WHERE line.entry_id = entry.id OFFSET 0) AS there
         WHERE (there.lines <> entry.line_count OR there.lines < 2) {entry}
        """,
        whole="""
        SELECT entry.book_id, 'entry ' || entry.uid,
               'declares ' || entry.line_count || ' lines and has ' || coalesce(there.lines, 0)
          FROM finance_journalentry AS entry LEFT JOIN (
               SELECT entry_id, count(*) AS lines FROM finance_journalline GROUP BY entry_id) AS there
            ON there.entry_id = entry.id
         WHERE (coalesce(there.lines, 0) <> entry.line_count OR coalesce(there.lines, 0) < 2) {entry}
        """,
    ),
    Check(
        code="entry_balanced",
        promise="The lines of every entry sum to zero in each currency.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'is off by ' || summed.total || ' minor units of ' || summed.currency
          FROM finance_journalentry AS entry CROSS JOIN LATERAL (
               SELECT line.currency, sum(line.amount) AS total FROM finance_journalline AS line
                WHERE line.entry_id = entry.id GROUP BY line.currency HAVING sum(line.amount) <> 0 OFFSET 0) AS summed
         WHERE true {entry}
        """,
        whole="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'is off by ' || summed.total || ' minor units of ' || summed.currency
          FROM (SELECT entry_id, currency, sum(amount) AS total FROM finance_journalline
                 GROUP BY entry_id, currency HAVING sum(amount) <> 0) AS summed
          JOIN finance_journalentry AS entry ON entry.id = summed.entry_id
         WHERE true {entry}
        """,
    ),
    Check(
        code="line_belongs",
        promise="A line has the book and date of its entry, and the book and currency of its account.",
        sql=f"""{_MISPLACED}
          LEFT JOIN LATERAL (SELECT id, book_id, date FROM finance_journalentry
                              WHERE id = line.entry_id OFFSET 0) AS entry ON true
          LEFT JOIN LATERAL (SELECT id, book_id, currency FROM finance_account
                              WHERE id = line.account_id OFFSET 0) AS account ON true
         WHERE {_IS_MISPLACED} {{line}}
        """,
        whole=f"""{_MISPLACED}
          LEFT JOIN finance_journalentry AS entry ON entry.id = line.entry_id
          LEFT JOIN finance_account AS account ON account.id = line.account_id
         WHERE {_IS_MISPLACED} {{line}}
        """,
    ),
    Check(
        code="months_equal_lines",
        promise="The months of every account hold the sums of its lines.",
        sql="""
        SELECT account.book_id, 'account ' || account.id || ' in ' || to_char(both_sides.month, 'YYYY-MM'),
               'has debit ' || coalesce(kept_debit, 0) || ', credit ' || coalesce(kept_credit, 0) || ', '
                   || coalesce(kept_lines, 0) || ' lines; its lines say ' || coalesce(debit, 0) || ', '
                   || coalesce(credit, 0) || ', ' || coalesce(lines, 0)
          FROM finance_account AS account CROSS JOIN LATERAL (
               SELECT month, summed.debit, summed.credit, summed.lines, kept.book_id AS kept_book,
                      kept.debit AS kept_debit, kept.credit AS kept_credit, kept.lines AS kept_lines
                 FROM (SELECT date_trunc('month', line.date::timestamp)::date AS month,
                              coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0) AS debit,
                              coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0) AS credit,
                              count(*) AS lines
                         FROM finance_journalline AS line WHERE line.account_id = account.id GROUP BY 1) AS summed
                 FULL JOIN (SELECT * FROM finance_accountmonth AS kept
                             WHERE kept.account_id = account.id) AS kept USING (month)
               OFFSET 0) AS both_sides
         WHERE (kept_debit, kept_credit, kept_lines, kept_book)
               IS DISTINCT FROM (debit, credit, lines, account.book_id) {account}
        """,
    ),
    Check(
        code="reversal_opposite",
        promise="A reversal is the exact opposite of the entry that it reverses, in the same book.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'does not reverse entry ' || reversed.uid
          FROM finance_journalentry AS entry CROSS JOIN LATERAL (
               SELECT id, uid, book_id FROM finance_journalentry WHERE id = entry.reverses_id OFFSET 0) AS reversed
         WHERE entry.reverses_id IS NOT NULL
           AND (entry.book_id <> reversed.book_id OR EXISTS (
                SELECT FROM (SELECT account_id, currency, amount FROM finance_journalline WHERE entry_id = entry.id
                             UNION ALL
                             SELECT account_id, currency, amount FROM finance_journalline
                              WHERE entry_id = reversed.id) AS line
                 GROUP BY account_id, currency HAVING sum(amount) <> 0)) {entry}
        """,
    ),
    Check(
        code="correction_chained",
        promise="Every corrected entry was reversed, and its replacement is in the same book.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'corrects entry ' || corrected.uid || ', which was not reversed'
          FROM finance_journalentry AS entry CROSS JOIN LATERAL (
               SELECT id, uid, book_id FROM finance_journalentry WHERE id = entry.corrects_id OFFSET 0) AS corrected
          LEFT JOIN LATERAL (
               SELECT id FROM finance_journalentry WHERE reverses_id = corrected.id OFFSET 0) AS reversal ON true
         WHERE entry.corrects_id IS NOT NULL
           AND (reversal.id IS NULL OR corrected.book_id <> entry.book_id) {entry}
        """,
    ),
    Check(
        code="closed_untouched",
        promise="Nothing dated in a closed period was recorded after its closing.",
        # A minute, because entries of older releases carry the time of their process, the closing that of the database.
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid,
               'is dated ' || entry.date || ' and was recorded ' || entry.created_at || ', after the closing '
                   || book.closed_at || ' through ' || book.closed_through
          FROM finance_book AS book CROSS JOIN LATERAL (
               SELECT book_id, uid, date, created_at FROM finance_journalentry
                WHERE book_id = book.id AND date <= book.closed_through
                  AND created_at > book.closed_at + interval '1 minute' OFFSET 0) AS entry
         WHERE true {book}
        """,
    ),
    Check(
        code="closed_throughout",
        promise="No period was opened, posted into and closed again in one transaction.",
        # Services never do; the minutes are those that the database allows an entry's time to be off.
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid,
               'is dated ' || entry.date || ' and was recorded while ' || opened.role || ' opened its closed period and '
                   || 'closed it again in one transaction, ' || opened.transaction_at
          FROM finance_periodchange AS opened JOIN finance_journalentry AS entry
            ON entry.book_id = opened.book_id AND entry.date <= opened.closed_before
           AND (opened.closed_after IS NULL OR entry.date > opened.closed_after)
         WHERE EXISTS (SELECT FROM finance_periodchange AS closed
                        WHERE closed.book_id = opened.book_id AND closed.transaction_at = opened.transaction_at
                          AND closed.id > opened.id AND closed.closed_after >= entry.date
                          AND entry.created_at BETWEEN opened.transaction_at - interval '1 minute'
                                                   AND closed.at + interval '1 minute') {entry}
        """,
    ),
    Check(
        code="tree_sound",
        promise="Every account is inside an account of its own book and type, and never inside itself.",
        # EXCEPT compares sets, by hashing or sorting; a join with `rooted` could become one of each with each.
        sql="""
        WITH RECURSIVE rooted AS (
            SELECT id FROM finance_account AS account WHERE parent_id IS NULL {account}
            UNION SELECT below.id FROM rooted CROSS JOIN LATERAL (
                  SELECT id FROM finance_account WHERE parent_id = rooted.id OFFSET 0) AS below
        ), loose AS (
            SELECT id FROM finance_account AS account WHERE parent_id IS NOT NULL {account}
            EXCEPT SELECT id FROM rooted
        ), placed AS NOT MATERIALIZED (
            SELECT account.*, parent.book_id AS parent_book, parent.type AS parent_type
              FROM finance_account AS account LEFT JOIN LATERAL (
                   SELECT book_id, type FROM finance_account WHERE id = account.parent_id OFFSET 0) AS parent ON true
        )
        SELECT book_id, 'account ' || id, 'is inside account ' || parent_id || ' of another book or type'
          FROM placed AS account WHERE (parent_book <> book_id OR parent_type <> type) {account}
        UNION ALL
        SELECT book_id, 'account ' || account.id, 'is inside itself'
          FROM loose CROSS JOIN LATERAL (SELECT * FROM placed WHERE placed.id = loose.id OFFSET 0) AS account
         WHERE (parent_book = book_id AND parent_type = type) IS NOT false
        """,
    ),
    Check(
        code="chain_whole",
        promise="The chain of every book is whole and ends where it was noted to end.",
        sql="""
        SELECT coalesce(noted.book_id, there.book_id), 'the chain',
               'should have ' || coalesce(noted.seals, 0) || ' seals and has ' || coalesce(there.seals, 0)
                   || CASE WHEN noted.seals = there.seals THEN ', of which the last is another one' ELSE '' END
          FROM (SELECT * FROM finance_chainhead AS head WHERE true {head}) AS noted
          FULL JOIN (SELECT seal.book_id, count(*) AS seals, max(seal.seq) AS last
                       FROM finance_seal AS seal WHERE true {seal} GROUP BY seal.book_id) AS there USING (book_id)
          LEFT JOIN LATERAL (SELECT hash, entry_id FROM finance_seal
                              WHERE book_id = there.book_id AND seq = there.last OFFSET 0) AS ending ON true
         WHERE (noted.seals, noted.seals, noted.hash, noted.entry_id)
               IS DISTINCT FROM (there.seals, there.last, ending.hash, ending.entry_id)
        """,
    ),
    Check(
        code="chain_kept",
        promise="The chain of every book still holds the seal with which it ended when it was verified before.",
        sql="""
        SELECT noted.book_id, 'the chain',
               CASE WHEN kept.hash IS NULL
                    THEN 'had ' || noted.seals || ' seals on ' || noted.noted_at || ' and has '
                         || (SELECT count(seal.sealed_at) FROM finance_seal AS seal WHERE seal.book_id = noted.book_id)
                         || ' now: entries that were sealed are not any more'
                    ELSE 'has changed since ' || noted.noted_at || ': seal ' || noted.seals || ' is not the same' END
          FROM finance_notedhead AS noted LEFT JOIN LATERAL (
               SELECT hash FROM finance_seal WHERE book_id = noted.book_id AND seq = noted.seals OFFSET 0) AS kept ON true
         WHERE kept.hash IS DISTINCT FROM noted.hash {noted}
        """,
    ),
)

OVERDUE = ("entries_sealed", "Every entry is sealed within an hour.")
# An entry that never had a seal and one that lost it together with all traces look the same: a warning. That a seal was
# lost is told by the checks of the chain.
_OVERDUE = """
SELECT entry.book_id, count(*), min(entry.created_at)
  FROM finance_journalentry AS entry
  LEFT JOIN LATERAL (
       SELECT book_id FROM finance_seal WHERE entry_id = entry.id AND book_id + 0 = entry.book_id OFFSET 0) AS seal ON true
 WHERE seal.book_id IS NULL AND entry.created_at < %(due)s {entry}
 GROUP BY entry.book_id ORDER BY min(entry.created_at), entry.book_id
"""

# A head that the chain has lost stays noted, so that its loss is told until somebody has looked into it.
_NOTE_HEADS = """
INSERT INTO finance_notedhead AS noted (book_id, seals, hash, noted_at)
SELECT head.book_id, head.seals, head.hash, %(now)s
  FROM finance_chainhead AS head CROSS JOIN LATERAL (
       SELECT hash FROM finance_seal WHERE book_id = head.book_id AND seq = head.seals OFFSET 0) AS ending
 WHERE ending.hash = head.hash {head}
 ORDER BY head.book_id
ON CONFLICT (book_id) DO UPDATE SET seals = excluded.seals, hash = excluded.hash, noted_at = excluded.noted_at
 WHERE noted.seals < excluded.seals AND noted.hash = (
       SELECT hash FROM finance_seal WHERE book_id = noted.book_id AND seq = noted.seals)
"""

# The chain itself is judged by slices; this is what its report is called.
CHAIN = ("chain_fits", "Every seal fits its entry and the seal before it.")
PROMISES = len(CHECKS) + 1

_CONDITIONS = {
    "book": "AND book.id = %(book)s",
    "entry": "AND entry.book_id = %(book)s",
    "account": "AND account.book_id = %(book)s",
    "head": "AND head.book_id = %(book)s",
    "seal": "AND seal.book_id = %(book)s",
    "noted": "AND noted.book_id = %(book)s",
    # By the indexes of the entry's and the account's side: lines have none on their own copy of the book.
    "line": (
        "AND line.id IN (SELECT line.id FROM finance_account AS account CROSS JOIN LATERAL"
        " (SELECT id, position FROM finance_journalline WHERE account_id = account.id OFFSET 0) AS line"
        " WHERE account.book_id = %(book)s"
        " UNION SELECT line.id FROM finance_journalentry AS entry CROSS JOIN LATERAL"
        " (SELECT id, position FROM finance_journalline WHERE entry_id = entry.id OFFSET 0) AS line"
        " WHERE entry.book_id = %(book)s)"
    ),
}


@dataclass(slots=True, kw_only=True)
class Found:
    """How far a verification has come and what it found so far; JSON values only, so that it can be put aside."""

    checks: int = 0
    through: Sequence[int] = (0, 0)  # book and number of the last seal that was judged
    seals: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)

    def note(self, problem: Problem | None) -> None:
        self.problems += [asdict(problem)] if problem is not None else []

    def note_slice(self, part: chain.Slice) -> None:
        """The faults of a slice of the chain, added to those of the slices before."""
        self.seals += part.seals
        self.through = [part.through.book_id, part.through.seq]
        if not part.wrong:
            return
        code, promise = CHAIN
        if not self.problems or self.problems[-1]["code"] != code:
            self.problems.append({"code": code, "promise": promise, "count": 0, "examples": []})
        told = self.problems[-1]
        told["count"] += len(part.wrong)
        told["examples"] += [f"book {book_id}: {what} {wrong}" for book_id, what, wrong in part.wrong]
        del told["examples"][EXAMPLES:]


def steps(*, book: Book | None = None) -> int:
    """How many steps the verification of one book, or of all, has for now."""
    return len(CHECKS) + math.ceil(chain.sealed(book=book) / chain.SLICE)


def verify_ledger(
    *,
    book: Book | None = None,
    now: datetime.datetime,
    found: Mapping[str, Any] | None = None,
    on_step: Callable[[dict[str, Any]], None] = lambda found: None,
) -> Report:
    """Prove one book, or with None everything, and keep the result as a LedgerCheck of the time `now`.

    The heads of the chains are noted (NotedHead): the next verification expects the chains to hold them still.
    `on_step` is called after each step with what was found so far. Given back as `found`, it lets a verification that
    was stopped continue from there.
    """
    so_far = Found(**(found or {}))
    plans.forget_plans()
    for check in CHECKS[so_far.checks :]:
        so_far.note(_run(check, book=book))
        so_far.checks += 1
        on_step(asdict(so_far))
    for part in chain.judged(book=book, after=chain.Place(*so_far.through)):
        so_far.note_slice(part)
        on_step(asdict(so_far))
    problems = [Problem(**problem) for problem in so_far.problems]
    overdue = _overdue(book=book, now=now)
    warnings = [overdue] if overdue is not None else []
    ((books, entries, lines),) = _ask(_COUNTS, book=book)
    report = Report(books=books, entries=entries, lines=lines, seals=so_far.seals, problems=problems, warnings=warnings)
    with transaction.atomic():
        _ask(_NOTE_HEADS, book=book, now=now)
        LedgerCheck.objects.create(
            book=book,
            checked_at=now,
            entries=report.entries,
            lines=report.lines,
            problems=so_far.problems,
            warnings=[asdict(warning) for warning in warnings],
        )
    return report


def _run(check: Check, *, book: Book | None) -> Problem | None:
    whole = book is None and bool(check.whole)
    rows = _ask(
        f"SELECT *, count(*) OVER () FROM ({check.whole if whole else check.sql}) AS found (book, what, wrong)"
        f" ORDER BY 1, 2, 3 LIMIT {EXAMPLES}",
        book=book,
        planned=plans.joined if whole else plans.by_index,
    )
    if not rows:
        return None
    examples = [f"book {book_id}: {what} {wrong}" for book_id, what, wrong, _ in rows]
    return Problem(code=check.code, promise=check.promise, count=rows[0][3], examples=examples)


def _overdue(*, book: Book | None, now: datetime.datetime) -> Problem | None:
    """The entries that should be sealed by now and are not, counted by book and told since when."""
    rows = _ask(_OVERDUE, book=book, due=now - chain.SEALED_WITHIN)
    if not rows:
        return None
    code, promise = OVERDUE
    examples = [
        f"book {book_id}: {count} entries since {since.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC are not sealed"
        for book_id, count, since in rows[:EXAMPLES]
    ]
    return Problem(code=code, promise=promise, count=sum(count for _, count, _ in rows), examples=examples)


_COUNTS = """
SELECT (SELECT count(*) FROM finance_book AS book WHERE true {book}),
       (SELECT count(*) FROM finance_journalentry AS entry WHERE true {entry}),
       (SELECT coalesce(sum(there.lines), 0)::bigint FROM finance_account AS account CROSS JOIN LATERAL (
               SELECT count(*) AS lines FROM finance_journalline WHERE account_id = account.id OFFSET 0) AS there
         WHERE true {account})
"""


def _ask(
    statement: str,
    *,
    book: Book | None,
    planned: Callable[[], AbstractContextManager[None]] = plans.by_index,
    **values: Any,
) -> list[tuple[Any, ...]]:
    """The rows of a statement about one book, or all, none if it only writes."""
    conditions, values["book"] = _CONDITIONS, book.pk if book is not None else None
    if book is None:
        # What is being erased is not whole any more.
        values["erased"] = list(Book.objects.to_be_erased().values_list("pk", flat=True))
        conditions = dict.fromkeys(_CONDITIONS, "")
        if values["erased"]:
            conditions = {name: f"AND {name}.book_id <> ALL (%(erased)s)" for name in _CONDITIONS}
            conditions["book"] = "AND book.id <> ALL (%(erased)s)"
    with planned(), connection.cursor() as cursor:
        cursor.execute(statement.format(**conditions), values)
        return list(cursor.fetchall()) if cursor.description else []
