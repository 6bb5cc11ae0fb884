"""What was spent and received under each line of a budget, and where its money came from and went.

From month totals and, where a period cuts a month, from lines by index. An amount in another currency counts as what
its own entry exchanged; one whose entry shows no such amount is not valued, and counted as such.
"""

import datetime
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.plans import by_index
from finance.ledger.turnovers import Span, movements_between
from finance.money import divided
from finance.replica import reading

_CATEGORIES = (AccountType.EXPENSE, AccountType.INCOME)

# Every version of an entry that has one of the tags, and what reverses it: as their lines, each counts on its own day.
_TAGGED = """
WITH RECURSIVE version (tag_id, id) AS (
    SELECT tag_id, entry_id FROM finance_entrytag WHERE book_id = %(book)s AND tag_id = ANY(%(tags)s::bigint[])
    UNION
    SELECT version.tag_id, entry.id
      FROM version JOIN finance_journalentry AS entry ON entry.corrects_id = version.id
), tagged AS (
    SELECT id, array_agg(DISTINCT tag_id) AS tags
      FROM (SELECT tag_id, id FROM version
             UNION ALL
            SELECT version.tag_id, reversal.id
              FROM version JOIN finance_journalentry AS reversal ON reversal.reverses_id = version.id) AS every
     GROUP BY id
)
"""
_TAGGED_LINES = f"""
{_TAGGED}
SELECT tagged.tags, line.account_id, width_bucket(line.date, %(bounds)s::date[]), sum(line.amount)::bigint
  FROM tagged CROSS JOIN LATERAL (
       SELECT account_id, date, amount FROM finance_journalline WHERE entry_id = tagged.id OFFSET 0) AS line
 WHERE line.account_id = ANY(%(accounts)s::bigint[]) AND line.date >= %(first)s AND line.date < %(end)s
 GROUP BY 1, 2, 3
"""
# Of each line in another currency what its entry gave or got for it in the budget's, where its trading lines show that.
_FOREIGN_LINES = f"""
{_TAGGED}
SELECT tagged.tags, account.id, width_bucket(line.date, %(bounds)s::date[]), line.amount, traded.base, traded.foreign
  FROM unnest(%(accounts)s::bigint[]) AS account (id)
 CROSS JOIN LATERAL (
       SELECT entry_id, date, amount, currency FROM finance_journalline
        WHERE account_id = account.id AND date >= %(first)s AND date < %(end)s OFFSET 0) AS line
  LEFT JOIN tagged ON tagged.id = line.entry_id
  LEFT JOIN LATERAL (
       SELECT sum(other.amount) FILTER (WHERE other.currency = %(currency)s)::bigint AS base,
              (-sum(other.amount) FILTER (WHERE other.currency = line.currency))::bigint AS foreign
         FROM finance_journalline AS other
        WHERE other.entry_id = line.entry_id AND other.account_id = ANY(%(trading)s::bigint[])
       HAVING count(*) = 2) AS traded ON true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Which line counts what: line of each category, line of each tag; nested categories have the nearest line.

    `above` are, of a line, those of the categories that it is inside of.
    """

    nearest: Mapping[int, int]
    tags: Mapping[int, int]
    above: Mapping[int, Sequence[int]]


def cover_of(*, tree: Sequence[Account], of_accounts: Mapping[int, int], of_tags: Mapping[int, int]) -> Cover:
    """The cover of lines that are given by account and by tag; `tree` is in tree order."""
    nearest: dict[int, int] = {}
    above: dict[int, list[int]] = {}
    for account in tree:
        outer = nearest.get(account.parent_id or 0)
        own = of_accounts.get(account.pk)
        if own is not None:
            above[own] = [outer, *above[outer]] if outer is not None else []
        if (line := own if own is not None else outer) is not None:
            nearest[account.pk] = line
    return Cover(nearest=nearest, tags=of_tags, above=above)


@dataclass(slots=True, kw_only=True)
class Spending:
    """Sums in minor units, cumulated at each of the days `bounds`; spending and income with their natural sign.

    `by_line` is what each line counts, `counted` what is under any line, each posting once. `other` is what own money
    got (+) and gave (−) that is neither income nor spending; `cash` is what the own accounts hold.
    `unvalued` are lines that no amount is known of, per currency.
    """

    bounds: list[datetime.date]
    by_line: dict[int, list[int]] = field(default_factory=dict)
    counted: list[int]
    expenses: list[int]
    income: list[int]
    other: list[int]
    cash: list[int]
    unvalued: dict[str, int] = field(default_factory=dict)

    def between(self, sums: Sequence[int] | None, first: datetime.date, end: datetime.date) -> int:
        """The part of these sums from the day `first` to before `end`, both of which are among the bounds."""
        return self.at(sums, end) - self.at(sums, first)

    def at(self, sums: Sequence[int] | None, day: datetime.date) -> int:
        """The sum up to before that day, which is one of the bounds; of None 0."""
        return sums[bisect_left(self.bounds, day)] if sums is not None else 0


