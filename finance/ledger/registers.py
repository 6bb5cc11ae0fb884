"""The register of one account: newest first, by keyset, with the running balance of each row.

A row's balance is the balance at the end of the day before it (from the months) plus the day's shown lines up to it;
so a page ten years deep costs what the first page costs, and back-dated postings need no repair. An entry that was
reversed on its own date is left out together with its reversal: the two cancel within the day.
"""

import datetime
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from core.keyset import dated_place, read_dated_place
from finance.errors import Invalid
from finance.ledger.models import Account
from finance.replica import reading

MAX_PAGE = 200

# A search reads at most this many lines per page and then offers to continue; it never scans a whole account.
SCAN_WINDOW = 5000

_FIRST_DAY = datetime.date.min
_LAST_DAY = datetime.date.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to show; amounts are signed minor units of the account, dates inclusive."""

    search: str = ""
    start: datetime.date | None = None
    end: datetime.date | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    min_size: int | None = None  # as amounts, but whatever their sign
    max_size: int | None = None
    counter_account_id: int | None = None
    with_superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLine:
    """Another line of the same entry."""

    account_id: int
    name: str
    type: str
    amount: int
    currency: str
    memo: str


@dataclass(slots=True, kw_only=True)
class RegisterRow:
    """A line of the account with its entry; amount and balance in minor units of the account, debit +."""

    line_id: int
    entry_id: int
    entry_uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    memo: str
    amount: int
    source: str
    is_reversal: bool
    is_reversed: bool
    is_correction: bool
    superseded: bool
    balance: int = 0
    counter_lines: list[CounterLine] = field(default_factory=list)

    @property
    def cursor(self) -> str:
        return dated_place(self.date, self.line_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPage:
    """Rows newest first. `next_cursor` is None at the end; `searched_to` is set where a search may continue."""

    rows: list[RegisterRow]
    next_cursor: str | None
    searched_to: datetime.date | None


_LINES = """
SELECT line.id, line.entry_id, entry.uid, line.date, entry.payee, entry.description, line.memo, line.amount,
       entry.source, entry.reverses_id IS NOT NULL, reversal.id IS NOT NULL, entry.corrects_id IS NOT NULL,
       (coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false)) AS superseded
  FROM (SELECT id, entry_id, date, memo, amount FROM finance_journalline
         WHERE account_id = %(account)s AND (date, id) < (%(date)s::date, %(id)s::bigint)
           AND date >= %(start)s::date AND date <= %(end)s::date
         ORDER BY date DESC, id DESC LIMIT %(window)s) AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = entry.id
  LEFT JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
"""

_CONDITIONS = {
    "search": "(entry.payee ILIKE %(search)s OR entry.description ILIKE %(search)s OR line.memo ILIKE %(search)s)",
    "min_amount": "line.amount >= %(min_amount)s",
    "max_amount": "line.amount <= %(max_amount)s",
    "min_size": "abs(line.amount) >= %(min_size)s",
    "max_size": "abs(line.amount) <= %(max_size)s",
    "counter_account_id": (
        "EXISTS (SELECT 1 FROM finance_journalline AS other"
        " WHERE other.entry_id = line.entry_id AND other.account_id = %(counter_account_id)s)"
    ),
}
_SHOWN = "NOT (coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false))"


_COUNTER_LINES = """
SELECT line.entry_id, line.id, line.account_id, account.name, account.type, line.amount, line.currency, line.memo
  FROM finance_journalline AS line JOIN finance_account AS account ON account.id = line.account_id
 WHERE line.entry_id = ANY(%s::bigint[]) ORDER BY line.entry_id, line.position
"""


def register_page(
    *, account: Account, after: str | None = None, limit: int = 50, filters: Filters | None = None
) -> RegisterPage:
    """One page of the account's register, the rows older than the cursor `after`. Raises Invalid for a bad cursor."""
    filters = filters or Filters()
    limit = max(1, min(limit, MAX_PAGE))
    rows, last_scanned = _find(account=account, after=after, limit=limit + 1, filters=filters)
    more_found = len(rows) > limit
    rows = rows[:limit]
    _set_balances(account=account, rows=rows, filters=filters)
    by_entry: dict[int, list[tuple[int, CounterLine]]] = defaultdict(list)
    with reading().cursor() as cursor:
        cursor.execute(_COUNTER_LINES, [[row.entry_id for row in rows]])
        for entry_id, line_id, account_id, name, account_type, amount, currency, memo in cursor.fetchall():
            line = CounterLine(
                account_id=account_id, name=name, type=account_type, amount=amount, currency=currency, memo=memo
            )
            by_entry[entry_id].append((line_id, line))
    for row in rows:
        row.counter_lines = [line for line_id, line in by_entry[row.entry_id] if line_id != row.line_id]
    if more_found:
        return RegisterPage(rows=rows, next_cursor=rows[-1].cursor, searched_to=None)
    if last_scanned is not None:
        return RegisterPage(rows=rows, next_cursor=last_scanned, searched_to=parse_cursor(last_scanned)[0])
    return RegisterPage(rows=rows, next_cursor=None, searched_to=None)


