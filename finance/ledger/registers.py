"""The register of one account or of many: newest first, by keyset, with the running balance where there is one account.

A row's balance is the balance at the end of the day before it (from the months) plus the day's shown lines up to it;
so a page ten years deep costs what the first page costs, and back-dated postings need no repair. An entry that was
reversed on its own date is left out together with its reversal: the two cancel within the day.

The lines of many accounts are merged from one index scan each, so a page of thirty accounts reads thirty lines more
than a page of one.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from core.keyset import dated_place, read_dated_place
from finance.errors import Invalid
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.plans import in_order
from finance.ledger.visibility import CATEGORIES, HOLDINGS
from finance.replica import reading

MAX_PAGE = 200
# Rows read together where all of them are wanted.
ROWS_AT_ONCE = 2_000

# A search reads at most this many lines per page and then offers to continue; it never scans a whole account.
SCAN_WINDOW = 2_000

_FIRST_DAY = datetime.date.min
_LAST_DAY = datetime.date.max


# Registers of many accounts that are no group: by the types of their accounts.
SCOPES = {
    "holdings": (AccountType.ASSET, AccountType.LIABILITY),
    "spending": (AccountType.EXPENSE,),
    "income": (AccountType.INCOME,),
}


class Kind(StrEnum):
    """What an entry did. One that both earned and spent (pay with its deductions) is of both kinds."""

    SPENT = "spent"
    RECEIVED = "received"
    MOVED = "moved"
    EXCHANGED = "exchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountRange:
    """Bounds in minor units, both included; of the amount without its sign, or `signed` (debit +)."""

    least: int | None = None
    most: int | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCondition:
    """A condition that another slice puts on the lines, in SQL about `line` and `entry`, with its parameters by name."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to show; days are inclusive. `amounts` has a range per currency: lines of others are left out.

    `counter_account_ids` asks for entries with another line on one of these accounts. `visible_ids` are the accounts
    that the reader sees, None for all: lines on others are shown without their names.
    """

    search: str = ""
    start: datetime.date | None = None
    end: datetime.date | None = None
    amounts: Mapping[str, AmountRange] | None = None
    payee: str = ""
    counter_account_ids: Collection[int] = ()
    kind: Kind | None = None
    source: str = ""
    created_by_id: int | None = None
    also: tuple[LineCondition, ...] = ()
    with_superseded: bool = False
    visible_ids: Collection[int] | None = None

    @property
    def only_days(self) -> bool:
        """Whether every line of the days is shown."""
        asked = self.search, self.payee, self.counter_account_ids, self.kind, self.source, self.also
        return self.amounts is None and self.created_by_id is None and not any(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLine:
    """Another line of the same entry."""

    account_id: int | None
    name: str
    type: str
    kind: str
    amount: int
    currency: str
    memo: str


@dataclass(slots=True, kw_only=True)
class RegisterRow:
    """A line with its entry; amount and balance in minor units of the line's account, debit +.

    There is a balance only in the register of one account, of which all is seen.
    """

    line_id: int
    entry_id: int
    entry_uid: uuid.UUID
    account: Account
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
    balance: int | None = None
    counter_lines: list[CounterLine] = field(default_factory=list)
    # What the bank knows of the line; the ledger leaves it to who shows the row.
    mark: str = ""

    @property
    def cursor(self) -> str:
        return dated_place(self.date, self.line_id)

    @property
    def others(self) -> list[CounterLine]:
        """The other lines as people see them: without the trading accounts that an exchange goes through."""
        return [line for line in self.counter_lines if line.kind != AccountKind.TRADING]

    @property
    def exchanged(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """What an exchange between two currencies gave and what it got: (currency, minor units ≥ 0) each."""
        if len(self.others) == len(self.counter_lines):
            return None
        sums: dict[str, int] = {self.account.currency: self.amount}
        for line in self.others:
            sums[line.currency] = sums.get(line.currency, 0) + line.amount
        given = [(currency, -amount) for currency, amount in sums.items() if amount < 0]
        got = [(currency, amount) for currency, amount in sums.items() if amount > 0]
        return (given[0], got[0]) if len(given) == len(got) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPage:
    """Rows newest first. `next_cursor` is None at the end; `searched_to` is set where a search may continue."""

    rows: list[RegisterRow]
    next_cursor: str | None
    searched_to: datetime.date | None


# `window` lines of the accounts, merged from the index of each without visiting the table.
_WINDOW = """
SELECT id, entry_id, account_id, date, amount FROM ({branches}) AS branch ORDER BY date DESC, id DESC LIMIT %(window)s
"""
_BRANCH = """(
SELECT id, entry_id, account_id, date, amount FROM finance_journalline
 WHERE account_id = %(account{})s AND (date, id) < (%(date)s::date, %(id)s::bigint)
   AND date >= %(start)s::date AND date <= %(end)s::date
 ORDER BY date DESC, id DESC LIMIT %(window)s)"""
# Looked up row by row, and only for lines that the conditions before them leave (plans.py).
ENTRIES = """
  JOIN LATERAL (SELECT * FROM finance_journalentry WHERE id = line.entry_id OFFSET 0) AS entry ON true
  LEFT JOIN LATERAL (
       SELECT id, date FROM finance_journalentry WHERE reverses_id = line.entry_id OFFSET 0) AS reversal ON true
  LEFT JOIN LATERAL (
       SELECT date FROM finance_journalentry WHERE id = entry.reverses_id OFFSET 0) AS reversed ON true
