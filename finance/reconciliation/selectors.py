"""Reading statements: the list of an account, figures, rows to tick."""

import datetime
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import F, Max, Q, QuerySet, RowRange, Window
from django.db.models.functions import Lag
from django.utils.translation import gettext as _

from core.keyset import dated_place, keyset_page, read_dated_place
from finance.errors import Invalid, NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.registers import LineCondition
from finance.reconciliation.arithmetic import Join, difference, join_of, next_start
from finance.reconciliation.models import AccountStatement, LineMark
from finance.replica import reading

MAX_PAGE = 200
# Lines that one request may tick.
MOST_LINES = 20_000


class Mark(StrEnum):
    """What the bank knows of a line: nothing, that it is there, or that it is on a finished statement."""

    NONE = "none"
    CLEARED = "cleared"
    RECONCILED = "reconciled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The rows of a statement together: `linked` in minor units, and the days of the first and the last of them."""

    linked: int = 0
    count: int = 0
    first: datetime.date | None = None
    last: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementView:
    """A statement with its rows' sum, what is missing, and how it follows the statement before it."""

    statement: AccountStatement
    sums: Sums
    join: Join

    @property
    def difference(self) -> int:
        """Closing − opening − Σ linked, in minor units."""
        given = self.statement
        return difference(opening=given.opening, closing=given.closing, linked=self.sums.linked)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """Statements of an account, the latest first; `next_cursor` is None on the last page."""

    views: list[StatementView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A line that may be on a statement. `mark` is "", "cleared" or "reconciled"; amounts as on the account."""

    line_id: int
    entry_uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    memo: str
    amount: int
    linked: bool
    mark: str
    others: str  # the accounts on the other side

    @property
    def cursor(self) -> str:
        return dated_place(self.date, self.line_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Rows in the order of a statement on paper, oldest first."""

    rows: list[StatementRow]
    next_cursor: str | None


def has_statements(account: Account) -> bool:
    """Whether a bank states balances of such an account: it holds money or debts, and is no group."""
    return account.type in (AccountType.ASSET, AccountType.LIABILITY) and account.kind != AccountKind.GROUP


def statement_for(*, book: Book, statement_id: int) -> AccountStatement:
    """The book's statement with its account. Raises NotFound."""
    related = ("account", "reconciled_by", "imported")
    found = AccountStatement.objects.filter(book=book, pk=statement_id).select_related(*related).first()
    if found is None:
        raise NotFound(thing="statement")
    found.book = found.account.book = book
    return found


_SUMS = """
SELECT mark.statement_id, sum(line.amount)::bigint, count(*), min(line.date), max(line.date)
  FROM finance_linemark AS mark JOIN finance_journalline AS line ON line.id = mark.line_id
 WHERE mark.statement_id = ANY(%s::bigint[]) GROUP BY mark.statement_id
"""


def sums_of(statements: Iterable[AccountStatement]) -> dict[int, Sums]:
    """The linked rows of each statement, in one query; also of those without any."""
    wanted = [statement.pk for statement in statements]
    with reading().cursor() as cursor:
        cursor.execute(_SUMS, [wanted])
        found = {
            pk: Sums(linked=linked, count=count, first=first, last=last)
            for pk, linked, count, first, last in cursor.fetchall()
        }
    return {pk: found.get(pk, Sums()) for pk in wanted}


def in_order(account: Account) -> QuerySet[AccountStatement]:
    """The account's statements, each with the days and the balance that those before it come to."""
    by_time = [F("start"), F("end")]
    return AccountStatement.objects.filter(account=account).annotate(
        # Not the end of the one before alone: a long statement may reach over a short one after it.
        covered_to=Window(Max("end"), order_by=by_time, frame=RowRange(end=-1)),
        closing_before=Window(Lag("closing"), order_by=by_time),
    )


def statements_page(*, account: Account, after: str | None = None, limit: int = 30) -> StatementPage:
    """Statements of the account, the latest first, by keyset on (start, end). Raises Invalid for a bad cursor."""
    place = None
    if after is not None:
        try:
            first, last = after.split("~")
            place = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
        except ValueError as error:
            raise Invalid(field="cursor", reason=_("This cursor is not from this list.")) from error
    # Cutting off later statements leaves every window as it is: it only looks back.
    page = keyset_page(
        in_order(account).select_related("reconciled_by"),
        ordering=("-start", "-end"), after=place, limit=max(1, min(limit, MAX_PAGE)),
    )  # fmt: skip
    sums = sums_of(page.rows)
    views = []
    for statement in page.rows:
        statement.account = account
        before = {name: getattr(statement, name) for name in ("covered_to", "closing_before")}
        join = join_of(start=statement.start, opening=statement.opening, **before)
        views.append(StatementView(statement=statement, sums=sums[statement.pk], join=join))
    return StatementPage(
        views=views, next_cursor=f"{page.edge.start.isoformat()}~{page.edge.end.isoformat()}" if page.edge else None
    )


def view_of(statement: AccountStatement) -> StatementView:
    """One statement as in the list."""
    earlier = AccountStatement.objects.filter(account_id=statement.account_id).filter(
        Q(start__lt=statement.start) | Q(start=statement.start, end__lt=statement.end)
    )
    covered_to = earlier.aggregate(last=Max("end"))["last"]
    closing_before = earlier.order_by("-start", "-end").values_list("closing", flat=True).first()
    return StatementView(
        statement=statement,
        sums=sums_of([statement])[statement.pk],
        join=join_of(
            start=statement.start, opening=statement.opening, covered_to=covered_to, closing_before=closing_before
        ),
    )


# What a statement of this account may list: lines through its last day that are on no other statement. An entry that
# was taken back on its own day is left out together with its reversal, as in registers.
_LISTED = """
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  LEFT JOIN finance_journalentry AS reversal ON reversal.reverses_id = entry.id
  LEFT JOIN finance_journalentry AS reversed ON reversed.id = entry.reverses_id
  LEFT JOIN finance_linemark AS mark ON mark.line_id = line.id
  LEFT JOIN finance_accountstatement AS statement ON statement.id = mark.statement_id
 WHERE line.account_id = %(account)s AND line.date BETWEEN %(since)s AND %(end)s"""
_FREE = """mark.statement_id IS NULL AND line.date >= %(start)s
        AND NOT (coalesce(reversal.date = entry.date, false) OR coalesce(reversed.date = entry.date, false))"""
_ROWS = f"""
SELECT line.id, entry.uid, line.date, entry.payee, entry.description, line.memo, line.amount,
       coalesce(mark.statement_id = %(statement)s, false),
       CASE WHEN mark.id IS NULL THEN '' WHEN statement.state = 'reconciled' THEN 'reconciled' ELSE 'cleared' END,
       (SELECT string_agg(DISTINCT account.name, ', ')
          FROM finance_journalline AS other JOIN finance_account AS account ON account.id = other.account_id
         WHERE other.entry_id = line.entry_id AND other.id <> line.id)
{_LISTED} AND (line.date, line.id) > (%(date)s::date, %(id)s::bigint)
   AND (mark.statement_id = %(statement)s OR NOT %(linked_only)s AND {_FREE})
 ORDER BY line.date, line.id LIMIT %(limit)s
"""
_CANDIDATES = f"SELECT line.id {_LISTED} AND {_FREE} ORDER BY line.date, line.id LIMIT %(limit)s"


def rows_page(
    *, statement: AccountStatement, sums: Sums, after: str | None = None, limit: int = 100, earlier: bool = False
) -> RowPage:
    """Rows to tick: those of the statement's days, and all that are ticked; of a reconciled one only these.

    `earlier` adds older rows that are on no statement. Rows after the last day are outside: the closing balance is
    that of its end. Raises Invalid for a bad cursor.
    """
    date, line_id = read_place(after) if after else (datetime.date.min, 0)
    limit = max(1, min(limit, MAX_PAGE))
    start = datetime.date.min if earlier else statement.start
    parameters: dict[str, Any] = {
        "statement": statement.pk,
        "account": statement.account_id,
        "start": start,
        "since": max(min(start, sums.first or start), date),
        "end": statement.end,
        "date": date,
        "id": line_id,
        "linked_only": not statement.is_open,
        "limit": limit + 1,
    }
    with reading().cursor() as cursor:
        cursor.execute(_ROWS, parameters)
        rows = [
            StatementRow(
                line_id=line_id, entry_uid=entry_uid, date=date, payee=payee, description=description, memo=memo,
                amount=amount, linked=linked, mark=mark, others=others or "",
            )
            for line_id, entry_uid, date, payee, description, memo, amount, linked, mark, others in cursor.fetchall()
        ]  # fmt: skip
    return RowPage(rows=rows[:limit], next_cursor=rows[limit - 1].cursor if len(rows) > limit else None)


def read_place(cursor: str) -> tuple[datetime.date, int]:
    """Day and line of a cursor. Raises Invalid."""
    try:
        return read_dated_place(cursor)
    except ValueError as error:
        raise Invalid(field="cursor", reason=_("This cursor is not from this list.")) from error


def candidates(*, statement: AccountStatement) -> list[int]:
    """All lines of the statement's days that can be ticked and are not yet, at most MOST_LINES and one more."""
    parameters: dict[str, Any] = {
        "account": statement.account_id, "start": statement.start, "since": statement.start, "end": statement.end,
        "limit": MOST_LINES + 1,
    }  # fmt: skip
    with reading().cursor() as cursor:
        cursor.execute(_CANDIDATES, parameters)
        return [line_id for (line_id,) in cursor.fetchall()]


def marks_of(*, line_ids: Sequence[int]) -> dict[int, Mark]:
    """Line id → cleared or reconciled, for those of the lines that have a mark; one query."""
    found = LineMark.objects.filter(line_id__in=line_ids).values_list("line_id", "statement__state")
    reconciled = AccountStatement.State.RECONCILED
    return {line_id: Mark.RECONCILED if state == reconciled else Mark.CLEARED for line_id, state in found}


_MARKED = (
    "EXISTS (SELECT 1 FROM finance_linemark AS mark"
    " LEFT JOIN finance_accountstatement AS statement ON statement.id = mark.statement_id"
    " WHERE mark.line_id = line.id{} OFFSET 0)"
)
_HAS_MARK = {
    Mark.NONE: "NOT " + _MARKED.format(""),
    Mark.CLEARED: _MARKED.format(" AND statement.state IS DISTINCT FROM 'reconciled'"),
    Mark.RECONCILED: _MARKED.format(" AND statement.state = 'reconciled'"),
}


def marked(*, mark: Mark) -> LineCondition:
    """For registers: lines with this mark. Each line has exactly one, so the sums of all three make the whole."""
    return LineCondition(sql=_HAS_MARK[mark], parameters={})


def suggested_next(*, account: Account) -> tuple[datetime.date, int] | None:
    """First day and opening balance of the account's next statement, after the one that ends last; None without any."""
    last = AccountStatement.objects.filter(account=account).order_by("-end", "-start").first()
    return (next_start(last.end), last.closing) if last else None
