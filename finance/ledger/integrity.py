"""Proving the books from the lines alone: what the guards promised while posting, asked again of what is there.

Each check is one statement over whole sets and so sees one state of the database, whatever is posted meanwhile. The
chain of seals, which only grows, is walked along in slices afterwards.
"""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from finance.ledger import chain
from finance.ledger.models import Book, LedgerCheck

# A report names so many rows of each problem and counts the rest.
EXAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise: the sentence that is true of a sound ledger, and the statement that finds what breaks it.

    `sql` returns (book id, what, what is wrong with it); `{entry}`, `{account}`, `{line}` become conditions that limit
    the row of that name to one book, or nothing.
    """

    code: str
    promise: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A broken promise with the number of rows that break it, and the first of them as text."""

    code: str
    promise: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at and what is wrong; no problems means proven."""

    books: int
    entries: int
    lines: int
    seals: int
    problems: Sequence[Problem]

    @property
    def sound(self) -> bool:
        return not self.problems


CHECKS: Sequence[Check] = (
    Check(
        code="entry_complete",
        promise="Every entry has the lines that its header declares, at least two.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid,
               'declares ' || entry.line_count || ' lines and has ' || count(line.id)
          FROM finance_journalentry AS entry LEFT JOIN finance_journalline AS line ON line.entry_id = entry.id
         WHERE true {entry}
         GROUP BY entry.id HAVING entry.line_count <> count(line.id) OR count(line.id) < 2
        """,
    ),
    Check(
        code="entry_balanced",
        promise="The lines of every entry sum to zero in each currency.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'is off by ' || sum(line.amount) || ' minor units of ' || line.currency
          FROM finance_journalentry AS entry JOIN finance_journalline AS line ON line.entry_id = entry.id
         WHERE true {entry}
         GROUP BY entry.id, line.currency HAVING sum(line.amount) <> 0
        """,
    ),
    Check(
        code="line_belongs",
        promise="A line has the book and date of its entry, and the book and currency of its account.",
        sql="""
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
          FROM finance_journalline AS line
          LEFT JOIN finance_journalentry AS entry ON entry.id = line.entry_id
          LEFT JOIN finance_account AS account ON account.id = line.account_id
         WHERE (entry.id IS NULL OR account.id IS NULL OR line.amount = 0
                OR line.book_id <> entry.book_id OR line.book_id <> account.book_id
                OR line.date <> entry.date OR line.currency <> account.currency) {line}
        """,
    ),
    Check(
        code="months_equal_lines",
        promise="The months of every account hold the sums of its lines.",
        sql="""
        SELECT account.book_id, 'account ' || account.id || ' in ' || to_char(month, 'YYYY-MM'),
               'has debit ' || coalesce(kept.debit, 0) || ', credit ' || coalesce(kept.credit, 0) || ', '
                   || coalesce(kept.lines, 0) || ' lines; its lines say ' || coalesce(summed.debit, 0) || ', '
                   || coalesce(summed.credit, 0) || ', ' || coalesce(summed.lines, 0)
          FROM (SELECT line.account_id, date_trunc('month', line.date)::date AS month,
                       coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0) AS debit,
                       coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0) AS credit,
                       count(*) AS lines
                  FROM finance_journalline AS line JOIN finance_account AS account ON account.id = line.account_id
                 WHERE true {account} GROUP BY 1, 2) AS summed
          FULL JOIN (SELECT kept.* FROM finance_accountmonth AS kept
                       JOIN finance_account AS account ON account.id = kept.account_id
                      WHERE true {account}) AS kept USING (account_id, month)
          JOIN finance_account AS account ON account.id = account_id
         WHERE (kept.debit, kept.credit, kept.lines, kept.book_id)
               IS DISTINCT FROM (summed.debit, summed.credit, summed.lines, account.book_id)
        """,
    ),
    Check(
        code="reversal_opposite",
        promise="A reversal takes back exactly what it reverses, in the same book.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'does not take back entry ' || reversed.uid
          FROM finance_journalentry AS entry JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
         WHERE (entry.book_id <> reversed.book_id OR EXISTS (
                SELECT 1 FROM finance_journalline AS line WHERE line.entry_id IN (entry.id, reversed.id)
                 GROUP BY line.account_id HAVING sum(line.amount) <> 0)) {entry}
        """,
    ),
    Check(
        code="correction_chained",
        promise="What was corrected was taken back, and its replacement is in the same book.",
        sql="""
        SELECT entry.book_id, 'entry ' || entry.uid, 'corrects entry ' || corrected.uid || ', which still stands'
          FROM finance_journalentry AS entry JOIN finance_journalentry AS corrected ON corrected.id = entry.corrects_id
          LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = corrected.id
         WHERE (reversal.id IS NULL OR corrected.book_id <> entry.book_id) {entry}
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
          FROM finance_book AS book JOIN finance_journalentry AS entry
            ON entry.book_id = book.id AND entry.date <= book.closed_through
         WHERE entry.created_at > book.closed_at + interval '1 minute' {entry}
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
        promise="Every account hangs below an account of its own book and type, and never below itself.",
        sql="""
        WITH RECURSIVE rooted AS (
            SELECT id FROM finance_account AS account WHERE parent_id IS NULL {account}
            UNION SELECT account.id FROM finance_account AS account JOIN rooted ON account.parent_id = rooted.id
        )
        SELECT account.book_id, 'account ' || account.id,
               CASE WHEN parent.id IS NULL OR rooted.id IS NULL THEN 'hangs below itself'
                    ELSE 'hangs below account ' || parent.id || ' of another book or type' END
          FROM finance_account AS account
          LEFT JOIN finance_account AS parent ON parent.id = account.parent_id
          LEFT JOIN rooted ON rooted.id = account.id
         WHERE account.parent_id IS NOT NULL
           AND (rooted.id IS NULL OR parent.book_id <> account.book_id OR parent.type <> account.type) {account}
        """,
    ),
    Check(
        code="chain_whole",
        promise="The chain of every book is whole and ends where it was noted to end.",
        sql="""
        SELECT coalesce(noted.book_id, there.book_id), 'the chain',
               'is noted to have ' || coalesce(noted.seals, 0) || ' seals and has ' || coalesce(there.seals, 0)
                   || CASE WHEN noted.seals = there.seals THEN ', of which the last is another one' ELSE '' END
          FROM (SELECT * FROM finance_chainhead AS head WHERE true {head}) AS noted
          FULL JOIN (SELECT seal.book_id, count(*) AS seals, max(seal.seq) AS last
                       FROM finance_seal AS seal WHERE true {seal} GROUP BY seal.book_id) AS there USING (book_id)
          LEFT JOIN finance_seal AS ending ON ending.book_id = there.book_id AND ending.seq = there.last
         WHERE (noted.seals, noted.seals, noted.hash, noted.entry_id)
               IS DISTINCT FROM (there.seals, there.last, ending.hash, ending.entry_id)
        """,
    ),
)

# The chain itself is judged by slices; this is what its report is called.
CHAIN = ("chain_fits", "Every seal fits its entry and the seal before it.")
PROMISES = len(CHECKS) + 1

_CONDITIONS = {
    "entry": "AND entry.book_id = %(book)s",
    "account": "AND account.book_id = %(book)s",
    "head": "AND head.book_id = %(book)s",
    "seal": "AND seal.book_id = %(book)s",
    # By the indexes of the entry's and the account's side: lines have none on their own copy of the book.
    "line": (
        "AND line.id IN (SELECT id FROM finance_journalline WHERE account_id IN"
        " (SELECT id FROM finance_account WHERE book_id = %(book)s)"
        " UNION SELECT line.id FROM finance_journalentry AS entry JOIN finance_journalline AS line"
        " ON line.entry_id = entry.id WHERE entry.book_id = %(book)s)"
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

    `on_step` is called after each step with what was found so far. Given back as `found`, it lets a verification that
    was stopped go on from there.
    """
    so_far = Found(**(found or {}))
    for check in CHECKS[so_far.checks :]:
        so_far.note(_run(check, book=book))
        so_far.checks += 1
        on_step(asdict(so_far))
    for part in chain.judged(book=book, after=chain.Place(*so_far.through)):
        so_far.note_slice(part)
        on_step(asdict(so_far))
    problems = [Problem(**problem) for problem in so_far.problems]
    report = Report(**_counts(book=book), seals=so_far.seals, problems=problems)
    LedgerCheck.objects.create(
        book=book,
        checked_at=now,
        entries=report.entries,
        lines=report.lines,
        problems=so_far.problems,
    )
    return report


def _run(check: Check, *, book: Book | None) -> Problem | None:
    conditions = _CONDITIONS if book is not None else dict.fromkeys(_CONDITIONS, "")
    found = check.sql.format(**conditions)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT *, count(*) OVER () FROM ({found}) AS found (book, what, wrong) ORDER BY 1, 2 LIMIT {EXAMPLES}",
            {"book": book.pk if book is not None else None},
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    examples = [f"book {book_id}: {what} {wrong}" for book_id, what, wrong, _ in rows]
    return Problem(code=check.code, promise=check.promise, count=rows[0][3], examples=examples)


_COUNTS = """
SELECT (SELECT count(*) FROM finance_book AS book WHERE true {book}),
       (SELECT count(*) FROM finance_journalentry AS entry WHERE true {entry}),
       (SELECT coalesce(sum(kept.lines), 0)::bigint FROM finance_accountmonth AS kept
          JOIN finance_account AS account ON account.id = kept.account_id WHERE true {account})
"""


def _counts(*, book: Book | None) -> dict[str, int]:
    conditions = {**_CONDITIONS, "book": "AND book.id = %(book)s"}
    if book is None:
        conditions = dict.fromkeys(conditions, "")
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(**conditions), {"book": book.pk if book is not None else None})
        books, entries, lines = cursor.fetchone()
    return {"books": books, "entries": entries, "lines": lines}