def parse_cursor(cursor: str) -> tuple[datetime.date, int]:
    """Date and line id of a cursor. Raises Invalid."""
    try:
        return read_dated_place(cursor)
    except ValueError as error:
        raise Invalid(field="after", reason="This is not a place in the register.") from error


def _find(*, account: Account, after: str | None, limit: int, filters: Filters) -> tuple[list[RegisterRow], str | None]:
    date, line_id = parse_cursor(after) if after else (_LAST_DAY, 2**63 - 1)
    parameters: dict[str, Any] = {
        "account": account.pk,
        "date": date,
        "id": line_id,
        "start": filters.start or _FIRST_DAY,
        # The scan begins at this bound, so it must not lie above the cursor: the index would be read down to there.
        "end": min(filters.end or _LAST_DAY, date),
        "window": SCAN_WINDOW,
        "limit": limit,
    }
    conditions = [] if filters.with_superseded else [_SHOWN]
    for name, condition in _CONDITIONS.items():
        value = getattr(filters, name)
        if value not in (None, ""):
            conditions.append(condition)
            parameters[name] = like_pattern(value) if name == "search" else value
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    with reading().cursor() as cursor:
        cursor.execute(f"{_LINES}{where} ORDER BY line.date DESC, line.id DESC LIMIT %(limit)s", parameters)
        rows = [_row(values) for values in cursor.fetchall()]
        if len(rows) == limit:
            return rows, None
    # Where the scan stopped, if lines are left behind it.
    with reading().cursor() as cursor:
        cursor.execute(
            "SELECT date, id FROM finance_journalline"
            " WHERE account_id = %(account)s AND (date, id) < (%(date)s::date, %(id)s::bigint)"
            " AND date >= %(start)s::date AND date <= %(end)s::date"
            " ORDER BY date DESC, id DESC LIMIT 2 OFFSET %(window)s - 1",
            parameters,
        )
        ends = cursor.fetchall()
    return rows, (dated_place(*ends[0]) if len(ends) == 2 else None)


def like_pattern(text: str) -> str:
    """The LIKE pattern of whatever holds this text, letter by letter."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _row(values: tuple[Any, ...]) -> RegisterRow:
    (
        line_id, entry_id, entry_uid, date, payee, description, memo, amount,
        source, is_reversal, is_reversed, is_correction, superseded,
    ) = values  # fmt: skip
    return RegisterRow(
        line_id=line_id,
        entry_id=entry_id,
        entry_uid=entry_uid,
        date=date,
        payee=payee,
        description=description,
        memo=memo,
        amount=amount,
        source=source,
        is_reversal=is_reversal,
        is_reversed=is_reversed,
        is_correction=is_correction,
        superseded=superseded,
    )


_DAYS = """
SELECT line.id, line.date, line.amount
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = entry.id
  LEFT JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
 WHERE line.account_id = %(account)s AND line.date = ANY(%(dates)s::date[])
"""


# Each month of the page is read once, from the index alone: its total before, then its days.
_BEFORE = """
SELECT part.first, NULL::date,
       coalesce((SELECT sum(debit - credit) FROM finance_accountmonth
                  WHERE account_id = %(account)s AND month < part.first), 0)::bigint
  FROM unnest(%(firsts)s::date[]) AS part (first)
UNION ALL
SELECT part.first, day.date, day.total
  FROM unnest(%(firsts)s::date[], %(lasts)s::date[]) AS part (first, last)
 CROSS JOIN LATERAL (
       SELECT date, sum(amount)::bigint AS total FROM finance_journalline
        WHERE account_id = %(account)s AND date >= part.first AND date < part.last GROUP BY date) AS day
 ORDER BY 1, 2 NULLS FIRST
"""


def _set_balances(*, account: Account, rows: list[RegisterRow], filters: Filters) -> None:
    """Balance before the row's day plus the day's shown lines up to the row."""
    if not rows:
        return
    dates = sorted({row.date for row in rows})
    lasts = {date.replace(day=1): date for date in dates}
    shown = "" if filters.with_superseded else f" AND {_SHOWN}"
    steps: dict[datetime.date, list[tuple[datetime.date, int]]] = defaultdict(list)
    running: dict[int, int] = {}
    with reading().cursor() as cursor:
        cursor.execute(_BEFORE, {"account": account.pk, "firsts": list(lasts), "lasts": list(lasts.values())})
        for first, date, total in cursor.fetchall():
            steps[first].append((date or datetime.date.min, total))
        # At the end of the day before each of the dates.
        balance_on = {date: sum(total for day, total in steps[date.replace(day=1)] if day < date) for date in dates}
        cursor.execute(f"{_DAYS}{shown} ORDER BY line.date, line.id", {"account": account.pk, "dates": dates})
        for line_id, date, amount in cursor.fetchall():
            balance_on[date] += amount
            running[line_id] = balance_on[date]
    for row in rows:
        row.balance = running[row.line_id]
