"""Entries that a query finds, newest first, with their totals.

A search starts with a term that finds little, through an index, and checks the others on that; words that are frequent
count as one term, for they may meet seldom. Where every term finds a lot, it walks the journal from the newest entry on,
a window at a time: it then has no totals, and says how far it came.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from core.keyset import dated_place, read_dated_place
from finance.errors import Invalid
from finance.ledger import plans
from finance.ledger.models import Account, AccountKind, Book
from finance.ledger.movements import OWN_KINDS, Movement, Side, movement_of
from finance.replica import reading
from finance.search.conditions import Condition, World, condition_of, together, world_of
from finance.search.query import Term

# A search starts with a term that finds at most this many entries, which are then added up.
MOST_FOUND = 2_000
# Not even tried is what finds more than this by PostgreSQL's statistics. Without any, they say little, and it is tried.
MOST_EXPECTED = 10 * MOST_FOUND
# Words together are not tried where they are in more entries than this, added up: 100,000 take some ten milliseconds.
MOST_MERGED = 500_000
# Entries that one page walks through at most.
WINDOW = 2_000

_CURRENT = """entry.reverses_id IS NULL
   AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = entry.id)"""
_COLUMNS = "entry.id, entry.uid, entry.date, entry.payee, entry.description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An entry that was found, with what it moved."""

    id: int
    uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    movement: Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What came into the household's own money and what left it, in one currency; minor units, both ≥ 0."""

    currency: str
    came_in: int
    went_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page. `count` and `totals` are of everything that was found, or None where that is not known.

    `searched_to` is set where the page ended before the journal did: there may be more from `next_cursor` on.
    """

    entries: list[Hit]
    next_cursor: str | None = None
    searched_to: datetime.date | None = None
    count: int | None = None
    totals: list[Total] = field(default_factory=list)


def find_accounts(*, book: Book, terms: list[Term], world: World | None = None) -> list[tuple[Account, str]]:
    """Accounts whose path holds all the plain words, with the path; none for a query that has operators."""
    words = [term.text for term in terms if term.field == "any" and not term.negated]
    if not words or len(words) < len(terms):
        return []
    world = world or world_of(book=book, terms=terms)
    matching = set.intersection(*(set(world.accounts_named(word)) for word in words))
    return [
        (account, world.paths[account.pk].replace(":", " › "))
        for account in world.accounts
        if account.pk in matching and account.kind != AccountKind.GROUP
    ]


def find_entries(
    *, book: Book, terms: list[Term], after: str | None = None, limit: int = 30, world: World | None = None
) -> Found:
    """One page of the entries for which all terms hold. Raises Invalid for a bad cursor."""
    try:
        edge = read_dated_place(after) if after else (datetime.date.max, 2**63 - 1)
    except ValueError as error:
        raise Invalid(field="after", reason=_("This is not a place in the results.")) from error
    world = world or world_of(book=book, terms=terms)
    conditions = [condition_of(term, name=f"term{number}", world=world) for number, term in enumerate(terms)]
    parameters: dict[str, Any] = {"book": book.pk, "date": edge[0], "id": edge[1], "limit": limit + 1, "window": WINDOW}
    for condition in conditions:
        parameters |= condition.parameters
    with plans.by_index(reading(), alone=True):
        way = _way_in(conditions, parameters)
        if way is None:
            return _walk(conditions, parameters, limit)
        term, candidates = way
        others = [condition for condition in conditions if condition is not term]
        return _pick(others, {**parameters, "candidates": candidates}, limit)


def _way_in(conditions: list[Condition], parameters: dict[str, Any]) -> tuple[Condition, list[int]] | None:
    """A term that finds few enough entries, with their ids; None if every term finds more."""
    with reading().cursor() as cursor:

        def expected(statement: str) -> int:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])

        ways = [(expected(each.counted or each.found), each) for each in conditions if each.found]
        words = sum(rows for rows, each in ways if each.words)
        all_words = together(conditions)
        if all_words is not None and all_words.found and words <= MOST_MERGED:
            ways.append((expected(all_words.found), all_words))
        for rows, way in sorted(ways, key=lambda each: each[0]):
            if rows > MOST_EXPECTED:
                return None
            cursor.execute(f"SELECT * FROM ({way.found}) AS found LIMIT {MOST_FOUND + 1}", parameters)
            ids = [row[0] for row in cursor.fetchall()]
            if len(ids) <= MOST_FOUND:
                return way, ids
    return None


def _pick(conditions: list[Condition], parameters: dict[str, Any], limit: int) -> Found:
    """Of the candidates those for which the other conditions hold: a page of them, and the totals of all."""
    holds = " AND ".join(condition.holds for condition in conditions) or "true"
    statement = f"""
