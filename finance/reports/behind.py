"""The lines behind a figure of a report, page by page, and their sums."""

import datetime
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.keyset import dated_place, read_dated_place
from finance.errors import Invalid, NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.movements import OWN_KINDS, natural
from finance.ledger.plans import in_order
from finance.ledger.registers import Filters, window_of
from finance.ledger.selectors import accounts_of, ids_inside
from finance.ledger.turnovers import BEGINNING, Span
from finance.periods import PayRule
from finance.replica import reading
from finance.reports import selectors
from finance.reports.columns import Column, columns_of
from finance.reports.definition import HOLDINGS, By, Definition, Kind, scope_of
from finance.reports.selectors import Cut

# Lines that one page looks through where a figure has very many.
SCAN_WINDOW = 100_000
_OWNED = (AccountType.ASSET, AccountType.LIABILITY)
# The types whose accounts a section adds up.
_SECTIONS = {
    "assets": (AccountType.ASSET,),
    "liabilities": (AccountType.LIABILITY,),
    "equity": (AccountType.EQUITY,),
    "income": (AccountType.INCOME,),
    "expenses": (AccountType.EXPENSE,),
    "spending": (AccountType.EXPENSE,),
    "other": (*_OWNED, AccountType.EQUITY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The lines of one figure of a report of this kind: those of `cut` in the days of `span`, at most `most` of them."""

    kind: Kind
    cut: Cut
    span: Span
    most: int
    column: Column
    tree: list[Account]

    @property
    def is_long(self) -> bool:
        """Whether the lines are too many to be added up while somebody waits."""
        return self.most > selectors.MAX_LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with its entry; the amount is in minor units, with the sign that it has in the report."""

    id: int
    entry_uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    account: Account
    amount: int

    @property
    def currency(self) -> str:
        return self.account.currency

    @property
    def cursor(self) -> str:
        return dated_place(self.date, self.id)


def behind(
    *, book: Book, definition: Definition, key: str, column: int, today: datetime.date, pay: PayRule | None = None
) -> Behind:
    """What makes the figure of the row `key` (or "section-…", a section's total) in that column of the report.

    Raises NotFound where there is no such figure, or it is worked out from others (an average, a difference), and
    Invalid (period) where it has too many lines.
    """
    first_day = selectors.first_day_of(book=book) or today
    scope = scope_of(definition, today=today, pay=pay, first_day=first_day)
    columns = columns_of(definition, scope, today=today, pay=pay, first_day=first_day)
    if not 0 <= column < len(columns) or len(columns[column].spans) != 1:
        raise NotFound(thing="figure")
    tree = accounts_of(book=book)
    (span,) = columns[column].spans
    if definition.kind in HOLDINGS:
        span = Span(first=BEGINNING, end=span.end)
    name, _dash, rest = key.partition("-")
    accounts = _accounts(definition, tree, name, rest)
    if not accounts:
        raise NotFound(thing="figure")
    cut = Cut(
        accounts=accounts,
        known_at=definition.known_at,
        own_only=definition.kind is Kind.CASH_FLOW,
        payee=rest if name == "payee" else None,
        member=rest if name == "member" else None,
        tag=rest if name == "tag" else None,
    )
    return Behind(
        kind=definition.kind,
        cut=cut,
        span=span,
        most=selectors.refuse_too_many(cut=cut, first=span.first, end=span.end),
        column=columns[column],
        tree=tree,
    )


def _accounts(definition: Definition, tree: Sequence[Account], name: str, rest: str) -> list[Account]:
    counted = [each for each in tree if each.kind not in (AccountKind.GROUP, AccountKind.TRADING)]
    if definition.kind is Kind.CASH_FLOW:
        counted = [each for each in counted if each.kind not in OWN_KINDS]
    if definition.kind in (Kind.SPENDING, Kind.INCOME):
        kept = AccountType.EXPENSE if definition.kind is Kind.SPENDING else AccountType.INCOME
        counted = [each for each in counted if each.type == kept]
        if definition.account is not None:
            inside = ids_inside(definition.account, tree)
            counted = [each for each in counted if each.pk in inside]
    if name == "section":
        return [each for each in counted if each.type in _SECTIONS.get(rest, ())]
    is_number = rest.isascii() and rest.isdecimal() and len(rest) < 19
    if name in ("payee", "member", "tag"):
        is_key = "\x00" not in rest if name == "payee" else not rest or is_number
        return counted if definition.by is By(name) and is_key else []
    if name not in ("account", "own") or not is_number:
        return []
    if name == "own" or definition.kind is Kind.TRIAL_BALANCE:
        return [each for each in counted if each.pk == int(rest)]
    inside = ids_inside(int(rest), tree)
    return [each for each in counted if each.pk in inside]


_LINES = """
SELECT line.id, entry.uid, line.date, entry.payee, entry.description, line.account_id, line.amount
  FROM finance_journalline AS line {entry}
 WHERE {where} AND (line.date, line.id) < (%(date)s::date, %(id)s::bigint)
 ORDER BY line.date DESC, line.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesPage:
    """Lines newest first, and where the next page begins; `searched_to` where the search stopped before the page was full."""

    lines: list[Line]
    next_cursor: str | None
    searched_to: datetime.date | None = None


# The entries of a payee in the order of their index, so that a page ends after its lines.
_OF_PAYEE = """
SELECT line.id, entry.uid, line.date, entry.payee, entry.description, line.account_id, line.amount
  FROM finance_journalentry AS entry CROSS JOIN LATERAL (
       SELECT id, account_id, date, amount FROM finance_journalline WHERE entry_id = entry.id OFFSET 0) AS line
 WHERE entry.book_id = %(book)s AND lower(entry.payee) = lower(%(payee)s)
   AND entry.date >= %(first)s AND entry.date <= %(date)s
   AND {where} AND (line.date, line.id) < (%(date)s::date, %(id)s::bigint)
 ORDER BY entry.date DESC, line.id DESC LIMIT %(limit)s
"""


def lines_behind(*, book: Book, asked: Behind, after: str | None, limit: int) -> LinesPage:
    """A page of the lines, newest first.

    Of very many lines it looks through SCAN_WINDOW at a time, but for those of a payee, which have an index.
    Raises Invalid (after).
    """
    date, line_id = asked.span.end, 0
    if after:
        try:
            date, line_id = read_dated_place(after)
        except ValueError as error:
            raise Invalid(field="after", reason=_("This is not a place in the list.")) from error
    where, parameters = selectors.conditions(
        book=book, tree=asked.tree, cut=asked.cut, first=asked.span.first, end=asked.span.end, by_line=asked.is_long
    )
    parameters |= {"date": date, "id": line_id, "limit": limit + 1}
    window, searched = "", None
    planned: AbstractContextManager[None]
    if asked.is_long and asked.cut.payee is None:
        filters = Filters(start=asked.span.first, end=asked.span.last)
        window, more = window_of(accounts=asked.cut.accounts, filters=filters, window=SCAN_WINDOW, after=after)
        parameters |= more
        statement = _LINES.replace("finance_journalline", f"({window})").format(
            where=where, entry=selectors.ENTRY_BY_LINE
        )
        planned = in_order(reading(), indexes=len(asked.cut.accounts))
    elif asked.is_long:
        statement, planned = _OF_PAYEE.format(where=where), in_order(reading(), indexes=2)
    else:
        statement = _LINES.format(where=where, entry=selectors.entry_join(asked.most))
        planned = selectors.few(asked.most)
    accounts = {account.pk: account for account in asked.tree}
    with planned, reading().cursor() as cursor:
        cursor.execute(statement, parameters)
        lines = [
            Line(
                id=pk,
                entry_uid=uid,
                date=date,
                payee=payee,
                description=description,
                account=accounts[account_id],
                amount=signed(amount, kind=asked.kind, account=accounts[account_id]),
            )
            for pk, uid, date, payee, description, account_id, amount in cursor.fetchall()
        ]
        if window and len(lines) <= limit:
            # Where the search stopped, if lines are left behind it.
            cursor.execute(
                f"SELECT date, id FROM ({window}) AS line ORDER BY date DESC, id DESC OFFSET %(scanned)s - 1",
                {**parameters, "window": SCAN_WINDOW + 1, "scanned": SCAN_WINDOW},
            )
            ends = cursor.fetchall()
            searched = ends[0] if len(ends) == 2 else None
    if len(lines) > limit:
        return LinesPage(lines=lines[:limit], next_cursor=lines[limit - 1].cursor)
    if searched is not None:
        return LinesPage(lines=lines, next_cursor=dated_place(*searched), searched_to=searched[0])
    return LinesPage(lines=lines, next_cursor=None)


def signed(amount: int, *, kind: Kind, account: Account) -> int:
    """A line's amount with the sign that it has in a report of this kind."""
    if kind is Kind.CASH_FLOW:
        return -amount
    return amount if kind is Kind.TRIAL_BALANCE else natural(amount, account.type)


_TOTALS = """
SELECT line.account_id, count(*), sum(line.amount)::bigint
  FROM finance_journalline AS line {entry}
 WHERE {where} GROUP BY 1
"""


def totals_behind(*, book: Book, asked: Behind) -> tuple[int, dict[str, int]]:
    """How many lines, and their sums per currency (minor units, the report's sign)."""
    where, parameters = selectors.conditions(
        book=book, tree=asked.tree, cut=asked.cut, first=asked.span.first, end=asked.span.end
    )
    accounts = {account.pk: account for account in asked.tree}
    count = 0
    sums: dict[str, int] = {}
    with selectors.few(asked.most), reading().cursor() as cursor:
        cursor.execute(_TOTALS.format(where=where, entry=selectors.entry_join(asked.most)), parameters)
        for account_id, found, amount in cursor.fetchall():
            account = accounts[account_id]
            count += found
            sums[account.currency] = sums.get(account.currency, 0) + signed(amount, kind=asked.kind, account=account)
    return count, dict(sorted(sums.items()))