"""
_MEMO = "(SELECT memo FROM finance_journalline AS whole WHERE whole.id = line.id)"
_ROWS = f"""
SELECT line.id, line.entry_id, entry.uid, line.account_id, line.date, entry.payee, entry.description, {_MEMO},
       line.amount, entry.source, entry.reverses_id IS NOT NULL, reversal.id IS NOT NULL, entry.corrects_id IS NOT NULL,
       (coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false)) AS superseded
"""
_SHOWN = "NOT (coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false))"

_ON_ACCOUNTS = (
    "EXISTS (SELECT 1 FROM finance_journalline AS other WHERE other.entry_id = line.entry_id AND other.account_id ="
    " ANY(ARRAY(SELECT id FROM finance_account WHERE book_id = %(book)s AND {})) OFFSET 0)"
)
_KINDS = {
    Kind.SPENT: _ON_ACCOUNTS.format("type = 'expense'"),
    Kind.RECEIVED: _ON_ACCOUNTS.format("type = 'income'"),
    Kind.MOVED: "NOT " + _ON_ACCOUNTS.format("(type IN ('income', 'expense') OR kind = 'trading')"),
    Kind.EXCHANGED: _ON_ACCOUNTS.format("kind = 'trading'"),
}

_COUNTER_LINES = """
SELECT line.entry_id, line.id, line.account_id, account.name, account.type, account.kind, line.amount, line.currency,
       line.memo
  FROM finance_journalline AS line JOIN finance_account AS account ON account.id = line.account_id
 WHERE line.entry_id = ANY(%s::bigint[]) ORDER BY line.entry_id, line.position
"""


def register_page(
    *, accounts: Sequence[Account], after: str | None = None, limit: int = 50, filters: Filters | None = None
) -> RegisterPage:
    """One page of the lines of these accounts, those older than the cursor `after`. Raises Invalid for a bad cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    return _page(accounts=accounts, after=after, limit=limit, filters=filters or Filters())


def register_pages(*, accounts: Sequence[Account], filters: Filters) -> Iterator[list[RegisterRow]]:
    """All rows of the register, newest first, at most ROWS_AT_ONCE at a time."""
    after: str | None = None
    while True:
        page = _page(accounts=accounts, after=after, limit=ROWS_AT_ONCE, filters=filters)
        yield page.rows
        after = page.next_cursor
        if after is None:
            return


