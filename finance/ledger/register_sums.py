"""What the rows of a register add up to: per account, and per month or day.

Filtered by days only, the sums come from the month totals, with the days at both ends read from the index and
entries that were reversed on their own day taken out: exact, whatever the size of the book. Any other filter has to
look at each line; it reads the newest `SUM_WINDOW` lines of the days, and says so where there are more.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dateutil.relativedelta import relativedelta

from finance.ledger.models import Account
from finance.ledger.plans import in_order
from finance.ledger.registers import ENTRIES, Filters, conditions_of, window_of
from finance.replica import reading

# The most lines that are looked at one by one.
SUM_WINDOW = 5_000


@dataclass(slots=True, kw_only=True)
class Sums:
    """Rows and their debits and credits (both ≥ 0), in minor units of one currency."""

    rows: int = 0
    debit: int = 0
    credit: int = 0

    @property
    def net(self) -> int:
        """Debit less credit."""
        return self.debit - self.credit

    def add(self, other: "Sums") -> None:
        self.rows += other.rows
        self.debit += other.debit
        self.credit += other.credit


@dataclass(slots=True, kw_only=True)
class RegisterSums:
    """Sums per account id, and per currency and day (the first of the month, or each day with `by_day`).

    `newest` is set where only that many lines, the newest, were looked at: back to the day `read_to`.
    """

    by_account: dict[int, Sums] = field(default_factory=dict)
    by_day: dict[tuple[str, datetime.date], Sums] = field(default_factory=dict)
    newest: int | None = None
    read_to: datetime.date | None = None

    def totals(self) -> dict[str, Sums]:
        """Per currency, of all days."""
        found: dict[str, Sums] = {}
        for (currency, _day), sums in sorted(self.by_day.items()):
            found.setdefault(currency, Sums()).add(sums)
        return found


# Of (account, day, rows, debit, credit): per account, and per currency and day.
_GROUPED = """
SELECT part.account_id, account.currency, part.day, sum(part.lines)::bigint, sum(part.debit)::bigint,
       sum(part.credit)::bigint
  FROM ({parts}) AS part (account_id, day, lines, debit, credit)
  JOIN unnest(%(accounts)s::bigint[], %(currencies)s::text[]) AS account (id, currency) ON account.id = part.account_id
 GROUP BY GROUPING SETS ((part.account_id), (account.currency, part.day))
"""
_PARTS = """
SELECT account_id, {day}, count(*), coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint,
       coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint
"""
_MONTHS = """
SELECT account_id, month, lines, debit, credit FROM finance_accountmonth
 WHERE account_id = ANY(%(accounts)s::bigint[]) AND month >= %(first_month)s::date AND month < %(end_month)s::date
"""
# A reversal of its own day cancels its entry, which has the same lines with the opposite sign.
_SUPERSEDED = """
SELECT line.account_id, {day}, -2 * count(*), -sum(abs(line.amount))::bigint, -sum(abs(line.amount))::bigint
  FROM finance_journalentry AS reversal
  JOIN finance_journalentry AS entry ON entry.id = reversal.reverses_id AND entry.date = reversal.date
 CROSS JOIN LATERAL (SELECT account_id, date, amount FROM finance_journalline
                      WHERE entry_id = reversal.id OFFSET 0) AS line
 WHERE reversal.book_id = %(book)s AND reversal.reverses_id IS NOT NULL
   AND reversal.date >= %(start)s::date AND reversal.date <= %(end)s::date
   AND line.account_id = ANY(%(accounts)s::bigint[])
 GROUP BY 1, 2
"""
_EDGES = f"""
SELECT line.* FROM unnest(%(accounts)s::bigint[]) AS account (id)
 CROSS JOIN unnest(%(firsts)s::date[], %(lasts)s::date[]) AS part (first, last)
 CROSS JOIN LATERAL ({_PARTS} FROM finance_journalline
                      WHERE account_id = account.id AND date >= part.first AND date <= part.last GROUP BY 1, 2) AS line
