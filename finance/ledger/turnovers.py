"""What accounts moved between days: whole months from their totals, and of the months that a day cuts the lines by index."""

import datetime
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from finance.ledger.models import Account
from finance.ledger.plans import by_index
from finance.replica import reading

ONE_DAY = datetime.timedelta(days=1)
BEGINNING = datetime.date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from `first` to before `end`."""

    first: datetime.date
    end: datetime.date

    @property
    def last(self) -> datetime.date:
        return self.end - ONE_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements:
    """Debits and credits (both ≥ 0, minor units of the account) per account, cumulated at each of the days `bounds`."""

    bounds: list[datetime.date]
    debits: dict[int, list[int]]
    credits: dict[int, list[int]]

    def place(self, day: datetime.date) -> int:
        """The place of a day that is one of the bounds."""
        return bisect_left(self.bounds, day)

    def turnover(self, account_id: int, span: Span) -> tuple[int, int]:
        """Debits and credits within the span, whose days are among the bounds."""
        if account_id not in self.debits:
            return 0, 0
        first, end = self.place(span.first), self.place(span.end)
        debits, credits = self.debits[account_id], self.credits[account_id]
        return debits[end] - debits[first], credits[end] - credits[first]

    def nets(self, account_id: int) -> list[int] | None:
        """Debits less credits up to each bound; None where nothing moved."""
        if account_id not in self.debits:
            return None
        return [debit - credit for debit, credit in zip(self.debits[account_id], self.credits[account_id], strict=True)]


_MONTHS = """
SELECT account_id, width_bucket(month, %(bounds)s::date[]), sum(debit)::bigint, sum(credit)::bigint
  FROM finance_accountmonth
 WHERE account_id = ANY(%(accounts)s::bigint[]) AND month >= %(first)s AND month < %(end)s
   AND month <> ALL(%(cut)s::date[])
 GROUP BY 1, 2
"""

_DAYS = """
SELECT account.id, day.bucket, day.debit, day.credit
  FROM unnest(%(accounts)s::bigint[]) AS account (id)
 CROSS JOIN unnest(%(firsts)s::date[], %(ends)s::date[]) AS part (first, "end")
 CROSS JOIN LATERAL (
       SELECT width_bucket(date, %(bounds)s::date[]) AS bucket,
              coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debit,
              coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credit
         FROM finance_journalline
        WHERE account_id = account.id AND date >= part.first AND date < part."end"
        GROUP BY 1 OFFSET 0) AS day
"""


def movements_between(
    *,
    accounts: Sequence[Account],
    spans: Iterable[Span],
    from_beginning: bool = False,
    also: Sequence[str] = (),
    asked: dict[str, Any] | None = None,
) -> Movements:
    """What the accounts moved between the days of the spans, in two statements.

    `also` are further statements of (account, bucket, debit, credit), which read `asked` beside the bounds.
    """
    bounds = bounds_of(spans)
    if from_beginning and bounds[0] != BEGINNING:
        bounds.insert(0, BEGINNING)
    cut = cut_months(bounds)
    parts = [(max(month, bounds[0]), min(_month_after(month), bounds[-1])) for month in cut]
    given: dict[str, Any] = {
        **(asked or {}),
        "accounts": [account.pk for account in accounts],
        "bounds": bounds,
        "first": bounds[0],
        "end": bounds[-1],
        "cut": cut,
        "firsts": [first for first, _end in parts],
        "ends": [end for _first, end in parts],
    }
    statements = [_MONTHS, *([_DAYS] if cut else []), *also]
    debits: dict[int, list[int]] = defaultdict(lambda: [0] * len(bounds))
    credits: dict[int, list[int]] = defaultdict(lambda: [0] * len(bounds))
    with by_index(reading()), reading().cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)
            for account_id, bucket, debit, credit in cursor.fetchall():
                # The first bound has nothing before it.
                debits[account_id][bucket] += debit
                credits[account_id][bucket] += credit
    return Movements(
        bounds=bounds,
        debits={account_id: list(accumulate(row)) for account_id, row in debits.items()},
        credits={account_id: list(accumulate(row)) for account_id, row in credits.items()},
    )


def bounds_of(spans: Iterable[Span]) -> list[datetime.date]:
    """The days on which a span begins or ends, in order. Days between two of them need not be distinguished."""
    return sorted({day for span in spans for day in (span.first, span.end)})


def cut_months(bounds: list[datetime.date]) -> list[datetime.date]:
    """The months that a bound cuts, as their first days: their totals do not show what belongs to which side."""
    return sorted({bound.replace(day=1) for bound in bounds if bound.day != 1})


def _month_after(month: datetime.date) -> datetime.date:
    """The first day of the next month, of the last month of the calendar its last day."""
    if (month.year, month.month) == (9999, 12):
        return datetime.date.max
    return (month.replace(day=28) + 4 * ONE_DAY).replace(day=1)