def _page(*, accounts: Sequence[Account], after: str | None, limit: int, filters: Filters) -> RegisterPage:
    if not accounts:
        return RegisterPage(rows=[], next_cursor=None, searched_to=None)
    rows, last_scanned = _find(accounts=accounts, after=after, limit=limit + 1, filters=filters)
    more_found = len(rows) > limit
    rows = rows[:limit]
    if len(accounts) == 1 and (filters.visible_ids is None or accounts[0].pk in filters.visible_ids):
        _set_balances(account=accounts[0], rows=rows, filters=filters)
    by_entry: dict[int, list[tuple[int, CounterLine]]] = defaultdict(list)
    with reading().cursor() as cursor:
        cursor.execute(_COUNTER_LINES, [[row.entry_id for row in rows]])
        for entry_id, line_id, account_id, name, type_, kind, amount, currency, memo in cursor.fetchall():
            line = CounterLine(
                account_id=account_id, name=name, type=type_, kind=kind, amount=amount, currency=currency, memo=memo
            )
            by_entry[entry_id].append((line_id, line))
    for row in rows:
        others = [line for line_id, line in by_entry[row.entry_id] if line_id != row.line_id]
        row.counter_lines = _as_seen(others, filters.visible_ids)
    if more_found:
        return RegisterPage(rows=rows, next_cursor=rows[-1].cursor, searched_to=None)
    if last_scanned is not None:
        return RegisterPage(rows=rows, next_cursor=last_scanned, searched_to=parse_cursor(last_scanned)[0])
    return RegisterPage(rows=rows, next_cursor=None, searched_to=None)


def _as_seen(lines: list[CounterLine], visible_ids: Collection[int] | None) -> list[CounterLine]:
    """Lines of one entry; those on hidden accounts put together, one for each currency, without names and notes."""
    if visible_ids is None:
        return lines
    shown: list[CounterLine] = []
    hidden: dict[str, int] = {}
    for line in lines:
        if line.account_id in visible_ids or line.type in CATEGORIES:
            shown.append(line)
        elif line.type in HOLDINGS:
            hidden[line.currency] = hidden.get(line.currency, 0) + line.amount
        else:  # equity has a name, and no page
            shown.append(replace(line, account_id=None))
    return shown + [
        CounterLine(
            account_id=None, name=_("another account"), type=AccountType.ASSET, kind="", amount=amount, currency=code,
            memo="",
        )
        for code, amount in hidden.items()
        if amount
    ]  # fmt: skip


def touching(*, account_ids: Collection[int]) -> LineCondition:
    """The condition that a line's entry has a line on one of these accounts, which may be the same."""
    return LineCondition(
        sql="EXISTS (SELECT 1 FROM finance_journalline AS seen WHERE seen.entry_id = line.entry_id"
        " AND seen.account_id = ANY(%(touched)s::bigint[]) OFFSET 0)",
        parameters={"touched": sorted(account_ids)},
    )


def as_seen(filters: Filters, *, accounts: Sequence[Account], book: Book) -> Filters:
    """The filters with what the reader of the book may see of these accounts: of categories, the entries that they see."""
    if book.visible_ids is None:
        return filters
    filters = replace(filters, visible_ids=book.visible_ids)
    if all(account.pk in book.visible_ids for account in accounts):
        return filters
    return replace(filters, also=(*filters.also, touching(account_ids=book.visible_ids)))


def accounts_in(*, scope: str, tree: list[Account]) -> list[Account]:
    """The accounts of one of the SCOPES that take postings."""
    return [account for account in tree if account.type in SCOPES[scope] and account.kind != AccountKind.GROUP]


def parse_cursor(cursor: str) -> tuple[datetime.date, int]:
    """Date and line id of a cursor. Raises Invalid."""
    try:
        return read_dated_place(cursor)
    except ValueError as error:
        raise Invalid(field="after", reason=_("This is not a place in the register.")) from error


def window_of(
    *, accounts: Sequence[Account], filters: Filters, window: int, after: str | None = None
) -> tuple[str, dict[str, Any]]:
    """SQL for the newest `window` lines of the accounts in the filters' days, and its parameters."""
    date, line_id = parse_cursor(after) if after else (_LAST_DAY, 2**63 - 1)
    parameters: dict[str, Any] = {
        "date": date,
        "id": line_id,
        "start": filters.start or _FIRST_DAY,
        # The scan begins at this bound, so it must not lie above the cursor: the index would be read down to there.
        "end": min(filters.end or _LAST_DAY, date),
        "window": window,
    }
    parameters.update((f"account{number}", account.pk) for number, account in enumerate(accounts))
    branches = " UNION ALL ".join(_BRANCH.format(number) for number in range(len(accounts)))
    return _WINDOW.format(branches=branches), parameters