SELECT {_COLUMNS} FROM finance_journalentry AS entry
 WHERE entry.id = ANY(%(candidates)s::bigint[]) AND entry.book_id = %(book)s AND {_CURRENT} AND {holds}
 ORDER BY entry.date DESC, entry.id DESC
"""
    with reading().cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
        cursor.execute(_TOTALS, {"entries": [row[0] for row in rows], "own": [str(kind) for kind in OWN_KINDS]})
        totals = [
            Total(currency=currency, came_in=came_in, went_out=went_out)
            for currency, came_in, went_out in cursor.fetchall()
        ]
    behind = [row for row in rows if (row[2], row[0]) < (parameters["date"], parameters["id"])]
    page = behind[:limit]
    more = len(behind) > limit
    cursor_text = dated_place(page[-1][2], page[-1][0]) if more else None
    return Found(entries=_hits(page), next_cursor=cursor_text, count=len(rows), totals=totals)


def _walk(conditions: list[Condition], parameters: dict[str, Any], limit: int) -> Found:
    """A window of the journal, from the edge back; the rows in it for which all conditions hold."""
    holds = " AND ".join(condition.holds for condition in conditions) or "true"
    window = """
SELECT * FROM finance_journalentry WHERE book_id = %(book)s AND (date, id) < (%(date)s::date, %(id)s::bigint)
 ORDER BY date DESC, id DESC LIMIT %(window)s
"""
    statement = f"""
SELECT {_COLUMNS} FROM ({window}) AS entry WHERE {_CURRENT} AND {holds}
 ORDER BY entry.date DESC, entry.id DESC LIMIT %(limit)s
"""
    with reading().cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
        if len(rows) > limit:
            last = rows[limit - 1]
            return Found(entries=_hits(rows[:limit]), next_cursor=dated_place(last[2], last[0]))
        cursor.execute(
            f"SELECT date, id, count(*) OVER () FROM ({window}) AS entry ORDER BY date, id LIMIT 1", parameters
        )
        end = cursor.fetchone()
    if end is None or end[2] < WINDOW:
        return Found(entries=_hits(rows))
    return Found(entries=_hits(rows), next_cursor=dated_place(end[0], end[1]), searched_to=end[0])


def hits_of(*, book: Book, entry_ids: Collection[int]) -> list[Hit]:
    """These entries of the book, newest first, whatever became of them, with what they moved."""
    with reading().cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM finance_journalentry AS entry WHERE entry.id = ANY(%s::bigint[])"
            " AND entry.book_id = %s ORDER BY entry.date DESC, entry.id DESC",
            [list(entry_ids), book.pk],
        )
        return _hits(cursor.fetchall())


# Own money as in movements.movement_of: what an entry changed there, in each currency.
_TOTALS = """
SELECT currency, coalesce(sum(net) FILTER (WHERE net > 0), 0)::bigint, coalesce(-sum(net) FILTER (WHERE net < 0), 0)::bigint
  FROM (SELECT line.entry_id, line.currency, sum(line.amount) AS net
          FROM finance_journalline AS line JOIN finance_account AS account ON account.id = line.account_id
         WHERE line.entry_id = ANY(%(entries)s::bigint[]) AND account.kind = ANY(%(own)s::text[])
         GROUP BY line.entry_id, line.currency) AS moved
 WHERE net <> 0 GROUP BY currency ORDER BY currency
"""
_SIDES = """
SELECT line.entry_id, account.name, account.kind, line.currency, line.amount
  FROM finance_journalline AS line JOIN finance_account AS account ON account.id = line.account_id
 WHERE line.entry_id = ANY(%s::bigint[]) ORDER BY line.entry_id, line.position
"""


def _hits(rows: list[tuple[Any, ...]]) -> list[Hit]:
    sides: dict[int, list[Side]] = defaultdict(list)
    with reading().cursor() as cursor:
        cursor.execute(_SIDES, [[row[0] for row in rows]])
        for entry_id, account, kind, currency, amount in cursor.fetchall():
            sides[entry_id].append(Side(account=account, kind=kind, currency=currency, amount=amount))
    return [
        Hit(id=id_, uid=uid, date=day, payee=payee, description=text, movement=movement_of(sides[id_]))
        for id_, uid, day, payee, text in rows
    ]