# (tags, account) → signed sums, debit +.
Shares = dict[tuple[tuple[int, ...], int], list[int]]


def spending_of(
    *,
    book: Book,
    currency: str,
    tree: Sequence[Account],
    cover: Cover,
    own: Collection[int],
    nested: bool,
    spans: Iterable[Span],
) -> Spending:
    """What the lines of the cover count between the days of the spans.

    `own` are the accounts whose money is shared out (none: only income and spending are read). `nested`: a line counts
    what is under lines inside it as well, and every tag; else each posting belongs to one line, a tag's before a
    category's.
    """
    at_home = [a for a in tree if a.currency == currency and a.kind != AccountKind.GROUP]
    read = at_home if own else [a for a in at_home if a.type in _CATEGORIES]
    moved = movements_between(accounts=read, spans=spans, from_beginning=bool(own))
    zero = [0] * len(moved.bounds)
    found = Spending(
        bounds=moved.bounds, counted=[*zero], expenses=[*zero], income=[*zero], other=[*zero], cash=[*zero]
    )
    shares: Shares = {}
    for account in read:
        nets = moved.nets(account.pk)
        if nets is None:
            continue
        if account.pk in own:
            _add(found.cash, nets)
        elif account.type in _CATEGORIES:
            shares[(), account.pk] = nets
        else:
            _add(found.other, nets, -1)
    for key, row in _changes(found, book=book, currency=currency, tree=tree, cover=cover).items():
        _add(shares.setdefault(key, [*zero]), list(accumulate(row)))
    types = {account.pk: account.type for account in tree}
    for (tags, account_id), sums in shares.items():
        is_expense = types[account_id] == AccountType.EXPENSE
        _add(found.expenses if is_expense else found.income, sums, 1 if is_expense else -1)
        lines = _lines_of(cover, tags, account_id, nested=nested)
        for line in lines:
            _add(found.by_line.setdefault(line, [*zero]), sums, 1 if is_expense else -1)
        if lines and is_expense:
            _add(found.counted, sums)
    return found


def _changes(found: Spending, *, book: Book, currency: str, tree: Sequence[Account], cover: Cover) -> Shares:
    """What tags take out of their categories, and what is booked in other currencies; not cumulated."""
    changes: Shares = defaultdict(lambda: [0] * len(found.bounds))
    categories = [a for a in tree if a.type in _CATEGORIES and a.kind != AccountKind.GROUP]
    foreign = {a.pk: a for a in categories if a.currency != currency}
    asked: dict[str, Any] = {
        "book": book.pk,
        "tags": list(cover.tags),
        "bounds": found.bounds,
        "first": found.bounds[0],
        "end": found.bounds[-1],
        "currency": currency,
        "trading": [account.pk for account in tree if account.kind == AccountKind.TRADING],
    }
    with by_index(reading()), reading().cursor() as cursor:
        if cover.tags:
            asked["accounts"] = [a.pk for a in categories if a.type == AccountType.EXPENSE and a.pk not in foreign]
            cursor.execute(_TAGGED_LINES, asked)
            for tags, account_id, bucket, amount in cursor.fetchall():
                changes[tuple(tags), account_id][bucket] += amount
                changes[(), account_id][bucket] -= amount
        if not foreign:
            return changes
        cursor.execute(_FOREIGN_LINES, asked | {"accounts": list(foreign)})
        outside = [0] * len(found.bounds)
        for tags, account_id, bucket, amount, base, other in cursor.fetchall():
            account = foreign[account_id]
            is_tagged = tags and account.type == AccountType.EXPENSE
            if base and other:
                value = divided(amount * base, other)
                changes[tuple(tags) if is_tagged else (), account_id][bucket] += value
                outside[bucket] += value
            elif is_tagged or account_id in cover.nearest:
                found.unvalued[account.currency] = found.unvalued.get(account.currency, 0) + 1
    # It left through the trading account, which is counted with what is neither income nor spending.
    _add(found.other, list(accumulate(outside)))
    return changes


def _lines_of(cover: Cover, tags: Sequence[int], account_id: int, *, nested: bool) -> list[int]:
    """The lines that count a posting of that category and these tags."""
    near = cover.nearest.get(account_id)
    of_tags = sorted(cover.tags[tag] for tag in tags)
    if nested:
        return [*of_tags, *([near, *cover.above[near]] if near is not None else ())]
    return of_tags[:1] or ([near] if near is not None else [])


def _add(into: list[int], sums: Sequence[int], sign: int = 1) -> None:
    for place, amount in enumerate(sums):
        into[place] += sign * amount