def conditions_of(*, accounts: Sequence[Account], filters: Filters) -> tuple[str, dict[str, Any]]:
    """SQL that follows lines joined with their entries: WHERE with all filters but the days; parameters."""
    conditions = [] if filters.with_superseded else [_SHOWN]
    parameters: dict[str, Any] = {"book": accounts[0].book_id}
    if filters.search:
        conditions.append(
            f"(entry.payee ILIKE %(search)s OR entry.description ILIKE %(search)s OR {_MEMO} ILIKE %(search)s)"
        )
        parameters["search"] = like_pattern(filters.search)
    if filters.payee:
        conditions.append("lower(entry.payee) = lower(%(payee)s)")
        parameters["payee"] = filters.payee
    if filters.counter_account_ids:
        conditions.append(
            "EXISTS (SELECT 1 FROM finance_journalline AS other WHERE other.entry_id = line.entry_id"
            " AND other.id <> line.id AND other.account_id = ANY(%(counter_accounts)s::bigint[]) OFFSET 0)"
        )
        parameters["counter_accounts"] = list(filters.counter_account_ids)
    if filters.kind:
        conditions.append(_KINDS[filters.kind])
    if filters.source:
        conditions.append("entry.source = %(source)s")
        parameters["source"] = filters.source
    if filters.created_by_id is not None:
        conditions.append("entry.created_by_id = %(created_by)s")
        parameters["created_by"] = filters.created_by_id
    if filters.amounts is not None:
        ranges = []
        for number, (currency, asked) in enumerate(sorted(filters.amounts.items())):
            amount = "line.amount" if asked.signed else "abs(line.amount)"
            parts = [f"line.account_id = ANY(%(kept{number})s::bigint[])"]
            parts += [f"{amount} >= %(least{number})s"] if asked.least is not None else []
            parts += [f"{amount} <= %(most{number})s"] if asked.most is not None else []
            ranges.append(f"({' AND '.join(parts)})")
            kept = [account.pk for account in accounts if account.currency == currency]
            parameters |= {f"kept{number}": kept, f"least{number}": asked.least, f"most{number}": asked.most}
        conditions.append(f"({' OR '.join(ranges) or 'false'})")
    for condition in filters.also:
        conditions.append(condition.sql)
        parameters |= condition.parameters
    return f" WHERE {' AND '.join(conditions)}" if conditions else "", parameters


def _find(
    *, accounts: Sequence[Account], after: str | None, limit: int, filters: Filters
) -> tuple[list[RegisterRow], str | None]:
    window, parameters = window_of(accounts=accounts, filters=filters, window=SCAN_WINDOW, after=after)
    where, more = conditions_of(accounts=accounts, filters=filters)
    with in_order(reading(), indexes=len(accounts)), reading().cursor() as cursor:
        cursor.execute(
            f"{_ROWS} FROM ({window}) AS line {ENTRIES}{where} ORDER BY line.date DESC, line.id DESC LIMIT %(limit)s",
            {**parameters, **more, "limit": limit},
        )
        by_id = {account.pk: account for account in accounts}
        rows = [_row(values, by_id) for values in cursor.fetchall()]
        if len(rows) == limit:
            return rows, None
        # Where the scan stopped, if lines are left behind it.
        cursor.execute(
            f"SELECT date, id FROM ({window}) AS line ORDER BY date DESC, id DESC OFFSET %(scanned)s - 1",
            {**parameters, "window": SCAN_WINDOW + 1, "scanned": SCAN_WINDOW},
        )
        ends = cursor.fetchall()
    return rows, (dated_place(*ends[0]) if len(ends) == 2 else None)


def like_pattern(text: str) -> str:
    """The LIKE pattern of whatever holds this text, letter by letter."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _row(values: tuple[Any, ...], accounts: Mapping[int, Account]) -> RegisterRow:
    (
        line_id, entry_id, entry_uid, account_id, date, payee, description, memo, amount,
        source, is_reversal, is_reversed, is_correction, superseded,
    ) = values  # fmt: skip
    return RegisterRow(
        line_id=line_id,
        entry_id=entry_id,
        entry_uid=entry_uid,
        account=accounts[account_id],
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


_DAYS = f"""
SELECT line.id, line.date, line.amount FROM finance_journalline AS line {ENTRIES}
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