"""
_DAY, _MONTH = "{}date", "({0}date - (extract(day FROM {0}date)::int - 1))"


def register_sums(*, accounts: Sequence[Account], filters: Filters, by_day: bool = False) -> RegisterSums:
    """Sums of the rows that `register_page` shows for these accounts of one book."""
    found = RegisterSums()
    if not accounts:
        return found
    day = _DAY if by_day else _MONTH
    parameters: dict[str, Any] = {
        "accounts": [account.pk for account in accounts],
        "currencies": [account.currency for account in accounts],
    }
    if filters.only_days:
        parts, more = _of_days(accounts, filters, by_day=by_day)
        statement = _GROUPED.format(parts=parts)
    else:
        window, more = window_of(accounts=accounts, filters=filters, window=SUM_WINDOW)
        where, conditions = conditions_of(accounts=accounts, filters=filters)
        more |= conditions
        parts = f"{_PARTS.format(day=day.format(''))} FROM shown GROUP BY 1, 2"
        statement = f"""
            WITH line AS MATERIALIZED ({window}), shown AS (
                SELECT line.account_id, line.date, line.amount FROM line {ENTRIES}{where})
            {_GROUPED.format(parts=parts)}
            UNION ALL SELECT NULL, NULL, min(date), count(*), 0, 0 FROM line"""
    with in_order(reading(), indexes=len(accounts)), reading().cursor() as cursor:
        cursor.execute(statement, {**parameters, **more})
        for account_id, currency, date, rows, debit, credit in cursor.fetchall():
            sums = Sums(rows=rows, debit=debit, credit=credit)
            if account_id is not None:
                found.by_account[account_id] = sums
            elif currency is not None:
                # A day whose lines all cancel has no row to show.
                if rows:
                    found.by_day[currency, date] = sums
            elif rows == SUM_WINDOW:
                found.newest, found.read_to = rows, date
    return found


def _of_days(accounts: Sequence[Account], filters: Filters, *, by_day: bool) -> tuple[str, dict[str, Any]]:
    """SQL for the sums of all lines of some days, and its parameters."""
    start, end = filters.start or datetime.date.min, filters.end or datetime.date.max
    ends_month = end == datetime.date.max or (end + datetime.timedelta(days=1)).day == 1
    in_one_month = (start.year, start.month) == (end.year, end.month)
    if by_day or start > end or (in_one_month and not (start.day == 1 and ends_month)):
        # Day by day, and no month.
        edges = [(start, end)]
        first_month = end_month = datetime.date.max
    else:
        # The whole months, from the first of one to before `end_month`, and the days at both ends.
        first_month = start if start.day == 1 else start + relativedelta(day=31, days=1)
        end_month = end if ends_month else end.replace(day=1)
        edges = [(start, first_month - datetime.timedelta(days=1))] if start.day != 1 else []
        edges += [(end_month, end)] if not ends_month else []
    day = _DAY if by_day else _MONTH
    statements = [_MONTHS, _EDGES.format(day=day.format(""))]
    if not filters.with_superseded:
        statements.append(_SUPERSEDED.format(day=day.format("line.")))
    return " UNION ALL ".join(f"({each})" for each in statements), {
        "book": accounts[0].book_id,
        "start": start,
        "end": end,
        "first_month": first_month,
        "end_month": end_month,
        "firsts": [first for first, _last in edges],
        "lasts": [last for _first, last in edges],
    }


def first_month_of(*, accounts: Sequence[Account]) -> datetime.date | None:
    """The month of the accounts' oldest line; None without one."""
    with reading().cursor() as cursor:
        cursor.execute(
            "SELECT min(first.month) FROM unnest(%s::bigint[]) AS account (id) CROSS JOIN LATERAL ("
            "SELECT month FROM finance_accountmonth WHERE account_id = account.id ORDER BY month LIMIT 1) AS first",
            [[account.pk for account in accounts]],
        )
        month: datetime.date | None = cursor.fetchone()[0]
        return month
